//! A local Monite: real state, real refusals, and faults on demand, for tests, demos and anyone without credentials
//! or internet.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use monite_sandbox::{Fault, Sandbox};
//!
//! let sandbox = Sandbox::builder().start().await?;
//! println!("{} as {}", sandbox.base_url(), sandbox.client_id());
//!
//! // The next user is created, but the answer gets lost on the way.
//! sandbox.once("POST /entity_users", Fault::LoseAnswer);
//! # Ok(())
//! # }
//! ```
//!
//! In reading order: `sandbox` (the handle) and `builder`; `world` (the pretend Monite as plain data), `rules` (what it
//! refuses, as pure functions), `refusal` and `quirks` (why, and what is undocumented); `http` (thin routes);
//! `courier` (sends webhooks); `fault`, `journal`, `ratelimit`, `clock`, `control` (what tests pull on); `dump` and
//! `snapshots` (the world as a document, and worlds to come back to); `storage` (the world in a file); `serve` (the
//! socket) and `cli`.

mod app;
mod builder;
mod cli;
mod clock;
mod control;
mod courier;
mod dump;
mod fault;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
mod http;
mod id;
mod journal;
mod quirks;
mod ratelimit;
mod refusal;
mod rules;
mod sandbox;
mod serve;
mod snapshots;
mod storage;
mod world;

pub use crate::builder::{Builder, StartError};
pub use crate::cli::{RunError, SandboxArgs, Started, run};
pub use crate::clock::{Clock, ManualClock, SystemClock};
pub use crate::dump::DumpError;
pub use crate::fault::{Fault, FaultRule};
pub use crate::http::cut::Cut;
pub use crate::journal::JournalEntry;
pub use crate::quirks::UnknownQuirk;
pub use crate::ratelimit::{RateAlgorithm, RateLimit};
pub use crate::rules::webhook::WebhookUrls;
pub use crate::sandbox::{Sandbox, StillDelivering, Webhook};
pub use crate::snapshots::SnapshotError;
pub use crate::storage::StorageError;

/// The guide, so that its Rust example is compiled and run with the doc tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/sandbox.md")]
struct Guide;
