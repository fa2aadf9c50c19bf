//! `cargo xtask ci`: exactly what CI runs, in the same order. One failing step ends the run and names itself.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

/// One step: what a person calls it, and the command.
struct Step {
    name: &'static str,
    command: Command,
}

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("ci") => ci(),
        _ => {
            eprintln!("usage: cargo xtask ci    format, lints, tests, doc tests, documentation, licences, the demo");
            ExitCode::from(2)
        }
    }
}

fn ci() -> ExitCode {
    let root = root();
    if !root.join("../shared/monite-openapi-accounts.json").exists() {
        println!(
            "note: ../shared is not beside this checkout; tests that compare with Monite's OpenAPI document say so and pass without it"
        );
    }
    let started = Instant::now();
    for step in steps(&root) {
        if let Err(reason) = run(step) {
            eprintln!("\nci failed: {reason}");
            return ExitCode::FAILURE;
        }
    }
    println!("\nci passed in {} s", started.elapsed().as_secs());
    ExitCode::SUCCESS
}

fn steps(root: &Path) -> Vec<Step> {
    let cargo = |name: &'static str, args: &[&str]| {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(args).current_dir(root);
        Step { name, command }
    };
    let mut steps = vec![
        cargo("format", &["fmt", "--all", "--check"]),
        cargo("lints", &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]),
        cargo("tests and doc tests", &["test", "--workspace", "--locked"]),
        cargo("documentation", &["doc", "--workspace", "--no-deps", "--locked"]),
        cargo("the demo, as a new user runs it", &["run", "--release", "--locked", "--", "demo", "--exit"]),
    ];
    steps[3].command.env("RUSTDOCFLAGS", "-D warnings");
    if is_installed("cargo-deny") {
        steps.push(cargo("bans, licences, sources", &["deny", "check", "bans", "licenses", "sources"]));
    } else {
        println!("note: cargo-deny is not installed; bans, licences and sources are not checked in this run");
    }
    steps
}

fn run(Step { name, mut command }: Step) -> Result<(), String> {
    println!("\n== {name}: {command:?}");
    let started = Instant::now();
    let status = command.status().map_err(|error| format!("{name}: cannot start it: {error}"))?;
    if !status.success() {
        return Err(format!("{name}: {status}"));
    }
    println!("== {name}: ok, {} s", started.elapsed().as_secs());
    Ok(())
}

fn is_installed(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(Path::to_path_buf).unwrap_or(here)
}
