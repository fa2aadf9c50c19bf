//! The partner's token, shared between replicas: who fetches the next one, and the latest, sealed.

use async_trait::async_trait;
use jiff::Timestamp;

use super::super::columns::micros;
use super::super::{SharedToken, StoreError};
use super::connection::{Tx, sql};
use super::rows::{Columns as _, Unread};
use super::writer::Write;

/// See [`Store::shared_token`](super::super::Store::shared_token).
pub(super) async fn read(tx: &mut Tx, name: &str) -> Result<SharedToken, StoreError> {
    let row = sql("-- shared_token
         SELECT version, coalesce(sealed, '') AS sealed, sealed IS NOT NULL AS there FROM shared_tokens WHERE name = $1")
    .bind(name)
    .optional(tx)
    .await?;
    let Some(row) = row else { return Ok(SharedToken::default()) };
    let sealed = row.flag("there")?.then(|| row.bytes("sealed").map(<[u8]>::to_vec)).transpose()?;
    Ok(SharedToken { version: row.number("version")?, sealed })
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

    fn makes_due(&self, _: &Option<i64>) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx) -> Result<Option<i64>, StoreError> {
        let row = sql("-- begin_mint
             INSERT INTO shared_tokens (name, version, minting_until) VALUES ($1, 1, $4)
             ON CONFLICT (name) DO UPDATE SET
                 version = shared_tokens.version + 1, minting_until = excluded.minting_until,
                 sealed = CASE WHEN $5 THEN NULL ELSE shared_tokens.sealed END, expires_at = CASE WHEN $5 THEN NULL ELSE shared_tokens.expires_at END
             WHERE shared_tokens.version = $2 AND (
                 shared_tokens.minting_until IS NULL OR shared_tokens.minting_until <= $3 OR shared_tokens.minting_until > $4 + ($4 - $3)
             )
             RETURNING version")
        .bind(self.name.as_str())
        .bind(self.seen)
        .bind(micros(self.now))
        .bind(micros(self.until))
        .bind(self.discard)
        .optional(tx)
        .await?;
        row.map(|row| row.number("version")).transpose().map_err(|unread: Unread| unread.into())
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

    fn makes_due(&self, _: &bool) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let minted = self.minted.as_ref();
        let changed = sql("-- end_mint
             UPDATE shared_tokens SET
                 version = version + 1, minting_until = NULL,
                 sealed = coalesce($3, sealed), expires_at = coalesce($4, expires_at)
             WHERE name = $1 AND version = $2 AND minting_until IS NOT NULL")
        .bind(self.name.as_str())
        .bind(self.duty)
        .bind(minted.map(|(sealed, _)| sealed.as_slice()))
        .bind(minted.map(|(_, expires_at)| micros(*expires_at)))
        .run(tx)
        .await?;
        Ok(changed > 0)
    }
}
