//! Logs go to stderr: `RUST_LOG` says how much, `MONITE_BRIDGE_LOG=json` in which form.

use tracing_subscriber::EnvFilter;

use super::output::Output;
use crate::config::EnvVars;

/// How much is logged when `RUST_LOG` says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// A command that ends by itself: only what somebody should look at.
    Quiet,
    /// A service: what it does.
    Service,
}

/// Starts logging. A second call in one process changes nothing.
pub(crate) fn start(verbosity: Verbosity, output: &Output, env: &EnvVars) {
    let default = match verbosity {
        Verbosity::Quiet => "warn",
        Verbosity::Service => "info",
    };
    let filter = EnvFilter::new(env.get("RUST_LOG").unwrap_or(default));
    let writer = output.clone();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || writer.log_writer());
    // An error says that somebody who uses this library has set up a log already: theirs stays.
    let _ = match env.get("MONITE_BRIDGE_LOG") {
        Some("json") => log.json().flatten_event(true).try_init(),
        _ => log.with_ansi(false).with_target(false).try_init(),
    };
}
