//! What an error of the database means for whoever wanted to write: pure decisions, apart from the loops that obey them.

use std::time::Duration;

use super::super::StoreError;

/// Pauses between the attempts, about 6 seconds together: long enough for a server to restart or a standby to take over, short enough
/// for a caller to wait.
pub(super) const PAUSES: [Duration; 7] = [
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_millis(600),
    Duration::from_millis(1000),
    Duration::from_millis(2000),
    Duration::from_millis(2000),
];

/// Whether the same transaction, run again from its start on another connection, may succeed. Asked only about transactions that were
/// not committed.
pub(super) fn is_passing(error: &StoreError) -> bool {
    match error {
        StoreError::Database { source, .. } => is_lost(source) || code(source).is_some_and(|code| passes(&code)),
        StoreError::Open { .. } | StoreError::Corrupt { .. } | StoreError::Closed => false,
    }
}

/// Whether an error in the answer to a COMMIT leaves open what became of it: the connection is gone, or the server was going.
/// Whatever else the server says there means that it has undone the transaction.
pub(super) fn leaves_open(error: &sqlx::Error) -> bool {
    is_lost(error) || code(error).is_some_and(|code| goes_away(&code))
}

/// The connection is gone, or nothing sensible came out of it.
fn is_lost(error: &sqlx::Error) -> bool {
    use sqlx::Error::{BeginFailed, Io, Protocol, Tls, WorkerCrashed};
    matches!(error, Io(_) | Tls(_) | Protocol(_) | WorkerCrashed | BeginFailed)
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(std::borrow::Cow::into_owned)
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn passes(code: &str) -> bool {
    const SERIALIZATION_FAILURE: &str = "40001";
    const DEADLOCK_DETECTED: &str = "40P01";
    const READ_ONLY: &str = "25006"; // a standby: the primary is elsewhere by now
    const IN_RECOVERY: &str = "55000"; // the same, said by the functions that `begin` calls
    const TOO_MANY_CONNECTIONS: &str = "53300";
    goes_away(code)
        || [SERIALIZATION_FAILURE, DEADLOCK_DETECTED, READ_ONLY, IN_RECOVERY, TOO_MANY_CONNECTIONS].contains(&code)
}

/// Connection exceptions, and a server that shuts down, crashes or starts.
fn goes_away(code: &str) -> bool {
    code.starts_with("08") || ["57P01", "57P02", "57P03", "57P05"].contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_and_what_leaves_open_whether_it_was_committed() {
        for (code, again, open) in [
            ("40001", true, false),
            ("40P01", true, false),
            ("57P01", true, true),
            ("08006", true, true),
            ("25006", true, false),
            ("23505", false, false), // a link that another customer has
            ("42P01", false, false), // somebody dropped a table
            ("53100", false, false), // the disk is full
        ] {
            assert_eq!((passes(code), goes_away(code)), (again, open), "{code}");
        }
    }

    #[test]
    fn a_lost_connection_is_both_and_a_closed_store_neither() {
        let cut = || sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into());
        assert!(leaves_open(&cut()));
        assert!(is_passing(&StoreError::Database { operation: "x", source: cut() }));
        assert!(!is_passing(&StoreError::Closed));
        assert!(!is_passing(&StoreError::Database { operation: "x", source: sqlx::Error::PoolTimedOut }));
    }
}
