//! Opening a database file: where it is, who may read it, and which version of the tables it holds.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection, SqlitePool};

use super::super::{Rewritten, StoreError, Tables, database};

/// The versions of the tables, embedded. A merged one is never edited.
static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long a statement waits for another process that is writing. A transaction here takes milliseconds; ten seconds means
/// that something holds the file that should not.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The file of a store in memory.
const SCRATCH: &str = "store.db";

/// Readers at the same time. SQLite reads are short; more than cores only adds page caches.
const READERS: u32 = 4;

/// Page cache of the writer in KiB: holds the inner pages of the indexes of a few million rows during an import.
const WRITER_CACHE_KIB: &str = "-32768";

/// The write-ahead log is cut back to this many bytes after a large import.
const WAL_SIZE_LIMIT: &str = "67108864";

/// An open database.
pub(super) struct Opened {
    /// The one connection that writes.
    pub(super) writer: SqliteConnection,
    /// Connections that cannot write.
    pub(super) readers: SqlitePool,
    /// Holds the file of a store that is to be forgotten; removes it when dropped.
    pub(super) scratch: Option<tempfile::TempDir>,
}

/// Opens the file, creates it if need be (readable by its owner only), and brings its tables to this version.
pub(super) async fn open(url: &str) -> Result<Opened, StoreError> {
    let refuse = |reason: String| StoreError::Open { url: url.to_owned(), reason };
    let place = Place::parse(url).map_err(refuse)?;
    let (file, scratch) = match place {
        Place::File(path) => (path, None),
        Place::Memory => {
            let scratch = tempfile::tempdir().map_err(|error| refuse(format!("no temporary directory: {error}")))?;
            (scratch.path().join(SCRATCH), Some(scratch))
        }
    };
    create(&file).map_err(refuse)?;
    let options = options(&file, scratch.is_some());
    let mut writer = connect(&options).await.map_err(|error| refuse(why_not_opened(&error)))?;
    migrate(&mut writer).await.map_err(refuse)?;
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .test_before_acquire(false) // a file does not hang up
        .connect_with(SqliteConnectOptions::new().filename(&file).read_only(true).busy_timeout(BUSY_TIMEOUT))
        .await
        .map_err(|error| refuse(why_not_opened(&error)))?;
    Ok(Opened { writer, readers, scratch })
}

/// The file that was opened.
pub(super) fn file(url: &str, scratch: Option<&tempfile::TempDir>) -> Result<PathBuf, StoreError> {
    match (Place::parse(url), scratch) {
        (_, Some(folder)) => Ok(folder.path().join(SCRATCH)),
        (Ok(Place::File(path)), None) => Ok(path),
        _ => Err(StoreError::Open { url: url.to_owned(), reason: "it names no file".to_owned() }),
    }
}

/// Writes the file anew with nothing in it but the rows that are there, and empties the write-ahead log: what is deleted stays in free pages
/// and in the log otherwise. Other processes wait meanwhile, a second for each few hundred MiB.
pub(super) async fn rewrite(file: &Path) -> Result<Rewritten, StoreError> {
    // Not in memory, as for all else: the copy is as large as the file, and holds nothing that was erased.
    let options = options(file, false).pragma("temp_store", "FILE");
    let mut connection = connect(&options).await.map_err(database("rewrite"))?;
    sqlx::query(
        "-- rewrite
         VACUUM",
    )
    .execute(&mut connection)
    .await
    .map_err(database("rewrite"))?;
    let held: i64 = sqlx::query_scalar(
        "-- empty_log
         PRAGMA wal_checkpoint(TRUNCATE)",
    )
    .fetch_one(&mut connection)
    .await
    .map_err(database("empty_log"))?;
    connection.close().await.map_err(database("rewrite"))?;
    Ok(if held == 0 { Rewritten::Whole } else { Rewritten::LogHeld })
}

/// See [`tables`](super::super::tables).
pub(in super::super) async fn tables(url: &str) -> Result<Tables, StoreError> {
    let refuse = |reason: String| StoreError::Open { url: url.to_owned(), reason };
    let Place::File(file) = Place::parse(url).map_err(refuse)? else { return Ok(Tables::Missing) };
    if !file.exists() {
        return Ok(Tables::Missing);
    }
    // Nothing of `options`: they would switch an empty file to WAL.
    let options = SqliteConnectOptions::new().filename(&file).busy_timeout(BUSY_TIMEOUT);
    let mut connection = options.connect().await.map_err(|error| refuse(why_not_opened(&error)))?;
    let looked = look(&mut connection).await.map_err(|error| refuse(why_not_opened(&error)));
    let closed = connection.close().await.map_err(|error| refuse(why_not_opened(&error)));
    let version = looked?;
    closed?;
    let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
    Ok(version.map_or(Tables::Missing, |version| Tables::Of { version, known }))
}

async fn look(connection: &mut SqliteConnection) -> Result<Option<i64>, sqlx::Error> {
    // Takes the lock of a writer, which a file that cannot be written refuses, and writes nothing.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let exists: bool = sqlx::query_scalar(
        "-- tables_exist
         SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations')",
    )
    .fetch_one(&mut *transaction)
    .await?;
    let version = if exists {
        sqlx::query_scalar(
            "-- tables_version
             SELECT max(version) FROM _sqlx_migrations",
        )
        .fetch_one(&mut *transaction)
        .await?
    } else {
        None
    };
    transaction.rollback().await?;
    Ok(version)
}

/// What a database URL points at.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    Memory,
}

impl Place {
    fn parse(url: &str) -> Result<Self, String> {
        let rest = url.strip_prefix("sqlite:").ok_or("it is not a SQLite URL: write `sqlite://FILE`")?;
        let path = rest.strip_prefix("//").unwrap_or(rest);
        match path {
            "" => Err("it names no file: write `sqlite://FILE`".to_owned()),
            ":memory:" => Ok(Self::Memory),
            _ if path.contains('?') => Err("options after `?` are not accepted: write `sqlite://FILE`".to_owned()),
            _ => Ok(Self::File(PathBuf::from(path))),
        }
    }
}

/// Makes an empty file that only its owner can read: documents hold names, addresses and tax ids. SQLite gives the files
/// beside it (`-wal`, `-shm`) the same permissions.
fn create(file: &Path) -> Result<(), String> {
    if let Some(parent) = file.parent().filter(|parent| !parent.as_os_str().is_empty())
        && !parent.is_dir()
    {
        return Err(format!("the directory {} does not exist: create it, or name another", parent.display()));
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(file) {
        Ok(_) => Ok(()),
        Err(_) if file.is_file() => Ok(()),
        Err(_) if file.exists() => Err("it is not a file".to_owned()),
        Err(error) => Err(format!("cannot create it: {error}")),
    }
}

/// WAL, so that readers and the writer do not wait for each other. `synchronous = FULL`, so that what was answered with a 2xx
/// survives a power cut; a scratch store has nothing to survive. What a statement may have to undo stays in memory: in SQLite's
/// temporary files it would be documents outside of the one file that only its owner can read, and a third of all that is written.
fn options(file: &Path, scratch: bool) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .busy_timeout(BUSY_TIMEOUT)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(if scratch { SqliteSynchronous::Off } else { SqliteSynchronous::Full })
        .foreign_keys(true)
        .pragma("temp_store", "MEMORY")
        .pragma("cache_size", WRITER_CACHE_KIB)
        .pragma("journal_size_limit", WAL_SIZE_LIMIT)
}

/// Opens the writer. Switching an empty file to WAL takes an exclusive lock that SQLite does not wait for, whatever the busy
/// timeout says; processes that start together on a new file are told `SQLITE_BUSY` at once, so the waiting is done here.
async fn connect(options: &SqliteConnectOptions) -> Result<SqliteConnection, sqlx::Error> {
    const PAUSE: Duration = Duration::from_millis(20);
    let mut left = BUSY_TIMEOUT.as_millis() / PAUSE.as_millis();
    loop {
        match options.connect().await {
            Err(error) if left > 0 && is_busy(&error) => {
                left -= 1;
                tokio::time::sleep(PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

/// Brings the tables to this version in one transaction, so that two processes starting at the same time do it once.
async fn migrate(writer: &mut SqliteConnection) -> Result<(), String> {
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(|error| why_not_opened(&error))?;
    // `run_direct` is what `run` calls; through `run` the compiler cannot prove the future `Send` (rust-lang/rust#64552).
    MIGRATIONS.run_direct(None, &mut *transaction, false).await.map_err(|error| why_not_migrated(&error))?;
    transaction.commit().await.map_err(|error| why_not_opened(&error))
}

fn why_not_migrated(error: &MigrateError) -> String {
    match error {
        MigrateError::VersionMissing(found) => format!(
            "a newer version of monite-bridge wrote it (its tables are at version {found}, this program knows up to {}): \
             run that version, or restore the backup made before it",
            MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
        ),
        MigrateError::VersionMismatch(version) => {
            format!("its tables were made by another build (version {version} differs): run that build")
        }
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => why_not_opened(error),
        other => other.to_string(),
    }
}

fn why_not_opened(error: &sqlx::Error) -> String {
    const NOT_A_DATABASE: i32 = 26;
    match error.as_database_error() {
        Some(_) if result_code(error) == Some(NOT_A_DATABASE) => "it is a file, but no SQLite database".to_owned(),
        Some(_) if is_busy(error) => {
            format!("another process has held it for {} s: stop that one first", BUSY_TIMEOUT.as_secs())
        }
        Some(told) => told.message().to_owned(),
        None => error.to_string(),
    }
}

fn is_busy(error: &sqlx::Error) -> bool {
    const BUSY: i32 = 5;
    result_code(error) == Some(BUSY)
}

/// SQLite's primary result code, which is the low byte of what it reports (sqlite.org/rescode.html).
fn result_code(error: &sqlx::Error) -> Option<i32> {
    let extended: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_a_file_or_memory() {
        for (url, expected) in [
            ("sqlite://bridge.db", "bridge.db"),
            ("sqlite:bridge.db", "bridge.db"),
            ("sqlite:///var/lib/bridge.db", "/var/lib/bridge.db"),
            ("sqlite:/var/lib/bridge.db", "/var/lib/bridge.db"),
        ] {
            assert_eq!(Place::parse(url), Ok(Place::File(expected.into())), "{url}");
        }
        assert_eq!(Place::parse("sqlite::memory:"), Ok(Place::Memory));
        for bad in ["postgres://host/db", "bridge.db", "sqlite:", "sqlite://", "sqlite://a.db?mode=ro"] {
            assert!(Place::parse(bad).unwrap_err().contains("sqlite://FILE"), "{bad}");
        }
    }
}
