//! Opening a database on a server: what the address says, whether the server keeps what it confirms, and which version of the tables it
//! holds.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::Row as _;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use url::Url;

use super::super::{StoreError, Tables, database};
use super::connection::{Pool, Statements, Tx, end, script, sql};
use super::rows::Columns as _;
use super::writer::in_time;

/// The versions of the tables, embedded. A merged one is never edited.
static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// The oldest server that can be asked what became of a transaction (`pg_xact_status(xid8)`).
const OLDEST_SERVER: i32 = 130_000;

/// Connections of one process, unless its address says otherwise. A server takes 100 by default, for all replicas together.
const CONNECTIONS: u32 = 10;

/// How long one trip may take, unless the address says otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection that was not used for so long is asked whether it still works; a server that restarted has forgotten it.
const IDLE_FOR_LONG: Duration = Duration::from_secs(5);

/// What a database URL says.
#[derive(Debug, Clone)]
pub(super) struct Address {
    /// The driver's part: host, user, password, database, TLS.
    pub(super) options: PgConnectOptions,
    /// The address without the password, for people.
    pub(super) shown: String,
    connections: u32,
    patience: Duration,
    statements: Statements,
}

impl Address {
    /// Parses `postgres://USER:PASSWORD@HOST:PORT/DATABASE?...`. Beside the driver's parameters (`sslmode`, `sslrootcert`, `host` for a
    /// socket's directory, ...) there are ours: `max-connections`, `timeout` (seconds), `statement-cache-capacity` (statements kept on
    /// each connection; 0, the default, keeps none and works behind any proxy).
    ///
    /// # Errors
    /// What is wrong with it, without the password.
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        let Ok(mut parsed) = Url::parse(url) else {
            return Err(refuse("(unreadable)", "it is not a URL: write `postgres://USER:PASSWORD@HOST/DATABASE`"));
        };
        let shown = shown(&parsed);
        let refuse = |reason: String| refuse(&shown, reason);
        if !matches!(parsed.scheme(), "postgres" | "postgresql") {
            return Err(refuse(
                "it is not a PostgreSQL URL: write `postgres://USER:PASSWORD@HOST/DATABASE`".to_owned(),
            ));
        }
        let pairs: Vec<(String, String)> = parsed.query_pairs().into_owned().collect();
        let (ours, theirs): (BTreeMap<_, _>, Vec<_>) = split(pairs);
        if let Some((unknown, _)) = theirs.iter().find(|(key, _)| !THEIRS.contains(&key.as_str())) {
            let known = [OURS.as_slice(), THEIRS.as_slice()].concat().join(", ");
            return Err(refuse(format!("its parameter {unknown:?} is not known; known: {known}")));
        }
        parsed.set_query(None);
        if !theirs.is_empty() {
            parsed.query_pairs_mut().extend_pairs(&theirs);
        }
        // The driver's message may repeat the value; its kind is all that can be told.
        let options = parsed.as_str().parse::<PgConnectOptions>().map_err(|error| refuse(unusable(&error)))?;
        // Floats are not used here, and a proxy may refuse a connection that asks for their digits.
        let options = options.extra_float_digits(None);
        let options = match options.get_application_name() {
            Some(_) => options,
            None => options.application_name("monite-bridge"),
        };
        // The server would take the user's name for it, and some other database might be opened.
        if options.get_database().is_none_or(str::is_empty) {
            return Err(refuse("it names no database: write `postgres://USER:PASSWORD@HOST/DATABASE`".to_owned()));
        }
        let number = |key: &str, default: u32| number(&ours, key, default).map_err(&refuse);
        let kept = number("statement-cache-capacity", 0)?;
        let options = match kept {
            0 => options,
            // A plan that is kept with a statement knows neither how much is due nor how many rows come: it made claims three times slower.
            _ => options.options([("plan_cache_mode", "force_custom_plan")]),
        };
        Ok(Self {
            options: options.statement_cache_capacity(kept as usize),
            connections: number("max-connections", CONNECTIONS)?.max(2),
            patience: Duration::from_secs(number("timeout", PATIENCE.as_secs() as u32)?.max(1).into()),
            statements: if kept == 0 { Statements::Anew } else { Statements::Kept },
            shown,
        })
    }

    /// Connects, checks the server and brings the tables to this version.
    pub(super) async fn open(&self) -> Result<Pool, StoreError> {
        let connections = PgPoolOptions::new()
            .max_connections(self.connections)
            .acquire_timeout(self.patience)
            .test_before_acquire(false) // a trip for each; what idled for long is tested below, the rest is run again when it fails
            .before_acquire(|connection, about| {
                Box::pin(async move {
                    Ok(about.idle_for < IDLE_FOR_LONG || sqlx::Connection::ping(connection).await.is_ok())
                })
            })
            .connect_lazy_with(self.options.clone());
        let pool = Pool { connections, statements: self.statements, patience: self.patience };
        match self.prepare(&pool).await {
            Ok(()) => Ok(pool),
            Err(error) => {
                pool.connections.close().await;
                Err(error)
            }
        }
    }

    async fn prepare(&self, pool: &Pool) -> Result<(), StoreError> {
        let cannot = |error: StoreError| refuse(&self.shown, why_not_opened(error));
        let mut tx = in_time(self.patience, "connect", pool.read()).await.map_err(cannot)?;
        let settings = check(&mut tx).await.map_err(cannot)?;
        end(tx, &Ok(()));
        settings.map_err(|reason| refuse(&self.shown, reason))?;
        let (mut tx, _) = pool.write().await.map_err(cannot)?;
        match migrate(&mut tx).await {
            Ok(()) => tx.commit().await.map_err(|error| cannot(database("migrate")(error))),
            Err(error) => {
                tx.roll_back().await;
                Err(match error {
                    StoreError::Open { reason, .. } => refuse(&self.shown, reason),
                    error => cannot(error),
                })
            }
        }
    }
}

/// See [`tables`](super::super::tables).
pub(in super::super) async fn tables(url: &str) -> Result<Tables, StoreError> {
    let address = Address::parse(url)?;
    let looked = in_time(address.patience, "tables", async { look(&address).await.map_err(database("tables")) }).await;
    let version = looked.map_err(|error| {
        let reason = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        refuse(&address.shown, reason)
    })?;
    let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
    match version {
        None => Ok(Tables::Missing),
        Some((_, false)) => {
            Err(refuse(&address.shown, "this user may not write its tables: grant it INSERT, UPDATE and DELETE"))
        }
        Some((version, true)) => Ok(Tables::Of { version, known }),
    }
}

/// The version, and whether the tables may be written.
async fn look(address: &Address) -> Result<Option<(i64, bool)>, sqlx::Error> {
    let mut connection = sqlx::ConnectOptions::connect(&address.options).await?;
    let exists: bool = sqlx::query_scalar(
        "-- tables_exist
         SELECT to_regclass('_sqlx_migrations') IS NOT NULL",
    )
    .fetch_one(&mut connection)
    .await?;
    let found = if exists {
        let row = sqlx::query(
            "-- tables_version
             SELECT max(version) AS version, NOT pg_is_in_recovery()
                 AND bool_and(has_table_privilege('customers', 'INSERT') AND has_table_privilege('customers', 'DELETE')) AS writable
             FROM _sqlx_migrations HAVING max(version) IS NOT NULL",
        )
        .fetch_optional(&mut connection)
        .await?;
        row.map(|row| Ok::<_, sqlx::Error>((row.try_get("version")?, row.try_get("writable")?))).transpose()?
    } else {
        None
    };
    sqlx::Connection::close(connection).await?;
    Ok(found)
}

/// Our own parameters of an address.
const OURS: [&str; 3] = ["max-connections", "timeout", "statement-cache-capacity"];

/// The driver's.
const THEIRS: [&str; 13] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

fn split(pairs: Vec<(String, String)>) -> (BTreeMap<String, String>, Vec<(String, String)>) {
    let (ours, theirs): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(key, _)| OURS.contains(&key.as_str()));
    (ours.into_iter().collect(), theirs)
}

fn number(ours: &BTreeMap<String, String>, key: &str, default: u32) -> Result<u32, String> {
    match ours.get(key) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| format!("its parameter {key:?} must be a whole number")),
    }
}

/// The address without its password, wherever it stands.
fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    // Fails where a URL can have no password.
    let _ = shown.set_password(None);
    let pairs: Vec<_> = url.query_pairs().into_owned().filter(|(key, _)| key != "password").collect();
    shown.set_query(None);
    if !pairs.is_empty() {
        shown.query_pairs_mut().extend_pairs(pairs);
    }
    shown.into()
}

fn refuse(shown: &str, reason: impl Into<String>) -> StoreError {
    StoreError::Open { url: shown.to_owned(), reason: reason.into() }
}

fn unusable(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Configuration(_) => {
            "one of its parameters cannot be used; `sslmode` is one of disable, allow, prefer, \
                                          require, verify-ca, verify-full"
                .to_owned()
        }
        other => other.to_string(),
    }
}

/// A write that was confirmed must be there after a crash of the server, whatever else is set.
async fn check(tx: &mut Tx) -> Result<Result<(), String>, StoreError> {
    let row = sql("-- server_settings
         SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS shown,
                current_setting('synchronous_commit') AS durable, current_setting('server_encoding') AS encoding,
                pg_is_in_recovery() AS standby")
    .one(tx)
    .await?;
    let version: i32 = row.try_get("version").map_err(database("server_settings"))?;
    let (shown, durable, encoding) = (row.text("shown")?, row.text("durable")?, row.text("encoding")?);
    Ok(if version < OLDEST_SERVER {
        Err(format!("the server is PostgreSQL {shown}: 13 or later is needed"))
    } else if durable == "off" {
        Err("`synchronous_commit` is off, so the server may lose what it confirmed: ALTER DATABASE or ALTER ROLE ... SET \
             synchronous_commit = on"
            .to_owned())
    } else if encoding != "UTF8" {
        Err(format!("its encoding is {encoding}: create the database with ENCODING 'UTF8'"))
    } else if row.flag("standby")? {
        Err("the server is a standby, which cannot be written to: name the primary".to_owned())
    } else {
        Ok(())
    })
}

/// Brings the tables to this version. All in one transaction, under a lock that ends with it, so that processes that start together do it
/// once, also behind a proxy that pools transactions. (The driver's own way takes a lock of the session.)
async fn migrate(tx: &mut Tx) -> Result<(), StoreError> {
    const LOCK: &str = "-- migrate_lock\nSELECT pg_advisory_xact_lock(7868925046253941261)"; // any number nobody else uses
    const TABLE: &str = "-- migrate_table
        CREATE TABLE IF NOT EXISTS _sqlx_migrations (
            version BIGINT PRIMARY KEY,
            description TEXT NOT NULL,
            installed_on TIMESTAMPTZ NOT NULL DEFAULT now(),
            success BOOLEAN NOT NULL,
            checksum BYTEA NOT NULL,
            execution_time BIGINT NOT NULL
        )";
    script(tx, "migrate_lock", LOCK).await?;
    script(tx, "migrate_table", TABLE).await?;
    let applied = sql("-- migrate_applied
         SELECT version, checksum FROM _sqlx_migrations ORDER BY version")
    .all(tx)
    .await?;
    let mut there = BTreeMap::new();
    for row in &applied {
        there.insert(row.number("version")?, row.bytes("checksum")?.to_vec());
    }
    if let Some(newer) = there.keys().find(|version| MIGRATIONS.iter().all(|known| known.version != **version)) {
        return Err(refuse("", newer_version(*newer)));
    }
    for migration in MIGRATIONS.iter() {
        match there.get(&migration.version) {
            Some(checksum) if checksum.as_slice() == &*migration.checksum => {}
            Some(_) => {
                let version = migration.version;
                let reason =
                    format!("its tables were made by another build (version {version} differs): run that build");
                return Err(refuse("", reason));
            }
            None => apply(tx, migration).await?,
        }
    }
    Ok(())
}

async fn apply(tx: &mut Tx, migration: &'static sqlx::migrate::Migration) -> Result<(), StoreError> {
    script(tx, "migrate", migration.sql.as_str()).await?;
    sql("-- migrate_done
         INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES ($1, $2, TRUE, $3, -1)")
    .bind(migration.version)
    .bind(&*migration.description)
    .bind(&*migration.checksum)
    .run(tx)
    .await?;
    Ok(())
}

fn newer_version(found: i64) -> String {
    format!(
        "a newer version of monite-bridge wrote it (its tables are at version {found}, this program knows up to {}): \
         run that version, or restore the backup made before it",
        MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
    )
}

fn why_not_opened(error: StoreError) -> String {
    let StoreError::Database { source, .. } = error else { return error.to_string() };
    match source.as_database_error() {
        Some(told) => told.message().to_owned(),
        None => match source {
            sqlx::Error::PoolTimedOut => {
                "no connection in time: is the server up, and does it take more connections?".to_owned()
            }
            sqlx::Error::Io(error) => format!("cannot reach the server: {error}"),
            sqlx::Error::Tls(error) => format!("no TLS with the server: {error}"),
            other => other.to_string(),
        },
    }
}
