//! What a session must say, and whom it says it is for.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{SessionRefusal, SessionUser};
use crate::config::SessionConfig;
use crate::domain::{CustomerId, UserId};

/// What a session must say.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    issuer: Option<String>,
    audience: Vec<String>,
    leeway: Duration,
    customer_claim: String,
    user_claim: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Accepted {
    pub(super) user: SessionUser,
    /// When it ends, leeway included.
    pub(super) until: Timestamp,
    /// The number of the keys it was verified with; 0 for a shared secret.
    pub(super) generation: u64,
}

impl Rules {
    pub(super) fn of(config: &SessionConfig) -> Self {
        Self {
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            leeway: config.leeway,
            customer_claim: config.customer_claim.clone(),
            user_claim: config.user_claim.clone(),
        }
    }

    /// Decides on claims whose signature is right: who it is, and until when, leeway included.
    pub(super) fn check(
        &self, claims: &Map<String, Value>, now: Timestamp,
    ) -> Result<(SessionUser, Timestamp), SessionRefusal> {
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
        Ok((user, until))
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
    // The longest name first: of `https://example.com/org.id` the first half is one name with dots.
    claim.rmatch_indices('.').find_map(|(dot, _)| lookup(claims.get(&claim[..dot])?.as_object()?, &claim[dot + 1..]))
}

fn wrong(claim: &str, problem: &str) -> SessionRefusal {
    SessionRefusal::Claim { claim: claim.to_owned(), problem: problem.to_owned() }
}
