//! A JWT taken apart, before anything in it is believed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::refusal::SessionRefusal;

/// Longer tokens are refused unread: hashing what nobody issued is work for an attacker.
pub(super) const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Longest header, in base64url. A chain of certificates, which is not looked at, would just fit.
const MAX_HEADER_BYTES: usize = 8 * 1024;

/// Longest name of a key, in bytes: issuers use up to 64.
const MAX_KID_BYTES: usize = 512;

/// The three parts, of which the header is read.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) header: Header,
    claims: &'a str,
    /// What the signature is over.
    pub(super) signed: &'a [u8],
    /// In base64url.
    pub(super) signature: &'a str,
}

/// What a header may say here. Keys that a token brings along (`jwk`, `jku`, `x5c`, `x5u`) are not read at all.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) alg: Option<String>,
    kid: Option<Value>,
}

impl<'a> Parts<'a> {
    pub(super) fn of(token: &'a str) -> Result<Self, SessionRefusal> {
        let parts: Vec<&str> = token.splitn(4, '.').collect();
        let [header, claims, signature] = parts[..] else {
            return Err(SessionRefusal::Malformed("a JWT has three parts with dots in between"));
        };
        let signed = &token.as_bytes()[..header.len() + 1 + claims.len()];
        Ok(Self { header: Header::read(header)?, claims, signed, signature })
    }

    /// What the token claims. Only to be read once the signature is right.
    pub(super) fn claims(&self) -> Result<Map<String, Value>, SessionRefusal> {
        json_object(self.claims).ok_or(SessionRefusal::Malformed("its claims are not a JSON object in base64url"))
    }
}

impl Header {
    fn read(part: &str) -> Result<Self, SessionRefusal> {
        if part.len() > MAX_HEADER_BYTES {
            return Err(SessionRefusal::Malformed("its header is longer than 8 KiB"));
        }
        let mut header =
            json_object(part).ok_or(SessionRefusal::Malformed("its header is not a JSON object in base64url"))?;
        let alg = match header.remove("alg") {
            Some(Value::String(alg)) => Some(alg),
            _ => None,
        };
        // RFC 7515, section 4.1.11: what must be understood and is not makes the token invalid.
        if header.contains_key("crit") {
            return Err(SessionRefusal::Critical);
        }
        Ok(Self { alg, kid: header.remove("kid") })
    }

    /// The name of the key, where keys have names.
    pub(super) fn kid(&self) -> Result<Option<&str>, SessionRefusal> {
        match &self.kid {
            None => Ok(None),
            Some(Value::String(kid)) if kid.len() <= MAX_KID_BYTES => Ok(Some(kid)),
            Some(Value::String(_)) => {
                Err(SessionRefusal::Malformed("the name of its key (kid) is longer than 512 bytes"))
            }
            Some(_) => Err(SessionRefusal::Malformed("the name of its key (kid) is not a string")),
        }
    }
}

fn json_object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
