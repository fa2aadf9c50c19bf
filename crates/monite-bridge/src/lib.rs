//! The server side.

pub mod config;

mod nearest;
