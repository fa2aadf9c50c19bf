//! The store's promise on PostgreSQL, and what only a server can promise.

use std::sync::Arc;

use async_trait::async_trait;

use super::super::Store;
use super::super::conformance::{Database, conformance_tests};
use super::PostgresStore;

#[path = "../../../tests/it/support/cluster.rs"]
mod cluster;

use cluster::Cluster;

/// One database on the server of this process.
struct PostgresDatabase {
    url: String,
}

#[async_trait]
impl Database for PostgresDatabase {
    const HISTORIES: u32 = 24;

    async fn create() -> Self {
        let cluster = Cluster::get();
        Self { url: cluster.url(&cluster.database().await) }
    }

    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(PostgresStore::open(&self.url).await.unwrap())
    }
}

conformance_tests!(PostgresDatabase);
