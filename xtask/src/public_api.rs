//! `cargo xtask public-api`: the client's public items against the listing that is checked in, so that a change of what
//! others compile against is seen in review, and a line that goes away is known to break them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::find;

/// What makes the listing; it reads rustdoc's JSON, which only nightly writes.
const TOOL: &str = "cargo-public-api";

/// Without blanket, auto-trait and derived implementations, which hide the rest.
const ARGS: [&str; 4] = ["public-api", "-sss", "--package", "monite"];

/// Most lines shown of each kind.
const SHOWN: usize = 40;

/// Compares the listing with the code.
///
/// # Errors
///
/// The lines that differ, and what to do.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    if let Some(missing) = missing() {
        println!("note: {missing}; the client's public items are not compared in this run");
        return Ok(());
    }
    let file = file(root);
    let listed = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let found = listing(root)?;
    if listed == found {
        println!("\n== public items of monite: as listed");
        return Ok(());
    }
    let (before, after) = (lines(&listed), lines(&found));
    let gone = told('-', before.difference(&after));
    let come = told('+', after.difference(&before));
    Err(format!(
        "the public items of monite are not those listed in {}; lines with - break whoever uses them:\n{gone}{come}\
         if that is meant, run `cargo xtask public-api --update` and commit the listing",
        file.display()
    ))
}

/// Writes the listing afresh.
///
/// # Errors
///
/// When the tool is missing or fails.
pub(crate) fn update(root: &Path) -> Result<(), String> {
    match missing() {
        Some(missing) => Err(missing),
        None => std::fs::write(file(root), listing(root)?).map_err(|error| error.to_string()),
    }
}

fn file(root: &Path) -> PathBuf {
    root.join("crates/monite/public-api.txt")
}

/// What has to be installed first.
fn missing() -> Option<String> {
    if find(TOOL).is_none() {
        return Some(format!("{TOOL} is not installed (cargo install {TOOL})"));
    }
    let nightly = Command::new("cargo").args(["+nightly", "--version"]).output();
    let there = nightly.is_ok_and(|output| output.status.success());
    (!there).then(|| format!("{TOOL} needs a nightly toolchain (rustup toolchain install nightly --profile minimal)"))
}

fn listing(root: &Path) -> Result<String, String> {
    println!("\n== public items of monite: cargo +nightly {}", ARGS.join(" "));
    // Not the cargo that runs this: under `cargo xtask` the toolchain is chosen already, and rustup would not choose again.
    let mut command = Command::new("cargo");
    command.arg("+nightly").args(ARGS).current_dir(root).env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN");
    let output = command.output().map_err(|error| format!("{TOOL}: cannot start it: {error}"))?;
    if !output.status.success() {
        return Err(format!("{TOOL}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("{TOOL}: {error}"))
}

fn lines(text: &str) -> BTreeSet<&str> {
    text.lines().collect()
}

fn told<'a>(sign: char, lines: impl Iterator<Item = &'a &'a str>) -> String {
    let mut all: Vec<String> = lines.map(|line| format!("  {sign} {line}\n")).collect();
    if all.len() > SHOWN {
        let more = all.len() - SHOWN;
        all.truncate(SHOWN);
        all.push(format!("  {sign} and {more} more\n"));
    }
    all.concat()
}
