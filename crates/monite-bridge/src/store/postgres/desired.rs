//! What the product desires, written: any number of rows in one statement, each column as an array.

use jiff::Timestamp;

use super::super::StoreError;
use super::super::columns::micros;
pub(super) use super::super::desired::{DesiredCustomer, DesiredUser};
use super::connection::{Tx, sql};
use super::doubt::doubt_if_in_hand;

/// Writes documents of customers, new or changed: to be there, pending, due now, one generation further. They are locked, or their ids are
/// taken (see [`super::stored`]). The caller settles their wake-up.
pub(super) async fn write_customers(
    tx: &mut Tx, customers: &[&DesiredCustomer], now: Timestamp,
) -> Result<(), StoreError> {
    if customers.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = customers.iter().map(|customer| customer.id.as_str()).collect();
    sql("-- write_customers
         INSERT INTO customers (customer_id, document) SELECT * FROM unnest($1::text[], $2::text[])
         ON CONFLICT (customer_id) DO UPDATE SET document = excluded.document
         WHERE customers.document <> excluded.document")
    .bind(&ids)
    .bind(customers.iter().map(|customer| &*customer.text).collect::<Vec<_>>())
    .run(tx)
    .await?;
    const WORK: &str = concat!(
        "-- write_customer_work
         INSERT INTO customer_work (customer_id, document_hash, wish, state, generation, written_at, due_at, wake_at)
         SELECT customer_id, document_hash, 'present', 'pending', 1, $3, $3, $3
         FROM unnest($1::text[], $2::bytea[]) AS d (customer_id, document_hash)
         ON CONFLICT (customer_id) DO UPDATE SET ",
        doubt_if_in_hand!("customer_work", "excluded.due_at", "customer_work.lease_owner IS NOT NULL"),
        ", document_hash = excluded.document_hash, wish = 'present', state = 'pending',
             generation = customer_work.generation + 1, written_at = excluded.written_at, attempts = 0, last_error = NULL,
             due_at = excluded.due_at"
    );
    sql(WORK)
        .bind(&ids)
        .bind(customers.iter().map(|customer| customer.hash.as_slice()).collect::<Vec<_>>())
        .bind(micros(now))
        .run(tx)
        .await?;
    Ok(())
}

/// Writes documents of users, like [`write_customers`]. Their logins must be free (see [`free_logins`]).
pub(super) async fn write_users(tx: &mut Tx, users: &[&DesiredUser], now: Timestamp) -> Result<(), StoreError> {
    if users.is_empty() {
        return Ok(());
    }
    let column = |of: fn(&DesiredUser) -> &str| users.iter().map(|user| of(user)).collect::<Vec<&str>>();
    let (customers, ids) = (column(|user| user.customer.as_str()), column(|user| user.id.as_str()));
    sql("-- write_users
         INSERT INTO users (customer_id, user_id, document) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
         ON CONFLICT (customer_id, user_id) DO UPDATE SET document = excluded.document")
    .bind(&customers)
    .bind(&ids)
    .bind(column(|user| &user.text))
    .run(tx)
    .await?;
    const WORK: &str = concat!(
        "-- write_user_work
         INSERT INTO user_work (customer_id, user_id, document_hash, login, role, wish, state, generation, due_at)
         SELECT customer_id, user_id, document_hash, login, role, 'present', 'pending', 1, $6
         FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::text[])
              AS d (customer_id, user_id, document_hash, login, role)
         ON CONFLICT (customer_id, user_id) DO UPDATE SET ",
        doubt_if_in_hand!(
            "user_work",
            "excluded.due_at",
            "(SELECT c.lease_owner IS NOT NULL FROM customer_work c WHERE c.customer_id = user_work.customer_id)"
        ),
        ", document_hash = excluded.document_hash, login = excluded.login, role = excluded.role,
             wish = 'present', state = 'pending', generation = user_work.generation + 1, attempts = 0, last_error = NULL,
             due_at = excluded.due_at"
    );
    sql(WORK)
        .bind(&customers)
        .bind(&ids)
        .bind(users.iter().map(|user| user.hash.as_slice()).collect::<Vec<_>>())
        .bind(column(|user| &user.login))
        .bind(column(|user| &user.role))
        .bind(micros(now))
        .run(tx)
        .await?;
    Ok(())
}

/// Takes the logins away from users that are about to be written with another one, so that two users of one record may swap
/// theirs: the unique index looks at every row as it is written.
pub(super) async fn free_logins(tx: &mut Tx, users: &[&DesiredUser]) -> Result<(), StoreError> {
    if users.is_empty() {
        return Ok(());
    }
    sql("-- free_logins
         UPDATE user_work w SET login = NULL FROM unnest($1::text[], $2::text[]) AS d (customer_id, user_id)
         WHERE w.customer_id = d.customer_id AND w.user_id = d.user_id")
    .bind(users.iter().map(|user| user.customer.as_str()).collect::<Vec<_>>())
    .bind(users.iter().map(|user| user.id.as_str()).collect::<Vec<_>>())
    .run(tx)
    .await?;
    Ok(())
}
