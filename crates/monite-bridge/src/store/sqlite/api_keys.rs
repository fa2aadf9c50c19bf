//! API keys. See [`ApiKeyStore`].

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::super::api_keys::{ApiKeyStore, api_key};
use super::super::{StoreError, database};
use super::writer::Write;
use super::{SqliteStore, micros};
use crate::api_key::{ApiKey, ApiKeyId};

#[async_trait]
impl ApiKeyStore for SqliteStore {
    async fn api_key(&self, id: &ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        let row = sqlx::query(
            "-- api_key
             SELECT * FROM api_keys WHERE id = ?1",
        )
        .bind(id.as_str())
        .fetch_optional(&self.readers)
        .await
        .map_err(database("api_key"))?;
        row.as_ref().map(api_key).transpose()
    }

    async fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        let rows = sqlx::query(
            "-- api_keys
             SELECT * FROM api_keys ORDER BY created_at, id",
        )
        .fetch_all(&self.readers)
        .await
        .map_err(database("api_keys"))?;
        rows.iter().map(api_key).collect()
    }

    async fn put_api_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        self.writer.write(PutApiKey(key.clone())).await
    }

    async fn revoke_api_key(&self, id: &ApiKeyId, now: Timestamp) -> Result<Option<ApiKey>, StoreError> {
        self.writer.write(RevokeApiKey { id: id.clone(), now }).await
    }

    async fn used_api_key(&self, id: &ApiKeyId, at: Timestamp) -> Result<(), StoreError> {
        self.writer.write(UsedApiKey { id: id.clone(), at }).await
    }
}

struct PutApiKey(ApiKey);

#[async_trait]
impl Write for PutApiKey {
    type Answer = ();

    async fn run(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        sqlx::query(
            "-- put_api_key
             INSERT INTO api_keys (id, name, scopes, digest, created_at, expires_at, revoked_at, last_used_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )
        .bind(self.0.id.as_str())
        .bind(&self.0.name)
        .bind(self.0.scopes.to_string())
        .bind(self.0.digest.as_bytes())
        .bind(micros(self.0.created_at))
        .bind(self.0.expires_at.map(micros))
        .bind(self.0.revoked_at.map(micros))
        .bind(self.0.last_used_at.map(micros))
        .execute(tx)
        .await
        .map(drop)
        .map_err(database("put_api_key"))
    }
}

struct RevokeApiKey {
    id: ApiKeyId,
    now: Timestamp,
}

#[async_trait]
impl Write for RevokeApiKey {
    type Answer = Option<ApiKey>;

    async fn run(&self, tx: &mut SqliteConnection) -> Result<Option<ApiKey>, StoreError> {
        let row = sqlx::query(
            "-- revoke_api_key
             UPDATE api_keys SET revoked_at = ifnull(revoked_at, ?2) WHERE id = ?1 RETURNING *",
        )
        .bind(self.id.as_str())
        .bind(micros(self.now))
        .fetch_optional(tx)
        .await
        .map_err(database("revoke_api_key"))?;
        row.as_ref().map(api_key).transpose()
    }
}

struct UsedApiKey {
    id: ApiKeyId,
    at: Timestamp,
}

#[async_trait]
impl Write for UsedApiKey {
    type Answer = ();

    async fn run(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        sqlx::query(
            "-- used_api_key
             UPDATE api_keys SET last_used_at = max(ifnull(last_used_at, ?2), ?2) WHERE id = ?1",
        )
        .bind(self.id.as_str())
        .bind(micros(self.at))
        .execute(tx)
        .await
        .map(drop)
        .map_err(database("used_api_key"))
    }
}
