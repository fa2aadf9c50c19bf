//! Why a delivery was not accepted, and what to do about it.

use std::time::Duration;

use super::header::{MAX_HEADER, MAX_SIGNATURES};

/// Why a delivery was not accepted. Never shows a secret, a signature or the body.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The body is longer than any event.
    #[error("the webhook's body is longer than {limit} bytes: Monite's events are far shorter; refuse it with 413")]
    BodyTooLong {
        /// Bytes allowed.
        limit: usize,
    },
    /// The header is not one that Monite writes.
    #[error(
        "malformed Monite-Signature header: {what}; expected t=<unix seconds>,v1=<64 lowercase hex digits>, at most \
         {MAX_HEADER} bytes and {MAX_SIGNATURES} signatures"
    )]
    MalformedHeader {
        /// What is wrong with it.
        what: &'static str,
    },
    /// Nothing to check against.
    #[error("no webhook secret is configured: store the one that creating or regenerating the subscription returned")]
    NoSecret,
    /// A secret without content would accept signatures from anybody.
    #[error(
        "a configured webhook secret is empty or not in the form chosen for key bytes: copy it again, whole, with its \
         whsec_ prefix"
    )]
    UnusableSecret,
    /// Sent by somebody else, changed on the way, or signed with a secret that is not here.
    #[error(
        "none of the {tried} webhook secret(s) made this signature: check that they belong to this subscription and \
         environment and were not regenerated, and that the body is checked as it came, before anything parses it"
    )]
    NoSecretMatched {
        /// Secrets tried.
        tried: usize,
    },
    /// Rightly signed, but the times are too far apart: an old delivery played again, or a wrong clock.
    #[error("the webhook was signed {}: {}", apart(*.behind_seconds, *.tolerance), advice(*.behind_seconds))]
    ClockSkew {
        /// Seconds from its time to ours; negative when it is from the future.
        behind_seconds: i64,
        /// Seconds allowed.
        tolerance: Duration,
    },
    /// Rightly signed, but not an event.
    #[error("the webhook is rightly signed, but its body is not an event this version can read")]
    Unreadable {
        /// What did not fit.
        #[source]
        source: serde_json::Error,
    },
}

impl WebhookError {
    /// Whether the sender could not prove to be Monite: answer 400 or 401 and change nothing. The others are for the
    /// receiver's own log.
    pub fn is_unproven(&self) -> bool {
        matches!(self, Self::MalformedHeader { .. } | Self::NoSecretMatched { .. } | Self::ClockSkew { .. })
    }
}

fn apart(behind: i64, tolerance: Duration) -> String {
    let seconds = behind.unsigned_abs();
    let way = if behind < 0 { "in the future" } else { "ago" };
    format!("{seconds} s {way}, more than the {} s allowed", tolerance.as_secs())
}

fn advice(behind: i64) -> &'static str {
    if behind < 0 {
        "this machine's clock is slow, set it by NTP"
    } else {
        "either an old delivery was sent again, or this machine's clock is fast, set it by NTP"
    }
}
