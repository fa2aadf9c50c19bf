//! What a visit found out, written down: one function for each kind of [`Change`]. The caller holds the lease.
//!
//! Statements that always go together are one query: the way to the connection's thread and back costs more than most of them.

use monite::{NewEntity, NewEntityUser};
use sqlx::SqliteConnection;

use super::super::columns::{ProgressColumns, SeenColumns, attempt_email, calls_kept, newest_first};
use super::super::{Change, Progress, StoreError};
use super::{database, stamps};
use crate::domain::role::RoleName;
use crate::domain::{Call, CustomerId, EntityLink, Generation, RoleLink, Seen, UserId, UserLink};

/// Writes one change. A change of a user that is not there any more (deleted and to be kept at Monite) is ignored.
pub(super) async fn apply(tx: &mut SqliteConnection, customer: &CustomerId, change: &Change) -> Result<(), StoreError> {
    match change {
        Change::Entity(seen) => entity(tx, customer, seen).await,
        Change::RolesListed => roles_listed(tx, customer).await,
        Change::Role(role, seen) => self::role(tx, customer, role, seen).await,
        Change::User(id, seen) => user(tx, customer, id, seen).await,
        Change::CustomerDone(progress) => customer_done(tx, customer, progress).await,
        Change::UserDone(id, progress) => user_done(tx, customer, id, progress).await,
        // Whether it was written again meanwhile shows in its wish; the generation would tell no more.
        Change::UserGone(id, _) => user_gone(tx, customer, id).await,
        Change::Looked(None, generation) => customer_looked(tx, customer, *generation).await,
        Change::Looked(Some(id), generation) => user_looked(tx, customer, id, *generation).await,
        Change::Calls(None, calls) => customer_calls(tx, customer, calls).await,
        Change::Calls(Some(id), calls) => user_calls(tx, customer, id, calls).await,
        Change::StampUnsure(until) => stamps::unsure(tx, customer, *until).await,
        Change::Stamped { links } => stamps::stamped(tx, customer, *links).await,
        Change::StampFailed { due_at, error } => stamps::failed(tx, customer, *due_at, error).await,
    }
}

async fn entity(
    tx: &mut SqliteConnection, customer: &CustomerId, seen: &Seen<EntityLink, NewEntity>,
) -> Result<(), StoreError> {
    let columns = SeenColumns::entity(seen);
    forget_what_was_inside(tx, customer, columns.id.as_deref()).await?;
    // A customer deleted before anything was at Monite is done. A visit that was under way may create the entity all the
    // same: then there is something to deactivate.
    sqlx::query(
        "-- record_entity
         UPDATE customer_work SET
             state = CASE WHEN state = 'deactivated' AND seen = 'absent' AND ?2 <> 'absent' THEN 'pending' ELSE state END,
             due_at = CASE WHEN state = 'deactivated' AND seen = 'absent' AND ?2 <> 'absent' THEN written_at ELSE due_at END,
             links = links + (entity_id IS NOT ?3),
             stamp_due_at = CASE WHEN ?3 IS NULL THEN NULL WHEN entity_id IS NOT ?3 THEN 0 ELSE stamp_due_at END,
             seen = ?2, entity_id = ?3, active = ?4, attempt_at = ?5, lands_by = ?6, attempt_email = ?7
         WHERE customer_id = ?1;
         UPDATE customers SET at_monite = ?8 WHERE customer_id = ?1",
    )
    .bind(customer.as_str())
    .bind(columns.seen)
    .bind(columns.id)
    .bind(seen.present().map(|link| link.active))
    .bind(columns.attempt_at)
    .bind(columns.lands_by)
    .bind(attempt_email(seen))
    .bind(columns.document)
    .execute(tx)
    .await
    .map_err(database("record_entity"))?;
    Ok(())
}

/// When the customer had an entity and it is another one now, or none, the roles and users inside the old one are gone with it.
async fn forget_what_was_inside(
    tx: &mut SqliteConnection, customer: &CustomerId, now: Option<&str>,
) -> Result<(), StoreError> {
    let left = sqlx::query(
        "-- leave_entity
         UPDATE customer_work SET roles_listed = 0
         WHERE customer_id = ?1 AND entity_id IS NOT NULL AND entity_id IS NOT ?2",
    )
    .bind(customer.as_str())
    .bind(now)
    .execute(&mut *tx)
    .await
    .map_err(database("leave_entity"))?;
    if left.rows_affected() == 0 {
        return Ok(());
    }
    sqlx::query(
        "-- leave_roles
         DELETE FROM role_links WHERE customer_id = ?1",
    )
    .bind(customer.as_str())
    .execute(&mut *tx)
    .await
    .map_err(database("leave_roles"))?;
    sqlx::query(
        "-- leave_users
         UPDATE user_work SET
             seen = 'absent', entity_user_id = NULL, attempt_at = NULL, lands_by = NULL,
             due_at = CASE state WHEN 'deactivated' THEN NULL ELSE coalesce(due_at, synced_at, 0) END,
             state = CASE state WHEN 'in_sync' THEN 'pending' ELSE state END
         WHERE customer_id = ?1 AND seen <> 'absent' AND NOT (state = 'deactivated' AND wish = 'gone')",
    )
    .bind(customer.as_str())
    .execute(tx)
    .await
    .map_err(database("leave_users"))?;
    Ok(())
}

async fn roles_listed(tx: &mut SqliteConnection, customer: &CustomerId) -> Result<(), StoreError> {
    sqlx::query(
        "-- record_roles_listed
         UPDATE customer_work SET roles_listed = 1 WHERE customer_id = ?1",
    )
    .bind(customer.as_str())
    .execute(tx)
    .await
    .map_err(database("record_roles_listed"))?;
    Ok(())
}

async fn role(
    tx: &mut SqliteConnection, customer: &CustomerId, role: &RoleName, seen: &Seen<RoleLink>,
) -> Result<(), StoreError> {
    if *seen == Seen::Absent {
        return role_absent(tx, customer, role).await;
    }
    let columns = SeenColumns::role(seen);
    sqlx::query(
        "-- record_role
         INSERT INTO permission_sets (permissions) SELECT ?7 WHERE ?3 = 'present' ON CONFLICT DO NOTHING;
         INSERT INTO role_links (customer_id, role, seen, role_id, attempt_at, lands_by, permission_set)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, (SELECT permission_set FROM permission_sets WHERE ?3 = 'present' AND permissions = ?7))
         ON CONFLICT (customer_id, role) DO UPDATE SET
             seen = excluded.seen, role_id = excluded.role_id, attempt_at = excluded.attempt_at,
             lands_by = excluded.lands_by, permission_set = excluded.permission_set",
    )
    .bind(customer.as_str())
    .bind(role.as_str())
    .bind(columns.seen)
    .bind(columns.id)
    .bind(columns.attempt_at)
    .bind(columns.lands_by)
    .bind(columns.document)
    .execute(tx)
    .await
    .map_err(database("record_role"))?;
    Ok(())
}

async fn role_absent(tx: &mut SqliteConnection, customer: &CustomerId, role: &RoleName) -> Result<(), StoreError> {
    sqlx::query(
        "-- record_role_absent
         DELETE FROM role_links WHERE customer_id = ?1 AND role = ?2",
    )
    .bind(customer.as_str())
    .bind(role.as_str())
    .execute(tx)
    .await
    .map_err(database("record_role_absent"))?;
    Ok(())
}

async fn user(
    tx: &mut SqliteConnection, customer: &CustomerId, id: &UserId, seen: &Seen<UserLink, NewEntityUser>,
) -> Result<(), StoreError> {
    let columns = SeenColumns::user(seen);
    const SQL: &str = concat!(
        "-- record_user
         UPDATE ",
        stamps::links_changed!(),
        " WHERE customer_id = ?1 AND EXISTS (SELECT 1 FROM user_work u
             WHERE u.customer_id = ?1 AND u.user_id = ?2 AND u.entity_user_id IS NOT ?4);
         UPDATE user_work SET seen = ?3, entity_user_id = ?4, attempt_at = ?5, lands_by = ?6
         WHERE customer_id = ?1 AND user_id = ?2;
         UPDATE users SET at_monite = ?7 WHERE customer_id = ?1 AND user_id = ?2"
    );
    sqlx::query(SQL)
        .bind(customer.as_str())
        .bind(id.as_str())
        .bind(columns.seen)
        .bind(columns.id)
        .bind(columns.attempt_at)
        .bind(columns.lands_by)
        .bind(columns.document)
        .execute(tx)
        .await
        .map_err(database("record_user"))?;
    Ok(())
}

/// The columns that a [`Progress`] sets. When the product wrote meanwhile (another generation), only what Monite confirmed is
/// taken over: the row is pending and due since that write, and stays so; a row that is done for good stays done.
macro_rules! progress_columns {
    () => {
        "state = CASE WHEN generation = ?1 THEN ?2 ELSE state END,
         attempts = CASE WHEN generation = ?1 THEN ?3 ELSE attempts END,
         due_at = CASE WHEN generation = ?1 THEN ?4 ELSE due_at END,
         last_error = CASE WHEN generation = ?1 THEN ?5 ELSE last_error END,
         synced_generation = CASE WHEN ?6 IS NULL THEN synced_generation ELSE ?1 END,
         synced_at = ifnull(?6, synced_at),
         doubt_generation = CASE
             WHEN ?7 IS NOT NULL THEN ?1
             WHEN ?6 IS NOT NULL THEN NULL
             -- The first attempt at this generation, and it was answered: whoever suspected it on its way may be at ease.
             WHEN doubt_generation = ?1 AND ?3 <= 1 THEN NULL
             ELSE doubt_generation END,
         doubt_until = CASE
             -- Who succeeds knows of every change that may still land.
             WHEN ?6 IS NOT NULL THEN ?7
             WHEN ?7 IS NOT NULL THEN max(ifnull(doubt_until, 0), ?7)
             WHEN doubt_generation = ?1 AND ?3 <= 1 THEN NULL
             ELSE doubt_until END"
    };
}

async fn customer_done(
    tx: &mut SqliteConnection, customer: &CustomerId, progress: &Progress,
) -> Result<(), StoreError> {
    const SQL: &str = concat!(
        "-- record_customer_done
         UPDATE customer_work SET ",
        progress_columns!(),
        " WHERE customer_id = ?8"
    );
    bind_progress(sqlx::query(SQL), progress)
        .bind(customer.as_str())
        .execute(tx)
        .await
        .map_err(database("record_customer_done"))?;
    Ok(())
}

async fn user_done(
    tx: &mut SqliteConnection, customer: &CustomerId, id: &UserId, progress: &Progress,
) -> Result<(), StoreError> {
    const SQL: &str = concat!(
        "-- record_user_done
         UPDATE user_work SET ",
        progress_columns!(),
        " WHERE customer_id = ?8 AND user_id = ?9"
    );
    bind_progress(sqlx::query(SQL), progress)
        .bind(customer.as_str())
        .bind(id.as_str())
        .execute(tx)
        .await
        .map_err(database("record_user_done"))?;
    Ok(())
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

fn bind_progress<'q>(query: Query<'q>, progress: &Progress) -> Query<'q> {
    let columns = ProgressColumns::new(progress);
    query
        .bind(columns.generation)
        .bind(columns.state)
        .bind(columns.attempts)
        .bind(columns.due_at)
        .bind(columns.last_error)
        .bind(columns.confirmed_at)
        .bind(columns.unanswered_until)
}

async fn customer_looked(
    tx: &mut SqliteConnection, customer: &CustomerId, generation: Generation,
) -> Result<(), StoreError> {
    sqlx::query(
        "-- record_customer_looked
         UPDATE customer_work SET doubt_generation = NULL, doubt_until = NULL WHERE customer_id = ?1 AND generation = ?2",
    )
    .bind(customer.as_str())
    .bind(generation.0)
    .execute(tx)
    .await
    .map_err(database("record_customer_looked"))?;
    Ok(())
}

async fn user_looked(
    tx: &mut SqliteConnection, customer: &CustomerId, id: &UserId, generation: Generation,
) -> Result<(), StoreError> {
    sqlx::query(
        "-- record_user_looked
         UPDATE user_work SET doubt_generation = NULL, doubt_until = NULL
         WHERE customer_id = ?1 AND user_id = ?2 AND generation = ?3",
    )
    .bind(customer.as_str())
    .bind(id.as_str())
    .bind(generation.0)
    .execute(tx)
    .await
    .map_err(database("record_user_looked"))?;
    Ok(())
}

/// The deletion is complete. A user that the product wrote again stays, and is to be created anew.
async fn user_gone(tx: &mut SqliteConnection, customer: &CustomerId, id: &UserId) -> Result<(), StoreError> {
    // First, while the row is there to tell that a link goes away with it.
    user(tx, customer, id, &Seen::Absent).await?;
    sqlx::query(
        "-- record_user_gone
         DELETE FROM users WHERE customer_id = ?1 AND user_id = ?2 AND EXISTS
             (SELECT 1 FROM user_work w WHERE w.customer_id = ?1 AND w.user_id = ?2 AND w.wish = 'gone')",
    )
    .bind(customer.as_str())
    .bind(id.as_str())
    .execute(&mut *tx)
    .await
    .map_err(database("record_user_gone"))?;
    Ok(())
}

/// The latest [`CALLS_KEPT`] of the new calls (`?1`, newest first) and those that were there.
macro_rules! latest_calls {
    () => {
        "(SELECT json_group_array(json(value)) FROM (
             SELECT value FROM (
                 SELECT 0 AS part, key, value FROM json_each(?1) UNION ALL SELECT 1, key, value FROM json_each(calls)
             ) ORDER BY part, key LIMIT ?2 + 0))"
    };
}

async fn customer_calls(tx: &mut SqliteConnection, customer: &CustomerId, calls: &[Call]) -> Result<(), StoreError> {
    const SQL: &str = concat!(
        "-- record_customer_calls
         UPDATE customers SET calls = ",
        latest_calls!(),
        " WHERE customer_id = ?3"
    );
    sqlx::query(SQL)
        .bind(newest_first(calls))
        .bind(calls_kept())
        .bind(customer.as_str())
        .execute(tx)
        .await
        .map_err(database("record_customer_calls"))?;
    Ok(())
}

async fn user_calls(
    tx: &mut SqliteConnection, customer: &CustomerId, id: &UserId, calls: &[Call],
) -> Result<(), StoreError> {
    const SQL: &str = concat!(
        "-- record_user_calls
         UPDATE users SET calls = ",
        latest_calls!(),
        " WHERE customer_id = ?3 AND user_id = ?4"
    );
    sqlx::query(SQL)
        .bind(newest_first(calls))
        .bind(calls_kept())
        .bind(customer.as_str())
        .bind(id.as_str())
        .execute(tx)
        .await
        .map_err(database("record_user_calls"))?;
    Ok(())
}
