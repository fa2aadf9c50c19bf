//! Puts the parts together from a configuration: what `serve`, `sync`, `token` and `demo` run on, built in one place.

use std::sync::Arc;

use jiff::Timestamp;
use monite::{ClientId, Clock, Credentials, Environment, Limiter, Monite, SystemClock, Unlimited};
use tokio_util::sync::CancellationToken;

use crate::api_key::ApiKeys;
use crate::audit::Audit;
use crate::broker::Broker;
use crate::budget::ledger::ReplicaId;
use crate::budget::{Outage, Part, SharedLimiter};
use crate::config::{self, Config, ConfigError, ConfigPath, EnvVars, MoniteTarget, Secrets};
use crate::credentials::{self, CredentialsError};
use crate::domain::BridgeId;
use crate::domain::role::RoleTemplates;
use crate::events::Events;
use crate::http::{App, Door, HttpMetrics, RequestIds, Tls};
use crate::jitter::Jitter;
use crate::reconcile::plan::{OnCustomerDelete, Policy};
use crate::reconcile::sweep::Pace;
use crate::reconcile::visit::Workshop;
use crate::reconcile::{Awaited, Reconciler, Sweeper};
use crate::session::{SessionSecrets, SessionSetupError, Sessions};
use crate::shared_token::PartnerTokenVault;
use crate::store::{self, Store, StoreError, WorkerId};
use crate::webhook::Webhooks;

/// Everything a command was told: configuration, secrets, role templates, and the clock it goes by.
#[derive(Debug)]
pub struct Setup {
    /// `monite-bridge.toml` under the environment.
    pub config: Config,
    /// What must never be in a file.
    pub secrets: Secrets,
    /// The role templates of the configuration.
    pub templates: Arc<RoleTemplates>,
    /// Requests per second at Monite; `None`: as fast as it goes (a local sandbox without a limit).
    pub rate_limit: Option<u32>,
    /// How much of that this process takes, when others share it.
    pub part: Part,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Setup {
    /// Reads the file and the environment.
    ///
    /// # Errors
    /// [`ConfigError`] names every key that is wrong.
    pub fn load(path: &ConfigPath, env: &EnvVars) -> Result<Self, ConfigError> {
        let config = Config::load(path, env)?;
        let secrets = Secrets::load(&config, env)?;
        Ok(Self::new(config, secrets))
    }

    /// The same from values that are there already; the system's clock.
    #[must_use]
    pub fn new(config: Config, secrets: Secrets) -> Self {
        let templates = Arc::new(config.roles.clone());
        let (rate_limit, clock) = (Some(config.monite.rate_limit), Arc::new(SystemClock));
        Self { rate_limit, part: Part::Whole, config, secrets, templates, clock }
    }

    /// Opens the database, or creates it.
    ///
    /// # Errors
    /// [`StoreError`] says what to do about it.
    pub async fn open_store(&self) -> Result<Arc<dyn Store>, StoreError> {
        store::open(self.config.database.url.as_str()).await
    }

    /// The credentials of the environment, or those sealed in the database.
    ///
    /// # Errors
    /// [`CredentialsError`] with what to set or to run.
    pub async fn load_credentials(&self, store: &dyn Store) -> Result<credentials::Loaded, CredentialsError> {
        credentials::load(store, self.secrets.credentials.as_ref(), self.secrets.sealer.as_ref()).await
    }

    /// Certificate and key of `[server]`, if the bridge serves TLS itself.
    ///
    /// # Errors
    /// [`ConfigError`] names the file and what is wrong with it.
    pub fn tls(&self) -> Result<Option<Tls>, ConfigError> {
        let Some(files) = &self.config.server.tls else { return Ok(None) };
        Tls::open(&files.cert, &files.key, self.now()).map(Some).map_err(|error| {
            let key = if error.is_of(&files.cert) { "server.tls_cert" } else { "server.tls_key" };
            let advice = "Both files are PEM: the certificate first, then those between it and a root; and its private key, without a password.";
            refused(key, &error, advice)
        })
    }

    /// What becomes of deleted things.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let on_customer_delete = match self.config.sync.on_customer_delete {
            config::OnCustomerDelete::Deactivate => OnCustomerDelete::Deactivate,
            config::OnCustomerDelete::Keep => OnCustomerDelete::Keep,
        };
        Policy { on_customer_delete }
    }

    /// The time by this setup's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// The parts at work on one database and one Monite.
#[derive(Debug)]
pub struct Bridge {
    /// What it was built from.
    pub setup: Setup,
    /// The memory.
    pub store: Arc<dyn Store>,
    /// The way to Monite.
    pub monite: Monite,
    /// This process's part of the rate budget that everything to Monite goes through; `None`: there is no limit.
    pub limiter: Option<SharedLimiter>,
    /// Told of every change of state.
    pub events: Events,
    /// Drives Monite to what is desired.
    pub reconciler: Reconciler,
    /// Looks again at everything, when it is told to.
    pub sweeper: Sweeper,
    /// Issues tokens.
    pub broker: Broker,
    /// Where it is written down who did what.
    pub audit: Audit,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    jitter: Jitter,
}

/// Why the parts could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The credentials at Monite.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The client.
    #[error("the client for Monite cannot be built")]
    Client(#[from] monite::Error),
}

impl Bridge {
    /// Opens the database, loads the credentials and builds every part. Calls nothing at Monite, so it works while Monite is
    /// not reachable. Changed role templates make the customers that have them due.
    ///
    /// # Errors
    /// [`AssembleError`]
    pub async fn assemble(setup: Setup) -> Result<Self, AssembleError> {
        let store = setup.open_store().await?;
        let credentials = setup.load_credentials(store.as_ref()).await?.credentials;
        let (worker, jitter) = (worker_id(), Jitter::from_entropy());
        let outage = Outage::none_yet(Arc::clone(&setup.clock), jitter.clone());
        let limiter = setup.rate_limit.map(|rate| {
            let (id, clock) = (ReplicaId(worker.0.clone()), Arc::clone(&setup.clock));
            SharedLimiter::join(id, rate, setup.part, Arc::clone(&store), clock, outage.clone())
        });
        let monite = client(&setup, &store, credentials, limiter.clone(), outage.clone())?;
        store.adopt_templates(&setup.templates.fingerprint(), setup.now()).await?;
        store.name_bridge(&BridgeId::from_bits(jitter.bits())).await?;
        let events = Events::default();
        let workshop = Workshop {
            store: Arc::clone(&store),
            monite: monite.clone(),
            templates: Arc::clone(&setup.templates),
            policy: setup.policy(),
            clock: Arc::clone(&setup.clock),
            jitter: jitter.clone(),
            events: events.clone(),
            outage,
            awaited: Awaited::default(),
        };
        let pace = Pace::share_of(setup.rate_limit, setup.config.sync.sweep_share);
        let sweeper = Sweeper::new(workshop.clone(), worker.clone(), setup.config.sync.drift, pace);
        let reconciler = Reconciler::new(workshop, worker, setup.config.sync.workers);
        let broker = Broker::new(Arc::clone(&store), monite.clone(), Arc::clone(&setup.clock));
        let clock = Arc::clone(&setup.clock);
        let audit = Audit::start(Arc::clone(&store) as _, Arc::clone(&clock));
        Ok(Self { audit, setup, store, monite, limiter, events, reconciler, sweeper, broker, clock, jitter })
    }

    /// What the HTTP API works with; it serves until `stopping`.
    ///
    /// # Errors
    /// [`ConfigError`] when the session secret is not there, or the file of the issuer's keys cannot be used.
    pub fn app(&self, stopping: CancellationToken) -> Result<App, ConfigError> {
        let (config, secrets) = (&self.setup.config, &self.setup.secrets);
        let session_secrets =
            SessionSecrets { hs256: secrets.session_secret(config)?, introspection: secrets.introspection.as_ref() };
        let sessions = Sessions::new(&config.session, session_secrets, Arc::clone(&self.clock)).map_err(unusable)?;
        Ok(App {
            store: Arc::clone(&self.store),
            templates: Arc::clone(&self.setup.templates),
            reconciler: self.reconciler.clone(),
            events: self.events.clone(),
            broker: self.broker.clone(),
            sessions,
            keys: self.keys(),
            webhooks: self.webhooks(),
            clock: Arc::clone(&self.clock),
            stopping,
            cors_origins: config.server.cors_origins.clone(),
            door: Arc::new(Door::new(&config.server, &config.session)),
            audit: self.audit.clone(),
            on_user_delete: config.sync.on_user_delete,
            request_ids: RequestIds::new(&self.jitter),
            metrics: HttpMetrics::default(),
            limiter: self.limiter.clone(),
        })
    }

    /// Takes what Monite reports, and has the sweeper look at it.
    fn webhooks(&self) -> Webhooks {
        let (sealer, dirty) = (self.setup.secrets.sealer.clone(), self.sweeper.dirty().clone());
        Webhooks::new(Arc::clone(&self.store), sealer, Arc::clone(&self.clock), dirty)
    }

    /// The keys that open the API.
    fn keys(&self) -> ApiKeys {
        let bootstrap = self.setup.secrets.api_key.as_ref().filter(|_| self.setup.config.server.bootstrap_key);
        ApiKeys::bootstrap(bootstrap).with_store(Arc::clone(&self.store), Arc::clone(&self.clock))
    }

    /// Ends in good order: gives the share of the rate budget back, then closes the database.
    pub async fn close(&self) {
        if let Some(limiter) = &self.limiter
            && let Err(error) = limiter.leave().await
        {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the others hear of this process's end only when its heartbeats are missed");
        }
        self.audit.flush().await;
        self.store.close().await;
    }

    /// The time by this bridge's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

fn unusable(error: SessionSetupError) -> ConfigError {
    let key = match &error {
        SessionSetupError::KeyFile(_) => "session.jwks_file",
        SessionSetupError::NoIntrospectionSecret => config::INTROSPECTION_SECRET,
        SessionSetupError::Address(_) | SessionSetupError::Http(_) => "session.jwks_url",
    };
    let advice = match &error {
        SessionSetupError::KeyFile(_) => {
            "The file is the issuer's key set (JWKS) as it shows it: put its address into session.jwks_url instead, or curl it into the file."
        }
        SessionSetupError::NoIntrospectionSecret => "Set that variable and start again.",
        SessionSetupError::Address(_) | SessionSetupError::Http(_) => "Correct what is named and start again.",
    };
    refused(key, &error, advice)
}

/// What a key of the configuration leads to cannot be used.
fn refused(key: &str, error: &dyn std::error::Error, advice: &str) -> ConfigError {
    let why = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    let problem = config::Problem { key: key.to_owned(), message: format!("{error}{why}"), origin: None };
    ConfigError::Invalid { problems: vec![problem], advice: advice.to_owned() }
}

/// Where this Monite answers.
pub(crate) fn base_url(target: &MoniteTarget) -> &str {
    match target {
        MoniteTarget::Sandbox => Environment::Sandbox.base_url(),
        MoniteTarget::ProductionEu => Environment::ProductionEu.base_url(),
        MoniteTarget::ProductionUs => Environment::ProductionUs.base_url(),
        MoniteTarget::BaseUrl(url) => url,
    }
}

fn client(
    setup: &Setup, store: &Arc<dyn Store>, credentials: Credentials, limiter: Option<SharedLimiter>, outage: Outage,
) -> Result<Monite, monite::Error> {
    let config = &setup.config.monite;
    let base_url = base_url(&config.target);
    let vault = vault(setup, store, credentials.client_id(), base_url);
    let limiter: Arc<dyn Limiter> = match limiter {
        Some(limiter) => Arc::new(limiter),
        None => Arc::new(Unlimited),
    };
    let builder = Monite::builder()
        .base_url(base_url)
        .api_version(&config.api_version)
        .credentials(credentials)
        .limiter(limiter)
        .gate(Arc::new(outage))
        .clock(Arc::clone(&setup.clock));
    match vault {
        Some(vault) => builder.token_vault(Arc::new(vault)).build(),
        None => builder.build(),
    }
}

/// Where replicas share the partner's token. It is never kept in plain text, so without a master key each has its own.
fn vault(setup: &Setup, store: &Arc<dyn Store>, client: ClientId, base_url: &str) -> Option<PartnerTokenVault> {
    if !store.is_shared() {
        return None;
    }
    let Some(sealer) = setup.secrets.sealer.clone() else {
        tracing::info!(
            "without MONITE_BRIDGE_MASTER_KEY each replica fetches a partner token of its own, since none is stored unsealed"
        );
        return None;
    };
    Some(PartnerTokenVault::new(Arc::clone(store), sealer, Arc::clone(&setup.clock), client, base_url))
}

/// A name no other process has: leases are told apart by it.
fn worker_id() -> WorkerId {
    WorkerId(format!("{}-{}", std::process::id(), uuid::Uuid::new_v4().simple()))
}
