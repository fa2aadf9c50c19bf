//! Describes a sandbox and starts it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::{Admin, App, Credentials};
use crate::clock::{Clock, SandboxClock, SystemClock};
use crate::courier::{Courier, CourierSettings, Sending};
use crate::http;
use crate::id::IdSource;
use crate::quirks::{Quirks, UnknownQuirk};
use crate::ratelimit::{Meter, RateAlgorithm, RateLimit};
use crate::rules::webhook::WebhookUrls;
use crate::sandbox::Sandbox;
use crate::serve::serve;
use crate::storage::{Storage, StorageError};
use crate::world::rows::UnreadableRow;

/// Monite documents 1800 s.
const TOKEN_TTL: Duration = Duration::from_secs(1800);

/// What a sandbox calls itself when it has no socket. The `invalid` domain never resolves.
const NOWHERE: &str = "http://sandbox.invalid/v1";

/// A third stream of the seed, beside those of the world and the requests.
const CREDENTIALS: u64 = 3;

/// How a sandbox is to be. Get one from [`Sandbox::builder`].
#[must_use]
pub struct Builder {
    listen: SocketAddr,
    client_id: Option<String>,
    client_secret: Option<String>,
    rate_limit: RateLimit,
    rate_algorithm: RateAlgorithm,
    token_ttl: Duration,
    data_file: Option<PathBuf>,
    admin: Admin,
    admin_hosts: Vec<String>,
    seed: Option<u64>,
    quirks: Vec<(String, String)>,
    clock: Arc<dyn Clock>,
    courier: CourierSettings,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            client_id: None,
            client_secret: None,
            rate_limit: RateLimit::default(),
            rate_algorithm: RateAlgorithm::default(),
            token_ttl: TOKEN_TTL,
            data_file: None,
            admin: Admin::Loopback,
            admin_hosts: Vec::new(),
            seed: None,
            quirks: Vec::new(),
            clock: Arc::new(SystemClock),
            courier: CourierSettings::default(),
        }
    }
}

/// Why a sandbox could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("could not listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The client id is not a UUID, so no token request could ever name it.
    #[error("the client id must be a UUID")]
    ClientId,
    /// There is no such quirk, or it has no such outcome.
    #[error(transparent)]
    Quirk(#[from] UnknownQuirk),
    /// The data file cannot be used.
    #[error("could not use the data file")]
    Storage(#[from] StorageError),
    /// The data file holds something else.
    #[error("could not read the data file")]
    Unreadable {
        /// Which row, and why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl From<UnreadableRow> for StartError {
    fn from(row: UnreadableRow) -> Self {
        Self::Unreadable { source: Box::new(row) }
    }
}

impl Builder {
    /// Where to listen; port 0 takes a free one. Default `127.0.0.1:0`.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// The client id (a UUID) and secret to accept. Default: generated.
    pub fn credentials(mut self, client_id: impl Into<String>, client_secret: impl Into<String>) -> Self {
        self.client_id = Some(client_id.into());
        self.client_secret = Some(client_secret.into());
        self
    }

    /// As [`Builder::credentials`]; what is missing is generated.
    pub(crate) fn partial_credentials(mut self, client_id: Option<String>, client_secret: Option<String>) -> Self {
        self.client_id = client_id;
        self.client_secret = client_secret;
        self
    }

    /// Default: 30 calls a second.
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.rate_limit = limit;
        self
    }

    /// How calls are counted against the limit. Default: by the second of the clock.
    pub fn rate_algorithm(mut self, algorithm: RateAlgorithm) -> Self {
        self.rate_algorithm = algorithm;
        self
    }

    /// How long tokens live, whole seconds. Default 1800 s.
    pub fn token_ttl(mut self, ttl: Duration) -> Self {
        self.token_ttl = ttl;
        self
    }

    /// Keeps the state in this SQLite file. Default: in memory only.
    pub fn data_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_file = Some(path.into());
        self
    }

    /// Whether `/_sandbox` answers (to loopback clients). Default: yes.
    pub fn admin(mut self, on: bool) -> Self {
        self.admin = if on { Admin::Loopback } else { Admin::Nobody };
        self
    }

    /// A name under which clients may call `/_sandbox`, beside `localhost` and addresses of this machine: requests whose
    /// `Host` is another name are refused, because a web page could have made it point here.
    pub fn admin_host(mut self, name: impl Into<String>) -> Self {
        self.admin_hosts.push(name.into());
        self
    }

    /// As [`Builder::admin`], but `/_sandbox` answers everybody who reaches the socket by its address or by a name
    /// without a dot; other names are given with [`Builder::admin_host`].
    pub fn admin_for_everybody(mut self) -> Self {
        self.admin = Admin::Everybody;
        self
    }

    /// Makes every id, token and generated secret follow from `seed`. Default: random.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Starts with another outcome of a point that Monite's documents leave open; see `GET /_sandbox/quirks`. A reset
    /// goes back to it. Checked when the sandbox starts.
    pub fn quirk(mut self, name: impl Into<String>, option: impl Into<String>) -> Self {
        self.quirks.push((name.into(), option.into()));
        self
    }

    /// The clock that the sandbox's own offset is added to. Default: the machine's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Which receivers webhook subscriptions may name. Default: [`WebhookUrls::Loopback`].
    pub fn webhook_urls(mut self, urls: WebhookUrls) -> Self {
        self.courier.urls = urls;
        self
    }

    /// Shortens the waits between the attempts to deliver a webhook: `0.001` turns minutes into 60 ms. Default 1. Time
    /// passes by the sandbox's clock, so [`Sandbox::advance`] makes attempts due as well.
    pub fn webhook_retry_scale(mut self, scale: f64) -> Self {
        self.courier.retry_scale = scale;
        self
    }

    /// Sends no webhooks: [`Sandbox::due_webhooks`] shows them, and [`Sandbox::webhook_answered`] takes what came of them.
    /// For simulations, where nothing may happen beside the one thread of events.
    pub fn webhooks_by_hand(mut self) -> Self {
        self.courier.sending = Sending::ByHand;
        self
    }

    /// How long a webhook receiver may take to answer, by the machine's clock. Default 10 s.
    pub fn webhook_timeout(mut self, timeout: Duration) -> Self {
        self.courier.timeout = timeout;
        self
    }

    /// Starts on a socket. Ready for calls when this returns.
    ///
    /// # Errors
    ///
    /// When the address or the data file cannot be used, the client id is not a UUID, or a quirk is unknown.
    pub async fn start(self) -> Result<Sandbox, StartError> {
        let address = self.listen;
        let failed = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let stop = CancellationToken::new();
        let app = self.app(&stop).await?;
        let server = tokio::spawn(serve(listener, http::router(app.clone()), stop.clone()));
        Ok(Sandbox::new(app, format!("http://{bound}/v1"), stop, Some(server)))
    }

    /// The same without a socket; call it through [`Sandbox::router`].
    ///
    /// # Errors
    ///
    /// When the data file cannot be used, the client id is not a UUID, or a quirk is unknown.
    pub async fn in_process(self) -> Result<Sandbox, StartError> {
        let stop = CancellationToken::new();
        let app = self.app(&stop).await?;
        Ok(Sandbox::new(app, NOWHERE.to_owned(), stop, None))
    }

    async fn app(self, stop: &CancellationToken) -> Result<Arc<App>, StartError> {
        let generated = generate(self.seed);
        let credentials = Credentials {
            client_id: self.client_id.unwrap_or(generated.client_id),
            client_secret: self.client_secret.unwrap_or(generated.client_secret),
        };
        if uuid::Uuid::try_parse(&credentials.client_id).is_err() {
            return Err(StartError::ClientId);
        }
        let quirks = Quirks::starting_with(&self.quirks)?;
        let mut offset = 0;
        let kept = match &self.data_file {
            None => None,
            Some(path) => {
                let (storage, rows) = Storage::open(path).await?;
                let mut world = App::kept_world(self.seed);
                offset = world.load(rows)?;
                Some((storage, world))
            }
        };
        let clock = SandboxClock::new(self.clock, offset);
        let meter = Meter::new(self.rate_limit, self.rate_algorithm);
        let app = Arc::new_cyclic(|app| {
            let courier = Courier::new(self.courier, app.clone(), stop.clone());
            let app = App::new(clock, credentials, self.token_ttl, self.admin, meter, self.seed, kept);
            app.with_courier(courier).with_admin_hosts(self.admin_hosts)
        });
        app.world_mut().quirks = quirks;
        if app.world().has_pending_deliveries() {
            app.courier.wake();
        }
        Ok(app)
    }
}

fn generate(seed: Option<u64>) -> Credentials {
    let mut ids = IdSource::new(seed, CREDENTIALS);
    Credentials { client_id: ids.uuid().to_string(), client_secret: ids.secret() }
}
