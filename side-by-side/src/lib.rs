//! Benchmarks that compare: ours beside the limit (the least code that does the same), in one run, in alternating rounds.
//!
//! Only ratios mean anything. A machine that is busy or slow makes both sides slower, and a round that was disturbed is left
//! out, because a lower quartile counts and not a mean. Nothing here ever fails a build: a missed aim is a word in a line.
//!
//! In reading order:
//!
//! - [`rounds`]: contenders and how they are measured
//! - [`table`]: the rows a person reads
//! - [`call`]: one HTTP request, as bytes for a socket and as a value for a router
//! - [`server`]: a server on a thread of its own, whose CPU time is the measure; [`client`]: who calls it; [`cpu`]

pub mod call;
pub mod client;
pub mod cpu;
pub mod rounds;
pub mod server;
pub mod table;

pub use call::{Call, in_process};
pub use client::over_sockets;
pub use cpu::{ThreadClock, of_process};
pub use rounds::{Contender, Effort, measure, times};
pub use server::Server;
pub use table::{Aim, Table};

/// Whether this is `cargo bench`. Anything else that runs a benchmark (`cargo test --benches`) only wants to see that it runs.
#[must_use]
pub fn is_bench() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}
