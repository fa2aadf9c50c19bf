//! The limiter of one process among several: its share of the rate, kept alive by heartbeats to the store.
//!
//! While the store cannot be reached nothing goes out once the share has ended ([`GOOD_FOR`](super::ledger::GOOD_FOR)): nobody
//! can know then who else took it. Little is lost by that. A visit writes to the store before it calls, and a hand-out that has
//! to ask Monite asks the store first; tokens in memory are served as ever.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use monite::limit::{Permit, Share};
use monite::{Clock, Limiter, Priority, RateSignal, WindowLimiter};
use tokio::sync::Notify;

use super::ledger::{Heard, ReplicaId};
use super::member::{Member, ahead};
use super::outage::Outage;
use crate::store::{Store, StoreError};

/// Everything of a process that calls Monite goes through this. Clones are the same limiter.
#[derive(Clone)]
pub struct SharedLimiter {
    heart: Arc<Heart>,
}

/// How a process takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It uses whatever it gets.
    Whole,
    /// It makes a handful of calls and ends: the others keep nearly all.
    AFew,
}

/// The most that a process takes that makes a handful of calls.
const A_FEW: u32 = 2;

/// Where a process stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What it may have out.
    pub share: u32,
    /// Of how many requests a second.
    pub of: u32,
    /// Processes alive, this one included.
    pub alive: u32,
    /// Until when a 429 holds everybody back.
    pub paused_until: Option<Timestamp>,
    /// Calls that wait for their turn.
    pub waiting: usize,
    /// A heartbeat is on its way.
    pub beating: bool,
}

struct Heart {
    window: WindowLimiter,
    member: Member,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    outage: Outage,
    /// Something happened that others should hear of at once.
    news: Notify,
    /// Held during a heartbeat.
    pulse: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    heard: Option<Heard>,
    beating: bool,
    /// Said good-bye: the heart beats no more.
    left: bool,
    /// The latest news that was worth a heartbeat of its own.
    told: Option<(Option<u32>, Timestamp)>,
}

impl SharedLimiter {
    /// Joins those who share `store`, with `rate` requests a second for all together. Needs a Tokio runtime: heartbeats go on
    /// until [`SharedLimiter::leave`], or until the last clone is dropped.
    #[must_use]
    pub fn join(
        id: ReplicaId, rate: u32, part: Part, store: Arc<dyn Store>, clock: Arc<dyn Clock>, outage: Outage,
    ) -> Self {
        let wants = match part {
            Part::Whole => rate,
            Part::AFew => A_FEW,
        };
        let heart = Arc::new(Heart {
            window: WindowLimiter::with_share(Share::none(rate), Arc::clone(&clock)),
            member: Member { id, rate, wants },
            store,
            clock,
            outage,
            news: Notify::new(),
            pulse: tokio::sync::Mutex::default(),
            state: Mutex::default(),
        });
        tokio::spawn(beat_on(Arc::downgrade(&heart)));
        Self { heart }
    }

    /// Gives the share back and sends nothing any more.
    ///
    /// # Errors
    /// When the store cannot be told; then the share comes back by itself a few seconds later.
    pub async fn leave(&self) -> Result<(), StoreError> {
        self.heart.state().left = true;
        self.heart.window.set_share(Share::none(self.heart.member.rate));
        // A heartbeat on its way would enter this process anew behind its good-bye.
        let _last_beat_is_over = self.heart.pulse.lock().await;
        self.heart.store.leave(&self.heart.member.id).await
    }

    /// Where this process stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let (now, usage) = (self.heart.clock.now(), self.heart.window.usage());
        let state = self.heart.state();
        let heard = state.heard.as_ref();
        Standing {
            share: heard.map_or(0, |heard| heard.share),
            of: heard.map_or(self.heart.member.rate, |heard| heard.of),
            alive: heard.map_or(1, |heard| heard.alive),
            paused_until: Some(usage.paused_until).filter(|until| *until > now),
            waiting: usage.waiting,
            beating: state.beating,
        }
    }
}

/// The heart: beats until it is dropped or has left.
async fn beat_on(heart: Weak<Heart>) {
    loop {
        let Some(alive) = heart.upgrade() else { return };
        let began = alive.clock.now();
        if !alive.beat().await {
            return;
        }
        let next = alive.member.next_beat(alive.state().heard.as_ref());
        let spent = Duration::try_from(alive.clock.now().duration_since(began)).unwrap_or_default();
        tokio::select! {
            biased;
            () = alive.clock.sleep(next.saturating_sub(spent)) => {}
            () = alive.news.notified() => {}
        }
    }
}

impl Heart {
    /// One heartbeat; `false` when this process has left. A failure is no heartbeat: the share ends by itself, unless a later
    /// one succeeds in time.
    async fn beat(&self) -> bool {
        let _pulse = self.pulse.lock().await;
        {
            let mut state = self.state();
            if state.left {
                return false;
            }
            state.beating = true;
        }
        match self.ask().await {
            Ok(Some((heard, began, ahead))) => self.obey(heard, began, ahead),
            Ok(None) => tracing::warn!("no heartbeat: the database takes too long to tell its time"),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "no heartbeat: calls stop if this goes on");
            }
        }
        self.state().beating = false;
        true
    }

    /// `None`: the store's clock could not be told closely enough.
    async fn ask(&self) -> Result<Option<(Heard, Timestamp, SignedDuration)>, StoreError> {
        let Some(ahead) = self.ahead().await? else { return Ok(None) };
        let began = self.clock.now();
        let late = self.state().heard.as_ref().and_then(|heard| heard.late);
        let permits = self.window.permits();
        let mut beat = self.member.beat(&self.window.usage(), permits, late, began);
        beat.paused_until = beat.paused_until.map(|until| until + ahead);
        beat.down_since = self.outage.since().map(|since| since + ahead);
        let heard = self.store.beat(&beat, began + ahead).await?;
        Ok(Some((heard, began, ahead)))
    }

    /// How far the store's clock is ahead of ours; `None` when that cannot be told closely enough.
    async fn ahead(&self) -> Result<Option<SignedDuration>, StoreError> {
        let asked = self.clock.now();
        let Some(theirs) = self.store.time().await? else { return Ok(Some(SignedDuration::ZERO)) };
        Ok(ahead(asked, theirs, self.clock.now()))
    }

    fn obey(&self, heard: Heard, began: Timestamp, ahead: SignedDuration) {
        let mut state = self.state();
        if state.left {
            return;
        }
        self.window.set_share(self.member.share(&heard, began, ahead));
        if let Some(until) = heard.paused_until {
            self.window.pause(until - ahead);
        }
        state.heard = Some(heard);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Limiter for SharedLimiter {
    async fn acquire(&self, priority: Priority) -> Permit {
        self.heart.window.acquire(priority).await
    }

    /// A pause or a lower limit is told to the others at once, not with the next heartbeat.
    fn observe(&self, signal: &RateSignal) {
        self.heart.window.observe(signal);
        let usage = self.heart.window.usage();
        let news = (usage.stated, usage.paused_until);
        let is_news = signal.status == 429 || usage.stated.is_some();
        let mut state = self.heart.state();
        if is_news && state.told != Some(news) {
            state.told = Some(news);
            self.heart.news.notify_one();
        }
    }
}

impl fmt::Debug for SharedLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedLimiter({:?})", self.standing())
    }
}
