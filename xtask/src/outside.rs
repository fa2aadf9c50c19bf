//! Clients that others wrote, against the sandbox: `tests/outside`.
//!
//! What they need beside Rust is installed under `target/outside`, from the lists of pinned versions beside their
//! sources, and kept there until a list changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::{Step, find};

/// Walks Monite's official Python client through the sandbox.
pub(crate) fn python(root: &Path) -> Result<(), String> {
    install_missing(root)?;
    let python = find("python3").filter(|python| has_venv(python)).ok_or(
        "the Python client needs python3 with its venv module: install them (on Debian `apt-get install python3-venv`)",
    )?;
    let sandbox = sandbox(root)?;
    let source = root.join("tests/outside/python");
    let home = root.join("target/outside/python");
    let inside = home.join("venv/bin/python");
    let pins = Pins { wanted: source.join("requirements.txt"), installed: home.join("installed.txt") };
    if !pins.are_installed() || !inside.is_file() {
        fs::create_dir_all(&home).map_err(|error| format!("cannot make {}: {error}", home.display()))?;
        Step::new("the Python client: its virtual environment", &python, ["-m", "venv", "--clear", "venv"], &home)
            .run()?;
        let args = ["-m", "pip", "install", "--quiet", "--require-hashes", "-r"].map(PathBuf::from);
        let args = args.into_iter().chain([pins.wanted.clone()]);
        Step::new("the Python client: the pinned packages", &inside, args, &home).run()?;
        pins.write_down()?;
    }
    // Without bytecode, the source folder stays as it is.
    Step::new("the Python client's walk", &inside, [Path::new("-Bu"), Path::new("walk.py"), &sandbox], &source).run()
}

/// A list of pinned versions, and a copy of it as it was when they were installed.
struct Pins {
    wanted: PathBuf,
    installed: PathBuf,
}

impl Pins {
    fn are_installed(&self) -> bool {
        match (fs::read(&self.wanted), fs::read(&self.installed)) {
            (Ok(wanted), Ok(installed)) => wanted == installed,
            _ => false,
        }
    }

    fn write_down(&self) -> Result<(), String> {
        let written = fs::copy(&self.wanted, &self.installed);
        written.map(drop).map_err(|error| format!("cannot write {}: {error}", self.installed.display()))
    }
}

/// The sandbox's own binary, as `cargo test` builds it.
fn sandbox(root: &Path) -> Result<PathBuf, String> {
    Step::cargo("the sandbox for outside clients", &["build", "--locked", "--package", "monite-sandbox"], root)
        .run()?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("debug/monite-sandbox"))
}

/// Debian's packages for what is not there. Only in CI and as root: on a person's machine it is theirs to install.
fn install_missing(root: &Path) -> Result<(), String> {
    let needed = [(find("python3").is_some_and(|python| has_venv(&python)), "python3-venv")];
    let packages: Vec<&str> = needed.iter().filter(|(is_there, _)| !is_there).map(|(_, package)| *package).collect();
    if packages.is_empty() || std::env::var_os("CI").is_none() || find("apt-get").is_none() {
        return Ok(());
    }
    Step::new("what the outside clients need: the list of packages", "apt-get", ["update", "--quiet"], root).run()?;
    let args = ["install", "--quiet", "--yes", "--no-install-recommends"].into_iter().chain(packages);
    Step::new("what the outside clients need", "apt-get", args, root).env("DEBIAN_FRONTEND", "noninteractive").run()
}

fn has_venv(python: &Path) -> bool {
    Command::new(python).args(["-c", "import venv, ensurepip"]).status().is_ok_and(|status| status.success())
}
