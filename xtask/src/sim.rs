//! `cargo xtask sim`: seeds of the simulation, in release mode because there are many of them.

use std::path::Path;

use crate::step::Step;

/// Seeds that CI runs: within a minute or two.
const SEEDS_OF_CI: &str = "300";

/// Of these, so many also on PostgreSQL, where each step is a way to a server and back.
const ON_POSTGRES: &str = "8";

/// Runs what the arguments ask for.
///
/// # Errors
///
/// When a seed fails; it has been told then, with its history.
pub(crate) fn run(args: &[&str], root: &Path) -> Result<(), String> {
    let program = ["run", "--release", "--locked", "--package", "simulation", "--"];
    Step::cargo("the simulation", &[&program, args].concat(), root).run()
}

/// Seeds beyond those that once showed a defect: a twin that began between two reads of another's look, which took its entity or left one
/// that is nobody's (two of them); an entity that lists leave out once somebody switched it off, which stayed off; twins that reached for
/// the same entity, or left one that is nobody's, because each counted in a list or in an order of its own (four); a token from memory
/// right after the answer that its user is not there; a call that came a turn late, and was counted with those after it;
/// and a change of a user on its way when its customer was deleted and the process died, which nobody remembered.
const FOUND: [&str; 10] = ["1321", "2697", "2481", "5199", "7379", "8815", "8338", "8658", "11281", "1282"];

/// What CI runs.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn of_ci(root: &Path) -> Result<(), String> {
    run(&["--seeds", SEEDS_OF_CI], root)?;
    for seed in FOUND {
        run(&["--seeds", "1", "--start", seed], root)?;
    }
    run(&["--seeds", ON_POSTGRES, "--database", "postgres"], root)
}
