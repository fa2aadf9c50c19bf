//! `simulation --seeds N --start S`: runs seeds and tells which fail. `cargo xtask sim` is this, built in release mode.
#![allow(clippy::print_stdout)] // telling is what it is for

// The crash test makes its server crash; here nobody does.
#[allow(dead_code)]
#[path = "../../crash/src/postgres.rs"]
mod postgres;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use clap::Parser;
use simulation::{Database, Outcome, Server, run};

use crate::postgres::Postgres;

/// Runs the whole system in one process, from seeds.
#[derive(Debug, Parser)]
struct Args {
    /// How many seeds.
    #[arg(long, default_value_t = 300)]
    seeds: u64,
    /// The first one.
    #[arg(long, default_value_t = 1)]
    start: u64,
    /// Shows everything that happens under this one seed.
    #[arg(long)]
    history: Option<u64>,
    /// Every so many seeds, one is run twice and must come out the same.
    #[arg(long, default_value_t = 10)]
    twice_every: u64,
    /// Where the bridges keep what they know: `sqlite`, `postgres` (a server of its own, gone in the end) or the address of a server in
    /// which databases may be created.
    #[arg(long, default_value = "sqlite")]
    database: String,
    /// Gives out no further seed once one has failed.
    #[arg(long)]
    until_failed: bool,
    /// Threads; as many as there are cores unless said otherwise.
    #[arg(long)]
    jobs: Option<usize>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let (_server, database) = match database(&args.database) {
        Ok(database) => database,
        Err(error) => {
            println!("{error}");
            return ExitCode::from(2);
        }
    };
    match args.history {
        Some(seed) => show(seed, &database),
        None => run_all(&args, &database),
    }
}

/// The database that was asked for, and the server to be kept meanwhile if it is our own.
fn database(asked: &str) -> Result<(Option<Postgres>, Database), String> {
    match asked {
        "sqlite" => Ok((None, Database::Sqlite)),
        "postgres" => {
            let server = Postgres::start()?;
            let database = Database::Postgres(Arc::new(Server::at(&server.url())?));
            Ok((Some(server), database))
        }
        url => Ok((None, Database::Postgres(Arc::new(Server::at(url)?)))),
    }
}

fn show(seed: u64, database: &Database) -> ExitCode {
    let outcome = run(seed, database);
    println!("{}", outcome.history.lines(true).join("\n"));
    report(&outcome);
    if outcome.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[derive(Debug, Default)]
struct Sum {
    failed: Vec<u64>,
    steps: usize,
    calls: u64,
    crashes: u32,
    freezes: u32,
    tokens: usize,
    late_handouts: u32,
    mints: u64,
}

fn run_all(args: &Args, database: &Database) -> ExitCode {
    let began = Instant::now();
    let (next, sum) = (AtomicU64::new(args.start), Mutex::new(Sum::default()));
    let jobs = args.jobs.or_else(|| std::thread::available_parallelism().ok().map(usize::from)).unwrap_or(1);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let is_enough = args.until_failed && !lock(&sum).failed.is_empty();
                    if is_enough || seed >= args.start.saturating_add(args.seeds) {
                        return;
                    }
                    let _named = Named(seed);
                    let mut outcome = run(seed, database);
                    if seed.is_multiple_of(args.twice_every.max(1)) {
                        compare(&mut outcome, database);
                    }
                    add(&sum, &outcome);
                }
            });
        }
    });
    let mut sum = sum.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    sum.failed.sort_unstable();
    println!(
        "{} seeds from {} in {:.1} s: {} steps, {} calls at Monite, {} deaths, {} standstills, {} partner tokens, {} tokens ({} of another bridge's memory), {} failed {:?}",
        args.seeds,
        args.start,
        began.elapsed().as_secs_f64(),
        sum.steps,
        sum.calls,
        sum.crashes,
        sum.freezes,
        sum.mints,
        sum.tokens,
        sum.late_handouts,
        sum.failed.len(),
        sum.failed,
    );
    if sum.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The same seed again: the same history, or it is not one seed's. On SQLite, whatever the runs are on: what a server answers in an
/// order of its own choice is not for the seed to say.
fn compare(outcome: &mut Outcome, database: &Database) {
    let again = run(outcome.seed, &Database::Sqlite);
    let first = match database {
        Database::Sqlite => outcome.history.clone(),
        Database::Postgres(_) => run(outcome.seed, &Database::Sqlite).history,
    };
    if again.history.hash() == first.hash() {
        return;
    }
    let (one, other) = (first.lines(true), again.history.lines(true));
    let first = one.iter().zip(&other).position(|(one, other)| one != other).unwrap_or(one.len().min(other.len()));
    let line = |lines: &[String]| lines.get(first).cloned().unwrap_or_default();
    outcome.broken.push(format!(
        "the same seed gave two histories, which part at line {first}:\n  {}\n  {}",
        line(&one),
        line(&other)
    ));
}

fn lock(sum: &Mutex<Sum>) -> std::sync::MutexGuard<'_, Sum> {
    sum.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn add(sum: &Mutex<Sum>, outcome: &Outcome) {
    let mut sum = lock(sum);
    sum.steps += outcome.history.len();
    sum.calls += outcome.calls;
    sum.crashes += outcome.crashes;
    sum.freezes += outcome.freezes;
    sum.tokens += outcome.tokens;
    sum.late_handouts += outcome.late_handouts;
    sum.mints += outcome.mints;
    if !outcome.broken.is_empty() {
        sum.failed.push(outcome.seed);
        println!("{}", outcome.history.lines(false).join("\n"));
        report(outcome);
    }
}

fn report(outcome: &Outcome) {
    println!("seed {}: {} steps, history {}", outcome.seed, outcome.history.len(), outcome.history.hash());
    for broken in &outcome.broken {
        println!("seed {} broke: {broken}", outcome.seed);
    }
    if !outcome.broken.is_empty() {
        println!("every step of it: cargo xtask sim --history {}", outcome.seed);
    }
}

/// Names the seed under which this thread panics.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("seed {} panicked; every step until then: cargo xtask sim --history {}", self.0, self.0);
        }
    }
}
