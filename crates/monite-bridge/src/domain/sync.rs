//! How far an object has come on its way to Monite.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Counts the accepted changes of one object, from 1. It is the object's `ETag`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub i64);

impl Generation {
    /// The generation of an object written for the first time.
    pub const FIRST: Self = Self(1);

    /// The one after this.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! states {
    ($($(#[$doc:meta])* $name:ident = $text:literal),* $(,)?) => {
        /// Where an object stands between the product and Monite.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum SyncState {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl SyncState {
            /// All of them, in the order in which tables show them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The word the contract uses for it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The state that goes by this word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($text => Some(Self::$name),)* _ => None }
            }
        }
    };
}

states! {
    /// Accepted, not yet at Monite.
    Pending = "pending",
    /// Monite confirmed the latest generation.
    InSync = "in_sync",
    /// The last attempt failed; it will be tried again by itself.
    Retrying = "retrying",
    /// Monite refused this document; waits for a new one or a retry.
    Rejected = "rejected",
    /// Monite holds something else (only with `drift = "report"`).
    Drifted = "drifted",
    /// Switched off because the product deleted it; a user that was not at Monite yet when its customer was deleted.
    Deactivated = "deactivated",
}

impl SyncState {
    /// Whether somebody should look at it.
    #[must_use]
    pub fn is_failing(self) -> bool {
        matches!(self, Self::Retrying | Self::Rejected | Self::Drifted)
    }
}

impl fmt::Display for SyncState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why the last attempt failed, in words for the person who must act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    /// Monite's HTTP status; `None` when no answer came.
    pub status: Option<u16>,
    /// What Monite said, or what happened instead of an answer.
    pub message: String,
    /// Monite's `x-request-id`, to quote to its support.
    pub request_id: Option<String>,
    /// When it happened.
    pub at: Timestamp,
}

/// One call at Monite, kept for `why`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// When it was sent.
    pub at: Timestamp,
    /// HTTP method.
    pub method: String,
    /// Path below `/v1`, without the query.
    pub path: String,
    /// Monite's HTTP status; `None` when no answer came.
    pub status: Option<u16>,
    /// Monite's `x-request-id`.
    pub request_id: Option<String>,
}

/// How many calls are kept for each object.
pub const CALLS_KEPT: usize = 8;

/// The part of an object that says how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncStatus {
    /// Where it stands.
    pub state: SyncState,
    /// The generation the product last wrote.
    pub generation: Generation,
    /// The generation Monite last confirmed.
    pub synced_generation: Option<Generation>,
    /// Failed attempts since the last success or the last write.
    pub attempts: u32,
    /// When it is tried next; `None` when nothing is left to do or somebody must act first.
    pub next_attempt_at: Option<Timestamp>,
    /// When Monite last confirmed it.
    pub synced_at: Option<Timestamp>,
    /// Why the last attempt failed; `None` after a success.
    pub last_error: Option<LastError>,
}
