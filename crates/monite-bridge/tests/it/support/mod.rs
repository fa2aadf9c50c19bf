//! A whole bridge in one process: real router, store, reconciler and sandbox, and a clock that moves when told to.

mod answer;
mod call;
mod clocks;
mod cluster;
mod database;
mod documents;
mod issuer;
mod log;
mod probes;
mod transport;
mod turns;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use monite::{Clock, Credentials, ManualClock, Monite};
use monite_bridge::api_key::ApiKeys;
use monite_bridge::audit::Audit;
use monite_bridge::broker::{Broker, BrokerError, Handout};
use monite_bridge::budget::Outage;
use monite_bridge::config::{Drift, OnUserDelete, ServerConfig, SessionConfig};
use monite_bridge::domain::BridgeId;
use monite_bridge::domain::role::RoleTemplates;
use monite_bridge::domain::{CustomerId, UserId};
use monite_bridge::events::Events;
use monite_bridge::http::{App, Door, HttpMetrics, RequestIds, router};
use monite_bridge::jitter::Jitter;
use monite_bridge::reconcile::plan::OnCustomerDelete;
use monite_bridge::reconcile::sweep::{Pace, Swept, Tally};
use monite_bridge::reconcile::visit::Workshop;
use monite_bridge::reconcile::{Awaited, Policy, Reconciler, Sweeper};
use monite_bridge::session::{SessionSecrets, Sessions};
use monite_bridge::shared_token::PartnerTokenVault;
use monite_bridge::store::seal::{MasterKey, Sealer};
use monite_bridge::store::{Store, WorkerId, postgres::PostgresStore};
use monite_bridge::webhook::Webhooks;
use monite_sandbox::{RateLimit, Sandbox};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

pub(crate) use self::answer::Answer;
pub(crate) use self::call::Call;
pub(crate) use self::clocks::SandboxTime;
use self::clocks::{AdvancingClock, FreezingClock};
pub(crate) use self::cluster::Cluster;
pub(crate) use self::database::{Database, Place, on_every_database, on_one_database};
pub(crate) use self::documents::{customer_document, user_document};
pub(crate) use self::issuer::{Issuer, IssuerKey, Reply, key_set, unsigned};
pub(crate) use self::log::Log;
pub(crate) use self::probes::lose_table_in;
pub(crate) use self::transport::{Dies, Fuse, InProcess};
pub(crate) use self::turns::Turns;

/// When every test begins.
pub(crate) const START: &str = "2026-03-01T09:00:00Z";

/// Passes `settle` makes before it says that something never comes to rest.
const MOST_PASSES: u32 = 40;

pub(crate) const CLIENT_SECRET: &str = "s3cr3t-client-secret-of-the-test";
/// With what has to be encoded in HTTP Basic credentials.
pub(crate) const INTROSPECTION_SECRET: &str = "s3cr3t:introspection+of the test%";
const SESSION_SECRET: &str = "s3cr3t-session-secret-of-the-test-32-bytes";

/// How a bridge is to be; `Default` is what most tests want.
pub(crate) struct Setup {
    pub(crate) cors_origins: Vec<String>,
    pub(crate) on_user_delete: OnUserDelete,
    pub(crate) on_customer_delete: OnCustomerDelete,
    pub(crate) server: ServerConfig,
    pub(crate) session: Option<SessionConfig>,
    pub(crate) api_key: Option<&'static str>,
    pub(crate) token_ttl: Duration,
    pub(crate) templates: RoleTemplates,
    pub(crate) workers: usize,
    pub(crate) seed: u64,
    /// Whether an outage is noticed; off, every call goes out, whatever became of others.
    pub(crate) breaker: bool,
    /// A point that Monite's documents leave open and how this Monite settles it. By default what the variable `QUIRK` says
    /// (`name=option`), so that every test can be run under every flip: see `quirks.rs`.
    pub(crate) quirk: Option<(String, String)>,
    pub(crate) database: Database,
    pub(crate) drift: Drift,
    pub(crate) turns: Turns,
    /// With one, the processes share the partner's token.
    pub(crate) master_key: Option<MasterKey>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            cors_origins: Vec::new(),
            on_user_delete: OnUserDelete::Delete,
            on_customer_delete: OnCustomerDelete::Deactivate,
            server: ServerConfig::default(),
            session: Some(SessionConfig::default()),
            api_key: Some(TestBridge::API_KEY),
            token_ttl: Duration::from_secs(1800),
            templates: RoleTemplates::presets(),
            workers: 4,
            seed: 7,
            breaker: false,
            quirk: quirk_of_this_run(),
            database: Database::Sqlite,
            drift: Drift::Enforce,
            turns: Turns::default(),
            master_key: None,
        }
    }
}

/// See the module.
pub(crate) struct TestBridge {
    pub(crate) sandbox: Sandbox,
    /// The time of the bridge, the sandbox and the client. The client's own waits move it and return at once.
    pub(crate) clock: ManualClock,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) reconciler: Reconciler,
    pub(crate) sweeper: Sweeper,
    pub(crate) broker: Broker,
    pub(crate) events: Events,
    pub(crate) stopping: CancellationToken,
    setup: Setup,
    router: Router,
    pub(crate) audit: Audit,
    /// Texts that must never show up in the log.
    secrets: Mutex<Vec<String>>,
    log: Log,
    /// Lets the process die at one of its calls.
    pub(crate) fuse: Fuse,
    place: Place,
}

/// A process beside the one that a test talks to.
pub(crate) struct Replica {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) reconciler: Reconciler,
    pub(crate) broker: Broker,
    /// Lets it die, or freezes it, at one of its calls.
    pub(crate) fuse: Fuse,
    events: Events,
    stopping: CancellationToken,
}

impl Replica {
    /// From now on it hears of nothing that others do, as when its connection hangs.
    pub(crate) fn stop_following(&self) {
        self.stopping.cancel();
    }

    /// Asks it for a user's token.
    pub(crate) async fn token(&self, customer: &str, user: &str) -> Result<Handout, BrokerError> {
        self.broker.token_for(&CustomerId::parse(customer).unwrap(), &UserId::parse(user).unwrap()).await
    }

    /// Visits what is due now.
    pub(crate) async fn pass(&self) {
        self.reconciler.pass(None, &CancellationToken::new()).await.unwrap();
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

/// What dies with the process: everything but the database, Monite and the time.
struct Process {
    store: Arc<dyn Store>,
    reconciler: Reconciler,
    sweeper: Sweeper,
    broker: Broker,
    events: Events,
    stopping: CancellationToken,
}

impl Process {
    /// Starts on the database in `place`, whatever another process left there.
    async fn start(
        setup: &Setup, place: &Place, sandbox: &Sandbox, clock: &ManualClock, fuse: &Fuse, worker: &str,
    ) -> Self {
        let store = monite_bridge::store::open(&place.url()).await.unwrap();
        let outage = Outage::none_yet(Arc::new(clock.clone()), Jitter::seeded(setup.seed));
        let monite = Monite::builder()
            .base_url(sandbox.base_url())
            .credentials(Credentials::parse(sandbox.client_id(), SecretString::from(CLIENT_SECRET)).unwrap())
            .limiter(Arc::new(setup.turns.clone()))
            .clock(Arc::new(AdvancingClock(clock.clone())))
            .transport(Arc::new(InProcess::new(sandbox.router(), fuse.clone())))
            .jitter_seed(setup.seed);
        let monite = if setup.breaker { monite.gate(Arc::new(outage.clone())) } else { monite };
        let monite = match &setup.master_key {
            None => monite,
            Some(key) => {
                let (client, clock) = (sandbox.client_id().parse().unwrap(), Arc::new(clock.clone()));
                let vault =
                    PartnerTokenVault::new(Arc::clone(&store), key.clone().into(), clock, client, &sandbox.base_url());
                monite.token_vault(Arc::new(vault))
            }
        };
        let monite = monite.build().unwrap();
        let events = Events::default();
        let broker = Broker::new(Arc::clone(&store), monite.clone(), Arc::new(clock.clone()));
        let jitter = Jitter::seeded(setup.seed);
        store.name_bridge(&BridgeId::from_bits(jitter.bits())).await.unwrap();
        let workshop = Workshop {
            store: Arc::clone(&store),
            monite,
            templates: Arc::new(setup.templates.clone()),
            policy: Policy { on_customer_delete: setup.on_customer_delete },
            clock: Arc::new(FreezingClock(clock.clone(), fuse.clone())),
            jitter,
            events: events.clone(),
            outage: outage.clone(),
            awaited: Awaited::default(),
        };
        store.adopt_templates(&setup.templates.fingerprint(), clock.now()).await.unwrap();
        let sweeper = Sweeper::new(workshop.clone(), WorkerId(worker.to_owned()), setup.drift, Pace::default());
        let reconciler = Reconciler::new(workshop, WorkerId(worker.to_owned()), setup.workers);
        let stopping = CancellationToken::new();
        let follower = (broker.clone(), events.clone(), stopping.clone());
        tokio::spawn(async move { follower.0.follow(&follower.1, follower.2).await });
        Self { store, reconciler, sweeper, broker, events, stopping }
    }
}

impl TestBridge {
    /// The bootstrap key.
    pub(crate) const API_KEY: &str = "s3cr3t-api-key-of-the-test";

    pub(crate) async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    /// The usual one on this kind of database.
    pub(crate) async fn on(database: Database) -> Self {
        Self::with(Setup { database, ..Setup::default() }).await
    }

    pub(crate) async fn with(setup: Setup) -> Self {
        let log = Log::begin();
        let clock = ManualClock::at(START.parse().unwrap());
        let client_id = uuid::Uuid::from_u128(0x7e57).to_string();
        let sandbox = Sandbox::builder()
            .credentials(&client_id, CLIENT_SECRET)
            .rate_limit(RateLimit::Off)
            .webhooks_by_hand()
            .token_ttl(setup.token_ttl)
            .clock(Arc::new(SandboxTime(clock.clone())))
            .seed(setup.seed)
            .in_process()
            .await
            .unwrap();
        if let Some((name, option)) = &setup.quirk {
            sandbox.set_quirk(name, option).unwrap();
        }
        let place = Place::create(setup.database).await;
        let fuse = Fuse::default();
        let Process { store, reconciler, sweeper, broker, events, stopping } =
            Process::start(&setup, &place, &sandbox, &clock, &fuse, "test").await;
        let secrets = [Self::API_KEY, CLIENT_SECRET, SESSION_SECRET, INTROSPECTION_SECRET].map(str::to_owned).to_vec();
        let mut bridge = Self {
            sandbox,
            clock,
            store,
            reconciler,
            sweeper,
            broker,
            events,
            stopping,
            setup,
            router: Router::new(),
            audit: Audit::off(),
            secrets: Mutex::new(secrets),
            log,
            fuse,
            place,
        };
        bridge.open_doors();
        bridge
    }

    /// Another process on the same database, with the templates given: nothing of the old one is finished or closed.
    pub(crate) async fn restart_with(&mut self, templates: RoleTemplates) {
        self.stopping.cancel();
        self.fuse.put_out();
        self.setup.templates = templates;
        let Process { store, reconciler, sweeper, broker, events, stopping } =
            Process::start(&self.setup, &self.place, &self.sandbox, &self.clock, &self.fuse, "test").await;
        (self.store, self.reconciler, self.sweeper, self.broker, self.events, self.stopping) =
            (store, reconciler, sweeper, broker, events, stopping);
        self.open_doors();
    }

    fn open_doors(&mut self) {
        let app = self.app();
        if let Some(sessions) = app.sessions.clone() {
            let stopping = self.stopping.clone();
            tokio::spawn(async move { sessions.follow(stopping).await });
        }
        self.audit = app.audit.clone();
        self.router = router(app);
    }

    /// The database is gone, and another process begins with an empty one. It is another bridge, until it is told that it is not.
    pub(crate) async fn lose_database(&mut self) {
        self.store.close().await;
        self.place = Place::create(self.setup.database).await;
        self.setup.seed += 1;
        self.restart().await;
    }

    /// Where it keeps what it knows.
    pub(crate) fn database_url(&self) -> String {
        self.place.url()
    }

    /// Somebody is at its database, past the store.
    pub(crate) async fn run_sql(&self, statement: &'static str) {
        self.place.run_sql(statement).await;
    }

    /// This process ends, and one on another database begins.
    pub(crate) async fn move_into(&mut self, place: Place) {
        self.store.close().await;
        self.place = place;
        self.restart().await;
    }

    /// Another process on the same database.
    pub(crate) async fn restart(&mut self) {
        self.restart_with(self.setup.templates.clone()).await;
    }

    /// One more process on the same database, beside this one.
    pub(crate) async fn replica(&self, worker: &str) -> Replica {
        let fuse = Fuse::default();
        let Process { store, reconciler, broker, events, stopping, .. } =
            Process::start(&self.setup, &self.place, &self.sandbox, &self.clock, &fuse, worker).await;
        Replica { store, reconciler, broker, fuse, events, stopping }
    }

    /// The routes of this process.
    pub(crate) fn doors(&self) -> Router {
        self.router.clone()
    }

    /// The routes of another one.
    pub(crate) fn doors_of(&self, replica: &Replica) -> Router {
        let app = self.app();
        router(App {
            keys: ApiKeys::bootstrap(self.setup.api_key.map(SecretString::from).as_ref())
                .with_store(Arc::clone(&replica.store), Arc::new(self.clock.clone())),
            store: Arc::clone(&replica.store),
            reconciler: replica.reconciler.clone(),
            events: replica.events.clone(),
            broker: replica.broker.clone(),
            stopping: replica.stopping.clone(),
            ..app
        })
    }

    /// Works like a process that dies at one of its calls; `false` when it came to rest before.
    pub(crate) async fn work_until_death(&mut self, dies: Dies) -> bool {
        self.fuse.light(dies);
        let fuse = self.fuse.clone();
        let died = tokio::select! {
            () = self.settle() => false,
            () = fuse.burned() => true,
        };
        self.fuse.put_out();
        died
    }

    /// Everything the routes work with, for a server of one's own.
    pub(crate) fn app(&self) -> App {
        let secret = SecretString::from(SESSION_SECRET);
        let introspection = SecretString::from(INTROSPECTION_SECRET);
        let secrets = SessionSecrets { hs256: Some(&secret), introspection: Some(&introspection) };
        let sessions = |config| Sessions::new(config, secrets, Arc::new(self.clock.clone())).unwrap();
        App {
            store: Arc::clone(&self.store),
            templates: Arc::clone(&self.reconciler.workshop().templates),
            reconciler: self.reconciler.clone(),
            events: self.events.clone(),
            broker: self.broker.clone(),
            sessions: self.setup.session.as_ref().and_then(sessions),
            keys: ApiKeys::bootstrap(self.setup.api_key.map(SecretString::from).as_ref())
                .with_store(Arc::clone(&self.store), Arc::new(self.clock.clone())),
            webhooks: Webhooks::new(
                Arc::clone(&self.store),
                self.setup.master_key.clone().map(Sealer::from),
                Arc::new(self.clock.clone()),
                self.sweeper.dirty().clone(),
            ),
            clock: Arc::new(self.clock.clone()),
            stopping: self.stopping.clone(),
            cors_origins: self.setup.cors_origins.clone(),
            door: Arc::new(self.door()),
            audit: Audit::start(Arc::clone(&self.store) as _, Arc::new(self.clock.clone())),
            on_user_delete: self.setup.on_user_delete,
            request_ids: RequestIds::new(&Jitter::seeded(self.setup.seed)),
            metrics: HttpMetrics::default(),
            limiter: None,
        }
    }

    fn door(&self) -> Door {
        let session = self.setup.session.clone().unwrap_or_default();
        Door::new(&self.setup.server, &session)
    }

    /// A request with the API key, to be sent with [`Call::send`].
    pub(crate) fn call(&self, method: &str, path: &str) -> Call<'_> {
        Call::new(self, method, path).bearer(Self::API_KEY)
    }

    /// The same without any credentials.
    pub(crate) fn anonymous(&self, method: &str, path: &str) -> Call<'_> {
        Call::new(self, method, path)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path).send().await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path).send().await
    }

    /// Writes an organization in Germany under this id and insists that it is accepted.
    pub(crate) async fn put_customer(&self, id: &str) -> Answer {
        self.put(&format!("/v1/customers/{id}"), &customer_document(id)).await
    }

    /// Writes a user whose login is its id and insists that it is accepted.
    pub(crate) async fn put_user(&self, customer: &str, user: &str, role: &str) -> Answer {
        self.put(&format!("/v1/customers/{customer}/users/{user}"), &user_document(user, role)).await
    }

    /// Writes a document and insists that it is accepted.
    pub(crate) async fn put(&self, path: &str, document: &Value) -> Answer {
        let answer = self.call("PUT", path).json(document).send().await;
        assert!(answer.status < 300, "PUT {path} was refused: {answer:?}");
        answer
    }

    /// Sends NDJSON and gives the result lines.
    pub(crate) async fn import(&self, lines: &str) -> Vec<Value> {
        let call = self.call("POST", "/v1/import").body("application/x-ndjson", lines.to_owned());
        let answer = call.send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Asks for a user's token as the backend does.
    pub(crate) async fn token(&self, customer: &str, user: &str) -> Answer {
        self.call("POST", &format!("/v1/customers/{customer}/users/{user}/token")).send().await
    }

    /// Asks for a token as a browser does.
    pub(crate) async fn token_for(&self, session: &str) -> Answer {
        self.anonymous("GET", "/v1/token").bearer(session).send().await
    }

    /// A session of the product for this user, good for an hour.
    pub(crate) fn session(&self, customer: &str, user: &str) -> String {
        let now = self.clock.now().as_second();
        self.sign(&json!({"org_id": customer, "sub": user, "exp": now + 3600}))
    }

    /// A session with any claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let token = Self::signed(claims);
        self.keep_secret(&token);
        token
    }

    /// The same for tests with thousands: each that is kept costs a search of the whole log.
    pub(crate) fn signed(claims: &Value) -> String {
        let key = EncodingKey::from_secret(SESSION_SECRET.as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
    }

    /// Pass after pass, moving the clock to the next due time, until nothing is due any more and all links are stamped. Stamps are
    /// in it because that is where a bridge comes to rest, and because every test of crashes and faults then tries them, too.
    pub(crate) async fn settle(&self) {
        for _ in 0..MOST_PASSES {
            self.pass().await;
            let (visit, stamp) = (self.store.next_due().await.unwrap(), self.store.next_stamp().await.unwrap());
            match visit.into_iter().chain(stamp).min() {
                None => return,
                Some(due) => self.move_to(due),
            }
        }
        let left = self.store.failing(None, 10).await.unwrap();
        panic!("not at rest after {MOST_PASSES} passes; stats: {:?}, failing: {left:#?}", self.store.stats().await);
    }

    /// Visits what is due now.
    pub(crate) async fn pass(&self) {
        self.reconciler.pass(None, &CancellationToken::new()).await.unwrap();
    }

    /// Looks again at everything, which must come to its end.
    pub(crate) async fn sweep(&self) -> Tally {
        match self.sweeper.sweep(&CancellationToken::new()).await.unwrap() {
            Swept::Everything(tally) => tally,
            other => panic!("the sweep did not come to its end: {other:?}"),
        }
    }

    /// The time of everything.
    pub(crate) fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }

    fn move_to(&self, due: Timestamp) {
        self.clock.advance(Duration::try_from(due.duration_since(self.clock.now())).unwrap_or_default());
    }

    /// The entity of a customer.
    pub(crate) async fn entity_id(&self, customer: &str) -> String {
        let sync = &self.get(&format!("/v1/customers/{customer}")).await.json()["sync"];
        sync["entity_id"].as_str().unwrap_or_else(|| panic!("{customer} has no entity: {sync}")).to_owned()
    }

    /// Logins of the entity users of a customer at Monite, deleted ones not.
    pub(crate) async fn logins(&self, customer: &str) -> Vec<String> {
        self.sandbox.logins(&self.entity_id(customer).await)
    }

    /// How many lines of the log, since this bridge began, hold all of these texts.
    pub(crate) fn logged(&self, texts: &[&str]) -> usize {
        self.log.text().lines().filter(|line| texts.iter().all(|text| line.contains(text))).count()
    }

    /// From now on this text must not show up in the log.
    pub(crate) fn keep_secret(&self, text: &str) {
        self.secrets.lock().unwrap().push(text.to_owned());
    }
}

fn quirk_of_this_run() -> Option<(String, String)> {
    let quirk = std::env::var("QUIRK").ok()?;
    let (name, option) = quirk.split_once('=').expect("QUIRK is name=option");
    Some((name.to_owned(), option.to_owned()))
}

impl Drop for TestBridge {
    fn drop(&mut self) {
        self.stopping.cancel();
        if std::thread::panicking() {
            return;
        }
        let unused = self.sandbox.unused_faults();
        assert!(unused.is_empty(), "these faults were never met: {unused:#?}");
        for secret in self.secrets.lock().unwrap().iter() {
            self.log.assert_lacks(secret);
        }
    }
}
