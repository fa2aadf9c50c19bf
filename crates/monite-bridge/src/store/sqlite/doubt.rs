//! Changes that went out and that nobody saw answered.
//!
//! A visit that fails without an answer says so itself. One that dies cannot: so whoever writes an object that a visit has in hand
//! at that moment, and whoever takes over a customer from a worker that did not give it back, notes that a change may be on its
//! way. It counts as soon as another generation is desired: repeating the same change needs no look.

use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::super::StoreError;
use super::rows::to_json;
use super::{database, micros};
use crate::domain::LANDS_WITHIN_UNSEEN;

/// Columns to set in a write of the product: `now` and whether the customer is in somebody's hands, as SQL. Only an object that is due
/// can be in the middle of a change; also one that is not known to be there yet, because the visit may find it and change it at once.
macro_rules! doubt_if_in_hand {
    ($now:literal, $in_hand:literal) => {
        concat!(
            "doubt_generation = CASE WHEN due_at IS NOT NULL AND ",
            $in_hand,
            " THEN ifnull(doubt_generation, generation) ELSE doubt_generation END,
             doubt_until = CASE WHEN due_at IS NOT NULL AND ",
            $in_hand,
            " THEN max(ifnull(doubt_until, 0), ",
            $now,
            " + 75000000) ELSE doubt_until END"
        )
    };
}
pub(super) use doubt_if_in_hand;

// The number above.
const _: () = assert!(LANDS_WITHIN_UNSEEN.as_micros() == 75_000_000);

/// Of these customers (a JSON array of ids), which are about to be taken: those that the last worker did not give back. It may
/// have died in the middle of a change, and that counts as an attempt: the next one's answer tells nothing about this one. A
/// create may have waited for its turn until the lease was over, so it is given as long from now as one that goes out now.
pub(super) async fn left_behind(tx: &mut SqliteConnection, customers: &str, now: Timestamp) -> Result<(), StoreError> {
    let left: Vec<String> = sqlx::query_scalar(
        "-- left_behind
         SELECT w.customer_id FROM json_each(?1) j JOIN customer_work w ON w.customer_id = j.value
         WHERE w.lease_owner IS NOT NULL",
    )
    .bind(customers)
    .fetch_all(&mut *tx)
    .await
    .map_err(database("left_behind"))?;
    if left.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "-- doubt_left_behind
         UPDATE customer_work SET
             doubt_generation = ifnull(doubt_generation, generation), doubt_until = max(ifnull(doubt_until, 0), ?2),
             attempts = max(attempts, 1)
         WHERE customer_id IN (SELECT value FROM json_each(?1)) AND seen = 'present' AND due_at <= ?3;
         UPDATE user_work SET
             doubt_generation = ifnull(doubt_generation, generation), doubt_until = max(ifnull(doubt_until, 0), ?2),
             attempts = max(attempts, 1)
         WHERE customer_id IN (SELECT value FROM json_each(?1)) AND seen = 'present'
           AND (due_at <= ?3 OR state = 'deactivated' AND doubt_until IS NOT NULL);
         UPDATE customer_work SET stamp_unsure_until = max(stamp_unsure_until, ?2)
         WHERE customer_id IN (SELECT value FROM json_each(?1)) AND stamp_unsure_until IS NOT NULL;
         UPDATE customer_work SET lands_by = max(lands_by, ?2)
         WHERE customer_id IN (SELECT value FROM json_each(?1)) AND seen = 'unknown';
         UPDATE user_work SET lands_by = max(lands_by, ?2)
         WHERE customer_id IN (SELECT value FROM json_each(?1)) AND seen = 'unknown'",
    )
    .bind(to_json(&left))
    .bind(micros(now + LANDS_WITHIN_UNSEEN))
    .bind(micros(now))
    .execute(tx)
    .await
    .map_err(database("doubt_left_behind"))?;
    Ok(())
}
