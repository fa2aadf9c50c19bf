//! What a write must know of the rows that are there: many rows in one statement, never a wide row that need not be read.

use std::collections::HashMap;

use monite::NewEntity;
use serde_json::Value;
use sqlx::SqliteConnection;

use super::super::decide::{StoredCustomer, StoredUser};
use super::super::import::Pair;
use super::super::{Customer, StoreError, User};
use super::database;
use super::rows::{self, Unread, customer_columns, get, user_columns};
use crate::domain::{CustomerId, UserId};

/// The customers among these ids that are there.
pub(super) async fn customers(
    tx: &mut SqliteConnection, ids: &[&CustomerId],
) -> Result<HashMap<String, StoredCustomer>, StoreError> {
    let rows = sqlx::query(
        "-- stored_customers
         SELECT w.customer_id, w.document_hash, w.wish, w.generation, w.seen <> 'absent' AS may_exist
         FROM json_each(?1) j JOIN customer_work w ON w.customer_id = j.value",
    )
    .bind(rows::to_json(&ids))
    .fetch_all(tx)
    .await
    .map_err(database("stored_customers"))?;
    rows.iter()
        .map(|row| Ok((get(row, "customer_id")?, rows::stored_customer(row)?)))
        .collect::<Result<_, Unread>>()
        .map_err(Into::into)
}

/// The document of each entity that exists or may exist, for those of these customers that have one.
pub(super) async fn known_entities(
    tx: &mut SqliteConnection, ids: &[&CustomerId],
) -> Result<HashMap<String, NewEntity>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query(
        "-- known_entities
         SELECT c.customer_id, c.at_monite FROM json_each(?1) j JOIN customers c ON c.customer_id = j.value
         WHERE c.at_monite IS NOT NULL",
    )
    .bind(rows::to_json(&ids))
    .fetch_all(tx)
    .await
    .map_err(database("known_entities"))?;
    rows.iter()
        .map(|row| Ok((get(row, "customer_id")?, rows::json(&get::<String>(row, "at_monite")?)?)))
        .collect::<Result<_, Unread>>()
        .map_err(Into::into)
}

/// The users among these that are there, deleted ones too.
pub(super) async fn users(
    tx: &mut SqliteConnection, pairs: &[(&CustomerId, &UserId)],
) -> Result<HashMap<Pair, StoredUser>, StoreError> {
    if pairs.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query(
        "-- stored_users
         SELECT w.customer_id, w.user_id, w.document_hash, w.wish, w.generation, w.login
         FROM json_each(?1) j
         JOIN user_work w ON w.customer_id = j.value ->> 0 AND w.user_id = j.value ->> 1",
    )
    .bind(rows::to_json(&pairs))
    .fetch_all(tx)
    .await
    .map_err(database("stored_users"))?;
    rows.iter()
        .map(|row| Ok(((get(row, "customer_id")?, get(row, "user_id")?), rows::stored_user(row)?)))
        .collect::<Result<_, Unread>>()
        .map_err(Into::into)
}

/// Which present user has each of these logins of a customer.
pub(super) async fn login_holders(
    tx: &mut SqliteConnection, logins: &[(&CustomerId, &str)],
) -> Result<HashMap<Pair, UserId>, StoreError> {
    if logins.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query(
        "-- login_holders
         SELECT w.customer_id, w.login, w.user_id FROM json_each(?1) j
         JOIN user_work w ON w.customer_id = j.value ->> 0 AND w.login = j.value ->> 1 AND w.wish = 'present'",
    )
    .bind(
        Value::Array(logins.iter().map(|(customer, login)| serde_json::json!([customer, login])).collect()).to_string(),
    )
    .fetch_all(tx)
    .await
    .map_err(database("login_holders"))?;
    rows.iter()
        .map(|row| {
            let holder = UserId::parse(&get::<String>(row, "user_id")?)?;
            Ok(((get(row, "customer_id")?, get(row, "login")?), holder))
        })
        .collect::<Result<_, Unread>>()
        .map_err(Into::into)
}

/// The whole customer.
pub(super) async fn customer(
    executor: impl sqlx::Executor<'_, Database = sqlx::Sqlite>, id: &CustomerId,
) -> Result<Option<Customer>, StoreError> {
    const SQL: &str = concat!(
        "-- customer
         SELECT ",
        customer_columns!(),
        " FROM customer_work w JOIN customers c ON c.customer_id = w.customer_id WHERE w.customer_id = ?1"
    );
    let row = sqlx::query(SQL).bind(id.as_str()).fetch_optional(executor).await.map_err(database("customer"))?;
    row.as_ref().map(rows::customer).transpose()
}

/// The whole user.
pub(super) async fn user(
    executor: impl sqlx::Executor<'_, Database = sqlx::Sqlite>, customer: &CustomerId, id: &UserId,
) -> Result<Option<User>, StoreError> {
    const SQL: &str = concat!(
        "-- user
         SELECT ",
        user_columns!(),
        " FROM user_work w JOIN users u ON u.customer_id = w.customer_id AND u.user_id = w.user_id
          WHERE w.customer_id = ?1 AND w.user_id = ?2"
    );
    let row = sqlx::query(SQL)
        .bind(customer.as_str())
        .bind(id.as_str())
        .fetch_optional(executor)
        .await
        .map_err(database("user"))?;
    row.as_ref().map(rows::user).transpose()
}
