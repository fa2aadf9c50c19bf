//! Clients that others wrote, against the sandbox: `tests/outside/python` and `tests/outside/react`; and requests that others make up,
//! against the bridge: `tests/outside/api`.
//!
//! What they need beside Rust is installed under `target/outside`, from the lists of pinned versions beside their
//! sources, and kept there until a list changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::{Step, find};

/// Where the programs come from that the clients talk to.
#[derive(Clone, Copy)]
pub(crate) enum Binaries {
    /// They alone are built.
    Alone,
    /// The tests built them a moment ago. To build them alone would mean other features of what they depend on, and so
    /// nearly everything once more.
    OfTheTests,
}

impl Binaries {
    /// The folder with the programs, up to date.
    fn build(self, root: &Path, packages: &[&str]) -> Result<PathBuf, String> {
        let args = match self {
            Self::Alone => packages
                .iter()
                .fold(vec!["build", "--locked"], |args, package| [args, vec!["--package", package]].concat()),
            Self::OfTheTests => vec!["test", "--workspace", "--locked", "--no-run"],
        };
        Step::cargo("the programs that outside clients talk to", &args, root).run()?;
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        Ok(target.join("debug"))
    }
}

/// Walks Monite's official Python client through the sandbox.
pub(crate) fn python(root: &Path, binaries: Binaries) -> Result<(), String> {
    install_missing(root)?;
    let python = python_with_venv("the Python client")?;
    let sandbox = binaries.build(root, &["monite-sandbox"])?.join("monite-sandbox");
    let source = root.join("tests/outside/python");
    let inside = environment(root, "python", &python)?;
    // Without bytecode, the source folder stays as it is; unbuffered, each line shows when it is true.
    Step::new("the Python client's walk", &inside, [Path::new("-Bu"), Path::new("walk.py"), &sandbox], &source).run()
}

/// Holds the bridge's answers to what Schemathesis makes up against the bridge's own OpenAPI document.
pub(crate) fn api(root: &Path, binaries: Binaries) -> Result<(), String> {
    install_missing(root)?;
    let python = python_with_venv("Schemathesis")?;
    let bridge = binaries.build(root, &["monite-bridge"])?.join("monite-bridge");
    let source = root.join("tests/outside/api");
    let inside = environment(root, "api", &python)?;
    Step::new("Schemathesis, over the bridge's API", &inside, [Path::new("-Bu"), Path::new("run.py"), &bridge], &source)
        .run()
}

/// The Python in which what `tests/outside/NAME/requirements.txt` lists is installed, and nothing else.
fn environment(root: &Path, name: &str, python: &Path) -> Result<PathBuf, String> {
    let home = root.join("target/outside").join(name);
    let inside = home.join("venv/bin/python");
    let wanted = root.join("tests/outside").join(name).join("requirements.txt");
    let pins = Pins { wanted, installed: home.join("installed.txt") };
    if !pins.are_installed() {
        make_folder(&home)?;
        Step::new("a virtual environment for it", python, ["-m", "venv", "--clear", "venv"], &home).run()?;
        let args = ["-m", "pip", "install", "--quiet", "--require-hashes", "-r"].map(PathBuf::from);
        let args = args.into_iter().chain([pins.wanted.clone()]);
        Step::new("the pinned packages in it", &inside, args, &home).env("PIP_DISABLE_PIP_VERSION_CHECK", "1").run()?;
        pins.write_down()?;
    }
    Ok(inside)
}

fn python_with_venv(what: &str) -> Result<PathBuf, String> {
    find("python3").filter(|python| has_venv(python)).ok_or_else(|| {
        format!("{what} needs python3 with its venv module: install them (on Debian `apt-get install python3-venv`)")
    })
}

/// Drives Monite's React SDK in a browser that talks to the sandbox, and to the bridge for a token.
pub(crate) fn react(root: &Path, binaries: Binaries) -> Result<(), String> {
    install_missing(root)?;
    if let Some(missing) = missing_for_react() {
        return Err(missing);
    }
    let chromium = chromium().ok_or("no Chromium any more")?;
    let built = binaries.build(root, &["monite-sandbox", "monite-bridge"])?;
    // Copied, since node looks for packages beside the sources and these are to stay as they are.
    let home = root.join("target/outside/react");
    copy_folder(&root.join("tests/outside/react"), &home)?;
    let pins = Pins { wanted: home.join("package-lock.json"), installed: home.join("installed.json") };
    if !pins.are_installed() {
        let args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
        Step::new("the React SDK: the pinned packages", "npm", args, &home).run()?;
        pins.write_down()?;
    }
    Step::new("the React SDK: the page", "npm", ["run", "--silent", "build"], &home).run()?;
    let args = ["drive.mjs".into(), built.join("monite-sandbox"), built.join("monite-bridge"), chromium];
    Step::new("the React SDK in a browser", "node", args, &home).run()
}

/// What the React SDK would need and is not here, in one sentence.
pub(crate) fn missing_for_react() -> Option<String> {
    let missing: Vec<&str> =
        [("node", find("node").is_some()), ("npm", find("npm").is_some()), ("a Chromium", chromium().is_some())]
            .iter()
            .filter_map(|(what, is_there)| (!is_there).then_some(*what))
            .collect();
    (!missing.is_empty()).then(|| {
        format!(
            "Monite's React SDK runs in a browser and {} is missing: install it (on Debian `apt-get install nodejs npm chromium`)",
            missing.join(" and ")
        )
    })
}

pub(crate) fn is_ci() -> bool {
    std::env::var_os("CI").is_some()
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

fn chromium() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(find)
}

/// Debian's packages for what is not there. Only in CI and as root: on a person's machine it is theirs to install.
fn install_missing(root: &Path) -> Result<(), String> {
    let needed = [
        (find("python3").is_some_and(|python| has_venv(&python)), "python3-venv"),
        (find("node").is_some(), "nodejs"),
        (find("npm").is_some(), "npm"),
        (chromium().is_some(), "chromium"),
    ];
    let packages: Vec<&str> = needed.iter().filter(|(is_there, _)| !is_there).map(|(_, package)| *package).collect();
    if packages.is_empty() || !is_ci() || find("apt-get").is_none() {
        return Ok(());
    }
    Step::new("what the outside clients need: the list of packages", "apt-get", ["update", "--quiet"], root).run()?;
    let args = ["install", "--quiet", "--yes", "--no-install-recommends"].into_iter().chain(packages);
    Step::new("what the outside clients need", "apt-get", args, root).env("DEBIAN_FRONTEND", "noninteractive").run()
}

fn has_venv(python: &Path) -> bool {
    Command::new(python).args(["-c", "import venv, ensurepip"]).status().is_ok_and(|status| status.success())
}

fn make_folder(path: &Path) -> Result<(), String> {
    fs::create_dir_all(path).map_err(|error| format!("cannot make {}: {error}", path.display()))
}

/// Copies the files that are in the project, not what somebody built beside them.
fn copy_folder(from: &Path, to: &Path) -> Result<(), String> {
    make_folder(to)?;
    let entries = fs::read_dir(from).map_err(|error| format!("cannot list {}: {error}", from.display()))?;
    for entry in entries {
        let path = entry.map_err(|error| format!("cannot list {}: {error}", from.display()))?.path();
        let Some(name) = path.file_name() else { continue };
        if ["node_modules", "dist", "pictures"].iter().any(|built| name == *built) {
            continue;
        }
        if path.is_dir() {
            copy_folder(&path, &to.join(name))?;
        } else {
            fs::copy(&path, to.join(name)).map_err(|error| format!("cannot copy {}: {error}", path.display()))?;
        }
    }
    Ok(())
}
