//! Customers that are being erased, and those that were. See [`ErasureStore`].

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use monite::EntityId;

use super::super::columns::micros;
use super::super::erasures::{Erasure, ErasureStore, Rewritten, erasure};
use super::super::{Fenced, Lease, Precondition, StoreError, WorkerId};
use super::connection::{Tx, end, sql};
use super::product::DeleteCustomer;
use super::rows::Columns as _;
use super::writer::{Patience, Write, in_time};
use super::{PostgresStore, doubt, reading, stored};
use crate::domain::CustomerId;

#[async_trait]
impl ErasureStore for PostgresStore {
    async fn begin_erasure(&self, customer: &CustomerId, now: Timestamp) -> Result<Option<Erasure>, StoreError> {
        self.writer.write(Begin { customer: customer.clone(), now }).await
    }

    async fn erasure(&self, customer: &CustomerId) -> Result<Option<Erasure>, StoreError> {
        reading!(self.pool, read, tx => latest(tx, customer))
    }

    async fn claim_erasure(
        &self, worker: &WorkerId, customer: &CustomerId, now: Timestamp, lease: Duration,
    ) -> Result<Option<Lease>, StoreError> {
        self.writer.write(Claim { worker: worker.clone(), customer: customer.clone(), now, until: now + lease }).await
    }

    async fn purge(&self, lease: &Lease, entity: Option<EntityId>, now: Timestamp) -> Result<Fenced, StoreError> {
        self.writer.write(Purge { lease: lease.clone(), entity, now }).await
    }

    async fn rewrite(&self) -> Result<Rewritten, StoreError> {
        Ok(Rewritten::ByServer)
    }

    async fn finish_erasure(&self, customer: &CustomerId, now: Timestamp) -> Result<(), StoreError> {
        self.writer.write(Finish { customer: customer.clone(), now }).await
    }
}

/// Which of these customers are being erased.
pub(super) async fn under_way(tx: &mut Tx, customers: &[&str]) -> Result<HashSet<String>, StoreError> {
    let rows = sql("-- erasures_under_way
         SELECT customer_id FROM erased WHERE customer_id = ANY($1) AND purged_at IS NULL")
    .bind(customers)
    .all(tx)
    .await?;
    rows.iter().map(|row| Ok(row.text("customer_id")?)).collect()
}

/// Whether this customer is being erased. Whoever holds its lock knows until the end of its transaction.
pub(super) async fn is_under_way(tx: &mut Tx, customer: &CustomerId) -> Result<bool, StoreError> {
    Ok(!under_way(tx, &[customer.as_str()]).await?.is_empty())
}

async fn latest(tx: &mut Tx, customer: &CustomerId) -> Result<Option<Erasure>, StoreError> {
    let row = sql("-- erasure
         SELECT * FROM erased WHERE customer_id = $1 ORDER BY number DESC LIMIT 1")
    .bind(customer.as_str())
    .optional(tx)
    .await?;
    row.as_ref().map(erasure).transpose()
}

struct Begin {
    customer: CustomerId,
    now: Timestamp,
}

#[async_trait]
impl Write for Begin {
    type Answer = Option<Erasure>;

    fn makes_due(&self, _: &Self::Answer) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx) -> Result<Option<Erasure>, StoreError> {
        let is_there = stored::lock(tx, &self.customer).await?.is_some();
        if is_there && !is_under_way(tx, &self.customer).await? {
            sql("-- begin_erasure
                 INSERT INTO erased (customer_id, begun_at) VALUES ($1, $2)")
            .bind(self.customer.as_str())
            .bind(micros(self.now))
            .run(tx)
            .await?;
            DeleteCustomer { id: self.customer.clone(), when: Precondition::None, now: self.now }.run(tx).await?;
        }
        latest(tx, &self.customer).await
    }
}

struct Claim {
    worker: WorkerId,
    customer: CustomerId,
    now: Timestamp,
    until: Timestamp,
}

#[async_trait]
impl Write for Claim {
    type Answer = Option<Lease>;

    fn makes_due(&self, _: &Self::Answer) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx) -> Result<Option<Lease>, StoreError> {
        let row = sql("-- erasure_to_claim
             SELECT w.lease_owner FROM customer_work w
             JOIN erased e ON e.customer_id = w.customer_id AND e.purged_at IS NULL
             WHERE w.customer_id = $1 AND coalesce(w.lease_until, $2) <= $2 FOR UPDATE OF w")
        .bind(self.customer.as_str())
        .bind(micros(self.now))
        .optional(tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        if row.text_or_null("lease_owner")?.is_some_and(|owner| !Erasure::is_worker(&owner)) {
            doubt::left_behind(tx, &[self.customer.as_str()], self.now).await?;
        }
        let row = sql("-- claim_erasure
             UPDATE customer_work SET lease_owner = $2, lease_until = $3, wake_at = $3, fence = fence + 1
             WHERE customer_id = $1 RETURNING fence")
        .bind(self.customer.as_str())
        .bind(self.worker.0.as_str())
        .bind(micros(self.until))
        .one(tx)
        .await?;
        Ok(Some(Lease { customer: self.customer.clone(), fence: row.number("fence")?, until: self.until }))
    }
}

struct Purge {
    lease: Lease,
    entity: Option<EntityId>,
    now: Timestamp,
}

#[async_trait]
impl Write for Purge {
    type Answer = Fenced;

    fn makes_due(&self, _: &Fenced) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx) -> Result<Fenced, StoreError> {
        let held = sql("-- purge_fence
             SELECT 1 AS held FROM customer_work WHERE customer_id = $1 AND fence = $2 AND lease_owner IS NOT NULL FOR UPDATE")
        .bind(self.lease.customer.as_str())
        .bind(self.lease.fence)
        .optional(tx)
        .await?;
        let noted = sql("-- purge_note
             UPDATE erased SET purged_at = $3, entity_id = $4, fence = $2 WHERE customer_id = $1 AND purged_at IS NULL AND $5")
        .bind(self.lease.customer.as_str())
        .bind(self.lease.fence)
        .bind(micros(self.now))
        .bind(self.entity.map(|id| id.to_string()))
        .bind(held.is_some())
        .run(tx)
        .await?;
        if noted == 0 {
            return Ok(Fenced::LeaseLost);
        }
        sql("-- purge
             DELETE FROM customers WHERE customer_id = $1")
        .bind(self.lease.customer.as_str())
        .run(tx)
        .await?;
        Ok(Fenced::Recorded)
    }
}

struct Finish {
    customer: CustomerId,
    now: Timestamp,
}

#[async_trait]
impl Write for Finish {
    type Answer = ();

    fn makes_due(&self, (): &()) -> bool {
        false
    }

    /// That the customer's tokens end was told when the erasure began; its users need not be named any more. (The triggers that name them
    /// run when the purge commits, so it is done here.)
    async fn run(&self, tx: &mut Tx) -> Result<(), StoreError> {
        sql("-- forget_ends_of_erased
             DELETE FROM token_ends WHERE customer_id = $1 AND user_id IS NOT NULL")
        .bind(self.customer.as_str())
        .run(tx)
        .await?;
        sql("-- finish_erasure
             UPDATE erased SET finished_at = $2 WHERE customer_id = $1 AND purged_at IS NOT NULL AND finished_at IS NULL")
        .bind(self.customer.as_str())
        .bind(micros(self.now))
        .run(tx)
        .await
        .map(drop)
    }
}
