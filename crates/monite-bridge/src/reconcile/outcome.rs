//! What a failed call means for the object it was made for: try again, and when; or wait for somebody to act.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::{LastError, SyncState};

/// The first retry comes after about this long; each further one after twice as long.
const BASE: Duration = Duration::from_secs(1);

/// No retry is further away than this: an outage that ends is noticed within five minutes.
const CAP: Duration = Duration::from_secs(300);

/// A call whose connection was cut is given this long: Monite was at work on it, and nobody is waiting for it any more.
const LANDS_WITHIN_CUT: Duration = Duration::from_secs(5);

/// A call that was not answered in time is given this long: Monite is slow right now, so it may well still come.
const LANDS_WITHIN_TIMEOUT: Duration = Duration::from_secs(60);

/// How long what Monite has done may be missing in its lists, or be shown as it was before. Monite promises nothing about it,
/// and a list answered by a replica lags by well under a second as a rule; this is what a replica in trouble may take. Until it
/// has passed, counted from the last moment a call could land, what a list does not show proves nothing.
pub const LISTING_LAG: Duration = Duration::from_secs(10);

/// From when on a list must show what landed by `lands_by`.
#[must_use]
pub fn shows_by(lands_by: Timestamp) -> Timestamp {
    lands_by + LISTING_LAG
}

/// Why an object could not be brought to what is desired.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Whether it will be tried again by itself.
    pub verdict: Verdict,
    /// What happened, in words for the person who must act.
    pub error: LastError,
    /// Nobody knows whether the call landed; it may until then.
    pub unanswered_until: Option<Timestamp>,
}

/// What becomes of an object after a failure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Tried again by itself, not before the time given (when Monite or the protocol names one).
    Retry {
        /// No earlier than this from now; `None`: as the backoff says.
        not_before: Option<Duration>,
        /// No later than this from now: what is waited for is known to be over by then.
        not_after: Option<Duration>,
    },
    /// Monite refused this document: waits for a new one or a `retry`.
    Reject,
}

impl Verdict {
    /// As the backoff says.
    pub const RETRY: Self = Self::Retry { not_before: None, not_after: None };

    /// The state the object is in from now on.
    #[must_use]
    pub fn state(self) -> SyncState {
        match self {
            Self::Retry { .. } => SyncState::Retrying,
            Self::Reject => SyncState::Rejected,
        }
    }

    /// When it is due again after its `attempts`-th failure (from 1); `jitter` in `0.0..1.0`.
    #[must_use]
    pub fn due_at(self, now: Timestamp, attempts: u32, jitter: f64) -> Option<Timestamp> {
        match self {
            Self::Retry { not_before, not_after } => {
                let wait = backoff(attempts, jitter).min(not_after.unwrap_or(CAP)).max(not_before.unwrap_or_default());
                Some(now + wait)
            }
            Self::Reject => None,
        }
    }
}

/// Exponential with equal jitter: between half and all of `BASE * 2^(attempts - 1)`, at most [`CAP`].
fn backoff(attempts: u32, jitter: f64) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    let full = (BASE * 2_u32.pow(doublings)).min(CAP);
    full.mul_f64(0.5 + 0.5 * jitter)
}

/// Judges a failed call. Only an answer that is about what was sent rejects the document; whatever else goes wrong (no answer, an
/// overload, wrong credentials, a missing right, a wrong address) ends without the product's help, so it is tried again by itself.
#[must_use]
pub fn judge(error: &monite::Error, now: Timestamp) -> Failure {
    let verdict = if refuses_the_document(error) {
        Verdict::Reject
    } else {
        Verdict::Retry { not_before: error.retry_after(), not_after: None }
    };
    let unanswered_until = may_have_landed(error).then(|| lands_by(error, now));
    Failure { verdict, error: last_error(error, now), unanswered_until }
}

/// Whether the call itself may have reached Monite. A failed token mint says nothing about the call it was for: that one never
/// went out.
#[must_use]
pub fn may_have_landed(error: &monite::Error) -> bool {
    error.may_have_applied() && error.operation() != Some("auth.token")
}

fn refuses_the_document(error: &monite::Error) -> bool {
    let about_us = error.is_token_dead() || error.is_permission_denied() || error.is_not_found();
    matches!(error, monite::Error::Api { status: 400 | 409 | 413 | 422, .. }) && !about_us
}

/// The failure as it is shown to people: Monite's words, its field errors, its request id.
#[must_use]
pub fn last_error(error: &monite::Error, now: Timestamp) -> LastError {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        message.push_str(": ");
        message.push_str(&inner.to_string());
        cause = inner.source();
    }
    LastError { status: error.status(), message, request_id: error.request_id().map(|id| id.to_string()), at: now }
}

/// Until when a call with this outcome may still land.
#[must_use]
pub fn lands_by(error: &monite::Error, now: Timestamp) -> Timestamp {
    let timed_out = matches!(error, monite::Error::Transport { kind: monite::TransportKind::Timeout, .. });
    now + if timed_out { LANDS_WITHIN_TIMEOUT } else { LANDS_WITHIN_CUT }
}

/// Until when an attempt that nobody saw answered may still land, whatever became of the attempts after it.
#[must_use]
pub fn lands_late(attempt: &monite::CallRecord) -> Option<Timestamp> {
    let within = match (attempt.lost, attempt.status) {
        (Some(kind), _) if kind.was_not_sent() => return None,
        (Some(monite::TransportKind::Timeout), _) => LANDS_WITHIN_TIMEOUT,
        (Some(_), _) | (None, Some(500..)) => LANDS_WITHIN_CUT,
        (None, _) => return None,
    };
    Some(attempt.ended_at + within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_come_later_and_later_but_never_later_than_the_cap() {
        let now = Timestamp::UNIX_EPOCH;
        let seconds = |attempts, jitter| {
            let due = Verdict::RETRY.due_at(now, attempts, jitter).unwrap();
            (due - now).as_secs_f64()
        };
        assert_eq!([1, 2, 3, 4].map(|n| seconds(n, 0.999_999_999).round()), [1.0, 2.0, 4.0, 8.0]);
        assert_eq!(seconds(1, 0.0), 0.5);
        assert_eq!(seconds(60, 0.999_999_999).round(), 300.0);
    }

    #[test]
    fn only_what_is_about_the_document_rejects_it() {
        let api = |status, message: &str| monite::Error::Api {
            operation: "entities.create",
            status,
            message: message.to_owned(),
            fields: Vec::new(),
            request_id: None,
            retry_after: None,
        };
        let table = [
            (api(422, "Validation failed"), SyncState::Rejected),
            (api(400, "State is required for US entities"), SyncState::Rejected),
            (api(409, "Role with name \"admin\" already exists"), SyncState::Rejected),
            (api(413, "Request size limit exceeded"), SyncState::Rejected),
            (api(400, "The token has been revoked, expired or not found."), SyncState::Retrying),
            (api(401, "Invalid client_id or client_secret"), SyncState::Retrying),
            (api(403, "Action create for entity not allowed"), SyncState::Retrying),
            (api(409, "Action create for entity not allowed"), SyncState::Retrying),
            (api(404, "<html>no such page</html>"), SyncState::Retrying),
            (api(405, "Method Not Allowed"), SyncState::Retrying),
            (api(429, "API rate limit exceeded"), SyncState::Retrying),
            (api(500, "Internal Server Error"), SyncState::Retrying),
        ];
        for (error, state) in table {
            assert_eq!(judge(&error, Timestamp::UNIX_EPOCH).verdict.state(), state, "{error}");
        }
    }

    #[test]
    fn a_named_time_bounds_the_backoff() {
        let now = Timestamp::UNIX_EPOCH;
        let s = Duration::from_secs;
        let after = Verdict::Retry { not_before: Some(s(30)), not_after: None };
        assert_eq!(after.due_at(now, 1, 0.5), Some(now + s(30)));
        let until = Verdict::Retry { not_before: None, not_after: Some(s(5)) };
        assert_eq!(until.due_at(now, 10, 0.5), Some(now + s(5)));
        assert_eq!(Verdict::Reject.due_at(now, 1, 0.5), None);
    }
}
