//! The issuer's public keys (a JWK set, RFC 7517), and which algorithm each is for.
//!
//! The key says the algorithm, never the token: a key of this set verifies with exactly one. What cannot be used (encryption keys,
//! other curves, short RSA keys, secrets) is left out with its reason; it must not make the rest unusable.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::refusal::SessionRefusal;
use super::token::Header;

/// Shorter RSA keys can be broken (RFC 7518, section 3.3); longer ones than the upper bound only cost time.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// More keys than this are no key set: issuers show two to five.
const MOST_KEYS: usize = 100;

/// Keys that sessions may be signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeySet {
    /// In an order of their own, so that a set that was only shuffled equals itself.
    keys: Vec<Key>,
    /// What cannot be used, for the log.
    pub(super) left_out: Vec<LeftOut>,
}

/// One key and the only algorithm it verifies.
#[derive(Clone)]
pub(super) struct Key {
    kid: Option<String>,
    algorithm: Algorithm,
    /// As a token's `alg` must say it, exactly.
    name: &'static str,
    /// Tells keys apart; the key itself cannot be compared.
    fingerprint: [u8; 32],
    verifies: DecodingKey,
}

/// A key that is not used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LeftOut {
    pub(super) kid: Option<String>,
    pub(super) reason: String,
}

/// A document that is not a set of keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadKeySet {
    #[error("it is not JSON with a list of `keys` (RFC 7517)")]
    NotASet,
    #[error("it has more than {MOST_KEYS} keys")]
    TooMany,
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        (&self.kid, self.name, self.fingerprint) == (&other.kid, other.name, other.fingerprint)
    }
}

impl Eq for Key {}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("kid", &self.kid).field("algorithm", &self.name).finish_non_exhaustive()
    }
}

impl KeySet {
    /// Reads a JWK set.
    pub(super) fn parse(document: &[u8]) -> Result<Self, BadKeySet> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        let Document { keys: listed } = serde_json::from_slice(document).map_err(|_| BadKeySet::NotASet)?;
        if listed.len() > MOST_KEYS {
            return Err(BadKeySet::TooMany);
        }
        let (mut keys, mut left_out) = (Vec::new(), Vec::new());
        for one in listed {
            let kid = one.get("kid").and_then(Value::as_str).map(str::to_owned);
            match Key::read(&one) {
                Ok(key) => keys.push(key),
                Err(reason) => left_out.push(LeftOut { kid, reason }),
            }
        }
        keys.sort_by(|a: &Key, b| (&a.kid, a.fingerprint).cmp(&(&b.kid, b.fingerprint)));
        keys.dedup();
        Ok(Self { keys, left_out })
    }

    /// How many can be used.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The one key that a token with this header must be signed with.
    ///
    /// A token that names its key gets that key or none. One that names none gets a key only where a single one fits: nothing is
    /// tried in turn.
    pub(super) fn choose(&self, header: &Header) -> Result<&Key, SessionRefusal> {
        let Some(alg) = header.alg.as_deref().filter(|alg| NAMES.contains(alg)) else {
            return Err(SessionRefusal::NoPublicKeyAlgorithm);
        };
        let kid = header.kid()?;
        let named: Vec<&Key> = self.keys.iter().filter(|key| kid.is_none() || key.kid.as_deref() == kid).collect();
        let fitting: Vec<&Key> = named.iter().copied().filter(|key| key.name == alg).collect();
        match (&fitting[..], named.first(), kid) {
            ([one], _, _) => Ok(*one),
            ([], None, Some(_)) => Err(SessionRefusal::UnknownKey),
            ([], Some(key), Some(_)) => Err(SessionRefusal::KeyAlgorithm(key.name)),
            ([], _, None) => Err(SessionRefusal::NoKeyFits),
            (_, _, Some(_)) => Err(SessionRefusal::TwinKeys),
            (_, _, None) => Err(SessionRefusal::SeveralKeysFit),
        }
    }
}

/// Every `alg` that a public key here can be for. `Ed25519` is what RFC 9864 calls EdDSA on that curve.
const NAMES: [&str; 4] = ["RS256", "ES256", "EdDSA", "Ed25519"];

impl Key {
    /// Whether `signature` (base64url) is this key's over `signed`.
    pub(super) fn verifies(&self, signature: &str, signed: &[u8]) -> bool {
        // What cannot be decoded, or has another length, is no signature of this key.
        jsonwebtoken::crypto::verify(signature, signed, &self.verifies, self.algorithm).unwrap_or(false)
    }

    /// Reads one JWK, or says why it cannot be used.
    fn read(jwk: &Value) -> Result<Self, String> {
        let jwk: Jwk = Jwk::deserialize(jwk).map_err(|_| "it is not a JWK: a member has the wrong type".to_owned())?;
        jwk.check_purpose()?;
        let (name, verifies, material) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => jwk.rsa()?,
            ("EC", Some("P-256")) => jwk.p256()?,
            ("OKP", Some("Ed25519")) => jwk.ed25519()?,
            ("oct", _) => return Err("it is a shared secret, which has no place in a key set".to_owned()),
            _ => return Err("its kind (kty, crv) is none of RSA, EC P-256 and OKP Ed25519".to_owned()),
        };
        let algorithm = match name {
            "RS256" => Algorithm::RS256,
            "ES256" => Algorithm::ES256,
            _ => Algorithm::EdDSA,
        };
        Ok(Self { kid: jwk.kid, algorithm, name, fingerprint: Sha256::digest(&material).into(), verifies })
    }
}

/// The members of a JWK that matter here.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: Option<String>,
    alg: Option<String>,
    kid: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    /// The private part.
    d: Option<Value>,
}

type Usable = (&'static str, DecodingKey, Vec<u8>);

impl Jwk {
    fn check_purpose(&self) -> Result<(), String> {
        if self.r#use.as_deref().is_some_and(|purpose| purpose != "sig") {
            return Err("it is not for signatures (use)".to_owned());
        }
        if self.key_ops.as_ref().is_some_and(|operations| !operations.iter().any(|one| one == "verify")) {
            return Err("it is not for verifying (key_ops)".to_owned());
        }
        if self.d.is_some() {
            return Err("it shows its private part (d): whoever reads it can forge sessions, make a new one".to_owned());
        }
        Ok(())
    }

    /// The name of the algorithm: what the key says itself, if it is one of these, or the first where it says nothing.
    fn algorithm(&self, possible: &[&'static str]) -> Result<&'static str, String> {
        match &self.alg {
            None => Ok(possible[0]),
            Some(alg) => possible
                .iter()
                .find(|name| *name == alg)
                .copied()
                .ok_or_else(|| format!("its algorithm (alg) is not {}", possible[0])),
        }
    }

    fn rsa(&self) -> Result<Usable, String> {
        let name = self.algorithm(&["RS256"])?;
        let (n, e) = (integer("n", self.n.as_deref())?, integer("e", self.e.as_deref())?);
        let bits = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
        if !RSA_BITS.contains(&bits) {
            return Err(format!(
                "it is an RSA key of {bits} bits; {} to {} are used",
                RSA_BITS.start(),
                RSA_BITS.end()
            ));
        }
        // With an exponent of 1 everybody can sign; even ones are no exponents.
        if e.len() > 4 || e == [1] || e.last().is_none_or(|last| last % 2 == 0) {
            return Err("its exponent (e) is none of an RSA key".to_owned());
        }
        Ok((name, DecodingKey::from_rsa_raw_components(&n, &e), [n, e].concat()))
    }

    fn p256(&self) -> Result<Usable, String> {
        let name = self.algorithm(&["ES256"])?;
        let (x, y) = (coordinate("x", self.x.as_deref())?, coordinate("y", self.y.as_deref())?);
        // An uncompressed point (SEC 1, section 2.3.3).
        let point = [&[4], &x[..], &y[..]].concat();
        Ok((name, DecodingKey::from_ec_der(&point), point))
    }

    fn ed25519(&self) -> Result<Usable, String> {
        let name = self.algorithm(&["EdDSA", "Ed25519"])?;
        let x = coordinate("x", self.x.as_deref())?;
        Ok((name, DecodingKey::from_ed_der(&x), x))
    }
}

fn bytes(member: &str, text: Option<&str>) -> Result<Vec<u8>, String> {
    let text = text.ok_or_else(|| format!("its member {member} is missing"))?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| format!("its member {member} is not base64url"))
}

/// A number without zeros in front, however the issuer wrote it.
fn integer(member: &str, text: Option<&str>) -> Result<Vec<u8>, String> {
    let bytes = bytes(member, text)?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    Ok(bytes[zeros..].to_vec())
}

fn coordinate(member: &str, text: Option<&str>) -> Result<Vec<u8>, String> {
    let bytes = bytes(member, text)?;
    if bytes.len() == 32 { Ok(bytes) } else { Err(format!("its member {member} does not have 32 bytes")) }
}

#[cfg(test)]
mod tests;
