//! The store on a PostgreSQL server: any number of replicas, each with one of these.
//!
//! In reading order:
//!
//! - `open`: the address, what the server must promise, which version of the tables it holds
//! - `connection`: how a statement travels; `signal`: a hint to the other replicas
//! - `writer`: a write is durable exactly once, whatever happens to connection and server; `trouble`: what an error means (pure)
//! - `product`, `import`, `upkeep`: the product's writes, one by one, many at once, and the rest
//! - `work`, `visit`: customers are claimed and kept, what a visit reads
//! - `record`, `round`, `changes`: what visits found out, many together
//! - `wake`, `rest`: the rules that say when a customer is to be visited, and which of its users rest
//! - `doubt`: changes that went out and that nobody saw answered
//! - `sight`: what a sweep saw
//! - `ends`: whose tokens end through any replica; `shared`: the partner's token, and who fetches the next one
//! - `stamps`: which links are to be stamped into their entities, and who this database is
//! - `adopt`: links to what exists at Monite already
//! - `saved`, `restore`: the whole state, given out and taken in
//! - `erase`: customers that are being erased, and those that were
//! - `listing`: reads that answer questions
//! - `api_keys`: who may call
//! - `replicas`: the ledger of the rate budget
//! - `desired`, `stored`, `known`, `rows`, `gone`: values to rows and back
//!
//! Who writes a customer, one of its users or its visit's outcome holds the lock of its row in `customer_work` until the end of the
//! transaction: what is decided there is decided about what is there. Several are locked in the order of their ids. Every query opens with
//! its name, so that it can be told apart in the server's log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use monite::{EntityId, EntityUserId, NewEntity};

use super::{
    Adopted, Adoption, Change, Customer, CustomerFilter, Failing, Fenced, Imported, LOOK_FOR_ENDS_EVERY, Lease, Links,
    Precondition, RetryScope, RoleProgress, SharedToken, Sighting, Stats, Store, StoreError, TokenEnds, TokenSubject,
    Unsettled, User, Visit, WorkerId, Written,
};
use crate::budget::ledger::{Beat, Heard, Ledger, ReplicaId};
use crate::domain::document::{CustomerDocument, ImportRecord, UserDocument};
use crate::domain::role::RoleTemplates;
use crate::domain::{BridgeId, CustomerId, ObjectId, UserId};

mod adopt;
mod api_keys;
mod audit;
mod changes;
mod connection;
mod desired;
mod doubt;
mod ends;
mod erase;
mod gone;
mod import;
mod known;
mod listing;
mod open;
mod product;
mod record;
mod replicas;
mod rest;
mod restore;
mod round;
mod rows;
mod saved;
mod sealed;
mod shared;
mod sight;
mod signal;
mod stamps;
mod stored;
#[cfg(test)]
mod tests;
mod trouble;
mod upkeep;
mod visit;
mod wake;
mod work;
mod writer;

pub(super) use open::tables;

use connection::{Pool, end};
use desired::{DesiredCustomer, DesiredUser};
use record::{Recorder, Then, Visited};
use writer::{Patience, Writer, in_time};

use super::saved::{Portable, Restore, Restored, Saved, Standing};

/// A store in one database of a PostgreSQL server. Several processes may use it at the same time; each has one of these.
pub struct PostgresStore {
    pool: Pool,
    writer: Writer,
    recorder: Recorder,
    head: Arc<work::Head>,
    shown: String,
}

impl PostgresStore {
    /// Opens the database at `postgres://USER:PASSWORD@HOST:PORT/DATABASE` and brings its tables to this version. After a `?`:
    ///
    /// - `sslmode`: `disable`, `allow`, `prefer` (the default), `require`, `verify-ca`, `verify-full`; `sslrootcert`, `sslcert`, `sslkey`
    ///   name files
    /// - `host`: the directory of a socket
    /// - `max-connections` of this process, 10 unless told otherwise; one more listens
    /// - `timeout` in seconds, 10 unless told otherwise: how long the server may take for one step
    /// - `statement-cache-capacity`: statements kept on each connection. None unless told otherwise, which works behind a proxy that hands
    ///   out connections transaction by transaction; 100 saves trips on a direct connection
    ///
    /// # Errors
    /// [`StoreError::Open`] with what to do about it, never with the password: another kind of URL, a server that is not there, that is a
    /// standby, too old or allowed to lose what it confirmed, tables that a newer version of this program wrote.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let address = open::Address::parse(url)?;
        let pool = address.open().await?;
        let signal = signal::Signal::new(address.options);
        signal.start(pool.clone());
        let writer = Writer { pool: pool.clone(), signal };
        Ok(Self { recorder: Recorder::start(writer.clone()), pool, writer, head: Arc::default(), shown: address.shown })
    }
}

impl PostgresStore {
    /// Says what is wrong with an address, without the password and without a connection.
    ///
    /// # Errors
    /// A sentence for people.
    pub fn check_url(url: &str) -> Result<(), String> {
        match open::Address::parse(url) {
            Ok(_) => Ok(()),
            Err(StoreError::Open { reason, .. }) => Err(reason),
            Err(other) => Err(other.to_string()),
        }
    }
}

impl Drop for PostgresStore {
    /// The tasks that tell and listen hold connections; nobody would end them.
    fn drop(&mut self) {
        self.writer.signal.close();
    }
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore").field("url", &self.shown).finish_non_exhaustive()
    }
}

/// A read in a transaction of its own, run again when its connection was lost: reading twice changes nothing.
macro_rules! reading {
    ($pool:expr, $begin:ident, $tx:ident => $read:expr) => {{
        let pool = &$pool;
        let mut patience = Patience::of(pool);
        loop {
            let outcome = match in_time(pool.patience, "connect", pool.$begin()).await {
                Ok(mut begun) => {
                    let $tx = &mut begun;
                    let outcome = in_time(pool.patience, "read", $read).await;
                    end(begun, &outcome);
                    outcome
                }
                Err(error) => Err(error),
            };
            match outcome {
                Err(error) if patience.bears(&error, "a read of the database is run again").await => {}
                outcome => break outcome,
            }
        }
    }};
}

use reading;

/// The longest that the question whether the database answers may take: whoever asks (a load balancer) waits no longer.
const PING: Duration = Duration::from_secs(2);

#[async_trait]
impl Store for PostgresStore {
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
        if records.is_empty() {
            return Ok(Vec::new());
        }
        self.writer.write(import::Import::new(records, now)).await
    }

    async fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, StoreError> {
        reading!(self.pool, read, tx => stored::customer(tx, id))
    }

    async fn user(&self, customer: &CustomerId, id: &UserId) -> Result<Option<User>, StoreError> {
        reading!(self.pool, read, tx => stored::user(tx, customer, id))
    }

    async fn customers(&self, filter: &CustomerFilter) -> Result<Vec<Customer>, StoreError> {
        reading!(self.pool, read, tx => listing::customers(tx, filter))
    }

    async fn users(&self, customer: &CustomerId, after: Option<&UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        reading!(self.pool, read, tx => listing::users(tx, customer, after, limit))
    }

    async fn retry(&self, scope: &RetryScope, now: Timestamp) -> Result<u64, StoreError> {
        self.writer.write(upkeep::Retry { scope: scope.clone(), now }).await
    }

    async fn stats(&self) -> Result<Stats, StoreError> {
        reading!(self.pool, snapshot, tx => listing::stats(tx))
    }

    async fn failing(&self, after: Option<&ObjectId>, limit: u32) -> Result<Vec<Failing>, StoreError> {
        reading!(self.pool, snapshot, tx => listing::failing(tx, after, limit))
    }

    async fn role_progress(&self, templates: &RoleTemplates) -> Result<Vec<RoleProgress>, StoreError> {
        reading!(self.pool, snapshot, tx => listing::role_progress(tx, templates))
    }

    async fn claim_due(
        &self, worker: &WorkerId, now: Timestamp, lease: Duration, limit: u32, only: Option<&CustomerId>,
    ) -> Result<Vec<Lease>, StoreError> {
        let head = Arc::clone(&self.head);
        self.writer.write(work::ClaimDue { worker: worker.clone(), now, lease, limit, only: only.cloned(), head }).await
    }

    async fn claim_stamps(
        &self, worker: &WorkerId, now: Timestamp, lease: Duration, limit: u32, only: Option<&CustomerId>,
    ) -> Result<Vec<Lease>, StoreError> {
        let (worker, only) = (worker.clone(), only.cloned());
        self.writer.write(stamps::ClaimStamps { worker, now, lease, limit, only }).await
    }

    async fn links(&self, lease: &Lease) -> Result<Option<Links>, StoreError> {
        reading!(self.pool, snapshot, tx => stamps::links(tx, lease))
    }

    async fn open(&self, lease: &Lease, now: Timestamp, users: u32) -> Result<Option<Visit>, StoreError> {
        reading!(self.pool, snapshot, tx => visit::open(tx, lease, now, users))
    }

    async fn peek(&self, customer: &CustomerId, users: u32) -> Result<Option<Visit>, StoreError> {
        reading!(self.pool, snapshot, tx => visit::peek(tx, customer, users))
    }

    async fn renew(&self, leases: &[Lease], until: Timestamp) -> Result<Vec<Lease>, StoreError> {
        self.writer.write(work::Renew { leases: leases.to_vec(), until }).await
    }

    async fn record(&self, lease: &Lease, changes: Vec<Change>) -> Result<Fenced, StoreError> {
        self.recorder.record(Visited { lease: lease.clone(), changes, then: Then::Continue }).await
    }

    async fn finish(&self, lease: &Lease, changes: Vec<Change>) -> Result<Fenced, StoreError> {
        self.recorder.record(Visited { lease: lease.clone(), changes, then: Then::GiveBack }).await
    }

    async fn woken(&self) {
        self.writer.signal.heard().await;
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        reading!(self.pool, read, tx => listing::next_due(tx))
    }

    async fn next_stamp(&self) -> Result<Option<Timestamp>, StoreError> {
        reading!(self.pool, read, tx => stamps::next(tx))
    }

    async fn owners(&self, entities: &[EntityId]) -> Result<BTreeMap<EntityId, CustomerId>, StoreError> {
        reading!(self.pool, read, tx => listing::owners(tx, entities))
    }

    async fn user_owners(
        &self, customer: &CustomerId, users: &[EntityUserId],
    ) -> Result<BTreeMap<EntityUserId, UserId>, StoreError> {
        reading!(self.pool, read, tx => listing::user_owners(tx, customer, users))
    }

    async fn unsettled(&self, email: &str) -> Result<Vec<Unsettled>, StoreError> {
        reading!(self.pool, read, tx => listing::unsettled(tx, email))
    }

    async fn adopt_templates(&self, fingerprint: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.writer.write(upkeep::AdoptTemplates { fingerprint: fingerprint.to_owned(), now }).await
    }

    async fn linked_users(&self, customer: &CustomerId, users: &[EntityUserId]) -> Result<Vec<User>, StoreError> {
        reading!(self.pool, read, tx => listing::linked_users(tx, customer, users))
    }

    async fn note_seen(&self, sighting: Sighting, now: Timestamp) -> Result<bool, StoreError> {
        self.writer.write(sight::NoteSeen { sighting, now }).await
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        reading!(self.pool, read, tx => listing::setting(tx, name))
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
        reading!(self.pool, read, tx => adopt::unlinked(tx, after, limit))
    }

    async fn has_links(&self) -> Result<bool, StoreError> {
        reading!(self.pool, read, tx => adopt::has_links(tx))
    }

    async fn take_bridge_name(&self, name: &BridgeId) -> Result<bool, StoreError> {
        self.writer.write(adopt::TakeBridgeName { name: name.clone() }).await
    }

    async fn name_bridge(&self, fresh: &BridgeId) -> Result<BridgeId, StoreError> {
        self.writer.write(stamps::NameBridge { fresh: fresh.clone() }).await
    }

    async fn bridge(&self) -> Result<BridgeId, StoreError> {
        reading!(self.pool, read, tx => stamps::bridge(tx))
    }

    async fn token_subject(&self, customer: &CustomerId, user: &UserId) -> Result<TokenSubject, StoreError> {
        reading!(self.pool, read, tx => listing::token_subject(tx, customer, user))
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn token_ends(&self, since: Option<i64>) -> Result<TokenEnds, StoreError> {
        reading!(self.pool, read, tx => ends::since(tx, since))
    }

    async fn ends_told(&self) {
        self.writer.signal.heard_or(LOOK_FOR_ENDS_EVERY).await;
    }

    async fn shared_token(&self, name: &str) -> Result<SharedToken, StoreError> {
        reading!(self.pool, read, tx => shared::read(tx, name))
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
        reading!(self.pool, read, tx => listing::secret(tx, name))
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
        reading!(self.pool, snapshot, tx => replicas::load(tx))
    }

    async fn time(&self) -> Result<Option<Timestamp>, StoreError> {
        reading!(self.pool, read, tx => replicas::time(tx)).map(Some)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let ping = async {
            let mut tx = self.pool.read().await?;
            let outcome = listing::ping(&mut tx).await;
            end(tx, &outcome);
            outcome
        };
        in_time(PING, "ping", ping).await
    }

    fn busy_connections(&self) -> usize {
        super::busy(&self.pool.connections)
    }

    async fn close(&self) {
        self.writer.signal.close();
        self.pool.connections.close().await;
    }
}

#[async_trait]
impl Portable for PostgresStore {
    async fn saved(&self, after: Option<&Saved>, limit: u32) -> Result<Vec<Saved>, StoreError> {
        reading!(self.pool, read, tx => saved::page(tx, after, limit))
    }

    async fn restore(&self, step: &Restore) -> Result<Restored, StoreError> {
        self.writer.write(step.clone()).await
    }

    async fn standing(&self, now: Timestamp) -> Result<Standing, StoreError> {
        reading!(self.pool, read, tx => saved::now(tx, now))
    }

    async fn is_half_restored(&self) -> Result<bool, StoreError> {
        reading!(self.pool, read, tx => saved::is_half_restored(tx))
    }

    fn shown(&self) -> &str {
        &self.shown
    }
}
