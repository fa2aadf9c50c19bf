//! The whole system in one process, from a seed: bridges on one store, Monite, the network between them, the product, crashes,
//! and time. One seed, one history, byte for byte.
//!
//! In reading order: [`turnstile`] (who goes next is the whole of what can differ), [`clock`], [`store`] and [`network`] (what
//! waits there), [`bridge`], [`product`], [`stranger`] (who meddles at Monite), [`plan`] (what a seed makes of the world),
//! [`run`](mod@run), [`watch`] (what must be true at every moment), [`check`] (what must be true in the end), [`database`],
//! [`history`] and [`chance`].
//!
//! A run is a storm and the calm after it. In the storm bridges die at any step (before and after each write, and while calls are on
//! their way) and come back, stand still past their leases, calls are slow, cut, not answered in time or land late, and Monite
//! refuses, breaks, limits, lags behind, is away for a while and lets tokens expire, each as the seed draws it; and somebody else changes
//! what is there. In the calm everybody lives, and once nothing is due and a sweep finds nothing the checks compare Monite and the store
//! with what was accepted.
//!
//! Determinism: one thread, one step at a time, and the next one is drawn only when nobody can move. Whatever lies between two steps
//! must not draw lots by itself; `select!` without `biased`, `tokio::sync::watch` with several receivers and the order of a `HashMap` do.
//! On PostgreSQL (`--database postgres`) the same is played out, but a server may answer in an order of its own choice, so only histories
//! on SQLite are compared.

pub mod bridge;
pub mod chance;
pub mod check;
pub mod clock;
pub mod database;
pub mod history;
pub mod network;
pub mod plan;
pub mod product;
pub mod run;
pub mod store;
pub mod stranger;
pub mod turnstile;
pub mod watch;

pub use database::{Database, Server};
pub use run::{Outcome, run};
