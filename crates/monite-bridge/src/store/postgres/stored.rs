//! What a write must know of the rows that are there, and how it keeps others from changing them meanwhile: many rows in one statement,
//! never a wide row that need not be read.

use std::collections::HashMap;

use monite::NewEntity;

use super::super::decide::{StoredCustomer, StoredUser};
use super::super::desired::DesiredCustomer;
use super::super::import::Pair;
use super::super::{Customer, StoreError, User};
use super::connection::{Tx, sql};
use super::rows::{self, Columns as _, Unread, customer_columns, user_columns};
use crate::domain::{CustomerId, UserId};

/// The customer, locked until the transaction ends: whoever else writes it, one of its users, or a visit's outcome, waits. `None` when it
/// is not there.
pub(super) async fn lock(tx: &mut Tx, id: &CustomerId) -> Result<Option<StoredCustomer>, StoreError> {
    let row = sql("-- lock_customer
         SELECT w.document_hash, w.wish, w.generation, w.seen <> 'absent' AS may_exist
         FROM customer_work w WHERE w.customer_id = $1 FOR UPDATE")
    .bind(id.as_str())
    .optional(tx)
    .await?;
    Ok(row.as_ref().map(rows::stored_customer).transpose()?)
}

/// Locks many; in the order of their ids, so that two imports cannot wait for each other. Which of them are there.
pub(super) async fn lock_all(tx: &mut Tx, ids: &[&str]) -> Result<Vec<String>, StoreError> {
    let rows = sql("-- lock_customers
         SELECT w.customer_id FROM customer_work w WHERE w.customer_id = ANY($1) ORDER BY w.customer_id FOR UPDATE")
    .bind(ids)
    .all(tx)
    .await?;
    rows.iter().map(|row| row.text("customer_id")).collect::<Result<_, Unread>>().map_err(Into::into)
}

/// Writes the documents of customers that are not there yet. An id that somebody else is writing at the same time is waited for, and left
/// out of the answer when it is there then: only those in the answer are ours.
pub(super) async fn take_ids(tx: &mut Tx, customers: &[&DesiredCustomer]) -> Result<Vec<String>, StoreError> {
    let mut customers = customers.to_vec();
    customers.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    let rows = sql("-- take_customer_ids
         INSERT INTO customers (customer_id, document) SELECT * FROM unnest($1::text[], $2::text[])
         ON CONFLICT (customer_id) DO NOTHING RETURNING customer_id")
    .bind(customers.iter().map(|customer| customer.id.as_str()).collect::<Vec<_>>())
    .bind(customers.iter().map(|customer| &*customer.text).collect::<Vec<_>>())
    .all(tx)
    .await?;
    rows.iter().map(|row| row.text("customer_id")).collect::<Result<_, Unread>>().map_err(Into::into)
}

/// The document of each entity that exists or may exist, for those of these customers that have one.
pub(super) async fn known_entities(tx: &mut Tx, ids: &[&CustomerId]) -> Result<HashMap<String, NewEntity>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sql("-- known_entities
         SELECT c.customer_id, c.at_monite FROM customers c WHERE c.customer_id = ANY($1) AND c.at_monite IS NOT NULL")
    .bind(ids.iter().map(|id| id.as_str()).collect::<Vec<_>>())
    .all(tx)
    .await?;
    let read = |row: &sqlx::postgres::PgRow| Ok((row.text("customer_id")?, rows::json(&row.text("at_monite")?)?));
    rows.iter().map(read).collect::<Result<_, Unread>>().map_err(Into::into)
}

/// The user, a deleted one too.
pub(super) async fn stored_user(
    tx: &mut Tx, customer: &CustomerId, id: &UserId,
) -> Result<Option<StoredUser>, StoreError> {
    let row = sql("-- stored_user
         SELECT w.document_hash, w.wish, w.generation, w.login FROM user_work w WHERE w.customer_id = $1 AND w.user_id = $2")
    .bind(customer.as_str())
    .bind(id.as_str())
    .optional(tx)
    .await?;
    Ok(row.as_ref().map(rows::stored_user).transpose()?)
}

/// Which present user has each of these logins of a customer.
pub(super) async fn login_holders(
    tx: &mut Tx, logins: &[(&CustomerId, &str)],
) -> Result<HashMap<Pair, UserId>, StoreError> {
    if logins.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sql("-- login_holders
         SELECT w.customer_id, w.login, w.user_id FROM unnest($1::text[], $2::text[]) AS l (customer_id, login)
         JOIN user_work w ON w.customer_id = l.customer_id AND w.login = l.login AND w.wish = 'present'")
    .bind(logins.iter().map(|(customer, _)| customer.as_str()).collect::<Vec<_>>())
    .bind(logins.iter().map(|(_, login)| *login).collect::<Vec<_>>())
    .all(tx)
    .await?;
    let read = |row: &sqlx::postgres::PgRow| {
        Ok(((row.text("customer_id")?, row.text("login")?), UserId::parse(&row.text("user_id")?)?))
    };
    rows.iter().map(read).collect::<Result<_, Unread>>().map_err(Into::into)
}

/// The whole customer.
pub(super) async fn customer(tx: &mut Tx, id: &CustomerId) -> Result<Option<Customer>, StoreError> {
    const SQL: &str = concat!(
        "-- customer
         SELECT ",
        customer_columns!(),
        " FROM customer_work w JOIN customers c ON c.customer_id = w.customer_id WHERE w.customer_id = $1"
    );
    let row = sql(SQL).bind(id.as_str()).optional(tx).await?;
    row.as_ref().map(rows::customer).transpose()
}

/// The whole user.
pub(super) async fn user(tx: &mut Tx, customer: &CustomerId, id: &UserId) -> Result<Option<User>, StoreError> {
    const SQL: &str = concat!(
        "-- user
         SELECT ",
        user_columns!(),
        " FROM user_work w JOIN users u ON u.customer_id = w.customer_id AND u.user_id = w.user_id
          WHERE w.customer_id = $1 AND w.user_id = $2"
    );
    let row = sql(SQL).bind(customer.as_str()).bind(id.as_str()).optional(tx).await?;
    row.as_ref().map(rows::user).transpose()
}
