//! Where the bridges of a run keep what they know: SQLite in memory, or PostgreSQL, where each run has a database of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use monite_bridge::store::{self, Store};
use sqlx::{Connection as _, PgConnection};
use url::Url;

/// Which kind.
#[derive(Debug, Clone)]
pub enum Database {
    /// A file of the run's own.
    Sqlite,
    /// A server that is there already.
    Postgres(Arc<Server>),
}

/// A PostgreSQL server in which databases may be created.
#[derive(Debug)]
pub struct Server {
    url: Url,
    next: AtomicU64,
}

impl Server {
    /// The server behind one of its databases.
    ///
    /// # Errors
    /// When this is not an address.
    pub fn at(url: &str) -> Result<Self, String> {
        let mut url = Url::parse(url).map_err(|error| format!("{url} is not an address: {error}"))?;
        url.set_query(None);
        Ok(Self { url, next: AtomicU64::new(0) })
    }

    async fn run(&self, statement: String) {
        let mut connection = PgConnection::connect(self.url.as_str()).await.expect("the server of the runs answers");
        let done = sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await;
        done.expect("the user of the runs may create databases");
        connection.close().await.expect("the server of the runs answers");
    }
}

/// The database of one run. On SQLite it goes when this does.
#[derive(Debug)]
pub struct Home {
    place: Place,
    store: Arc<dyn Store>,
}

#[derive(Debug)]
enum Place {
    File(#[expect(dead_code, reason = "kept so that the folder is")] tempfile::TempDir),
    Server(Arc<Server>, String),
}

impl Home {
    /// A new one.
    pub async fn of(database: &Database) -> Self {
        let (place, url) = match database {
            Database::Sqlite => {
                let files = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
                let files = files.expect("room for a database");
                let url = format!("sqlite://{}", files.path().join("bridge.db").display());
                (Place::File(files), url)
            }
            Database::Postgres(server) => {
                let number = server.next.fetch_add(1, Ordering::Relaxed);
                let name = format!("simulation_{}_{number}", std::process::id());
                server.run(format!("CREATE DATABASE {name}")).await;
                let mut url = server.url.clone();
                url.set_path(&name);
                url.set_query(Some("max-connections=4"));
                (Place::Server(Arc::clone(server), name), url.to_string())
            }
        };
        let store = store::open(&url).await.expect("the database is new");
        Self { place, store }
    }

    /// What the run works on.
    #[must_use]
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// Nobody needs it any more.
    pub async fn leave(self) {
        self.store.close().await;
        if let Place::Server(server, name) = self.place {
            server.run(format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}
