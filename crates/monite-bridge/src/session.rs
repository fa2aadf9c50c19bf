//! A session token of the product -> which customer and which user it is for.
//!
//! HS256 only, with one shared secret. The algorithm is what the configuration says, never what the token says. A session that
//! was accepted once is remembered by the hash of its token until it ends: checking costs more than all the rest of a hand-out.

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

/// Why a session token is not accepted, in words for the engineer who issues it. Holds no value from the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionRefusal {
    /// Not three base64url parts with JSON in them; an API key sent here ends up here too.
    #[error("it is not a JWT: {0}")]
    Malformed(&'static str),
    /// Another algorithm than the one configured, `none` included.
    #[error("its algorithm is not HS256, the only one this bridge is configured for")]
    Algorithm,
    /// A `crit` header: extensions that must be understood, and are not.
    #[error("its header demands extensions (crit) that this bridge does not know")]
    Critical,
    /// Signed with another secret, or changed afterwards.
    #[error("its signature does not fit the configured secret")]
    Signature,
    /// A claim that must be there is not.
    #[error("the claim {0} is missing")]
    Missing(String),
    /// A claim holds the wrong kind of value.
    #[error("the claim {claim} {problem}")]
    Claim {
        /// Which one.
        claim: String,
        /// What is wrong with it.
        problem: String,
    },
    /// `exp` has passed.
    #[error("it has expired (exp is in the past)")]
    Expired,
    /// `nbf` has not come yet.
    #[error("it is not valid yet (nbf is in the future)")]
    NotYetValid,
    /// `iss` is another.
    #[error("its issuer (iss) is not the configured one")]
    Issuer,
    /// `aud` names somebody else.
    #[error("it is meant for another audience (aud) than the configured one")]
    Audience,
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

/// What a session must say.
#[derive(Debug, Clone)]
struct Rules {
    issuer: Option<String>,
    audience: Vec<String>,
    leeway: Duration,
    customer_claim: String,
    user_claim: String,
}

#[derive(Debug, Clone, PartialEq)]
struct Accepted {
    user: SessionUser,
    /// When it ends, leeway included.
    until: Timestamp,
}

impl Sessions {
    /// Sessions signed with `secret`, under the rules of `[session]`.
    #[must_use]
    pub fn hs256(config: &SessionConfig, secret: &SecretString) -> Self {
        let bytes = secret.expose_secret().as_bytes();
        let rules = Rules {
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            leeway: config.leeway,
            customer_claim: config.customer_claim.clone(),
            user_claim: config.user_claim.clone(),
        };
        let inner = Inner {
            key: DecodingKey::from_secret(bytes),
            rules,
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

impl Rules {
    /// Decides on claims whose signature is right.
    fn check(&self, claims: &Map<String, Value>, now: Timestamp) -> Result<Accepted, SessionRefusal> {
        let leeway = self.leeway.as_secs_f64();
        let seconds = now.as_microsecond() as f64 / 1e6;
        let exp = number(claims, "exp")?.ok_or_else(|| SessionRefusal::Missing("exp".to_owned()))?;
        if seconds >= exp + leeway {
            return Err(SessionRefusal::Expired);
        }
        if number(claims, "nbf")?.is_some_and(|nbf| seconds < nbf - leeway) {
            return Err(SessionRefusal::NotYetValid);
        }
        self.check_issuer(claims)?;
        self.check_audience(claims)?;
        let user = SessionUser {
            customer: id(claims, &self.customer_claim, CustomerId::parse)?,
            user: id(claims, &self.user_claim, UserId::parse)?,
        };
        // An `exp` in the far future is the issuer's choice; the calendar ends first.
        let until = Timestamp::from_microsecond(((exp + leeway) * 1e6) as i64).unwrap_or(Timestamp::MAX);
        Ok(Accepted { user, until })
    }

    fn check_issuer(&self, claims: &Map<String, Value>) -> Result<(), SessionRefusal> {
        let Some(expected) = &self.issuer else { return Ok(()) };
        match claims.get("iss") {
            None => Err(SessionRefusal::Missing("iss".to_owned())),
            Some(given) if given.as_str() == Some(expected) => Ok(()),
            Some(_) => Err(SessionRefusal::Issuer),
        }
    }

    /// `aud` is one text or a list of them (RFC 7519, section 4.1.3).
    fn check_audience(&self, claims: &Map<String, Value>) -> Result<(), SessionRefusal> {
        if self.audience.is_empty() {
            return Ok(());
        }
        let ours =
            |value: &Value| value.as_str().is_some_and(|one| self.audience.iter().any(|audience| audience == one));
        match claims.get("aud") {
            None => Err(SessionRefusal::Missing("aud".to_owned())),
            Some(Value::Array(given)) if given.iter().any(ours) => Ok(()),
            Some(given) if ours(given) => Ok(()),
            Some(_) => Err(SessionRefusal::Audience),
        }
    }
}

/// A NumericDate (RFC 7519, section 2): seconds since 1970, possibly with a fraction.
fn number(claims: &Map<String, Value>, claim: &str) -> Result<Option<f64>, SessionRefusal> {
    match claims.get(claim) {
        None => Ok(None),
        Some(value) => value.as_f64().map(Some).ok_or_else(|| wrong(claim, "is not a number of seconds since 1970")),
    }
}

fn id<T>(
    claims: &Map<String, Value>, claim: &str, parse: fn(&str) -> Result<T, crate::domain::InvalidId>,
) -> Result<T, SessionRefusal> {
    let value = lookup(claims, claim).ok_or_else(|| SessionRefusal::Missing(claim.to_owned()))?;
    let text = value.as_str().ok_or_else(|| wrong(claim, "is not a string"))?;
    parse(text).map_err(|_| wrong(claim, "is not an id: 1 to 200 letters, digits and - . _ ~ @ : + ,"))
}

/// A claim by its name, or by the way to it: `app_metadata.org_id`. The plain name wins, because namespaced claims such as
/// `https://example.com/org` have dots of their own.
fn lookup<'a>(claims: &'a Map<String, Value>, claim: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(claim) {
        return Some(value);
    }
    let (first, rest) = claim.split_once('.')?;
    lookup(claims.get(first)?.as_object()?, rest)
}

fn wrong(claim: &str, problem: &str) -> SessionRefusal {
    SessionRefusal::Claim { claim: claim.to_owned(), problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const NOW: i64 = 1_800_000_000;

    fn sessions(adjust: impl FnOnce(&mut SessionConfig)) -> Sessions {
        let mut config = SessionConfig { leeway: Duration::from_secs(30), ..SessionConfig::default() };
        adjust(&mut config);
        Sessions::hs256(&config, &SecretString::from(SECRET))
    }

    fn sign(claims: &Value) -> String {
        encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn check(claims: &Value, adjust: impl FnOnce(&mut SessionConfig)) -> String {
        match sessions(adjust).verify(&sign(claims), at(NOW)) {
            Ok(found) => format!("{}/{}", found.customer, found.user),
            Err(refusal) => refusal.to_string(),
        }
    }

    #[test]
    fn claims_are_judged_as_configured() {
        let plain = |_: &mut SessionConfig| {};
        let good = json!({"org_id": "acme", "sub": "ana", "exp": NOW + 60});
        assert_eq!(check(&good, plain), "acme/ana");
        let with = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims[name] = value;
            claims
        };
        let without = |name: &str| {
            let mut claims = good.clone();
            claims.as_object_mut().unwrap().remove(name);
            claims
        };
        for (claims, expected) in [
            (without("exp"), "the claim exp is missing"),
            (with("exp", json!("soon")), "the claim exp is not a number of seconds since 1970"),
            (with("exp", json!(NOW - 29)), "acme/ana"),
            (with("exp", json!(NOW as f64 + 0.5)), "acme/ana"),
            (with("exp", json!(NOW - 30)), "it has expired (exp is in the past)"),
            (with("exp", json!(9e18)), "acme/ana"),
            (with("nbf", json!(NOW + 30)), "acme/ana"),
            (with("nbf", json!(NOW + 31)), "it is not valid yet (nbf is in the future)"),
            (without("org_id"), "the claim org_id is missing"),
            (without("sub"), "the claim sub is missing"),
            (with("sub", json!(7)), "the claim sub is not a string"),
            (with("sub", json!(["ana"])), "the claim sub is not a string"),
            (
                with("org_id", json!("a/b")),
                "the claim org_id is not an id: 1 to 200 letters, digits and - . _ ~ @ : + ,",
            ),
            (with("org_id", json!("")), "the claim org_id is not an id: 1 to 200 letters, digits and - . _ ~ @ : + ,"),
            // Nobody configured them, so they are not looked at.
            (with("iss", json!("anybody")), "acme/ana"),
            (with("aud", json!("anybody")), "acme/ana"),
        ] {
            assert_eq!(check(&claims, plain), expected, "{claims}");
        }
    }

    #[test]
    fn issuer_and_audience_must_be_there_once_configured() {
        let strict = |config: &mut SessionConfig| {
            config.issuer = Some("https://id.example.com".to_owned());
            config.audience = vec!["bridge".to_owned(), "bridge-2".to_owned()];
        };
        let claims =
            |iss: Value, aud: Value| json!({"org_id": "acme", "sub": "ana", "exp": NOW + 60, "iss": iss, "aud": aud});
        let issuer = json!("https://id.example.com");
        for (claims, expected) in [
            (claims(issuer.clone(), json!("bridge")), "acme/ana"),
            (claims(issuer.clone(), json!(["other", "bridge-2"])), "acme/ana"),
            (claims(issuer.clone(), json!("other")), "it is meant for another audience (aud) than the configured one"),
            (claims(issuer.clone(), json!([])), "it is meant for another audience (aud) than the configured one"),
            (claims(json!("https://evil.example"), json!("bridge")), "its issuer (iss) is not the configured one"),
            (claims(json!([issuer]), json!("bridge")), "its issuer (iss) is not the configured one"),
            (json!({"org_id": "acme", "sub": "ana", "exp": NOW + 60, "aud": "bridge"}), "the claim iss is missing"),
            (
                json!({"org_id": "acme", "sub": "ana", "exp": NOW + 60, "iss": "https://id.example.com"}),
                "the claim aud is missing",
            ),
        ] {
            assert_eq!(check(&claims, strict), expected, "{claims}");
        }
    }

    #[test]
    fn claims_may_be_nested_or_have_dots_in_their_name() {
        let nested = |config: &mut SessionConfig| {
            config.customer_claim = "app_metadata.org.id".to_owned();
            config.user_claim = "https://example.com/user".to_owned();
        };
        let claims =
            json!({"app_metadata": {"org": {"id": "acme"}}, "https://example.com/user": "ana", "exp": NOW + 60});
        assert_eq!(check(&claims, nested), "acme/ana");
    }

    #[test]
    fn a_token_is_not_taken_at_its_word_about_the_algorithm() {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let claims = json!({"org_id": "acme", "sub": "ana", "exp": NOW + 60});
        let good = sign(&claims);
        let signature = good.rsplit('.').next().unwrap();
        let hs512 =
            encode(&Header::new(Algorithm::HS512), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap();
        let other_secret = encode(
            &Header::new(Algorithm::HS256),
            &claims,
            &EncodingKey::from_secret(b"another secret of 32 bytes, really"),
        )
        .unwrap();
        let unsigned = "its signature does not fit the configured secret";
        for (token, expected) in [
            (
                format!("{}.{}.", part(json!({"alg": "none"})), part(claims.clone())),
                SessionRefusal::Algorithm.to_string(),
            ),
            (
                format!("{}.{}.", part(json!({"alg": "NONE"})), part(claims.clone())),
                SessionRefusal::Algorithm.to_string(),
            ),
            (
                format!("{}.{}.{signature}", part(json!({"alg": "RS256"})), part(claims.clone())),
                SessionRefusal::Algorithm.to_string(),
            ),
            (
                format!("{}.{}.{signature}", part(json!({"typ": "JWT"})), part(claims.clone())),
                SessionRefusal::Algorithm.to_string(),
            ),
            (hs512, SessionRefusal::Algorithm.to_string()),
            (other_secret, unsigned.to_owned()),
            (format!("{}.{}.", part(json!({"alg": "HS256"})), part(claims.clone())), unsigned.to_owned()),
            (
                format!(
                    "{}.{}.{signature}",
                    part(json!({"alg": "HS256"})),
                    part(json!({"org_id": "evil", "sub": "ana"}))
                ),
                unsigned.to_owned(),
            ),
            (
                format!("{}.{}.{signature}", part(json!({"alg": "HS256", "crit": ["x"]})), part(claims.clone())),
                SessionRefusal::Critical.to_string(),
            ),
            ("an-api-key".to_owned(), "it is not a JWT: a JWT has three parts with dots in between".to_owned()),
            ("a.b.c".to_owned(), "it is not a JWT: its header is not a JSON object in base64url".to_owned()),
            ("x".repeat(MAX_TOKEN_BYTES + 1), "it is not a JWT: it is longer than 16 KiB".to_owned()),
        ] {
            let refusal = sessions(|_| {}).verify(&token, at(NOW)).unwrap_err();
            assert_eq!(refusal.to_string(), expected, "{token}");
        }
    }

    #[test]
    fn a_remembered_session_still_ends() {
        let sessions = sessions(|_| {});
        let token = sign(&json!({"org_id": "acme", "sub": "ana", "exp": NOW + 60}));
        assert!(sessions.verify(&token, at(NOW)).is_ok());
        assert!(sessions.verify(&token, at(NOW + 89)).is_ok(), "within the leeway");
        assert_eq!(sessions.verify(&token, at(NOW + 90)), Err(SessionRefusal::Expired));
    }

    #[test]
    fn the_secret_does_not_show() {
        let shown = format!("{:?}", sessions(|_| {}));
        assert!(!shown.contains(SECRET) && !shown.contains("48, 49, 50"), "{shown}");
    }
}
