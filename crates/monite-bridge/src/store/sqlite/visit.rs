//! What a visit reads: customer, users and roles of one moment, in one transaction.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::{SqliteConnection, SqlitePool};

use super::super::{Lease, StoreError, User, Visit};
use super::rows::{self, get, user_columns};
use super::{database, micros, stored};
use crate::domain::role::RoleName;
use crate::domain::{CustomerId, RoleLink, Seen};

/// See [`Store::open`](super::super::Store::open).
pub(super) async fn open(
    readers: &SqlitePool, lease: &Lease, now: Timestamp, users: u32,
) -> Result<Option<Visit>, StoreError> {
    let mut tx = readers.begin().await.map_err(database("open_begin"))?;
    let work = sqlx::query(
        "-- open
         SELECT roles_listed, due_at IS NOT NULL AND due_at <= ?3 AS customer_due FROM customer_work
         WHERE customer_id = ?1 AND fence = ?2 AND lease_owner IS NOT NULL",
    )
    .bind(lease.customer.as_str())
    .bind(lease.fence)
    .bind(micros(now))
    .fetch_optional(&mut *tx)
    .await
    .map_err(database("open"))?;
    match work {
        None => Ok(None),
        Some(work) => {
            let users = due_users(&mut tx, &lease.customer, now, users).await?;
            visit(&mut tx, &lease.customer, &work, users).await
        }
    }
}

/// See [`Store::peek`](super::super::Store::peek).
pub(super) async fn peek(readers: &SqlitePool, customer: &CustomerId, users: u32) -> Result<Option<Visit>, StoreError> {
    let mut tx = readers.begin().await.map_err(database("peek_begin"))?;
    let work = sqlx::query(
        "-- peek
         SELECT roles_listed, state NOT IN ('in_sync', 'deactivated') AS customer_due FROM customer_work
         WHERE customer_id = ?1",
    )
    .bind(customer.as_str())
    .fetch_optional(&mut *tx)
    .await
    .map_err(database("peek"))?;
    match work {
        None => Ok(None),
        Some(work) => {
            let users = open_users(&mut tx, customer, users).await?;
            visit(&mut tx, customer, &work, users).await
        }
    }
}

async fn visit(
    tx: &mut SqliteConnection, customer: &CustomerId, work: &sqlx::sqlite::SqliteRow, users: Vec<User>,
) -> Result<Option<Visit>, StoreError> {
    let Some(customer) = stored::customer(&mut *tx, customer).await? else { return Ok(None) };
    let roles = roles(tx, &customer.id).await?;
    Ok(Some(Visit {
        customer,
        customer_due: get(work, "customer_due")?,
        users,
        roles,
        roles_listed: get(work, "roles_listed")?,
    }))
}

async fn due_users(
    tx: &mut SqliteConnection, customer: &CustomerId, now: Timestamp, limit: u32,
) -> Result<Vec<User>, StoreError> {
    // Which ones comes from the index alone: of ten thousand due users, only those of this visit have their documents read.
    const SQL: &str = concat!(
        "-- due_users
         SELECT ",
        user_columns!(),
        " FROM (
              SELECT customer_id, user_id FROM user_work
              WHERE customer_id = ?1 AND due_at IS NOT NULL AND due_at <= ?2
              ORDER BY wish = 'present', user_id LIMIT ?3 + 0
          ) d
          JOIN user_work w ON w.customer_id = d.customer_id AND w.user_id = d.user_id
          JOIN users u ON u.customer_id = d.customer_id AND u.user_id = d.user_id
          ORDER BY w.wish = 'present', w.user_id"
    );
    let query = sqlx::query(SQL).bind(customer.as_str()).bind(micros(now)).bind(limit);
    let rows = query.fetch_all(tx).await.map_err(database("due_users"))?;
    rows.iter().map(rows::user).collect()
}

async fn open_users(tx: &mut SqliteConnection, customer: &CustomerId, limit: u32) -> Result<Vec<User>, StoreError> {
    const SQL: &str = concat!(
        "-- open_users
         SELECT ",
        user_columns!(),
        " FROM user_work w JOIN users u ON u.customer_id = w.customer_id AND u.user_id = w.user_id
          WHERE w.customer_id = ?1 AND w.state NOT IN ('in_sync', 'deactivated')
          ORDER BY w.wish = 'present', w.user_id LIMIT ?2 + 0"
    );
    let query = sqlx::query(SQL).bind(customer.as_str()).bind(limit);
    let rows = query.fetch_all(tx).await.map_err(database("open_users"))?;
    rows.iter().map(rows::user).collect()
}

pub(super) async fn roles(
    tx: &mut SqliteConnection, customer: &CustomerId,
) -> Result<BTreeMap<RoleName, Seen<RoleLink>>, StoreError> {
    let rows = sqlx::query(
        "-- visit_roles
         SELECT l.role, l.seen, l.role_id, l.attempt_at, l.lands_by, p.permissions
         FROM role_links l LEFT JOIN permission_sets p ON p.permission_set = l.permission_set
         WHERE l.customer_id = ?1",
    )
    .bind(customer.as_str())
    .fetch_all(tx)
    .await
    .map_err(database("visit_roles"))?;
    rows.iter().map(|row| rows::role_link(row, customer)).collect()
}
