//! The bridge's memory: what the product desires, what Monite confirmed, and the rows that are due.
//!
//! Methods speak the domain, not tables. SQL lives in [`sqlite`] and [`postgres`] only; every promise is a test in `conformance`, which
//! both pass. What both need to know stands beside them: `decide` and `import` say what a write means, given what is stored (pure),
//! `desired`, `columns`, `rows` and `ledger` turn values into columns and back. The rows are the queue: no other place holds work.
//! `links`, `listing`, `sighting` and `ends` are what is asked and answered about links, about many objects, by sweeps, about tokens;
//! `types` has the values beside the trait.

mod api_keys;
mod audit;
mod columns;
#[cfg(test)]
mod conformance;
mod decide;
mod desired;
mod ends;
mod erasures;
mod error;
mod import;
mod ledger;
mod links;
mod listing;
pub mod postgres;
mod rows;
pub mod saved;
pub mod seal;
mod sealed;
mod sighting;
pub mod sqlite;
mod types;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use monite::{EntityId, EntityUserId, NewEntity};

use crate::budget::ledger::{Beat, Heard, Ledger, ReplicaId};
use crate::domain::document::ImportRecord;
use crate::domain::document::{CustomerDocument, UserDocument};
use crate::domain::{BridgeId, CustomerId, ObjectId, UserId};

pub use self::api_keys::ApiKeyStore;
pub use self::audit::AuditStore;
pub use self::ends::{TokenEnd, TokenEnds};
pub use self::erasures::{Erasure, ErasureStore, Rewritten};
pub use self::error::StoreError;
use self::error::database;
pub use self::links::{Adopted, Adoption, Links, UserAdoption};
pub use self::listing::{CustomerFilter, Failing, RoleProgress, Stats};
pub use self::sealed::{SealedName, SealedRow, SealedStore, Shelf};
pub use self::sighting::{AsRead, Consequence, Sighting};
pub use self::types::{
    Change, Customer, Fenced, Imported, Lease, Precondition, Progress, RetryScope, SharedToken, StampStatus,
    TokenSubject, Unsettled, User, Visit, Wish, WorkerId, Written,
};

/// How often a process looks for what ended through others when nobody tells it. Others work in a time of their own, so this is the real one.
pub(crate) const LOOK_FOR_ENDS_EVERY: Duration = Duration::from_secs(1);

/// Opens the database at this address, whichever kind it names, and brings its tables to this version.
///
/// # Errors
/// [`StoreError::Open`] says what to do about it.
pub async fn open(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    let store = open_portable(url).await?;
    match store.is_half_restored().await {
        Ok(false) => Ok(store),
        Ok(true) => {
            let reason = "a state was being brought into it, and that has not ended: run `monite-bridge import-state FILE` again, which \
                          begins anew";
            let refusal = StoreError::Open { url: store.shown().to_owned(), reason: reason.to_owned() };
            store.close().await;
            Err(refusal)
        }
        Err(error) => Err(error),
    }
}

/// The same, also while a state is being brought in, or when that did not end.
///
/// # Errors
/// See [`open`].
pub async fn open_portable(url: &str) -> Result<Arc<dyn saved::Portable>, StoreError> {
    match url.split_once(':') {
        Some(("postgres" | "postgresql", _)) => Ok(Arc::new(postgres::PostgresStore::open(url).await?)),
        _ => Ok(Arc::new(sqlite::SqliteStore::open(url).await?)),
    }
}

/// Which version of the tables a database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tables {
    /// There is none yet.
    Missing,
    /// These.
    Of {
        /// Their version.
        version: i64,
        /// The one this program works with.
        known: i64,
    },
}

/// Looks which tables the database at this address holds, and whether it can be written; creates and changes nothing.
///
/// # Errors
/// [`StoreError::Open`] says what to do about it.
pub async fn tables(url: &str) -> Result<Tables, StoreError> {
    match url.split_once(':') {
        Some(("postgres" | "postgresql", _)) => postgres::tables(url).await,
        _ => sqlite::tables(url).await,
    }
}

/// The bridge's memory. A write that returned `Ok` is durable.
#[async_trait]
pub trait Store: ApiKeyStore + AuditStore + ErasureStore + SealedStore + Send + Sync + std::fmt::Debug {
    // The product's side.

    /// Stores a customer's document. An equal document (and a customer that is to be there) is `Unchanged` and costs nothing.
    /// A customer that was deleted comes back with the same entity.
    ///
    /// While a visit has the customer in hand and it is due, a change may be on its way to Monite: it is in
    /// [doubt](Customer::doubt) then, unless the visit tells how it came out. That goes for every write of the product.
    async fn put_customer(
        &self, id: &CustomerId, document: &CustomerDocument, when: Precondition, now: Timestamp,
    ) -> Result<Written<Customer>, StoreError>;

    /// Stores a user's document, like [`Store::put_customer`]. A login held by another present user of the customer is refused.
    async fn put_user(
        &self, customer: &CustomerId, id: &UserId, document: &UserDocument, when: Precondition, now: Timestamp,
    ) -> Result<Written<User>, StoreError>;

    /// The product deleted a customer. `None`: never known. Deleting twice is the same as once.
    async fn delete_customer(
        &self, id: &CustomerId, when: Precondition, now: Timestamp,
    ) -> Result<Option<Written<Customer>>, StoreError>;

    /// The product deleted a user. `None`: never known or gone already. A user that never reached Monite goes away at once,
    /// and so does one whose entity user is to be kept (`keep`): the row is forgotten, no call is made. While a visit has the
    /// customer in hand, it may be creating that very user: then the row stays, with [`Wish::Gone`], until the visit ends (`keep`)
    /// or the next one has deleted what this one created.
    async fn delete_user(
        &self, customer: &CustomerId, id: &UserId, when: Precondition, keep: bool, now: Timestamp,
    ) -> Result<Option<Written<User>>, StoreError>;

    /// Stores many records in one transaction, in their order; each is stored whole or refused whole. Users of one record may
    /// swap logins. Never deletes anything.
    async fn import(&self, records: &[ImportRecord], now: Timestamp) -> Result<Vec<Imported>, StoreError>;

    /// `None` when there is no such customer: absence is an answer, not an error.
    async fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, StoreError>;

    /// `None` when there is no such user. A deleted one is there, with [`Wish::Gone`], until Monite has confirmed the deletion.
    async fn user(&self, customer: &CustomerId, id: &UserId) -> Result<Option<User>, StoreError>;

    /// Customers in the order of their ids.
    async fn customers(&self, filter: &CustomerFilter) -> Result<Vec<Customer>, StoreError>;

    /// Users of one customer in the order of their ids, those behind `after`, at most `limit`.
    async fn users(&self, customer: &CustomerId, after: Option<&UserId>, limit: u32) -> Result<Vec<User>, StoreError>;

    /// Makes failing objects due now; how many. They are pending, `attempts` starts again from zero, and the last error can still
    /// be read.
    async fn retry(&self, scope: &RetryScope, now: Timestamp) -> Result<u64, StoreError>;

    /// Counts by state.
    async fn stats(&self) -> Result<Stats, StoreError>;

    /// Failing objects in the order of [`ObjectId`] (customers, then users), those behind `after`, at most `limit`.
    async fn failing(&self, after: Option<&ObjectId>, limit: u32) -> Result<Vec<Failing>, StoreError>;

    /// How far each of these role templates has come, in their order.
    async fn role_progress(
        &self, templates: &crate::domain::role::RoleTemplates,
    ) -> Result<Vec<RoleProgress>, StoreError>;

    // The reconciler's side.

    /// Takes up to `limit` customers due at `now`, the longest waiting first, so that no other worker gets them before the lease ends.
    /// When the last worker did not give one back, it may have died in the middle of a change: what was due is in
    /// [doubt](Customer::doubt) once another generation is desired.
    async fn claim_due(
        &self, worker: &WorkerId, now: Timestamp, lease: Duration, limit: u32, only: Option<&CustomerId>,
    ) -> Result<Vec<Lease>, StoreError>;

    /// Like [`Store::claim_due`] for customers whose links are to be stamped. One that somebody works on is left out.
    async fn claim_stamps(
        &self, worker: &WorkerId, now: Timestamp, lease: Duration, limit: u32, only: Option<&CustomerId>,
    ) -> Result<Vec<Lease>, StoreError>;

    /// Reads the links to be stamped; `None` when the lease is lost or there is no entity (any more).
    async fn links(&self, lease: &Lease) -> Result<Option<Links>, StoreError>;

    /// Reads what a visit needs; `None` when the lease is lost or the customer is gone.
    async fn open(&self, lease: &Lease, now: Timestamp, users: u32) -> Result<Option<Visit>, StoreError>;

    /// The same without a lease, for `plan` and `why`: the users are those (deletions first) that are neither in sync nor
    /// deactivated, due or not, and `customer_due` says the same of the customer. `None` when there is no such customer.
    async fn peek(&self, customer: &CustomerId, users: u32) -> Result<Option<Visit>, StoreError>;

    /// Extends leases that are still held; those that are lost are left out of the answer.
    async fn renew(&self, leases: &[Lease], until: Timestamp) -> Result<Vec<Lease>, StoreError>;

    /// Writes down what a visit found out, all or nothing, if the lease still holds: it does until another worker has claimed the
    /// customer. An entity that is linked to another customer already is an error, and nothing is written.
    async fn record(&self, lease: &Lease, changes: Vec<Change>) -> Result<Fenced, StoreError>;

    /// Writes down the last of a visit and gives the customer back: it is due again when its own row is, or, once its entity
    /// exists, when one of its users is.
    async fn finish(&self, lease: &Lease, changes: Vec<Change>) -> Result<Fenced, StoreError>;

    /// Returns when another process may have made a customer due since the last call. A hint, for whoever waits beside a timer: it may come
    /// for nothing, it may be lost, and where the database cannot say such a thing (SQLite) it never comes.
    async fn woken(&self) {
        std::future::pending().await
    }

    /// When the next customer is due; `None`: nothing is left to do by itself.
    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;

    /// When the next stamp is to be written; `None`: all links are stamped, or somebody is at it.
    async fn next_stamp(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Which of these entities are linked to a customer already.
    async fn owners(&self, entities: &[EntityId]) -> Result<BTreeMap<EntityId, CustomerId>, StoreError>;

    /// Which of these entity users are linked to a user of this customer already.
    async fn user_owners(
        &self, customer: &CustomerId, users: &[EntityUserId],
    ) -> Result<BTreeMap<EntityUserId, UserId>, StoreError>;

    /// Customers whose entity is `Unknown` with this e-mail in what was sent, and their attempts, in the order of their ids: the
    /// entities that are expected to turn up.
    async fn unsettled(&self, email: &str) -> Result<Vec<Unsettled>, StoreError>;

    /// Remembers the role templates' fingerprint; when it is not the one remembered, makes every customer with an entity due.
    /// Says whether it was new.
    async fn adopt_templates(&self, fingerprint: &str, now: Timestamp) -> Result<bool, StoreError>;

    // The sweep's side.

    /// The users of this customer that are linked to these entity users, in no order.
    async fn linked_users(&self, customer: &CustomerId, users: &[EntityUserId]) -> Result<Vec<User>, StoreError>;

    /// Writes down what a sweep saw, if nobody has the customer in hand and the object is to the letter what the sweep read; in one
    /// transaction. Says whether it did: an outcome that is newer than the sighting is never overwritten.
    async fn note_seen(&self, sighting: Sighting, now: Timestamp) -> Result<bool, StoreError>;

    /// A small value kept under a name.
    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Puts another value under a name if it holds `was` (`None`: nothing); whether it did.
    async fn swap_setting(&self, name: &str, was: Option<&str>, becomes: &str) -> Result<bool, StoreError>;

    // Links that exist at Monite, but not here.

    /// Links a customer to an entity that exists, with everything inside. Only what is not linked is: a customer without an entity and
    /// without a create under way, that nobody is at work on, and users of it that have no entity user.
    ///
    /// A customer or user that is not known here gets a row with the document that Monite shows: it is in sync (or deactivated,
    /// as its entity is) until the product writes it again. One that is known keeps its document and is made equal to it.
    async fn adopt(&self, adoption: &Adoption, now: Timestamp) -> Result<Adopted, StoreError>;

    /// Customers that are to be there and have no entity, with what is to become of them, in the order of their ids.
    async fn unlinked(
        &self, after: Option<&CustomerId>, limit: u32,
    ) -> Result<Vec<(CustomerId, NewEntity)>, StoreError>;

    /// Whether any customer has an entity, or may have one.
    async fn has_links(&self) -> Result<bool, StoreError>;

    /// Gives this database the name of one that was lost, unless it has links of its own by now. Says whether it did.
    async fn take_bridge_name(&self, name: &BridgeId) -> Result<bool, StoreError>;

    // Who this is.

    /// Names this database `fresh` if it has no name yet; the name it has.
    async fn name_bridge(&self, fresh: &BridgeId) -> Result<BridgeId, StoreError>;

    /// The name of this database.
    async fn bridge(&self) -> Result<BridgeId, StoreError>;

    // The broker's side.

    /// Who a token would be for.
    async fn token_subject(&self, customer: &CustomerId, user: &UserId) -> Result<TokenSubject, StoreError>;

    /// Whether other processes may write to the same database: then nothing that was read once is known for long.
    fn is_shared(&self) -> bool {
        false
    }

    /// Whose tokens ended by what any process wrote after the state `since`; `None`: from now on. Whichever way it was written: whoever
    /// [was ready](TokenSubject::Ready) and is not, or not as the same entity user, is among them.
    async fn token_ends(&self, since: Option<i64>) -> Result<TokenEnds, StoreError>;

    /// Returns when something may have ended since the last time: soon after another process says so, where one can, and after a second in
    /// any case.
    async fn ends_told(&self) {
        tokio::time::sleep(LOOK_FOR_ENDS_EVERY).await;
    }

    // The partner's token, shared between processes (sealed by the caller).

    /// What is shared under this name.
    async fn shared_token(&self, name: &str) -> Result<SharedToken, StoreError>;

    /// Takes the duty to fetch the token of this name until `until`, if nobody has it at `now` and the version is still `seen`. The duty's
    /// number, which is the version now. With `discard` the token that was seen goes away. A duty that lasts longer than twice the time
    /// from `now` to `until` comes from a clock that is wrong, and counts as none.
    async fn begin_mint(
        &self, name: &str, seen: i64, discard: bool, now: Timestamp, until: Timestamp,
    ) -> Result<Option<i64>, StoreError>;

    /// Ends a duty, with the token (sealed) and when it expires, or without one. `false`: it was not this duty's turn any more, and
    /// nothing changed.
    async fn end_mint(&self, name: &str, duty: i64, minted: Option<(Vec<u8>, Timestamp)>) -> Result<bool, StoreError>;

    // Secrets at rest (sealed by the caller; see `seal`).

    /// A sealed secret by name.
    async fn secret(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Stores a sealed secret under a name, replacing what was there.
    async fn put_secret(&self, name: &str, sealed: &[u8], now: Timestamp) -> Result<(), StoreError>;

    // The budget's side (see `budget::ledger`).

    /// One heartbeat of a process that began at `now`: changes the ledger by [`Ledger::beat`], in one transaction.
    async fn beat(&self, beat: &Beat, now: Timestamp) -> Result<Heard, StoreError>;

    /// A process ends and sends nothing any more. Twice is the same as once.
    async fn leave(&self, replica: &ReplicaId) -> Result<(), StoreError>;

    /// The ledger as it is, dead processes included.
    async fn ledger(&self) -> Result<Ledger, StoreError>;

    /// What the database's own clock says, if it need not be that of the caller: then heartbeats go by it. `None`: everybody who
    /// uses this database runs on the same machine.
    async fn time(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }

    // Life.

    /// Whether the database answers: reads one row.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Connections of the pool that somebody uses right now. At its limit for long, callers wait for the database.
    fn busy_connections(&self) -> usize;

    /// Finishes what is in hand and closes. Later calls answer [`StoreError::Closed`].
    async fn close(&self);
}

/// Connections of a pool that are taken.
fn busy<DB: sqlx::Database>(pool: &sqlx::Pool<DB>) -> usize {
    usize::try_from(pool.size()).map_or(0, |open| open.saturating_sub(pool.num_idle()))
}
