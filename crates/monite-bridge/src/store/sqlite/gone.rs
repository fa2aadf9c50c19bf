//! Rows that go away.

use sqlx::SqliteConnection;

use super::super::StoreError;
use super::database;
use crate::domain::{CustomerId, UserId};

/// Forgets a user at once.
pub(super) async fn remove_user(
    tx: &mut SqliteConnection, customer: &CustomerId, id: &UserId,
) -> Result<(), StoreError> {
    sqlx::query(
        "-- remove_user
         DELETE FROM users WHERE customer_id = ?1 AND user_id = ?2",
    )
    .bind(customer.as_str())
    .bind(id.as_str())
    .execute(tx)
    .await
    .map_err(database("remove_user"))?;
    Ok(())
}
