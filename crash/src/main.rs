//! `cargo xtask crash`: the release binary, killed at random moments under faults, again and again. After each round everything
//! that was accepted must be at Monite, once.
//!
//! A round is drawn from its seed: who writes what, what goes wrong at Monite, who dies when. The processes are real and so is
//! the time, so the same seed tells the same story but not to the microsecond. Rounds mostly wait for leases to run out and for
//! lists to catch up; many of them do so side by side.

// What it prints is for the person who runs it.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod arguments;
mod bridge;
mod chance;
mod check;
mod documents;
mod ending;
mod fleet;
mod http;
mod ledger;
mod monite;
mod postgres;
mod process;
mod product;
mod round;
mod secrets;
mod story;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::arguments::{Arguments, USAGE};
use crate::round::{Failure, Report};

/// What the bridge keeps its memory in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Database {
    /// One process on a file.
    Sqlite,
    /// Two processes on a server.
    Postgres,
}

impl Database {
    fn word(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }

    fn from_word(word: &str) -> Result<Self, String> {
        match word {
            "sqlite" => Ok(Self::Sqlite),
            "postgres" => Ok(Self::Postgres),
            _ => Err(format!("{word:?} is no database; accepted: sqlite, postgres")),
        }
    }
}

fn main() -> ExitCode {
    let arguments = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(reason) => {
            eprintln!("{reason}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let started = Instant::now();
    let failed = run_all(&arguments);
    let took = started.elapsed().as_secs();
    let Arguments { rounds, database, .. } = arguments;
    if failed == 0 {
        println!("{rounds} rounds on {} in {took} s, all well", database.word());
        return ExitCode::SUCCESS;
    }
    println!("{failed} of {rounds} rounds on {} failed ({took} s)", database.word());
    ExitCode::FAILURE
}

/// Runs all rounds, so many at once; how many failed.
fn run_all(arguments: &Arguments) -> u64 {
    let (next, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..arguments.at_once {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= arguments.rounds {
                        break;
                    }
                    if !run_one(arguments, arguments.seed + number) {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    failed.into_inner()
}

fn run_one(arguments: &Arguments, seed: u64) -> bool {
    let started = Instant::now();
    let result = round::run(arguments, seed);
    let took = started.elapsed().as_secs();
    match result {
        Ok(Report { customers, users, kills, done, calls, looks, settling }) => {
            println!(
                "seed {seed}: well in {took} s ({} s to rest): {customers} customers, {users} users, {} writes accepted, \
                 {} unanswered, {kills} kills, {calls} calls, {looks} looks",
                settling.as_secs(),
                done.accepted,
                done.lost,
            );
            true
        }
        Err(Failure { differences, story, folder }) => {
            let listed: Vec<String> = differences.iter().map(|difference| format!("\n  {difference}")).collect();
            println!("seed {seed}: FAILED in {took} s ({story}); kept in {}:{}", folder.display(), listed.concat());
            false
        }
    }
}
