//! The store on SQLite: one file, one writer, many readers.
//!
//! In reading order:
//!
//! - `open`: the file, who may read it, which version of the tables it holds
//! - `writer`: the one task that writes, and commits what is waiting together
//! - `product`, `import`, `upkeep`: the product's writes, one by one, many at once, and the rest
//! - `work`, `visit`, `changes`: customers are claimed and given back, what a visit reads, what it found out
//! - `wake`, `rest`: the rules that say when a customer is to be visited, and which of its users rest
//! - `doubt`: changes that went out and that nobody saw answered
//! - `sight`: what a sweep saw
//! - `stamps`: which links are to be stamped into their entities, and who this database is
//! - `adopt`: links to what exists at Monite already
//! - `saved`, `restore`: the whole state, given out and taken in
//! - `erase`: customers that are being erased, and those that were
//! - `listing`: reads that answer questions
//! - `api_keys`: who may call
//! - `replicas`: the ledger of the rate budget
//! - `desired`, `bulk`, `stored`, `known`, `rows`, `gone`: values to rows and back
//!
//! Every query opens with its name, so that it can be told apart in traces of the database. A limit is written `LIMIT ?1 + 0`: SQLite
//! plans by the value of a bare `LIMIT ?1`, and so prepares the statement anew each time it is run.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use monite::{EntityId, EntityUserId, NewEntity};
use sqlx::SqlitePool;

use super::columns::micros;
use super::{
    Adopted, Adoption, Change, Customer, CustomerFilter, Failing, Fenced, Imported, Lease, Links, Precondition,
    RetryScope, RoleProgress, SharedToken, Sighting, Stats, Store, StoreError, TokenEnds, TokenSubject, Unsettled,
    User, Visit, WorkerId, Written, database,
};
use crate::budget::ledger::{Beat, Heard, Ledger, ReplicaId};
use crate::domain::document::{CustomerDocument, ImportRecord, UserDocument};
use crate::domain::role::RoleTemplates;
use crate::domain::{BridgeId, CustomerId, ObjectId, UserId};

mod adopt;
mod api_keys;
mod audit;
mod bulk;
mod changes;
mod desired;
mod doubt;
mod erase;
mod gone;
mod import;
mod known;
mod listing;
mod open;
mod product;
mod replicas;
mod rest;
mod restore;
mod rows;
mod saved;
mod sealed;
mod shared;
mod sight;
mod stamps;
mod stored;
#[cfg(test)]
mod tests;
mod upkeep;
mod visit;
mod wake;
mod work;
mod writer;

use desired::{DesiredCustomer, DesiredUser};
pub(super) use open::tables;
use work::{Queue, Then};

use super::saved::{Portable, Restore, Restored, Saved, Standing};

/// A store in one SQLite file. Several processes may use the file at the same time; each has one of these.
pub struct SqliteStore {
    writer: writer::Writer,
    readers: SqlitePool,
    url: String,
    /// The file of a store in memory lives as long as the store.
    scratch: Option<tempfile::TempDir>,
}

impl SqliteStore {
    /// Opens (or creates) the database at `sqlite://FILE` or `sqlite:FILE`, and brings its tables to this version.
    /// `sqlite::memory:` is a store that is forgotten with this value.
    ///
    /// # Errors
    /// [`StoreError::Open`] with what to do about it: another kind of URL, a missing directory, a file that is no database or
    /// that a newer version of this program wrote.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let open::Opened { writer, readers, scratch } = open::open(url).await?;
        Ok(Self { writer: writer::Writer::start(writer), readers, url: url.to_owned(), scratch })
    }

    /// Where it is.
    fn file(&self) -> Result<std::path::PathBuf, StoreError> {
        open::file(&self.url, self.scratch.as_ref())
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("url", &self.url).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn put_customer(
        &self, id: &CustomerId, document: &CustomerDocument, when: Precondition, now: Timestamp,
    ) -> Result<Written<Customer>, StoreError> {
        self.writer.write(product::PutCustomer { desired: DesiredCustomer::new(id, document), when, now }).await
    }

    async fn put_user(
        &self, customer: &CustomerId, id: &UserId, document: &UserDocument, when: Precondition, now: Timestamp,
    ) -> Result<Written<User>, StoreError> {
        self.writer.write(product::PutUser { desired: DesiredUser::new(customer, id, document), when, now }).await
    }

    async fn delete_customer(
        &self, id: &CustomerId, when: Precondition, now: Timestamp,
    ) -> Result<Option<Written<Customer>>, StoreError> {
        self.writer.write(product::DeleteCustomer { id: id.clone(), when, now }).await
    }

    async fn delete_user(
        &self, customer: &CustomerId, id: &UserId, when: Precondition, keep: bool, now: Timestamp,
    ) -> Result<Option<Written<User>>, StoreError> {
        self.writer.write(product::DeleteUser { customer: customer.clone(), id: id.clone(), when, keep, now }).await
    }

    async fn import(&self, records: &[ImportRecord], now: Timestamp) -> Result<Vec<Imported>, StoreError> {
        self.writer.write(import::Import::new(records, now)).await
    }

    async fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, StoreError> {
        stored::customer(&self.readers, id).await
    }

    async fn user(&self, customer: &CustomerId, id: &UserId) -> Result<Option<User>, StoreError> {
        stored::user(&self.readers, customer, id).await
    }

    async fn customers(&self, filter: &CustomerFilter) -> Result<Vec<Customer>, StoreError> {
        listing::customers(&self.readers, filter).await
    }

    async fn users(&self, customer: &CustomerId, after: Option<&UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        listing::users(&self.readers, customer, after, limit).await
    }

    async fn retry(&self, scope: &RetryScope, now: Timestamp) -> Result<u64, StoreError> {
        self.writer.write(upkeep::Retry { scope: scope.clone(), now }).await
    }

    async fn stats(&self) -> Result<Stats, StoreError> {
        listing::stats(&self.readers).await
    }

    async fn failing(&self, after: Option<&ObjectId>, limit: u32) -> Result<Vec<Failing>, StoreError> {
        listing::failing(&self.readers, after, limit).await
    }

    async fn role_progress(&self, templates: &RoleTemplates) -> Result<Vec<RoleProgress>, StoreError> {
        listing::role_progress(&self.readers, templates).await
    }

    async fn claim_due(
        &self, worker: &WorkerId, now: Timestamp, lease: Duration, limit: u32, only: Option<&CustomerId>,
    ) -> Result<Vec<Lease>, StoreError> {
        let (worker, only, queue) = (worker.clone(), only.cloned(), Queue::Visits);
        self.writer.write(work::Claim { queue, worker, now, lease, limit, only }).await
    }

    async fn claim_stamps(
        &self, worker: &WorkerId, now: Timestamp, lease: Duration, limit: u32, only: Option<&CustomerId>,
    ) -> Result<Vec<Lease>, StoreError> {
        let (worker, only, queue) = (worker.clone(), only.cloned(), Queue::Stamps);
        self.writer.write(work::Claim { queue, worker, now, lease, limit, only }).await
    }

    async fn links(&self, lease: &Lease) -> Result<Option<Links>, StoreError> {
        stamps::links(&self.readers, lease).await
    }

    async fn open(&self, lease: &Lease, now: Timestamp, users: u32) -> Result<Option<Visit>, StoreError> {
        visit::open(&self.readers, lease, now, users).await
    }

    async fn peek(&self, customer: &CustomerId, users: u32) -> Result<Option<Visit>, StoreError> {
        visit::peek(&self.readers, customer, users).await
    }

    async fn renew(&self, leases: &[Lease], until: Timestamp) -> Result<Vec<Lease>, StoreError> {
        self.writer.write(work::Renew { leases: leases.to_vec(), until }).await
    }

    async fn record(&self, lease: &Lease, changes: Vec<Change>) -> Result<Fenced, StoreError> {
        self.writer.write(work::Record { lease: lease.clone(), changes, then: Then::Continue }).await
    }

    async fn finish(&self, lease: &Lease, changes: Vec<Change>) -> Result<Fenced, StoreError> {
        self.writer.write(work::Record { lease: lease.clone(), changes, then: Then::GiveBack }).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        listing::next_due(&self.readers).await
    }

    async fn next_stamp(&self) -> Result<Option<Timestamp>, StoreError> {
        stamps::next(&self.readers).await
    }

    async fn owners(&self, entities: &[EntityId]) -> Result<BTreeMap<EntityId, CustomerId>, StoreError> {
        listing::owners(&self.readers, entities).await
    }

    async fn user_owners(
        &self, customer: &CustomerId, users: &[EntityUserId],
    ) -> Result<BTreeMap<EntityUserId, UserId>, StoreError> {
        listing::user_owners(&self.readers, customer, users).await
    }

    async fn unsettled(&self, email: &str) -> Result<Vec<Unsettled>, StoreError> {
        listing::unsettled(&self.readers, email).await
    }

    async fn adopt_templates(&self, fingerprint: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.writer.write(upkeep::AdoptTemplates { fingerprint: fingerprint.to_owned(), now }).await
    }

    async fn linked_users(&self, customer: &CustomerId, users: &[EntityUserId]) -> Result<Vec<User>, StoreError> {
        listing::linked_users(&self.readers, customer, users).await
    }

    async fn note_seen(&self, sighting: Sighting, now: Timestamp) -> Result<bool, StoreError> {
        self.writer.write(sight::NoteSeen { sighting, now }).await
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        sqlx::query_scalar(
            "-- setting
             SELECT value FROM settings WHERE name = ?1",
        )
        .bind(name)
        .fetch_optional(&self.readers)
        .await
        .map_err(database("setting"))
    }

    async fn swap_setting(&self, name: &str, was: Option<&str>, becomes: &str) -> Result<bool, StoreError> {
        let (name, was, becomes) = (name.to_owned(), was.map(str::to_owned), becomes.to_owned());
        self.writer.write(sight::SwapSetting { name, was, becomes }).await
    }

    async fn adopt(&self, adoption: &Adoption, now: Timestamp) -> Result<Adopted, StoreError> {
        self.writer.write(adopt::Adopt { adoption: adoption.clone(), now }).await
    }

    async fn unlinked(
        &self, after: Option<&CustomerId>, limit: u32,
    ) -> Result<Vec<(CustomerId, NewEntity)>, StoreError> {
        adopt::unlinked(&self.readers, after, limit).await
    }

    async fn has_links(&self) -> Result<bool, StoreError> {
        adopt::has_links(&self.readers).await
    }

    async fn take_bridge_name(&self, name: &BridgeId) -> Result<bool, StoreError> {
        self.writer.write(adopt::TakeBridgeName { name: name.clone() }).await
    }

    async fn name_bridge(&self, fresh: &BridgeId) -> Result<BridgeId, StoreError> {
        self.writer.write(stamps::NameBridge { fresh: fresh.clone() }).await
    }

    async fn bridge(&self) -> Result<BridgeId, StoreError> {
        stamps::bridge(&self.readers).await
    }

    async fn token_subject(&self, customer: &CustomerId, user: &UserId) -> Result<TokenSubject, StoreError> {
        listing::token_subject(&self.readers, customer, user).await
    }

    /// A scratch store has one process.
    fn is_shared(&self) -> bool {
        self.scratch.is_none()
    }

    async fn token_ends(&self, since: Option<i64>) -> Result<TokenEnds, StoreError> {
        shared::ends_since(&self.readers, since).await
    }

    async fn shared_token(&self, name: &str) -> Result<SharedToken, StoreError> {
        shared::read(&self.readers, name).await
    }

    async fn begin_mint(
        &self, name: &str, seen: i64, discard: bool, now: Timestamp, until: Timestamp,
    ) -> Result<Option<i64>, StoreError> {
        self.writer.write(shared::BeginMint { name: name.to_owned(), seen, discard, now, until }).await
    }

    async fn end_mint(&self, name: &str, duty: i64, minted: Option<(Vec<u8>, Timestamp)>) -> Result<bool, StoreError> {
        self.writer.write(shared::EndMint { name: name.to_owned(), duty, minted }).await
    }

    async fn secret(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        sqlx::query_scalar(
            "-- secret
             SELECT sealed FROM secrets WHERE name = ?1",
        )
        .bind(name)
        .fetch_optional(&self.readers)
        .await
        .map_err(database("secret"))
    }

    async fn put_secret(&self, name: &str, sealed: &[u8], now: Timestamp) -> Result<(), StoreError> {
        self.writer.write(upkeep::PutSecret { name: name.to_owned(), sealed: sealed.to_vec(), now }).await
    }

    async fn beat(&self, beat: &Beat, now: Timestamp) -> Result<Heard, StoreError> {
        self.writer.write(replicas::Heartbeat { beat: beat.clone(), now }).await
    }

    async fn leave(&self, replica: &ReplicaId) -> Result<(), StoreError> {
        self.writer.write(replicas::Leave { replica: replica.clone() }).await
    }

    async fn ledger(&self) -> Result<Ledger, StoreError> {
        let mut connection = self.readers.acquire().await.map_err(database("ledger"))?;
        replicas::load(&mut connection).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query(
            "-- ping
             SELECT count(*) FROM settings",
        )
        .fetch_one(&self.readers)
        .await
        .map(drop)
        .map_err(database("ping"))
    }

    fn busy_connections(&self) -> usize {
        super::busy(&self.readers)
    }

    async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }
}

#[async_trait]
impl Portable for SqliteStore {
    async fn saved(&self, after: Option<&Saved>, limit: u32) -> Result<Vec<Saved>, StoreError> {
        saved::page(&self.readers, after, limit).await
    }

    async fn restore(&self, step: &Restore) -> Result<Restored, StoreError> {
        self.writer.write(step.clone()).await
    }

    async fn standing(&self, now: Timestamp) -> Result<Standing, StoreError> {
        saved::now(&self.readers, now).await
    }

    async fn is_half_restored(&self) -> Result<bool, StoreError> {
        saved::is_half_restored(&self.readers).await
    }

    fn shown(&self) -> &str {
        &self.url
    }
}
