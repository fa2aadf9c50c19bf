//! Users of a customer that is not to be there: nothing can be done for them until it comes back.
//!
//! They rest as `deactivated`, due at no time, instead of staying `pending` for ever; those that Monite confirmed or refused keep
//! saying so. When the product writes the customer again, they are pending and due at once. A deleted user does not rest: its
//! deletion goes on.

use jiff::Timestamp;

use super::super::StoreError;
use super::super::columns::micros;
use super::connection::{Tx, sql};
use super::doubt::doubt_if_in_hand;
use crate::domain::CustomerId;

/// Lets the users of this customer rest, which the product deleted at `now`. A visit that has it in hand may be changing one of
/// them, and nobody will ask about that before the customer comes back. The customer is locked.
pub(super) async fn rest_deleted(tx: &mut Tx, customer: &CustomerId, now: Timestamp) -> Result<(), StoreError> {
    const SQL: &str = concat!(
        "-- rest_users_of_deleted
         UPDATE user_work SET ",
        doubt_if_in_hand!(
            "user_work",
            "$2",
            "(SELECT c.lease_owner IS NOT NULL FROM customer_work c WHERE c.customer_id = user_work.customer_id)"
        ),
        ", state = 'deactivated', due_at = NULL
         WHERE customer_id = $1 AND wish = 'present' AND state IN ('pending', 'retrying')"
    );
    sql(SQL).bind(customer.as_str()).bind(micros(now)).run(tx).await?;
    Ok(())
}

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

/// Takes up the users that rest, of customers that are to be there again. One that was tried before and is in doubt counts as tried:
/// the next answer tells nothing about that attempt. The customers are locked.
pub(super) async fn take_up(tx: &mut Tx, customers: &[&str], now: Timestamp) -> Result<(), StoreError> {
    sql("-- take_up_users
         UPDATE user_work SET state = 'pending', due_at = $2,
             attempts = CASE WHEN doubt_until IS NULL THEN 0 ELSE least(attempts, 1) END
         WHERE customer_id = ANY($1) AND state = 'deactivated' AND wish = 'present'")
    .bind(customers)
    .bind(micros(now))
    .run(tx)
    .await?;
    Ok(())
}
