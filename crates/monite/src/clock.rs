//! Time is passed in, so that tests and simulations own it.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

/// What time it is, and a way to wait.
#[async_trait]
pub trait Clock: Send + Sync + fmt::Debug {
    /// Now, cut to microseconds: a value then equals itself after a trip through a database.
    fn now(&self) -> Timestamp;

    /// Returns once `duration` has passed on this clock.
    async fn sleep(&self, duration: Duration);
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // the one place that asks the machine; everyone else takes a Clock
    fn now(&self) -> Timestamp {
        cut_to_micros(Timestamp::now())
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A clock that moves only when told to. Clones are the same clock.
#[derive(Clone)]
pub struct ManualClock {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Rung whenever the number of sleepers changes.
    changed: Notify,
}

struct State {
    now: Timestamp,
    auto: bool,
    next_seq: u64,
    /// By wake time, then by arrival: the order in which sleepers are woken.
    sleepers: BTreeMap<(Timestamp, u64), Waker>,
}

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        let state = State { now: cut_to_micros(now), auto: false, next_seq: 0, sleepers: BTreeMap::new() };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), changed: Notify::new() }) }
    }

    /// From now on (or no longer) a sleep moves the clock itself and returns: waiting costs no real time.
    pub fn auto_advance(&self, on: bool) -> &Self {
        self.lock().auto = on;
        self
    }

    /// Moves the clock forward and wakes everyone whose time has come, earliest first.
    pub fn advance(&self, by: Duration) {
        let mut state = self.lock();
        let target = later(state.now, by);
        state.move_to(target);
        drop(state);
        self.shared.changed.notify_waiters();
    }

    /// Moves the clock exactly to the earliest sleeper and wakes it; `false` when nobody sleeps.
    /// A simulation is: run until everybody waits, then this, again.
    pub fn advance_to_next(&self) -> bool {
        let mut state = self.lock();
        let Some((wake_at, _)) = state.sleepers.first_key_value().map(|(key, _)| *key) else {
            return false;
        };
        state.move_to(wake_at);
        drop(state);
        self.shared.changed.notify_waiters();
        true
    }

    /// How many tasks are asleep on this clock.
    pub fn sleepers(&self) -> usize {
        self.lock().sleepers.len()
    }

    /// Waits until at least `n` tasks are asleep. For tests.
    ///
    /// # Panics
    /// When that takes more than ten seconds of real time: a test then fails with the reason instead of hanging.
    pub async fn wait_for_sleepers(&self, n: usize) {
        let enough = async {
            loop {
                let changed = self.shared.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if self.sleepers() >= n {
                    return;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(10), enough).await.is_err() {
            panic!("waited 10 s for {n} sleepers on the manual clock, saw {}", self.sleepers());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ManualClock({})", self.lock().now)
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.lock().now
    }

    async fn sleep(&self, duration: Duration) {
        let until = {
            let mut state = self.lock();
            let until = later(state.now, duration);
            if state.auto {
                state.move_to(until);
            }
            until
        };
        Sleep { clock: self, until, key: None }.await;
        // Others get a turn even when the clock moves by itself, or a loop that sleeps would starve them.
        tokio::task::yield_now().await;
    }
}

impl State {
    fn move_to(&mut self, target: Timestamp) {
        self.now = self.now.max(target);
        while let Some(entry) = self.sleepers.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            entry.remove().wake();
        }
    }
}

/// One sleeper. Leaves the list when dropped, so that a cancelled one is not counted.
struct Sleep<'a> {
    clock: &'a ManualClock,
    until: Timestamp,
    key: Option<(Timestamp, u64)>,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let clock = self.clock;
        let mut state = clock.lock();
        if state.now >= self.until {
            return Poll::Ready(());
        }
        let key = self.key.unwrap_or_else(|| {
            state.next_seq += 1;
            (self.until, state.next_seq)
        });
        state.sleepers.insert(key, cx.waker().clone());
        drop(state);
        self.key = Some(key);
        clock.shared.changed.notify_waiters();
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.clock.lock().sleepers.remove(&key);
            self.clock.shared.changed.notify_waiters();
        }
    }
}

pub(crate) fn cut_to_micros(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

/// `from + by`, at the end of time if that is past it: a wait can be long but not fail.
pub(crate) fn later(from: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| from.checked_add(by).ok()).map_or(Timestamp::MAX, cut_to_micros)
}

/// How long from `from` to `to`; zero when `to` is in the past.
pub(crate) fn until(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}
