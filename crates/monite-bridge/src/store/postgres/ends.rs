//! Whose tokens end through any replica.

use super::super::ends::{AT_ONCE, token_ends};
use super::super::{StoreError, TokenEnds};
use super::connection::{Tx, sql};

/// See [`Store::token_ends`](super::super::Store::token_ends).
pub(super) async fn since(tx: &mut Tx, since: Option<i64>) -> Result<TokenEnds, StoreError> {
    let rows = sql("-- token_ends
         SELECT e.epoch AS upto, t.customer_id, t.user_id, t.gone FROM token_epoch e
         LEFT JOIN (SELECT * FROM token_ends WHERE epoch > $1 ORDER BY epoch LIMIT $2) t ON TRUE
         ORDER BY t.epoch")
    .bind(since.unwrap_or(i64::MAX))
    .bind(AT_ONCE)
    .all(tx)
    .await?;
    Ok(token_ends(&rows, since)?)
}
