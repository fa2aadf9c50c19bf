//! Rows that go away.

use super::super::StoreError;
use super::connection::{Tx, sql};
use super::stamps;
use crate::domain::{CustomerId, UserId};

/// Forgets a user at once.
pub(super) async fn remove_user(tx: &mut Tx, customer: &CustomerId, id: &UserId) -> Result<(), StoreError> {
    // A link that goes away is a changed link.
    const SQL: &str = concat!(
        "-- remove_user
         WITH linked AS (
             SELECT u.customer_id FROM user_work u
             WHERE u.customer_id = $1 AND u.user_id = $2 AND u.entity_user_id IS NOT NULL
         ), unlink AS (
             UPDATE ",
        stamps::links_changed!(),
        " FROM linked WHERE w.customer_id = linked.customer_id
         )
         DELETE FROM users WHERE customer_id = $1 AND user_id = $2"
    );
    sql(SQL).bind(customer.as_str()).bind(id.as_str()).run(tx).await?;
    Ok(())
}
