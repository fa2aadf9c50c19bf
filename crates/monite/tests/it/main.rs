//! What the client promises, one file per promise.

#![allow(clippy::unwrap_used)] // the support modules are test code, which clippy sees only in test functions

mod support;

mod bodies;
mod deadlines;
mod document;
mod documentation;
mod gate;
mod lists;
mod no_secrets;
mod permissions;
mod quirks;
mod rate_limit;
mod retries;
mod sandbox;
mod surface;
mod tokens;
mod vault;
mod webhook;
mod webhook_calls;
