//! A PostgreSQL server of the tests' own: made when first needed, gone with the process that made it, however that one ends.
//!
//! The unit tests of the store use it as well, from a process of their own.

// Two test binaries include this file, and neither needs all of it.
#![allow(dead_code)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, OnceLock};

use tokio::sync::OnceCell;

use super::{PostgresStore, Store as _};

/// What to do where the server's programs are missing.
const INSTALL: &str = "PostgreSQL is not installed, and these tests need its programs: apt-get install postgresql";

/// The shell that keeps the server. The crash test of the release binary uses it as well.
const KEEP: &str = include_str!("cluster.sh");

/// Lines of the server's log that are shown with a connection that it refused.
const LOG_LINES: usize = 30;

/// A running server.
pub(crate) struct Cluster {
    programs: PathBuf,
    port: u16,
    keeper: Mutex<Keeper>,
    /// Where its files are, the log among them.
    home: OnceLock<PathBuf>,
    /// The port of the PgBouncer before it, once somebody asked for one.
    pooler: OnceLock<u16>,
    template: OnceCell<()>,
}

/// The shell that runs the server. When its input closes, with this process at the latest, the server goes.
struct Keeper {
    shell: Child,
    words: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.words.take();
        self.shell.wait().ok();
    }
}

impl Cluster {
    /// The one of this process.
    pub(crate) fn get() -> &'static Self {
        static CLUSTER: LazyLock<Cluster> = LazyLock::new(Cluster::start);
        &CLUSTER
    }

    /// One more, for tests that make it crash.
    pub(crate) fn start() -> Self {
        let programs = programs().expect(INSTALL);
        let port = free_port();
        let mut shell = as_somebody_else("sh")
            .args(["-c", KEEP, "sh"])
            .arg(&programs)
            .arg(port.to_string())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (words, answers) = (shell.stdin.take(), BufReader::new(shell.stdout.take().unwrap()));
        let keeper = Mutex::new(Keeper { shell, words, answers });
        let cluster =
            Self { programs, port, keeper, home: OnceLock::new(), pooler: OnceLock::new(), template: OnceCell::new() };
        cluster.wait_until_up();
        cluster
    }

    /// The server dies without a word and starts again.
    pub(crate) fn crash(&self) {
        self.keeper.lock().unwrap().words.as_mut().unwrap().write_all(b"crash\n").unwrap();
        self.wait_until_up();
    }

    fn wait_until_up(&self) {
        let mut word = String::new();
        self.keeper.lock().unwrap().answers.read_line(&mut word).unwrap();
        let home =
            word.strip_prefix("up ").expect("the PostgreSQL server of the tests did not start; its log is above");
        self.home.get_or_init(|| PathBuf::from(home.trim_end()));
    }

    /// The address of one of its databases.
    pub(crate) fn url(&self, database: &str) -> String {
        self.url_through(self.port, database)
    }

    /// The same by way of something that listens on another port.
    pub(crate) fn url_through(&self, port: u16, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{port}/{database}?max-connections=4")
    }

    /// The same by way of a PgBouncer that pools transactions. Nothing but one database is asked for there: what it keeps open to another would hold
    /// that one's removal up.
    pub(crate) fn url_behind_pgbouncer(&self, database: &str) -> String {
        let port = self.pooler.get_or_init(|| {
            let port = free_port();
            let mut keeper = self.keeper.lock().unwrap();
            keeper.words.as_mut().unwrap().write_all(format!("pool {port}\n").as_bytes()).unwrap();
            let mut word = String::new();
            keeper.answers.read_line(&mut word).unwrap();
            assert_eq!(
                word, "pools\n",
                "PgBouncer did not start; its log is above. Is it installed? apt-get install pgbouncer"
            );
            port
        });
        self.url_through(*port, database)
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// An empty database with the tables of this version.
    pub(crate) async fn database(&self) -> String {
        self.template
            .get_or_init(async || {
                let url = self.bare_database("template_of_tests").await;
                PostgresStore::open(&url).await.unwrap().close().await;
            })
            .await;
        let name = new_name();
        self.run(&format!("CREATE DATABASE {name} TEMPLATE template_of_tests")).await;
        name
    }

    /// An empty database without any tables; its address.
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
        match <sqlx::PgConnection as sqlx::Connection>::connect(&url).await {
            Ok(connection) => connection,
            Err(error) => panic!("no connection to the tests' PostgreSQL server: {error}\n{}", self.last_words()),
        }
    }

    /// Takes a database that [`Cluster::database`] made away again, whoever is connected. Hundreds of them fill a disk, and a server without
    /// room for its log is gone for all tests that follow.
    pub(crate) fn remove(&self, name: &str) {
        let dropdb = Command::new(self.programs.join("dropdb"))
            .args(["--force", "--if-exists", "-h", "127.0.0.1", "-U", "postgres", "-p"])
            .arg(self.port.to_string())
            .arg(name)
            .output();
        let gone = dropdb.as_ref().is_ok_and(|output| output.status.success());
        // A test that failed already says why by itself.
        assert!(gone || std::thread::panicking(), "the test's database {name} is still there: {dropdb:?}");
    }

    /// The end of the server's log.
    fn last_words(&self) -> String {
        let Some(home) = self.home.get() else { return "it never started".to_owned() };
        let log = home.join("log");
        match std::fs::read_to_string(&log) {
            Ok(text) => {
                let lines: Vec<&str> = text.lines().collect();
                format!("its log ends:\n{}", lines[lines.len().saturating_sub(LOG_LINES)..].join("\n"))
            }
            Err(error) => format!("its log at {} cannot be read: {error}", log.display()),
        }
    }
}

/// A database name that no other test has.
pub(crate) fn new_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed))
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
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
    if !is_root {
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
