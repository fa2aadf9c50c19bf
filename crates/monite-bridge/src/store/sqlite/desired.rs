//! What the product desires, made ready to be written: canonical text and its hash are computed by the caller, beside the writer.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::SqliteConnection;

use super::super::StoreError;
use super::{database, micros};
use crate::domain::document::{CustomerDocument, UserDocument};
use crate::domain::{CustomerId, UserId};
use jiff::Timestamp;

/// Tells whether two documents are the same without reading either.
pub(super) type Hash = [u8; 32];

/// A customer's document, ready to be written.
#[derive(Debug, Clone)]
pub(super) struct DesiredCustomer {
    pub(super) id: CustomerId,
    pub(super) document: CustomerDocument,
    pub(super) text: String,
    pub(super) hash: Hash,
}

impl DesiredCustomer {
    pub(super) fn new(id: &CustomerId, document: &CustomerDocument) -> Self {
        let text = document.to_json().to_string();
        Self { id: id.clone(), document: document.clone(), hash: hash(&text), text }
    }
}

/// A user's document, ready to be written.
#[derive(Debug, Clone)]
pub(super) struct DesiredUser {
    pub(super) customer: CustomerId,
    pub(super) id: UserId,
    pub(super) login: String,
    pub(super) role: String,
    pub(super) text: String,
    pub(super) hash: Hash,
}

impl DesiredUser {
    pub(super) fn new(customer: &CustomerId, id: &UserId, document: &UserDocument) -> Self {
        let text = document.to_json().to_string();
        Self {
            customer: customer.clone(),
            id: id.clone(),
            login: document.login.clone(),
            role: document.role.as_str().to_owned(),
            hash: hash(&text),
            text,
        }
    }
}

fn hash(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

fn hex(hash: &Hash) -> String {
    use std::fmt::Write;
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Writes documents of customers, new or changed: to be there, pending, due now, one generation further.
/// The rows travel as one JSON array: one statement for a thousand of them. The caller settles their wake-up.
pub(super) async fn write_customers(
    tx: &mut SqliteConnection, customers: &[&DesiredCustomer], now: Timestamp,
) -> Result<(), StoreError> {
    if customers.is_empty() {
        return Ok(());
    }
    let rows: Vec<Value> = customers.iter().map(|c| json!([c.id.as_str(), c.text, hex(&c.hash)])).collect();
    let rows = Value::Array(rows).to_string();
    sqlx::query(
        "-- write_customers
         INSERT INTO customers (customer_id, document)
         SELECT value ->> 0, value ->> 1 FROM json_each(?1) WHERE true
         ON CONFLICT (customer_id) DO UPDATE SET document = excluded.document",
    )
    .bind(&rows)
    .execute(&mut *tx)
    .await
    .map_err(database("write_customers"))?;
    sqlx::query(
        "-- write_customer_work
         INSERT INTO customer_work
             (customer_id, document_hash, wish, state, generation, written_at, due_at, wake_at)
         SELECT value ->> 0, unhex(value ->> 2), 'present', 'pending', 1, ?2, ?2, ?2 FROM json_each(?1) WHERE true
         ON CONFLICT (customer_id) DO UPDATE SET
             document_hash = excluded.document_hash, wish = 'present', state = 'pending', generation = generation + 1,
             written_at = excluded.written_at, attempts = 0, last_error = NULL, due_at = excluded.due_at",
    )
    .bind(&rows)
    .bind(micros(now))
    .execute(tx)
    .await
    .map_err(database("write_customer_work"))?;
    Ok(())
}

/// Writes documents of users, like [`write_customers`]. Their logins must be free (see [`free_logins`]).
pub(super) async fn write_users(
    tx: &mut SqliteConnection, users: &[&DesiredUser], now: Timestamp,
) -> Result<(), StoreError> {
    if users.is_empty() {
        return Ok(());
    }
    let rows: Vec<Value> = users
        .iter()
        .map(|u| json!([u.customer.as_str(), u.id.as_str(), u.text, hex(&u.hash), u.login, u.role]))
        .collect();
    let rows = Value::Array(rows).to_string();
    sqlx::query(
        "-- write_users
         INSERT INTO users (customer_id, user_id, document)
         SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1) WHERE true
         ON CONFLICT (customer_id, user_id) DO UPDATE SET document = excluded.document",
    )
    .bind(&rows)
    .execute(&mut *tx)
    .await
    .map_err(database("write_users"))?;
    sqlx::query(
        "-- write_user_work
         INSERT INTO user_work
             (customer_id, user_id, document_hash, login, role, wish, state, generation, due_at)
         SELECT value ->> 0, value ->> 1, unhex(value ->> 3), value ->> 4, value ->> 5, 'present', 'pending', 1, ?2
         FROM json_each(?1) WHERE true
         ON CONFLICT (customer_id, user_id) DO UPDATE SET
             document_hash = excluded.document_hash, login = excluded.login, role = excluded.role, wish = 'present',
             state = 'pending', generation = generation + 1, attempts = 0, last_error = NULL, due_at = excluded.due_at",
    )
    .bind(&rows)
    .bind(micros(now))
    .execute(tx)
    .await
    .map_err(database("write_user_work"))?;
    Ok(())
}

/// Takes the logins away from users that are about to be written with another one, so that two users of one record may swap
/// theirs: the unique index looks at every row as it is written.
pub(super) async fn free_logins(tx: &mut SqliteConnection, users: &[&DesiredUser]) -> Result<(), StoreError> {
    if users.is_empty() {
        return Ok(());
    }
    let rows: Vec<Value> = users.iter().map(|u| json!([u.customer.as_str(), u.id.as_str()])).collect();
    sqlx::query(
        "-- free_logins
         UPDATE user_work SET login = NULL
         WHERE (customer_id, user_id) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))",
    )
    .bind(Value::Array(rows).to_string())
    .execute(tx)
    .await
    .map_err(database("free_logins"))?;
    Ok(())
}
