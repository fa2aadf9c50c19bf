//! What the bridge promises, one file per promise.
#![allow(missing_docs)]

mod command_line;
mod documents;
mod equal;
mod never_twice;
mod support;
