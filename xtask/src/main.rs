//! `cargo xtask`: what CI runs and what people run by hand, the same for both.

mod ci;
mod crash;
mod outside;
mod postgres;
mod public_api;
mod sim;
mod step;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::outside::Binaries;

const USAGE: &str = "\
usage: cargo xtask ci                        format, lints, tests, documentation, licences, the demo, the outside clients
       cargo xtask sim [--seeds N] [--start S] [--history SEED] [--until-failed] [--database sqlite|postgres|URL]
                                             the whole system in one process, from seeds
       cargo xtask outside [python|api|react]  only what others wrote: clients against the sandbox, and the bridge's API
       cargo xtask crash [--rounds N] [--seed S] [--database sqlite|postgres]
                                             only the release binary, killed at random moments under faults
       cargo xtask public-api [--update]     the client's public items against the listing, or the listing afresh";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let root = root();
    let result = match args[..] {
        ["ci"] => ci::run(&root),
        ["sim", ref args @ ..] => sim::run(args, &root),
        ["outside"] => outside::python(&root, Binaries::Alone)
            .and_then(|()| outside::api(&root, Binaries::Alone))
            .and_then(|()| outside::react(&root, Binaries::Alone)),
        ["outside", "api"] => outside::api(&root, Binaries::Alone),
        ["outside", "python"] => outside::python(&root, Binaries::Alone),
        ["outside", "react"] => outside::react(&root, Binaries::Alone),
        ["crash", ref args @ ..] => crash::run(&root, args),
        ["public-api"] => public_api::check(&root),
        ["public-api", "--update"] => public_api::update(&root),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("\n{} failed: {reason}", args[0]);
            ExitCode::FAILURE
        }
    }
}

fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(Path::to_path_buf).unwrap_or(here)
}
