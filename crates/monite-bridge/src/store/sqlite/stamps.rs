//! Which links are to be stamped into their entities, and who this database is.

use async_trait::async_trait;
use jiff::Timestamp;
use monite::EntityUserId;
use sqlx::{SqliteConnection, SqlitePool};

use super::super::{Lease, Links, StoreError};
use super::rows::{self, Unread, get, to_json};
use super::writer::Write;
use super::{database, micros};
use crate::domain::{BridgeId, CustomerId, LastError, Stamp, UserId};

/// What a changed link means for its customer, as table and assignments of an `UPDATE`: one change more, and a stamp to be written
/// as soon as nothing else is to be done. One that failed before is tried again at once, too.
macro_rules! links_changed {
    () => {
        "customer_work SET links = links + 1, stamp_due_at = CASE WHEN entity_id IS NULL THEN NULL ELSE 0 END"
    };
}
pub(super) use links_changed;

/// See [`Store::links`](super::super::Store::links).
pub(super) async fn links(readers: &SqlitePool, lease: &Lease) -> Result<Option<Links>, StoreError> {
    let mut tx = readers.begin().await.map_err(database("links_begin"))?;
    let work = sqlx::query(
        "-- links
         SELECT entity_id, links, stamp_attempts, stamp_unsure_until, (SELECT value FROM settings WHERE name = 'bridge') AS bridge
         FROM customer_work
         WHERE customer_id = ?1 AND fence = ?2 AND lease_owner IS NOT NULL AND entity_id IS NOT NULL",
    )
    .bind(lease.customer.as_str())
    .bind(lease.fence)
    .fetch_optional(&mut *tx)
    .await
    .map_err(database("links"))?;
    let Some(work) = work else { return Ok(None) };
    // Those whose login says nothing about their id come first: should there not be room for all in the stamp, the others can
    // still be found.
    let users = sqlx::query(
        "-- user_links
         SELECT user_id, entity_user_id FROM user_work WHERE customer_id = ?1 AND entity_user_id IS NOT NULL
         ORDER BY login IS user_id, user_id",
    )
    .bind(lease.customer.as_str())
    .fetch_all(&mut *tx)
    .await
    .map_err(database("user_links"))?;
    let user = |row| Ok((UserId::parse(&get::<String>(row, "user_id")?)?, entity_user(row)?));
    let users: Vec<_> = users.iter().map(user).collect::<Result<_, Unread>>()?;
    let bridge = get::<Option<String>>(&work, "bridge")?.ok_or_else(nameless)?;
    let bridge = BridgeId::parse(&bridge).map_err(Unread::from)?;
    Ok(Some(Links {
        entity: rows::text_id(&get::<String>(&work, "entity_id")?)?,
        stamp: Stamp::new(bridge, lease.customer.clone(), users),
        count: get(&work, "links")?,
        unsure_until: get::<Option<i64>>(&work, "stamp_unsure_until")?.map(rows::time).transpose()?,
        failed: get(&work, "stamp_attempts")?,
    }))
}

fn entity_user(row: &sqlx::sqlite::SqliteRow) -> Result<EntityUserId, Unread> {
    rows::text_id(&get::<String>(row, "entity_user_id")?)
}

/// Until when a stamp that nobody saw answered may land.
pub(super) async fn unsure(
    tx: &mut SqliteConnection, customer: &CustomerId, until: Option<Timestamp>,
) -> Result<(), StoreError> {
    sqlx::query(
        "-- record_stamp_unsure
         UPDATE customer_work SET stamp_unsure_until = ?2 WHERE customer_id = ?1",
    )
    .bind(customer.as_str())
    .bind(until.map(micros))
    .execute(tx)
    .await
    .map_err(database("record_stamp_unsure"))?;
    Ok(())
}

/// Monite holds these links. Those that changed meanwhile stay due.
pub(super) async fn stamped(tx: &mut SqliteConnection, customer: &CustomerId, links: i64) -> Result<(), StoreError> {
    sqlx::query(
        "-- record_stamped
         UPDATE customer_work SET
             stamp_due_at = CASE WHEN links = ?2 THEN stamp_unsure_until ELSE stamp_due_at END, stamp_attempts = 0, stamp_error = NULL
         WHERE customer_id = ?1",
    )
    .bind(customer.as_str())
    .bind(links)
    .execute(tx)
    .await
    .map_err(database("record_stamped"))?;
    Ok(())
}

/// The stamp could not be written.
pub(super) async fn failed(
    tx: &mut SqliteConnection, customer: &CustomerId, due_at: Timestamp, error: &LastError,
) -> Result<(), StoreError> {
    sqlx::query(
        "-- record_stamp_failed
         UPDATE customer_work SET stamp_due_at = ?2, stamp_attempts = stamp_attempts + 1, stamp_error = ?3
         WHERE customer_id = ?1 AND entity_id IS NOT NULL",
    )
    .bind(customer.as_str())
    .bind(micros(due_at))
    .bind(to_json(error))
    .execute(tx)
    .await
    .map_err(database("record_stamp_failed"))?;
    Ok(())
}

pub(super) const NEXT_STAMP: &str = "-- next_stamp
    SELECT stamp_due_at FROM customer_work WHERE stamp_due_at IS NOT NULL AND lease_until IS NULL
    ORDER BY stamp_due_at LIMIT 1";

/// See [`Store::next_stamp`](super::super::Store::next_stamp). A customer in somebody's hands comes back through the other queue.
pub(super) async fn next(readers: &SqlitePool) -> Result<Option<Timestamp>, StoreError> {
    let next: Option<i64> =
        sqlx::query_scalar(NEXT_STAMP).fetch_optional(readers).await.map_err(database("next_stamp"))?;
    Ok(next.map(rows::time).transpose()?)
}

/// Customers with an entity, and those of them whose links are stamped.
pub(super) async fn counts(readers: &SqlitePool) -> Result<(u64, u64), StoreError> {
    let row = sqlx::query(
        "-- stats_stamps
         SELECT (SELECT count(*) FROM customer_work WHERE entity_id IS NOT NULL) AS linked,
                (SELECT count(*) FROM customer_work WHERE stamp_due_at IS NOT NULL) AS due",
    )
    .fetch_one(readers)
    .await
    .map_err(database("stats_stamps"))?;
    let (linked, due): (i64, i64) = (get(&row, "linked")?, get(&row, "due")?);
    Ok((linked.unsigned_abs(), (linked - due).unsigned_abs()))
}

/// See [`Store::name_bridge`](super::super::Store::name_bridge).
pub(super) struct NameBridge {
    pub(super) fresh: BridgeId,
}

#[async_trait]
impl Write for NameBridge {
    type Answer = BridgeId;

    async fn run(&self, tx: &mut SqliteConnection) -> Result<BridgeId, StoreError> {
        sqlx::query(
            "-- name_bridge
             INSERT INTO settings (name, value) VALUES ('bridge', ?1) ON CONFLICT (name) DO NOTHING",
        )
        .bind(self.fresh.as_str())
        .execute(&mut *tx)
        .await
        .map_err(database("name_bridge"))?;
        bridge(tx).await
    }
}

/// See [`Store::bridge`](super::super::Store::bridge).
pub(super) async fn bridge(executor: impl sqlx::Executor<'_, Database = sqlx::Sqlite>) -> Result<BridgeId, StoreError> {
    let name: Option<String> = sqlx::query_scalar(
        "-- bridge
         SELECT value FROM settings WHERE name = 'bridge'",
    )
    .fetch_optional(executor)
    .await
    .map_err(database("bridge"))?;
    Ok(BridgeId::parse(&name.ok_or_else(nameless)?).map_err(Unread::from)?)
}

fn nameless() -> StoreError {
    StoreError::Corrupt { row: "settings bridge".to_owned(), reason: "the database has no name yet".to_owned() }
}
