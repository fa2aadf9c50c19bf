//! Everything sealed, sealed anew. See [`SealedStore`].

use async_trait::async_trait;
use sqlx::SqliteConnection;

use super::super::sealed::{SealedName, SealedRow, SealedStore, Shelf, place, sealed_row};
use super::super::{StoreError, database};
use super::SqliteStore;
use super::writer::Write;

#[async_trait]
impl SealedStore for SqliteStore {
    async fn sealed(&self, after: Option<&SealedName>, limit: u32) -> Result<Vec<SealedRow>, StoreError> {
        let (shelf, name) = place(after);
        let rows = sqlx::query(
            "-- sealed
             SELECT shelf, name, sealed, expires_at FROM (
                 SELECT 0 AS shelf, name, sealed, NULL AS expires_at FROM secrets
                 UNION ALL
                 SELECT 1, name, sealed, expires_at FROM shared_tokens WHERE sealed IS NOT NULL
             )
             WHERE shelf > ?1 OR shelf = ?1 AND name > ?2 ORDER BY shelf, name LIMIT ?3",
        )
        .bind(shelf)
        .bind(name)
        .bind(limit)
        .fetch_all(&self.readers)
        .await
        .map_err(database("sealed"))?;
        rows.iter().map(sealed_row).collect()
    }

    async fn reseal(&self, name: &SealedName, from: &[u8], to: &[u8]) -> Result<bool, StoreError> {
        self.writer.write(Reseal { name: name.clone(), from: from.to_vec(), to: to.to_vec() }).await
    }

    async fn drop_shared_token(&self, name: &str, sealed: &[u8]) -> Result<bool, StoreError> {
        self.writer.write(DropSharedToken { name: name.to_owned(), sealed: sealed.to_vec() }).await
    }
}

struct Reseal {
    name: SealedName,
    from: Vec<u8>,
    to: Vec<u8>,
}

#[async_trait]
impl Write for Reseal {
    type Answer = bool;

    async fn run(&self, tx: &mut SqliteConnection) -> Result<bool, StoreError> {
        let text = match self.name.shelf {
            Shelf::Secrets => {
                "-- reseal_secret
                 UPDATE secrets SET sealed = ?3 WHERE name = ?1 AND sealed = ?2"
            }
            Shelf::SharedTokens => {
                "-- reseal_shared_token
                 UPDATE shared_tokens SET sealed = ?3 WHERE name = ?1 AND sealed = ?2"
            }
        };
        let query = sqlx::query(text).bind(&self.name.name).bind(&self.from).bind(&self.to);
        let changed = query.execute(tx).await.map_err(database("reseal"))?;
        Ok(changed.rows_affected() > 0)
    }
}

struct DropSharedToken {
    name: String,
    sealed: Vec<u8>,
}

#[async_trait]
impl Write for DropSharedToken {
    type Answer = bool;

    async fn run(&self, tx: &mut SqliteConnection) -> Result<bool, StoreError> {
        let changed = sqlx::query(
            "-- drop_shared_token
             UPDATE shared_tokens SET sealed = NULL, expires_at = NULL WHERE name = ?1 AND sealed = ?2",
        )
        .bind(&self.name)
        .bind(&self.sealed)
        .execute(tx)
        .await
        .map_err(database("drop_shared_token"))?;
        Ok(changed.rows_affected() > 0)
    }
}
