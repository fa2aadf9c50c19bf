//! Rows to domain values, whichever database they come from. Whatever does not read as what it should be is
//! [`StoreError::Corrupt`] and names the row.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use monite::{NewEntity, NewEntityUser, Permissions};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::decide::{StoredCustomer, StoredUser};
use super::{Customer, Failing, RoleProgress, StampStatus, StoreError, TokenSubject, User, Wish};
use crate::domain::document::{CustomerDocument, UserDocument};
use crate::domain::role::{RoleName, RoleTemplates};
use crate::domain::{
    Attempt, CustomerId, EntityLink, Generation, ObjectId, RoleLink, Seen, SyncState, SyncStatus, UserId, UserLink,
};

/// A row whose values are asked for by the names of their columns.
pub(super) trait Columns {
    fn text(&self, column: &'static str) -> Result<String, Unread>;
    fn text_or_null(&self, column: &'static str) -> Result<Option<String>, Unread>;
    fn number(&self, column: &'static str) -> Result<i64, Unread>;
    fn number_or_null(&self, column: &'static str) -> Result<Option<i64>, Unread>;
    fn flag(&self, column: &'static str) -> Result<bool, Unread>;
    fn flag_or_null(&self, column: &'static str) -> Result<Option<bool>, Unread>;
    fn bytes(&self, column: &'static str) -> Result<&[u8], Unread>;

    /// A number that is never below zero.
    fn count<N: TryFrom<i64>>(&self, column: &'static str) -> Result<N, Unread> {
        let number = self.number(column)?;
        N::try_from(number).map_err(|_| Unread(format!("{column} is {number}")))
    }
}

/// [`Columns`] for a driver's row.
macro_rules! columns_of {
    ($row:ty) => {
        impl Columns for $row {
            fn text(&self, column: &'static str) -> Result<String, Unread> {
                Ok(sqlx::Row::try_get(self, column)?)
            }

            fn text_or_null(&self, column: &'static str) -> Result<Option<String>, Unread> {
                Ok(sqlx::Row::try_get(self, column)?)
            }

            fn number(&self, column: &'static str) -> Result<i64, Unread> {
                Ok(sqlx::Row::try_get(self, column)?)
            }

            fn number_or_null(&self, column: &'static str) -> Result<Option<i64>, Unread> {
                Ok(sqlx::Row::try_get(self, column)?)
            }

            fn flag(&self, column: &'static str) -> Result<bool, Unread> {
                Ok(sqlx::Row::try_get(self, column)?)
            }

            fn flag_or_null(&self, column: &'static str) -> Result<Option<bool>, Unread> {
                Ok(sqlx::Row::try_get(self, column)?)
            }

            fn bytes(&self, column: &'static str) -> Result<&[u8], Unread> {
                Ok(sqlx::Row::try_get(self, column)?)
            }
        }
    };
}

columns_of!(sqlx::sqlite::SqliteRow);
columns_of!(sqlx::postgres::PgRow);

/// A customer from a row of [`customer_columns`].
pub(super) fn customer(row: &impl Columns) -> Result<Customer, StoreError> {
    let id = row.text("customer_id")?;
    let at = |error: Unread| error.in_row(&format!("customers {id}"));
    Ok(Customer {
        id: CustomerId::parse(&id).map_err(Unread::from).map_err(at)?,
        document: CustomerDocument::from_stored(&row.text("document")?).map_err(Unread::from).map_err(at)?,
        wish: wish(&row.text("wish")?).map_err(at)?,
        sync: status(row).map_err(at)?,
        entity: entity(row).map_err(at)?,
        doubt: unanswered(row, false).map_err(at)?,
        late: unanswered(row, true).map_err(at)?,
        stamp: stamp(row).map_err(at)?,
        calls: json(&row.text("calls")?).map_err(at)?,
    })
}

/// A user from a row of [`user_columns`].
pub(super) fn user(row: &impl Columns) -> Result<User, StoreError> {
    let customer = row.text("customer_id")?;
    let id = row.text("user_id")?;
    let at = |error: Unread| error.in_row(&format!("users {customer}/{id}"));
    Ok(User {
        customer: CustomerId::parse(&customer).map_err(Unread::from).map_err(at)?,
        id: UserId::parse(&id).map_err(Unread::from).map_err(at)?,
        document: UserDocument::from_stored(&row.text("document")?).map_err(Unread::from).map_err(at)?,
        wish: wish(&row.text("wish")?).map_err(at)?,
        sync: status(row).map_err(at)?,
        entity_user: entity_user(row).map_err(at)?,
        doubt: unanswered(row, false).map_err(at)?,
        late: unanswered(row, true).map_err(at)?,
        calls: json(&row.text("calls")?).map_err(at)?,
    })
}

/// One role link and its template's name, from `role, seen, role_id, permissions, attempt_at, lands_by`.
pub(super) fn role_link(row: &impl Columns, customer: &CustomerId) -> Result<(RoleName, Seen<RoleLink>), StoreError> {
    let name = row.text("role")?;
    let at = |error: Unread| error.in_row(&format!("role_links {customer} {name}"));
    let seen = match row.text("seen")?.as_str() {
        "present" => Seen::Present(RoleLink {
            id: text_id(&row.text("role_id")?).map_err(at)?,
            confirmed: json::<Permissions>(&row.text("permissions")?).map_err(at)?,
        }),
        _ => Seen::Unknown(attempt(row, ()).map_err(at)?),
    };
    Ok((RoleName::from_stored(&name), seen))
}

/// What a write must know of a customer, from `document_hash, wish, generation, may_exist`.
pub(super) fn stored_customer(row: &impl Columns) -> Result<StoredCustomer, Unread> {
    Ok(StoredCustomer {
        hash: row.bytes("document_hash")?.try_into()?,
        wish: wish(&row.text("wish")?)?,
        generation: Generation(row.number("generation")?),
        may_exist: row.flag("may_exist")?,
    })
}

/// What a write must know of a user, from `document_hash, wish, generation, login`.
pub(super) fn stored_user(row: &impl Columns) -> Result<StoredUser, Unread> {
    Ok(StoredUser {
        hash: row.bytes("document_hash")?.try_into()?,
        wish: wish(&row.text("wish")?)?,
        generation: Generation(row.number("generation")?),
        login: row.text("login")?,
    })
}

/// Who a token would be for, from `customer_wanted, customer_state, entity_id, active, user_wanted, user_state, entity_user_id`.
pub(super) fn token_subject(row: &impl Columns) -> Result<TokenSubject, Unread> {
    if !row.flag("customer_wanted")? {
        return Ok(TokenSubject::CustomerGone);
    }
    if !row.flag("user_wanted")? {
        return Ok(TokenSubject::NoSuchUser);
    }
    match (row.text_or_null("entity_id")?, row.text_or_null("entity_user_id")?, row.flag("active")?) {
        (Some(entity), Some(entity_user), true) => {
            Ok(TokenSubject::Ready { entity_id: text_id(&entity)?, entity_user_id: text_id(&entity_user)? })
        }
        _ => Ok(TokenSubject::NotYet {
            customer: state(&row.text("customer_state")?)?,
            user: state(&row.text("user_state")?)?,
        }),
    }
}

/// A failing customer, from `customer_id` and the columns of [`status`].
pub(super) fn failing_customer(row: &impl Columns) -> Result<Failing, Unread> {
    let customer = CustomerId::parse(&row.text("customer_id")?)?;
    Ok(Failing { object: ObjectId::Customer(customer), sync: status(row)? })
}

/// A failing user, from `customer_id, user_id` and the columns of [`status`].
pub(super) fn failing_user(row: &impl Columns) -> Result<Failing, Unread> {
    let (customer, user) = (CustomerId::parse(&row.text("customer_id")?)?, UserId::parse(&row.text("user_id")?)?);
    Ok(Failing { object: ObjectId::User(customer, user), sync: status(row)? })
}

/// How many objects are in each state, from `state, objects`.
pub(super) fn counts<'r, R: Columns + 'r>(
    rows: impl IntoIterator<Item = &'r R>,
) -> Result<BTreeMap<SyncState, u64>, Unread> {
    rows.into_iter().map(|row| Ok((state(&row.text("state")?)?, row.count("objects")?))).collect()
}

/// How far role templates have come. `links` has `role, entities, permissions`: in how many entities the role grants that;
/// `holders` has `role, users`.
pub(super) fn role_progress<R: Columns>(
    templates: &RoleTemplates, links: &[R], holders: &[R],
) -> Result<Vec<RoleProgress>, Unread> {
    let users: HashMap<String, u64> =
        holders.iter().map(|row| Ok((row.text("role")?, row.count("users")?))).collect::<Result<_, Unread>>()?;
    let mut progress = Vec::new();
    for template in templates.iter() {
        let name = template.name.as_str();
        let (mut entities, mut current) = (0, 0);
        for row in links.iter().filter(|row| row.text("role").is_ok_and(|role| role == name)) {
            let here: u64 = row.count("entities")?;
            entities += here;
            if json::<Permissions>(&row.text("permissions")?)?.grants_same_as(&template.permissions) {
                current += here;
            }
        }
        let users = users.get(name).copied().unwrap_or(0);
        progress.push(RoleProgress { role: template.name.clone(), entities, current, users });
    }
    Ok(progress)
}

/// How far an object has come, from the columns that customers and users share.
pub(super) fn status(row: &impl Columns) -> Result<SyncStatus, Unread> {
    Ok(SyncStatus {
        state: state(&row.text("state")?)?,
        generation: Generation(row.number("generation")?),
        synced_generation: row.number_or_null("synced_generation")?.map(Generation),
        attempts: row.count("attempts")?,
        next_attempt_at: row.number_or_null("due_at")?.map(time).transpose()?,
        synced_at: row.number_or_null("synced_at")?.map(time).transpose()?,
        last_error: row.text_or_null("last_error")?.as_deref().map(json).transpose()?,
    })
}

fn stamp(row: &impl Columns) -> Result<StampStatus, Unread> {
    Ok(StampStatus {
        due_at: row.number_or_null("stamp_due_at")?.map(time).transpose()?,
        attempts: row.count("stamp_attempts")?,
        last_error: row.text_or_null("stamp_error")?.as_deref().map(json).transpose()?,
    })
}

fn entity(row: &impl Columns) -> Result<Seen<EntityLink, NewEntity>, Unread> {
    Ok(match row.text("seen")?.as_str() {
        "absent" => Seen::Absent,
        "unknown" => Seen::Unknown(attempt(row, at_monite(row)?)?),
        _ => Seen::Present(EntityLink {
            id: text_id(&row.text("entity_id")?)?,
            confirmed: at_monite(row)?,
            active: row.flag("active")?,
        }),
    })
}

fn entity_user(row: &impl Columns) -> Result<Seen<UserLink, NewEntityUser>, Unread> {
    Ok(match row.text("seen")?.as_str() {
        "absent" => Seen::Absent,
        "unknown" => Seen::Unknown(attempt(row, at_monite(row)?)?),
        _ => Seen::Present(UserLink { id: text_id(&row.text("entity_user_id")?)?, confirmed: at_monite(row)? }),
    })
}

/// Until when an unanswered change may land: one of what is desired now, or one of something else.
fn unanswered(row: &impl Columns, of_what_is_desired: bool) -> Result<Option<Timestamp>, Unread> {
    let (of, now) = (row.number_or_null("doubt_generation")?, row.number("generation")?);
    let is_asked_for = of.is_some_and(|of| (of == now) == of_what_is_desired);
    row.number_or_null("doubt_until")?.filter(|_| is_asked_for).map(time).transpose()
}

pub(super) fn attempt<A>(row: &impl Columns, sent: A) -> Result<Attempt<A>, Unread> {
    Ok(Attempt { at: time(row.number("attempt_at")?)?, lands_by: time(row.number("lands_by")?)?, sent })
}

fn at_monite<T: DeserializeOwned>(row: &impl Columns) -> Result<T, Unread> {
    json(&row.text("at_monite")?)
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
    pub(super) fn because(reason: &str) -> Self {
        Self(reason.to_owned())
    }

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

unread_from!(
    crate::domain::InvalidId,
    crate::domain::stamp::InvalidBridgeId,
    jiff::Error,
    serde_json::Error,
    sqlx::Error,
    std::array::TryFromSliceError
);
