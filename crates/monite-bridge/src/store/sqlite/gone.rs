//! Rows that go away.

use sqlx::SqliteConnection;

use super::super::StoreError;
use super::{database, stamps};
use crate::domain::{CustomerId, UserId};

/// Forgets a user at once.
pub(super) async fn remove_user(
    tx: &mut SqliteConnection, customer: &CustomerId, id: &UserId,
) -> Result<(), StoreError> {
    // A link that goes away is a changed link.
    const SQL: &str = concat!(
        "-- remove_user
         UPDATE ",
        stamps::links_changed!(),
        " WHERE customer_id = ?1 AND EXISTS (SELECT 1 FROM user_work u
             WHERE u.customer_id = ?1 AND u.user_id = ?2 AND u.entity_user_id IS NOT NULL);
         DELETE FROM users WHERE customer_id = ?1 AND user_id = ?2"
    );
    sqlx::query(SQL).bind(customer.as_str()).bind(id.as_str()).execute(tx).await.map_err(database("remove_user"))?;
    Ok(())
}
