//! Everything sealed, sealed anew. See [`SealedStore`].

use async_trait::async_trait;

use super::super::StoreError;
use super::super::sealed::{SealedName, SealedRow, SealedStore, Shelf, place, sealed_row};
use super::connection::{Tx, end, sql};
use super::writer::{Patience, Write, in_time};
use super::{PostgresStore, reading};

#[async_trait]
impl SealedStore for PostgresStore {
    async fn sealed(&self, after: Option<&SealedName>, limit: u32) -> Result<Vec<SealedRow>, StoreError> {
        reading!(self.pool, read, tx => page(tx, after, limit))
    }

    async fn reseal(&self, name: &SealedName, from: &[u8], to: &[u8]) -> Result<bool, StoreError> {
        self.writer.write(Reseal { name: name.clone(), from: from.to_vec(), to: to.to_vec() }).await
    }

    async fn drop_shared_token(&self, name: &str, sealed: &[u8]) -> Result<bool, StoreError> {
        self.writer.write(DropSharedToken { name: name.to_owned(), sealed: sealed.to_vec() }).await
    }
}

async fn page(tx: &mut Tx, after: Option<&SealedName>, limit: u32) -> Result<Vec<SealedRow>, StoreError> {
    let (shelf, name) = place(after);
    let rows = sql("-- sealed
         SELECT shelf, name, sealed, expires_at FROM (
             SELECT 0::bigint AS shelf, name, sealed, NULL::bigint AS expires_at FROM secrets
             UNION ALL
             SELECT 1::bigint, name, sealed, expires_at FROM shared_tokens WHERE sealed IS NOT NULL
         ) AS everything
         WHERE shelf > $1 OR shelf = $1 AND name > $2 ORDER BY shelf, name LIMIT $3")
    .bind(shelf)
    .bind(name)
    .bind(i64::from(limit))
    .all(tx)
    .await?;
    rows.iter().map(sealed_row).collect()
}

struct Reseal {
    name: SealedName,
    from: Vec<u8>,
    to: Vec<u8>,
}

#[async_trait]
impl Write for Reseal {
    type Answer = bool;

    fn makes_due(&self, _: &bool) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let text = match self.name.shelf {
            Shelf::Secrets => {
                "-- reseal_secret
                 UPDATE secrets SET sealed = $3 WHERE name = $1 AND sealed = $2"
            }
            Shelf::SharedTokens => {
                "-- reseal_shared_token
                 UPDATE shared_tokens SET sealed = $3 WHERE name = $1 AND sealed = $2"
            }
        };
        let query = sql(text).bind(self.name.name.as_str()).bind(self.from.as_slice()).bind(self.to.as_slice());
        Ok(query.run(tx).await? > 0)
    }
}

struct DropSharedToken {
    name: String,
    sealed: Vec<u8>,
}

#[async_trait]
impl Write for DropSharedToken {
    type Answer = bool;

    fn makes_due(&self, _: &bool) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let changed = sql("-- drop_shared_token
             UPDATE shared_tokens SET sealed = NULL, expires_at = NULL WHERE name = $1 AND sealed = $2")
        .bind(self.name.as_str())
        .bind(self.sealed.as_slice())
        .run(tx)
        .await?;
        Ok(changed > 0)
    }
}
