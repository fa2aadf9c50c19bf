//! Where the issuer's keys come from, and which ones count right now.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;

use super::file::KeyFile;
use super::keys::KeySet;
use super::refusal::SessionError;
use super::remote::Remote;

/// A set of keys and its number: it changes when the keys do, and what was verified counts for one number only.
#[derive(Debug)]
pub(super) struct Generation {
    pub(super) number: u64,
    pub(super) keys: KeySet,
}

/// The keys that count right now. Readers never wait for whoever fetches new ones.
#[derive(Debug, Default)]
pub(super) struct Current {
    held: RwLock<Option<Arc<Generation>>>,
    /// The number of `held`, for those who need no more; 0: there are no keys yet.
    number: AtomicU64,
}

impl Current {
    pub(super) fn get(&self) -> Option<Arc<Generation>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// From now on these count. `origin` is for the log: where they are from.
    pub(super) fn put(&self, keys: KeySet, origin: &dyn std::fmt::Display) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_some_and(|held| held.keys == keys) {
            return;
        }
        for one in &keys.left_out {
            tracing::warn!(%origin, kid = one.kid.as_deref().unwrap_or("(none)"), reason = one.reason, "a key of the issuer is not used");
        }
        if keys.len() == 0 {
            tracing::warn!(%origin, "the issuer shows no key that can be used: every session will be refused");
        }
        let number = held.as_ref().map_or(0, |held| held.number) + 1;
        tracing::info!(%origin, keys = keys.len(), "the issuer's keys for sessions are new or changed");
        *held = Some(Arc::new(Generation { number, keys }));
        self.number.store(number, Ordering::Release);
    }
}

/// One of the two places keys come from.
#[derive(Debug, Clone)]
pub(super) enum KeySource {
    Remote(Arc<Remote>),
    File(Arc<KeyFile>),
}

impl KeySource {
    pub(super) fn current(&self) -> &Current {
        match self {
            Self::Remote(remote) => &remote.current,
            Self::File(file) => &file.current,
        }
    }

    /// Notices a changed file. Keys by URL change without a session asking for it.
    pub(super) async fn notice(&self, now: Timestamp) {
        if let Self::File(file) = self {
            file.notice(now).await;
        }
    }

    /// Looks for a key that is not there, if that may help now.
    pub(super) async fn look_again(&self) {
        if let Self::Remote(remote) = self {
            remote.look_again().await;
        }
    }

    /// Whether a key that is not there may only not have been seen: the issuer does not answer.
    pub(super) fn cannot_tell(&self) -> Option<SessionError> {
        match self {
            Self::Remote(remote) if remote.down_since().is_some() => Some(self.unavailable()),
            Self::Remote(_) | Self::File(_) => None,
        }
    }

    /// The refusal for now.
    pub(super) fn unavailable(&self) -> SessionError {
        let retry_after = match self {
            Self::Remote(remote) => remote.may_ask_in(),
            // A file was read at the start, or there was none.
            Self::File(_) => std::time::Duration::ZERO,
        };
        SessionError::KeysUnavailable { retry_after }
    }
}
