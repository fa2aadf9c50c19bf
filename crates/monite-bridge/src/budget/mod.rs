//! One budget of calls for all processes that share a store: first tries, retries, token mints and sweeps alike.
//!
//! - [`ledger`]: how the rate is divided (pure), and why the sum is never exceeded
//! - [`member`]: one process's side of it (pure)
//! - [`limiter`]: the limiter that lives by it: heartbeats, and the calls that wait
//! - [`breaker`]: when Monite counts as down (pure); [`outage`]: the breaker at the client's gate

pub mod breaker;
pub mod ledger;
pub mod limiter;
pub mod member;
pub mod outage;
#[cfg(test)]
mod simulation;

pub use limiter::{Part, SharedLimiter, Standing};
pub use outage::Outage;
