//! Domain values to columns, whichever database they go to.

use jiff::Timestamp;
use monite::{NewEntity, NewEntityUser};
use serde::Serialize;

use super::rows::to_json;
use super::{Consequence, Progress};
use crate::domain::sync::CALLS_KEPT;
use crate::domain::{Attempt, Call, EntityLink, RoleLink, Seen, SyncState, UserLink};

/// A point in time as it is stored.
pub(super) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// A thing at Monite as columns: word, Monite's id, what was attempted and when, and the document known of it.
#[derive(Debug, Clone, Default)]
pub(super) struct SeenColumns {
    pub(super) seen: &'static str,
    pub(super) id: Option<String>,
    pub(super) attempt_at: Option<i64>,
    pub(super) lands_by: Option<i64>,
    pub(super) document: Option<String>,
}

impl SeenColumns {
    pub(super) fn entity(seen: &Seen<EntityLink, NewEntity>) -> Self {
        match seen {
            Seen::Absent => Self::absent(),
            Seen::Unknown(attempt) => Self::unknown(attempt),
            Seen::Present(link) => Self::present(link.id, &link.confirmed),
        }
    }

    pub(super) fn role(seen: &Seen<RoleLink>) -> Self {
        match seen {
            Seen::Absent => Self::absent(),
            Seen::Unknown(attempt) => Self::unknown(attempt),
            Seen::Present(link) => Self::present(link.id, &link.confirmed),
        }
    }

    pub(super) fn user(seen: &Seen<UserLink, NewEntityUser>) -> Self {
        match seen {
            Seen::Absent => Self::absent(),
            Seen::Unknown(attempt) => Self::unknown(attempt),
            Seen::Present(link) => Self::present(link.id, &link.confirmed),
        }
    }

    fn absent() -> Self {
        Self { seen: "absent", ..Self::default() }
    }

    fn unknown<A: Serialize>(attempt: &Attempt<A>) -> Self {
        Self {
            seen: "unknown",
            attempt_at: Some(micros(attempt.at)),
            lands_by: Some(micros(attempt.lands_by)),
            document: Some(to_json(&attempt.sent)),
            id: None,
        }
    }

    fn present<T: Serialize>(id: impl ToString, confirmed: &T) -> Self {
        Self { seen: "present", id: Some(id.to_string()), document: Some(to_json(confirmed)), ..Self::default() }
    }
}

/// The e-mail address of an attempt, by which attempts of the same look are found.
pub(super) fn attempt_email(seen: &Seen<EntityLink, NewEntity>) -> Option<&str> {
    match seen {
        Seen::Unknown(attempt) => Some(attempt.sent.email.as_str()),
        Seen::Absent | Seen::Present(_) => None,
    }
}

/// A [`Progress`] as columns.
#[derive(Debug, Clone)]
pub(super) struct ProgressColumns {
    pub(super) generation: i64,
    pub(super) state: &'static str,
    pub(super) attempts: i64,
    pub(super) due_at: Option<i64>,
    pub(super) last_error: Option<String>,
    /// When Monite confirmed the generation, if it did.
    pub(super) confirmed_at: Option<i64>,
    pub(super) unanswered_until: Option<i64>,
}

impl ProgressColumns {
    pub(super) fn new(progress: &Progress) -> Self {
        let confirmed = matches!(progress.state, SyncState::InSync | SyncState::Deactivated);
        Self {
            generation: progress.generation.0,
            state: progress.state.as_str(),
            attempts: i64::from(progress.attempts),
            due_at: progress.due_at.map(micros),
            last_error: progress.error.as_ref().map(to_json),
            confirmed_at: confirmed.then(|| micros(progress.at)),
            unanswered_until: progress.unanswered_until.map(micros),
        }
    }
}

/// What follows from a sighting, as columns.
#[derive(Debug, Clone)]
pub(super) struct JudgedColumns {
    pub(super) state: &'static str,
    pub(super) due_at: Option<i64>,
    pub(super) last_error: Option<String>,
}

impl JudgedColumns {
    /// `None`: all is as it was.
    pub(super) fn new(then: &Consequence, now: Timestamp) -> Option<Self> {
        let (state, due, error) = match then {
            Consequence::AsItWas => return None,
            Consequence::Due => (SyncState::Pending, Some(now), None),
            Consequence::Drifted(error) => (SyncState::Drifted, None, Some(error)),
            Consequence::Settled(state) => (*state, None, None),
        };
        Some(Self { state: state.as_str(), due_at: due.map(micros), last_error: error.map(to_json) })
    }
}

/// Calls (oldest first) as they are stored: JSON, newest first, no more than are kept.
pub(super) fn newest_first(calls: &[Call]) -> String {
    to_json(&calls.iter().rev().take(CALLS_KEPT).collect::<Vec<_>>())
}

/// How many calls are kept, for a query's limit.
pub(super) fn calls_kept() -> i64 {
    i64::try_from(CALLS_KEPT).expect("a small constant")
}
