//! HMAC-SHA256 over the body and its time.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use super::header::Signature;

/// What every secret begins with.
const PREFIX: &str = "whsec_";

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignedContent {
    /// `<t>.<body>`: the header's scheme is known from elsewhere to mean this. The default.
    TimeDotBody,
    /// `<t><body>`.
    TimeBody,
    /// The body alone: an old delivery played again can then not be told from a new one.
    Body,
}

impl SignedContent {
    pub(super) fn sign(self, key: &SecretSlice<u8>, time: &str, body: &[u8]) -> Signature {
        let parts: &[&[u8]] = match self {
            Self::TimeDotBody => &[time.as_bytes(), b".", body],
            Self::TimeBody => &[time.as_bytes(), body],
            Self::Body => &[body],
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret()).expect("an HMAC key may have any length");
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// Which bytes of a secret are the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyBytes {
    /// The text as it is, `whsec_` included. The default.
    WholeSecret,
    /// The text after `whsec_`.
    AfterPrefix,
    /// The bytes whose Base64 is the text after `whsec_`.
    Base64AfterPrefix,
}

impl KeyBytes {
    /// `None` when no bytes are left, or they cannot be read.
    pub(super) fn of(self, secret: &SecretString) -> Option<SecretSlice<u8>> {
        let whole = secret.expose_secret();
        let bytes = match self {
            Self::WholeSecret => whole.as_bytes().to_vec(),
            Self::AfterPrefix => whole.strip_prefix(PREFIX)?.as_bytes().to_vec(),
            Self::Base64AfterPrefix => BASE64_STANDARD.decode(whole.strip_prefix(PREFIX)?).ok()?,
        };
        (!bytes.is_empty()).then(|| SecretSlice::from(bytes))
    }
}

/// Whether `expected` is among `given`. Looks at all of them, and at all bytes of each, whatever it finds.
pub(super) fn is_among(expected: &Signature, given: &[Signature]) -> Choice {
    given.iter().fold(Choice::from(0), |found, one| found | expected.ct_eq(one))
}
