mod preset;

use std::path::PathBuf;
use std::time::Duration;

use super::address;
use super::section::Section;

pub use self::preset::SessionPreset;

/// `[session]`: how the product's own session tokens (JWT) are checked when a browser asks for a Monite token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionConfig {
    /// Whose tokens they are, if it is somebody known. What follows from it stands in the other fields already.
    pub preset: Option<SessionPreset>,
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
    /// Sessions must have been made for one of these (`azp`): Clerk's is the origin of the page, others' a client's id. Empty means the
    /// claim is not looked at.
    pub authorized_parties: Vec<String>,
    /// How far the issuer's clock may be from ours.
    pub leeway: Duration,
    /// The claim that holds the customer's id.
    pub customer_claim: String,
    /// The claim that holds the user's id.
    pub user_claim: String,
    /// Asks for tokens per second that one session may make, and twice as many at once; `None`: any number.
    pub rate_limit: Option<u32>,
    /// The same for all sessions, good and bad, of one address (IPv6: of one /64).
    pub address_rate_limit: Option<u32>,
    /// Whether the issuer is asked if a session is still alive, and how.
    pub introspection: Option<IntrospectionConfig>,
}

/// Asking the issuer whether a session is still alive (RFC 7662). The secret is `MONITE_BRIDGE_INTROSPECTION_SECRET`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntrospectionConfig {
    /// Where: https, or http on this machine.
    pub url: String,
    /// Who we are to the issuer.
    pub client_id: String,
    /// How long a session that is alive is not asked about again. An ended one gets tokens for so long at most.
    pub remember: Duration,
}

/// A person who logs out is out after half a minute; a page that asks for tokens costs the issuer one ask in that time.
const REMEMBER: Duration = Duration::from_secs(30);

/// Longer, and the proof would be none.
const MAX_REMEMBER: Duration = Duration::from_secs(300);

/// A page asks once in ten minutes; one with many parts that all begin at once, a handful of times.
const RATE_LIMIT: u32 = 10;

/// An office of thousands behind one address asks a few times a second, and in the morning a few dozen times.
const ADDRESS_RATE_LIMIT: u32 = 50;

/// More is no limit; "off" says so.
const MAX_RATE: u32 = 100_000;

/// Longer would keep sessions alive well past the end their issuer gave them.
const MAX_LEEWAY: Duration = Duration::from_secs(300);

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            preset: None,
            rate_limit: Some(RATE_LIMIT),
            address_rate_limit: Some(ADDRESS_RATE_LIMIT),
            introspection: None,
            jwks_url: None,
            jwks_file: None,
            hs256_secret_env: None,
            issuer: None,
            audience: Vec::new(),
            authorized_parties: Vec::new(),
            leeway: Duration::from_secs(30),
            customer_claim: "org_id".to_owned(),
            user_claim: "sub".to_owned(),
        }
    }
}

impl SessionConfig {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let preset = section.choice("preset", &SessionPreset::ALL);
        let issuer = match preset {
            Some(preset) => section.parsed("issuer", |text| preset.issuer(text)),
            None => section.text("issuer"),
        };
        let customer_claim = preset.map_or(default.customer_claim, |preset| preset.customer_claim().to_owned());
        let audience = preset.map_or(&[][..], SessionPreset::audience).iter().map(|one| (*one).to_owned()).collect();
        let mut config = Self {
            preset,
            jwks_url: section.parsed("jwks_url", address::trustworthy),
            jwks_file: section.text("jwks_file").map(PathBuf::from),
            hs256_secret_env: section.parsed("hs256_secret_env", variable_name),
            issuer,
            audience: section.texts("audience").unwrap_or(audience),
            authorized_parties: section.texts("authorized_parties").unwrap_or_default(),
            leeway: section.duration("leeway", Duration::ZERO..=MAX_LEEWAY).unwrap_or(default.leeway),
            customer_claim: section.text("customer_claim").unwrap_or(customer_claim),
            user_claim: section.text("user_claim").unwrap_or(default.user_claim),
            rate_limit: section.number_or_off("rate_limit", 1..=MAX_RATE).unwrap_or(default.rate_limit),
            address_rate_limit: section
                .number_or_off("address_rate_limit", 1..=MAX_RATE)
                .unwrap_or(default.address_rate_limit),
            introspection: None,
        };
        config.introspection = config.read_introspection(&mut section);
        config.check(&mut section);
        section.finish();
        config
    }

    fn read_introspection(&self, section: &mut Section<'_>) -> Option<IntrospectionConfig> {
        let url = section.parsed("introspection_url", address::trustworthy);
        let client_id = section.text("introspection_client_id");
        let remember = section.duration("introspection_remember", Duration::ZERO..=MAX_REMEMBER).unwrap_or(REMEMBER);
        let known = || self.preset?.introspection_url(self.issuer.as_deref()?);
        match (url, client_id) {
            (Some(url), Some(client_id)) => Some(IntrospectionConfig { url, client_id, remember }),
            (None, Some(client_id)) if !section.has("introspection_url") => match known() {
                Some(url) => Some(IntrospectionConfig { url, client_id, remember }),
                None => {
                    let message = "says who asks, but not where; set session.introspection_url";
                    section.refuse("introspection_client_id", message);
                    None
                }
            },
            (Some(_), None) => {
                section
                    .refuse("introspection_url", "says where to ask, but not who; set session.introspection_client_id");
                None
            }
            (None, _) => None,
        }
    }

    /// What is wrong with the keys together, and where keys are found that nobody named.
    fn check(&mut self, section: &mut Section<'_>) {
        if SIGNED.iter().filter(|key| section.has(key)).count() > 1 {
            let message = "jwks_url, jwks_file and hs256_secret_env each say how sessions are signed; keep one of them";
            section.refuse("jwks_url", message);
        }
        if self.customer_claim == self.user_claim {
            section.refuse("user_claim", "customer_claim and user_claim must be two different claims");
        }
        let Some(preset) = self.preset else { return };
        if !SIGNED.iter().any(|key| section.has(key)) {
            self.jwks_url = self.issuer.as_deref().and_then(|issuer| preset.jwks_url(issuer));
            // An issuer that cannot be read is refused already.
            if self.jwks_url.is_none() && (self.issuer.is_some() || !section.has("issuer")) {
                section.refuse("preset", preset.missing());
            }
        }
        for (key, claim) in [("customer_claim", &self.customer_claim), ("user_claim", &self.user_claim)] {
            if let Some(objection) = SessionPreset::objects_to(claim) {
                section.refuse(key, objection);
            }
        }
        if preset == SessionPreset::Auth0 && self.audience.is_empty() && !section.has("audience") {
            let message = "with \"auth0\" set session.audience to the identifier of your API: without it every token of the tenant would do";
            section.refuse("preset", message);
        }
    }

    /// Whether tokens that the issuer made for other applications would do.
    pub(super) fn takes_any_audience(&self) -> bool {
        let from_issuer = self.jwks_url.is_some() || self.jwks_file.is_some();
        from_issuer && self.audience.is_empty() && self.preset.is_none_or(SessionPreset::has_audience)
    }

    /// Whether Clerk's sessions for any page of the instance would do: its tokens name no audience, only the page.
    pub(super) fn takes_any_page(&self) -> bool {
        self.preset == Some(SessionPreset::Clerk) && self.authorized_parties.is_empty() && self.audience.is_empty()
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

#[cfg(test)]
mod tests;
