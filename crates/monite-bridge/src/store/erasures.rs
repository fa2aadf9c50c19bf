//! Which customers are being erased, and which were, whichever database knows it.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use monite::EntityId;

use super::rows::{Columns, Unread, text_id, time};
use super::{Fenced, Lease, StoreError, WorkerId};
use crate::domain::CustomerId;
use crate::domain::document::FieldError;

/// What is kept of an erasure: ids and times, nothing of the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// The product's id.
    pub customer: CustomerId,
    /// The entity that was scrubbed; `None`: none was, or it is not purged yet.
    pub entity: Option<EntityId>,
    /// When it began. From then on the customer is deleted, nobody gets a token, and the product cannot write it.
    pub begun_at: Timestamp,
    /// When its rows went. From then on the same id is another customer.
    pub purged_at: Option<Timestamp>,
    /// When the last step was done.
    pub finished_at: Option<Timestamp>,
}

impl Erasure {
    /// What the names of those who erase begin with.
    pub const WORKER: &'static str = "erase-";

    /// Whether a lease is of somebody who erases: a change that went out under it may land at any time, and only makes it emptier.
    pub(super) fn is_worker(owner: &str) -> bool {
        owner.starts_with(Self::WORKER)
    }
}

/// Where copies of what was purged may still lie, of those that the store can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewritten {
    /// Nowhere: the file holds only what is there, and its write-ahead log is empty.
    Whole,
    /// In the write-ahead log: somebody reads from it for long.
    LogHeld,
    /// In dead rows that the server's own vacuum removes in its time, and in its write-ahead log.
    ByServer,
}

/// A store's erasures. See `reconcile::erase` for what they are for.
#[async_trait]
pub trait ErasureStore: Send + Sync {
    /// Begins to erase a customer, or goes on: it is [deleted](super::Store::delete_customer), and stays so until it is purged, whoever
    /// writes it. For one that is not there the latest erasure; `None`: there was none, it was never known.
    async fn begin_erasure(&self, customer: &CustomerId, now: Timestamp) -> Result<Option<Erasure>, StoreError>;

    /// The latest erasure of this customer.
    async fn erasure(&self, customer: &CustomerId) -> Result<Option<Erasure>, StoreError>;

    /// Takes a customer that is being erased, due or not; `None`: somebody has it until its lease ends, or it is not being erased.
    async fn claim_erasure(
        &self, worker: &WorkerId, customer: &CustomerId, now: Timestamp, lease: Duration,
    ) -> Result<Option<Lease>, StoreError>;

    /// Removes every row of a customer that is being erased, if the lease still holds, and notes which entity was scrubbed; in one
    /// transaction. The audit log keeps its ids.
    async fn purge(&self, lease: &Lease, entity: Option<EntityId>, now: Timestamp) -> Result<Fenced, StoreError>;

    /// Removes what deleted rows leave in the files of the database, as far as the store can.
    async fn rewrite(&self) -> Result<Rewritten, StoreError>;

    /// The last step is done. Twice is the same as once.
    async fn finish_erasure(&self, customer: &CustomerId, now: Timestamp) -> Result<(), StoreError>;
}

/// Why a line of an import is refused.
pub(super) fn refusal() -> FieldError {
    FieldError {
        field: "id".to_owned(),
        message: "this customer is being erased; once `monite-bridge erase` is done, the same id makes a new customer"
            .to_owned(),
    }
}

/// From `customer_id, entity_id, begun_at, purged_at, finished_at`.
pub(super) fn erasure(row: &impl Columns) -> Result<Erasure, StoreError> {
    read(row).map_err(|unread| unread.in_row("erased"))
}

fn read(row: &impl Columns) -> Result<Erasure, Unread> {
    Ok(Erasure {
        customer: CustomerId::parse(&row.text("customer_id")?)?,
        entity: row.text_or_null("entity_id")?.map(|id| text_id(&id)).transpose()?,
        begun_at: time(row.number("begun_at")?)?,
        purged_at: row.number_or_null("purged_at")?.map(time).transpose()?,
        finished_at: row.number_or_null("finished_at")?.map(time).transpose()?,
    })
}
