//! One bridge: everything of it but the database, Monite and the time dies with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use monite::{Credentials, Monite};
use monite_bridge::api_key::ApiKeys;
use monite_bridge::audit::Audit;
use monite_bridge::broker::Broker;
use monite_bridge::budget::ledger::ReplicaId;
use monite_bridge::budget::{Outage, Part, SharedLimiter};
use monite_bridge::config::{Drift, OnUserDelete, ServerConfig, SessionConfig};
use monite_bridge::domain::BridgeId;
use monite_bridge::domain::role::RoleTemplates;
use monite_bridge::events::Events;
use monite_bridge::http::{App, Door, HttpMetrics, RequestIds, router};
use monite_bridge::jitter::Jitter;
use monite_bridge::reconcile::plan::OnCustomerDelete;
use monite_bridge::reconcile::sweep::{Dirty, Pace};
use monite_bridge::reconcile::visit::Workshop;
use monite_bridge::reconcile::{Awaited, Policy, Reconciler, Sweeper};
use monite_bridge::shared_token::PartnerTokenVault;
use monite_bridge::store::seal::MasterKey;
use monite_bridge::store::{Store, WorkerId};
use monite_bridge::webhook::Webhooks;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::clock::BridgeClock;
use crate::network::Network;
use crate::plan::Plan;
use crate::store::SteppedStore;
use crate::turnstile::{Turnstile, Who};
use crate::watch::Watch;

/// The API key of every bridge.
pub const API_KEY: &str = "api-key-of-the-simulation";

/// A bridge in one of its lives.
#[derive(Debug)]
pub struct Bridge {
    /// Which bridge, and which life.
    pub who: Who,
    /// Its HTTP API.
    pub router: Router,
    /// Its reconciler.
    pub reconciler: Reconciler,
    /// Cancelled when it dies.
    pub dead: CancellationToken,
    work: tokio::task::JoinHandle<()>,
    sweeps: Option<tokio::task::JoinHandle<()>>,
}

impl Bridge {
    /// Tells those who wait for its answers, and drops what it has in hand.
    fn stop(&self) {
        self.dead.cancel();
        self.work.abort();
        self.sweeps.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

/// Where bridges are started: what outlives them.
#[derive(Debug, Clone)]
pub struct Site {
    /// Where turns are given.
    pub turnstile: Turnstile,
    /// The way to Monite.
    pub network: Network,
    /// The database.
    pub store: Arc<dyn Store>,
    /// The partner at Monite.
    pub credentials: Credentials,
    /// What the shared token is sealed under.
    pub key: MasterKey,
    /// Where Monite is.
    pub base_url: String,
    /// What the seed wants.
    pub plan: Arc<Plan>,
    /// Told of what happens meanwhile.
    pub watch: Watch,
    /// Those that live, by number.
    pub bridges: Arc<Mutex<Vec<Option<Arc<Bridge>>>>>,
}

impl Site {
    /// Starts the bridge of this number for the `life`-th time.
    pub fn start(&self, instance: usize, life: u32) {
        let bridge = Arc::new(self.build(instance, life));
        self.lock()[instance] = Some(bridge);
    }

    /// It dies: nothing of it moves any more.
    pub fn kill(&self, instance: usize) -> Option<Who> {
        let bridge = self.lock()[instance].take()?;
        self.turnstile.kill(bridge.who);
        bridge.stop();
        Some(bridge.who)
    }

    /// Those that live.
    #[must_use]
    pub fn alive(&self) -> Vec<Arc<Bridge>> {
        self.lock().iter().flatten().cloned().collect()
    }

    /// Where all bridges have the partner's token. Only where bridges share a server they would have it there in earnest; what it does is
    /// the same on either database.
    fn vault(&self, store: &Arc<dyn Store>, clock: &Arc<dyn monite::Clock>) -> PartnerTokenVault {
        let (store, key, client) = (Arc::clone(store), self.key.clone().into(), self.credentials.client_id());
        PartnerTokenVault::new(store, key, Arc::clone(clock), client, &self.base_url).waiting_by(Arc::clone(clock))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Option<Arc<Bridge>>>> {
        self.bridges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn build(&self, instance: usize, life: u32) -> Bridge {
        let who = Who::Bridge { instance, life };
        let plan = &self.plan;
        let jitter = Jitter::seeded(plan.seed ^ (instance as u64) << 32 ^ u64::from(life) << 40);
        let turnstile = self.turnstile.clone();
        let clock: Arc<dyn monite::Clock> = Arc::new(BridgeClock { turnstile: turnstile.clone(), who });
        let store: Arc<dyn Store> =
            Arc::new(SteppedStore { inner: Arc::clone(&self.store), turnstile, who, watch: self.watch.clone() });
        let worker = WorkerId(format!("bridge-{instance}.{life}"));
        let outage = Outage::none_yet(Arc::clone(&clock), jitter.clone());
        let (id, of_all) = (ReplicaId(worker.0.clone()), (Arc::clone(&store), Arc::clone(&clock)));
        let limiter = SharedLimiter::join(id, plan.rate, Part::Whole, of_all.0, of_all.1, outage.clone());
        let builder = Monite::builder().limiter(Arc::new(limiter.clone())).gate(Arc::new(outage.clone()));
        let builder = builder.clock(Arc::clone(&clock)).jitter_seed((jitter.next() * 1e9) as u64);
        let builder = builder.base_url(&self.base_url).credentials(self.credentials.clone());
        let builder = builder.transport(Arc::new(self.network.of(who)));
        let builder = match plan.shares_token {
            true => builder.token_vault(Arc::new(self.vault(&store, &clock))),
            false => builder,
        };
        let monite = builder.build().expect("credentials and address are given");
        let events = Events::default();
        let broker = Broker::new(Arc::clone(&store), monite.clone(), Arc::clone(&clock));
        let templates = Arc::new(RoleTemplates::presets());
        let workshop = Workshop {
            store: Arc::clone(&store),
            monite,
            templates: Arc::clone(&templates),
            policy: Policy { on_customer_delete: OnCustomerDelete::Deactivate },
            clock: Arc::clone(&clock),
            jitter: jitter.clone(),
            events: events.clone(),
            outage,
            awaited: Awaited::default(),
        };
        let pace = Pace::share_of(Some(plan.rate), plan.sweep_share);
        let sweeper = Sweeper::new(workshop.clone(), worker.clone(), Drift::Enforce, pace);
        let reconciler = Reconciler::new(workshop, worker, plan.workers);
        let dead = CancellationToken::new();
        let work = Work {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            reconciler: reconciler.clone(),
            in_passes: plan.in_passes,
            fingerprint: templates.fingerprint(),
            name: BridgeId::from_bits(jitter.bits()),
        };
        let follower = (broker.clone(), events.clone(), dead.clone());
        tokio::spawn(async move { follower.0.follow(&follower.1, follower.2).await });
        let work = tokio::spawn(work.run(dead.clone()));
        let sweeps = plan.sweep_every.map(|every| {
            let stop = dead.clone();
            tokio::spawn(async move { sweeper.run(every, stop).await })
        });
        let app = App {
            store,
            templates,
            reconciler: reconciler.clone(),
            events,
            broker,
            sessions: None,
            keys: ApiKeys::bootstrap(Some(&SecretString::from(API_KEY))),
            webhooks: Webhooks::new(
                Arc::clone(&reconciler.workshop().store),
                None,
                Arc::clone(&clock),
                Dirty::default(),
            ),
            clock,
            stopping: dead.clone(),
            cors_origins: Vec::new(),
            door: Arc::new(Door::new(&ServerConfig::default(), &SessionConfig::default())),
            audit: Audit::off(),
            on_user_delete: OnUserDelete::Delete,
            request_ids: RequestIds::new(&jitter),
            metrics: HttpMetrics::default(),
            limiter: Some(limiter),
        };
        Bridge { who, router: router(app), reconciler, dead, work, sweeps }
    }
}

/// What a bridge does by itself.
struct Work {
    store: Arc<dyn Store>,
    clock: Arc<dyn monite::Clock>,
    reconciler: Reconciler,
    in_passes: bool,
    fingerprint: String,
    name: BridgeId,
}

impl Work {
    async fn run(self, stop: CancellationToken) {
        let adopted = self.store.adopt_templates(&self.fingerprint, self.clock.now()).await;
        adopted.expect("nothing is wrong with the database of a run");
        let named = self.store.name_bridge(&self.name).await;
        named.expect("nothing is wrong with the database of a run");
        if !self.in_passes {
            return self.reconciler.run(stop).await;
        }
        while !stop.is_cancelled() {
            self.reconciler.pass(None, &stop).await.expect("nothing is wrong with the database of a run");
            self.clock.sleep(std::time::Duration::from_secs(2)).await;
        }
    }
}
