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

/// Forgets the users that the product deleted during the visit that ends now, and that are to be kept at Monite.
pub(super) async fn remove_forgotten(tx: &mut SqliteConnection, customer: &CustomerId) -> Result<(), StoreError> {
    sqlx::query(
        "-- remove_forgotten
         DELETE FROM users WHERE (customer_id, user_id) IN
             (SELECT customer_id, user_id FROM user_work WHERE customer_id = ?1 AND state = 'deactivated')",
    )
    .bind(customer.as_str())
    .execute(tx)
    .await
    .map_err(database("remove_forgotten"))?;
    Ok(())
}
