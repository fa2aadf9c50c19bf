//! What goes out to a receiver: body and signature, ready to be sent.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use uuid::Uuid;

use super::delivery::Attempt;
use crate::quirks::{Point, Quirks};
use crate::world::stamp::Stamp;

/// The header that carries the signature.
pub(crate) const SIGNATURE_HEADER: &str = "Monite-Signature";

/// What every secret begins with.
pub(super) const SECRET_PREFIX: &str = "whsec_";

/// A delivery that is due, to be turned into a letter when it is really sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Errand {
    pub(crate) subscription: Uuid,
    pub(crate) delivery: Uuid,
}

/// One request to be made, as plain data.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) delivery: Uuid,
    /// Attempts made before this one; tells a late result from a fresh one.
    pub(crate) attempts_made: u32,
    pub(crate) url: String,
    pub(crate) body: Vec<u8>,
    /// The value of [`SIGNATURE_HEADER`].
    pub(crate) signature: String,
    /// Only 200 counts as delivered, not any 2xx.
    pub(crate) only_200: bool,
}

/// How many bytes of an answer are kept. Enough to see what went wrong, and no receiver can fill the memory.
pub(crate) const ANSWER_KEPT: usize = 2048;

impl Letter {
    /// What an answer means.
    pub(crate) fn answered(&self, status: u16, body: &[u8]) -> Attempt {
        let delivered = if self.only_200 { status == 200 } else { (200..300).contains(&status) };
        let kept = &body[..body.len().min(ANSWER_KEPT)];
        Attempt::Answered { status, response: String::from_utf8_lossy(kept).into_owned(), delivered }
    }
}

/// `t=<unix seconds>,v1=<64 lowercase hex digits>` over `<t>.<body>`, keyed with the whole text of the secret.
/// Neither the signed text nor the key is documented beyond doubt, so both can be flipped.
pub(super) fn signature(secret: &SecretString, now: Stamp, body: &[u8], quirks: &Quirks) -> String {
    let seconds = now.micros().div_euclid(1_000_000);
    let secret = secret.expose_secret();
    let key = if quirks.is(Point::WebhookKey, "stripped") {
        secret.strip_prefix(SECRET_PREFIX).unwrap_or(secret)
    } else {
        secret
    };
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    if !quirks.is(Point::WebhookSignedText, "body") {
        mac.update(format!("{seconds}.").as_bytes());
    }
    mac.update(body);
    let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with `openssl dgst -sha256 -hmac`.
    #[test]
    fn signatures_are_what_another_program_computes() {
        let now = Stamp::parse("2026-03-01T09:30:00.9Z").unwrap();
        let secret = SecretString::from("whsec_abc");
        let sign = |quirks: &Quirks| signature(&secret, now, br#"{"a":1}"#, quirks);
        let mut quirks = Quirks::default();
        assert_eq!(sign(&quirks), "t=1772357400,v1=bf3f9ebf1ecb0a9c923a3cb30aa49dcafe440092dd8b3f16c0d3882a702bc0f1");
        quirks.set("webhook_signed_text", "body").unwrap();
        assert_eq!(sign(&quirks), "t=1772357400,v1=359ab2775fc376b1a8dee20a432572581b7d5b4e2c3a4e3ff657ed6713fa7eeb");
        quirks.set("webhook_key", "stripped").unwrap();
        assert_eq!(sign(&quirks), "t=1772357400,v1=1f14a62b15ba5095326d6c75c3e2e6b462dd71e1c4b7fbdac0f32309adb7be5f");
    }
}
