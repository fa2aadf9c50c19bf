//! Rows that go away.

use super::super::StoreError;
use super::connection::{Tx, sql};
use crate::domain::{CustomerId, UserId};

/// Forgets a user at once.
pub(super) async fn remove_user(tx: &mut Tx, customer: &CustomerId, id: &UserId) -> Result<(), StoreError> {
    sql("-- remove_user
         DELETE FROM users WHERE customer_id = $1 AND user_id = $2")
    .bind(customer.as_str())
    .bind(id.as_str())
    .run(tx)
    .await?;
    Ok(())
}
