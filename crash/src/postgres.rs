//! A PostgreSQL server of a round's own, run as the bridge's tests run theirs, that crashes when it is told to.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The shell that keeps the server: it goes with this process, however that one ends.
const KEEP: &str = include_str!("../../crates/monite-bridge/tests/it/support/cluster.sh");

/// A running server.
#[derive(Debug)]
pub(crate) struct Postgres {
    shell: Child,
    /// Closed to end it.
    words: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    port: u16,
    /// Its data and its log.
    pub(crate) home: PathBuf,
}

impl Postgres {
    /// A new cluster.
    pub(crate) fn start() -> Result<Self, String> {
        let programs = programs().ok_or("PostgreSQL is not installed: apt-get install postgresql")?;
        let failed = |error: std::io::Error| format!("PostgreSQL cannot be started: {error}");
        // Free a moment ago; another process may be faster, which shows as a server that does not start.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_err(failed)?.port();
        let mut shell = as_somebody_else("sh")
            .args(["-c", KEEP, "sh"])
            .arg(&programs)
            .arg(port.to_string())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let words = shell.stdin.take();
        let answers = shell.stdout.take().ok_or("PostgreSQL's keeper cannot be read")?;
        let mut server = Self { shell, words, answers: BufReader::new(answers), port, home: PathBuf::new() };
        server.wait_until_up()?;
        Ok(server)
    }

    /// It dies without a word, as `pg_ctl stop -m immediate` does it, and starts again.
    pub(crate) fn crash(&mut self) -> Result<(), String> {
        let told = self.words.as_mut().map(|words| words.write_all(b"crash\n"));
        told.unwrap_or(Ok(())).map_err(|error| format!("PostgreSQL's keeper is gone: {error}"))?;
        self.wait_until_up()
    }

    /// What the bridge is configured with.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres?max-connections=4", self.port)
    }

    fn wait_until_up(&mut self) -> Result<(), String> {
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(|error| format!("PostgreSQL's keeper cannot be read: {error}"))?;
        let home = line.strip_prefix("up ").ok_or("PostgreSQL did not start; its log is above")?;
        self.home = Path::new(home.trim_end()).to_owned();
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.words.take();
        // It ends by itself now; nothing can be done if it does not.
        let _ = self.shell.wait();
    }
}

/// The newest server's programs: Debian keeps them out of the path, one folder for each version.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.filter_map(|version| {
        let version = version.path();
        Some((version.file_name()?.to_str()?.parse::<u32>().ok()?, version.join("bin")))
    });
    let newest = newest.max().map(|(_, programs)| programs);
    let paths = std::env::var_os("PATH").unwrap_or_default();
    newest.into_iter().chain(std::env::split_paths(&paths)).find(|folder| folder.join("initdb").is_file())
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
