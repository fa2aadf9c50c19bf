//! API keys as they are kept, whichever database keeps them.

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use super::rows::{Columns, Unread, time};
use crate::api_key::{ApiKey, ApiKeyId, KeyDigest};

/// A store's API keys.
#[async_trait]
pub trait ApiKeyStore: Send + Sync {
    /// The key with this id, dead or alive.
    async fn api_key(&self, id: &ApiKeyId) -> Result<Option<ApiKey>, StoreError>;

    /// All keys, dead ones too, the oldest first.
    async fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError>;

    /// Stores a new key.
    async fn put_api_key(&self, key: &ApiKey) -> Result<(), StoreError>;

    /// Takes a key back for good; the key as it is now. Twice is the same as once. `None`: there is no such key.
    async fn revoke_api_key(&self, id: &ApiKeyId, now: Timestamp) -> Result<Option<ApiKey>, StoreError>;

    /// Writes down that a key was used at `at`, unless it has been used since.
    async fn used_api_key(&self, id: &ApiKeyId, at: Timestamp) -> Result<(), StoreError>;
}

/// From `id, name, scopes, digest, created_at, expires_at, revoked_at, last_used_at`.
pub(super) fn api_key(row: &impl Columns) -> Result<ApiKey, StoreError> {
    let id = row.text("id")?;
    read(&id, row).map_err(|unread| unread.in_row(&format!("api_keys {id}")))
}

fn read(id: &str, row: &impl Columns) -> Result<ApiKey, Unread> {
    Ok(ApiKey {
        id: id.parse::<ApiKeyId>().map_err(|error| Unread::because(&error.to_string()))?,
        name: row.text("name")?,
        scopes: row.text("scopes")?.parse().map_err(|_| Unread::because("scopes are no scopes"))?,
        digest: KeyDigest::from_bytes(row.bytes("digest")?).ok_or_else(|| Unread::because("digest is not 32 bytes"))?,
        created_at: time(row.number("created_at")?)?,
        expires_at: row.number_or_null("expires_at")?.map(time).transpose()?,
        revoked_at: row.number_or_null("revoked_at")?.map(time).transpose()?,
        last_used_at: row.number_or_null("last_used_at")?.map(time).transpose()?,
    })
}
