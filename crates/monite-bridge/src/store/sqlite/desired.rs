//! What the product desires, written.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::SqliteConnection;

use super::super::StoreError;
pub(super) use super::super::desired::{DesiredCustomer, DesiredUser, Hash};
use super::bulk::Insert;
use super::{database, doubt, micros};

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
