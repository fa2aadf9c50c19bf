//! What the bridge promises, one file per promise.
#![allow(missing_docs)]

mod command_line;
mod documents;
mod never_twice;
mod support;
