//! What the product desires, made ready to be written: canonical text and its hash are computed by the caller, beside the writer.

use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::SqliteConnection;

use super::super::StoreError;
use super::bulk::Insert;
use super::{database, doubt, micros};
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
    /// The canonical text; shared with the statement that writes it.
    pub(super) text: Arc<str>,
    pub(super) hash: Hash,
}

impl DesiredCustomer {
    pub(super) fn new(id: &CustomerId, document: &CustomerDocument) -> Self {
        let text = document.to_text();
        Self { id: id.clone(), document: document.clone(), hash: hash(&text), text: text.into() }
    }
}

/// A user's document, ready to be written.
#[derive(Debug, Clone)]
pub(super) struct DesiredUser {
    pub(super) customer: CustomerId,
    pub(super) id: UserId,
    pub(super) login: String,
    pub(super) role: String,
    /// The canonical text; shared with the statement that writes it.
    pub(super) text: Arc<str>,
    pub(super) hash: Hash,
}

impl DesiredUser {
    pub(super) fn new(customer: &CustomerId, id: &UserId, document: &UserDocument) -> Self {
        let text = document.to_text();
        Self {
            customer: customer.clone(),
            id: id.clone(),
            login: document.login.clone(),
            role: document.role.as_str().to_owned(),
            hash: hash(&text),
            text: text.into(),
        }
    }
}

fn hash(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

/// Writes documents of customers, new or changed: to be there, pending, due now, one generation further. The caller settles
/// their wake-up.
pub(super) async fn write_customers(
    tx: &mut SqliteConnection, customers: &[&DesiredCustomer], now: Timestamp,
) -> Result<(), StoreError> {
    const DOCUMENTS: Insert = Insert {
        name: "write_customers",
        head: "INSERT INTO customers (customer_id, document)",
        row: "(?, ?)",
        tail: "ON CONFLICT (customer_id) DO UPDATE SET document = excluded.document",
    };
    const WORK: Insert = Insert {
        name: "write_customer_work",
        head: "INSERT INTO customer_work
                   (customer_id, document_hash, wish, state, generation, written_at, due_at, wake_at)",
        row: "(?, ?, 'present', 'pending', 1, ?, ?, ?)",
        tail: concat!(
            "ON CONFLICT (customer_id) DO UPDATE SET ",
            doubt::doubt_if_in_hand!("excluded.due_at", "lease_owner IS NOT NULL"),
            ", document_hash = excluded.document_hash, wish = 'present', state = 'pending',
               generation = generation + 1, written_at = excluded.written_at, attempts = 0, last_error = NULL,
               due_at = excluded.due_at"
        ),
    };
    let now = micros(now);
    DOCUMENTS.run(tx, customers, |query, c| query.bind(c.id.as_str()).bind(Arc::clone(&c.text))).await?;
    WORK.run(tx, customers, |query, c| query.bind(c.id.as_str()).bind(c.hash.as_slice()).bind(now).bind(now).bind(now))
        .await
}

/// Writes documents of users, like [`write_customers`]. Their logins must be free (see [`free_logins`]).
pub(super) async fn write_users(
    tx: &mut SqliteConnection, users: &[&DesiredUser], now: Timestamp,
) -> Result<(), StoreError> {
    const DOCUMENTS: Insert = Insert {
        name: "write_users",
        head: "INSERT INTO users (customer_id, user_id, document)",
        row: "(?, ?, ?)",
        tail: "ON CONFLICT (customer_id, user_id) DO UPDATE SET document = excluded.document",
    };
    const WORK: Insert = Insert {
        name: "write_user_work",
        head: "INSERT INTO user_work
                   (customer_id, user_id, document_hash, login, role, wish, state, generation, due_at)",
        row: "(?, ?, ?, ?, ?, 'present', 'pending', 1, ?)",
        tail: concat!(
            "ON CONFLICT (customer_id, user_id) DO UPDATE SET ",
            doubt::doubt_if_in_hand!(
                "excluded.due_at",
                "(SELECT c.lease_owner IS NOT NULL FROM customer_work c WHERE c.customer_id = user_work.customer_id)"
            ),
            ", document_hash = excluded.document_hash, login = excluded.login, role = excluded.role,
               wish = 'present', state = 'pending', generation = generation + 1, attempts = 0, last_error = NULL,
               due_at = excluded.due_at"
        ),
    };
    let now = micros(now);
    DOCUMENTS
        .run(tx, users, |query, u| query.bind(u.customer.as_str()).bind(u.id.as_str()).bind(Arc::clone(&u.text)))
        .await?;
    WORK.run(tx, users, |query, u| {
        let query = query.bind(u.customer.as_str()).bind(u.id.as_str()).bind(u.hash.as_slice());
        query.bind(u.login.as_str()).bind(u.role.as_str()).bind(now)
    })
    .await
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
