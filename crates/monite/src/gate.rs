//! Whether calls go out at all: the place for a circuit breaker of one's own.

use std::fmt;

use crate::transport::TransportKind;

/// Asked before every attempt, token mints and retries included. What it holds back fails at once with
/// [`TransportKind::Held`] and is not tried again by the client.
pub trait Gate: Send + Sync + fmt::Debug {
    /// Whether a call would be held back now. Asked before the call waits for the rate limit; changes nothing.
    ///
    /// # Errors
    /// [`Held`] says why.
    fn check(&self) -> Result<(), Held>;

    /// The call has its turn and is about to go out.
    ///
    /// # Errors
    /// [`Held`] says why not.
    fn enter(&self, about: Subject) -> Result<Pass, Held>;

    /// How it ended; told once for every pass.
    fn left(&self, pass: Pass, about: Subject, ending: Ending);
}

/// What a call is about: calls about one entity have the same, creates of different things different ones. Equal by
/// accident once in 2^64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// Some one thing.
    Thing(u64),
    /// Nothing in particular: the partner's own token, which every call needs.
    Everything,
}

/// Leave to go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Like everybody.
    Ordinary,
    /// As the one that finds out whether others may.
    Probe,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an answer of this status.
    Answered(u16),
    /// Without one.
    Lost(TransportKind),
    /// The caller went away; nothing is known.
    Cancelled,
}

/// Why a call did not go out.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Held(pub String);
