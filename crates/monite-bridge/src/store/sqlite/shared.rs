//! Tokens and several processes: the partner's, with who fetches the next one, and whose tokens end.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{SqliteConnection, SqlitePool};

use super::super::ends::{AT_ONCE, token_ends};
use super::super::{SharedToken, StoreError, TokenEnds};
use super::writer::Write;
use super::{database, micros};

/// See [`Store::shared_token`](super::super::Store::shared_token).
pub(super) async fn read(readers: &SqlitePool, name: &str) -> Result<SharedToken, StoreError> {
    let row: Option<(i64, Option<Vec<u8>>)> = sqlx::query_as(
        "-- shared_token
         SELECT version, sealed FROM shared_tokens WHERE name = ?1",
    )
    .bind(name)
    .fetch_optional(readers)
    .await
    .map_err(database("shared_token"))?;
    Ok(row.map_or_else(SharedToken::default, |(version, sealed)| SharedToken { version, sealed }))
}

/// See [`Store::begin_mint`](super::super::Store::begin_mint).
pub(super) struct BeginMint {
    pub(super) name: String,
    pub(super) seen: i64,
    pub(super) discard: bool,
    pub(super) now: Timestamp,
    pub(super) until: Timestamp,
}

#[async_trait]
impl Write for BeginMint {
    type Answer = Option<i64>;

    async fn run(&self, tx: &mut SqliteConnection) -> Result<Option<i64>, StoreError> {
        sqlx::query_scalar(
            "-- begin_mint
             INSERT INTO shared_tokens (name, version, minting_until) VALUES (?1, 1, ?4)
             ON CONFLICT (name) DO UPDATE SET
                 version = version + 1, minting_until = excluded.minting_until,
                 sealed = CASE WHEN ?5 THEN NULL ELSE sealed END, expires_at = CASE WHEN ?5 THEN NULL ELSE expires_at END
             WHERE version = ?2 AND (
                 minting_until IS NULL OR minting_until <= ?3 OR minting_until > ?4 + (?4 - ?3)
             )
             RETURNING version",
        )
        .bind(&self.name)
        .bind(self.seen)
        .bind(micros(self.now))
        .bind(micros(self.until))
        .bind(self.discard)
        .fetch_optional(tx)
        .await
        .map_err(database("begin_mint"))
    }
}

/// See [`Store::end_mint`](super::super::Store::end_mint).
pub(super) struct EndMint {
    pub(super) name: String,
    pub(super) duty: i64,
    pub(super) minted: Option<(Vec<u8>, Timestamp)>,
}

#[async_trait]
impl Write for EndMint {
    type Answer = bool;

    async fn run(&self, tx: &mut SqliteConnection) -> Result<bool, StoreError> {
        let minted = self.minted.as_ref();
        let changed = sqlx::query(
            "-- end_mint
             UPDATE shared_tokens SET
                 version = version + 1, minting_until = NULL,
                 sealed = ifnull(?3, sealed), expires_at = ifnull(?4, expires_at)
             WHERE name = ?1 AND version = ?2 AND minting_until IS NOT NULL",
        )
        .bind(&self.name)
        .bind(self.duty)
        .bind(minted.map(|(sealed, _)| sealed.as_slice()))
        .bind(minted.map(|(_, expires_at)| micros(*expires_at)))
        .execute(tx)
        .await
        .map_err(database("end_mint"))?;
        Ok(changed.rows_affected() > 0)
    }
}

/// See [`Store::token_ends`](super::super::Store::token_ends).
pub(super) async fn ends_since(readers: &SqlitePool, since: Option<i64>) -> Result<TokenEnds, StoreError> {
    let rows = sqlx::query(
        "-- token_ends
         SELECT e.epoch AS upto, t.customer_id, t.user_id, t.gone FROM token_epoch e
         LEFT JOIN (SELECT * FROM token_ends WHERE epoch > ?1 ORDER BY epoch LIMIT ?2) t ON TRUE
         ORDER BY t.epoch",
    )
    .bind(since.unwrap_or(i64::MAX))
    .bind(AT_ONCE)
    .fetch_all(readers)
    .await
    .map_err(database("token_ends"))?;
    Ok(token_ends(&rows, since)?)
}
