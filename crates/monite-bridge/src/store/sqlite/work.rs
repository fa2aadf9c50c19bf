//! The reconciler's side: customers are claimed, visited, written down and given back. All under a fence.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::super::{Change, Fenced, Lease, StoreError, WorkerId};
use super::rows::{self, get};
use super::writer::Write;
use super::{changes, database, doubt, micros, rest, stamps, wake};
use crate::domain::CustomerId;

/// What customers are claimed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Queue {
    /// A visit, see [`Store::claim_due`](super::super::Store::claim_due).
    Visits,
    /// Their stamp, see [`Store::claim_stamps`](super::super::Store::claim_stamps).
    Stamps,
}

/// Takes customers from a queue. Whatever the queue, one lease: nobody visits a customer that somebody else is stamping.
pub(super) struct Claim {
    pub(super) queue: Queue,
    pub(super) worker: WorkerId,
    pub(super) now: Timestamp,
    pub(super) lease: Duration,
    pub(super) limit: u32,
    pub(super) only: Option<CustomerId>,
}

#[async_trait]
impl Write for Claim {
    type Answer = Vec<Lease>;

    async fn run(&self, tx: &mut SqliteConnection) -> Result<Vec<Lease>, StoreError> {
        let due = self.due(tx).await?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        doubt::left_behind(tx, &rows::to_json(&due), self.now).await?;
        let until = self.now + self.lease;
        let rows = sqlx::query(
            "-- claim_due
             UPDATE customer_work SET lease_owner = ?2, lease_until = ?3, wake_at = ?3, fence = fence + 1
             WHERE customer_id IN (SELECT value FROM json_each(?1))
             RETURNING customer_id, fence",
        )
        .bind(rows::to_json(&due))
        .bind(&self.worker.0)
        .bind(micros(until))
        .fetch_all(tx)
        .await
        .map_err(database("claim_due"))?;
        let fences: BTreeMap<String, i64> = rows
            .iter()
            .map(|row| Ok((get(row, "customer_id")?, get(row, "fence")?)))
            .collect::<Result<_, rows::Unread>>()?;
        Ok(due
            .into_iter()
            .filter_map(|customer| {
                fences.get(customer.as_str()).map(|fence| Lease { customer: customer.clone(), fence: *fence, until })
            })
            .collect())
    }
}

pub(super) const DUE_CUSTOMERS: &str = "-- due_customers
    SELECT customer_id FROM customer_work WHERE wake_at IS NOT NULL AND wake_at <= ?1
    ORDER BY wake_at, customer_id LIMIT ?2 + 0";

/// A lease that has ended counts as none, as in the queue of visits.
pub(super) const DUE_STAMPS: &str = "-- due_stamps
    SELECT customer_id FROM customer_work
    WHERE stamp_due_at IS NOT NULL AND stamp_due_at <= ?1 AND ifnull(lease_until, ?1) <= ?1
    ORDER BY stamp_due_at, customer_id LIMIT ?2 + 0";

impl Claim {
    /// Who is to be visited (or stamped), the longest waiting first. A customer in somebody's hands wakes at the end of that lease, so a
    /// wake-up in the past means that nobody has it.
    async fn due(&self, tx: &mut SqliteConnection) -> Result<Vec<CustomerId>, StoreError> {
        let query = match (self.queue, &self.only) {
            (Queue::Visits, None) => sqlx::query(DUE_CUSTOMERS),
            (Queue::Visits, Some(_)) => sqlx::query(
                "-- due_customer
                 SELECT customer_id FROM customer_work WHERE wake_at <= ?1 AND customer_id = ?3 LIMIT ?2 + 0",
            ),
            (Queue::Stamps, None) => sqlx::query(DUE_STAMPS),
            (Queue::Stamps, Some(_)) => sqlx::query(
                "-- due_stamp
                 SELECT customer_id FROM customer_work
                 WHERE stamp_due_at <= ?1 AND ifnull(lease_until, ?1) <= ?1 AND customer_id = ?3 LIMIT ?2 + 0",
            ),
        };
        let query = query.bind(micros(self.now)).bind(self.limit);
        let query = match &self.only {
            None => query,
            Some(customer) => query.bind(customer.as_str()),
        };
        let rows = query.fetch_all(tx).await.map_err(database("due_customers"))?;
        let read = |row| Ok(CustomerId::parse(&get::<String>(row, "customer_id")?)?);
        rows.iter().map(read).collect::<Result<_, rows::Unread>>().map_err(Into::into)
    }
}

/// See [`Store::renew`](super::super::Store::renew).
pub(super) struct Renew {
    pub(super) leases: Vec<Lease>,
    pub(super) until: Timestamp,
}

#[async_trait]
impl Write for Renew {
    type Answer = Vec<Lease>;

    async fn run(&self, tx: &mut SqliteConnection) -> Result<Vec<Lease>, StoreError> {
        let mut held = Vec::with_capacity(self.leases.len());
        for lease in &self.leases {
            let renewed = sqlx::query(
                "-- renew
                 UPDATE customer_work SET lease_until = ?3, wake_at = ?3
                 WHERE customer_id = ?1 AND fence = ?2 AND lease_owner IS NOT NULL",
            )
            .bind(lease.customer.as_str())
            .bind(lease.fence)
            .bind(micros(self.until))
            .execute(&mut *tx)
            .await
            .map_err(database("renew"))?;
            if renewed.rows_affected() > 0 {
                held.push(Lease { until: self.until, ..lease.clone() });
            }
        }
        Ok(held)
    }
}

/// See [`Store::record`](super::super::Store::record) and [`Store::finish`](super::super::Store::finish).
pub(super) struct Record {
    pub(super) lease: Lease,
    pub(super) changes: Vec<Change>,
    /// Whether the customer is given back.
    pub(super) then: Then,
}

/// What follows when the changes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// The visit goes on.
    Continue,
    /// The customer is given back.
    GiveBack,
}

#[async_trait]
impl Write for Record {
    type Answer = Fenced;

    async fn run(&self, tx: &mut SqliteConnection) -> Result<Fenced, StoreError> {
        let held: Option<i64> = sqlx::query_scalar(
            "-- fence
             SELECT 1 FROM customer_work WHERE customer_id = ?1 AND fence = ?2 AND lease_owner IS NOT NULL",
        )
        .bind(self.lease.customer.as_str())
        .bind(self.lease.fence)
        .fetch_optional(&mut *tx)
        .await
        .map_err(database("fence"))?;
        if held.is_none() {
            return Ok(Fenced::LeaseLost);
        }
        for change in &self.changes {
            changes::apply(tx, &self.lease.customer, change).await?;
        }
        if self.changes.iter().any(leaves_a_user_open) {
            rest::rest(tx, &self.lease.customer).await?;
        }
        if self.then == Then::GiveBack {
            give_back(tx, &self.lease.customer).await?;
        }
        Ok(Fenced::Recorded)
    }
}

/// Whether a user is to be tried again after it: the customer may have been deleted meanwhile, and then it rests.
fn leaves_a_user_open(change: &Change) -> bool {
    matches!(change, Change::UserDone(_, progress) if progress.due_at.is_some())
}

/// Also forgets the users that the product deleted during the visit, and that are to be kept at Monite.
async fn give_back(tx: &mut SqliteConnection, customer: &CustomerId) -> Result<(), StoreError> {
    const SQL: &str = concat!(
        "-- finish
         UPDATE ",
        stamps::links_changed!(),
        " WHERE customer_id = ?1 AND EXISTS (SELECT 1 FROM user_work u
             WHERE u.customer_id = ?1 AND u.state = 'deactivated' AND u.wish = 'gone' AND u.entity_user_id IS NOT NULL);
         DELETE FROM users WHERE (customer_id, user_id) IN
             (SELECT customer_id, user_id FROM user_work WHERE customer_id = ?1 AND state = 'deactivated' AND wish = 'gone');
         UPDATE customer_work SET lease_owner = NULL, lease_until = NULL, wake_at = ",
        wake::wake_without_lease!(),
        " WHERE customer_id = ?1"
    );
    sqlx::query(SQL).bind(customer.as_str()).execute(tx).await.map_err(database("finish"))?;
    Ok(())
}
