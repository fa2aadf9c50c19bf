//! When a customer is to be visited. One rule, used by every write that can change it.
//!
//! `due_at` says when an object itself is to be tried. `customer_work.wake_at` says when the customer is to be visited: when it
//! is due itself, or when one of its users is. Users count only once the entity exists, and those that are to be there only
//! while the customer is to be there: nothing could be done for the others, and a visit that can do nothing would come again
//! at once, for ever. While somebody works on the customer it is the end of the lease, so that it comes back if that one dies.

use super::super::StoreError;
use super::connection::{Tx, sql};

/// The rule without the lease, as an SQL expression over `customer_work w`. (`least` leaves out what is NULL.)
macro_rules! wake_without_lease {
    () => {
        "least(w.due_at, CASE WHEN w.seen = 'present' THEN (
            SELECT u.due_at FROM user_work u
            WHERE u.customer_id = w.customer_id AND u.due_at IS NOT NULL AND (w.wish = 'present' OR u.wish = 'gone')
            ORDER BY u.due_at LIMIT 1
        ) END)"
    };
}
pub(super) use wake_without_lease;

/// Applies the rule to these customers.
pub(super) async fn settle(tx: &mut Tx, customers: &[&str]) -> Result<(), StoreError> {
    const SQL: &str = concat!(
        "-- settle_wake
         UPDATE customer_work w SET wake_at = CASE WHEN w.lease_until IS NOT NULL THEN w.lease_until ELSE ",
        wake_without_lease!(),
        " END WHERE w.customer_id = ANY($1)"
    );
    sql(SQL).bind(customers).run(tx).await?;
    Ok(())
}
