//! Changes that went out and that nobody saw answered.
//!
//! A visit that fails without an answer says so itself. One that dies cannot: so whoever writes an object that a visit has in hand
//! at that moment, and whoever takes over a customer from a worker that did not give it back, notes that a change may be on its
//! way. It counts as soon as another generation is desired: repeating the same change needs no look.

use jiff::Timestamp;

use super::super::StoreError;
use super::super::columns::micros;
use super::changes::column;
use super::connection::{Tx, sql};
use super::round::Round;
use crate::domain::LANDS_WITHIN_UNSEEN;

/// Columns to set in a write of the product: the table, `now`, and whether the customer is in somebody's hands, as SQL. Only an object that
/// is due can be in the middle of a change; also one that is not known to be there yet, because the visit may find it and change it at
/// once. (`greatest` leaves out what is NULL.)
macro_rules! doubt_if_in_hand {
    ($table:literal, $now:literal, $in_hand:literal) => {
        concat!(
            "doubt_generation = CASE WHEN ",
            $table,
            ".due_at IS NOT NULL AND ",
            $in_hand,
            " THEN coalesce(",
            $table,
            ".doubt_generation, ",
            $table,
            ".generation) ELSE ",
            $table,
            ".doubt_generation END,
             doubt_until = CASE WHEN ",
            $table,
            ".due_at IS NOT NULL AND ",
            $in_hand,
            " THEN greatest(",
            $table,
            ".doubt_until, ",
            $now,
            " + 75000000) ELSE ",
            $table,
            ".doubt_until END"
        )
    };
}
pub(super) use doubt_if_in_hand;

// The number above.
const _: () = assert!(LANDS_WITHIN_UNSEEN.as_micros() == 75_000_000);

/// These customers were taken although the last worker did not give them back. It may have died in the middle of a change, and that counts
/// as an attempt: the next one's answer tells nothing about this one. That goes for users, too, that rest since somebody deleted the customer
/// during the visit (see [`super::rest`]). A create may have waited for its turn until the lease was over, so it is
/// given as long from now as one that goes out now.
pub(super) async fn left_behind(tx: &mut Tx, customers: &[&str], now: Timestamp) -> Result<(), StoreError> {
    if customers.is_empty() {
        return Ok(());
    }
    let until = micros(now + LANDS_WITHIN_UNSEEN);
    sql("-- doubt_customers_left_behind
         UPDATE customer_work SET
             doubt_generation = coalesce(doubt_generation, generation), doubt_until = greatest(doubt_until, $2),
             attempts = greatest(attempts, 1)
         WHERE customer_id = ANY($1) AND seen = 'present' AND due_at <= $3")
    .bind(customers)
    .bind(until)
    .bind(micros(now))
    .run(tx)
    .await?;
    sql("-- doubt_users_left_behind
         UPDATE user_work SET
             doubt_generation = coalesce(doubt_generation, generation), doubt_until = greatest(doubt_until, $2),
             attempts = greatest(attempts, 1)
         WHERE customer_id = ANY($1) AND seen = 'present'
           AND (due_at <= $3 OR state = 'deactivated' AND doubt_until IS NOT NULL)")
    .bind(customers)
    .bind(until)
    .bind(micros(now))
    .run(tx)
    .await?;
    sql("-- unsure_stamps_left_behind
         UPDATE customer_work SET stamp_unsure_until = greatest(stamp_unsure_until, $2)
         WHERE customer_id = ANY($1) AND stamp_unsure_until IS NOT NULL")
    .bind(customers)
    .bind(until)
    .run(tx)
    .await?;
    sql("-- lands_later_customers_left_behind
         UPDATE customer_work SET lands_by = greatest(lands_by, $2) WHERE customer_id = ANY($1) AND seen = 'unknown'")
    .bind(customers)
    .bind(until)
    .run(tx)
    .await?;
    sql("-- lands_later_users_left_behind
         UPDATE user_work SET lands_by = greatest(lands_by, $2) WHERE customer_id = ANY($1) AND seen = 'unknown'")
    .bind(customers)
    .bind(until)
    .run(tx)
    .await?;
    Ok(())
}

/// What was looked at is in doubt no more, unless the product wrote it meanwhile.
pub(super) async fn looked(tx: &mut Tx, round: &Round<'_>) -> Result<(), StoreError> {
    if !round.customers_looked.is_empty() {
        sql("-- record_customers_looked
             UPDATE customer_work w SET doubt_generation = NULL, doubt_until = NULL
             FROM unnest($1::text[], $2::bigint[]) AS n (customer_id, generation)
             WHERE w.customer_id = n.customer_id AND w.generation = n.generation")
        .bind(column(&round.customers_looked, |(customer, _)| customer.as_str()))
        .bind(column(&round.customers_looked, |(_, generation)| generation.0))
        .run(tx)
        .await?;
    }
    if !round.users_looked.is_empty() {
        sql("-- record_users_looked
             UPDATE user_work w SET doubt_generation = NULL, doubt_until = NULL
             FROM unnest($1::text[], $2::text[], $3::bigint[]) AS n (customer_id, user_id, generation)
             WHERE w.customer_id = n.customer_id AND w.user_id = n.user_id AND w.generation = n.generation")
        .bind(column(&round.users_looked, |(customer, _, _)| customer.as_str()))
        .bind(column(&round.users_looked, |(_, user, _)| user.as_str()))
        .bind(column(&round.users_looked, |(_, _, generation)| generation.0))
        .run(tx)
        .await?;
    }
    Ok(())
}
