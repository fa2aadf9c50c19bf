//! A program of ours at work: started, listened to until it says where it answers, stopped in rude ways.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// Longer than a start takes on a busy machine.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// What a program is started with.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) binary: PathBuf,
    pub(crate) args: Vec<String>,
    /// All it gets: nothing comes from the environment of this process.
    pub(crate) env: Vec<(String, String)>,
    /// Where it runs.
    pub(crate) folder: PathBuf,
    /// Where its output goes, in `folder`; a second start goes on in the same file.
    pub(crate) log: String,
}

/// The running program. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    name: String,
    /// Where it answers: `127.0.0.1:8710`.
    pub(crate) host: String,
}

impl Program {
    /// Starts it and waits for its line `listening on http://HOST...`.
    pub(crate) fn start(&self) -> Result<Process, String> {
        let log_path = self.folder.join(&self.log);
        let failed = |what: &str, error: &std::io::Error| format!("{}: {what}: {error}", self.log);
        let mut log = open_log(&log_path).map_err(|error| failed("cannot write its log", &error))?;
        let stderr = log.try_clone().map_err(|error| failed("cannot write its log", &error))?;
        let _ = writeln!(log, "--- started ---");
        let mut child = Command::new(&self.binary)
            .args(&self.args)
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .map_err(|error| failed("cannot be started", &error))?;
        let stdout = child.stdout.take();
        let mut process = Process { child, name: self.log.clone(), host: String::new() };
        process.host = wait_for_host(stdout, log).map_err(|reason| format!("{}: {reason}", self.log))?;
        Ok(process)
    }
}

fn open_log(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// Reads what it prints, to the end of its life so that it never waits for a reader.
fn wait_for_host(stdout: Option<ChildStdout>, mut log: File) -> Result<String, String> {
    let stdout = stdout.ok_or("its output cannot be read")?;
    let (send, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = writeln!(log, "{line}");
            // Nobody listens any more once the address is known.
            let _ = send.send(line);
        }
    });
    loop {
        match lines.recv_timeout(STARTS_WITHIN) {
            Ok(line) => {
                if let Some(url) = line.strip_prefix("listening on http://") {
                    return Ok(url.split('/').next().unwrap_or_default().to_owned());
                }
            }
            Err(RecvTimeoutError::Timeout) => return Err(format!("did not listen within {STARTS_WITHIN:?}")),
            Err(RecvTimeoutError::Disconnected) => return Err("ended before it listened".to_owned()),
        }
    }
}

impl Process {
    /// SIGKILL: no chance to tidy up.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    /// SIGSTOP: it stands still and knows nothing of it.
    pub(crate) fn freeze(&self) -> Result<(), String> {
        self.signal("-STOP")
    }

    /// SIGCONT: it goes on where it stood.
    pub(crate) fn thaw(&self) -> Result<(), String> {
        self.signal("-CONT")
    }

    /// An error if it ended although nobody told it to.
    pub(crate) fn must_live(&mut self) -> Result<(), String> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(format!("{} ended by itself: {status}", self.name)),
            Err(error) => Err(format!("{}: cannot tell whether it lives: {error}", self.name)),
        }
    }

    fn signal(&self, signal: &str) -> Result<(), String> {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        match sent {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("kill {signal} of {}: {status}", self.name)),
            Err(error) => Err(format!("kill {signal} of {}: {error}", self.name)),
        }
    }

    fn end(&mut self) {
        // It may have ended before; either way it is gone after the wait.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
