//! What the client promises, one file per promise.

mod support;

mod bodies;
mod lists;
mod no_secrets;
mod rate_limit;
mod retries;
mod sandbox;
mod tokens;
