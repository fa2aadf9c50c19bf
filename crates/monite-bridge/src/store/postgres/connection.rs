//! Connections, transactions and single statements. The only file that knows how a statement travels.
//!
//! Nothing lives longer than a transaction: no session locks, no settings, no statements prepared under a name. A pool that hands out
//! connections transaction by transaction (PgBouncer and its kind) may stand in between. A statement without a name is parsed and run in
//! two trips, so even a single one needs a transaction around it; where that costs too much and the way to the server is direct,
//! [`Statements::Kept`] keeps them under names.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Executor as _, PgPool, Postgres, Row as _};

use super::super::{StoreError, database};

/// What becomes of a statement once it was parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Statements {
    /// Parsed each time: works behind any proxy.
    Anew,
    /// Kept on its connection under a name: fewer trips, for direct connections and proxies that know about names.
    Kept,
}

/// The way to the database.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    pub(super) connections: PgPool,
    pub(super) statements: Statements,
    /// How long one trip, or waiting for a connection, may take. A server that vanished without a word would hold its caller for ever.
    pub(super) patience: Duration,
}

impl Pool {
    /// For one statement that only reads.
    pub(super) async fn read(&self) -> Result<Tx, StoreError> {
        let tx = self.take().await?;
        match self.statements {
            Statements::Anew => tx.begun("BEGIN READ ONLY").await,
            Statements::Kept => Ok(tx),
        }
    }

    /// For several statements that only read, and see the same moment.
    pub(super) async fn snapshot(&self) -> Result<Tx, StoreError> {
        self.take().await?.begun("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await
    }

    /// For writing, and what the transaction will be known by.
    pub(super) async fn write(&self) -> Result<(Tx, Xid), StoreError> {
        // One trip. The number is drawn at once, so that it is known before the answer to the commit can be lost. A standby refuses to
        // tell where its log stands, with a code of its own.
        const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8) AS timeline, \
                             pg_current_xact_id()::text AS xid";
        let mut tx = self.take().await?;
        let row = tx.connection.fetch_one(sqlx::raw_sql(BEGIN)).await.map_err(database("begin"))?;
        tx.open = true;
        let column = |name| row.try_get::<String, _>(name).map_err(database("begin"));
        let xid = Xid { number: column("xid")?, timeline: column("timeline")? };
        Ok((tx, xid))
    }

    async fn take(&self) -> Result<Tx, StoreError> {
        let connection = self.connections.acquire().await.map_err(database("connect"))?;
        Ok(Tx { connection, statements: self.statements, open: false, sound: true })
    }
}

/// What a transaction is known by, also after its connection is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Xid {
    /// PostgreSQL's number of it, never used twice on one timeline.
    pub(super) number: String,
    /// Which history of the database it belongs to: another one begins when a standby takes over.
    pub(super) timeline: String,
}

/// A transaction, or a single statement. Dropped without an end, it takes its connection with it.
pub(super) struct Tx {
    connection: PoolConnection<Postgres>,
    statements: Statements,
    open: bool,
    /// Whether the connection is where its transaction says.
    sound: bool,
}

impl Tx {
    /// A connection for statements without values, each a transaction of its own.
    pub(super) async fn bare(pool: &Pool) -> Result<Self, StoreError> {
        pool.take().await
    }

    async fn begun(mut self, sql: &'static str) -> Result<Self, StoreError> {
        self.open = true;
        self.connection.execute(sqlx::raw_sql(sql)).await.map_err(database("begin"))?;
        Ok(self)
    }

    /// Makes it durable.
    pub(super) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        self.sound = false;
        self.connection.execute(sqlx::raw_sql("COMMIT")).await?;
        (self.open, self.sound) = (false, true);
        Ok(())
    }

    /// Undoes it, as far as the connection still listens.
    pub(super) async fn roll_back(mut self) {
        self.sound = false;
        if self.connection.execute(sqlx::raw_sql("ROLLBACK")).await.is_ok() {
            (self.open, self.sound) = (false, true);
        }
    }
}

impl Drop for Tx {
    /// A transaction that only read is ended in the background: its caller has what it came for. Anything else that is still open here
    /// was given up in the middle, and so is its connection.
    fn drop(&mut self) {
        if self.open || !self.sound {
            self.connection.close_on_drop();
        }
    }
}

/// Ends a transaction that only read. Nobody waits for it. After an error its connection is given up.
pub(super) fn end<T>(mut tx: Tx, outcome: &Result<T, StoreError>) {
    if outcome.is_err() {
        tx.sound = false;
    } else if tx.open {
        tokio::spawn(async move {
            // An error takes the connection down, which is all there is to do about it.
            let _ = tx.commit().await;
        });
    }
}

/// One statement with its values. Its text opens with its name, `-- name`, so that it can be told apart in the server's log.
pub(super) struct Sql {
    name: &'static str,
    query: Query<'static, Postgres, PgArguments>,
}

/// A statement; `text` opens with its name.
pub(super) fn sql(text: &'static str) -> Sql {
    let name = text.strip_prefix("-- ").and_then(|text| text.lines().next()).unwrap_or("unnamed");
    Sql { name, query: sqlx::query(text) }
}

impl Sql {
    /// The next of `$1`, `$2`, ...
    pub(super) fn bind<'v, T: sqlx::Encode<'v, Postgres> + sqlx::Type<Postgres>>(self, value: T) -> Self {
        Self { query: self.query.bind(value), ..self }
    }

    /// All rows of the answer.
    pub(super) async fn all(self, tx: &mut Tx) -> Result<Vec<PgRow>, StoreError> {
        let query = self.query.persistent(tx.statements == Statements::Kept);
        query.fetch_all(&mut *tx.connection).await.map_err(database(self.name))
    }

    /// The one row of the answer, if there is one.
    pub(super) async fn optional(self, tx: &mut Tx) -> Result<Option<PgRow>, StoreError> {
        let query = self.query.persistent(tx.statements == Statements::Kept);
        query.fetch_optional(&mut *tx.connection).await.map_err(database(self.name))
    }

    /// The one row of the answer.
    pub(super) async fn one(self, tx: &mut Tx) -> Result<PgRow, StoreError> {
        let query = self.query.persistent(tx.statements == Statements::Kept);
        query.fetch_one(&mut *tx.connection).await.map_err(database(self.name))
    }

    /// How many rows it changed.
    pub(super) async fn run(self, tx: &mut Tx) -> Result<u64, StoreError> {
        let query = self.query.persistent(tx.statements == Statements::Kept);
        query.execute(&mut *tx.connection).await.map(|done| done.rows_affected()).map_err(database(self.name))
    }
}

/// Several statements without values, as they stand in a file.
pub(super) async fn script(tx: &mut Tx, name: &'static str, text: &'static str) -> Result<(), StoreError> {
    tx.connection.execute(sqlx::raw_sql(text)).await.map(drop).map_err(database(name))
}
