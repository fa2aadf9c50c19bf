//! Access tokens: one slot per scope, one mint at a time, refresh before expiry.

mod cache;
mod flight;
mod freshness;
mod mint;
mod slot;
mod vault;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::clock::until;
use crate::id::EntityUserId;

pub use cache::TokenCache;
pub(crate) use mint::Minter;
pub use slot::TokenSlot;
pub use vault::{MintDuty, Shared, TokenVault, Version};

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Everything of the partner's entities. Never leaves the backend.
    Partner,
    /// What this user's role allows, in its entity. This is what browsers get.
    EntityUser(EntityUserId),
}

/// A token Monite issued. Cheap to clone; `Debug` does not show it.
#[derive(Clone)]
pub struct AccessToken {
    inner: Arc<Inner>,
}

struct Inner {
    secret: SecretString,
    token_type: String,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

impl AccessToken {
    /// A token that was asked for at `issued_at` and dies at `expires_at`.
    pub fn new(
        secret: SecretString, token_type: impl Into<String>, issued_at: Timestamp, expires_at: Timestamp,
    ) -> Self {
        Self { inner: Arc::new(Inner { secret, token_type: token_type.into(), issued_at, expires_at }) }
    }

    /// The token's text, still wrapped.
    pub fn secret(&self) -> &SecretString {
        &self.inner.secret
    }

    /// The token's text, in the clear: only for a header or for the answer to the one it is for.
    pub fn expose(&self) -> &str {
        self.inner.secret.expose_secret()
    }

    /// `Bearer`.
    pub fn token_type(&self) -> &str {
        &self.inner.token_type
    }

    /// When it was asked for.
    pub fn issued_at(&self) -> Timestamp {
        self.inner.issued_at
    }

    /// When it dies. Counted from when it was asked for, so rather early than late.
    pub fn expires_at(&self) -> Timestamp {
        self.inner.expires_at
    }

    /// How long it still works; zero when it is dead.
    pub fn time_left(&self, now: Timestamp) -> Duration {
        until(now, self.inner.expires_at)
    }

    /// The same in whole seconds, rounded down: what `expires_in` says.
    pub fn expires_in_secs(&self, now: Timestamp) -> u64 {
        self.time_left(now).as_secs()
    }

    /// How long it works in all.
    pub fn life(&self) -> Duration {
        until(self.inner.issued_at, self.inner.expires_at)
    }

    /// Whether both are the very same token, not merely equal.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessToken([redacted], expires at {})", self.inner.expires_at)
    }
}
