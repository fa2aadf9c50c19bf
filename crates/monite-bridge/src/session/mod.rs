//! A session token of the product -> which customer and which user it is for.
//!
//! A session is signed with a secret that the product shares with us (HS256), or with a private key of an issuer whose public keys
//! come from a URL or a file. The algorithm is what the secret or the key says, never what the token says. A session that was accepted
//! once is remembered by the hash of its token until it ends or the keys change: checking costs more than all the rest of a hand-out.
//! In reading order:
//!
//! - `token`: a JWT taken apart; `claims`: what it must say; `refusal`: why it is not accepted
//! - `keys`: public keys and their algorithms; `source`: which ones count right now, from a `file` or a URL (`remote`)
//! - `introspection`: is it still alive, where that is asked
//! - `web`, `flights`: asking the issuer; one ask at a time

mod claims;
mod file;
mod flights;
mod introspection;
mod keys;
mod refusal;
mod remote;
mod source;
mod token;
mod web;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey};
use moka::sync::Cache;
use monite::Clock;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use url::Url;

use self::claims::{Accepted, Rules};
use self::file::KeyFile;
pub use self::file::KeyFileError;
use self::introspection::Introspection;
pub use self::refusal::{SessionError, SessionRefusal};
use self::remote::Remote;
use self::source::KeySource;
use self::token::{MAX_TOKEN_BYTES, Parts};
use self::web::Web;
use crate::config::SessionConfig;
use crate::domain::{CustomerId, UserId};

/// Sessions remembered at most; an entry takes about 200 bytes.
const REMEMBERED: u64 = 100_000;

/// A remembered session that nobody used for so long makes room.
const IDLE: Duration = Duration::from_secs(60 * 60);

/// In the place of the number of keys, with a shared secret.
const NO_KEYS: u64 = 0;

/// Who a session is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionUser {
    /// The customer the person is working for.
    pub customer: CustomerId,
    /// The person, within that customer.
    pub user: UserId,
}

/// Checks sessions and remembers the good ones.
#[derive(Clone)]
pub struct Sessions {
    inner: Arc<Inner>,
}

struct Inner {
    signed: Signed,
    rules: Rules,
    /// By the hash of the token, and the number of the keys it was verified with.
    accepted: Cache<([u8; 32], u64), Arc<Accepted>>,
    signatures: AtomicU64,
    introspection: Option<Arc<Introspection>>,
    clock: Arc<dyn Clock>,
}

/// What a session must be signed with.
enum Signed {
    /// The secret that the product shares with us.
    Secret(DecodingKey),
    /// A private key of the issuer.
    Keys(KeySource),
}

/// What checking sessions needs besides the configuration, and must not be in it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SessionSecrets<'a> {
    /// What `session.hs256_secret_env` leads to.
    pub hs256: Option<&'a SecretString>,
    /// What we say to the issuer when asking whether a session is still alive.
    pub introspection: Option<&'a SecretString>,
}

/// Why sessions cannot be checked as configured.
#[derive(Debug, thiserror::Error)]
pub enum SessionSetupError {
    /// `session.jwks_file`.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// `session.introspection_client_id` needs one.
    #[error("is not set, and session.introspection_client_id needs it to ask whether a session is still alive")]
    NoIntrospectionSecret,
    /// `session.jwks_url` or `introspection_url` is no address: [`crate::config`] refuses it with a better message.
    #[error("the address of the issuer cannot be read")]
    Address(#[from] url::ParseError),
    /// No way to ask an issuer, mostly because the system's certificates cannot be read.
    #[error("HTTP cannot be set up")]
    Http(#[source] HttpError),
}

/// Why HTTP cannot be set up.
pub type HttpError = Box<dyn std::error::Error + Send + Sync>;

/// How far the keys of the issuer can be relied upon, for those who watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeysStanding {
    /// Keys that can be used.
    pub usable: u64,
    /// How often the issuer was asked for them.
    pub asks: u64,
    /// How often in vain.
    pub failures: u64,
    /// Since when it gives none.
    pub down_since: Option<Timestamp>,
}

impl Sessions {
    /// Sessions as `[session]` says; `None` when it says nothing of how they are signed. Keys by URL are not fetched yet: that is
    /// [`Sessions::follow`], or the first session.
    ///
    /// # Errors
    /// [`SessionSetupError`] when the file of keys cannot be used, or no HTTP can be set up.
    pub fn new(
        config: &SessionConfig, secrets: SessionSecrets<'_>, clock: Arc<dyn Clock>,
    ) -> Result<Option<Self>, SessionSetupError> {
        let signed = if let Some(url) = &config.jwks_url {
            let web = Web::for_keys().map_err(|error| SessionSetupError::Http(error.into()))?;
            Signed::Keys(KeySource::Remote(Arc::new(Remote::new(Url::parse(url)?, web, Arc::clone(&clock)))))
        } else if let Some(path) = &config.jwks_file {
            Signed::Keys(KeySource::File(Arc::new(KeyFile::open(path)?)))
        } else if let Some(secret) = secrets.hs256 {
            Signed::Secret(DecodingKey::from_secret(secret.expose_secret().as_bytes()))
        } else {
            return Ok(None);
        };
        let introspection = introspection(config, secrets, &clock)?;
        let accepted = Cache::builder().max_capacity(REMEMBERED).time_to_idle(IDLE).build();
        let (rules, signatures) = (Rules::of(config), AtomicU64::new(0));
        Ok(Some(Self { inner: Arc::new(Inner { signed, rules, accepted, signatures, introspection, clock }) }))
    }

    /// Keeps keys by URL fresh, until `stopping`.
    pub async fn follow(&self, stopping: CancellationToken) {
        match &self.inner.signed {
            Signed::Keys(KeySource::Remote(remote)) => remote.follow(stopping).await,
            Signed::Keys(KeySource::File(_)) | Signed::Secret(_) => stopping.cancelled().await,
        }
    }

    /// Who the session is for. A session that is remembered costs a hash: nothing is asked, and nothing waited for.
    ///
    /// # Errors
    /// [`SessionError`]; a refusal says what the issuer has to mend.
    pub async fn verify(&self, token: &str) -> Result<SessionUser, SessionError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(SessionRefusal::Malformed("it is longer than 16 KiB").into());
        }
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        self.inner.notice_changed_keys().await;
        let accepted = match self.inner.remembered(&hash) {
            Some(accepted) => accepted,
            None => self.inner.check_and_remember(token, hash).await?,
        };
        if self.inner.clock.now() >= accepted.until {
            return Err(SessionRefusal::Expired.into());
        }
        if let Some(introspection) = &self.inner.introspection {
            introspection.check(hash, token, &accepted).await?;
        }
        Ok(accepted.user.clone())
    }

    /// How many signatures were checked: the costly part, done once for a session that is good and for each try of one that is not.
    #[must_use]
    pub fn signatures_checked(&self) -> u64 {
        self.inner.signatures.load(Ordering::Relaxed)
    }

    /// How often the issuer said that a session is alive, that it has ended, and nothing, and how often it was not asked because it has
    /// too many asks to answer already; `None` where it is never asked.
    #[must_use]
    pub fn check_counts(&self) -> Option<[u64; 4]> {
        self.inner.introspection.as_ref().map(|introspection| introspection.counts())
    }

    /// The issuer's keys; `None` where sessions are signed with a shared secret.
    #[must_use]
    pub fn keys_standing(&self) -> Option<KeysStanding> {
        let Signed::Keys(source) = &self.inner.signed else { return None };
        let usable = source.current().get().map_or(0, |held| held.keys.len() as u64);
        Some(match source {
            KeySource::Remote(remote) => {
                let (asks, failures) = remote.counts();
                KeysStanding { usable, asks, failures, down_since: remote.down_since() }
            }
            KeySource::File(_) => KeysStanding { usable, asks: 0, failures: 0, down_since: None },
        })
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").field("rules", &self.inner.rules).finish_non_exhaustive()
    }
}

impl Inner {
    async fn notice_changed_keys(&self) {
        if let Signed::Keys(source) = &self.signed {
            source.notice(self.clock.now()).await;
        }
    }

    /// What was verified with the keys that count now. Once the issuer's keys change, every session is verified anew: a key that
    /// was taken back ends those it had signed.
    fn remembered(&self, hash: &[u8; 32]) -> Option<Arc<Accepted>> {
        let generation = match &self.signed {
            Signed::Secret(_) => NO_KEYS,
            Signed::Keys(source) => source.current().number(),
        };
        self.accepted.get(&(*hash, generation))
    }

    async fn check_and_remember(&self, token: &str, hash: [u8; 32]) -> Result<Arc<Accepted>, SessionError> {
        let parts = Parts::of(token)?;
        match &self.signed {
            Signed::Secret(secret) => Ok(self.accept((hash, NO_KEYS), &parts, || check_secret(&parts, secret))?),
            Signed::Keys(source) => self.check_key(&parts, hash, source).await,
        }
    }

    /// Checks the signature, if need be after one more look at the issuer's keys.
    async fn check_key(
        &self, parts: &Parts<'_>, hash: [u8; 32], source: &KeySource,
    ) -> Result<Arc<Accepted>, SessionError> {
        let mut looked_again = false;
        loop {
            let held = source.current().get();
            let chosen = held.as_ref().map(|held| held.keys.choose(&parts.header));
            match (chosen, &held) {
                (Some(Ok(key)), Some(held)) => {
                    let check = || match key.verifies(parts.signature, parts.signed) {
                        true => Ok(()),
                        false => Err(SessionRefusal::KeySignature),
                    };
                    return Ok(self.accept((hash, held.number), parts, check)?);
                }
                (Some(Err(refusal)), _) if !refusal.may_be_a_new_key() => return Err(refusal.into()),
                (Some(Err(refusal)), _) if looked_again => return Err(source.cannot_tell().unwrap_or(refusal.into())),
                (None, _) if looked_again => return Err(source.unavailable()),
                (Some(_) | None, _) => {
                    source.look_again().await;
                    looked_again = true;
                }
            }
        }
    }

    /// Checks signature and claims, and remembers a session that is good. Of many that come with the same one at the same time, one
    /// checks, and the others wait for that.
    fn accept(
        &self, key: ([u8; 32], u64), parts: &Parts<'_>, signature: impl FnOnce() -> Result<(), SessionRefusal>,
    ) -> Result<Arc<Accepted>, SessionRefusal> {
        let check = || {
            self.signatures.fetch_add(1, Ordering::Relaxed);
            signature()?;
            Ok(Arc::new(self.rules.check(&parts.claims()?, self.clock.now())?))
        };
        self.accepted.try_get_with(key, check).map_err(Arc::unwrap_or_clone)
    }
}

fn introspection(
    config: &SessionConfig, secrets: SessionSecrets<'_>, clock: &Arc<dyn Clock>,
) -> Result<Option<Arc<Introspection>>, SessionSetupError> {
    let Some(config) = &config.introspection else { return Ok(None) };
    let secret = secrets.introspection.ok_or(SessionSetupError::NoIntrospectionSecret)?;
    let web = Web::for_secrets().map_err(|error| SessionSetupError::Http(error.into()))?;
    let url = Url::parse(&config.url)?;
    Ok(Some(Arc::new(Introspection::new(config, url, secret, web, Arc::clone(clock), REMEMBERED))))
}

/// The algorithm is ours to say.
fn check_secret(parts: &Parts<'_>, secret: &DecodingKey) -> Result<(), SessionRefusal> {
    if parts.header.alg.as_deref() != Some("HS256") {
        return Err(SessionRefusal::Algorithm);
    }
    // A signature that is not even base64url is a wrong one.
    let verified = jsonwebtoken::crypto::verify(parts.signature, parts.signed, secret, Algorithm::HS256);
    if verified.unwrap_or(false) { Ok(()) } else { Err(SessionRefusal::Signature) }
}

#[cfg(test)]
mod tests;
