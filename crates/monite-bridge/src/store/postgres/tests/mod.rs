//! The store's promise on PostgreSQL, and what only a server can promise.

use std::sync::Arc;

use async_trait::async_trait;

use super::super::Store;
use super::super::conformance::{Database, conformance_tests};
use super::PostgresStore;

#[path = "../../../../tests/it/support/cluster.rs"]
mod cluster;
mod ends;
mod names;
mod outage;
mod proxy;
mod server;
mod traces;

use cluster::Cluster;

/// One database on the server of this process.
struct PostgresDatabase {
    name: String,
}

impl PostgresDatabase {
    fn url(&self) -> String {
        Cluster::get().url(&self.name)
    }

    async fn store(&self) -> PostgresStore {
        PostgresStore::open(&self.url()).await.unwrap()
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        Cluster::get().remove(&self.name);
    }
}

#[async_trait]
impl Database for PostgresDatabase {
    const HISTORIES: u32 = 16;

    async fn create() -> Self {
        Self { name: Cluster::get().database().await }
    }

    /// `BEHIND_PGBOUNCER=1` puts a proxy that pools transactions before the server, and the whole suite keeps its promise there as well: CI runs
    /// it both ways.
    async fn open(&self) -> Arc<dyn Store> {
        let url = match std::env::var_os("BEHIND_PGBOUNCER") {
            Some(_) => Cluster::get().url_behind_pgbouncer(&self.name),
            None => self.url(),
        };
        Arc::new(PostgresStore::open(&url).await.unwrap())
    }

    async fn run_sql(&self, statement: &'static str) -> Result<(), String> {
        use sqlx::Connection as _;
        let mut connection = sqlx::PgConnection::connect(&self.url()).await.unwrap();
        let outcome = sqlx::raw_sql(statement).execute(&mut connection).await;
        connection.close().await.unwrap();
        outcome.map(drop).map_err(|error| error.to_string())
    }
}

conformance_tests!(PostgresDatabase);
