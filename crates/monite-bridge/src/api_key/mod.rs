//! API keys: who may call the bridge, and for what. In reading order:
//!
//! - `scope`: what a key may do
//! - this file: how a key looks, and what is kept of it
//! - `ring`: the keys that open `/v1`, checked at every call
//!
//! A key is `mbk_ID_SECRET`. The first two parts are its id and may be seen by anybody; the secret has 256 bits of chance, so a plain
//! digest of it is as good as a slow one: there is nothing to guess.

pub mod ring;
pub mod scope;

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use rand::RngExt as _;
use rand::distr::{Alphanumeric, SampleString as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

pub use self::ring::{ApiKeys, Caller};
pub use self::scope::{Scope, Scopes};

/// What every key begins with, so that one in the wrong place is recognized.
const PREFIX: &str = "mbk_";

/// Letters and digits of the part that tells keys apart.
const ID_CHARS: usize = 12;

/// Letters and digits of the secret: 62 to the power of 43 is a little more than 2 to the power of 256.
const SECRET_CHARS: usize = 43;

/// The longest name of a key, in characters.
const MAX_NAME: usize = 100;

/// The beginning of a key, `mbk_` and twelve letters and digits: names it everywhere and opens nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKeyId(String);

impl ApiKeyId {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id at the beginning of a key.
    #[must_use]
    pub fn of_key(key: &str) -> Option<Self> {
        let (id, secret) = key.strip_prefix(PREFIX)?.split_once('_')?;
        let is_secret = secret.len() == SECRET_CHARS && is_alphanumeric(secret);
        if is_secret { Self::from_random(id) } else { None }
    }

    fn from_random(random: &str) -> Option<Self> {
        (random.len() == ID_CHARS && is_alphanumeric(random)).then(|| Self(format!("{PREFIX}{random}")))
    }
}

fn is_alphanumeric(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl fmt::Display for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that is not the id of a key. It does not repeat the text, which may be a whole key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the id of an API key; an id is `mbk_` and {ID_CHARS} letters and digits, as `monite-bridge keys list` shows them"
)]
pub struct BadApiKeyId;

impl FromStr for ApiKeyId {
    type Err = BadApiKeyId;

    /// An id. A whole key stands for its id: whoever pastes one to revoke it means that.
    fn from_str(text: &str) -> Result<Self, BadApiKeyId> {
        let id = text.strip_prefix(PREFIX).and_then(Self::from_random);
        id.or_else(|| Self::of_key(text)).ok_or(BadApiKeyId)
    }
}

/// SHA-256 of a whole key.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// Of this key.
    #[must_use]
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    /// As it was stored.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// For the store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is this key's. Digests are compared, each to its end, so neither length nor first difference shows in the time it takes.
    #[must_use]
    pub fn matches(&self, key: &str) -> bool {
        Self::of(key).0.ct_eq(&self.0).into()
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// What is kept of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its visible beginning.
    pub id: ApiKeyId,
    /// What somebody called it.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// To know it again.
    pub digest: KeyDigest,
    /// When it was made.
    pub created_at: Timestamp,
    /// From then on it opens nothing.
    pub expires_at: Option<Timestamp>,
    /// Since then it opens nothing.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// Why a key is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotMake {
    /// A name tells keys apart for people.
    #[error("a key's name has 1 to {MAX_NAME} characters, without line breaks and other control characters")]
    Name,
    /// It would open nothing.
    #[error("a key needs at least one scope")]
    Scopes,
    /// It would be dead from the start.
    #[error("the key would have expired already")]
    Expiry,
}

impl ApiKey {
    /// Draws a new key. What is given out beside it is the key itself: it is nowhere else.
    ///
    /// # Errors
    /// [`CannotMake`] when nobody could use it.
    pub fn make(
        name: &str, scopes: Scopes, now: Timestamp, expires_at: Option<Timestamp>,
    ) -> Result<(Self, SecretString), CannotMake> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
            return Err(CannotMake::Name);
        }
        if scopes.is_empty() {
            return Err(CannotMake::Scopes);
        }
        if expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Err(CannotMake::Expiry);
        }
        // The thread's generator is a cryptographic one, seeded by the system.
        let mut chance = rand::rng();
        let id: String = (0..ID_CHARS).map(|_| char::from(chance.sample(Alphanumeric))).collect();
        let id = ApiKeyId(format!("{PREFIX}{id}"));
        let key = SecretString::from(format!("{id}_{}", Alphanumeric.sample_string(&mut chance, SECRET_CHARS)));
        let digest = KeyDigest::of(key.expose_secret());
        let this = Self {
            id,
            name: name.to_owned(),
            scopes,
            digest,
            created_at: now,
            expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        Ok((this, key))
    }

    /// Whether it opens anything at `now`.
    #[must_use]
    pub fn is_alive(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && !self.has_expired(now)
    }

    fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(name: &str) -> Result<(ApiKey, SecretString), CannotMake> {
        ApiKey::make(name, Scopes::of(&[Scope::Read]), Timestamp::UNIX_EPOCH, None)
    }

    #[test]
    fn a_key_begins_with_its_id_and_is_known_again() {
        let (kept, key) = make(" billing ").unwrap();
        let key = key.expose_secret();
        assert_eq!(key.len(), 4 + 12 + 1 + 43);
        assert_eq!(ApiKeyId::of_key(key), Some(kept.id.clone()));
        assert_eq!(kept.name, "billing");
        assert!(kept.digest.matches(key));
        assert!(!kept.digest.matches(&key[..key.len() - 1]));
        let (other, _) = make("billing").unwrap();
        assert_ne!(other.id, kept.id);
        assert!(!other.digest.matches(key));
    }

    #[test]
    fn what_is_kept_shows_nothing_of_the_secret() {
        let (kept, key) = make("a").unwrap();
        let secret = key.expose_secret().rsplit('_').next().unwrap();
        let shown = format!("{kept:?} {key:?}");
        assert!(!shown.contains(secret) && shown.contains("digest: [redacted]"), "{shown}");
    }

    #[test]
    fn an_id_is_taken_from_a_whole_key_too_and_nothing_else_is_one() {
        let (kept, key) = make("a").unwrap();
        assert_eq!(kept.id.as_str().parse(), Ok(kept.id.clone()));
        assert_eq!(key.expose_secret().parse(), Ok(kept.id.clone()));
        for text in
            ["", "mbk_", "mbk_short", "mbk_0123456789ab_", "mbk_0123456789a'", "xxx_0123456789ab", "mbk_0123456789abc"]
        {
            assert_eq!(text.parse::<ApiKeyId>(), Err(BadApiKeyId), "{text}");
        }
        assert_eq!(ApiKeyId::of_key(kept.id.as_str()), None, "an id is no key");
    }

    #[test]
    fn what_nobody_could_use_is_not_made() {
        for name in ["", "  ", "a\nb", &"x".repeat(101)] {
            assert_eq!(make(name).map(drop), Err(CannotMake::Name), "{name}");
        }
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(ApiKey::make("a", Scopes::of(&[]), now, None).map(drop), Err(CannotMake::Scopes));
        assert_eq!(ApiKey::make("a", Scopes::of(&[Scope::Read]), now, Some(now)).map(drop), Err(CannotMake::Expiry));
    }

    #[test]
    fn a_key_lives_until_it_expires_or_is_revoked() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let (mut key, _) = ApiKey::make("a", Scopes::of(&[Scope::Read]), at(0), Some(at(10))).unwrap();
        assert_eq!([0, 9, 10].map(|second| key.is_alive(at(second))), [true, true, false]);
        key.revoked_at = Some(at(1));
        assert!(!key.is_alive(at(1)));
    }
}
