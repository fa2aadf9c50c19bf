//! Users of a customer that is not to be there: nothing can be done for them until it comes back.
//!
//! They rest as `deactivated`, due at no time, instead of staying `pending` for ever; those that Monite confirmed or refused keep
//! saying so. When the product writes the customer again, they are pending and due at once. A deleted user does not rest: its
//! deletion goes on.

use jiff::Timestamp;

use super::super::StoreError;
use super::super::columns::micros;
use super::connection::{Tx, sql};

/// Lets the users of those of these customers rest that are not to be there. The customers are locked.
pub(super) async fn rest(tx: &mut Tx, customers: &[&str]) -> Result<(), StoreError> {
    sql("-- rest_users
         UPDATE user_work u SET state = 'deactivated', due_at = NULL FROM customer_work c
         WHERE c.customer_id = ANY($1) AND c.wish = 'gone'
           AND u.customer_id = c.customer_id AND u.wish = 'present' AND u.state IN ('pending', 'retrying')")
    .bind(customers)
    .run(tx)
    .await?;
    Ok(())
}

/// Takes up the users that rest, of customers that are to be there again. The customers are locked.
pub(super) async fn take_up(tx: &mut Tx, customers: &[&str], now: Timestamp) -> Result<(), StoreError> {
    sql("-- take_up_users
         UPDATE user_work SET state = 'pending', attempts = 0, due_at = $2
         WHERE customer_id = ANY($1) AND state = 'deactivated' AND wish = 'present'")
    .bind(customers)
    .bind(micros(now))
    .run(tx)
    .await?;
    Ok(())
}
