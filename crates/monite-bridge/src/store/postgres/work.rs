//! Customers are claimed and kept. (What a visit found out is in [`super::record`].)

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::postgres::PgRow;

use super::super::columns::micros;
use super::super::{Lease, StoreError, WorkerId};
use super::connection::{Tx, sql};
use super::doubt;
use super::rows::{Columns as _, Unread};
use super::writer::Write;
use crate::domain::CustomerId;

/// See [`Store::claim_due`](super::super::Store::claim_due).
pub(super) struct ClaimDue {
    pub(super) worker: WorkerId,
    pub(super) now: Timestamp,
    pub(super) lease: Duration,
    pub(super) limit: u32,
    pub(super) only: Option<CustomerId>,
    pub(super) head: Arc<Head>,
}

/// Where the last claim stopped. A claim moves its customers to another place in the index; until vacuum may remove them, the places they
/// left have to be walked over. Behind a snapshot that is kept open for long, that makes claims ten times slower, so each starts where the
/// last one stopped. It is a hint: whenever that is not enough, and once a second in any case, a claim begins at the very front, where
/// another replica may have left something.
#[derive(Debug, Default)]
pub(super) struct Head {
    stopped_at: AtomicI64,
    was_at_front: AtomicI64,
}

/// The longest that something in front of the place where the last claim stopped may wait, in microseconds.
const FRONT_EVERY: i64 = 1_000_000;

impl Head {
    /// Where a claim at `now` begins.
    fn from(&self, now: i64) -> i64 {
        let since = now.saturating_sub(self.was_at_front.load(Ordering::Relaxed));
        if (0..FRONT_EVERY).contains(&since) { self.stopped_at.load(Ordering::Relaxed) } else { FRONT }
    }

    fn stopped(&self, from: i64, at: i64, now: i64) {
        self.stopped_at.store(at, Ordering::Relaxed);
        if from == FRONT {
            self.was_at_front.store(now, Ordering::Relaxed);
        }
    }
}

const FRONT: i64 = i64::MIN;

pub(super) const CLAIM_DUE: &str = "-- claim_due
    WITH due AS (
        SELECT d.customer_id, d.wake_at, d.lease_owner IS NOT NULL AS left_behind FROM customer_work d
        WHERE d.wake_at IS NOT NULL AND d.wake_at BETWEEN $1 AND $2
        ORDER BY d.wake_at, d.customer_id LIMIT $3 FOR UPDATE SKIP LOCKED
    )
    UPDATE customer_work w SET lease_owner = $4, lease_until = $5, wake_at = $5, fence = w.fence + 1
    FROM due WHERE w.customer_id = due.customer_id
    RETURNING w.customer_id, w.fence, due.wake_at AS waited_since, due.left_behind";

const CLAIM_ONE: &str = "-- claim_one
    WITH due AS (
        SELECT d.customer_id, d.wake_at, d.lease_owner IS NOT NULL AS left_behind FROM customer_work d
        WHERE d.customer_id = $6 AND d.wake_at BETWEEN $1 AND $2 LIMIT $3 FOR UPDATE SKIP LOCKED
    )
    UPDATE customer_work w SET lease_owner = $4, lease_until = $5, wake_at = $5, fence = w.fence + 1
    FROM due WHERE w.customer_id = due.customer_id
    RETURNING w.customer_id, w.fence, due.wake_at AS waited_since, due.left_behind";

#[async_trait]
impl Write for ClaimDue {
    type Answer = Vec<Lease>;

    fn makes_due(&self, _: &Vec<Lease>) -> bool {
        false
    }

    /// A customer in somebody's hands wakes at the end of that lease, so a wake-up in the past means that nobody has it.
    async fn run(&self, tx: &mut Tx) -> Result<Vec<Lease>, StoreError> {
        let now = micros(self.now);
        let claimed = if self.only.is_some() {
            self.claim(tx, FRONT, now, self.limit).await?
        } else {
            self.claim_longest_waiting(tx, now).await?
        };
        doubt::left_behind(tx, &left_behind(&claimed), self.now).await?;
        Ok(leases(claimed, self.now + self.lease))
    }
}

/// A customer taken from a queue.
pub(super) struct Claimed {
    waited_since: i64,
    customer: CustomerId,
    fence: i64,
    /// Whether the last worker did not give it back.
    left_behind: bool,
}

pub(super) fn left_behind(claimed: &[Claimed]) -> Vec<&str> {
    claimed.iter().filter(|claimed| claimed.left_behind).map(|claimed| claimed.customer.as_str()).collect()
}

impl ClaimDue {
    async fn claim_longest_waiting(&self, tx: &mut Tx, now: i64) -> Result<Vec<Claimed>, StoreError> {
        let from = self.head.from(now);
        let mut claimed = self.claim(tx, from, now, self.limit).await?;
        let left = self.limit.saturating_sub(u32::try_from(claimed.len()).unwrap_or(u32::MAX));
        let mut began = from;
        if left > 0 && from > FRONT {
            claimed.extend(self.claim(tx, FRONT, from.saturating_sub(1), left).await?);
            began = FRONT;
        }
        if let Some(last) = claimed.iter().map(|claimed| claimed.waited_since).max() {
            self.head.stopped(began, last, now);
        }
        Ok(claimed)
    }

    async fn claim(&self, tx: &mut Tx, from: i64, to: i64, limit: u32) -> Result<Vec<Claimed>, StoreError> {
        let statement = sql(if self.only.is_some() { CLAIM_ONE } else { CLAIM_DUE });
        let statement = statement.bind(from).bind(to).bind(i64::from(limit));
        let statement = statement.bind(self.worker.0.as_str()).bind(micros(self.now + self.lease));
        let statement = match &self.only {
            None => statement,
            Some(customer) => statement.bind(customer.as_str()),
        };
        claimed(&statement.all(tx).await?)
    }
}

/// What a claim took, from `customer_id, fence, waited_since, left_behind`.
pub(super) fn claimed(rows: &[PgRow]) -> Result<Vec<Claimed>, StoreError> {
    let read = |row: &PgRow| {
        let customer = CustomerId::parse(&row.text("customer_id")?)?;
        Ok(Claimed {
            waited_since: row.number("waited_since")?,
            customer,
            fence: row.number("fence")?,
            left_behind: row.flag("left_behind")?,
        })
    };
    rows.iter().map(read).collect::<Result<_, Unread>>().map_err(Into::into)
}

/// The longest waiting first.
pub(super) fn leases(mut claimed: Vec<Claimed>, until: Timestamp) -> Vec<Lease> {
    claimed.sort_by(|one, other| (one.waited_since, &one.customer).cmp(&(other.waited_since, &other.customer)));
    claimed.into_iter().map(|claimed| Lease { customer: claimed.customer, fence: claimed.fence, until }).collect()
}

/// See [`Store::renew`](super::super::Store::renew).
pub(super) struct Renew {
    pub(super) leases: Vec<Lease>,
    pub(super) until: Timestamp,
}

#[async_trait]
impl Write for Renew {
    type Answer = Vec<Lease>;

    fn makes_due(&self, _: &Vec<Lease>) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx) -> Result<Vec<Lease>, StoreError> {
        // Locked in the order of their ids first, like everywhere, so that two statements over many customers never wait for each other.
        let rows = sql("-- renew
             WITH held AS (
                 SELECT w.customer_id FROM unnest($1::text[], $2::bigint[]) AS l (customer_id, fence)
                 JOIN customer_work w ON w.customer_id = l.customer_id AND w.fence = l.fence AND w.lease_owner IS NOT NULL
                 ORDER BY w.customer_id FOR UPDATE OF w
             )
             UPDATE customer_work w SET lease_until = $3, wake_at = $3 FROM held WHERE w.customer_id = held.customer_id
             RETURNING w.customer_id, w.fence")
        .bind(self.leases.iter().map(|lease| lease.customer.as_str()).collect::<Vec<_>>())
        .bind(self.leases.iter().map(|lease| lease.fence).collect::<Vec<_>>())
        .bind(micros(self.until))
        .all(tx)
        .await?;
        let held = rows
            .iter()
            .map(|row| Ok((row.text("customer_id")?, row.number("fence")?)))
            .collect::<Result<std::collections::HashSet<_>, Unread>>()?;
        let is_held = |lease: &&Lease| held.contains(&(lease.customer.to_string(), lease.fence));
        Ok(self.leases.iter().filter(is_held).map(|lease| Lease { until: self.until, ..lease.clone() }).collect())
    }
}
