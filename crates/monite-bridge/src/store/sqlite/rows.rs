//! Rows to domain values. Whatever does not read as what it should be is [`StoreError::Corrupt`] and names the row.

use jiff::Timestamp;
use monite::{NewEntity, NewEntityUser, Permissions};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::super::{Customer, StoreError, User, Wish};
use crate::domain::document::{CustomerDocument, UserDocument};
use crate::domain::role::RoleName;
use crate::domain::{
    Attempt, CustomerId, EntityLink, Generation, RoleLink, Seen, SyncState, SyncStatus, UserId, UserLink,
};

/// What [`customer`] reads, from `customer_work w` and `customers c`.
macro_rules! customer_columns {
    () => {
        "c.customer_id, c.document, c.at_monite, c.calls, w.wish, w.state, w.generation, w.synced_generation, w.synced_at,
         w.attempts, w.last_error, w.seen, w.entity_id, w.active, w.attempt_at,
         w.lands_by, w.due_at, w.doubt_generation, w.doubt_until"
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

/// A customer from a row of [`customer_columns`].
pub(super) fn customer(row: &SqliteRow) -> Result<Customer, StoreError> {
    let id: String = get(row, "customer_id")?;
    let at = |error: Unread| error.in_row(&format!("customers {id}"));
    Ok(Customer {
        id: CustomerId::parse(&id).map_err(Unread::from).map_err(at)?,
        document: CustomerDocument::from_stored(&get::<String>(row, "document")?).map_err(Unread::from).map_err(at)?,
        wish: wish(&get::<String>(row, "wish")?).map_err(at)?,
        sync: status(row).map_err(at)?,
        entity: entity(row).map_err(at)?,
        doubt: doubt(row).map_err(at)?,
        calls: json(&get::<String>(row, "calls")?).map_err(at)?,
    })
}

/// A user from a row of [`user_columns`].
pub(super) fn user(row: &SqliteRow) -> Result<User, StoreError> {
    let customer: String = get(row, "customer_id")?;
    let id: String = get(row, "user_id")?;
    let at = |error: Unread| error.in_row(&format!("users {customer}/{id}"));
    Ok(User {
        customer: CustomerId::parse(&customer).map_err(Unread::from).map_err(at)?,
        id: UserId::parse(&id).map_err(Unread::from).map_err(at)?,
        document: UserDocument::from_stored(&get::<String>(row, "document")?).map_err(Unread::from).map_err(at)?,
        wish: wish(&get::<String>(row, "wish")?).map_err(at)?,
        sync: status(row).map_err(at)?,
        entity_user: entity_user(row).map_err(at)?,
        doubt: doubt(row).map_err(at)?,
        calls: json(&get::<String>(row, "calls")?).map_err(at)?,
    })
}

/// One role link and its template's name, from `role, seen, role_id, permissions, attempt_at, lands_by`.
pub(super) fn role_link(row: &SqliteRow, customer: &CustomerId) -> Result<(RoleName, Seen<RoleLink>), StoreError> {
    let name: String = get(row, "role")?;
    let at = |error: Unread| error.in_row(&format!("role_links {customer} {name}"));
    let seen = match get::<String>(row, "seen")?.as_str() {
        "present" => Seen::Present(RoleLink {
            id: text_id(&get::<String>(row, "role_id")?).map_err(at)?,
            confirmed: json::<Permissions>(&get::<String>(row, "permissions")?).map_err(at)?,
        }),
        _ => Seen::Unknown(attempt(row, ()).map_err(at)?),
    };
    Ok((RoleName::from_stored(&name), seen))
}

/// How far an object has come, from the columns that customers and users share.
pub(super) fn status(row: &SqliteRow) -> Result<SyncStatus, Unread> {
    Ok(SyncStatus {
        state: state(&get::<String>(row, "state")?)?,
        generation: Generation(get(row, "generation")?),
        synced_generation: get::<Option<i64>>(row, "synced_generation")?.map(Generation),
        attempts: get(row, "attempts")?,
        next_attempt_at: get::<Option<i64>>(row, "due_at")?.map(time).transpose()?,
        synced_at: get::<Option<i64>>(row, "synced_at")?.map(time).transpose()?,
        last_error: get::<Option<String>>(row, "last_error")?.as_deref().map(json).transpose()?,
    })
}

fn entity(row: &SqliteRow) -> Result<Seen<EntityLink, NewEntity>, Unread> {
    Ok(match get::<String>(row, "seen")?.as_str() {
        "absent" => Seen::Absent,
        "unknown" => Seen::Unknown(attempt(row, at_monite(row)?)?),
        _ => Seen::Present(EntityLink {
            id: text_id(&get::<String>(row, "entity_id")?)?,
            confirmed: at_monite(row)?,
            active: get(row, "active")?,
        }),
    })
}

fn entity_user(row: &SqliteRow) -> Result<Seen<UserLink, NewEntityUser>, Unread> {
    Ok(match get::<String>(row, "seen")?.as_str() {
        "absent" => Seen::Absent,
        "unknown" => Seen::Unknown(attempt(row, at_monite(row)?)?),
        _ => {
            Seen::Present(UserLink { id: text_id(&get::<String>(row, "entity_user_id")?)?, confirmed: at_monite(row)? })
        }
    })
}

/// It counts once another generation is desired.
fn doubt(row: &SqliteRow) -> Result<Option<Timestamp>, Unread> {
    let counts = get::<Option<i64>>(row, "doubt_generation")?
        .is_some_and(|of| get(row, "generation").is_ok_and(|now: i64| of != now));
    get::<Option<i64>>(row, "doubt_until")?.filter(|_| counts).map(time).transpose()
}

fn attempt<A>(row: &SqliteRow, sent: A) -> Result<Attempt<A>, Unread> {
    Ok(Attempt { at: time(get(row, "attempt_at")?)?, lands_by: time(get(row, "lands_by")?)?, sent })
}

fn at_monite<T: DeserializeOwned>(row: &SqliteRow) -> Result<T, Unread> {
    json(&get::<String>(row, "at_monite")?)
}

/// A column by its name.
pub(super) fn get<'r, T>(row: &'r SqliteRow, column: &'static str) -> Result<T, Unread>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(column).map_err(|error| Unread(error.to_string()))
}

/// The word a state goes by.
pub(super) fn state(word: &str) -> Result<SyncState, Unread> {
    SyncState::from_word(word).ok_or_else(|| Unread(format!("{word:?} is no state this version knows")))
}

/// The word a wish goes by.
pub(super) fn wish(word: &str) -> Result<Wish, Unread> {
    match word {
        "present" => Ok(Wish::Present),
        "gone" => Ok(Wish::Gone),
        _ => Err(Unread(format!("{word:?} is no wish this version knows"))),
    }
}

/// Monite's ids are stored as text, so that a person can search for them.
pub(super) fn text_id<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Unread> {
    text.parse().map_err(|error: T::Err| Unread(error.to_string()))
}

/// A point in time from its microseconds since 1970.
pub(super) fn time(microseconds: i64) -> Result<Timestamp, Unread> {
    Timestamp::from_microsecond(microseconds).map_err(Unread::from)
}

/// A value from its JSON.
pub(super) fn json<T: DeserializeOwned>(text: &str) -> Result<T, Unread> {
    serde_json::from_str(text).map_err(Unread::from)
}

/// A value as JSON.
pub(super) fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("our types have text keys and no failing serializers")
}

/// Why a row could not be read.
#[derive(Debug)]
pub(super) struct Unread(String);

impl Unread {
    pub(super) fn in_row(self, row: &str) -> StoreError {
        StoreError::Corrupt { row: row.to_owned(), reason: self.0 }
    }
}

impl From<Unread> for StoreError {
    fn from(unread: Unread) -> Self {
        unread.in_row("(unnamed)")
    }
}

macro_rules! unread_from {
    ($($error:ty),* $(,)?) => {$(
        impl From<$error> for Unread {
            fn from(error: $error) -> Self {
                Self(error.to_string())
            }
        }
    )*};
}

unread_from!(crate::domain::InvalidId, jiff::Error, serde_json::Error, sqlx::Error, std::array::TryFromSliceError);
