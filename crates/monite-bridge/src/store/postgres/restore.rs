//! A state that comes from elsewhere, step by step. See [`Portable`](super::super::saved::Portable).

use async_trait::async_trait;
use serde_json::Value;

use super::super::StoreError;
use super::super::saved::{Page, RUN, Restore, Restored, SavedCounts, counts};
use super::connection::{Tx, sql};
use super::rows::{Columns as _, to_json};
use super::wake;
use super::writer::Write;

/// Customers taken away at a time.
const CLEARED_AT_ONCE: i64 = 500;

#[async_trait]
impl Write for Restore {
    type Answer = Restored;

    fn weight(&self) -> usize {
        match self {
            Self::Page { records, .. } => records.len().max(1),
            _ => 1,
        }
    }

    fn makes_due(&self, _: &Restored) -> bool {
        matches!(self, Self::End { .. })
    }

    async fn run(&self, tx: &mut Tx) -> Result<Restored, StoreError> {
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

/// The run that counts; no other one begins before this transaction ends.
async fn running(tx: &mut Tx) -> Result<Option<String>, StoreError> {
    let row = sql("-- restore_run
         SELECT value FROM settings WHERE name = $1 FOR UPDATE")
    .bind(RUN)
    .optional(tx)
    .await?;
    Ok(row.map(|row| row.text("value")).transpose()?)
}

async fn is_empty(tx: &mut Tx) -> Result<bool, StoreError> {
    let row = sql("-- restore_is_empty
         SELECT NOT EXISTS (SELECT 1 FROM customers) AND NOT EXISTS (SELECT 1 FROM secrets)
             AND NOT EXISTS (SELECT 1 FROM api_keys) AS empty")
    .one(tx)
    .await?;
    Ok(row.flag("empty")?)
}

/// What an empty database knows of itself already is forgotten.
async fn begin(tx: &mut Tx, run: &str) -> Result<Restored, StoreError> {
    // Two that begin together: one waits for the other here, and overtakes it.
    sql("-- restore_alone
         LOCK TABLE settings IN SHARE ROW EXCLUSIVE MODE")
    .run(tx)
    .await?;
    let is_empty = is_empty(tx).await?;
    if running(tx).await?.is_none() && !is_empty {
        return Ok(Restored::NotEmpty);
    }
    sql("-- restore_forget
         DELETE FROM settings")
    .run(tx)
    .await?;
    sql("-- restore_begin
         INSERT INTO settings (name, value) VALUES ($1, $2)")
    .bind(RUN)
    .bind(run)
    .run(tx)
    .await?;
    Ok(if is_empty { Restored::Done } else { Restored::More })
}

async fn clear(tx: &mut Tx) -> Result<Restored, StoreError> {
    sql("-- restore_clear
         DELETE FROM customers WHERE customer_id IN (SELECT customer_id FROM customers ORDER BY customer_id LIMIT $1)")
    .bind(CLEARED_AT_ONCE)
    .run(tx)
    .await?;
    sql("-- restore_clear_secrets
         DELETE FROM secrets")
    .run(tx)
    .await?;
    sql("-- restore_clear_api_keys
         DELETE FROM api_keys")
    .run(tx)
    .await?;
    sql("-- restore_clear_settings
         DELETE FROM settings WHERE name <> $1")
    .bind(RUN)
    .run(tx)
    .await?;
    Ok(if is_empty(tx).await? { Restored::Done } else { Restored::More })
}

const RESTORE_SETTINGS: &str = "-- restore_settings
    INSERT INTO settings
        (name, value)
    SELECT r.name, r.value
    FROM json_to_recordset($1::text::json) AS r
        (name text, value text)";

const RESTORE_SECRETS: &str = "-- restore_secrets
    INSERT INTO secrets
        (name, written_at, sealed)
    SELECT r.name, r.written_at, decode(r.sealed, 'hex')
    FROM json_to_recordset($1::text::json) AS r
        (name text, written_at bigint, sealed text)";

const RESTORE_API_KEYS: &str = "-- restore_api_keys
    INSERT INTO api_keys
        (id, name, scopes, digest, created_at, expires_at, revoked_at, last_used_at)
    SELECT r.id, r.name, r.scopes, decode(r.digest, 'hex'), r.created_at, r.expires_at, r.revoked_at, r.last_used_at
    FROM json_to_recordset($1::text::json) AS r
        (id text, name text, scopes text, digest text, created_at bigint, expires_at bigint, revoked_at bigint,
         last_used_at bigint)";

const RESTORE_CUSTOMERS: &str = "-- restore_customers
    INSERT INTO customers
        (customer_id, document, at_monite, calls)
    SELECT r.customer_id, r.document, r.at_monite, r.calls
    FROM json_to_recordset($1::text::json) AS r
        (customer_id text, document text, at_monite text, calls text)";

const RESTORE_CWORK: &str = "-- restore_customer_work
    INSERT INTO customer_work
        (customer_id, wish, state, generation, written_at, synced_generation, synced_at, attempts, last_error,
         due_at, seen, entity_id, active, attempt_email, roles_listed, attempt_at, lands_by, doubt_generation,
         doubt_until, links, stamp_due_at, stamp_attempts, stamp_error, stamp_unsure_until, lease_owner, lease_until,
         wake_at, document_hash)
    SELECT r.customer_id, r.wish, r.state, r.generation, r.written_at, r.synced_generation, r.synced_at, r.attempts,
           r.last_error, r.due_at, r.seen, r.entity_id, r.active, r.attempt_email, r.roles_listed, r.attempt_at,
           r.lands_by, r.doubt_generation, r.doubt_until, r.links, r.stamp_due_at, r.stamp_attempts, r.stamp_error,
           r.stamp_unsure_until,
           CASE WHEN r.left_until IS NOT NULL THEN 'left behind' END, r.left_until, coalesce(r.left_until, r.due_at),
           decode(r.document_hash, 'hex')
    FROM json_to_recordset($1::text::json) AS r
        (customer_id text, wish text, state text, generation bigint, written_at bigint, synced_generation bigint,
         synced_at bigint, attempts bigint, last_error text, due_at bigint, seen text, entity_id text,
         active boolean, attempt_email text, roles_listed boolean, attempt_at bigint, lands_by bigint,
         doubt_generation bigint, doubt_until bigint, links bigint, stamp_due_at bigint, stamp_attempts bigint,
         stamp_error text, stamp_unsure_until bigint, left_until bigint, document_hash text)";

const RESTORE_USERS: &str = "-- restore_users
    INSERT INTO users
        (customer_id, user_id, document, at_monite, calls)
    SELECT r.customer_id, r.user_id, r.document, r.at_monite, r.calls
    FROM json_to_recordset($1::text::json) AS r
        (customer_id text, user_id text, document text, at_monite text, calls text)";

const RESTORE_UWORK: &str = "-- restore_user_work
    INSERT INTO user_work
        (customer_id, user_id, wish, state, generation, synced_generation, synced_at, attempts, last_error, due_at,
         seen, entity_user_id, attempt_at, lands_by, doubt_generation, doubt_until, login, role, document_hash)
    SELECT r.customer_id, r.user_id, r.wish, r.state, r.generation, r.synced_generation, r.synced_at, r.attempts,
           r.last_error, r.due_at, r.seen, r.entity_user_id, r.attempt_at, r.lands_by, r.doubt_generation,
           r.doubt_until, r.login, r.role, decode(r.document_hash, 'hex')
    FROM json_to_recordset($1::text::json) AS r
        (customer_id text, user_id text, wish text, state text, generation bigint, synced_generation bigint,
         synced_at bigint, attempts bigint, last_error text, due_at bigint, seen text, entity_user_id text,
         attempt_at bigint, lands_by bigint, doubt_generation bigint, doubt_until bigint, login text, role text,
         document_hash text)";

const RESTORE_SETS: &str = "-- restore_permission_sets
    INSERT INTO permission_sets (permissions, digest)
    SELECT DISTINCT r.permissions, sha256(convert_to(r.permissions, 'UTF8'))
    FROM json_to_recordset($1::text::json) AS r (permissions text) WHERE r.permissions IS NOT NULL
    ON CONFLICT DO NOTHING";

const RESTORE_ROLES: &str = "-- restore_roles
    INSERT INTO role_links (customer_id, role, seen, role_id, attempt_at, lands_by, permission_set)
    SELECT r.customer_id, r.role, r.seen, r.role_id, r.attempt_at, r.lands_by, p.permission_set
    FROM json_to_recordset($1::text::json) AS r
        (customer_id text, role text, seen text, role_id text, attempt_at bigint, lands_by bigint, permissions text)
    LEFT JOIN permission_sets p ON p.digest = sha256(convert_to(r.permissions, 'UTF8'))";

async fn page(tx: &mut Tx, page: &Page) -> Result<Restored, StoreError> {
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
    wake::settle(tx, &page.touched.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    Ok(Restored::Done)
}

async fn store(tx: &mut Tx, records: &[Value], statements: &[&'static str]) -> Result<(), StoreError> {
    let records = to_json(&records);
    for text in statements {
        sql(text).bind(records.clone()).run(tx).await?;
    }
    Ok(())
}

async fn end(tx: &mut Tx, expected: SavedCounts) -> Result<Restored, StoreError> {
    const COUNTS: &str = "-- restore_counts
    SELECT (SELECT count(*) FROM settings) - 1 AS settings, (SELECT count(*) FROM secrets) AS secrets,
           (SELECT count(*) FROM api_keys) AS api_keys, (SELECT count(*) FROM customer_work) AS customers, (SELECT count(*) FROM role_links) AS roles,
           (SELECT count(*) FROM user_work) AS users";
    if counts(&sql(COUNTS).one(tx).await?)? != expected {
        return Ok(Restored::Miscounted);
    }
    sql("-- restore_end
         DELETE FROM settings WHERE name = $1")
    .bind(RUN)
    .run(tx)
    .await?;
    Ok(Restored::Done)
}
