//! Reads that answer questions of people and of the broker.

use std::collections::BTreeMap;

use monite::{EntityId, EntityUserId};
use sqlx::SqlitePool;

use super::super::{Customer, CustomerFilter, Failing, RoleProgress, Stats, StoreError, TokenSubject, Unsettled, User};
use super::rows::{self, Unread, customer_columns, get, user_columns};
use super::{database, stamps};
use crate::domain::role::RoleTemplates;
use crate::domain::{CustomerId, ObjectId, UserId};

/// See [`Store::customers`](super::super::Store::customers).
pub(super) async fn customers(readers: &SqlitePool, filter: &CustomerFilter) -> Result<Vec<Customer>, StoreError> {
    const ALL: &str = concat!(
        "-- customers
         SELECT ",
        customer_columns!(),
        " FROM customer_work w JOIN customers c ON c.customer_id = w.customer_id
          WHERE w.customer_id > ?1 ORDER BY w.customer_id LIMIT ?2 + 0"
    );
    const IN_STATE: &str = concat!(
        "-- customers_in_state
         SELECT ",
        customer_columns!(),
        " FROM customer_work w JOIN customers c ON c.customer_id = w.customer_id
          WHERE w.state = ?3 AND w.customer_id > ?1 ORDER BY w.customer_id LIMIT ?2 + 0"
    );
    let after = filter.after.as_ref().map_or("", CustomerId::as_str); // every id sorts behind the empty text
    let query = match filter.state {
        None => sqlx::query(ALL).bind(after).bind(filter.limit),
        Some(state) => sqlx::query(IN_STATE).bind(after).bind(filter.limit).bind(state.as_str()),
    };
    let rows = query.fetch_all(readers).await.map_err(database("customers"))?;
    rows.iter().map(rows::customer).collect()
}

/// See [`Store::users`](super::super::Store::users).
pub(super) async fn users(
    readers: &SqlitePool, customer: &CustomerId, after: Option<&UserId>, limit: u32,
) -> Result<Vec<User>, StoreError> {
    const SQL: &str = concat!(
        "-- users
         SELECT ",
        user_columns!(),
        " FROM user_work w JOIN users u ON u.customer_id = w.customer_id AND u.user_id = w.user_id
          WHERE w.customer_id = ?1 AND w.user_id > ?2 ORDER BY w.user_id LIMIT ?3 + 0"
    );
    let rows = sqlx::query(SQL)
        .bind(customer.as_str())
        .bind(after.map_or("", UserId::as_str))
        .bind(limit)
        .fetch_all(readers)
        .await
        .map_err(database("users"))?;
    rows.iter().map(rows::user).collect()
}

/// See [`Store::stats`](super::super::Store::stats).
pub(super) async fn stats(readers: &SqlitePool) -> Result<Stats, StoreError> {
    let customers = sqlx::query(
        "-- stats_customers
         SELECT state, count(*) AS objects FROM customer_work GROUP BY state",
    );
    let users = sqlx::query(
        "-- stats_users
         SELECT state, count(*) AS objects FROM user_work GROUP BY state",
    );
    let (linked, stamped) = stamps::counts(readers).await?;
    Ok(Stats {
        linked,
        stamped,
        customers: rows::counts(&customers.fetch_all(readers).await.map_err(database("stats_customers"))?)?,
        users: rows::counts(&users.fetch_all(readers).await.map_err(database("stats_users"))?)?,
        next_due: next_due(readers).await?,
    })
}

pub(super) const NEXT_DUE: &str = "-- next_due
    SELECT min(wake_at) FROM customer_work WHERE wake_at IS NOT NULL";

/// See [`Store::next_due`](super::super::Store::next_due).
pub(super) async fn next_due(readers: &SqlitePool) -> Result<Option<jiff::Timestamp>, StoreError> {
    let next: Option<i64> = sqlx::query_scalar(NEXT_DUE).fetch_one(readers).await.map_err(database("next_due"))?;
    Ok(next.map(rows::time).transpose()?)
}

/// See [`Store::failing`](super::super::Store::failing). Customers first, then users, as [`ObjectId`] is ordered.
pub(super) async fn failing(
    readers: &SqlitePool, after: Option<&ObjectId>, limit: u32,
) -> Result<Vec<Failing>, StoreError> {
    let mut found = match after {
        Some(ObjectId::User(..)) => Vec::new(),
        None => failing_customers(readers, "", limit).await?,
        Some(ObjectId::Customer(customer)) => failing_customers(readers, customer.as_str(), limit).await?,
    };
    let left = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(limit));
    let (customer, user) = match after {
        Some(ObjectId::User(customer, user)) => (customer.as_str(), user.as_str()),
        _ => ("", ""),
    };
    found.extend(failing_users(readers, customer, user, left).await?);
    Ok(found)
}

async fn failing_customers(readers: &SqlitePool, after: &str, limit: u32) -> Result<Vec<Failing>, StoreError> {
    let rows = sqlx::query(
        "-- failing_customers
         SELECT customer_id, state, generation, synced_generation, synced_at, attempts, last_error, due_at
         FROM customer_work WHERE state IN ('retrying', 'rejected', 'drifted') AND customer_id > ?1
         ORDER BY customer_id LIMIT ?2 + 0",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(readers)
    .await
    .map_err(database("failing_customers"))?;
    rows.iter().map(rows::failing_customer).collect::<Result<_, Unread>>().map_err(Into::into)
}

async fn failing_users(
    readers: &SqlitePool, customer: &str, user: &str, limit: u32,
) -> Result<Vec<Failing>, StoreError> {
    let rows = sqlx::query(
        "-- failing_users
         SELECT customer_id, user_id, state, generation, synced_generation, synced_at, attempts, last_error, due_at
         FROM user_work WHERE state IN ('retrying', 'rejected', 'drifted') AND (customer_id, user_id) > (?1, ?2)
         ORDER BY customer_id, user_id LIMIT ?3 + 0",
    )
    .bind(customer)
    .bind(user)
    .bind(limit)
    .fetch_all(readers)
    .await
    .map_err(database("failing_users"))?;
    rows.iter().map(rows::failing_user).collect::<Result<_, Unread>>().map_err(Into::into)
}

/// See [`Store::role_progress`](super::super::Store::role_progress).
pub(super) async fn role_progress(
    readers: &SqlitePool, templates: &RoleTemplates,
) -> Result<Vec<RoleProgress>, StoreError> {
    let links = sqlx::query(
        "-- role_progress
         SELECT l.role, l.entities, p.permissions FROM (
             SELECT role, permission_set, count(*) AS entities FROM role_links
             WHERE permission_set IS NOT NULL GROUP BY role, permission_set
         ) l JOIN permission_sets p ON p.permission_set = l.permission_set",
    )
    .fetch_all(readers)
    .await
    .map_err(database("role_progress"))?;
    let holders = sqlx::query(
        "-- role_holders
         SELECT role, count(*) AS users FROM user_work WHERE wish = 'present' GROUP BY role",
    )
    .fetch_all(readers)
    .await
    .map_err(database("role_holders"))?;
    Ok(rows::role_progress(templates, &links, &holders)?)
}

/// See [`Store::owners`](super::super::Store::owners).
pub(super) async fn owners(
    readers: &SqlitePool, entities: &[EntityId],
) -> Result<BTreeMap<EntityId, CustomerId>, StoreError> {
    let rows = sqlx::query(
        "-- owners
         SELECT w.entity_id, w.customer_id FROM json_each(?1) j JOIN customer_work w ON w.entity_id = j.value",
    )
    .bind(rows::to_json(&entities))
    .fetch_all(readers)
    .await
    .map_err(database("owners"))?;
    let read = |row| {
        let entity = rows::text_id(&get::<String>(row, "entity_id")?)?;
        Ok((entity, CustomerId::parse(&get::<String>(row, "customer_id")?)?))
    };
    rows.iter().map(read).collect::<Result<_, Unread>>().map_err(Into::into)
}

/// See [`Store::user_owners`](super::super::Store::user_owners).
pub(super) async fn user_owners(
    readers: &SqlitePool, customer: &CustomerId, users: &[EntityUserId],
) -> Result<BTreeMap<EntityUserId, UserId>, StoreError> {
    let rows = sqlx::query(
        "-- user_owners
         SELECT w.entity_user_id, w.user_id FROM json_each(?2) j
         -- CROSS: look each id up, instead of walking all users of the customer.
         CROSS JOIN user_work w ON w.customer_id = ?1 AND w.entity_user_id = j.value",
    )
    .bind(customer.as_str())
    .bind(rows::to_json(&users))
    .fetch_all(readers)
    .await
    .map_err(database("user_owners"))?;
    let read = |row| {
        let entity_user = rows::text_id(&get::<String>(row, "entity_user_id")?)?;
        Ok((entity_user, UserId::parse(&get::<String>(row, "user_id")?)?))
    };
    rows.iter().map(read).collect::<Result<_, Unread>>().map_err(Into::into)
}

/// See [`Store::linked_users`](super::super::Store::linked_users).
pub(super) async fn linked_users(
    readers: &SqlitePool, customer: &CustomerId, users: &[EntityUserId],
) -> Result<Vec<User>, StoreError> {
    const SQL: &str = concat!(
        "-- linked_users
         SELECT ",
        user_columns!(),
        " FROM json_each(?2) j
          CROSS JOIN user_work w ON w.customer_id = ?1 AND w.entity_user_id = j.value
          CROSS JOIN users u ON u.customer_id = w.customer_id AND u.user_id = w.user_id"
    );
    let query = sqlx::query(SQL).bind(customer.as_str()).bind(rows::to_json(&users));
    let rows = query.fetch_all(readers).await.map_err(database("linked_users"))?;
    rows.iter().map(rows::user).collect()
}

/// See [`Store::unsettled`](super::super::Store::unsettled).
pub(super) async fn unsettled(readers: &SqlitePool, email: &str) -> Result<Vec<Unsettled>, StoreError> {
    let rows = sqlx::query(
        "-- unsettled
         SELECT w.customer_id, w.attempt_at, w.lands_by, c.at_monite FROM customer_work w JOIN customers c ON c.customer_id = w.customer_id
         WHERE w.seen = 'unknown' AND w.attempt_email = ?1 ORDER BY w.customer_id",
    )
    .bind(email)
    .fetch_all(readers)
    .await
    .map_err(database("unsettled"))?;
    let read = |row| {
        let sent = rows::json(&get::<String>(row, "at_monite")?)?;
        Ok((CustomerId::parse(&get::<String>(row, "customer_id")?)?, rows::attempt(row, sent)?))
    };
    rows.iter().map(read).collect::<Result<_, Unread>>().map_err(Into::into)
}

/// See [`Store::token_subject`](super::super::Store::token_subject).
pub(super) async fn token_subject(
    readers: &SqlitePool, customer: &CustomerId, user: &UserId,
) -> Result<TokenSubject, StoreError> {
    let row = sqlx::query(
        "-- token_subject
         SELECT c.wish = 'present' AS customer_wanted, c.state AS customer_state, c.entity_id, c.active IS 1 AS active,
                u.wish IS 'present' AS user_wanted, u.state AS user_state, u.entity_user_id
         FROM customer_work c LEFT JOIN user_work u ON u.customer_id = c.customer_id AND u.user_id = ?2
         WHERE c.customer_id = ?1",
    )
    .bind(customer.as_str())
    .bind(user.as_str())
    .fetch_optional(readers)
    .await
    .map_err(database("token_subject"))?;
    match row {
        None => Ok(TokenSubject::NoSuchCustomer),
        Some(row) => rows::token_subject(&row)
            .map_err(|unread| unread.in_row(&format!("customer_work {customer}, user_work {user}"))),
    }
}
