//! What a session must say, and whom it says it is for.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{SessionRefusal, SessionUser};
use crate::config::{SessionConfig, SessionPreset};
use crate::domain::{CustomerId, InvalidId, UserId};

/// What a session must say.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    issuer: Option<String>,
    audience: Vec<String>,
    parties: Vec<String>,
    leeway: Duration,
    customer: IdClaim,
    user: IdClaim,
}

/// Where an id stands, and how.
#[derive(Debug, Clone)]
struct IdClaim {
    name: String,
    form: Form,
}

/// How a claim holds an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As a text.
    Text,
    /// As a text, or as the only one of a list: Keycloak lists organizations.
    OnlyOne,
    /// As a text with bars, which ids must not have: Auth0's `auth0|5f7c`. They become colons. A text with colons of its own is
    /// refused, so that no two claims become the same id.
    Bars,
}

/// A session that was accepted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Accepted {
    pub(super) user: SessionUser,
    /// When the issuer says it ends.
    pub(super) exp: Timestamp,
    /// When it ends here, leeway included.
    pub(super) until: Timestamp,
}

impl Rules {
    pub(super) fn of(config: &SessionConfig) -> Self {
        let customer_form = if config.preset == Some(SessionPreset::Keycloak) { Form::OnlyOne } else { Form::Text };
        let bars = config.preset == Some(SessionPreset::Auth0) && config.user_claim == "sub";
        let user_form = if bars { Form::Bars } else { Form::Text };
        Self {
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            parties: config.authorized_parties.clone(),
            leeway: config.leeway,
            customer: IdClaim { name: config.customer_claim.clone(), form: customer_form },
            user: IdClaim { name: config.user_claim.clone(), form: user_form },
        }
    }

    /// Decides on claims whose signature is right.
    pub(super) fn check(&self, claims: &Map<String, Value>, now: Timestamp) -> Result<Accepted, SessionRefusal> {
        let leeway = self.leeway.as_secs_f64();
        let now = now.as_microsecond() as f64 / 1e6;
        let exp = number(claims, "exp")?.ok_or_else(|| SessionRefusal::Missing("exp".to_owned()))?;
        if now >= exp + leeway {
            return Err(SessionRefusal::Expired);
        }
        if number(claims, "nbf")?.is_some_and(|nbf| now < nbf - leeway) {
            return Err(SessionRefusal::NotYetValid);
        }
        self.check_issuer(claims)?;
        self.check_audience(claims)?;
        self.check_party(claims)?;
        let user = SessionUser {
            customer: self.customer.id(claims, CustomerId::parse)?,
            user: self.user.id(claims, UserId::parse)?,
        };
        Ok(Accepted { user, exp: seconds(exp), until: seconds(exp + leeway) })
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

    /// `azp`: for whom the issuer made it (OpenID Connect Core, section 2); Clerk's is the origin of the page. One without it would do for
    /// every page, so once configured it must be there.
    fn check_party(&self, claims: &Map<String, Value>) -> Result<(), SessionRefusal> {
        if self.parties.is_empty() {
            return Ok(());
        }
        match claims.get("azp") {
            None => Err(SessionRefusal::Missing("azp".to_owned())),
            Some(Value::String(given)) if self.parties.contains(given) => Ok(()),
            Some(_) => Err(SessionRefusal::Party),
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

/// A NumericDate as a time. One in the far future is the issuer's choice; the calendar ends first.
pub(super) fn seconds(since_1970: f64) -> Timestamp {
    Timestamp::from_microsecond((since_1970 * 1e6) as i64).unwrap_or(Timestamp::MAX)
}

impl IdClaim {
    fn id<T>(&self, claims: &Map<String, Value>, parse: fn(&str) -> Result<T, InvalidId>) -> Result<T, SessionRefusal> {
        let claim = &self.name;
        let value = lookup(claims, claim).ok_or_else(|| SessionRefusal::Missing(claim.to_owned()))?;
        let value = match (self.form, value) {
            (Form::OnlyOne, Value::Array(listed)) => match &listed[..] {
                [one] => one,
                _ => return Err(wrong(claim, "does not name exactly one: ask for a token for one organization")),
            },
            (_, value) => value,
        };
        let text = value.as_str().ok_or_else(|| wrong(claim, "is not a string"))?;
        let parsed = match self.form {
            Form::Bars if text.contains(':') => return Err(wrong(claim, "has a colon, which stands for a bar here")),
            Form::Bars => parse(&text.replace('|', ":")),
            Form::Text | Form::OnlyOne => parse(text),
        };
        parsed.map_err(|_| wrong(claim, "is not an id: 1 to 200 letters, digits and - . _ ~ @ : + ,"))
    }
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
