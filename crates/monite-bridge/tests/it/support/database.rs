//! Where a bridge keeps what it knows.

use super::cluster::Cluster;

/// Which kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

/// One database of a test.
pub(crate) enum Place {
    File(tempfile::TempDir),
    Server(String),
}

impl Place {
    pub(crate) async fn create(database: Database) -> Self {
        match database {
            Database::Sqlite => Self::File(scratch()),
            Database::Postgres => {
                let cluster = Cluster::get();
                Self::Server(cluster.url(&cluster.database().await))
            }
        }
    }

    /// Somebody is at the database itself. Panics with what it says when it refuses.
    pub(crate) async fn run_sql(&self, statement: &'static str) {
        use sqlx::Connection as _;
        match self {
            Self::File(_) => {
                let mut connection = sqlx::SqliteConnection::connect(&self.url()).await.unwrap();
                sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            Self::Server(url) => {
                let mut connection = Cluster::get().connect(name_of(url)).await;
                sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::File(folder) => format!("sqlite://{}", folder.path().join("bridge.db").display()),
            Self::Server(url) => url.clone(),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Self::Server(url) = self {
            Cluster::get().remove(name_of(url));
        }
    }
}

fn name_of(url: &str) -> &str {
    url.split('?').next().and_then(|url| url.rsplit('/').next()).unwrap_or_default()
}

/// A place for the database: in memory where the system has such a place. What a process leaves behind when it dies is the same
/// there, and hundreds of bridges do not wait for a disk.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Runs tests, each a function of a [`Database`], on every kind. Those after `on_threads:` use more than one.
macro_rules! on_every_database {
    ($($test:ident),* $(,)? $(; on_threads: $($heavy:ident),* $(,)?)?) => {
        mod on_sqlite {
            $crate::support::on_one_database!(Sqlite: $($test),* ; $($($heavy),*)?);
        }

        mod on_postgres {
            $crate::support::on_one_database!(Postgres: $($test),* ; $($($heavy),*)?);
        }
    };
}
pub(crate) use on_every_database;

macro_rules! on_one_database {
    ($database:ident: $($test:ident),* ; $($heavy:ident),*) => {
        $(#[tokio::test]
        async fn $test() {
            super::$test(crate::support::Database::$database).await;
        })*

        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $heavy() {
            super::$heavy(crate::support::Database::$database).await;
        })*
    };
}
pub(crate) use on_one_database;
