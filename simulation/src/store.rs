//! The store as one bridge sees it: each call waits for its turn, and after a write there is a moment in which it is durable
//! and nobody knows.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use monite::{EntityId, EntityUserId, NewEntity};
use monite_bridge::api_key::{ApiKey, ApiKeyId};
use monite_bridge::audit::{AuditEntry, AuditRecord};
use monite_bridge::budget::ledger::{Beat, Heard, Ledger, ReplicaId};
use monite_bridge::domain::document::{CustomerDocument, ImportRecord, UserDocument};
use monite_bridge::domain::role::RoleTemplates;
use monite_bridge::domain::{BridgeId, CustomerId, ObjectId, UserId};
use monite_bridge::store::{
    Adopted, Adoption, ApiKeyStore, AuditStore, Change, Customer, CustomerFilter, Erasure, ErasureStore, Failing,
    Fenced, Imported, Lease, Links, Precondition, RetryScope, Rewritten, RoleProgress, SealedName, SealedRow,
    SealedStore, SharedToken, Sighting, Stats, Store, StoreError, TokenEnds, TokenSubject, Unsettled, User, Visit,
    WorkerId, Written,
};

use crate::turnstile::{Kind, Turnstile, Who};
use crate::watch::{Duty, Watch};

/// See the module.
#[derive(Debug)]
pub struct SteppedStore {
    /// What does the work; shared by all bridges of a run.
    pub inner: Arc<dyn Store>,
    /// Where turns are given.
    pub turnstile: Turnstile,
    /// Whose view it is.
    pub who: Who,
    /// Told of heartbeats.
    pub watch: Watch,
}

impl SteppedStore {
    async fn read<T>(
        &self, kind: Kind, what: String, work: impl Future<Output = Result<T, StoreError>>, tell: impl Fn(&T) -> String,
    ) -> Result<T, StoreError> {
        let turn = self.turnstile.enter(self.who, kind, what.as_str()).await;
        let answer = work.await;
        if let Err(error) = &answer {
            self.watch.store_failed(self.who, &what, error, self.turnstile.now());
        }
        turn.done(&told(&answer, tell));
        answer
    }

    async fn write<T>(
        &self, kind: Kind, what: String, work: impl Future<Output = Result<T, StoreError>>, tell: impl Fn(&T) -> String,
    ) -> Result<T, StoreError> {
        let over = format!("{what}: is durable");
        let answer = self.read(kind, what, work, tell).await;
        self.turnstile.enter(self.who, kind, over).await.done("");
        answer
    }
}

fn told<T>(answer: &Result<T, StoreError>, tell: impl Fn(&T) -> String) -> String {
    match answer {
        Ok(answer) => tell(answer),
        Err(error) => format!("{error}: {error:?}"),
    }
}

fn fence(lease: &Lease) -> String {
    format!("{} under fence {}", lease.customer, lease.fence)
}

fn leases(leases: &[Lease]) -> String {
    leases.iter().map(fence).collect::<Vec<_>>().join(", ")
}

fn written<T>(written: &Written<T>) -> String {
    match written {
        Written::Created(_) => "created".to_owned(),
        Written::Changed(_) => "changed".to_owned(),
        Written::Unchanged(_) => "unchanged".to_owned(),
        Written::Failed(there) => format!("failed: {there:?}"),
        Written::Refused(errors) => format!("refused: {errors:?}"),
        Written::NoSuchCustomer => "no such customer".to_owned(),
        Written::BeingErased => "being erased".to_owned(),
    }
}

fn shown(changes: &[Change]) -> String {
    let names = changes.iter().map(|change| match change {
        Change::Entity(seen) => format!("entity {}", seen_as(seen)),
        Change::RolesListed => "roles listed".to_owned(),
        Change::Role(name, seen) => format!("role {name} {}", seen_as(seen)),
        Change::User(user, seen) => format!("user {user} {}", seen_as(seen)),
        Change::CustomerDone(progress) => format!("customer {}", progress.state),
        Change::UserDone(user, progress) => format!("user {user} {}", progress.state),
        Change::UserGone(user, _) => format!("user {user} gone"),
        Change::Looked(user, _) => format!("looked at {user:?}"),
        Change::Calls(..) => String::new(),
        Change::StampUnsure(until) => until.map_or(String::new(), |until| format!("stamp unsure until {until}")),
        Change::Stamped { links } => format!("stamped {links}"),
        Change::StampFailed { due_at, .. } => format!("not stamped, again at {due_at}"),
    });
    names.filter(|name| !name.is_empty()).collect::<Vec<_>>().join(", ")
}

fn seen_as<T, A>(seen: &monite_bridge::domain::Seen<T, A>) -> String {
    use monite_bridge::domain::Seen;
    match seen {
        Seen::Absent => "absent".to_owned(),
        Seen::Unknown(attempt) => format!("unknown since {} until {}", attempt.at, attempt.lands_by),
        Seen::Present(_) => "present".to_owned(),
    }
}

fn debug<T: Debug>(answer: &T) -> String {
    format!("{answer:?}")
}

fn nothing<T>(_: &T) -> String {
    String::new()
}

#[async_trait]
impl Store for SteppedStore {
    async fn put_customer(
        &self, id: &CustomerId, document: &CustomerDocument, when: Precondition, now: Timestamp,
    ) -> Result<Written<Customer>, StoreError> {
        self.write(Kind::Act, format!("put {id}"), self.inner.put_customer(id, document, when, now), written).await
    }

    async fn put_user(
        &self, customer: &CustomerId, id: &UserId, document: &UserDocument, when: Precondition, now: Timestamp,
    ) -> Result<Written<User>, StoreError> {
        let work = self.inner.put_user(customer, id, document, when, now);
        self.write(Kind::Act, format!("put {customer}/{id}"), work, written).await
    }

    async fn delete_customer(
        &self, id: &CustomerId, when: Precondition, now: Timestamp,
    ) -> Result<Option<Written<Customer>>, StoreError> {
        let work = self.inner.delete_customer(id, when, now);
        self.write(Kind::Act, format!("delete {id}"), work, |answer| answer.as_ref().map_or("none".to_owned(), written))
            .await
    }

    async fn delete_user(
        &self, customer: &CustomerId, id: &UserId, when: Precondition, keep: bool, now: Timestamp,
    ) -> Result<Option<Written<User>>, StoreError> {
        let work = self.inner.delete_user(customer, id, when, keep, now);
        self.write(Kind::Act, format!("delete {customer}/{id}"), work, |answer| {
            answer.as_ref().map_or("none".to_owned(), written)
        })
        .await
    }

    async fn import(&self, records: &[ImportRecord], now: Timestamp) -> Result<Vec<Imported>, StoreError> {
        let ids: Vec<&str> = records.iter().map(|record| record.id.as_str()).collect();
        self.write(Kind::Act, format!("import {}", ids.join(", ")), self.inner.import(records, now), debug).await
    }

    async fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, StoreError> {
        self.read(Kind::Read, format!("read {id}"), self.inner.customer(id), nothing).await
    }

    async fn user(&self, customer: &CustomerId, id: &UserId) -> Result<Option<User>, StoreError> {
        self.read(Kind::Read, format!("read {customer}/{id}"), self.inner.user(customer, id), nothing).await
    }

    async fn customers(&self, filter: &CustomerFilter) -> Result<Vec<Customer>, StoreError> {
        self.read(Kind::Read, "list customers".to_owned(), self.inner.customers(filter), nothing).await
    }

    async fn users(&self, customer: &CustomerId, after: Option<&UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        let work = self.inner.users(customer, after, limit);
        self.read(Kind::Read, format!("list users of {customer}"), work, nothing).await
    }

    async fn retry(&self, scope: &RetryScope, now: Timestamp) -> Result<u64, StoreError> {
        self.write(Kind::Act, format!("retry {scope:?}"), self.inner.retry(scope, now), debug).await
    }

    async fn stats(&self) -> Result<Stats, StoreError> {
        self.read(Kind::Read, "stats".to_owned(), self.inner.stats(), nothing).await
    }

    async fn failing(&self, after: Option<&ObjectId>, limit: u32) -> Result<Vec<Failing>, StoreError> {
        self.read(Kind::Read, "failing".to_owned(), self.inner.failing(after, limit), nothing).await
    }

    async fn role_progress(&self, templates: &RoleTemplates) -> Result<Vec<RoleProgress>, StoreError> {
        self.read(Kind::Read, "role progress".to_owned(), self.inner.role_progress(templates), nothing).await
    }

    async fn claim_due(
        &self, worker: &WorkerId, now: Timestamp, lease: Duration, limit: u32, only: Option<&CustomerId>,
    ) -> Result<Vec<Lease>, StoreError> {
        let work = self.inner.claim_due(worker, now, lease, limit, only);
        self.write(Kind::Idle, "claim".to_owned(), work, |taken| leases(taken)).await
    }

    async fn claim_stamps(
        &self, worker: &WorkerId, now: Timestamp, lease: Duration, limit: u32, only: Option<&CustomerId>,
    ) -> Result<Vec<Lease>, StoreError> {
        let work = self.inner.claim_stamps(worker, now, lease, limit, only);
        self.write(Kind::Idle, "claim stamps".to_owned(), work, |taken| leases(taken)).await
    }

    async fn links(&self, lease: &Lease) -> Result<Option<Links>, StoreError> {
        let work = self.inner.links(lease);
        self.read(Kind::Read, format!("links {}", fence(lease)), work, |links| {
            links.as_ref().map_or("lost".to_owned(), |links| format!("of count {}", links.count))
        })
        .await
    }

    async fn open(&self, lease: &Lease, now: Timestamp, users: u32) -> Result<Option<Visit>, StoreError> {
        let work = self.inner.open(lease, now, users);
        self.read(Kind::Read, format!("open {}", fence(lease)), work, |visit| {
            visit.as_ref().map_or("lost".to_owned(), |visit| {
                let users: Vec<&str> = visit.users.iter().map(|user| user.id.as_str()).collect();
                format!("due {}, users {}", visit.customer_due, users.join(", "))
            })
        })
        .await
    }

    async fn peek(&self, customer: &CustomerId, users: u32) -> Result<Option<Visit>, StoreError> {
        self.read(Kind::Read, format!("peek {customer}"), self.inner.peek(customer, users), nothing).await
    }

    async fn renew(&self, held: &[Lease], until: Timestamp) -> Result<Vec<Lease>, StoreError> {
        self.write(Kind::Read, "renew".to_owned(), self.inner.renew(held, until), |held| leases(held)).await
    }

    async fn record(&self, lease: &Lease, changes: Vec<Change>) -> Result<Fenced, StoreError> {
        let what = format!("record {}: {}", fence(lease), shown(&changes));
        self.write(Kind::Act, what, self.inner.record(lease, changes), debug).await
    }

    async fn finish(&self, lease: &Lease, changes: Vec<Change>) -> Result<Fenced, StoreError> {
        let what = format!("finish {}: {}", fence(lease), shown(&changes));
        self.write(Kind::Act, what, self.inner.finish(lease, changes), debug).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(Kind::Idle, "next due".to_owned(), self.inner.next_due(), debug).await
    }

    async fn next_stamp(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(Kind::Idle, "next stamp".to_owned(), self.inner.next_stamp(), debug).await
    }

    async fn adopt(&self, adoption: &Adoption, now: Timestamp) -> Result<Adopted, StoreError> {
        self.write(Kind::Act, format!("adopt {}", adoption.customer), self.inner.adopt(adoption, now), debug).await
    }

    async fn unlinked(
        &self, after: Option<&CustomerId>, limit: u32,
    ) -> Result<Vec<(CustomerId, NewEntity)>, StoreError> {
        self.read(Kind::Read, "unlinked".to_owned(), self.inner.unlinked(after, limit), nothing).await
    }

    async fn has_links(&self) -> Result<bool, StoreError> {
        self.read(Kind::Read, "has links".to_owned(), self.inner.has_links(), debug).await
    }

    async fn take_bridge_name(&self, name: &BridgeId) -> Result<bool, StoreError> {
        self.write(Kind::Act, format!("take the name {name}"), self.inner.take_bridge_name(name), debug).await
    }

    async fn name_bridge(&self, fresh: &BridgeId) -> Result<BridgeId, StoreError> {
        self.write(Kind::Act, format!("name {fresh}"), self.inner.name_bridge(fresh), debug).await
    }

    async fn bridge(&self) -> Result<BridgeId, StoreError> {
        self.read(Kind::Read, "name".to_owned(), self.inner.bridge(), debug).await
    }

    async fn owners(&self, entities: &[EntityId]) -> Result<BTreeMap<EntityId, CustomerId>, StoreError> {
        self.read(Kind::Read, "owners".to_owned(), self.inner.owners(entities), debug).await
    }

    async fn user_owners(
        &self, customer: &CustomerId, users: &[EntityUserId],
    ) -> Result<BTreeMap<EntityUserId, UserId>, StoreError> {
        let work = self.inner.user_owners(customer, users);
        self.read(Kind::Read, format!("owners of users of {customer}"), work, debug).await
    }

    async fn unsettled(&self, email: &str) -> Result<Vec<Unsettled>, StoreError> {
        self.read(Kind::Read, format!("unsettled {email}"), self.inner.unsettled(email), |found| {
            found.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>().join(", ")
        })
        .await
    }

    async fn adopt_templates(&self, fingerprint: &str, now: Timestamp) -> Result<bool, StoreError> {
        let work = self.inner.adopt_templates(fingerprint, now);
        self.write(Kind::Act, "adopt templates".to_owned(), work, debug).await
    }

    async fn linked_users(&self, customer: &CustomerId, users: &[EntityUserId]) -> Result<Vec<User>, StoreError> {
        let work = self.inner.linked_users(customer, users);
        self.read(Kind::Read, format!("linked users of {customer}"), work, nothing).await
    }

    async fn note_seen(&self, sighting: Sighting, now: Timestamp) -> Result<bool, StoreError> {
        let what = format!("note {:?}: {}, {:?}", sighting.read.object(), shown(&sighting.changes), sighting.then);
        self.write(Kind::Act, what, self.inner.note_seen(sighting, now), debug).await
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.read(Kind::Idle, format!("setting {name}"), self.inner.setting(name), debug).await
    }

    async fn swap_setting(&self, name: &str, was: Option<&str>, becomes: &str) -> Result<bool, StoreError> {
        let what = format!("set {name} to {becomes}");
        self.write(Kind::Act, what, self.inner.swap_setting(name, was, becomes), debug).await
    }

    async fn token_subject(&self, customer: &CustomerId, user: &UserId) -> Result<TokenSubject, StoreError> {
        let work = self.inner.token_subject(customer, user);
        self.read(Kind::Read, format!("who is {customer}/{user}"), work, debug).await
    }

    async fn token_ends(&self, since: Option<i64>) -> Result<TokenEnds, StoreError> {
        self.read(Kind::Read, "whose tokens ended".to_owned(), self.inner.token_ends(since), nothing).await
    }

    async fn shared_token(&self, name: &str) -> Result<SharedToken, StoreError> {
        self.read(Kind::Read, format!("shared token {name}"), self.inner.shared_token(name), nothing).await
    }

    async fn begin_mint(
        &self, name: &str, seen: i64, discard: bool, now: Timestamp, until: Timestamp,
    ) -> Result<Option<i64>, StoreError> {
        let work = self.inner.begin_mint(name, seen, discard, now, until);
        let tell = |duty: &Option<i64>| {
            if let Some(duty) = *duty {
                self.watch.takes_duty(self.who, Duty { number: duty, until }, discard, self.turnstile.now());
            }
            duty.map_or("not now".to_owned(), |duty| format!("duty {duty}"))
        };
        self.write(Kind::Act, format!("begin mint, discard {discard}"), work, tell).await
    }

    async fn end_mint(&self, name: &str, duty: i64, minted: Option<(Vec<u8>, Timestamp)>) -> Result<bool, StoreError> {
        let expires = minted.as_ref().map(|(_, expires)| *expires);
        let work = self.inner.end_mint(name, duty, minted);
        let tell = |counts: &bool| {
            if *counts {
                self.watch.ends_duty(duty, expires, self.turnstile.now());
            }
            format!("{counts}")
        };
        self.write(Kind::Act, format!("end mint of duty {duty}, a token until {expires:?}"), work, tell).await
    }

    async fn secret(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(Kind::Read, format!("secret {name}"), self.inner.secret(name), nothing).await
    }

    async fn put_secret(&self, name: &str, sealed: &[u8], now: Timestamp) -> Result<(), StoreError> {
        self.write(Kind::Act, format!("put secret {name}"), self.inner.put_secret(name, sealed, now), nothing).await
    }

    async fn beat(&self, beat: &Beat, now: Timestamp) -> Result<Heard, StoreError> {
        let tell = |heard: &Heard| {
            self.watch.heard(self.who, now, heard, self.turnstile.now());
            format!(
                "share {} of {}, {} alive{}",
                heard.share,
                heard.of,
                heard.alive,
                if heard.late.is_some() { ", late" } else { "" }
            )
        };
        self.write(Kind::Beat, "heartbeat".to_owned(), self.inner.beat(beat, now), tell).await
    }

    async fn leave(&self, replica: &ReplicaId) -> Result<(), StoreError> {
        self.write(Kind::Act, "leave".to_owned(), self.inner.leave(replica), nothing).await
    }

    async fn ledger(&self) -> Result<Ledger, StoreError> {
        self.read(Kind::Read, "ledger".to_owned(), self.inner.ledger(), nothing).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.read(Kind::Read, "ping".to_owned(), self.inner.ping(), nothing).await
    }

    fn busy_connections(&self) -> usize {
        self.inner.busy_connections()
    }

    async fn close(&self) {}
}

#[async_trait]
impl ApiKeyStore for SteppedStore {
    async fn api_key(&self, id: &ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        self.read(Kind::Read, format!("api key {id}"), self.inner.api_key(id), nothing).await
    }

    async fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        self.read(Kind::Read, "api keys".to_owned(), self.inner.api_keys(), nothing).await
    }

    async fn put_api_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        self.write(Kind::Act, format!("put api key {}", key.id), self.inner.put_api_key(key), nothing).await
    }

    async fn revoke_api_key(&self, id: &ApiKeyId, now: Timestamp) -> Result<Option<ApiKey>, StoreError> {
        self.write(Kind::Act, format!("revoke api key {id}"), self.inner.revoke_api_key(id, now), nothing).await
    }

    async fn used_api_key(&self, id: &ApiKeyId, at: Timestamp) -> Result<(), StoreError> {
        self.write(Kind::Act, format!("api key {id} is used"), self.inner.used_api_key(id, at), nothing).await
    }
}

#[async_trait]
impl AuditStore for SteppedStore {
    async fn append_audit(&self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        self.write(Kind::Act, "append to the audit log".to_owned(), self.inner.append_audit(entries), nothing).await
    }

    async fn audit(
        &self, after: i64, since: Option<Timestamp>, customer: Option<&str>, limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        self.read(Kind::Read, "audit log".to_owned(), self.inner.audit(after, since, customer, limit), nothing).await
    }
}

#[async_trait]
impl SealedStore for SteppedStore {
    async fn sealed(&self, after: Option<&SealedName>, limit: u32) -> Result<Vec<SealedRow>, StoreError> {
        self.read(Kind::Read, "sealed rows".to_owned(), self.inner.sealed(after, limit), nothing).await
    }

    async fn reseal(&self, name: &SealedName, from: &[u8], to: &[u8]) -> Result<bool, StoreError> {
        self.write(Kind::Act, format!("seal {} anew", name.name), self.inner.reseal(name, from, to), debug).await
    }

    async fn drop_shared_token(&self, name: &str, sealed: &[u8]) -> Result<bool, StoreError> {
        let work = self.inner.drop_shared_token(name, sealed);
        self.write(Kind::Act, format!("drop the shared token {name}"), work, debug).await
    }
}

#[async_trait]
impl ErasureStore for SteppedStore {
    async fn begin_erasure(&self, customer: &CustomerId, now: Timestamp) -> Result<Option<Erasure>, StoreError> {
        self.write(Kind::Act, format!("erase {customer}"), self.inner.begin_erasure(customer, now), debug).await
    }

    async fn erasure(&self, customer: &CustomerId) -> Result<Option<Erasure>, StoreError> {
        self.read(Kind::Read, format!("erasure of {customer}"), self.inner.erasure(customer), debug).await
    }

    async fn claim_erasure(
        &self, worker: &WorkerId, customer: &CustomerId, now: Timestamp, lease: Duration,
    ) -> Result<Option<Lease>, StoreError> {
        let work = self.inner.claim_erasure(worker, customer, now, lease);
        self.write(Kind::Act, format!("claim {customer} to erase it"), work, debug).await
    }

    async fn purge(&self, lease: &Lease, entity: Option<EntityId>, now: Timestamp) -> Result<Fenced, StoreError> {
        let work = self.inner.purge(lease, entity, now);
        self.write(Kind::Act, format!("purge {}", lease.customer), work, debug).await
    }

    async fn rewrite(&self) -> Result<Rewritten, StoreError> {
        self.write(Kind::Act, "write the file anew".to_owned(), self.inner.rewrite(), debug).await
    }

    async fn finish_erasure(&self, customer: &CustomerId, now: Timestamp) -> Result<(), StoreError> {
        let work = self.inner.finish_erasure(customer, now);
        self.write(Kind::Act, format!("{customer} is erased"), work, nothing).await
    }
}
