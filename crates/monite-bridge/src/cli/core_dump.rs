//! Keeps what is in memory there: a crash leaves no file with keys and tokens in it.

/// No core file for this process from now on, and on Linux nobody but root looks into it either: no debugger of the same user, no
/// reader of `/proc/PID/mem` or `/proc/PID/environ`. The limit alone would not do, since Linux ignores it where cores are piped to a
/// program. What is refused is said in the log and stops nothing.
#[cfg(unix)]
pub(super) fn forbid() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    if let Err(error) = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }) {
        refused(error);
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable) {
        refused(error);
    }
}

#[cfg(unix)]
fn refused(error: rustix::io::Errno) {
    tracing::warn!(
        error = &error as &dyn std::error::Error,
        "a crash may leave a core file with secrets in it; start the service with `ulimit -c 0`"
    );
}

/// Elsewhere the system keeps no cores unless it is told to.
#[cfg(not(unix))]
pub(super) fn forbid() {}
