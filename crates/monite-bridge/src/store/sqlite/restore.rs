//! A state that comes from elsewhere, step by step. See [`Portable`](super::super::saved::Portable).

use async_trait::async_trait;
use serde_json::Value;
use sqlx::SqliteConnection;

use super::super::StoreError;
use super::super::saved::{Page, RUN, Restore, Restored, SavedCounts, counts};
use super::rows::to_json;
use super::writer::Write;
use super::{database, wake};

/// Customers taken away at a time.
const CLEARED_AT_ONCE: u32 = 500;

#[async_trait]
impl Write for Restore {
    type Answer = Restored;

    fn weight(&self) -> usize {
        match self {
            Self::Page { records, .. } => records.len().max(1),
            _ => 1,
        }
    }

    async fn run(&self, tx: &mut SqliteConnection) -> Result<Restored, StoreError> {
        if let Self::Begin { run } = self {
            return begin(tx, run).await;
        }
        if running(tx).await?.as_deref() != Some(self.run()) {
            return Ok(Restored::Overtaken);
        }
        match self {
            Self::Begin { .. } => Ok(Restored::Done),
            Self::Clear { .. } => clear(tx).await,
            Self::Page { records, .. } => page(tx, &Page::of(records)).await,
            Self::End { counts, .. } => end(tx, *counts).await,
        }
    }
}

async fn running(tx: &mut SqliteConnection) -> Result<Option<String>, StoreError> {
    sqlx::query_scalar(
        "-- restore_run
         SELECT value FROM settings WHERE name = ?1",
    )
    .bind(RUN)
    .fetch_optional(tx)
    .await
    .map_err(database("restore_run"))
}

async fn is_empty(tx: &mut SqliteConnection) -> Result<bool, StoreError> {
    sqlx::query_scalar(
        "-- restore_is_empty
         SELECT NOT EXISTS (SELECT 1 FROM customers) AND NOT EXISTS (SELECT 1 FROM secrets)
             AND NOT EXISTS (SELECT 1 FROM api_keys)",
    )
    .fetch_one(tx)
    .await
    .map_err(database("restore_is_empty"))
}

/// What an empty database knows of itself already is forgotten.
async fn begin(tx: &mut SqliteConnection, run: &str) -> Result<Restored, StoreError> {
    let is_empty = is_empty(tx).await?;
    if running(tx).await?.is_none() && !is_empty {
        return Ok(Restored::NotEmpty);
    }
    sqlx::query(
        "-- restore_begin
         DELETE FROM settings; INSERT INTO settings (name, value) VALUES (?1, ?2)",
    )
    .bind(RUN)
    .bind(run)
    .execute(tx)
    .await
    .map_err(database("restore_begin"))?;
    Ok(if is_empty { Restored::Done } else { Restored::More })
}

async fn clear(tx: &mut SqliteConnection) -> Result<Restored, StoreError> {
    sqlx::query(
        "-- restore_clear
         DELETE FROM customers WHERE customer_id IN (SELECT customer_id FROM customers ORDER BY customer_id LIMIT ?1 + 0);
         DELETE FROM secrets; DELETE FROM api_keys; DELETE FROM settings WHERE name <> ?2",
    )
    .bind(CLEARED_AT_ONCE)
    .bind(RUN)
    .execute(&mut *tx)
    .await
    .map_err(database("restore_clear"))?;
    Ok(if is_empty(tx).await? { Restored::Done } else { Restored::More })
}

const RESTORE_SETTINGS: &str = "-- restore_settings
    INSERT INTO settings
        (name, value)
    SELECT value ->> 'name', value ->> 'value'
    FROM json_each(?1)";

const RESTORE_SECRETS: &str = "-- restore_secrets
    INSERT INTO secrets
        (name, written_at, sealed)
    SELECT value ->> 'name', value ->> 'written_at', unhex(value ->> 'sealed')
    FROM json_each(?1)";

const RESTORE_API_KEYS: &str = "-- restore_api_keys
    INSERT INTO api_keys
        (id, name, scopes, digest, created_at, expires_at, revoked_at, last_used_at)
    SELECT value ->> 'id', value ->> 'name', value ->> 'scopes', unhex(value ->> 'digest'), value ->> 'created_at',
           value ->> 'expires_at', value ->> 'revoked_at', value ->> 'last_used_at'
    FROM json_each(?1)";

const RESTORE_CUSTOMERS: &str = "-- restore_customers
    INSERT INTO customers
        (customer_id, document, at_monite, calls)
    SELECT value ->> 'customer_id', value ->> 'document', value ->> 'at_monite', value ->> 'calls'
    FROM json_each(?1)";

const RESTORE_CWORK: &str = "-- restore_customer_work
    INSERT INTO customer_work
        (customer_id, wish, state, generation, written_at, synced_generation, synced_at, attempts, last_error,
         due_at, seen, entity_id, active, attempt_email, roles_listed, attempt_at, lands_by, doubt_generation,
         doubt_until, links, stamp_due_at, stamp_attempts, stamp_error, stamp_unsure_until, lease_owner, lease_until,
         wake_at, document_hash)
    SELECT value ->> 'customer_id', value ->> 'wish', value ->> 'state', value ->> 'generation',
           value ->> 'written_at', value ->> 'synced_generation', value ->> 'synced_at', value ->> 'attempts',
           value ->> 'last_error', value ->> 'due_at', value ->> 'seen', value ->> 'entity_id', value ->> 'active',
           value ->> 'attempt_email', value ->> 'roles_listed', value ->> 'attempt_at', value ->> 'lands_by',
           value ->> 'doubt_generation', value ->> 'doubt_until', value ->> 'links', value ->> 'stamp_due_at',
           value ->> 'stamp_attempts', value ->> 'stamp_error', value ->> 'stamp_unsure_until',
           iif(value ->> 'left_until' IS NULL, NULL, 'left behind'), value ->> 'left_until',
           coalesce(value ->> 'left_until', value ->> 'due_at'), unhex(value ->> 'document_hash')
    FROM json_each(?1)";

const RESTORE_USERS: &str = "-- restore_users
    INSERT INTO users
        (customer_id, user_id, document, at_monite, calls)
    SELECT value ->> 'customer_id', value ->> 'user_id', value ->> 'document', value ->> 'at_monite',
           value ->> 'calls'
    FROM json_each(?1)";

const RESTORE_UWORK: &str = "-- restore_user_work
    INSERT INTO user_work
        (customer_id, user_id, wish, state, generation, synced_generation, synced_at, attempts, last_error, due_at,
         seen, entity_user_id, attempt_at, lands_by, doubt_generation, doubt_until, login, role, document_hash)
    SELECT value ->> 'customer_id', value ->> 'user_id', value ->> 'wish', value ->> 'state', value ->> 'generation',
           value ->> 'synced_generation', value ->> 'synced_at', value ->> 'attempts', value ->> 'last_error',
           value ->> 'due_at', value ->> 'seen', value ->> 'entity_user_id', value ->> 'attempt_at',
           value ->> 'lands_by', value ->> 'doubt_generation', value ->> 'doubt_until', value ->> 'login',
           value ->> 'role', unhex(value ->> 'document_hash')
    FROM json_each(?1)";

const RESTORE_SETS: &str = "-- restore_permission_sets
    INSERT INTO permission_sets (permissions)
    SELECT DISTINCT value ->> 'permissions' FROM json_each(?1) WHERE value ->> 'permissions' IS NOT NULL
    ON CONFLICT DO NOTHING";

const RESTORE_ROLES: &str = "-- restore_roles
    INSERT INTO role_links
        (customer_id, role, seen, role_id, attempt_at, lands_by, permission_set)
    SELECT value ->> 'customer_id', value ->> 'role', value ->> 'seen', value ->> 'role_id', value ->> 'attempt_at',
           value ->> 'lands_by',
           (SELECT p.permission_set FROM permission_sets p WHERE p.permissions = value ->> 'permissions')
    FROM json_each(?1)";

async fn page(tx: &mut SqliteConnection, page: &Page) -> Result<Restored, StoreError> {
    for (records, statements) in [
        (&page.settings, [RESTORE_SETTINGS].as_slice()),
        (&page.secrets, &[RESTORE_SECRETS]),
        (&page.api_keys, &[RESTORE_API_KEYS]),
        (&page.customers, &[RESTORE_CUSTOMERS, RESTORE_CWORK]),
        (&page.roles, &[RESTORE_SETS, RESTORE_ROLES]),
        (&page.users, &[RESTORE_USERS, RESTORE_UWORK]),
    ] {
        if !records.is_empty() {
            store(tx, records, statements).await?;
        }
    }
    wake::settle(tx, &to_json(&page.touched)).await?;
    Ok(Restored::Done)
}

async fn store(tx: &mut SqliteConnection, records: &[Value], statements: &[&'static str]) -> Result<(), StoreError> {
    let records = to_json(&records);
    for text in statements {
        sqlx::query(*text).bind(&records).execute(&mut *tx).await.map_err(database("restore"))?;
    }
    Ok(())
}

async fn end(tx: &mut SqliteConnection, expected: SavedCounts) -> Result<Restored, StoreError> {
    const COUNTS: &str = "-- restore_counts
    SELECT (SELECT count(*) FROM settings) - 1 AS settings, (SELECT count(*) FROM secrets) AS secrets,
           (SELECT count(*) FROM api_keys) AS api_keys, (SELECT count(*) FROM customer_work) AS customers, (SELECT count(*) FROM role_links) AS roles,
           (SELECT count(*) FROM user_work) AS users";
    let there = sqlx::query(COUNTS).fetch_one(&mut *tx).await.map_err(database("restore_counts"))?;
    if counts(&there)? != expected {
        return Ok(Restored::Miscounted);
    }
    sqlx::query(
        "-- restore_end
         DELETE FROM settings WHERE name = ?1",
    )
    .bind(RUN)
    .execute(tx)
    .await
    .map_err(database("restore_end"))?;
    Ok(Restored::Done)
}
