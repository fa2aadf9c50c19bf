//! The world in a SQLite file. One writer; what many requests changed meanwhile goes into one transaction.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use crate::world::rows::Row;

/// The most requests whose changes share a transaction.
const BATCH: usize = 256;

/// Resolves once the changes are on disk; to an error if they could not be written.
pub(crate) type Commit = oneshot::Receiver<Result<(), StorageError>>;

/// A problem with the data file.
#[derive(Debug, thiserror::Error)]
#[error("the data file could not be {doing}")]
pub struct StorageError {
    doing: &'static str,
    #[source]
    source: sqlx::Error,
}

/// Hands changes to the writer in the order they are given. Every request waits for its own commit, so the queue is
/// never longer than the requests in flight.
pub(crate) struct Storage {
    writer: mpsc::UnboundedSender<Batch>,
}

struct Batch {
    change: Change,
    done: oneshot::Sender<Result<(), StorageError>>,
}

enum Change {
    Write(Vec<Row>),
    /// Forget everything, and hold these instead.
    Replace(Vec<Row>),
}

impl Storage {
    /// Opens or creates the file and reads all of it: `(kind, id, body)`.
    pub(crate) async fn open(path: &Path) -> Result<(Self, Vec<(String, String, String)>), StorageError> {
        let failed = |source| StorageError { doing: "opened", source };
        let mut connection = connect(path).await.map_err(failed)?;
        sqlx::query(
            "-- create_rows
            CREATE TABLE IF NOT EXISTS rows (kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
                PRIMARY KEY (kind, id)) WITHOUT ROWID",
        )
        .execute(&mut connection)
        .await
        .map_err(failed)?;
        let rows = sqlx::query_as("-- load_rows\nSELECT kind, id, body FROM rows")
            .fetch_all(&mut connection)
            .await
            .map_err(failed)?;
        let (writer, queue) = mpsc::unbounded_channel();
        tokio::spawn(write(connection, queue));
        Ok((Self { writer }, rows))
    }

    pub(crate) fn write(&self, rows: Vec<Row>) -> Commit {
        self.send(Change::Write(rows))
    }

    /// Everything else is forgotten, in the same transaction.
    pub(crate) fn replace(&self, rows: Vec<Row>) -> Commit {
        self.send(Change::Replace(rows))
    }

    fn send(&self, change: Change) -> Commit {
        let (done, commit) = oneshot::channel();
        // Without a writer `done` is dropped, which the waiting request sees as a failure.
        let _ = self.writer.send(Batch { change, done });
        commit
    }
}

/// Exclusive, so that a second sandbox on the same file is refused instead of overwriting this one's rows.
/// `NORMAL` in WAL mode survives the death of the process; only the death of the machine may lose the last commits.
async fn connect(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .locking_mode(SqliteLockingMode::Exclusive)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        // Long enough for a predecessor that is just being stopped, short enough to say soon that the file is taken.
        .busy_timeout(std::time::Duration::from_secs(2))
        .disable_statement_logging()
        .connect()
        .await
}

async fn write(mut connection: SqliteConnection, mut queue: mpsc::UnboundedReceiver<Batch>) {
    let mut batches = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut batches, BATCH).await > 0 {
        let (changes, waiting): (Vec<_>, Vec<_>) = batches.drain(..).map(|batch| (batch.change, batch.done)).unzip();
        let written = commit(&mut connection, changes).await;
        for done in waiting {
            let result = match &written {
                Ok(()) => Ok(()),
                Err(error) => Err(StorageError { doing: "written", source: sqlx::Error::Protocol(error.to_string()) }),
            };
            // Nobody waits when the client has gone.
            let _ = done.send(result);
        }
    }
    // Folds the log back into the file; after a kill the next start does it.
    let _ = connection.close().await;
}

async fn commit(connection: &mut SqliteConnection, changes: Vec<Change>) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for change in changes {
        let rows = match change {
            Change::Replace(rows) => {
                sqlx::query("-- clear\nDELETE FROM rows").execute(&mut *transaction).await?;
                rows
            }
            Change::Write(rows) => rows,
        };
        for row in rows {
            put(&mut transaction, row).await?;
        }
    }
    transaction.commit().await
}

async fn put(connection: &mut SqliteConnection, row: Row) -> Result<(), sqlx::Error> {
    let query = match row.body {
        Some(body) => sqlx::query(
            "-- put_row
            INSERT INTO rows (kind, id, body) VALUES (?1, ?2, ?3)
            ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
        )
        .bind(row.kind)
        .bind(row.id)
        .bind(body),
        None => sqlx::query("-- delete_row\nDELETE FROM rows WHERE kind = ?1 AND id = ?2").bind(row.kind).bind(row.id),
    };
    query.execute(connection).await.map(drop)
}
