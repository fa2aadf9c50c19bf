//! Processes that share one database and one Monite, and the time by which all of it goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use monite::{Clock, Credentials, EntityFilter, ManualClock, Monite, Priority, RetryPolicy, Transport, TransportError};
use monite_bridge::budget::ledger::ReplicaId;
use monite_bridge::budget::{Outage, Part, SharedLimiter};
use monite_bridge::jitter::Jitter;
use monite_bridge::store::Store;
use monite_sandbox::{RateAlgorithm, RateLimit, Sandbox};
use secrecy::SecretString;
use tokio::sync::watch;

use super::server_clock::ServerClock;
use crate::support::{Database, InProcess, Place, START, SandboxTime};

pub(super) const LIMIT: u32 = 30;

/// One way to Monite.
const WAY: Duration = Duration::from_millis(20);

pub(super) struct Stage {
    pub(super) clock: ManualClock,
    pub(super) sandbox: Sandbox,
    pub(super) place: Place,
    pub(super) limiters: Vec<SharedLimiter>,
    pub(super) outages: Vec<Outage>,
    refused: Arc<AtomicU32>,
    frozen: Vec<watch::Sender<bool>>,
    /// The database server's.
    server_clock: Option<ServerClock>,
}

impl Stage {
    /// On SQLite, where all processes have one clock.
    pub(super) async fn new(algorithm: RateAlgorithm) -> Self {
        Self::on(Place::create(Database::Sqlite).await, None, algorithm).await
    }

    /// On PostgreSQL, which has a clock of its own.
    pub(super) async fn on_postgres(algorithm: RateAlgorithm) -> Self {
        let (place, server_clock) = ServerClock::install(START.parse().unwrap()).await;
        Self::on(place, Some(server_clock), algorithm).await
    }

    async fn on(place: Place, server_clock: Option<ServerClock>, algorithm: RateAlgorithm) -> Self {
        let clock = ManualClock::at(START.parse().unwrap());
        let sandbox = Sandbox::builder()
            .rate_limit(RateLimit::PerSecond(LIMIT))
            .rate_algorithm(algorithm)
            .clock(Arc::new(SandboxTime(clock.clone())))
            .in_process()
            .await
            .unwrap();
        let (limiters, outages, refused, frozen) = (Vec::new(), Vec::new(), Arc::default(), Vec::new());
        Self { clock, sandbox, place, limiters, outages, refused, frozen, server_clock }
    }

    /// Calls that got a 429, of all processes.
    pub(super) fn refused(&self) -> u32 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(super) async fn store(&self) -> Arc<dyn Store> {
        monite_bridge::store::open(&self.place.url()).await.unwrap()
    }

    /// Another process.
    pub(super) async fn replica(&mut self, part: Part) -> Monite {
        self.replica_ahead(part, SignedDuration::ZERO).await
    }

    /// Another process, whose clock is ahead of true time.
    pub(super) async fn replica_ahead(&mut self, part: Part, ahead: SignedDuration) -> Monite {
        let (freeze, frozen) = watch::channel(false);
        self.frozen.push(freeze);
        let clock = Arc::new(ProcessClock { clock: self.clock.clone(), ahead, frozen });
        let outage = Outage::none_yet(clock.clone(), Jitter::seeded(1));
        let id = ReplicaId(format!("replica-{}", self.limiters.len()));
        let limiter = SharedLimiter::join(id, LIMIT, part, self.store().await, clock.clone(), outage.clone());
        self.limiters.push(limiter.clone());
        self.outages.push(outage.clone());
        let far_away = FarAway {
            sandbox: InProcess::new(self.sandbox.router(), Default::default()),
            there: self.clock.clone(),
            back: clock.clone(),
            refused: Arc::clone(&self.refused),
        };
        Monite::builder()
            .base_url(self.sandbox.base_url())
            .credentials(credentials(&self.sandbox))
            .limiter(Arc::new(limiter))
            .gate(Arc::new(outage))
            .clock(clock)
            .retry(RetryPolicy::never())
            .transport(Arc::new(far_away))
            .build()
            .unwrap()
    }

    /// This process does nothing any more until it is thawed. One that never is has died.
    pub(super) fn freeze(&self, replica: usize) {
        self.frozen[replica].send_replace(true);
    }

    pub(super) fn thaw(&self, replica: usize) {
        self.frozen[replica].send_replace(false);
    }

    /// Lets everybody run until all wait, heartbeats at the database included, then moves the clock; until so much has passed.
    pub(super) async fn run(&self, time: Duration) {
        let until = self.clock.now() + time;
        while self.clock.now() < until {
            self.let_all_run().await;
            self.advance().await;
        }
    }

    /// The same with reconcilers at work, each on one of these stores: waits for their reads and writes, too. SQLite's writer serves in
    /// order, so a write that changes nothing is through when those before it are.
    pub(super) async fn run_with(&self, stores: &[Arc<dyn Store>], time: Duration) {
        let until = self.clock.now() + time;
        while self.clock.now() < until {
            let mut quiet = 0;
            while quiet < 4 {
                self.let_all_run().await;
                for store in stores {
                    store.leave(&ReplicaId("nobody".to_owned())).await.unwrap();
                }
                self.let_all_run().await;
                quiet = if stores.iter().all(|store| store.busy_connections() == 0) { quiet + 1 } else { 0 };
            }
            self.advance().await;
        }
    }

    /// How much of the limit was used, when so many seconds pass.
    pub(super) async fn used_in(&self, seconds: u64) -> f64 {
        let before = self.sandbox.total_calls();
        self.run(Duration::from_secs(seconds)).await;
        let sent = self.sandbox.total_calls() - before;
        // 28.5 a second; a span that begins and ends anywhere holds one less.
        (sent as f64 + 1.5) / (seconds as f64 * f64::from(LIMIT))
    }

    async fn advance(&self) {
        assert!(self.clock.advance_to_next(), "somebody always sleeps: the hearts do");
        if let Some(server_clock) = &self.server_clock {
            server_clock.set(self.clock.now()).await;
        }
    }

    async fn let_all_run(&self) {
        let quiet = async {
            loop {
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
                if !self.limiters.iter().any(|limiter| limiter.standing().beating) {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), quiet).await.expect("a heartbeat did not end within 60 s");
    }
}

fn credentials(sandbox: &Sandbox) -> Credentials {
    Credentials::parse(sandbox.client_id(), SecretString::from(sandbox.client_secret())).unwrap()
}

/// Calls one after the other, for ever.
pub(super) fn work(monite: &Monite, workers: usize) {
    for _ in 0..workers {
        let monite = monite.with_priority(Priority::Bulk);
        tokio::spawn(async move {
            let one = EntityFilter { limit: Some(1), ..EntityFilter::default() };
            loop {
                let _ = monite.entities().list(&one).await;
            }
        });
    }
}

/// The clock of one process. While that is frozen nobody in it wakes, and then all do at once.
#[derive(Debug)]
struct ProcessClock {
    clock: ManualClock,
    ahead: SignedDuration,
    frozen: watch::Receiver<bool>,
}

#[async_trait]
impl Clock for ProcessClock {
    fn now(&self) -> Timestamp {
        self.clock.now() + self.ahead
    }

    async fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration).await;
        // An error says that the stage is gone: nobody freezes anybody any more.
        let _ = self.frozen.clone().wait_for(|frozen| !frozen).await;
    }
}

/// The sandbox, some milliseconds away. What was sent arrives whatever becomes of the process; the answer waits for it.
#[derive(Debug)]
struct FarAway {
    sandbox: InProcess,
    there: ManualClock,
    back: Arc<ProcessClock>,
    refused: Arc<AtomicU32>,
}

#[async_trait]
impl Transport for FarAway {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        self.there.sleep(WAY).await;
        let answer = self.sandbox.send(request).await;
        if answer.as_ref().is_ok_and(|answer| answer.status() == 429) {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        self.back.sleep(WAY).await;
        answer
    }
}
