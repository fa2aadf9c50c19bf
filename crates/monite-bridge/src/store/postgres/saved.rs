//! All that is stored, given out in pages. See [`Portable`](super::super::saved::Portable).

use jiff::Timestamp;

use super::super::StoreError;
use super::super::columns::micros;
use super::super::saved::{RUN, Saved, Standing, dead_after, standing};
use super::connection::{Tx, sql};
use super::rows::{Columns as _, Unread};

const SETTINGS: &str = "-- saved_settings
    SELECT name, value FROM settings WHERE name > $1 AND name <> $2 ORDER BY name LIMIT $3";

const SECRETS: &str = "-- saved_secrets
    SELECT name, sealed, written_at FROM secrets WHERE name > $1 AND $2 = '' ORDER BY name LIMIT $3";

const API_KEYS: &str = "-- saved_api_keys
    SELECT id, name, scopes, digest, created_at, expires_at, revoked_at, last_used_at
    FROM api_keys WHERE id > $1 AND $2 = '' ORDER BY id LIMIT $3";

const CUSTOMERS: &str = "-- saved_customers
    SELECT w.customer_id, w.wish, w.state, w.generation, w.written_at, w.synced_generation, w.synced_at, w.attempts,
           w.last_error, w.due_at, w.seen, w.entity_id, w.active, w.attempt_email, w.roles_listed, w.attempt_at,
           w.lands_by, w.doubt_generation, w.doubt_until, c.at_monite, c.calls, w.links, w.stamp_due_at,
           w.stamp_attempts, w.stamp_error, w.stamp_unsure_until, w.lease_until AS left_until, c.document
    FROM customer_work w JOIN customers c ON c.customer_id = w.customer_id
    WHERE w.customer_id > $1 AND $2 = '' ORDER BY w.customer_id LIMIT $3";

const ROLES: &str = "-- saved_roles
    SELECT l.customer_id, l.role, l.seen, l.role_id, l.attempt_at, l.lands_by, p.permissions
    FROM role_links l LEFT JOIN permission_sets p ON p.permission_set = l.permission_set
    WHERE (l.customer_id, l.role) > ($1, $2) ORDER BY l.customer_id, l.role LIMIT $3";

const USERS: &str = "-- saved_users
    SELECT w.customer_id, w.user_id, w.wish, w.state, w.generation, w.synced_generation, w.synced_at, w.attempts,
           w.last_error, w.due_at, w.seen, w.entity_user_id, w.attempt_at, w.lands_by, w.doubt_generation,
           w.doubt_until, u.at_monite, u.calls, w.login, w.role, u.document
    FROM user_work w JOIN users u ON u.customer_id = w.customer_id AND u.user_id = w.user_id
    WHERE (w.customer_id, w.user_id) > ($1, $2) ORDER BY w.customer_id, w.user_id LIMIT $3";

/// A process lives as long as its last heartbeat is young enough, by the clock of the database, as heartbeats are; those that do not take
/// part in the budget may hold leases all the same.
const AT_WORK: &str = "-- at_work
    SELECT lease_owner AS process FROM customer_work WHERE lease_until > $1
    UNION SELECT replica_id FROM replicas
    WHERE abs(heartbeat_at - (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) < $2
    ORDER BY process LIMIT 10";

const STANDING: &str = "-- standing
    SELECT (SELECT count(*) FROM customer_work) AS customers, (SELECT count(*) FROM user_work) AS users,
           (SELECT count(*) FROM role_links) AS roles, (SELECT count(*) FROM settings) AS settings,
           (SELECT count(*) FROM secrets) AS secrets,
           (SELECT coalesce(sum(generation + fence + links + attempts), 0)::bigint FROM customer_work) AS customers_written,
           (SELECT coalesce(sum(due_at / 1000000), 0)::bigint FROM customer_work) AS customers_due,
           (SELECT coalesce(sum(generation + attempts), 0)::bigint FROM user_work) AS users_written,
           (SELECT coalesce(sum(due_at / 1000000), 0)::bigint FROM user_work) AS users_due,
           (SELECT coalesce(sum(written_at / 1000000), 0)::bigint FROM secrets) AS secrets_written,
           (SELECT count(*) FROM api_keys) AS api_keys,
           (SELECT coalesce(sum((created_at + coalesce(revoked_at, 0)) / 1000000), 0)::bigint FROM api_keys) AS api_keys_written";

/// See [`Portable::saved`](super::super::saved::Portable::saved).
pub(super) async fn page(tx: &mut Tx, after: Option<&Saved>, limit: u32) -> Result<Vec<Saved>, StoreError> {
    let (first, id, second) = after.map_or((0, "", ""), Saved::key);
    for (kind, text) in (0u8..).zip([SETTINGS, SECRETS, API_KEYS, CUSTOMERS, ROLES, USERS]).skip(usize::from(first)) {
        // A kind begins with its first record, but for the one that is being given out.
        let (id, second) = if kind == first { (id, second) } else { ("", "") };
        let second = if kind == 0 { RUN } else { second };
        let rows = sql(text).bind(id).bind(second).bind(i64::from(limit)).all(tx).await?;
        if !rows.is_empty() {
            let read = |row| Saved::of_kind(kind, row);
            return rows.iter().map(read).collect::<Result<_, Unread>>().map_err(Into::into);
        }
    }
    Ok(Vec::new())
}

/// See [`Portable::standing`](super::super::saved::Portable::standing).
pub(super) async fn now(tx: &mut Tx, now: Timestamp) -> Result<Standing, StoreError> {
    let rows = sql(AT_WORK).bind(micros(now)).bind(dead_after()).all(tx).await?;
    let at_work = rows.iter().map(|row| row.text("process")).collect::<Result<_, Unread>>()?;
    Ok(standing(at_work, &sql(STANDING).one(tx).await?)?)
}

/// See [`Portable::is_half_restored`](super::super::saved::Portable::is_half_restored).
pub(super) async fn is_half_restored(tx: &mut Tx) -> Result<bool, StoreError> {
    let row = sql("-- is_half_restored
         SELECT EXISTS (SELECT 1 FROM settings WHERE name = $1) AS half")
    .bind(RUN)
    .one(tx)
    .await?;
    Ok(row.flag("half")?)
}
