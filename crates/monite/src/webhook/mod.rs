//! Webhooks received: was this sent by Monite, lately, and what does it say?
//!
//! ```
//! use monite::SecretString;
//! use monite::webhook::{self, DEFAULT_TOLERANCE};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let now: jiff::Timestamp = "2026-11-24T09:00:00Z".parse()?;
//! # let body = br#"{"id":"8e05bbf9-0000-4000-8000-000000000001","action":"entity.updated","api_version":"2024-05-25",
//! #   "description":"entity has been updated","entity_id":"8e05bbf9-0000-4000-8000-00000000000e",
//! #   "object":{"id":"8e05bbf9-0000-4000-8000-00000000000e"},"object_type":"entity"}"#;
//! // One secret per subscription; two while one is being replaced.
//! let secrets = [SecretString::from("whsec_new"), SecretString::from("whsec_old")];
//! # let header = webhook::sign(body, &secrets[1], now)?;
//!
//! // The body as it came, before anything parses it; the header is `Monite-Signature`.
//! let event = webhook::verify(body, &header, &secrets, DEFAULT_TOLERANCE, now)?;
//! assert_eq!(event.action, monite::EventAction::Updated);
//! # Ok(())
//! # }
//! ```
//!
//! Answer exactly 200 and do so fast; remember the event's id, because a delivery can come twice; read the object
//! afresh, because deliveries can overtake each other.

mod error;
mod header;
mod signature;

use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

pub use error::WebhookError;
pub use signature::{KeyBytes, SignedContent};

use crate::model::Event;
use header::SignatureHeader;

/// Name of the header that carries the signature.
pub const SIGNATURE_HEADER: &str = "Monite-Signature";

/// How far the time of a delivery may be from ours, both ways, unless said otherwise. Monite states none; this is the
/// one that others with the same scheme use.
pub const DEFAULT_TOLERANCE: Duration = Duration::from_secs(300);

/// Longest body taken unless said otherwise, in bytes. An event is a pointer of less than 1 KiB.
pub const DEFAULT_MAX_BODY: usize = 256 * 1024;

/// Checks a delivery and reads its event, with Monite's defaults: `<t>.<body>` signed with the whole secret.
///
/// `body` is the raw body: parsed and written again it would not be what was signed. `header` is [`SIGNATURE_HEADER`].
/// Any of `secrets` may have signed it; all are always tried, so that the time taken tells nothing about them.
///
/// # Errors
/// A [`WebhookError`] says what is wrong and what to do; it holds neither secret nor signature.
pub fn verify(
    body: &[u8], header: &str, secrets: &[SecretString], tolerance: Duration, now: Timestamp,
) -> Result<Event, WebhookError> {
    Verifier::new().tolerance(tolerance).verify(body, header, secrets, now)
}

/// Signs a body as Monite does and gives the header's value: for tests of a receiver.
///
/// # Errors
/// When the secret is empty.
pub fn sign(body: &[u8], secret: &SecretString, at: Timestamp) -> Result<String, WebhookError> {
    Verifier::new().sign(body, secret, at)
}

/// [`verify`] with other choices. What is signed and which bytes are the key is inferred, not documented by Monite:
/// should it turn out differently, it is changed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verifier {
    tolerance: Duration,
    max_body: usize,
    content: SignedContent,
    key: KeyBytes,
}

impl Default for Verifier {
    fn default() -> Self {
        Self::new()
    }
}

impl Verifier {
    /// With Monite's defaults.
    pub const fn new() -> Self {
        Self {
            tolerance: DEFAULT_TOLERANCE,
            max_body: DEFAULT_MAX_BODY,
            content: SignedContent::TimeDotBody,
            key: KeyBytes::WholeSecret,
        }
    }

    /// How far the time of a delivery may be from ours, both ways, in whole seconds.
    #[must_use]
    pub const fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Longest body taken, in bytes.
    #[must_use]
    pub const fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// What is signed.
    #[must_use]
    pub const fn signed_content(mut self, content: SignedContent) -> Self {
        self.content = content;
        self
    }

    /// Which bytes of the secret are the key.
    #[must_use]
    pub const fn key_bytes(mut self, key: KeyBytes) -> Self {
        self.key = key;
        self
    }

    /// Checks a delivery and reads its event; see [`verify`].
    ///
    /// The signature is checked before the time, so that a complaint about the time is one that Monite itself gave
    /// cause for.
    ///
    /// # Errors
    /// A [`WebhookError`] says what is wrong and what to do.
    pub fn verify(
        &self, body: &[u8], header: &str, secrets: &[SecretString], now: Timestamp,
    ) -> Result<Event, WebhookError> {
        if body.len() > self.max_body {
            return Err(WebhookError::BodyTooLong { limit: self.max_body });
        }
        let header = SignatureHeader::parse(header)?;
        self.check_signature(body, &header, secrets)?;
        self.check_time(&header, now)?;
        serde_json::from_slice(body).map_err(|source| WebhookError::Unreadable { source })
    }

    /// Signs a body; see [`sign`].
    ///
    /// # Errors
    /// When no bytes of the secret are left for the key.
    pub fn sign(&self, body: &[u8], secret: &SecretString, at: Timestamp) -> Result<String, WebhookError> {
        let time = at.as_second().to_string();
        let key = self.key.of(secret).ok_or(WebhookError::UnusableSecret)?;
        let signature = self.content.sign(&key, &time, body);
        Ok(format!("t={time},v1={}", header::to_hex(&signature)))
    }

    fn check_signature(
        &self, body: &[u8], header: &SignatureHeader<'_>, secrets: &[SecretString],
    ) -> Result<(), WebhookError> {
        if secrets.is_empty() {
            return Err(WebhookError::NoSecret);
        }
        let mut found = subtle::Choice::from(0);
        for secret in secrets {
            // An empty key would let anybody sign: refused even if another secret matches.
            let key = self.key.of(secret).ok_or(WebhookError::UnusableSecret)?;
            let expected = self.content.sign(&key, header.time_text, body);
            found |= signature::is_among(&expected, &header.signatures);
        }
        if bool::from(found) { Ok(()) } else { Err(WebhookError::NoSecretMatched { tried: secrets.len() }) }
    }

    fn check_time(&self, header: &SignatureHeader<'_>, now: Timestamp) -> Result<(), WebhookError> {
        let behind = now.as_second().saturating_sub(header.time);
        if behind.unsigned_abs() <= self.tolerance.as_secs() {
            return Ok(());
        }
        Err(WebhookError::ClockSkew { behind_seconds: behind, tolerance: self.tolerance })
    }
}
