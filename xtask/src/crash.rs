//! The release binary, killed at random moments: the crate `crash` does it, this builds both.

use std::path::{Path, PathBuf};

use crate::step::Step;

/// Runs rounds; `args` are those of `cargo xtask crash`.
pub(crate) fn run(root: &Path, args: &[&str]) -> Result<(), String> {
    let build = ["build", "--release", "--locked", "--package", "monite-bridge", "--package", "crash"];
    Step::cargo("the release binary, and what kills it", &build, root).run()?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let built = target.join("release");
    let places = ["--binary".into(), built.join("monite-bridge"), "--folder".into(), target.join("crash")];
    let args = args.iter().map(PathBuf::from).chain(places);
    Step::new("deaths at random moments", built.join("crash"), args, root).run()
}
