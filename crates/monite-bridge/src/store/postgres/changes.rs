//! What visits found out, written down: one statement for each kind of [`Change`](super::super::Change), over any number of customers,
//! each column as an array. The caller has locked the customers under their leases.

use sha2::{Digest, Sha256};

use super::super::StoreError;
use super::super::columns::{ProgressColumns, SeenColumns, attempt_email, calls_kept, newest_first};
use super::connection::{Tx, sql};
use super::doubt;
use super::round::Round;
use super::stamps::{self, links_changed};
use crate::domain::Seen;

/// Writes one round, kind after kind. A change of a user that is not there any more (deleted and to be kept at Monite) is ignored.
pub(super) async fn apply(tx: &mut Tx, round: &Round<'_>) -> Result<(), StoreError> {
    entities(tx, round).await?;
    roles_listed(tx, round).await?;
    roles(tx, round).await?;
    users(tx, round).await?;
    doubt::looked(tx, round).await?;
    customers_done(tx, round).await?;
    users_done(tx, round).await?;
    users_gone(tx, round).await?;
    customer_calls(tx, round).await?;
    user_calls(tx, round).await?;
    stamps::unsure(tx, &round.stamps_unsure).await?;
    stamps::stamped(tx, &round.stamped).await?;
    stamps::failed(tx, &round.stamps_failed).await
}

/// One value of each thing.
pub(super) fn column<'t, T, V>(things: &'t [T], value: impl Fn(&'t T) -> V) -> Vec<V> {
    things.iter().map(value).collect()
}

async fn entities(tx: &mut Tx, round: &Round<'_>) -> Result<(), StoreError> {
    if round.entities.is_empty() {
        return Ok(());
    }
    let columns = column(&round.entities, |(_, seen)| SeenColumns::entity(seen));
    // When a customer had an entity and it is another one now, or none, the roles and users inside the old one are gone with it.
    // A customer deleted before anything was at Monite is done. A visit that was under way may create the entity all the
    // same: then there is something to deactivate. (Every part of the statement sees the rows as they were before it.)
    sql("-- record_entities
         WITH now AS (
             SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::bigint[], $6::bigint[], $7::text[], $8::text[])
                 AS n (customer_id, seen, entity_id, active, attempt_at, lands_by, attempt_email, document)
         ), moved AS (
             SELECT w.customer_id FROM now JOIN customer_work w ON w.customer_id = now.customer_id
             WHERE w.entity_id IS NOT NULL AND w.entity_id IS DISTINCT FROM now.entity_id
         ), leave_roles AS (
             DELETE FROM role_links l USING moved WHERE l.customer_id = moved.customer_id
         ), leave_users AS (
             UPDATE user_work u SET
                 seen = 'absent', entity_user_id = NULL, attempt_at = NULL, lands_by = NULL,
                 due_at = CASE u.state WHEN 'deactivated' THEN NULL ELSE coalesce(u.due_at, u.synced_at, 0) END,
                 state = CASE u.state WHEN 'in_sync' THEN 'pending' ELSE u.state END
             FROM moved WHERE u.customer_id = moved.customer_id AND u.seen <> 'absent'
               AND NOT (u.state = 'deactivated' AND u.wish = 'gone')
         ), documents AS (
             UPDATE customers c SET at_monite = now.document FROM now WHERE c.customer_id = now.customer_id
         )
         UPDATE customer_work w SET
             state = CASE WHEN w.state = 'deactivated' AND w.seen = 'absent' AND now.seen <> 'absent' THEN 'pending' ELSE w.state END,
             due_at = CASE WHEN w.state = 'deactivated' AND w.seen = 'absent' AND now.seen <> 'absent' THEN w.written_at ELSE w.due_at END,
             links = w.links + CASE WHEN w.entity_id IS DISTINCT FROM now.entity_id THEN 1 ELSE 0 END,
             stamp_due_at = CASE WHEN now.entity_id IS NULL THEN NULL
                                 WHEN w.entity_id IS DISTINCT FROM now.entity_id THEN 0 ELSE w.stamp_due_at END,
             roles_listed = w.roles_listed AND (w.entity_id IS NULL OR w.entity_id IS NOT DISTINCT FROM now.entity_id),
             seen = now.seen, entity_id = now.entity_id, active = now.active, attempt_at = now.attempt_at, lands_by = now.lands_by,
             attempt_email = now.attempt_email
         FROM now WHERE w.customer_id = now.customer_id")
    .bind(column(&round.entities, |(customer, _)| customer.as_str()))
    .bind(column(&columns, |columns| columns.seen))
    .bind(column(&columns, |columns| columns.id.as_deref()))
    .bind(column(&round.entities, |(_, seen)| seen.present().map(|link| link.active)))
    .bind(column(&columns, |columns| columns.attempt_at))
    .bind(column(&columns, |columns| columns.lands_by))
    .bind(column(&round.entities, |(_, seen)| attempt_email(seen)))
    .bind(column(&columns, |columns| columns.document.as_deref()))
    .run(tx)
    .await?;
    Ok(())
}

async fn roles_listed(tx: &mut Tx, round: &Round<'_>) -> Result<(), StoreError> {
    if round.roles_listed.is_empty() {
        return Ok(());
    }
    sql("-- record_roles_listed
         UPDATE customer_work SET roles_listed = TRUE WHERE customer_id = ANY($1)")
    .bind(column(&round.roles_listed, |customer| customer.as_str()))
    .run(tx)
    .await?;
    Ok(())
}

async fn roles(tx: &mut Tx, round: &Round<'_>) -> Result<(), StoreError> {
    if round.roles.is_empty() {
        return Ok(());
    }
    let (absent, there): (Vec<_>, Vec<_>) = round.roles.iter().partition(|(_, _, seen)| **seen == Seen::Absent);
    let columns = column(&there, |(_, _, seen)| SeenColumns::role(seen));
    let digests = column(&columns, |columns| columns.document.as_ref().map(|text| Sha256::digest(text).to_vec()));
    sql("-- record_permission_sets
         INSERT INTO permission_sets (permissions, digest)
         SELECT DISTINCT ON (n.digest) n.permissions, n.digest FROM unnest($1::text[], $2::bytea[]) AS n (permissions, digest)
         WHERE n.permissions IS NOT NULL AND NOT EXISTS (SELECT 1 FROM permission_sets p WHERE p.digest = n.digest)
         ORDER BY n.digest ON CONFLICT DO NOTHING")
    .bind(column(&columns, |columns| columns.document.as_deref()))
    .bind(&digests)
    .run(tx)
    .await?;
    sql("-- record_roles
         WITH gone AS (
             DELETE FROM role_links l USING unnest($8::text[], $9::text[]) AS n (customer_id, role)
             WHERE l.customer_id = n.customer_id AND l.role = n.role
         )
         INSERT INTO role_links (customer_id, role, seen, role_id, attempt_at, lands_by, permission_set)
         SELECT n.customer_id, n.role, n.seen, n.role_id, n.attempt_at, n.lands_by, p.permission_set
         FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bytea[])
             AS n (customer_id, role, seen, role_id, attempt_at, lands_by, digest)
         LEFT JOIN permission_sets p ON p.digest = n.digest AND n.seen = 'present'
         ON CONFLICT (customer_id, role) DO UPDATE SET
             seen = excluded.seen, role_id = excluded.role_id, attempt_at = excluded.attempt_at,
             lands_by = excluded.lands_by, permission_set = excluded.permission_set")
    .bind(column(&there, |(customer, _, _)| customer.as_str()))
    .bind(column(&there, |(_, role, _)| role.as_str()))
    .bind(column(&columns, |columns| columns.seen))
    .bind(column(&columns, |columns| columns.id.as_deref()))
    .bind(column(&columns, |columns| columns.attempt_at))
    .bind(column(&columns, |columns| columns.lands_by))
    .bind(&digests)
    .bind(column(&absent, |(customer, _, _)| customer.as_str()))
    .bind(column(&absent, |(_, role, _)| role.as_str()))
    .run(tx)
    .await?;
    Ok(())
}

async fn users(tx: &mut Tx, round: &Round<'_>) -> Result<(), StoreError> {
    const SQL: &str = concat!(
        "-- record_users
         WITH now AS (
             SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[])
                 AS n (customer_id, user_id, seen, entity_user_id, attempt_at, lands_by, document)
         ), documents AS (
             UPDATE users d SET at_monite = now.document FROM now
             WHERE d.customer_id = now.customer_id AND d.user_id = now.user_id
         ), changed AS (
             SELECT DISTINCT u.customer_id FROM now JOIN user_work u ON u.customer_id = now.customer_id AND u.user_id = now.user_id
             WHERE u.entity_user_id IS DISTINCT FROM now.entity_user_id
         ), links AS (
             UPDATE ",
        links_changed!(),
        " FROM changed WHERE w.customer_id = changed.customer_id
         )
         UPDATE user_work u SET
             seen = now.seen, entity_user_id = now.entity_user_id, attempt_at = now.attempt_at, lands_by = now.lands_by
         FROM now WHERE u.customer_id = now.customer_id AND u.user_id = now.user_id"
    );
    if round.users.is_empty() {
        return Ok(());
    }
    let columns = column(&round.users, |(_, _, seen)| SeenColumns::user(seen));
    sql(SQL)
        .bind(column(&round.users, |(customer, _, _)| customer.as_str()))
        .bind(column(&round.users, |(_, user, _)| user.as_str()))
        .bind(column(&columns, |columns| columns.seen))
        .bind(column(&columns, |columns| columns.id.as_deref()))
        .bind(column(&columns, |columns| columns.attempt_at))
        .bind(column(&columns, |columns| columns.lands_by))
        .bind(column(&columns, |columns| columns.document.as_deref()))
        .run(tx)
        .await?;
    Ok(())
}

/// The columns that a progress (`now`) sets in a row of `w`. When the product wrote meanwhile (another generation), only what Monite
/// confirmed is taken over: the row is pending and due since that write, and stays so; a row that is done for good stays done.
macro_rules! progress_columns {
    () => {
        "state = CASE WHEN w.generation = now.generation THEN now.state ELSE w.state END,
         attempts = CASE WHEN w.generation = now.generation THEN now.attempts ELSE w.attempts END,
         due_at = CASE WHEN w.generation = now.generation THEN now.due_at ELSE w.due_at END,
         last_error = CASE WHEN w.generation = now.generation THEN now.last_error ELSE w.last_error END,
         synced_generation = CASE WHEN now.confirmed_at IS NULL THEN w.synced_generation ELSE now.generation END,
         synced_at = coalesce(now.confirmed_at, w.synced_at),
         doubt_generation = CASE
             WHEN now.unanswered_until IS NOT NULL THEN now.generation
             WHEN now.confirmed_at IS NOT NULL THEN NULL
             -- The first attempt at this generation, and it was answered: whoever suspected it on its way may be at ease.
             WHEN w.doubt_generation = now.generation AND now.attempts <= 1 THEN NULL
             ELSE w.doubt_generation END,
         doubt_until = CASE
             -- Who succeeds knows of every change that may still land.
             WHEN now.confirmed_at IS NOT NULL THEN now.unanswered_until
             WHEN now.unanswered_until IS NOT NULL THEN greatest(w.doubt_until, now.unanswered_until)
             WHEN w.doubt_generation = now.generation AND now.attempts <= 1 THEN NULL
             ELSE w.doubt_until END"
    };
}

/// The columns of `$1` to `$8` as a table, without its last `)`.
macro_rules! progress_arrays {
    () => {
        "unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[], $8::text[]"
    };
}

fn bind_progress(statement: super::connection::Sql, columns: &[ProgressColumns]) -> super::connection::Sql {
    statement
        .bind(column(columns, |columns| columns.generation))
        .bind(column(columns, |columns| columns.state))
        .bind(column(columns, |columns| columns.attempts))
        .bind(column(columns, |columns| columns.due_at))
        .bind(column(columns, |columns| columns.last_error.as_deref()))
        .bind(column(columns, |columns| columns.confirmed_at))
        .bind(column(columns, |columns| columns.unanswered_until))
}

async fn customers_done(tx: &mut Tx, round: &Round<'_>) -> Result<(), StoreError> {
    const SQL: &str = concat!(
        "-- record_customers_done
         UPDATE customer_work w SET ",
        progress_columns!(),
        " FROM ",
        progress_arrays!(),
        ") AS now (generation, state, attempts, due_at, last_error, confirmed_at, unanswered_until, customer_id)
         WHERE w.customer_id = now.customer_id"
    );
    if round.customers_done.is_empty() {
        return Ok(());
    }
    let columns = column(&round.customers_done, |(_, progress)| ProgressColumns::new(progress));
    let statement = bind_progress(sql(SQL), &columns);
    statement.bind(column(&round.customers_done, |(customer, _)| customer.as_str())).run(tx).await?;
    Ok(())
}

async fn users_done(tx: &mut Tx, round: &Round<'_>) -> Result<(), StoreError> {
    const SQL: &str = concat!(
        "-- record_users_done
         UPDATE user_work w SET ",
        progress_columns!(),
        " FROM ",
        progress_arrays!(),
        ", $9::text[]) AS now (generation, state, attempts, due_at, last_error, confirmed_at, unanswered_until, customer_id, user_id)
         WHERE w.customer_id = now.customer_id AND w.user_id = now.user_id"
    );
    if round.users_done.is_empty() {
        return Ok(());
    }
    let columns = column(&round.users_done, |(_, _, progress)| ProgressColumns::new(progress));
    bind_progress(sql(SQL), &columns)
        .bind(column(&round.users_done, |(customer, _, _)| customer.as_str()))
        .bind(column(&round.users_done, |(_, user, _)| user.as_str()))
        .run(tx)
        .await?;
    Ok(())
}

/// Deletions that are complete. A user that the product wrote again stays, and is to be created anew.
async fn users_gone(tx: &mut Tx, round: &Round<'_>) -> Result<(), StoreError> {
    const SQL: &str = concat!(
        "-- record_users_gone
         WITH named AS (
             SELECT u.customer_id, u.user_id, u.wish, u.entity_user_id FROM unnest($1::text[], $2::text[]) AS n (customer_id, user_id)
             JOIN user_work u ON u.customer_id = n.customer_id AND u.user_id = n.user_id
         ), gone AS (
             DELETE FROM users d USING named n
             WHERE n.wish = 'gone' AND d.customer_id = n.customer_id AND d.user_id = n.user_id
         ), documents AS (
             UPDATE users d SET at_monite = NULL FROM named n
             WHERE n.wish <> 'gone' AND d.customer_id = n.customer_id AND d.user_id = n.user_id
         ), changed AS (
             SELECT DISTINCT n.customer_id FROM named n WHERE n.entity_user_id IS NOT NULL
         ), links AS (
             UPDATE ",
        links_changed!(),
        " FROM changed WHERE w.customer_id = changed.customer_id
         )
         UPDATE user_work u SET seen = 'absent', entity_user_id = NULL, attempt_at = NULL, lands_by = NULL
         FROM named n WHERE n.wish <> 'gone' AND u.customer_id = n.customer_id AND u.user_id = n.user_id"
    );
    if round.users_gone.is_empty() {
        return Ok(());
    }
    sql(SQL)
        .bind(column(&round.users_gone, |(customer, _)| customer.as_str()))
        .bind(column(&round.users_gone, |(_, user)| user.as_str()))
        .run(tx)
        .await?;
    Ok(())
}

/// The latest of the new calls (`n.calls`, newest first) and those that were there (`d.calls`), no more than `$1`. JSON stays text: it is
/// cut and put together, never read.
macro_rules! latest_calls {
    () => {
        "(SELECT coalesce(json_agg(latest.value ORDER BY latest.part, latest.place), '[]')::text FROM (
             SELECT * FROM (
                 SELECT 0 AS part, new.place, new.value
                 FROM json_array_elements(n.calls::json) WITH ORDINALITY AS new (value, place)
                 UNION ALL
                 SELECT 1, old.place, old.value
                 FROM json_array_elements(d.calls::json) WITH ORDINALITY AS old (value, place)
             ) every ORDER BY part, place LIMIT $1
         ) latest)"
    };
}

async fn customer_calls(tx: &mut Tx, round: &Round<'_>) -> Result<(), StoreError> {
    const SQL: &str = concat!(
        "-- record_customer_calls
         UPDATE customers d SET calls = ",
        latest_calls!(),
        " FROM unnest($2::text[], $3::text[]) AS n (customer_id, calls) WHERE d.customer_id = n.customer_id"
    );
    if round.customer_calls.is_empty() {
        return Ok(());
    }
    sql(SQL)
        .bind(calls_kept())
        .bind(column(&round.customer_calls, |(customer, _)| customer.as_str()))
        .bind(column(&round.customer_calls, |(_, calls)| newest_first(calls)))
        .run(tx)
        .await?;
    Ok(())
}

async fn user_calls(tx: &mut Tx, round: &Round<'_>) -> Result<(), StoreError> {
    const SQL: &str = concat!(
        "-- record_user_calls
         UPDATE users d SET calls = ",
        latest_calls!(),
        " FROM unnest($2::text[], $3::text[], $4::text[]) AS n (customer_id, calls, user_id)
         WHERE d.customer_id = n.customer_id AND d.user_id = n.user_id"
    );
    if round.user_calls.is_empty() {
        return Ok(());
    }
    sql(SQL)
        .bind(calls_kept())
        .bind(column(&round.user_calls, |(customer, _, _)| customer.as_str()))
        .bind(column(&round.user_calls, |(_, _, calls)| newest_first(calls)))
        .bind(column(&round.user_calls, |(_, user, _)| user.as_str()))
        .run(tx)
        .await?;
    Ok(())
}
