//! Users of a customer that is not to be there: nothing can be done for them until it comes back.
//!
//! They rest as `deactivated`, due at no time, instead of staying `pending` for ever; those that Monite confirmed or refused keep
//! saying so. When the product writes the customer again, they are pending and due at once. A deleted user does not rest: its
//! deletion goes on.

use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::super::StoreError;
use super::super::rows::to_json;
use super::{database, doubt, micros};
use crate::domain::CustomerId;

/// Lets the users of this customer rest, which the product deleted at `now`. A visit that has it in hand may be changing one of
/// them, and nobody will ask about that before the customer comes back.
pub(super) async fn rest_deleted(
    tx: &mut SqliteConnection, customer: &CustomerId, now: Timestamp,
) -> Result<(), StoreError> {
    const SQL: &str = concat!(
        "-- rest_users_of_deleted
         UPDATE user_work SET ",
        doubt::doubt_if_in_hand!(
            "?2",
            "(SELECT c.lease_owner IS NOT NULL FROM customer_work c WHERE c.customer_id = user_work.customer_id)"
        ),
        ", state = 'deactivated', due_at = NULL
         WHERE customer_id = ?1 AND wish = 'present' AND state IN ('pending', 'retrying')"
    );
    sqlx::query(SQL)
        .bind(customer.as_str())
        .bind(micros(now))
        .execute(tx)
        .await
        .map_err(database("rest_users_of_deleted"))?;
    Ok(())
}

/// Lets the users of this customer rest, if it is not to be there.
pub(super) async fn rest(tx: &mut SqliteConnection, customer: &CustomerId) -> Result<(), StoreError> {
    rest_all(tx, &to_json(&[customer.as_str()])).await
}

/// The same for many customers (a JSON array of ids).
pub(super) async fn rest_all(tx: &mut SqliteConnection, customers: &str) -> Result<(), StoreError> {
    sqlx::query(
        "-- rest_users
         UPDATE user_work SET state = 'deactivated', due_at = NULL
         WHERE customer_id IN (SELECT j.value FROM json_each(?1) j
                               JOIN customer_work c ON c.customer_id = j.value AND c.wish = 'gone')
           AND wish = 'present' AND state IN ('pending', 'retrying')",
    )
    .bind(customers)
    .execute(tx)
    .await
    .map_err(database("rest_users"))?;
    Ok(())
}

/// Takes up the users that rest, of customers (a JSON array of ids) that are to be there again. One that was tried before
/// and is in doubt counts as tried: the next answer tells nothing about that attempt.
pub(super) async fn take_up(tx: &mut SqliteConnection, customers: &str, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query(
        "-- take_up_users
         UPDATE user_work SET state = 'pending', due_at = ?2, attempts = iif(doubt_until IS NULL, 0, min(attempts, 1))
         WHERE state = 'deactivated' AND wish = 'present' AND customer_id IN (SELECT value FROM json_each(?1))",
    )
    .bind(customers)
    .bind(micros(now))
    .execute(tx)
    .await
    .map_err(database("take_up_users"))?;
    Ok(())
}
