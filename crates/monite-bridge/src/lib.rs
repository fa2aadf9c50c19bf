//! The server side of a Monite integration: a store of what the product desires, a reconciler that makes Monite equal to it, a
//! broker of tokens, an HTTP API and a command line. In reading order:

pub mod api_key;
pub mod assemble;
pub mod audit;
pub mod broker;
pub mod budget;
pub mod cli;
pub mod config;
pub mod credentials;
pub mod domain;
pub mod events;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
pub mod http;
pub mod intake;
pub mod jitter;
pub mod reconcile;
pub mod rotation;
pub mod session;
pub mod shared_token;
pub mod store;
pub mod transfer;
pub mod webhook;

mod nearest;
