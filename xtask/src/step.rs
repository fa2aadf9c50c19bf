//! A step: a name that a person would use, and a command that succeeds or ends the run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// One step of a run.
pub(crate) struct Step {
    name: &'static str,
    command: Command,
}

impl Step {
    /// A program with its arguments, run in `folder`.
    pub(crate) fn new<A: AsRef<OsStr>>(
        name: &'static str, program: impl AsRef<OsStr>, args: impl IntoIterator<Item = A>, folder: &Path,
    ) -> Self {
        let mut command = Command::new(program);
        command.args(args).current_dir(folder);
        Self { name, command }
    }

    /// Cargo, the one that runs this.
    pub(crate) fn cargo(name: &'static str, args: &[&str], root: &Path) -> Self {
        Self::new(name, std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), args, root)
    }

    pub(crate) fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Runs it with its output shown.
    ///
    /// # Errors
    ///
    /// The name of the step and how it ended.
    pub(crate) fn run(self) -> Result<(), String> {
        let Self { name, mut command } = self;
        println!("\n== {name}: {command:?}");
        let started = Instant::now();
        let status = command.status().map_err(|error| format!("{name}: cannot start it: {error}"))?;
        if !status.success() {
            return Err(format!("{name}: {status}"));
        }
        println!("== {name}: ok, {} s", started.elapsed().as_secs());
        Ok(())
    }
}

/// Where a program is, if it is installed.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).map(|folder| folder.join(program)).find(|path| path.is_file())
}
