//! What is asked for of a customer and of a user, and single values of a row.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

pub(super) use super::super::rows::*;

/// What [`customer`] reads, from `customer_work w` and `customers c`.
macro_rules! customer_columns {
    () => {
        "c.customer_id, c.document, c.at_monite, c.calls, w.wish, w.state, w.generation, w.synced_generation, w.synced_at,
         w.attempts, w.last_error, w.seen, w.entity_id, w.active, w.attempt_at,
         w.lands_by, w.due_at, w.doubt_generation, w.doubt_until,
         w.stamp_due_at, w.stamp_attempts, w.stamp_error"
    };
}

/// What [`user`] reads, from `user_work w` and `users u`.
macro_rules! user_columns {
    () => {
        "u.customer_id, u.user_id, u.document, u.at_monite, u.calls, w.wish, w.state, w.generation, w.synced_generation,
         w.synced_at, w.attempts, w.last_error, w.seen, w.entity_user_id, w.attempt_at,
         w.lands_by, w.due_at, w.doubt_generation, w.doubt_until"
    };
}
pub(super) use {customer_columns, user_columns};

/// A column by its name.
pub(super) fn get<'r, T>(row: &'r SqliteRow, column: &'static str) -> Result<T, Unread>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(column).map_err(Unread::from)
}
