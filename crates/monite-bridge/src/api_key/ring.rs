//! The keys that open `/v1`: the one of the environment, and those in the database.
//!
//! A key is read from the database at every call, so one that is revoked opens nothing from the next call on, at every replica. Only
//! the hand-out of tokens, which needs no database while its token is in memory, goes by what was read at most [`TRUSTED_FOR`] ago.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use monite::Clock;
use secrecy::{ExposeSecret as _, SecretString};

use super::{ApiKey, ApiKeyId, KeyDigest, Scope};
use crate::store::{Store, StoreError};

/// How long the hand-out of tokens trusts what was read about a key.
pub const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// The use of a key is written down at most so often.
const USE_NOTED_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// Who is behind a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Whoever has the key of `MONITE_BRIDGE_API_KEY`.
    Bootstrap,
    /// Whoever has this key.
    Key(ApiKeyId),
}

/// Why a call is refused. Nothing in it tells what was sent.
#[derive(Debug, thiserror::Error)]
pub enum KeyRefusal {
    /// There is no such key, or the secret behind its id is another one.
    #[error("this API key is not known")]
    Unknown,
    /// It was taken back.
    #[error("the API key {id} was revoked at {at}")]
    Revoked {
        /// Which.
        id: ApiKeyId,
        /// Since when.
        at: Timestamp,
    },
    /// Its time is over.
    #[error("the API key {id} expired at {at}")]
    Expired {
        /// Which.
        id: ApiKeyId,
        /// Since when.
        at: Timestamp,
    },
    /// It may do other things.
    #[error("the API key {id} has not the scope {}", needed.as_str())]
    Scope {
        /// Which.
        id: ApiKeyId,
        /// What it would need.
        needed: Scope,
    },
    /// Nobody can say right now.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The keys that open `/v1`. Holds digests only.
#[derive(Clone, Default)]
pub struct ApiKeys {
    bootstrap: Option<KeyDigest>,
    kept: Option<Arc<Kept>>,
}

/// Those of the database.
struct Kept {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// Of keys that were shown in full; so there are no more of them than keys.
    remembered: Mutex<HashMap<ApiKeyId, Remembered>>,
}

#[derive(Clone)]
struct Remembered {
    key: ApiKey,
    read_at: Timestamp,
    noted_at: Option<Timestamp>,
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys").field("bootstrap", &self.bootstrap).finish_non_exhaustive()
    }
}

impl ApiKeys {
    /// The bootstrap key of `MONITE_BRIDGE_API_KEY`, which has every scope. A blank one is none.
    #[must_use]
    pub fn bootstrap(key: Option<&SecretString>) -> Self {
        let key = key.map(|key| key.expose_secret().trim()).filter(|key| !key.is_empty());
        Self { bootstrap: key.map(KeyDigest::of), kept: None }
    }

    /// Beside it, the keys of a database.
    #[must_use]
    pub fn with_store(mut self, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        self.kept = Some(Arc::new(Kept { store, clock, remembered: Mutex::default() }));
        self
    }

    /// Who has this key, if it may do what needs `scope`.
    ///
    /// # Errors
    /// [`KeyRefusal`]. Why a key is refused that exists, only its holder is told.
    pub async fn check(&self, key: &str, scope: Scope) -> Result<Caller, KeyRefusal> {
        if self.bootstrap.as_ref().is_some_and(|bootstrap| bootstrap.matches(key)) {
            return Ok(Caller::Bootstrap);
        }
        match (&self.kept, ApiKeyId::of_key(key)) {
            (Some(kept), Some(id)) => kept.check(id, key, scope).await,
            _ => Err(KeyRefusal::Unknown),
        }
    }
}

impl Kept {
    async fn check(&self, id: ApiKeyId, text: &str, scope: Scope) -> Result<Caller, KeyRefusal> {
        let now = self.clock.now();
        let (key, read_at) = match self.remembered(&id, scope, now) {
            Some(remembered) => (remembered.key, remembered.read_at),
            None => (self.store.api_key(&id).await?.ok_or(KeyRefusal::Unknown)?, now),
        };
        if !key.digest.matches(text) {
            return Err(KeyRefusal::Unknown);
        }
        if !key.is_alive(now) {
            self.lock().remove(&id);
            return Err(match (key.revoked_at, key.expires_at) {
                (Some(at), _) => KeyRefusal::Revoked { id, at },
                (None, at) => KeyRefusal::Expired { id, at: at.unwrap_or(now) },
            });
        }
        let has_scope = key.scopes.has(scope);
        self.used(key, read_at, now);
        if has_scope { Ok(Caller::Key(id)) } else { Err(KeyRefusal::Scope { id, needed: scope }) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ApiKeyId, Remembered>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was read a moment ago, where that is enough.
    fn remembered(&self, id: &ApiKeyId, scope: Scope, now: Timestamp) -> Option<Remembered> {
        // A clock that was set back is as bad as no look at all.
        let is_fresh = |read_at: Timestamp| {
            let age = now.duration_since(read_at);
            !age.is_negative() && age.unsigned_abs() < TRUSTED_FOR
        };
        self.lock().get(id).filter(|found| scope == Scope::Token && is_fresh(found.read_at)).cloned()
    }

    /// Remembers it, and once in a while writes down that it is used. Nobody waits for that.
    fn used(&self, key: ApiKey, read_at: Timestamp, now: Timestamp) {
        let id = key.id.clone();
        let is_due = {
            let mut remembered = self.lock();
            let noted_at = remembered.get(&id).and_then(|known| known.noted_at);
            let is_due = noted_at.is_none_or(|noted_at| now.duration_since(noted_at).abs() >= USE_NOTED_EVERY);
            let noted_at = if is_due { Some(now) } else { noted_at };
            remembered.insert(id.clone(), Remembered { key, read_at, noted_at });
            is_due
        };
        if is_due {
            let store = Arc::clone(&self.store);
            tokio::spawn(async move {
                if let Err(error) = store.used_api_key(&id, now).await {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, %id, "that an API key is used could not be written down");
                }
            });
        }
    }
}
