//! A PostgreSQL server of the tests' own: made when first needed, gone with the process that made it, however that one ends.
//!
//! The unit tests of the store use it as well, from a process of their own.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::OnceCell;

use super::{PostgresStore, Store as _};

/// What to do where the server's programs are missing.
const INSTALL: &str = "PostgreSQL is not installed, and these tests need its programs: apt-get install postgresql";

/// Makes a cluster and runs it until its standard input ends, which happens when the test process does, even by a kill. The server stays a
/// child of this shell and is stopped by its id. `fsync` is off: nothing here survives the machine anyway.
const KEEP: &str = r#"
umask 077
home=$(mktemp -d "${TMPDIR:-/tmp}/monite-bridge-pg.XXXXXX") || exit 1
"$1/initdb" -D "$home/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$home/log" 2>&1 || { cat "$home/log" >&2; exit 1; }
"$1/postgres" -D "$home/data" -k "$home" -c listen_addresses=127.0.0.1 -c port="$2" -c fsync=off -c max_connections=400 \
    -c autovacuum=on -c max_wal_size=256MB -c shared_buffers=64MB </dev/null >>"$home/log" 2>&1 &
server=$!
tries=0
until "$1/pg_isready" -q -h "$home" -p "$2"; do
    tries=$((tries + 1))
    if [ $tries -gt 300 ] || ! kill -0 $server 2>/dev/null; then cat "$home/log" >&2; kill $server; rm -rf "$home"; exit 1; fi
    sleep 0.1
done
echo "$home"
read -r _
kill -QUIT $server
wait $server
rm -rf "$home"
"#;

/// A running server.
pub(crate) struct Cluster {
    home: PathBuf,
    port: u16,
    /// Closed with the process: the server goes then.
    _keeper: (Child, ChildStdin),
    template: OnceCell<()>,
}

impl Cluster {
    /// The one of this process.
    pub(crate) fn get() -> &'static Self {
        static CLUSTER: std::sync::LazyLock<Cluster> = std::sync::LazyLock::new(Cluster::start);
        &CLUSTER
    }

    /// One more, for tests that stop and start it or need other settings.
    pub(crate) fn start() -> Self {
        let programs = programs().expect(INSTALL);
        let port = free_port();
        let mut keeper = as_somebody_else("sh")
            .args(["-c", KEEP, "sh"])
            .arg(&programs)
            .arg(port.to_string())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = keeper.stdin.take().unwrap();
        let mut home = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut home).unwrap();
        assert!(!home.trim().is_empty(), "the PostgreSQL server of the tests did not start; its log is above");
        Self { home: home.trim().into(), port, _keeper: (keeper, stdin), template: OnceCell::new() }
    }

    /// The address of one of its databases.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}?max-connections=4", self.port)
    }

    /// An empty database with the tables of this version.
    pub(crate) async fn database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        self.template
            .get_or_init(async || {
                self.run("CREATE DATABASE template_of_tests").await;
                PostgresStore::open(&self.url("template_of_tests")).await.unwrap().close().await;
            })
            .await;
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.run(&format!("CREATE DATABASE {name} TEMPLATE template_of_tests STRATEGY file_copy")).await;
        name
    }

    /// An empty database without any tables.
    pub(crate) async fn bare_database(&self, name: &str) -> String {
        self.run(&format!("CREATE DATABASE {name}")).await;
        self.url(name)
    }

    /// Runs statements as the server's owner, in its own database.
    pub(crate) async fn run(&self, statements: &str) {
        let mut connection = self.connect("postgres").await;
        sqlx::raw_sql(sqlx::AssertSqlSafe(statements.to_owned())).execute(&mut connection).await.unwrap();
        sqlx::Connection::close(connection).await.unwrap();
    }

    /// A connection to one of its databases, past the store.
    pub(crate) async fn connect(&self, database: &str) -> sqlx::PgConnection {
        let url = format!("postgres://postgres@127.0.0.1:{}/{database}", self.port);
        <sqlx::PgConnection as sqlx::Connection>::connect(&url).await.unwrap()
    }

    /// Where its data and its log are.
    pub(crate) fn home(&self) -> &std::path::Path {
        &self.home
    }
}

/// The newest server's programs.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok();
    let mut found: Vec<(u32, PathBuf)> = versions
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let version = entry.ok()?.path();
            Some((version.file_name()?.to_str()?.parse().ok()?, version.join("bin")))
        })
        .collect();
    found.sort();
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let here = |folder: &PathBuf| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    found.pop().map(|(_, programs)| programs).filter(here).or_else(|| std::env::split_paths(&paths).find(here))
}

/// The server refuses to run as root.
fn as_somebody_else(program: &str) -> Command {
    let root = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0;
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--", program]);
    command
}

/// Free a moment ago: another process may be faster, which shows as a server that does not start.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
