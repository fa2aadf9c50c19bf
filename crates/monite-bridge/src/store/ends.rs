//! Whose tokens end through any process: what the databases read, as a value.

use super::rows::{Columns, Unread};
use crate::domain::{CustomerId, ObjectId, UserId};

/// Whose tokens ended: an answer of [`Store::token_ends`](super::Store::token_ends).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenEnds {
    /// The state this brings its reader to.
    pub upto: i64,
    /// Each in its order. `None`: more than can be told; it may be anybody.
    pub ended: Option<Vec<TokenEnd>>,
}

/// What is remembered about this user, or this customer's users, is not true any more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenEnd {
    /// The user, or the customer with all of its users.
    pub object: ObjectId,
    /// The product deleted it; otherwise it is linked to something else at Monite, or to nothing, or was deactivated there.
    pub gone: bool,
}

/// The most that one look reads. Who missed more forgets all it knows.
pub(super) const AT_ONCE: i64 = 1_000;

/// From `upto, customer_id, user_id, gone`: all that came after `since`, in their order, or one row without a customer.
pub(super) fn token_ends(rows: &[impl Columns], since: Option<i64>) -> Result<TokenEnds, Unread> {
    let upto = rows.first().map_or(Ok(0), |row| row.number("upto"))?;
    let ended = rows.iter().filter_map(|row| ended(row).transpose()).collect::<Result<Vec<_>, Unread>>()?;
    // Fewer: some are not kept any more, or not read at once; or the database is an older one than it was, restored.
    let complete = since.is_some_and(|since| i64::try_from(ended.len()).ok() == upto.checked_sub(since));
    Ok(TokenEnds { upto, ended: complete.then_some(ended) })
}

fn ended(row: &impl Columns) -> Result<Option<TokenEnd>, Unread> {
    let Some(customer) = row.text_or_null("customer_id")? else { return Ok(None) };
    let customer = CustomerId::parse(&customer)?;
    let object = match row.text_or_null("user_id")? {
        Some(user) => ObjectId::User(customer, UserId::parse(&user)?),
        None => ObjectId::Customer(customer),
    };
    Ok(Some(TokenEnd { object, gone: row.flag("gone")? }))
}
