//! A session token of the product -> which customer and which user it is for.
//!
//! HS256 only, with one shared secret. The algorithm is what the configuration says, never what the token says. A session that
//! was accepted once is remembered by the hash of its token until it ends: checking costs more than all the rest of a hand-out.

mod claims;
mod refusal;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey};
use moka::sync::Cache;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use self::claims::{Accepted, Rules};
pub use self::refusal::SessionRefusal;
use crate::config::SessionConfig;
use crate::domain::{CustomerId, UserId};

/// Longer tokens are refused unread: hashing what nobody issued is work for an attacker.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Sessions remembered at most; an entry takes about 200 bytes.
const REMEMBERED: u64 = 100_000;

/// A remembered session that nobody used for so long makes room.
const IDLE: Duration = Duration::from_secs(60 * 60);

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
    key: DecodingKey,
    rules: Rules,
    accepted: Cache<[u8; 32], Arc<Accepted>>,
}

impl Sessions {
    /// Sessions signed with `secret`, under the rules of `[session]`.
    #[must_use]
    pub fn hs256(config: &SessionConfig, secret: &SecretString) -> Self {
        let bytes = secret.expose_secret().as_bytes();
        let inner = Inner {
            key: DecodingKey::from_secret(bytes),
            rules: Rules::of(config),
            accepted: Cache::builder().max_capacity(REMEMBERED).time_to_idle(IDLE).build(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Who the session is for.
    ///
    /// # Errors
    /// [`SessionRefusal`] says what the issuer has to mend.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<SessionUser, SessionRefusal> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(SessionRefusal::Malformed("it is longer than 16 KiB"));
        }
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some(accepted) = self.inner.accepted.get(&hash) {
            return if now < accepted.until { Ok(accepted.user.clone()) } else { Err(SessionRefusal::Expired) };
        }
        let accepted = self.inner.check(token, now)?;
        let user = accepted.user.clone();
        self.inner.accepted.insert(hash, Arc::new(accepted));
        Ok(user)
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").field("rules", &self.inner.rules).finish_non_exhaustive()
    }
}

impl Inner {
    fn check(&self, token: &str, now: Timestamp) -> Result<Accepted, SessionRefusal> {
        let parts: Vec<&str> = token.split('.').collect();
        let [header, claims, signature] = parts[..] else {
            return Err(SessionRefusal::Malformed("a JWT has three parts with dots in between"));
        };
        check_header(header)?;
        let signed = &token.as_bytes()[..header.len() + 1 + claims.len()];
        // The algorithm is ours to say; a signature that is not even base64url is a wrong one.
        if !jsonwebtoken::crypto::verify(signature, signed, &self.key, Algorithm::HS256).unwrap_or(false) {
            return Err(SessionRefusal::Signature);
        }
        let claims =
            json_object(claims).ok_or(SessionRefusal::Malformed("its claims are not a JSON object in base64url"))?;
        self.rules.check(&claims, now)
    }
}

fn check_header(part: &str) -> Result<(), SessionRefusal> {
    let header = json_object(part).ok_or(SessionRefusal::Malformed("its header is not a JSON object in base64url"))?;
    if header.get("alg").and_then(Value::as_str) != Some("HS256") {
        return Err(SessionRefusal::Algorithm);
    }
    if header.contains_key("crit") {
        return Err(SessionRefusal::Critical);
    }
    Ok(())
}

fn json_object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests;
