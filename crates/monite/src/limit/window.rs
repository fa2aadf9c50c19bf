//! The limiter of one process: permits that come back about a second after their answer, evenly paced.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::Notify;

use super::queue::{Queue, Turn, Usage};
use super::share::Share;
use super::{Limiter, Permit, Priority, RateSignal};
use crate::clock::{Clock, until};

/// `N` permits, each free again one second after its *answer*, less half of what the fastest answer took of late, handed out at
/// 0.95 `N` a second at most.
///
/// Against a server that counts fixed seconds, a sliding log, a sliding counter or a token bucket this gets no 429,
/// also over a network with jitter: a permit that waits for its answer cannot be counted twice in one window.
/// Clones are the same limiter.
#[derive(Clone)]
pub struct WindowLimiter {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    queue: Queue,
    /// The bell of each ticket that waits.
    bells: HashMap<u64, Arc<Notify>>,
}

impl WindowLimiter {
    /// At most `per_second` requests a second.
    pub fn new(per_second: u32, clock: Arc<dyn Clock>) -> Self {
        Self::with_share(Share::whole(per_second), clock)
    }

    /// As much of a common limit as `share` says.
    pub fn with_share(share: Share, clock: Arc<dyn Clock>) -> Self {
        let state = Mutex::new(State { queue: Queue::new(share), bells: HashMap::new() });
        Self { shared: Arc::new(Shared { clock, state }) }
    }

    /// From now on this share counts.
    pub fn set_share(&self, share: Share) {
        self.change(|queue, now| queue.set_share(share, now));
    }

    /// Nobody sends before this time.
    pub fn pause(&self, until: Timestamp) {
        self.change(|queue, _| queue.pause(until));
    }

    /// What its share allows to have out, as long as that is good.
    pub fn permits(&self) -> u32 {
        self.shared.lock().queue.share().permits
    }

    /// Where it stands.
    pub fn usage(&self) -> Usage {
        let now = self.shared.clock.now();
        self.shared.lock().queue.usage(now)
    }

    /// How long everybody is held back by a 429; zero when nobody is.
    pub fn pause_left(&self) -> Duration {
        let now = self.shared.clock.now();
        until(now, self.shared.lock().queue.usage(now).paused_until)
    }

    fn change(&self, change: impl FnOnce(&mut Queue, Timestamp)) {
        let now = self.shared.clock.now();
        let mut state = self.shared.lock();
        change(&mut state.queue, now);
        state.ring_head(now);
    }
}

#[async_trait]
impl Limiter for WindowLimiter {
    async fn acquire(&self, priority: Priority) -> Permit {
        let place = Place::join(&self.shared, priority);
        loop {
            match self.shared.turn(&place) {
                Turn::Go => {
                    let (shared, granted) = (self.shared.clone(), self.shared.clock.now());
                    drop(place);
                    return Permit::new(move |how| {
                        let now = shared.clock.now();
                        let mut state = shared.lock();
                        state.queue.release(priority, how, granted, now);
                        state.ring_head(now);
                    });
                }
                Turn::At(at) => {
                    let wait = until(self.shared.clock.now(), at);
                    tokio::select! {
                        biased;
                        () = place.bell.notified() => {}
                        () = self.shared.clock.sleep(wait) => {}
                    }
                }
                Turn::OnRelease => place.bell.notified().await,
                Turn::NotFirst => {
                    // Who is first can change by time alone; then the one who is now may still be asleep.
                    self.change(|_, _| ());
                    place.bell.notified().await;
                }
            }
        }
    }

    fn observe(&self, signal: &RateSignal) {
        self.change(|queue, now| queue.observe(signal, now));
    }
}

impl Shared {
    fn turn(&self, place: &Place) -> Turn {
        let now = self.clock.now();
        self.lock().queue.turn(place.priority, place.ticket, now)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A bell rung before its owner listens is not lost: `Notify` keeps it.
    fn ring_head(&self, now: Timestamp) {
        if let Some(bell) = self.queue.head(now).and_then(|ticket| self.bells.get(&ticket)) {
            bell.notify_one();
        }
    }
}

/// A place in the queue. Dropping it leaves the queue and lets the next one look: nothing leaks from a cancelled wait.
struct Place {
    shared: Arc<Shared>,
    priority: Priority,
    ticket: u64,
    bell: Arc<Notify>,
}

impl Place {
    fn join(shared: &Arc<Shared>, priority: Priority) -> Self {
        let now = shared.clock.now();
        let bell = Arc::new(Notify::new());
        let mut state = shared.lock();
        let ticket = state.queue.join(priority, now);
        state.bells.insert(ticket, bell.clone());
        Self { shared: shared.clone(), priority, ticket, bell }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let now = self.shared.clock.now();
        let mut state = self.shared.lock();
        state.queue.leave(self.priority, self.ticket);
        state.bells.remove(&self.ticket);
        state.ring_head(now);
    }
}

impl fmt::Debug for WindowLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WindowLimiter({:?})", self.shared.lock().queue)
    }
}
