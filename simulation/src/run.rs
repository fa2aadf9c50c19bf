//! One run: the storm, the calm after it, and what must be true then.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use monite::Credentials;
use monite_bridge::reconcile::sweep;
use monite_bridge::store::Store;
use monite_bridge::store::seal::MasterKey;
use monite_sandbox::{RateLimit, Sandbox};
use secrecy::SecretString;
use tokio::task::JoinHandle;

use crate::bridge::Site;
use crate::chance::Chance;
use crate::check::check;
use crate::clock::SandboxClock;
use crate::database::{Database, Home};
use crate::history::History;
use crate::network::Network;
use crate::plan::Plan;
use crate::product::{Client, Market, Wanted};
use crate::stranger::Stranger;
use crate::turnstile::{Kind, Turnstile, Waiting, Who};
use crate::watch::Watch;

const START: Timestamp = Timestamp::constant(1_772_355_600, 0);
const CLIENT_ID: uuid::Uuid = uuid::Uuid::from_u128(0x5eed);
const CLIENT_SECRET: &str = "client-secret-of-the-simulation";

/// What is not at rest after so long, by the clock of the run, never will be.
const REST_WITHIN: SignedDuration = SignedDuration::from_hours(3);

/// What is not at rest after so many steps goes round in circles.
const MOST_STEPS: usize = 300_000;

/// What somebody else changes in the calm: only a sweep can find it.
const MEDDLING_IN_THE_CALM: usize = 4;

/// Sweeps leave alone for so long what was touched: lists may lag behind.
const SHOWS_AFTER: SignedDuration = SignedDuration::from_secs(11);

/// How one seed came out.
#[derive(Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// Promises that were broken.
    pub broken: Vec<String>,
    /// What happened.
    pub history: History,
    /// What the seed made of the world.
    pub plan: Arc<Plan>,
    /// Deaths of bridges.
    pub crashes: u32,
    /// Times a bridge stood still.
    pub freezes: u32,
    /// Calls that Monite received.
    pub calls: u64,
    /// Tokens handed out.
    pub tokens: usize,
    /// Tokens that a bridge handed out after another one had accepted the deletion.
    pub late_handouts: u32,
    /// Times that a partner's token was asked for.
    pub mints: u64,
}

/// Runs a seed to its end, on this thread alone.
#[must_use]
pub fn run(seed: u64, database: &Database) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // The run gets its turn once nobody else can move.
        .event_interval(u32::MAX)
        .build()
        .expect("a runtime without threads takes nothing that could be missing");
    runtime.block_on(async {
        let home = Home::of(database).await;
        let outcome = Stage::set(seed, home.store()).await.play().await;
        home.leave().await;
        outcome
    })
}

struct Stage {
    plan: Arc<Plan>,
    turnstile: Turnstile,
    history: History,
    sandbox: Arc<Sandbox>,
    network: Network,
    site: Site,
    market: Arc<Market>,
    chance: Chance,
    /// Until when each bridge stands still.
    frozen: Vec<Timestamp>,
    is_storm: bool,
    crashes: u32,
    freezes: u32,
}

impl Stage {
    async fn set(seed: u64, store: Arc<dyn Store>) -> Self {
        let history = History::default();
        let turnstile = Turnstile::at(START, history.clone());
        let clock = Arc::new(SandboxClock(turnstile.clone()));
        let builder = Sandbox::builder().credentials(CLIENT_ID.to_string(), CLIENT_SECRET).clock(clock).seed(seed);
        let sandbox = builder.webhooks_by_hand().in_process().await.expect("the client id is a UUID");
        let plan = Arc::new(Plan::draw(seed, &sandbox.quirks()));
        for (name, option) in &plan.quirks {
            sandbox.set_quirk(name, option).expect("drawn from the table");
        }
        match plan.counts {
            Some(how) => sandbox.set_rate_limit(RateLimit::PerSecond(plan.rate), how),
            None => sandbox.set_rate_limit(RateLimit::Off, sandbox.rate_limit().1),
        }
        sandbox.set_faults(plan.faults.clone());
        let watch = Watch::new(&plan);
        let network = Network::new(
            turnstile.clone(),
            sandbox.router(),
            Chance::new(seed, 2),
            watch.clone(),
            plan.roughness,
            plan.outages.clone(),
        );
        let site = Site {
            turnstile: turnstile.clone(),
            network: network.clone(),
            store,
            credentials: Credentials::parse(sandbox.client_id(), SecretString::from(CLIENT_SECRET))
                .expect("the client id is a UUID"),
            key: MasterKey::generate(),
            base_url: sandbox.base_url(),
            plan: Arc::clone(&plan),
            watch,
            bridges: Arc::new(Mutex::new((0..plan.bridges).map(|_| None).collect())),
        };
        let sandbox = Arc::new(sandbox);
        let market = Arc::new(Market {
            site: site.clone(),
            sandbox: Arc::clone(&sandbox),
            history: history.clone(),
            broken: Mutex::default(),
            owners: Mutex::default(),
            tokens: Mutex::default(),
            late_handouts: Mutex::default(),
        });
        Self {
            frozen: vec![START; plan.bridges],
            plan,
            turnstile,
            history,
            sandbox,
            network,
            site,
            market,
            chance: Chance::new(seed, 3),
            is_storm: true,
            crashes: 0,
            freezes: 0,
        }
    }

    async fn play(mut self) -> Outcome {
        self.history.note(START, false, &format!("{:?}", self.plan));
        for instance in 0..self.plan.bridges {
            self.site.start(instance, 0);
        }
        let stranger = Stranger::new(self.site.clone(), Arc::clone(&self.sandbox), Chance::new(self.plan.seed, 4));
        let meddling = tokio::spawn(stranger.clone().live(self.plan.meddling));
        let clients =
            (0..self.plan.clients).map(|index| tokio::spawn(self.client(index).live(self.plan.deeds))).collect();
        let wanted = self.until_all(clients).await;
        meddling.abort();
        self.calm_down();
        let (mut broken, mut given_out) = (Vec::new(), 0);
        let wanted = match wanted {
            Some(wanted) => self.come_to_rest(wanted, &stranger, &mut broken).await,
            None => {
                broken.push(format!(
                    "the product waits for an answer for ever; waiting are {:?}",
                    self.turnstile.waiting()
                ));
                None
            }
        };
        broken.extend(std::mem::take(&mut *lock(&self.market.broken)));
        broken.extend(self.site.watch.take_broken());
        if let Some(wanted) = wanted {
            let tokens = std::mem::take(&mut *lock(&self.market.tokens));
            given_out = tokens.len();
            let store = self.site.store.as_ref();
            broken.extend(check(store, &self.sandbox, &wanted, &tokens, &self.plan, stranger.monite()).await);
        }
        self.history.note(self.turnstile.now(), false, &self.sandbox.state().to_string());
        let mints = self.site.watch.mints();
        let late_handouts = *lock(&self.market.late_handouts);
        Outcome {
            seed: self.plan.seed,
            broken,
            history: self.history,
            calls: self.sandbox.total_calls(),
            plan: self.plan,
            crashes: self.crashes,
            freezes: self.freezes,
            tokens: given_out,
            late_handouts,
            mints,
        }
    }

    fn client(&self, index: usize) -> Client {
        let customers = (0..self.plan.customers).map(|n| Wanted::named(format!("c{index}{n}")));
        Client {
            market: Arc::clone(&self.market),
            index,
            chance: Chance::new(self.plan.seed, 10 + index as u64),
            customers: customers.collect(),
            home: index % self.plan.bridges,
        }
    }

    /// No faults any more, and everybody on their feet.
    fn calm_down(&mut self) {
        self.is_storm = false;
        self.frozen.fill(START);
        self.sandbox.clear_faults();
        self.network.calm_down();
        self.history.note(self.turnstile.now(), false, "-- calm --");
    }

    /// Until nothing is due; then what Monite refused in the storm is tried again, until nothing is due once more.
    async fn come_to_rest(
        &mut self, wanted: Vec<Wanted>, stranger: &Stranger, broken: &mut Vec<String>,
    ) -> Option<Vec<Wanted>> {
        // What is on its way in the network lands within 75 seconds; what is late to show does so within 10.
        self.pass_time(SignedDuration::from_secs(90)).await;
        if !self.until_nothing_is_due().await {
            broken.push("not at rest long after the storm".to_owned());
        }
        let mut rest = wanted.into_iter();
        let again: Vec<JoinHandle<Vec<Wanted>>> = (0..self.plan.clients)
            .map(|index| {
                let mut client = self.client(index);
                client.customers = rest.by_ref().take(self.plan.customers).collect();
                tokio::spawn(client.retry_all())
            })
            .collect();
        let wanted = self.until_all(again).await;
        if wanted.is_none() {
            broken.push("a retry is not answered".to_owned());
        }
        if !self.until_nothing_is_due().await {
            broken.push("not at rest after a retry".to_owned());
        }
        if self.plan.meddling > 0 {
            for _ in 0..MEDDLING_IN_THE_CALM {
                let did = stranger.meddle().await;
                self.history.note(self.turnstile.now(), false, &format!("somebody else meddles {did}"));
            }
            if !self.until_sweeps_find_nothing().await {
                broken.push("sweeps have not put right what somebody else changed".to_owned());
            }
        }
        wanted
    }

    /// Until a sweep finds nothing that began when all was at rest. One whose finding came in the way of a visit leaves it to the next, so
    /// each puts one thing right at least.
    async fn until_sweeps_find_nothing(&mut self) -> bool {
        for _ in 0..=MEDDLING_IN_THE_CALM {
            let Some(swept) = self.until_swept().await else { return false };
            if !self.until_nothing_is_due().await {
                return false;
            }
            if swept.tally.drifted == 0 {
                return true;
            }
        }
        false
    }

    /// Until a sweep has come to its end that began when lists showed all that is there.
    async fn until_swept(&mut self) -> Option<sweep::Finished> {
        let from = self.turnstile.now() + SHOWS_AFTER;
        let limit = from + REST_WITHIN;
        while self.turnstile.now() < limit && self.history.len() < MOST_STEPS {
            self.pass_time(SignedDuration::from_secs(5)).await;
            let last =
                sweep::last(self.site.store.as_ref()).await.expect("nothing is wrong with the database of a run");
            if last.as_ref().is_some_and(|last| last.started_at >= from) {
                return last;
            }
        }
        None
    }

    async fn until_nothing_is_due(&mut self) -> bool {
        let limit = self.turnstile.now() + REST_WITHIN;
        while self.turnstile.now() < limit && self.history.len() < MOST_STEPS {
            self.pass_time(SignedDuration::from_secs(5)).await;
            let fine = "nothing is wrong with the database of a run";
            let visit = self.site.store.next_due().await.expect(fine);
            let due = visit.or(self.site.store.next_stamp().await.expect(fine));
            let in_hand: usize = self.site.alive().iter().map(|bridge| bridge.reconciler.in_hand()).sum();
            if due.is_none() && in_hand == 0 {
                return true;
            }
            self.sleep_through(visit, due, in_hand);
        }
        false
    }

    /// A stamp that Monite refused is tried again an hour later. Nobody does anything meanwhile, so all stand still until shortly before.
    fn sleep_through(&self, visit: Option<Timestamp>, stamp: Option<Timestamp>, in_hand: usize) {
        let almost = stamp.map(|stamp| stamp - SignedDuration::from_secs(10));
        if let (None, Some(almost), 0) = (visit, almost, in_hand) {
            self.turnstile.move_to(almost);
        }
    }

    async fn pass_time(&mut self, time: SignedDuration) {
        let until = self.turnstile.now() + time;
        while self.history.len() < MOST_STEPS && self.step(until).await {}
        self.turnstile.move_to(until);
    }

    async fn until_all(&mut self, clients: Vec<JoinHandle<Vec<Wanted>>>) -> Option<Vec<Wanted>> {
        let limit = self.turnstile.now() + REST_WITHIN;
        while !clients.iter().all(JoinHandle::is_finished) {
            if self.history.len() >= MOST_STEPS || !self.step(limit).await {
                return None;
            }
        }
        let mut wanted = Vec::new();
        for client in clients {
            wanted.extend(client.await.expect("clients do not panic"));
        }
        Some(wanted)
    }

    /// One step of somebody, or the time to the next one; `false` when nobody goes before `until`.
    async fn step(&mut self, until: Timestamp) -> bool {
        // Whoever was woken has moved on to its next turn once this comes back: see `event_interval`.
        for _ in 0..2 {
            tokio::task::yield_now().await;
        }
        let (now, waiting) = (self.turnstile.now(), self.turnstile.waiting());
        let (ready, later): (Vec<_>, Vec<_>) =
            waiting.into_iter().map(|(key, one)| (self.goes_at(&one), key, one)).partition(|(at, ..)| *at <= now);
        let next = later.iter().map(|(at, ..)| *at).min().filter(|at| *at <= until);
        if ready.is_empty() || (self.is_storm && next.is_some() && self.chance.hits(self.plan.dawdle)) {
            let Some(next) = next else { return !ready.is_empty() };
            self.turnstile.move_to(next);
            return true;
        }
        let (_, key, one) = &ready[self.chance.below(ready.len())];
        if self.strikes(one) {
            return true;
        }
        self.turnstile.let_go(*key).await;
        true
    }

    fn goes_at(&self, one: &Waiting) -> Timestamp {
        match one.who {
            Who::Bridge { instance, .. } => one.from.max(self.frozen[instance]),
            Who::World | Who::Product(_) => one.from,
        }
    }

    /// Whether this is the moment at which the bridge dies or stands still.
    fn strikes(&mut self, one: &Waiting) -> bool {
        let Who::Bridge { instance, life } = one.who else { return false };
        if !self.is_storm {
            return false;
        }
        let weight = match one.kind {
            Kind::Idle | Kind::Beat => 0.1,
            Kind::Read => 0.5,
            Kind::Act => 1.0,
        };
        let drawn = self.chance.share();
        let now = self.turnstile.now();
        if drawn < self.plan.crash * weight {
            self.crashes += 1;
            self.history.note(now, false, &format!("{} dies before: {}", one.who, one.what));
            self.site.kill(instance);
            let wait = self.chance.between(Duration::from_secs(2), Duration::from_secs(40));
            let (site, turnstile) = (self.site.clone(), self.turnstile.clone());
            tokio::spawn(async move {
                let turn =
                    turnstile.enter_after(wait, Who::World, Kind::Act, format!("bridge {instance} starts")).await;
                site.start(instance, life + 1);
                turn.done("");
            });
            return true;
        }
        if drawn < (self.plan.crash + self.plan.freeze) * weight {
            self.freezes += 1;
            let until = now + self.chance.between(Duration::from_millis(100), Duration::from_secs(90));
            self.history.note(now, false, &format!("{} stands still until {until} before: {}", one.who, one.what));
            self.frozen[instance] = until;
            return true;
        }
        false
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
