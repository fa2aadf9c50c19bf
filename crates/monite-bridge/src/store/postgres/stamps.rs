//! Which links are to be stamped into their entities, and who this database is.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::postgres::PgRow;

use super::super::columns::micros;
use super::super::{Lease, Links, StoreError, WorkerId};
use super::connection::{Tx, sql};
use super::doubt;
use super::rows::{self, Columns as _, Unread, to_json};
use super::work::{claimed, leases, left_behind};
use super::writer::Write;
use crate::domain::{BridgeId, CustomerId, LastError, Stamp, UserId};

/// What a changed link means for its customer, as table and assignments of an `UPDATE`: one change more, and a stamp to be written
/// as soon as nothing else is to be done. One that failed before is tried again at once, too.
macro_rules! links_changed {
    () => {
        "customer_work w SET links = w.links + 1, stamp_due_at = CASE WHEN w.entity_id IS NOT NULL THEN 0 END"
    };
}
pub(super) use links_changed;

/// See [`Store::claim_stamps`](super::super::Store::claim_stamps).
pub(super) struct ClaimStamps {
    pub(super) worker: WorkerId,
    pub(super) now: Timestamp,
    pub(super) lease: Duration,
    pub(super) limit: u32,
    pub(super) only: Option<CustomerId>,
}

/// A lease that has ended counts as none, as in the queue of visits. One lease for both queues: nobody visits a customer that somebody
/// else is stamping.
pub(super) const CLAIM_STAMPS: &str = "-- claim_stamps
    WITH due AS (
        SELECT d.customer_id, d.stamp_due_at, d.lease_owner IS NOT NULL AS left_behind FROM customer_work d
        WHERE d.stamp_due_at IS NOT NULL AND d.stamp_due_at <= $1 AND coalesce(d.lease_until, $1) <= $1
        ORDER BY d.stamp_due_at, d.customer_id LIMIT $2 FOR UPDATE SKIP LOCKED
    )
    UPDATE customer_work w SET lease_owner = $3, lease_until = $4, wake_at = $4, fence = w.fence + 1
    FROM due WHERE w.customer_id = due.customer_id
    RETURNING w.customer_id, w.fence, due.stamp_due_at AS waited_since, due.left_behind";

const CLAIM_STAMP: &str = "-- claim_stamp
    WITH due AS (
        SELECT d.customer_id, d.stamp_due_at, d.lease_owner IS NOT NULL AS left_behind FROM customer_work d
        WHERE d.customer_id = $5 AND d.stamp_due_at <= $1 AND coalesce(d.lease_until, $1) <= $1
        LIMIT $2 FOR UPDATE SKIP LOCKED
    )
    UPDATE customer_work w SET lease_owner = $3, lease_until = $4, wake_at = $4, fence = w.fence + 1
    FROM due WHERE w.customer_id = due.customer_id
    RETURNING w.customer_id, w.fence, due.stamp_due_at AS waited_since, due.left_behind";

#[async_trait]
impl Write for ClaimStamps {
    type Answer = Vec<Lease>;

    fn makes_due(&self, _: &Vec<Lease>) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx) -> Result<Vec<Lease>, StoreError> {
        let until = self.now + self.lease;
        let statement = sql(if self.only.is_some() { CLAIM_STAMP } else { CLAIM_STAMPS });
        let statement = statement.bind(micros(self.now)).bind(i64::from(self.limit));
        let statement = statement.bind(self.worker.0.as_str()).bind(micros(until));
        let statement = match &self.only {
            None => statement,
            Some(customer) => statement.bind(customer.as_str()),
        };
        let claimed = claimed(&statement.all(tx).await?)?;
        // A visit may have ended there without a word: whoever claims the customer next has to say so, whatever for.
        doubt::left_behind(tx, &left_behind(&claimed), self.now).await?;
        Ok(leases(claimed, until))
    }
}

/// See [`Store::links`](super::super::Store::links).
pub(super) async fn links(tx: &mut Tx, lease: &Lease) -> Result<Option<Links>, StoreError> {
    let work = sql("-- links
         SELECT entity_id, links, stamp_attempts, stamp_unsure_until, (SELECT value FROM settings WHERE name = 'bridge') AS bridge
         FROM customer_work
         WHERE customer_id = $1 AND fence = $2 AND lease_owner IS NOT NULL AND entity_id IS NOT NULL")
    .bind(lease.customer.as_str())
    .bind(lease.fence)
    .optional(tx)
    .await?;
    let Some(work) = work else { return Ok(None) };
    // Those whose login says nothing about their id come first: should there not be room for all in the stamp, the others can
    // still be found.
    let users = sql("-- user_links
         SELECT user_id, entity_user_id FROM user_work WHERE customer_id = $1 AND entity_user_id IS NOT NULL
         ORDER BY login IS NOT DISTINCT FROM user_id, user_id")
    .bind(lease.customer.as_str())
    .all(tx)
    .await?;
    let user = |row: &PgRow| Ok((UserId::parse(&row.text("user_id")?)?, rows::text_id(&row.text("entity_user_id")?)?));
    let users: Vec<_> = users.iter().map(user).collect::<Result<_, Unread>>()?;
    let bridge = named(work.text_or_null("bridge")?)?;
    Ok(Some(Links {
        entity: rows::text_id(&work.text("entity_id")?)?,
        stamp: Stamp::new(bridge, lease.customer.clone(), users),
        count: work.number("links")?,
        unsure_until: work.number_or_null("stamp_unsure_until")?.map(rows::time).transpose()?,
        failed: work.count("stamp_attempts")?,
    }))
}

/// Until when each stamp that nobody saw answered may land.
pub(super) async fn unsure(tx: &mut Tx, unsure: &[(&CustomerId, Option<Timestamp>)]) -> Result<(), StoreError> {
    if unsure.is_empty() {
        return Ok(());
    }
    sql("-- record_stamps_unsure
         UPDATE customer_work w SET stamp_unsure_until = now.until
         FROM unnest($1::text[], $2::bigint[]) AS now (customer_id, until) WHERE w.customer_id = now.customer_id")
    .bind(unsure.iter().map(|(customer, _)| customer.as_str()).collect::<Vec<_>>())
    .bind(unsure.iter().map(|(_, until)| until.map(micros)).collect::<Vec<_>>())
    .run(tx)
    .await?;
    Ok(())
}

/// Monite holds these links (by their count). Those that changed meanwhile stay due.
pub(super) async fn stamped(tx: &mut Tx, stamped: &[(&CustomerId, i64)]) -> Result<(), StoreError> {
    if stamped.is_empty() {
        return Ok(());
    }
    sql("-- record_stamped
         UPDATE customer_work w SET
             stamp_due_at = CASE WHEN w.links = now.links THEN w.stamp_unsure_until ELSE w.stamp_due_at END,
             stamp_attempts = 0, stamp_error = NULL
         FROM unnest($1::text[], $2::bigint[]) AS now (customer_id, links) WHERE w.customer_id = now.customer_id")
    .bind(stamped.iter().map(|(customer, _)| customer.as_str()).collect::<Vec<_>>())
    .bind(stamped.iter().map(|(_, links)| *links).collect::<Vec<_>>())
    .run(tx)
    .await?;
    Ok(())
}

/// Stamps that could not be written, when each is tried again, and why.
pub(super) async fn failed(tx: &mut Tx, failed: &[(&CustomerId, Timestamp, &LastError)]) -> Result<(), StoreError> {
    if failed.is_empty() {
        return Ok(());
    }
    sql("-- record_stamps_failed
         UPDATE customer_work w SET stamp_due_at = now.due_at, stamp_attempts = w.stamp_attempts + 1, stamp_error = now.error
         FROM unnest($1::text[], $2::bigint[], $3::text[]) AS now (customer_id, due_at, error)
         WHERE w.customer_id = now.customer_id AND w.entity_id IS NOT NULL")
    .bind(failed.iter().map(|(customer, _, _)| customer.as_str()).collect::<Vec<_>>())
    .bind(failed.iter().map(|(_, due_at, _)| micros(*due_at)).collect::<Vec<_>>())
    .bind(failed.iter().map(|(_, _, error)| to_json(error)).collect::<Vec<_>>())
    .run(tx)
    .await?;
    Ok(())
}

pub(super) const NEXT_STAMP: &str = "-- next_stamp
    SELECT stamp_due_at FROM customer_work WHERE stamp_due_at IS NOT NULL AND lease_until IS NULL
    ORDER BY stamp_due_at LIMIT 1";

/// See [`Store::next_stamp`](super::super::Store::next_stamp). A customer in somebody's hands comes back through the other queue.
pub(super) async fn next(tx: &mut Tx) -> Result<Option<Timestamp>, StoreError> {
    let next = sql(NEXT_STAMP).optional(tx).await?;
    Ok(next.map(|row| rows::time(row.number("stamp_due_at")?)).transpose()?)
}

/// Customers with an entity, and those of them whose links are stamped.
pub(super) async fn counts(tx: &mut Tx) -> Result<(u64, u64), StoreError> {
    let row = sql("-- stats_stamps
         SELECT (SELECT count(*) FROM customer_work WHERE entity_id IS NOT NULL) AS linked,
                (SELECT count(*) FROM customer_work WHERE stamp_due_at IS NOT NULL) AS due")
    .one(tx)
    .await?;
    let (linked, due): (u64, u64) = (row.count("linked")?, row.count("due")?);
    Ok((linked, linked.saturating_sub(due)))
}

/// See [`Store::name_bridge`](super::super::Store::name_bridge).
pub(super) struct NameBridge {
    pub(super) fresh: BridgeId,
}

#[async_trait]
impl Write for NameBridge {
    type Answer = BridgeId;

    fn makes_due(&self, _: &BridgeId) -> bool {
        false
    }

    /// Of replicas that start together, the first names the database; the others wait for it here, and see its name.
    async fn run(&self, tx: &mut Tx) -> Result<BridgeId, StoreError> {
        sql("-- name_bridge
             INSERT INTO settings (name, value) VALUES ('bridge', $1) ON CONFLICT (name) DO NOTHING")
        .bind(self.fresh.as_str())
        .run(tx)
        .await?;
        bridge(tx).await
    }
}

/// See [`Store::bridge`](super::super::Store::bridge).
pub(super) async fn bridge(tx: &mut Tx) -> Result<BridgeId, StoreError> {
    let row = sql("-- bridge
         SELECT value FROM settings WHERE name = 'bridge'")
    .optional(tx)
    .await?;
    named(row.map(|row| row.text("value")).transpose()?)
}

fn named(name: Option<String>) -> Result<BridgeId, StoreError> {
    match name {
        Some(name) => Ok(BridgeId::parse(&name).map_err(Unread::from)?),
        None => Err(StoreError::Corrupt {
            row: "settings bridge".to_owned(),
            reason: "the database has no name yet".to_owned(),
        }),
    }
}
