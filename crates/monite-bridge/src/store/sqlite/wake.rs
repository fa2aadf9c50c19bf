//! When a customer is to be visited. One rule, used by every write that can change it.
//!
//! `due_at` says when an object itself is to be tried. `customer_work.wake_at` says when the customer is to be visited: when it
//! is due itself, or when one of its users is. Users count only once the entity exists, and those that are to be there only
//! while the customer is to be there: nothing could be done for the others, and a visit that can do nothing would come again
//! at once, for ever. While somebody works on the customer it is the end of the lease, so that it comes back if that one dies.

use sqlx::SqliteConnection;

use super::super::StoreError;
use super::database;

/// The rule without the lease, as an SQL expression over `customer_work`.
macro_rules! wake_without_lease {
    () => {
        "nullif(min(
            ifnull(due_at, 9223372036854775807),
            CASE WHEN seen <> 'present' THEN 9223372036854775807 ELSE ifnull((
                SELECT u.due_at FROM user_work u
                WHERE u.customer_id = customer_work.customer_id AND u.due_at IS NOT NULL
                  AND (customer_work.wish = 'present' OR u.wish = 'gone')
                ORDER BY u.due_at LIMIT 1
            ), 9223372036854775807) END
        ), 9223372036854775807)"
    };
}
pub(super) use wake_without_lease;

/// The rule, as an SQL expression over `customer_work`.
macro_rules! wake {
    () => {
        concat!("CASE WHEN lease_until IS NOT NULL THEN lease_until ELSE ", wake_without_lease!(), " END")
    };
}

/// Applies the rule to these customers (a JSON array of ids).
pub(super) async fn settle(tx: &mut SqliteConnection, customers: &str) -> Result<(), StoreError> {
    const SQL: &str = concat!(
        "-- settle_wake
         UPDATE customer_work SET wake_at = ",
        wake!(),
        " WHERE customer_id IN (SELECT value FROM json_each(?1))"
    );
    sqlx::query(SQL).bind(customers).execute(tx).await.map_err(database("settle_wake"))?;
    Ok(())
}

/// Applies the rule to one customer.
pub(super) async fn settle_one(tx: &mut SqliteConnection, customer: &str) -> Result<(), StoreError> {
    const SQL: &str = concat!(
        "-- settle_wake_one
         UPDATE customer_work SET wake_at = ",
        wake!(),
        " WHERE customer_id = ?1"
    );
    sqlx::query(SQL).bind(customer).execute(tx).await.map_err(database("settle_wake_one"))?;
    Ok(())
}
