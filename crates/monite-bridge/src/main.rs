//! The binary: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    monite_bridge::cli::run(std::env::args_os())
}
