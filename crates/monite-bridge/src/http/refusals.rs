//! Calls that were refused for their key: all are counted, and so many of them go into the audit log that somebody who looks finds them,
//! and nobody who is refused can fill the database.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::api_key::ApiKeyId;
use crate::api_key::ring::KeyRefusal;

/// What the bounds count in.
const WINDOW: SignedDuration = SignedDuration::from_secs(60);

/// Entries about one key in a [`WINDOW`]: its holder is known, and each call may matter.
const OF_A_KEY: u64 = 60;

/// Entries about all calls without a key that is known, together: anybody may send as many as he likes.
const OF_NOBODY: u64 = 10;

/// Why, as `/metrics` tells it apart.
const REASONS: [&str; 5] = ["no_key", "unknown", "revoked", "expired", "scope"];

/// Of one process.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    counts: [AtomicU64; REASONS.len()],
    /// Of keys that were shown in full, so there are no more of them than keys; `None` is everybody else.
    windows: Mutex<HashMap<Option<ApiKeyId>, Window>>,
}

#[derive(Debug)]
struct Window {
    began: Timestamp,
    written: u64,
    left_out: u64,
}

impl Refusals {
    /// Counts a call that was refused; `None`: it had no key at all. A database that does not answer is no refusal.
    pub(super) fn count(&self, refusal: Option<&KeyRefusal>) {
        let reason = match refusal {
            None => 0,
            Some(KeyRefusal::Unknown) => 1,
            Some(KeyRefusal::Revoked { .. }) => 2,
            Some(KeyRefusal::Expired { .. }) => 3,
            Some(KeyRefusal::Scope { .. }) => 4,
            Some(KeyRefusal::Store(_)) => return,
        };
        self.counts[reason].fetch_add(1, Ordering::Relaxed);
    }

    /// Whether there is room for an entry about whoever this is; then how many before it had none.
    pub(super) fn admit(&self, key: Option<&ApiKeyId>, now: Timestamp) -> Option<u64> {
        let most = if key.is_some() { OF_A_KEY } else { OF_NOBODY };
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry(key.cloned()).or_insert(Window { began: now, written: 0, left_out: 0 });
        // A clock that was set back begins anew, too.
        if now.duration_since(window.began).abs() >= WINDOW {
            (window.began, window.written) = (now, 0);
        }
        if window.written == most {
            window.left_out += 1;
            return None;
        }
        window.written += 1;
        Some(std::mem::take(&mut window.left_out))
    }

    /// How many calls were refused, by why.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        REASONS.into_iter().zip(self.counts.each_ref().map(|count| count.load(Ordering::Relaxed)))
    }
}
