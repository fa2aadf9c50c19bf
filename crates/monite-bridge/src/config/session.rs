use std::path::PathBuf;
use std::time::Duration;

use super::address;
use super::section::Section;

/// `[session]`: how the product's own session tokens (JWT) are checked when a browser asks for a Monite token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionConfig {
    /// Where the issuer shows its public keys: https, or http on this machine.
    pub jwks_url: Option<String>,
    /// A file with the issuer's public keys, read again when it changes.
    pub jwks_file: Option<PathBuf>,
    /// The environment variable with the shared HS256 secret. Without any of the three the browser-facing token route is off.
    pub hs256_secret_env: Option<String>,
    /// The `iss` every session must carry, if set.
    pub issuer: Option<String>,
    /// Sessions must be meant for one of these (`aud`); empty means the claim is not looked at.
    pub audience: Vec<String>,
    /// How far the issuer's clock may be from ours.
    pub leeway: Duration,
    /// The claim that holds the customer's id.
    pub customer_claim: String,
    /// The claim that holds the user's id.
    pub user_claim: String,
}

/// Longer would keep sessions alive well past the end their issuer gave them.
const MAX_LEEWAY: Duration = Duration::from_secs(300);

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            jwks_url: None,
            jwks_file: None,
            hs256_secret_env: None,
            issuer: None,
            audience: Vec::new(),
            leeway: Duration::from_secs(30),
            customer_claim: "org_id".to_owned(),
            user_claim: "sub".to_owned(),
        }
    }
}

impl SessionConfig {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let config = Self {
            jwks_url: section.parsed("jwks_url", address::trustworthy),
            jwks_file: section.text("jwks_file").map(PathBuf::from),
            hs256_secret_env: section.parsed("hs256_secret_env", variable_name),
            issuer: section.text("issuer"),
            audience: section.texts("audience").unwrap_or_default(),
            leeway: section.duration("leeway", Duration::ZERO..=MAX_LEEWAY).unwrap_or(default.leeway),
            customer_claim: section.text("customer_claim").unwrap_or(default.customer_claim),
            user_claim: section.text("user_claim").unwrap_or(default.user_claim),
        };
        if config.customer_claim == config.user_claim {
            section.refuse("user_claim", "customer_claim and user_claim must be two different claims");
        }
        if SIGNED.iter().filter(|key| section.has(key)).count() > 1 {
            section.refuse(
                "jwks_url",
                "jwks_url, jwks_file and hs256_secret_env each say how sessions are signed; keep one of them",
            );
        }
        section.finish();
        config
    }

    /// Whether sessions can be checked at all.
    #[must_use]
    pub fn says_how_it_is_signed(&self) -> bool {
        self.jwks_url.is_some() || self.jwks_file.is_some() || self.hs256_secret_env.is_some()
    }
}

const SIGNED: [&str; 3] = ["jwks_url", "jwks_file", "hs256_secret_env"];

/// The value is not repeated in the message: somebody may have put the secret itself here.
fn variable_name(text: &str) -> Result<String, String> {
    let well_formed =
        text.bytes().enumerate().all(|(i, b)| b.is_ascii_alphabetic() || b == b'_' || (i > 0 && b.is_ascii_digit()));
    well_formed.then(|| text.to_owned()).ok_or_else(|| {
        "must be the name of an environment variable, such as \"SESSION_SECRET\", not the secret itself".to_owned()
    })
}
