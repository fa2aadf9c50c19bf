//! The real binary in a folder of its own, with an environment of its own, against a pretend Monite.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use monite_sandbox::{RateLimit, Sandbox};
use serde_json::Value;
use tempfile::TempDir;

pub(super) const CLIENT_SECRET: &str = "s3cr3t-of-the-partner-4711";
pub(super) const CLIENT_ID: &str = "2f1c9e6e-3c55-4f6f-9d35-0e8e7c1d2b3a";
pub(super) const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
pub(super) const API_KEY: &str = "k3y-of-the-backend-0815";

/// Longer than anything here takes on a busy machine; reached only by a test that fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where a command runs.
pub(super) struct Place {
    folder: TempDir,
    env: Vec<(String, String)>,
}

/// How a command ended.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Place {
    /// An empty folder; no variables but those given.
    pub(super) fn empty(env: &[(&str, &str)]) -> Self {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { folder: TempDir::new().unwrap(), env }
    }

    /// Configured for this sandbox, with credentials and an API key; the bridge listens on a free port.
    pub(super) fn against(base_url: &str) -> Self {
        Self::empty(&[
            ("MONITE_BRIDGE__MONITE__BASE_URL", base_url),
            ("MONITE_BRIDGE__MONITE__RATE_LIMIT", "10000"),
            ("MONITE_BRIDGE__SERVER__LISTEN", "127.0.0.1:0"),
            ("MONITE_CLIENT_ID", CLIENT_ID),
            ("MONITE_CLIENT_SECRET", CLIENT_SECRET),
            ("MONITE_BRIDGE_API_KEY", API_KEY),
        ])
    }

    /// The same folder without one variable.
    pub(super) fn without(self, name: &str) -> Self {
        Self { env: self.env.into_iter().filter(|(one, _)| one != name).collect(), ..self }
    }

    /// The same folder with one variable more, or with another value of it.
    pub(super) fn with(self, name: &str, value: &str) -> Self {
        let mut place = self.without(name);
        place.env.push((name.to_owned(), value.to_owned()));
        place
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(super) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, "")
    }

    /// Runs a command to its end, with this on stdin.
    pub(super) fn run_with(&self, args: &[&str], stdin: &str) -> Ran {
        let mut child =
            self.command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that refuses its arguments does not read; its end of the pipe is gone then.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let (stdout, stderr) = (to_its_end(child.stdout.take().unwrap()), to_its_end(child.stderr.take().unwrap()));
        let read = |from: &Receiver<String>| from.recv_timeout(PATIENCE).ok();
        let (Some(stdout), Some(stderr)) = (read(&stdout), read(&stderr)) else {
            child.kill().unwrap();
            panic!("{args:?} did not end within {PATIENCE:?}");
        };
        let ran = Ran { code: child.wait().unwrap().code().unwrap_or(-1), stdout, stderr };
        ran.tells_no_secret();
        ran
    }

    /// Starts a command whose words nobody needs.
    pub(super) fn spawn(&self, args: &[&str]) -> Child {
        self.command(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Starts a service and waits for its `listening on` line.
    pub(super) fn start(&self, args: &[&str]) -> Running {
        let child =
            self.command(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Running::after(child, "listening on ")
    }

    /// Starts a service with `--json` and waits for its announcement.
    pub(super) fn start_json(&self, args: &[&str]) -> (Running, Value) {
        let args = [args, &["--json"]].concat();
        let child =
            self.command(&args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let running = Running::after(child, "{");
        let announcement = serde_json::from_str(&format!("{{{}", running.url)).unwrap();
        (running, announcement)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_monite-bridge"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command.env("TMPDIR", std::env::temp_dir());
        command
    }
}

impl Ran {
    #[track_caller]
    pub(super) fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, expected, "{self:#?}");
        self
    }

    #[track_caller]
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("stdout is not one JSON document: {error}\n{self:#?}"))
    }

    /// The `error` object on stderr.
    #[track_caller]
    pub(super) fn error(&self) -> Value {
        let document: Value = serde_json::from_str(&self.stderr)
            .unwrap_or_else(|error| panic!("stderr is not one JSON document: {error}\n{self:#?}"));
        document["error"].clone()
    }

    fn tells_no_secret(&self) {
        for secret in [CLIENT_SECRET, MASTER_KEY, API_KEY] {
            assert!(
                !self.stdout.contains(secret) && !self.stderr.contains(secret),
                "a secret in the output: {self:#?}"
            );
        }
    }
}

/// All that comes, once the other side has closed.
fn to_its_end(mut from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        from.read_to_string(&mut text).unwrap();
        // Nobody waits any more if this fails.
        let _ = send.send(text);
    });
    receive
}

/// A service at work; killed if a test forgets it.
pub(super) struct Running {
    child: Child,
    lines: Receiver<String>,
    /// What it said it listens on.
    pub(super) url: String,
}

impl Running {
    fn after(mut child: Child, start: &str) -> Self {
        let (send, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        let mut running = Self { child, lines, url: String::new() };
        running.url = running.wait_for(start);
        running
    }

    /// Its process id.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The rest of the first line that starts so.
    pub(super) fn wait_for(&mut self, start: &str) -> String {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    if let Some(rest) = line.strip_prefix(start) {
                        return rest.to_owned();
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("no line `{start}...` within {PATIENCE:?}"),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("it ended before it said `{start}...`: {}", self.errors())
                }
            }
        }
    }

    /// Sends SIGTERM and waits for the end: exit code and everything on stderr.
    pub(super) fn terminate(mut self) -> (i32, String) {
        let killed = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status().unwrap();
        assert!(killed.success());
        let errors = self.errors();
        (self.child.wait().unwrap().code().unwrap_or(-1), errors)
    }

    /// Ends it with SIGKILL: no chance to tidy up.
    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn errors(&mut self) -> String {
        let mut text = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut text).unwrap();
        }
        text
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A pretend Monite without a rate limit that knows the credentials of [`Place::against`].
pub(super) async fn sandbox() -> Sandbox {
    Sandbox::builder().credentials(CLIENT_ID, CLIENT_SECRET).rate_limit(RateLimit::Off).start().await.unwrap()
}

/// A file of the examples.
pub(super) fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// Two customers: one with two users, one without any.
pub(super) const TWO: &str = concat!(
    r#"{"id":"acme","type":"organization","email":"ap@acme.example.com","address":{"country":"DE","city":"Berlin","line1":"Musterweg 1","postal_code":"10115"},"organization":{"legal_name":"Acme GmbH"},"users":[{"id":"ana","login":"ana@acme.example.com","first_name":"Ana","role":"admin"},{"id":"ben","login":"ben@acme.example.com","first_name":"Ben","role":"viewer"}]}"#,
    "\n",
    r#"{"id":"solo","type":"individual","email":"solo@example.com","address":{"country":"FR","city":"Lyon","line1":"1 rue Mercière","postal_code":"69002"},"individual":{"first_name":"Solène","last_name":"Roux"}}"#,
    "\n",
);

/// Makes ids, times and counts of time the same in each run.
pub(super) fn filters() -> Vec<(&'static str, &'static str)> {
    vec![
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "[ID]"),
        (r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z", "[TIME]"),
        (r"(confirmed generation \d+) (\d+ s ago|now)", "$1 [AGO]"),
        (r"\((\d+ s ago|now|in \d+ s)\)", "([FROM NOW])"),
    ]
}
