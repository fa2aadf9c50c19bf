//! What the sandbox promises, one module per promise.

mod auth;
mod entities;
mod faults;
mod support;
