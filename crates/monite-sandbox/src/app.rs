//! What all requests share: the world, the clock, the faults, the journal.

mod another_world;
mod webhooks;

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use jiff::Timestamp;
use subtle::ConstantTimeEq;
use tokio::sync::watch;
use uuid::Uuid;

use crate::clock::SandboxClock;
use crate::courier::Courier;
use crate::fault::Faults;
use crate::http::call::Call;
use crate::http::reply::{Answer, Reply};
use crate::id::IdSource;
use crate::journal::Journal;
use crate::quirks::Quirks;
use crate::ratelimit::{Meter, RateLimit};
use crate::refusal::Refusal;
use crate::rules::auth::Presented;
use crate::snapshots::Snapshots;
use crate::storage::{Commit, Storage};
use crate::world::World;
use crate::world::access::Caller;
use crate::world::rows::{CLOCK_OFFSET, setting};
use crate::world::stamp::Stamp;

/// The one pair of credentials this Monite knows.
pub(crate) struct Credentials {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
}

impl Credentials {
    fn accept(&self, presented: &Presented) -> bool {
        let own_id = Uuid::try_parse(&self.client_id).is_ok_and(|own| own == presented.client_id);
        // Both are compared, so that time does not tell which one is wrong.
        let own_secret = self.client_secret.as_bytes().ct_eq(presented.client_secret.as_bytes());
        own_id & bool::from(own_secret)
    }
}

/// Which client may use `/_sandbox`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admin {
    Nobody,
    Loopback,
    Everybody,
}

pub(crate) struct App {
    pub(crate) clock: SandboxClock,
    pub(crate) credentials: Credentials,
    pub(crate) token_ttl: Duration,
    pub(crate) admin: Admin,
    /// Names that clients may call the sandbox by, beside this machine's own.
    pub(crate) admin_hosts: Vec<String>,
    pub(crate) courier: Courier,
    pub(crate) storage: Option<Storage>,
    seed: Option<u64>,
    world: RwLock<World>,
    faults: Mutex<Faults>,
    journal: Mutex<Journal>,
    meter: Mutex<Meter>,
    snapshots: Mutex<Snapshots>,
    /// Counts the worlds that were thrown away, so that what was sent for one is not written down in the next.
    epoch: watch::Sender<u64>,
}

/// Streams of one seed.
const WORLD_IDS: u64 = 1;
const REQUEST_IDS: u64 = 2;

impl App {
    pub(crate) fn new(
        clock: SandboxClock, credentials: Credentials, token_ttl: Duration, admin: Admin, meter: Meter,
        seed: Option<u64>, kept: Option<(Storage, World)>,
    ) -> Self {
        let (storage, world) = kept.map_or_else(
            || (None, World::new(IdSource::new(seed, WORLD_IDS), false)),
            |(storage, world)| (Some(storage), world),
        );
        Self {
            clock,
            credentials,
            token_ttl,
            admin,
            admin_hosts: Vec::new(),
            courier: Courier::idle(),
            epoch: watch::Sender::new(0),
            storage,
            seed,
            world: RwLock::new(world),
            faults: Mutex::default(),
            journal: Mutex::new(Journal::new(IdSource::new(seed, REQUEST_IDS))),
            meter: Mutex::new(meter),
            snapshots: Mutex::default(),
        }
    }

    pub(crate) fn with_courier(self, courier: Courier) -> Self {
        Self { courier, ..self }
    }

    pub(crate) fn with_admin_hosts(self, admin_hosts: Vec<String>) -> Self {
        Self { admin_hosts, ..self }
    }

    /// An empty world whose changes go to storage.
    pub(crate) fn kept_world(seed: Option<u64>) -> World {
        World::new(IdSource::new(seed, WORLD_IDS), true)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Reads the world for a call, once its token was found good.
    pub(crate) fn read(&self, call: &Call, answer: impl FnOnce(&World, Caller) -> Answer) -> Answer {
        let world = self.world();
        if world.is_lagging() {
            drop(world);
            return self.read_lagging(call, answer);
        }
        let caller = world.caller(call.bearer, call.now)?;
        answer(&world, caller)
    }

    /// As [`App::read`], while some writes do not show yet. Tokens are judged by the truth.
    fn read_lagging(&self, call: &Call, answer: impl FnOnce(&World, Caller) -> Answer) -> Answer {
        let mut world = self.world_mut();
        let caller = world.caller(call.bearer, call.now)?;
        world.as_seen(call.now, |world| answer(world, caller))
    }

    /// Changes the world for a call, once its token was found good. The reply waits for what was changed.
    pub(crate) fn write(&self, call: &Call, answer: impl FnOnce(&mut World, Caller) -> Answer) -> Answer {
        self.change(|world| {
            let caller = world.caller(call.bearer, call.now)?;
            world.begin_write(call.visible_at);
            answer(world, caller)
        })
    }

    /// Changes the world for a call that needs no token.
    pub(crate) fn change(&self, answer: impl FnOnce(&mut World) -> Answer) -> Answer {
        let mut world = self.world_mut();
        world.begin_write(None);
        let answer = answer(&mut world);
        // Still under the lock, so that the writer sees changes in the order they were made.
        let commit = self.keep_changes(&mut world);
        let has_news = world.take_news();
        drop(world);
        if has_news {
            self.courier.wake();
        }
        answer.map(|reply| Reply { commit, ..reply })
    }

    fn keep_changes(&self, world: &mut World) -> Option<Commit> {
        let storage = self.storage.as_ref()?;
        let rows = world.take_changes();
        (!rows.is_empty()).then(|| storage.write(rows))
    }

    pub(crate) fn check_client(&self, presented: &Presented) -> Result<(), Refusal> {
        if self.credentials.accept(presented) { Ok(()) } else { Err(Refusal::BadCredentials) }
    }

    /// Changes the limit of calls, not the way they are counted.
    pub(crate) fn limit(&self, limit: RateLimit) {
        let mut meter = self.meter();
        let algorithm = meter.algorithm();
        meter.change(limit, algorithm);
    }

    pub(crate) fn expire_tokens(&self) -> Option<Commit> {
        let mut world = self.world_mut();
        world.expire_tokens();
        self.keep_changes(&mut world)
    }

    pub(crate) fn advance(&self, by: Duration) -> Option<Commit> {
        // The world's lock keeps two moves, and their rows, in one order.
        let mut world = self.world_mut();
        self.clock.advance(by);
        world.forget_old_events(Stamp::from(self.now()));
        let mut rows = world.take_changes();
        rows.push(setting(CLOCK_OFFSET, self.clock.offset_micros()));
        if world.has_pending_deliveries() {
            self.courier.wake();
        }
        self.storage.as_ref().map(|storage| storage.write(rows))
    }

    pub(crate) fn quirks(&self) -> Quirks {
        self.world().quirks.clone()
    }

    // A handler that panicked has changed rows one by one, each whole; the next call may go on with them.
    pub(crate) fn world(&self) -> RwLockReadGuard<'_, World> {
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn world_mut(&self) -> RwLockWriteGuard<'_, World> {
        self.world.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn snapshots(&self) -> MutexGuard<'_, Snapshots> {
        self.snapshots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
