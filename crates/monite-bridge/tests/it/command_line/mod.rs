//! The command line, as a person or a script meets it: the real binary, its exit codes, what it prints.

// Clippy's allowance reaches test functions only; what they call here fails with them.
#![allow(clippy::unwrap_used)]

mod adopt;
mod audit;
mod demo;
mod doctor;
mod erase;
mod export;
mod import;
mod keys;
mod refusals;
mod rotate_key;
mod serve;
mod support;
mod sync;
mod webhooks;
