//! Customers that are being erased, and those that were. See [`ErasureStore`].

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use monite::EntityId;
use sqlx::SqliteConnection;

use super::super::erasures::{Erasure, ErasureStore, Rewritten, erasure};
use super::super::{Fenced, Lease, Precondition, StoreError, WorkerId, database};
use super::product::DeleteCustomer;
use super::rows::{self, get};
use super::writer::Write;
use super::{SqliteStore, doubt, micros, open, stored};
use crate::domain::CustomerId;

#[async_trait]
impl ErasureStore for SqliteStore {
    async fn begin_erasure(&self, customer: &CustomerId, now: Timestamp) -> Result<Option<Erasure>, StoreError> {
        self.writer.write(Begin { customer: customer.clone(), now }).await
    }

    async fn erasure(&self, customer: &CustomerId) -> Result<Option<Erasure>, StoreError> {
        let mut reader = self.readers.acquire().await.map_err(database("erasure"))?;
        latest(&mut reader, customer).await
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
        open::rewrite(&self.file()?).await
    }

    async fn finish_erasure(&self, customer: &CustomerId, now: Timestamp) -> Result<(), StoreError> {
        self.writer.write(Finish { customer: customer.clone(), now }).await
    }
}

/// Which of these customers (a JSON array of ids) are being erased.
pub(super) async fn under_way(tx: &mut SqliteConnection, customers: &str) -> Result<HashSet<String>, StoreError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "-- erasures_under_way
         SELECT e.customer_id FROM json_each(?1) j JOIN erased e ON e.customer_id = j.value AND e.purged_at IS NULL",
    )
    .bind(customers)
    .fetch_all(tx)
    .await
    .map_err(database("erasures_under_way"))?;
    Ok(ids.into_iter().collect())
}

/// Whether this customer is being erased.
pub(super) async fn is_under_way(tx: &mut SqliteConnection, customer: &CustomerId) -> Result<bool, StoreError> {
    Ok(!under_way(tx, &rows::to_json(&[customer])).await?.is_empty())
}

async fn latest(connection: &mut SqliteConnection, customer: &CustomerId) -> Result<Option<Erasure>, StoreError> {
    let row = sqlx::query(
        "-- erasure
         SELECT * FROM erased WHERE customer_id = ?1 ORDER BY number DESC LIMIT 1",
    )
    .bind(customer.as_str())
    .fetch_optional(connection)
    .await
    .map_err(database("erasure"))?;
    row.as_ref().map(erasure).transpose()
}

struct Begin {
    customer: CustomerId,
    now: Timestamp,
}

#[async_trait]
impl Write for Begin {
    type Answer = Option<Erasure>;

    async fn run(&self, tx: &mut SqliteConnection) -> Result<Option<Erasure>, StoreError> {
        let is_there = stored::customer(&mut *tx, &self.customer).await?.is_some();
        if is_there && !is_under_way(tx, &self.customer).await? {
            sqlx::query(
                "-- begin_erasure
                 INSERT INTO erased (customer_id, begun_at) VALUES (?1, ?2)",
            )
            .bind(self.customer.as_str())
            .bind(micros(self.now))
            .execute(&mut *tx)
            .await
            .map_err(database("begin_erasure"))?;
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

    async fn run(&self, tx: &mut SqliteConnection) -> Result<Option<Lease>, StoreError> {
        let row = sqlx::query(
            "-- erasure_to_claim
             SELECT w.lease_owner FROM customer_work w
             JOIN erased e ON e.customer_id = w.customer_id AND e.purged_at IS NULL
             WHERE w.customer_id = ?1 AND ifnull(w.lease_until, ?2) <= ?2",
        )
        .bind(self.customer.as_str())
        .bind(micros(self.now))
        .fetch_optional(&mut *tx)
        .await
        .map_err(database("erasure_to_claim"))?;
        let Some(row) = row else { return Ok(None) };
        let owner: Option<String> = get(&row, "lease_owner")?;
        if owner.is_some_and(|owner| !Erasure::is_worker(&owner)) {
            doubt::left_behind(tx, &rows::to_json(&[&self.customer]), self.now).await?;
        }
        let fence = sqlx::query_scalar(
            "-- claim_erasure
             UPDATE customer_work SET lease_owner = ?2, lease_until = ?3, wake_at = ?3, fence = fence + 1
             WHERE customer_id = ?1 RETURNING fence",
        )
        .bind(self.customer.as_str())
        .bind(&self.worker.0)
        .bind(micros(self.until))
        .fetch_one(tx)
        .await
        .map_err(database("claim_erasure"))?;
        Ok(Some(Lease { customer: self.customer.clone(), fence, until: self.until }))
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

    async fn run(&self, tx: &mut SqliteConnection) -> Result<Fenced, StoreError> {
        let noted = sqlx::query(
            "-- purge_note
             UPDATE erased SET purged_at = ?3, entity_id = ?4, fence = ?2
             WHERE customer_id = ?1 AND purged_at IS NULL AND EXISTS (
                 SELECT 1 FROM customer_work WHERE customer_id = ?1 AND fence = ?2 AND lease_owner IS NOT NULL)",
        )
        .bind(self.lease.customer.as_str())
        .bind(self.lease.fence)
        .bind(micros(self.now))
        .bind(self.entity.map(|id| id.to_string()))
        .execute(&mut *tx)
        .await
        .map_err(database("purge_note"))?;
        if noted.rows_affected() == 0 {
            return Ok(Fenced::LeaseLost);
        }
        // That the customer's tokens end was told when the erasure began; users need not be named any more.
        sqlx::query(
            "-- purge
             DELETE FROM customers WHERE customer_id = ?1;
             DELETE FROM token_ends WHERE customer_id = ?1 AND user_id IS NOT NULL",
        )
        .bind(self.lease.customer.as_str())
        .execute(tx)
        .await
        .map_err(database("purge"))?;
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

    async fn run(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        sqlx::query(
            "-- finish_erasure
             UPDATE erased SET finished_at = ?2
             WHERE customer_id = ?1 AND purged_at IS NOT NULL AND finished_at IS NULL",
        )
        .bind(self.customer.as_str())
        .bind(micros(self.now))
        .execute(tx)
        .await
        .map(drop)
        .map_err(database("finish_erasure"))
    }
}
