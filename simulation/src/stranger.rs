//! Somebody else with the partner's credentials, who changes at Monite what the bridges have made: a field of an entity or a user, what a
//! role grants, whether an entity is on; or deletes a user. Only what is linked, and nothing that it is known by: who meddles with
//! a thing before its create was seen answered makes another thing of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use monite::{
    EntityId, EntityUserId, Error, Field, Monite, Permissions, RetryPolicy, Role, RolePatch, Transport, TransportError,
    TransportKind,
};
use monite_bridge::domain::CustomerId;
use monite_bridge::domain::role::{RoleName, RoleTemplates};
use monite_bridge::store::Store;
use monite_sandbox::{Cut, Sandbox};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::bridge::Site;
use crate::chance::Chance;
use crate::clock::BridgeClock;
use crate::turnstile::{Kind, Who};

/// See the module.
#[derive(Debug, Clone)]
pub struct Stranger {
    site: Site,
    sandbox: Arc<Sandbox>,
    monite: Monite,
    chance: Chance,
}

impl Stranger {
    /// One who is as near to Monite as can be: its calls neither wait nor get lost.
    #[must_use]
    pub fn new(site: Site, sandbox: Arc<Sandbox>, chance: Chance) -> Self {
        let clock = BridgeClock { turnstile: site.turnstile.clone(), who: Who::World };
        let monite = Monite::builder()
            .base_url(&site.base_url)
            .credentials(site.credentials.clone())
            .clock(Arc::new(clock))
            .transport(Arc::new(Direct(sandbox.router())))
            .retry(RetryPolicy::never())
            .unlimited()
            .jitter_seed(1);
        let monite = monite.build().expect("credentials and address are given");
        Self { site, sandbox, monite, chance }
    }

    /// The way straight to Monite.
    #[must_use]
    pub fn monite(&self) -> &Monite {
        &self.monite
    }

    /// Meddles so many times, now and then.
    pub async fn live(self, deeds: usize) {
        for _ in 0..deeds {
            let wait = self.chance.between(Duration::ZERO, Duration::from_secs(60));
            let what = "somebody else meddles".to_owned();
            let turn = self.site.turnstile.enter_after(wait, Who::World, Kind::Act, what).await;
            let did = self.meddle().await;
            turn.done(&did);
        }
    }

    /// Changes something; what, in words.
    pub async fn meddle(&self) -> String {
        let ids = self.sandbox.entities().into_iter().filter_map(|entity| entity["id"].as_str()?.parse().ok());
        let ids: Vec<EntityId> = ids.collect();
        let linked = self.site.store.owners(&ids).await.expect("nothing is wrong with the database of a run");
        let Some((entity, customer)) = linked.into_iter().nth(self.chance.below(ids.len())) else {
            return "and finds nothing".to_owned();
        };
        let (did, how) = match self.chance.weighted(&[3, 1, 3, 3, 3]) {
            0 => self.changes_entity(entity).await,
            1 => self.switches(entity).await,
            2 => self.deletes_user(entity, &customer).await,
            3 => self.changes_user(entity, &customer).await,
            _ => self.changes_role(entity, &customer).await,
        };
        let how = how.err().map(|error| format!(", in vain: {error}")).unwrap_or_default();
        format!("with {customer}: {did}{how}")
    }

    async fn changes_entity(&self, entity: EntityId) -> (String, Result<(), Error>) {
        let patch = match self.chance.below(2) {
            0 => json!({"address": {"city": self.chance.one_of(&["Berlin", "Bonn", "Ulm"])}}),
            _ => json!({"phone": "+49 30 9"}),
        };
        let text = format!("entity {patch}");
        let patch = serde_json::from_value(patch).expect("these fields can be changed");
        (text, self.monite.entity(entity).update(&patch).await.map(drop))
    }

    async fn switches(&self, entity: EntityId) -> (String, Result<(), Error>) {
        let handle = self.monite.entity(entity);
        match handle.get().await {
            Ok(there) if there.status == monite::EntityStatus::Active => {
                ("entity off".to_owned(), handle.deactivate().await.map(drop))
            }
            Ok(_) => ("entity on".to_owned(), handle.activate().await.map(drop)),
            Err(error) => ("looks at the entity".to_owned(), Err(error)),
        }
    }

    async fn deletes_user(&self, entity: EntityId, customer: &CustomerId) -> (String, Result<(), Error>) {
        let Some((id, user)) = self.somebody(entity, customer).await else { return ("no user".to_owned(), Ok(())) };
        (format!("deletes {user}"), self.monite.entity(entity).users().delete(id).await)
    }

    async fn changes_user(&self, entity: EntityId, customer: &CustomerId) -> (String, Result<(), Error>) {
        let Some((id, user)) = self.somebody(entity, customer).await else { return ("no user".to_owned(), Ok(())) };
        let mut patch = json!({"first_name": "Eve"});
        let roles = self.sandbox.roles(&entity.to_string());
        if self.chance.hits(0.4) && !roles.is_empty() {
            patch = json!({"role_id": roles[self.chance.below(roles.len())]["id"]});
        }
        let text = format!("{user} {patch}");
        let patch = serde_json::from_value(patch).expect("these fields can be changed");
        (text, self.monite.entity(entity).users().update(id, &patch).await.map(drop))
    }

    async fn changes_role(&self, entity: EntityId, customer: &CustomerId) -> (String, Result<(), Error>) {
        let linked = linked_roles(self.site.store.as_ref(), customer).await;
        let there = self.sandbox.roles(&entity.to_string()).into_iter();
        let ours: Vec<Value> = there.filter(|role| role["id"].as_str().is_some_and(|id| linked.contains(id))).collect();
        let Some(role) = ours.get(self.chance.below(ours.len())) else { return ("no role".to_owned(), Ok(())) };
        let (name, id) = (role["name"].to_string(), role["id"].as_str().and_then(|id| id.parse().ok()));
        let id = id.expect("roles have ids");
        let patch = RolePatch { permissions: Field::Set(Permissions::new()), ..RolePatch::default() };
        (format!("takes everything from {name}"), self.monite.entity(entity).roles().update(id, &patch).await.map(drop))
    }

    /// A linked user who is there.
    async fn somebody(&self, entity: EntityId, customer: &CustomerId) -> Option<(EntityUserId, String)> {
        let there = self.sandbox.entity_users(&entity.to_string()).into_iter();
        let there: Vec<EntityUserId> = there.filter_map(|user| user["id"].as_str()?.parse().ok()).collect();
        let owners = self.site.store.user_owners(customer, &there).await;
        let owners = owners.expect("nothing is wrong with the database of a run");
        let nth = self.chance.below(owners.len());
        owners.into_iter().nth(nth).map(|(id, user)| (id, user.to_string()))
    }
}

/// The roles that a customer is linked to. One that Monite makes by itself has the name of a template and is nobody's until somebody has
/// that role.
pub async fn linked_roles(store: &dyn Store, customer: &CustomerId) -> BTreeSet<String> {
    let read = store.peek(customer, 0).await.expect("nothing is wrong with the database of a run");
    let roles = read.into_iter().flat_map(|read| read.roles.into_values());
    roles.filter_map(|role| Some(role.present()?.id.to_string())).collect()
}

/// What a role that has a template's name must grant.
#[must_use]
pub fn template(role: &Value) -> Option<Permissions> {
    let name = RoleName::parse(role["name"].as_str()?).ok()?;
    RoleTemplates::presets().get(&name).map(|template| template.permissions.clone())
}

/// What a role grants.
#[must_use]
pub fn granted(role: &Value) -> Permissions {
    serde_json::from_value::<Role>(role.clone()).expect("the sandbox renders roles as Monite does").permissions
}

/// Straight to Monite.
#[derive(Debug)]
struct Direct(Router);

#[async_trait]
impl Transport for Direct {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let response = match self.0.clone().oneshot(request.map(Body::from)).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let cut = || TransportError {
            kind: TransportKind::Cut,
            source: Arc::new(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)),
        };
        if response.extensions().get::<Cut>().is_some() {
            return Err(cut());
        }
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.map_err(|_| cut())?;
        Ok(http::Response::from_parts(head, body))
    }
}
