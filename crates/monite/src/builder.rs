//! What a client is made of.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderValue;
use rand::SeedableRng;
use rand::rngs::StdRng;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::client::Monite;
use crate::clock::{Clock, SystemClock};
use crate::error::Error;
use crate::gate::Gate;
use crate::id::{ClientId, InvalidId};
use crate::limit::{DEFAULT_RATE, Limiter, Unlimited, WindowLimiter};
use crate::retry::{RetryBudget, RetryPolicy};
use crate::token::TokenVault;
use crate::transport::{ReqwestTransport, Transport};
use crate::wire::Wire;

/// The API version this crate's models are written for.
pub const API_VERSION: &str = "2024-05-25";

/// How long one attempt may take by default, connection and answer included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// Shown when a base URL cannot be used.
const EXAMPLE_URL: &str = "https://api.sandbox.monite.com/v1";

/// Where Monite runs. Each has its own credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Environment {
    /// For trying things out; nothing there is real.
    Sandbox,
    /// Production for Europe.
    ProductionEu,
    /// Production for North America.
    ProductionUs,
}

impl Environment {
    /// Its base URL, `/v1` included.
    pub fn base_url(self) -> &'static str {
        match self {
            Self::Sandbox => "https://api.sandbox.monite.com/v1",
            Self::ProductionEu => "https://api.monite.com/v1",
            Self::ProductionUs => "https://us.api.monite.com/v1",
        }
    }
}

/// Client id and client secret, from Monite's partner portal. `Debug` does not show the secret.
#[derive(Clone, Debug)]
pub struct Credentials {
    client_id: ClientId,
    secret: SecretString,
}

impl Credentials {
    /// Both halves.
    pub fn new(client_id: ClientId, secret: SecretString) -> Self {
        Self { client_id, secret }
    }

    /// Both halves, the id as text.
    ///
    /// # Errors
    /// When the id is not a UUID.
    pub fn parse(client_id: &str, secret: SecretString) -> Result<Self, InvalidId> {
        Ok(Self::new(client_id.parse()?, secret))
    }

    /// The half that is no secret.
    pub fn client_id(&self) -> ClientId {
        self.client_id
    }

    pub(crate) fn secret(&self) -> &SecretString {
        &self.secret
    }

    pub(crate) fn expose_secret(&self) -> &str {
        self.secret.expose_secret()
    }
}

/// Builds a [`Monite`]. Only the credentials have no default.
#[derive(Debug)]
pub struct MoniteBuilder {
    base_url: String,
    api_version: String,
    credentials: Option<Credentials>,
    rate: Rate,
    gate: Option<Arc<dyn Gate>>,
    vault: Option<Arc<dyn TokenVault>>,
    clock: Arc<dyn Clock>,
    transport: Option<Arc<dyn Transport>>,
    retry: RetryPolicy,
    request_timeout: Duration,
    jitter_seed: Option<u64>,
}

#[derive(Debug)]
enum Rate {
    PerSecond(u32),
    Unlimited,
    Given(Arc<dyn Limiter>),
}

impl MoniteBuilder {
    pub(crate) fn new() -> Self {
        Self {
            base_url: Environment::Sandbox.base_url().to_owned(),
            api_version: API_VERSION.to_owned(),
            credentials: None,
            rate: Rate::PerSecond(DEFAULT_RATE),
            gate: None,
            vault: None,
            clock: Arc::new(SystemClock),
            transport: None,
            retry: RetryPolicy::default(),
            request_timeout: REQUEST_TIMEOUT,
            jitter_seed: None,
        }
    }

    /// One of Monite's own environments; its sandbox unless said otherwise.
    #[must_use]
    pub fn environment(self, environment: Environment) -> Self {
        self.base_url(environment.base_url())
    }

    /// Any other place, such as a local sandbox: `http://127.0.0.1:8700/v1`.
    #[must_use]
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = base_url.into();
        self
    }

    /// Monite's API version; [`API_VERSION`] unless said otherwise.
    #[must_use]
    pub fn api_version(mut self, version: impl Into<String>) -> Self {
        self.api_version = version.into();
        self
    }

    /// Who we are.
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Requests per second Monite allows us; 30 unless said otherwise.
    #[must_use]
    pub fn rate_limit(mut self, per_second: u32) -> Self {
        self.rate = Rate::PerSecond(per_second);
        self
    }

    /// No limit.
    #[must_use]
    pub fn unlimited(mut self) -> Self {
        self.rate = Rate::Unlimited;
        self
    }

    /// A limiter of one's own, such as one shared by several processes.
    #[must_use]
    pub fn limiter(mut self, limiter: Arc<dyn Limiter>) -> Self {
        self.rate = Rate::Given(limiter);
        self
    }

    /// Somebody who may hold calls back, such as a circuit breaker; nobody does unless said otherwise.
    #[must_use]
    pub fn gate(mut self, gate: Arc<dyn Gate>) -> Self {
        self.gate = Some(gate);
        self
    }

    /// A place where several processes share the partner's token; each has its own unless said otherwise.
    #[must_use]
    pub fn token_vault(mut self, vault: Arc<dyn TokenVault>) -> Self {
        self.vault = Some(vault);
        self
    }

    /// A clock of one's own, for tests and simulations.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Another way to carry requests, such as a server in the same process.
    #[must_use]
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// How often and how fast to try again.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// How long one attempt may take over sockets, everything included; 15 s unless said otherwise.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Makes every random wait the same in each run.
    #[must_use]
    pub fn jitter_seed(mut self, seed: u64) -> Self {
        self.jitter_seed = Some(seed);
        self
    }

    /// Makes the client. Sends nothing yet.
    ///
    /// # Errors
    /// [`Error::Invalid`] names what is missing or wrong.
    pub fn build(self) -> Result<Monite, Error> {
        let credentials = self.credentials.ok_or_else(|| Error::invalid("credentials are missing"))?;
        let url = parse_base_url(&self.base_url)?;
        let transport = match self.transport {
            Some(transport) => transport,
            None if is_local(&url) => Arc::new(ReqwestTransport::local(self.request_timeout)?),
            None => Arc::new(ReqwestTransport::new(self.request_timeout)?),
        };
        let limiter: Arc<dyn Limiter> = match self.rate {
            Rate::PerSecond(0) => {
                return Err(Error::invalid("a rate limit of 0 would never send anything"));
            }
            Rate::PerSecond(rate) => Arc::new(WindowLimiter::new(rate, self.clock.clone())),
            Rate::Unlimited => Arc::new(Unlimited),
            Rate::Given(limiter) => limiter,
        };
        let rng = self.jitter_seed.map_or_else(rand::make_rng, StdRng::seed_from_u64);
        let wire = Wire {
            base_url: url.as_str().trim_end_matches('/').to_owned(),
            version: parse_version(&self.api_version)?,
            transport,
            limiter,
            gate: self.gate,
            clock: self.clock,
            retry: self.retry,
            budget: Mutex::new(RetryBudget::full()),
            rng: Mutex::new(rng),
            calls: AtomicU64::new(0),
        };
        Ok(Monite::from_parts(wire, credentials, self.vault))
    }
}

fn parse_version(version: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(version).map_err(|_| Error::invalid(format!("{version:?} is not an API version: use a date")))
}

/// The text is not quoted back: people put passwords into URLs.
fn parse_base_url(text: &str) -> Result<Url, Error> {
    let wrong = |why: &str| Error::invalid(format!("base URL: {why}; expected something like {EXAMPLE_URL}"));
    let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(wrong("it must begin with https:// (or http:// for a local server)"));
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("it must not have a user, a password, a query or a fragment"));
    }
    Ok(url)
}

/// A server on this machine is never behind a proxy.
fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_a_base_url() {
        let table = [
            ("https://api.monite.com/v1", Some("https://api.monite.com/v1")),
            ("http://127.0.0.1:8700/v1/", Some("http://127.0.0.1:8700/v1")),
            ("ftp://api.monite.com/v1", None),
            ("api.monite.com/v1", None),
            ("https://ana:hunter2@api.monite.com/v1", None),
            ("https://api.monite.com/v1?x=1", None),
            ("", None),
        ];
        let credentials = Credentials::new(ClientId::from_uuid(uuid::Uuid::nil()), SecretString::from("s"));
        for (text, expected) in table {
            let built = Monite::builder().base_url(text).credentials(credentials.clone()).build();
            let words = built.as_ref().err().map(ToString::to_string).unwrap_or_default();
            assert_eq!(built.ok().as_ref().map(Monite::api_url), expected, "{text}: {words}");
            assert!(!words.contains("hunter2"), "{words}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let words = |builder: MoniteBuilder| builder.build().map(|_| ()).unwrap_err().to_string();
        assert!(words(Monite::builder()).contains("credentials"));
        let credentials = Credentials::new(ClientId::from_uuid(uuid::Uuid::nil()), SecretString::from("s"));
        assert!(words(Monite::builder().credentials(credentials).rate_limit(0)).contains("rate limit"));
    }
}
