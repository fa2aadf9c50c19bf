//! Whose tokens end through any process: what the databases read, as a value.

use super::rows::{Columns, Unread};
use super::{TokenEnd, TokenEnds};
use crate::domain::{CustomerId, ObjectId, UserId};

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
