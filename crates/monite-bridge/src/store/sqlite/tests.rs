//! The store's promise on SQLite, and what only a file can promise.

use std::sync::Arc;

use async_trait::async_trait;

use super::super::conformance::{Database, conformance_tests};
use super::super::{Store, StoreError};
use super::SqliteStore;

struct SqliteFile {
    directory: tempfile::TempDir,
}

impl SqliteFile {
    fn url(&self) -> String {
        format!("sqlite://{}", self.path().display())
    }

    fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("bridge.db")
    }
}

#[async_trait]
impl Database for SqliteFile {
    const HISTORIES: u32 = 96;

    async fn create() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(&self.url()).await.unwrap())
    }

    async fn run_sql(&self, statement: &'static str) -> Result<(), String> {
        use sqlx::Connection as _;
        let mut connection = sqlx::SqliteConnection::connect(&self.url()).await.unwrap();
        let outcome = sqlx::raw_sql(statement).execute(&mut connection).await;
        connection.close().await.unwrap();
        outcome.map(drop).map_err(|error| error.to_string())
    }
}

conformance_tests!(SqliteFile);

#[tokio::test]
async fn a_connection_is_busy_while_somebody_reads() {
    let store = SqliteStore::open("sqlite::memory:").await.unwrap();
    let reader = store.readers.acquire().await.unwrap();
    assert_eq!(store.busy_connections(), 1);
    reader.close().await.unwrap();
    assert_eq!(store.busy_connections(), 0);
    let reader = store.readers.acquire().await.unwrap();
    let given_back = async {
        drop(reader);
        while store.busy_connections() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), given_back).await.expect("it is never given back");
}

async fn refusal(url: &str) -> String {
    match SqliteStore::open(url).await {
        Err(error @ StoreError::Open { .. }) => error.to_string(),
        other => panic!("{url} should have been refused: {other:?}"),
    }
}

#[tokio::test]
#[cfg(unix)]
async fn only_the_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let file = SqliteFile::create().await;
    let store = file.open().await;
    store.put_secret("a", b"a", jiff::Timestamp::UNIX_EPOCH).await.unwrap();
    for name in ["bridge.db", "bridge.db-wal", "bridge.db-shm"] {
        let mode = std::fs::metadata(file.directory.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn what_cannot_be_opened_says_what_to_do() {
    let file = SqliteFile::create().await;
    let missing = format!("sqlite://{}/no/bridge.db", file.directory.path().display());
    assert!(refusal(&missing).await.contains("does not exist: create it"));
    let directory = format!("sqlite://{}", file.directory.path().display());
    assert!(refusal(&directory).await.contains("it is not a file"));
    std::fs::write(file.path(), "id,type,email\n".repeat(100)).unwrap();
    assert!(refusal(&file.url()).await.contains("no SQLite database"));
    assert!(refusal("postgres://localhost/x").await.contains("sqlite://FILE"));
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let file = SqliteFile::create().await;
    file.open().await.close().await;
    let mut connection =
        sqlx::ConnectOptions::connect(&sqlx::sqlite::SqliteConnectOptions::new().filename(file.path())).await.unwrap();
    sqlx::query("INSERT INTO _sqlx_migrations VALUES (99, 'tomorrow', '', 1, x'00', 0)")
        .execute(&mut connection)
        .await
        .unwrap();
    let said = refusal(&file.url()).await;
    assert!(said.contains("a newer version of monite-bridge wrote it (its tables are at version 99"), "{said}");
}

/// Without it a claim walks all customers: at a million rows a tenth of a second instead of a millisecond.
#[tokio::test]
async fn queues_are_read_from_their_indexes() {
    let store = SqliteStore::open("sqlite::memory:").await.unwrap();
    for (sql, index) in [
        (super::work::DUE_CUSTOMERS, "USING COVERING INDEX customer_work_wake"),
        (super::listing::NEXT_DUE, "USING COVERING INDEX customer_work_wake"),
        // Whether somebody has the customer in hand is read from its row.
        (super::work::DUE_STAMPS, "USING INDEX customer_work_stamp"),
        (super::stamps::NEXT_STAMP, "USING INDEX customer_work_stamp"),
    ] {
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", sql.split_once('\n').unwrap().1));
        let plan = sqlx::query(explain).bind(0).bind(64).fetch_all(&store.readers).await.unwrap();
        let steps: Vec<String> = plan.iter().map(|row| sqlx::Row::get(row, "detail")).collect();
        assert_eq!(steps.len(), 1, "no sorting: {steps:?}");
        assert!(steps[0].contains(index), "{steps:?}");
    }
}

#[tokio::test]
async fn two_processes_may_start_on_an_empty_file_together() {
    let file = SqliteFile::create().await;
    let opened = futures::future::join_all((0..4).map(|_| async { SqliteStore::open(&file.url()).await })).await;
    for store in opened {
        store.unwrap().ping().await.unwrap();
    }
}

#[tokio::test]
async fn a_store_in_memory_is_forgotten_with_its_value() {
    let store = SqliteStore::open("sqlite::memory:").await.unwrap();
    store.put_secret("a", b"a", jiff::Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(store.secret("a").await.unwrap(), Some(b"a".to_vec()));
    let scratch = store.scratch.as_ref().unwrap().path().to_owned();
    assert!(scratch.exists());
    store.close().await;
    drop(store);
    assert!(!scratch.exists());
}

/// What a record does not hold follows from the rest of it, or belongs to processes that have ended. A new column is either in a record
/// (then bump the form of states), or named here.
const NOT_SAVED: &[&str] = &[
    "customer_work.document_hash", // of the document
    "user_work.document_hash",
    "customer_work.wake_at", // the rule in `wake` gives it
    "customer_work.lease_owner",
    "customer_work.lease_until", // but for those that were not given back
    "customer_work.fence",
    "role_links.permission_set", // the permissions themselves are in the record
    "permission_sets.permission_set",
];

#[tokio::test]
async fn a_saved_state_holds_every_column() {
    use super::super::saved::{SavedApiKey, SavedCustomer, SavedRole, SavedSecret, SavedSetting, SavedUser};
    fn has<R: serde::de::DeserializeOwned>(field: &str) -> bool {
        let record = serde_json::from_value::<R>(serde_json::json!({ field: null }));
        record.err().is_none_or(|error| !error.to_string().contains("unknown field"))
    }
    let database = SqliteFile::create().await;
    let store = SqliteStore::open(&database.url()).await.unwrap();
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
         WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> '_sqlx_migrations'",
    )
    .fetch_all(&store.readers)
    .await
    .unwrap();
    assert!(columns.len() > 60, "{columns:?}");
    // What processes that run tell each other ends with them; the partner's token is fetched anew.
    // The audit log and what was erased stay where they were written.
    let left_behind = ["replicas", "budget", "shared_tokens", "token_epoch", "token_ends", "audit", "erased"];
    for (table, column) in columns.iter().filter(|(table, _)| !left_behind.contains(&table.as_str())) {
        let saved = match table.as_str() {
            "settings" => has::<SavedSetting>(column),
            "secrets" => has::<SavedSecret>(column),
            "api_keys" => has::<SavedApiKey>(column),
            "customers" | "customer_work" => has::<SavedCustomer>(column),
            "role_links" | "permission_sets" => has::<SavedRole>(column),
            "users" | "user_work" => has::<SavedUser>(column),
            _ => false,
        };
        let left_out = NOT_SAVED.contains(&format!("{table}.{column}").as_str());
        assert_ne!(saved, left_out, "{table}.{column}: is it in a saved state or not?");
    }
}
