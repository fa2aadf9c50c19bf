//! The turnstile: everything that could happen in another order waits here, and goes one at a time when it is told to.
//!
//! What happens between two turns is plain computation of one thread, and so the order of the turns is the whole of what a run
//! can do differently.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::history::History;

/// Whose step it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// The network, and whoever puts things back on their feet.
    World,
    /// One of the product's clients.
    Product(usize),
    /// One life of one bridge: after its death it never gets a turn again.
    Bridge {
        /// Which one.
        instance: usize,
        /// How often it had been started before.
        life: u32,
    },
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::World => f.write_str("world"),
            Self::Product(client) => write!(f, "product {client}"),
            Self::Bridge { instance, life } => write!(f, "bridge {instance}.{life}"),
        }
    }
}

/// What kind of step: how tempting a moment it is for a crash, and whether a reader of the history wants to see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A wait that ends, a look whether something is due.
    Idle,
    /// A heartbeat: one each second, so one kills seldom.
    Beat,
    /// A read.
    Read,
    /// A write, or a call on its way.
    Act,
}

/// Somebody who waits for a turn.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Whose step it is.
    pub who: Who,
    /// What is about to happen.
    pub what: String,
    /// What kind of step.
    pub kind: Kind,
    /// Not before.
    pub from: Timestamp,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Turnstile {
    state: Arc<Mutex<State>>,
    history: History,
}

#[derive(Debug)]
struct State {
    now: Timestamp,
    next: u64,
    waiting: BTreeMap<u64, (Waiting, oneshot::Sender<Turn>)>,
    /// When they died.
    dead: BTreeMap<Who, Timestamp>,
}

/// One's turn: nobody else moves until it is over. Dropped, it is over without a result.
#[derive(Debug)]
pub struct Turn {
    waiting: Waiting,
    at: Timestamp,
    history: History,
    /// Told when it is over.
    over: Option<oneshot::Sender<()>>,
}

impl Turn {
    /// It is over, with this result.
    pub fn done(mut self, result: &str) {
        self.end(result);
    }

    fn end(&mut self, result: &str) {
        let Some(over) = self.over.take() else { return };
        let is_idle = self.waiting.kind == Kind::Beat
            || self.waiting.kind == Kind::Idle && (self.waiting.what != "claim" || result.is_empty());
        let text = format!("{}: {} {result}", self.waiting.who, self.waiting.what);
        self.history.note(self.at, is_idle, text.trim_end());
        // Nobody waits for it once the run is over.
        let _ = over.send(());
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.end("");
    }
}

impl Turnstile {
    /// Nobody waits, and it is `now`.
    #[must_use]
    pub fn at(now: Timestamp, history: History) -> Self {
        let state = State { now, next: 0, waiting: BTreeMap::new(), dead: BTreeMap::new() };
        Self { state: Arc::new(Mutex::new(state)), history }
    }

    /// The time of everything.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.lock().now
    }

    /// Moves the time; never back.
    pub fn move_to(&self, now: Timestamp) {
        let mut state = self.lock();
        state.now = state.now.max(now);
    }

    /// Waits for a turn. A dead one waits for ever.
    pub async fn enter(&self, who: Who, kind: Kind, what: impl Into<String>) -> Turn {
        let now = self.now();
        self.enter_from(now, who, kind, what).await
    }

    /// Waits for a turn after `wait`.
    pub async fn enter_after(&self, wait: Duration, who: Who, kind: Kind, what: impl Into<String>) -> Turn {
        let from = jiff::SignedDuration::try_from(wait).ok().and_then(|wait| self.now().checked_add(wait).ok());
        let from = from.map_or(Timestamp::MAX, |from| {
            // Bridges count in microseconds: a part of one would be waited for without end.
            Timestamp::from_microsecond(from.as_microsecond() + i64::from(!wait.subsec_nanos().is_multiple_of(1000)))
                .unwrap_or(Timestamp::MAX)
        });
        self.enter_from(from, who, kind, what).await
    }

    async fn enter_from(&self, from: Timestamp, who: Who, kind: Kind, what: impl Into<String>) -> Turn {
        let (go, turn) = oneshot::channel();
        let waiting = Waiting { who, what: what.into(), kind, from };
        let key = {
            let mut state = self.lock();
            if state.dead.contains_key(&who) {
                None
            } else {
                state.next += 1;
                let key = state.next;
                state.waiting.insert(key, (waiting, go));
                Some(key)
            }
        };
        let place = Place { turnstile: self, key, turn };
        match place.await {
            Some(turn) => turn,
            None => std::future::pending().await,
        }
    }

    /// Everybody who waits, in the order in which they came.
    #[must_use]
    pub fn waiting(&self) -> Vec<(u64, Waiting)> {
        self.lock().waiting.iter().map(|(key, (waiting, _))| (*key, waiting.clone())).collect()
    }

    /// Lets one go, and returns once its turn is over.
    pub async fn let_go(&self, key: u64) {
        let Some((waiting, go)) = self.lock().waiting.remove(&key) else { return };
        let (over, is_over) = oneshot::channel();
        let turn = Turn { waiting, at: self.now(), history: self.history.clone(), over: Some(over) };
        // One who has left has no turn; neither is there anything to wait for.
        drop(go.send(turn));
        let _ = is_over.await;
    }

    /// From now on this one never gets a turn.
    pub fn kill(&self, who: Who) {
        let mut state = self.lock();
        let now = state.now;
        state.dead.insert(who, now);
        state.waiting.retain(|_, (waiting, _)| waiting.who != who);
    }

    /// Whether it was killed.
    #[must_use]
    pub fn is_dead(&self, who: Who) -> bool {
        self.lock().dead.contains_key(&who)
    }

    /// Whether it was killed longer ago than this.
    #[must_use]
    pub fn died_before(&self, who: Who, ago: Duration) -> bool {
        let state = self.lock();
        let ago = jiff::SignedDuration::try_from(ago).unwrap_or_default();
        state.dead.get(&who).is_some_and(|died| state.now.duration_since(*died) > ago)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue; leaves it when dropped.
struct Place<'a> {
    turnstile: &'a Turnstile,
    key: Option<u64>,
    turn: oneshot::Receiver<Turn>,
}

impl Future for Place<'_> {
    type Output = Option<Turn>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Turn>> {
        if self.key.is_none() {
            return Poll::Ready(None);
        }
        pin!(&mut self.turn).poll(context).map(Result::ok)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.turnstile.lock().waiting.remove(&key);
        }
    }
}
