//! What must be true once everything has come to rest.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use monite::Monite;
use monite_bridge::domain::{CustomerId, Seen, Stamp, Stamped, SyncState};
use monite_bridge::store::{Store, User};
use monite_sandbox::{RateLimit, Sandbox};
use serde_json::Value;

use crate::plan::Plan;
use crate::product::{Wanted, monite_says};
use crate::stranger::{granted, linked_roles, template};

/// Every promise that does not hold, in words.
pub async fn check(
    store: &dyn Store, sandbox: &Sandbox, wanted: &[Wanted], tokens: &[(String, String, Value)], plan: &Plan,
    monite: &Monite,
) -> Vec<String> {
    let mut found = Findings { store, sandbox, broken: Vec::new(), linked: BTreeMap::new() };
    for customer in wanted {
        found.customer(customer).await;
    }
    found.nothing_extra();
    found.budget(plan);
    // What is asked from here on is nobody's call.
    sandbox.set_rate_limit(RateLimit::Off, sandbox.rate_limit().1);
    for customer in wanted {
        found.stamp(customer, monite).await;
    }
    // Where Monite itself lets such tokens live, a bridge that died could not revoke those of its own memory.
    let tokens_live =
        |(name, _): &(String, String)| name == "deleted_user_token" || name == "inactive_entity_user_token";
    if !plan.quirks.iter().any(tokens_live) {
        found.tokens(wanted, tokens).await;
    }
    found.broken
}

struct Findings<'a> {
    store: &'a dyn Store,
    sandbox: &'a Sandbox,
    broken: Vec<String>,
    /// Entities that customers are linked to.
    linked: BTreeMap<String, String>,
}

impl Findings<'_> {
    async fn customer(&mut self, wanted: &Wanted) {
        let id = CustomerId::parse(&wanted.id).expect("ids of a run are plain");
        let stored = self.store.customer(&id).await.expect("nothing is wrong with the database of a run");
        let (Some(document), Some(stored)) = (&wanted.document, &stored) else {
            if wanted.document.is_some() != stored.is_some() {
                self.breaks(format!("{id}: accepted {:?}, stored {stored:?}", wanted.document));
            }
            return;
        };
        let state = if wanted.is_present { SyncState::InSync } else { SyncState::Deactivated };
        if stored.sync.state != state {
            self.breaks(format!("{id} is {} and not {state}: {:?}", stored.sync.state, stored.sync.last_error));
        }
        let entity_id = match &stored.entity {
            Seen::Present(link) => link.id.to_string(),
            Seen::Absent if !wanted.is_present => return,
            other => return self.breaks(format!("{id} is linked to no entity: {other:?}")),
        };
        if let Some(other) = self.linked.insert(entity_id.clone(), wanted.id.clone()) {
            self.breaks(format!("{id} and {other} are linked to the same entity"));
        }
        let Some(entity) = self.sandbox.entities().into_iter().find(|entity| entity["id"] == *entity_id) else {
            return self.breaks(format!("{id} is linked to {entity_id}, which is not there"));
        };
        if entity["status"] != if wanted.is_present { "active" } else { "inactive" } {
            self.breaks(format!("the entity of {id} is {}", entity["status"]));
        }
        if wanted.is_present {
            self.same(&format!("the entity of {id}"), document, &entity);
            if document.get("phone").is_none() && entity["phone"].as_str().is_some_and(|phone| !phone.is_empty()) {
                self.breaks(format!("the entity of {id} has the phone {} and should have none", entity["phone"]));
            }
        }
        let users = self.store.users(&id, None, 100).await.expect("nothing is wrong with the database of a run");
        self.users(wanted, &entity_id, &users);
        self.roles(wanted, &id, &entity_id).await;
    }

    fn users(&mut self, wanted: &Wanted, entity: &str, stored: &[User]) {
        let there = self.sandbox.entity_users(entity);
        let active: Vec<&Value> = there.iter().filter(|user| user["status"] == "active").collect();
        let roles = self.sandbox.roles(entity);
        let linked: BTreeMap<String, String> = stored
            .iter()
            .filter_map(|user| Some((user.entity_user.present()?.id.to_string(), user.id.to_string())))
            .collect();
        for user in &active {
            // The users of a customer that is gone rest with it, also those of whom only the login is known.
            let rests = stored.iter().any(|one| match &one.entity_user {
                Seen::Unknown(attempt) => !wanted.is_present && user["login"] == *attempt.sent.login,
                Seen::Absent | Seen::Present(_) => false,
            });
            if rests {
                continue;
            }
            if !linked.contains_key(user["id"].as_str().unwrap_or_default()) {
                self.breaks(format!("{}: the entity user {} is nobody's", wanted.id, user["login"]));
            }
        }
        let known: BTreeSet<&str> = stored.iter().map(|user| user.id.as_str()).collect();
        let expected: BTreeSet<&str> = wanted.users.keys().map(String::as_str).collect();
        if known != expected {
            self.breaks(format!("{}: users {known:?} are stored and {expected:?} were accepted", wanted.id));
        }
        if !wanted.is_present {
            return;
        }
        for user in stored {
            let name = format!("{}/{}", wanted.id, user.id);
            let Some(document) = wanted.users.get(user.id.as_str()) else { continue };
            if user.sync.state != SyncState::InSync {
                self.breaks(format!("{name} is {}: {:?}", user.sync.state, user.sync.last_error));
            }
            let Some(link) = user.entity_user.present() else {
                self.breaks(format!("{name} is linked to no entity user"));
                continue;
            };
            let Some(at_monite) = active.iter().find(|one| one["id"] == link.id.to_string()) else {
                self.breaks(format!("{name} is linked to {}, which is not there", link.id));
                continue;
            };
            let mut document = document.clone();
            let role = document.as_object_mut().and_then(|fields| fields.remove("role")).unwrap_or_default();
            self.same(&name, &document, at_monite);
            let has = roles.iter().find(|role| role["id"] == at_monite["role_id"]).map(|role| &role["name"]);
            if has != Some(&role) {
                self.breaks(format!("{name} has the role {has:?} and should have {role}"));
            }
        }
    }

    /// The stamp in the customer's entity names exactly the links that are stored.
    async fn stamp(&mut self, wanted: &Wanted, monite: &Monite) {
        let fine = "nothing is wrong with the database of a run";
        let id = CustomerId::parse(&wanted.id).expect("ids of a run are plain");
        let Some(stored) = self.store.customer(&id).await.expect(fine) else { return };
        let Some(link) = stored.entity.present() else { return };
        let users = self.store.users(&id, None, 100).await.expect(fine);
        let links = users.iter().filter_map(|user| Some((user.id.clone(), user.entity_user.present()?.id)));
        let stamp = Stamp::new(self.store.bridge().await.expect(fine), id.clone(), links);
        match monite.entity(link.id).metadata().get().await {
            Ok(there) if Stamped::read(&there) == Stamped::By(stamp.clone()) => {}
            Ok(there) => {
                self.breaks(format!("the stamp of {id} is {:?} and should be {stamp:?}", Stamped::read(&there)))
            }
            Err(error) => self.breaks(format!("the stamp of {id} cannot be read: {error}")),
        }
    }

    async fn roles(&mut self, wanted: &Wanted, customer: &CustomerId, entity: &str) {
        let names: Vec<String> = self.sandbox.roles(entity).iter().map(|role| role["name"].to_string()).collect();
        if names.iter().collect::<BTreeSet<_>>().len() != names.len() {
            self.breaks(format!("{} has roles twice: {names:?}", wanted.id));
        }
        let linked = linked_roles(self.store, customer).await;
        let ours = |role: &&Value| wanted.is_present && role["id"].as_str().is_some_and(|id| linked.contains(id));
        for role in self.sandbox.roles(entity).iter().filter(ours) {
            if template(role).is_some_and(|template| !template.grants_same_as(&granted(role))) {
                self.breaks(format!(
                    "the role {} of {} grants something else than its template",
                    role["name"], wanted.id
                ));
            }
        }
    }

    fn nothing_extra(&mut self) {
        for entity in self.sandbox.entities() {
            let id = entity["id"].as_str().unwrap_or_default();
            if !self.linked.contains_key(id) {
                self.breaks(format!("the entity {id} ({}) is nobody's", entity["email"]));
            }
        }
    }

    /// Monite's own count, where it counts; and, however it counts, what arrived in any second, to the microsecond.
    fn budget(&mut self, plan: &Plan) {
        if plan.counts.is_none() {
            return;
        }
        let calls = self.sandbox.journal();
        let over = calls.iter().filter(|call| call.status == Some(429) && call.fault.is_none()).count();
        if over > 0 {
            self.breaks(format!("{over} calls were above Monite's limit"));
        }
        let rate = plan.rate as usize;
        let second = SignedDuration::from_secs(1);
        let bunched = calls.windows(rate + 1).find(|calls| calls[rate].at.duration_since(calls[0].at) < second);
        if let Some(bunched) = bunched {
            let from = bunched[0].at;
            self.breaks(format!("more than {rate} calls arrived within the second from {from}"));
        }
    }

    async fn tokens(&mut self, wanted: &[Wanted], tokens: &[(String, String, Value)]) {
        for (customer, user, token) in tokens {
            let is_there = |one: &&Wanted| one.id == *customer && one.is_present && one.users.contains_key(user);
            if wanted.iter().any(|one| is_there(&one)) {
                continue;
            }
            let me = monite_says(self.sandbox, token).await;
            if me["id"].is_string() {
                self.breaks(format!("{customer}/{user} is gone and its token still works"));
            }
        }
    }

    fn same(&mut self, name: &str, wanted: &Value, there: &Value) {
        let Value::Object(fields) = wanted else {
            if wanted != there {
                self.breaks(format!("{name} is {there} and should be {wanted}"));
            }
            return;
        };
        for (field, value) in fields {
            self.same(&format!("{name}: {field}"), value, &there[field]);
        }
    }

    fn breaks(&mut self, text: String) {
        self.broken.push(text);
    }
}
