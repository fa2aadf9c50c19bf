//! What must be at Monite in the end, and what is: every difference in words. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::documents::login_start;
use crate::ledger::{Wish, World};

/// A customer in the end, by the bridge's own words.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) id: String,
    /// What the product wants.
    pub(crate) world: World,
    /// The entity it is tied to.
    pub(crate) entity: Option<String>,
    /// The entity users its users are tied to.
    pub(crate) users: BTreeMap<String, Option<String>>,
}

/// What of an entity the product decides.
const OF_ENTITY: [&str; 7] = ["type", "email", "address", "organization", "phone", "website", "tax_id"];

/// What of an entity user the product decides and Monite shows.
const OF_USER: [&str; 5] = ["login", "first_name", "last_name", "email", "phone"];

/// Everything that is not as it must be, given Monite's `state`.
pub(crate) fn differences(customers: &[Settled], state: &Value) -> Vec<String> {
    let mut found = Found { state, differences: Vec::new() };
    found.every_entity_is_tied_once(customers);
    for customer in customers {
        found.customer(customer);
    }
    found.roles_of_a_name_are_equal();
    found.differences
}

struct Found<'a> {
    state: &'a Value,
    differences: Vec<String>,
}

impl<'a> Found<'a> {
    fn say(&mut self, what: String) {
        self.differences.push(what);
    }

    fn living(&self, kind: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
        let all = self.state[kind].as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter().filter(|one| one["status"] != "deleted")
    }

    fn inside(&self, kind: &str, entity: &str) -> Vec<&'a Value> {
        self.living(kind).filter(|one| one["entity_id"] == entity).collect()
    }

    fn every_entity_is_tied_once(&mut self, customers: &[Settled]) {
        let mut owners: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for customer in customers {
            if let Some(entity) = &customer.entity {
                owners.entry(entity).or_default().push(&customer.id);
            }
        }
        for (entity, owners) in owners.iter().filter(|(_, owners)| owners.len() > 1) {
            self.say(format!("the entity {entity} is tied to {}", owners.join(" and ")));
        }
        for entity in self.living("entities") {
            let id = entity["id"].as_str().unwrap_or_default();
            if !owners.contains_key(id) {
                self.say(format!("the entity {id} of {} is tied to no customer", entity["email"]));
            }
        }
    }

    fn customer(&mut self, customer: &Settled) {
        let (name, world) = (&customer.id, &customer.world);
        let Some(id) = &customer.entity else {
            if world.wish == Wish::Present {
                self.say(format!("{name} is tied to no entity"));
            }
            return;
        };
        let Some(entity) = self.living("entities").find(|entity| entity["id"] == **id) else {
            return self.say(format!("{name} is tied to {id}, which is not at Monite"));
        };
        let status = if world.wish == Wish::Present { "active" } else { "inactive" };
        if entity["status"] != status {
            self.say(format!("{name} should be {status}: {entity}"));
        }
        if world.wish == Wish::Present {
            self.fields(name, &OF_ENTITY, &world.document, entity);
        }
        self.roles(name, id);
        self.users(customer, id);
    }

    /// What the product left out must not be there either.
    fn fields(&mut self, name: &str, fields: &[&str], wanted: &Value, there: &Value) {
        for field in fields {
            let (wanted, there) = (&wanted[*field], &there[*field]);
            let equal = match wanted {
                Value::Object(inner) => inner.iter().all(|(key, value)| there[key] == *value),
                wanted => wanted == there,
            };
            if !equal {
                self.say(format!("{name}: {field} should be {wanted}, and is {there}"));
            }
        }
    }

    fn roles(&mut self, name: &str, entity: &str) {
        let mut names = BTreeSet::new();
        for role in self.inside("roles", entity) {
            if !names.insert(role["name"].to_string()) {
                self.say(format!("{name} has the role {} twice", role["name"]));
            }
        }
    }

    fn users(&mut self, customer: &Settled, entity: &str) {
        let name = &customer.id;
        let there = self.inside("entity_users", entity);
        let logins: BTreeSet<String> = there.iter().map(|user| user["login"].to_string()).collect();
        if logins.len() < there.len() {
            self.say(format!("{name} has a login twice: {logins:?}"));
        }
        for (user, document) in &customer.world.users {
            let tied = customer.users.get(user).cloned().flatten();
            let at_monite = tied.as_ref().and_then(|id| there.iter().find(|one| one["id"] == **id));
            match (customer.world.wish, &tied, at_monite) {
                (Wish::Present, None, _) => self.say(format!("{name}/{user} is tied to no entity user")),
                (Wish::Present, Some(id), None) => {
                    self.say(format!("{name}/{user} is tied to {id}, which is not at Monite"));
                }
                (Wish::Present, Some(_), Some(one)) => self.user(&format!("{name}/{user}"), document, one),
                // The users of a customer that is switched off stay as they are. One that was deleted and written again may be tied
                // to what is gone: that is found out when the customer comes back.
                _ => {}
            }
        }
        for one in there {
            let id = one["id"].as_str();
            let is_tied = customer.users.values().any(|tied| tied.is_some() && tied.as_deref() == id);
            if !is_tied && !may_rest(customer, one) {
                self.say(format!("{name}: the entity user {} is tied to nobody: {one}", one["login"]));
            }
        }
    }

    fn user(&mut self, name: &str, document: &Value, there: &Value) {
        self.fields(name, &OF_USER, document, there);
        let role = self.living("roles").find(|role| role["id"] == there["role_id"]);
        if role.is_none_or(|role| role["name"] != document["role"] || role["entity_id"] != there["entity_id"]) {
            self.say(format!("{name}: the role should be {}, and is {role:?}", document["role"]));
        }
    }

    fn roles_of_a_name_are_equal(&mut self) {
        let mut known: BTreeMap<String, &Value> = BTreeMap::new();
        for role in self.living("roles") {
            let permissions = &role["permissions"];
            let first = *known.entry(role["name"].to_string()).or_insert(permissions);
            if first != permissions {
                self.say(format!("two roles {} differ: {first} and {permissions}", role["name"]));
            }
        }
    }
}

/// Whether an entity user that nobody is tied to may be that of a user who rests because the customer is switched off: its create
/// went unanswered, and it is looked for when the customer comes back.
fn may_rest(customer: &Settled, entity_user: &Value) -> bool {
    let untied = customer.world.users.keys().filter(|user| customer.users.get(*user).is_none_or(Option::is_none));
    let login = entity_user["login"].as_str().unwrap_or_default();
    customer.world.wish == Wish::Gone && untied.into_iter().any(|user| login.starts_with(&login_start(user)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// One customer `c` with one user `u`, tied to `e` and `p`, and Monite as it must be.
    fn all_is_well() -> (Vec<Settled>, Value) {
        let document = json!({"email": "a@example.com", "address": {"city": "Bonn"}});
        let user = json!({"login": "u-1", "first_name": "Ana", "role": "admin"});
        let customer = Settled {
            id: "c".to_owned(),
            world: World { wish: Wish::Present, document: document.clone(), users: [("u".to_owned(), user)].into() },
            entity: Some("e".to_owned()),
            users: [("u".to_owned(), Some("p".to_owned()))].into(),
        };
        let state = json!({
            "entities": [{"id": "e", "status": "active", "email": "a@example.com",
                          "address": {"city": "Bonn", "line2": null}, "phone": null}],
            "roles": [{"id": "r", "entity_id": "e", "status": "active", "name": "admin", "permissions": {}}],
            "entity_users": [{"id": "p", "entity_id": "e", "status": "active", "login": "u-1", "first_name": "Ana",
                              "role_id": "r"}],
        });
        (vec![customer], state)
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Vec<Settled>, &mut Value), expected: &[&str]) {
        let (mut customers, mut state) = all_is_well();
        change(&mut customers, &mut state);
        let found = differences(&customers, &state);
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found:?} should say {expected:?}");
        }
    }

    fn copy(state: &mut Value, kind: &str, field: &str, value: Value) {
        let mut another = state[kind][0].clone();
        another[field] = value;
        if let Value::Array(all) = &mut state[kind] {
            all.push(another);
        }
    }

    #[test]
    fn nothing_is_said_when_all_is_well() {
        check(|_, _| {}, &[]);
        check(|_, state| state["entity_users"][0]["phone"] = Value::Null, &[]);
    }

    #[test]
    fn what_is_there_twice_is_said() {
        check(|_, state| copy(state, "entities", "id", json!("e2")), &["the entity e2"]);
        check(|_, state| copy(state, "roles", "id", json!("r2")), &["twice"]);
        check(|_, state| copy(state, "entity_users", "id", json!("p2")), &["a login twice", "tied to nobody"]);
        check(
            |customers, _| customers.push(Settled { id: "d".to_owned(), ..all_is_well().0.remove(0) }),
            &["tied to c and d"],
        );
    }

    #[test]
    fn what_is_lost_is_said() {
        check(|customers, _| customers[0].entity = None, &["the entity e of", "c is tied to no entity"]);
        check(|_, state| state["entities"] = json!([]), &["which is not at Monite"]);
        check(|_, state| state["entity_users"][0]["status"] = json!("deleted"), &["which is not at Monite"]);
        check(|customers, _| customers[0].users.clear(), &["c/u is tied to no entity user", "tied to nobody"]);
    }

    #[test]
    fn what_differs_is_said() {
        check(|_, state| state["entities"][0]["address"]["city"] = json!("Kiel"), &["address should be"]);
        check(|_, state| state["entities"][0]["phone"] = json!("1"), &["phone should be null"]);
        check(|_, state| state["entities"][0]["status"] = json!("inactive"), &["should be active"]);
        check(|_, state| state["entity_users"][0]["first_name"] = json!("Ben"), &["first_name should be"]);
        check(|_, state| state["roles"][0]["name"] = json!("payer"), &["the role should be"]);
    }

    #[test]
    fn a_deleted_customer_is_switched_off_and_its_users_stay() {
        let delete = |customers: &mut Vec<Settled>, state: &mut Value| {
            customers[0].world.wish = Wish::Gone;
            state["entities"][0]["status"] = json!("inactive");
        };
        check(delete, &[]);
        check(|customers, state| (delete(customers, state), customers[0].users.clear()).1, &[]);
        check(|customers, state| (delete(customers, state), customers[0].world.users.clear()).1, &[]);
        check(|customers, _| customers[0].world.wish = Wish::Gone, &["should be inactive"]);
    }
}
