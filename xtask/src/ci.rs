//! `cargo xtask ci`: exactly what CI runs, in the same order. One failing step ends the run and names itself.

use std::path::Path;
use std::time::Instant;

use crate::crash;
use crate::outside::{self, Binaries};
use crate::postgres;
use crate::public_api;
use crate::sim;
use crate::step::{Step, find};

pub(crate) fn run(root: &Path) -> Result<(), String> {
    if !root.join("../shared/monite-openapi-accounts.json").exists() {
        println!(
            "note: ../shared is not beside this checkout; tests that compare with Monite's OpenAPI document say so and pass without it"
        );
    }
    let started = Instant::now();
    postgres::install_missing(root)?;
    for step in steps(root) {
        step.run()?;
    }
    sim::of_ci(root)?;
    crash::run(root, &["--rounds", "4"])?;
    crash::run(root, &["--rounds", "2", "--database", "postgres"])?;
    public_api::check(root)?;
    outside::python(root, Binaries::OfTheTests)?;
    outside::api(root, Binaries::OfTheTests)?;
    match outside::missing_for_react() {
        // CI installs what it needs, so there it is an error.
        Some(missing) if !outside::is_ci() => println!("\nnote: {missing}; this run does without"),
        _ => outside::react(root, Binaries::OfTheTests)?,
    }
    println!("\nci passed in {} s", started.elapsed().as_secs());
    Ok(())
}

fn steps(root: &Path) -> Vec<Step> {
    let cargo = |name, args: &[&str]| Step::cargo(name, args, root);
    let mut steps = vec![
        cargo("format", &["fmt", "--all", "--check"]),
        cargo("lints", &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]),
        cargo("tests and doc tests", &["test", "--workspace", "--locked"]),
    ];
    match postgres::behind_pgbouncer(root) {
        Some(step) => steps.push(step),
        None => println!("note: PgBouncer is not installed; the store is not tested behind it in this run"),
    }
    steps.extend([
        cargo("documentation", &["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-D warnings"),
        cargo("the demo, as a new user runs it", &["run", "--release", "--locked", "--", "demo", "--exit"]),
    ]);
    if find("cargo-deny").is_some() {
        steps.push(cargo("bans, licences, sources", &["deny", "check", "bans", "licenses", "sources"]));
    } else {
        println!("note: cargo-deny is not installed; bans, licences and sources are not checked in this run");
    }
    steps
}
