//! What an import must know of the rows that are there. Most are the same as what comes, so the server compares the hashes itself and
//! says no more of them than their place.

use sqlx::postgres::PgRow;

use super::super::StoreError;
use super::super::decide::{StoredCustomer, StoredUser};
use super::super::import::There;
use super::connection::{Tx, sql};
use super::desired::{DesiredCustomer, DesiredUser};
use super::rows::{self, Columns as _, Unread};

/// What is stored of these customers, in their order.
pub(super) async fn customers(
    tx: &mut Tx, desired: &[&DesiredCustomer],
) -> Result<Vec<There<StoredCustomer>>, StoreError> {
    let rows = sql("-- known_customers
         SELECT d.place, d.document_hash = w.document_hash AND w.wish = 'present' AS same,
                CASE WHEN d.document_hash <> w.document_hash OR w.wish <> 'present' THEN w.document_hash END AS document_hash,
                w.wish, w.generation, w.seen <> 'absent' AS may_exist
         FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS d (customer_id, document_hash, place)
         JOIN customer_work w ON w.customer_id = d.customer_id")
    .bind(desired.iter().map(|customer| customer.id.as_str()).collect::<Vec<_>>())
    .bind(desired.iter().map(|customer| customer.hash.as_slice()).collect::<Vec<_>>())
    .all(tx)
    .await?;
    in_order(desired.len(), &rows, rows::stored_customer).map_err(Into::into)
}

/// What is stored of these users, in their order; deleted ones too.
pub(super) async fn users(tx: &mut Tx, desired: &[&DesiredUser]) -> Result<Vec<There<StoredUser>>, StoreError> {
    if desired.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sql("-- known_users
         SELECT d.place, d.document_hash = w.document_hash AND w.wish = 'present' AS same,
                CASE WHEN d.document_hash <> w.document_hash OR w.wish <> 'present' THEN w.document_hash END AS document_hash,
                w.wish, w.generation, w.login
         FROM unnest($1::text[], $2::text[], $3::bytea[]) WITH ORDINALITY AS d (customer_id, user_id, document_hash, place)
         JOIN user_work w ON w.customer_id = d.customer_id AND w.user_id = d.user_id")
    .bind(desired.iter().map(|user| user.customer.as_str()).collect::<Vec<_>>())
    .bind(desired.iter().map(|user| user.id.as_str()).collect::<Vec<_>>())
    .bind(desired.iter().map(|user| user.hash.as_slice()).collect::<Vec<_>>())
    .all(tx)
    .await?;
    in_order(desired.len(), &rows, rows::stored_user).map_err(Into::into)
}

fn in_order<T>(
    asked: usize, rows: &[PgRow], read: impl Fn(&PgRow) -> Result<T, Unread>,
) -> Result<Vec<There<T>>, Unread> {
    let mut there: Vec<There<T>> = std::iter::repeat_with(|| There::Nothing).take(asked).collect();
    for row in rows {
        let found = if row.flag("same")? { There::Same } else { There::Other(read(row)?) };
        // Places count from 1.
        if let Some(slot) = row.count::<usize>("place")?.checked_sub(1).and_then(|place| there.get_mut(place)) {
            *slot = found;
        }
    }
    Ok(there)
}
