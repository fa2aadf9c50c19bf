//! Reads that answer questions of people, of the reconciler and of the broker.

use std::collections::BTreeMap;

use monite::{EntityId, EntityUserId};
use sqlx::postgres::PgRow;

use super::super::{Customer, CustomerFilter, Failing, RoleProgress, Stats, StoreError, TokenSubject, Unsettled, User};
use super::connection::{Tx, sql};
use super::rows::{self, Columns as _, Unread, customer_columns, user_columns};
use super::stamps;
use crate::domain::role::RoleTemplates;
use crate::domain::{CustomerId, ObjectId, UserId};

/// See [`Store::customers`](super::super::Store::customers).
pub(super) async fn customers(tx: &mut Tx, filter: &CustomerFilter) -> Result<Vec<Customer>, StoreError> {
    const ALL: &str = concat!(
        "-- customers
         SELECT ",
        customer_columns!(),
        " FROM customer_work w JOIN customers c ON c.customer_id = w.customer_id
          WHERE w.customer_id > $1 ORDER BY w.customer_id LIMIT $2"
    );
    const IN_STATE: &str = concat!(
        "-- customers_in_state
         SELECT ",
        customer_columns!(),
        " FROM customer_work w JOIN customers c ON c.customer_id = w.customer_id
          WHERE w.state = $3 AND w.customer_id > $1 ORDER BY w.customer_id LIMIT $2"
    );
    let after = filter.after.as_ref().map_or("", CustomerId::as_str); // every id sorts behind the empty text
    let statement = sql(if filter.state.is_some() { IN_STATE } else { ALL }).bind(after).bind(i64::from(filter.limit));
    let statement = match filter.state {
        None => statement,
        Some(state) => statement.bind(state.as_str()),
    };
    statement.all(tx).await?.iter().map(rows::customer).collect()
}

/// See [`Store::users`](super::super::Store::users).
pub(super) async fn users(
    tx: &mut Tx, customer: &CustomerId, after: Option<&UserId>, limit: u32,
) -> Result<Vec<User>, StoreError> {
    const SQL: &str = concat!(
        "-- users
         SELECT ",
        user_columns!(),
        " FROM user_work w JOIN users u ON u.customer_id = w.customer_id AND u.user_id = w.user_id
          WHERE w.customer_id = $1 AND w.user_id > $2 ORDER BY w.user_id LIMIT $3"
    );
    let after = after.map_or("", UserId::as_str);
    let rows = sql(SQL).bind(customer.as_str()).bind(after).bind(i64::from(limit)).all(tx).await?;
    rows.iter().map(rows::user).collect()
}

/// See [`Store::stats`](super::super::Store::stats).
pub(super) async fn stats(tx: &mut Tx) -> Result<Stats, StoreError> {
    let customers = sql("-- stats_customers
         SELECT state, count(*) AS objects FROM customer_work GROUP BY state");
    let users = sql("-- stats_users
         SELECT state, count(*) AS objects FROM user_work GROUP BY state");
    let (linked, stamped) = stamps::counts(tx).await?;
    Ok(Stats {
        linked,
        stamped,
        customers: rows::counts(&customers.all(tx).await?)?,
        users: rows::counts(&users.all(tx).await?)?,
        next_due: next_due(tx).await?,
    })
}

pub(super) const NEXT_DUE: &str = "-- next_due
    SELECT min(wake_at) AS next_due FROM customer_work WHERE wake_at IS NOT NULL";

/// See [`Store::next_due`](super::super::Store::next_due).
pub(super) async fn next_due(tx: &mut Tx) -> Result<Option<jiff::Timestamp>, StoreError> {
    let next = sql(NEXT_DUE).one(tx).await?.number_or_null("next_due")?;
    Ok(next.map(rows::time).transpose()?)
}

/// See [`Store::failing`](super::super::Store::failing). Customers first, then users, as [`ObjectId`] is ordered.
pub(super) async fn failing(tx: &mut Tx, after: Option<&ObjectId>, limit: u32) -> Result<Vec<Failing>, StoreError> {
    let mut found = match after {
        Some(ObjectId::User(..)) => Vec::new(),
        None => failing_customers(tx, "", limit).await?,
        Some(ObjectId::Customer(customer)) => failing_customers(tx, customer.as_str(), limit).await?,
    };
    let left = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(limit));
    let (customer, user) = match after {
        Some(ObjectId::User(customer, user)) => (customer.as_str(), user.as_str()),
        _ => ("", ""),
    };
    found.extend(failing_users(tx, customer, user, left).await?);
    Ok(found)
}

async fn failing_customers(tx: &mut Tx, after: &str, limit: u32) -> Result<Vec<Failing>, StoreError> {
    let rows = sql("-- failing_customers
         SELECT customer_id, state, generation, synced_generation, synced_at, attempts, last_error, due_at
         FROM customer_work WHERE state IN ('retrying', 'rejected', 'drifted') AND customer_id > $1
         ORDER BY customer_id LIMIT $2")
    .bind(after)
    .bind(i64::from(limit))
    .all(tx)
    .await?;
    rows.iter().map(rows::failing_customer).collect::<Result<_, Unread>>().map_err(Into::into)
}

async fn failing_users(tx: &mut Tx, customer: &str, user: &str, limit: u32) -> Result<Vec<Failing>, StoreError> {
    let rows = sql("-- failing_users
         SELECT customer_id, user_id, state, generation, synced_generation, synced_at, attempts, last_error, due_at
         FROM user_work WHERE state IN ('retrying', 'rejected', 'drifted') AND (customer_id, user_id) > ($1, $2)
         ORDER BY customer_id, user_id LIMIT $3")
    .bind(customer)
    .bind(user)
    .bind(i64::from(limit))
    .all(tx)
    .await?;
    rows.iter().map(rows::failing_user).collect::<Result<_, Unread>>().map_err(Into::into)
}

/// See [`Store::role_progress`](super::super::Store::role_progress).
pub(super) async fn role_progress(tx: &mut Tx, templates: &RoleTemplates) -> Result<Vec<RoleProgress>, StoreError> {
    let links = sql("-- role_progress
         SELECT l.role, l.entities, p.permissions FROM (
             SELECT role, permission_set, count(*) AS entities FROM role_links
             WHERE permission_set IS NOT NULL GROUP BY role, permission_set
         ) l JOIN permission_sets p ON p.permission_set = l.permission_set")
    .all(tx)
    .await?;
    let holders = sql("-- role_holders
         SELECT role, count(*) AS users FROM user_work WHERE wish = 'present' GROUP BY role")
    .all(tx)
    .await?;
    Ok(rows::role_progress(templates, &links, &holders)?)
}

/// See [`Store::owners`](super::super::Store::owners).
pub(super) async fn owners(tx: &mut Tx, entities: &[EntityId]) -> Result<BTreeMap<EntityId, CustomerId>, StoreError> {
    let rows = sql("-- owners
         SELECT w.entity_id, w.customer_id FROM customer_work w WHERE w.entity_id = ANY($1)")
    .bind(entities.iter().map(ToString::to_string).collect::<Vec<_>>())
    .all(tx)
    .await?;
    let read =
        |row: &PgRow| Ok((rows::text_id(&row.text("entity_id")?)?, CustomerId::parse(&row.text("customer_id")?)?));
    rows.iter().map(read).collect::<Result<_, Unread>>().map_err(Into::into)
}

/// See [`Store::user_owners`](super::super::Store::user_owners).
pub(super) async fn user_owners(
    tx: &mut Tx, customer: &CustomerId, users: &[EntityUserId],
) -> Result<BTreeMap<EntityUserId, UserId>, StoreError> {
    let rows = sql("-- user_owners
         SELECT w.entity_user_id, w.user_id FROM user_work w WHERE w.customer_id = $1 AND w.entity_user_id = ANY($2)")
    .bind(customer.as_str())
    .bind(users.iter().map(ToString::to_string).collect::<Vec<_>>())
    .all(tx)
    .await?;
    let read = |row: &PgRow| Ok((rows::text_id(&row.text("entity_user_id")?)?, UserId::parse(&row.text("user_id")?)?));
    rows.iter().map(read).collect::<Result<_, Unread>>().map_err(Into::into)
}

/// See [`Store::linked_users`](super::super::Store::linked_users).
pub(super) async fn linked_users(
    tx: &mut Tx, customer: &CustomerId, users: &[EntityUserId],
) -> Result<Vec<User>, StoreError> {
    const SQL: &str = concat!(
        "-- linked_users
         SELECT ",
        user_columns!(),
        " FROM user_work w JOIN users u ON u.customer_id = w.customer_id AND u.user_id = w.user_id
          WHERE w.customer_id = $1 AND w.entity_user_id = ANY($2)"
    );
    let ids: Vec<String> = users.iter().map(ToString::to_string).collect();
    let rows = sql(SQL).bind(customer.as_str()).bind(ids).all(tx).await?;
    rows.iter().map(rows::user).collect()
}

/// See [`Store::unsettled`](super::super::Store::unsettled).
pub(super) async fn unsettled(tx: &mut Tx, email: &str) -> Result<Vec<Unsettled>, StoreError> {
    let rows = sql("-- unsettled
         SELECT w.customer_id, w.attempt_at, w.lands_by, c.at_monite FROM customer_work w JOIN customers c ON c.customer_id = w.customer_id
         WHERE w.seen = 'unknown' AND w.attempt_email = $1 ORDER BY w.customer_id")
    .bind(email)
    .all(tx)
    .await?;
    let read = |row: &PgRow| {
        let sent = rows::json(&row.text("at_monite")?)?;
        Ok((CustomerId::parse(&row.text("customer_id")?)?, rows::attempt(row, sent)?))
    };
    rows.iter().map(read).collect::<Result<_, Unread>>().map_err(Into::into)
}

/// See [`Store::token_subject`](super::super::Store::token_subject).
pub(super) async fn token_subject(
    tx: &mut Tx, customer: &CustomerId, user: &UserId,
) -> Result<TokenSubject, StoreError> {
    let row = sql("-- token_subject
         SELECT c.wish = 'present' AS customer_wanted, c.state AS customer_state, c.entity_id,
                coalesce(c.active, FALSE) AS active,
                coalesce(u.wish = 'present', FALSE) AS user_wanted, u.state AS user_state, u.entity_user_id
         FROM customer_work c LEFT JOIN user_work u ON u.customer_id = c.customer_id AND u.user_id = $2
         WHERE c.customer_id = $1")
    .bind(customer.as_str())
    .bind(user.as_str())
    .optional(tx)
    .await?;
    match row {
        None => Ok(TokenSubject::NoSuchCustomer),
        Some(row) => rows::token_subject(&row)
            .map_err(|unread| unread.in_row(&format!("customer_work {customer}, user_work {user}"))),
    }
}

/// See [`Store::setting`](super::super::Store::setting).
pub(super) async fn setting(tx: &mut Tx, name: &str) -> Result<Option<String>, StoreError> {
    let row = sql("-- setting
         SELECT value FROM settings WHERE name = $1")
    .bind(name)
    .optional(tx)
    .await?;
    Ok(row.map(|row| row.text("value")).transpose()?)
}

/// See [`Store::secret`](super::super::Store::secret).
pub(super) async fn secret(tx: &mut Tx, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let row = sql("-- secret
         SELECT sealed FROM secrets WHERE name = $1")
    .bind(name)
    .optional(tx)
    .await?;
    Ok(row.map(|row| row.bytes("sealed").map(<[u8]>::to_vec)).transpose()?)
}

/// See [`Store::ping`](super::super::Store::ping).
pub(super) async fn ping(tx: &mut Tx) -> Result<(), StoreError> {
    sql("-- ping
         SELECT count(*) FROM settings")
    .one(tx)
    .await
    .map(drop)
}
