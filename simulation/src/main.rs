//! `simulation --seeds N --start S`: runs seeds and tells which fail. `cargo xtask sim` is this, built in release mode.
#![allow(clippy::print_stdout)] // telling is what it is for

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Parser;
use simulation::{Outcome, run};

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
    /// Threads; as many as there are cores unless said otherwise.
    #[arg(long)]
    jobs: Option<usize>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match args.history {
        Some(seed) => show(seed),
        None => run_all(&args),
    }
}

fn show(seed: u64) -> ExitCode {
    let outcome = run(seed);
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

fn run_all(args: &Args) -> ExitCode {
    let began = Instant::now();
    let (next, sum) = (AtomicU64::new(args.start), Mutex::new(Sum::default()));
    let jobs = args.jobs.or_else(|| std::thread::available_parallelism().ok().map(usize::from)).unwrap_or(1);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= args.start.saturating_add(args.seeds) {
                        return;
                    }
                    let _named = Named(seed);
                    let mut outcome = run(seed);
                    if seed.is_multiple_of(args.twice_every.max(1)) {
                        compare(&mut outcome);
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

/// The same seed again: the same history, or it is not one seed's.
fn compare(outcome: &mut Outcome) {
    let again = run(outcome.seed);
    if again.history.hash() == outcome.history.hash() {
        return;
    }
    let (one, other) = (outcome.history.lines(true), again.history.lines(true));
    let first = one.iter().zip(&other).position(|(one, other)| one != other).unwrap_or(one.len().min(other.len()));
    let line = |lines: &[String]| lines.get(first).cloned().unwrap_or_default();
    outcome.broken.push(format!(
        "the same seed gave two histories, which part at line {first}:\n  {}\n  {}",
        line(&one),
        line(&other)
    ));
}

fn add(sum: &Mutex<Sum>, outcome: &Outcome) {
    let mut sum = sum.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
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
