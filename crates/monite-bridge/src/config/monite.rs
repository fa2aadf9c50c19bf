use url::Url;

use super::address;
use super::section::{Section, join};

/// `[monite]`: which Monite to talk to, and how fast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoniteConfig {
    /// Where Monite's API is.
    pub target: MoniteTarget,
    /// The `x-monite-version` sent with every call, `YYYY-MM-DD`.
    pub api_version: String,
    /// Requests per second for everything together, token calls included. Monite allows 30 per client id unless agreed otherwise.
    pub rate_limit: u32,
}

/// Where Monite's API is: one of Monite's own places, or an address (a local sandbox, a proxy).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoniteTarget {
    /// `environment = "sandbox"`: Monite's own sandbox.
    Sandbox,
    /// `environment = "production-eu"`.
    ProductionEu,
    /// `environment = "production-us"`.
    ProductionUs,
    /// `base_url = "..."`: http or https, including `/v1`, without a slash at the end.
    BaseUrl(String),
}

impl Default for MoniteConfig {
    fn default() -> Self {
        Self { target: MoniteTarget::Sandbox, api_version: "2024-05-25".to_owned(), rate_limit: 30 }
    }
}

impl MoniteConfig {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let config = Self {
            target: read_target(&mut section).unwrap_or(default.target),
            api_version: section.parsed("api_version", api_version).unwrap_or(default.api_version),
            rate_limit: section.number("rate_limit", 1..=100_000).unwrap_or(default.rate_limit),
        };
        section.finish();
        config
    }
}

fn read_target(section: &mut Section<'_>) -> Option<MoniteTarget> {
    let environments = [
        ("sandbox", MoniteTarget::Sandbox),
        ("production-eu", MoniteTarget::ProductionEu),
        ("production-us", MoniteTarget::ProductionUs),
    ];
    if section.has("environment") && section.has("base_url") {
        section.refuse("base_url", "environment and base_url both say where Monite is; keep one of them");
        return None;
    }
    let named = section.parsed("environment", |text| {
        environments.iter().find(|(word, _)| *word == text).map(|(_, target)| target.clone()).ok_or_else(|| {
            let accepted = join(environments.iter().map(|(word, _)| *word));
            format!("\"{text}\" is not known; accepted: {accepted}, or base_url instead")
        })
    });
    named.or_else(|| section.parsed("base_url", base_url).map(MoniteTarget::BaseUrl))
}

/// The value is not repeated in the message: an address may carry a password.
fn base_url(text: &str) -> Result<String, String> {
    const ACCEPTED: &str =
        "must be an http or https address such as \"http://127.0.0.1:8700/v1\", without query, fragment or password";
    let url = Url::parse(text).map_err(|_| ACCEPTED.to_owned())?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    // Clients append "/entities": a slash at the end would double it.
    plain.then(|| url.as_str().trim_end_matches('/').to_owned()).ok_or_else(|| ACCEPTED.to_owned())
}

fn api_version(text: &str) -> Result<String, String> {
    let is_date = text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok();
    is_date
        .then(|| text.to_owned())
        .ok_or_else(|| format!("\"{text}\" is not a date; accepted: a version of Monite's API such as \"2024-05-25\""))
}

impl MoniteConfig {
    /// Whether calls stay on this machine.
    pub(super) fn is_loopback(&self) -> bool {
        let MoniteTarget::BaseUrl(url) = &self.target else {
            return false;
        };
        Url::parse(url).is_ok_and(|url| address::is_loopback(&url))
    }
}
