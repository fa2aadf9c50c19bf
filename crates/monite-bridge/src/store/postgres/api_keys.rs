//! API keys. See [`ApiKeyStore`].

use async_trait::async_trait;
use jiff::Timestamp;

use super::super::StoreError;
use super::super::api_keys::{ApiKeyStore, api_key};
use super::super::columns::micros;
use super::connection::{Tx, end, sql};
use super::writer::{Patience, Write, in_time};
use super::{PostgresStore, reading};
use crate::api_key::{ApiKey, ApiKeyId};

#[async_trait]
impl ApiKeyStore for PostgresStore {
    async fn api_key(&self, id: &ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        reading!(self.pool, read, tx => one(tx, id))
    }

    async fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        reading!(self.pool, read, tx => all(tx))
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

async fn one(tx: &mut Tx, id: &ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
    let row = sql("-- api_key
         SELECT * FROM api_keys WHERE id = $1")
    .bind(id.as_str())
    .optional(tx)
    .await?;
    row.as_ref().map(api_key).transpose()
}

async fn all(tx: &mut Tx) -> Result<Vec<ApiKey>, StoreError> {
    let rows = sql("-- api_keys
         SELECT * FROM api_keys ORDER BY created_at, id")
    .all(tx)
    .await?;
    rows.iter().map(api_key).collect()
}

struct PutApiKey(ApiKey);

#[async_trait]
impl Write for PutApiKey {
    type Answer = ();

    fn makes_due(&self, (): &()) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx) -> Result<(), StoreError> {
        sql("-- put_api_key
             INSERT INTO api_keys (id, name, scopes, digest, created_at, expires_at, revoked_at, last_used_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(self.0.id.as_str())
        .bind(self.0.name.as_str())
        .bind(self.0.scopes.to_string())
        .bind(self.0.digest.as_bytes())
        .bind(micros(self.0.created_at))
        .bind(self.0.expires_at.map(micros))
        .bind(self.0.revoked_at.map(micros))
        .bind(self.0.last_used_at.map(micros))
        .run(tx)
        .await
        .map(drop)
    }
}

struct RevokeApiKey {
    id: ApiKeyId,
    now: Timestamp,
}

#[async_trait]
impl Write for RevokeApiKey {
    type Answer = Option<ApiKey>;

    fn makes_due(&self, _: &Option<ApiKey>) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx) -> Result<Option<ApiKey>, StoreError> {
        let row = sql("-- revoke_api_key
             UPDATE api_keys SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1 RETURNING *")
        .bind(self.id.as_str())
        .bind(micros(self.now))
        .optional(tx)
        .await?;
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

    fn makes_due(&self, (): &()) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx) -> Result<(), StoreError> {
        sql("-- used_api_key
             UPDATE api_keys SET last_used_at = greatest(last_used_at, $2) WHERE id = $1")
        .bind(self.id.as_str())
        .bind(micros(self.at))
        .run(tx)
        .await
        .map(drop)
    }
}
