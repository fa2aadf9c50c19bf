//! Looks again at everything, now and then: what somebody else changed at Monite shows in no row of ours.
//!
//! One sweep pages through all entities, and in each that is a customer's through its roles and users; then it looks for linked
//! entities that no list showed. It compares with what Monite last confirmed (`judge`, pure) and writes down what differs, only
//! where nothing changed since it was read. What follows is the ordinary plan's: a row that would be acted on is made due, or, with
//! `drift = "report"`, waits as drifted.
//!
//! - `record`: how far it has come, kept in the store: it goes on where it stopped, and one process sweeps at a time
//! - `walk`: the way through Monite, call by call
//! - `dirty`: what is looked at again before its turn, because somebody said that it changed
//! - `judge`: what is seen against what is known
//! - `pace`: the part of the rate that it may take
//! - `tally`: what it saw, counted

mod dirty;
mod judge;
mod pace;
mod record;
mod tally;
mod walk;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub use dirty::{Dirty, Marked, Spot};
pub use pace::Pace;
pub use tally::{Finished, Tally};

use self::dirty::Due;
use self::record::{Hold, Kept, Unheld};
use self::walk::{Glance, Halt, Walk, Walked};
use super::outcome::LISTING_LAG;
use super::visit::Workshop;
use crate::config::Drift;
use crate::store::{Store, StoreError, WorkerId};

/// The longest between two looks whether it is time: another process may have finished a sweep or died in one.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// A sweep that Monite does not answer is taken up again after this long.
const TAKE_UP_AFTER: Duration = Duration::from_secs(60);

/// Sweeps for one process.
#[derive(Debug, Clone)]
pub struct Sweeper {
    workshop: Arc<Workshop>,
    worker: WorkerId,
    drift: Drift,
    pace: Pace,
    dirty: Dirty,
}

/// How a sweep ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swept {
    /// Everything was looked at.
    Everything(Tally),
    /// Stopped half-way, by request or because Monite does not answer; the next one goes on from there.
    Stopped(Tally),
    /// Another process is at it.
    Elsewhere,
}

impl Sweeper {
    /// A sweeper that works under the name `worker`, does `drift` about what it finds, and calls no faster than `pace`.
    #[must_use]
    pub fn new(workshop: Workshop, worker: WorkerId, drift: Drift, pace: Pace) -> Self {
        Self { workshop: Arc::new(workshop), worker, drift, pace, dirty: Dirty::default() }
    }

    /// Sweeps every `interval`, counted from the end of one to the begin of the next, until `stop`.
    pub async fn run(&self, interval: Duration, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let rest = match self.wait(interval).await {
                Ok(wait) if !wait.is_zero() => wait,
                Ok(_) => match self.sweep(&stop).await {
                    Ok(Swept::Everything(_)) => Duration::ZERO,
                    Ok(Swept::Stopped(_) | Swept::Elsewhere) => TAKE_UP_AFTER,
                    Err(error) => Self::failed(&error),
                },
                Err(error) => Self::failed(&error),
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = self.workshop.clock.sleep(rest) => {}
            }
        }
    }

    /// What is looked at again before its turn: mark it here, and [`Sweeper::follow`] looks.
    #[must_use]
    pub fn dirty(&self) -> &Dirty {
        &self.dirty
    }

    /// Looks at what is marked, when it is due, until `stop`. It takes its calls from the same share of the rate as the sweep.
    pub async fn follow(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            self.look_again(&stop).await;
            let clock = self.workshop.clock.as_ref();
            let rest = async {
                match self.dirty.next().map(|at| Duration::try_from(at.duration_since(clock.now())).unwrap_or_default())
                {
                    Some(wait) => clock.sleep(wait).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = self.dirty.changed() => {}
                () = rest => {}
            }
        }
    }

    /// Looks at everything marked that is due now; how many entities it looked at. What it finds is written down as a sweep would.
    pub async fn look_again(&self, stop: &CancellationToken) -> u64 {
        let mut looked = 0;
        while !stop.is_cancelled()
            && let Some(due) = self.dirty.take_due(self.workshop.clock.now())
        {
            self.look_at(due, stop).await;
            looked += 1;
        }
        looked
    }

    async fn look_at(&self, due: Due, stop: &CancellationToken) {
        let mut walk = Walk::new(&self.workshop, self.drift, self.pace.clone(), Unheld, stop);
        let entity = due.entity;
        let (wait, why) = match walk.glance(entity, &due.spots).await {
            Ok(Glance::Done | Glance::Stranger) | Err(Halt::Stopped | Halt::TakenOver) => return,
            Ok(Glance::Busy) => (LISTING_LAG, "it is being worked on".to_owned()),
            Err(Halt::Monite(error)) => {
                (TAKE_UP_AFTER, super::outcome::judge(&error, self.workshop.clock.now()).error.message)
            }
            Err(Halt::Store(error)) => (Self::failed(&error), error.to_string()),
        };
        if self.dirty.put_back(due, self.workshop.clock.now(), wait) == Marked::Dropped {
            tracing::warn!(%entity, error = why, "something changed here at Monite, but it could not be looked at: the next sweep will");
        }
    }

    /// How long until the next one is to begin, as far as is known now; zero: it is time.
    async fn wait(&self, interval: Duration) -> Result<Duration, StoreError> {
        let due = Kept::read(self.workshop.store.as_ref()).await?.next(interval);
        let now = self.workshop.clock.now();
        let wait = due.map_or(Duration::ZERO, |due| Duration::try_from(due.duration_since(now)).unwrap_or_default());
        Ok(wait.min(LOOK_AGAIN_AFTER))
    }

    fn failed(error: &StoreError) -> Duration {
        tracing::error!(error = error as &dyn std::error::Error, "the sweep cannot be kept in the store");
        LOOK_AGAIN_AFTER
    }

    /// One sweep to its end, going on where the last one stopped.
    ///
    /// # Errors
    /// [`StoreError`]: how far it has come is kept, and the next one goes on from there.
    pub async fn sweep(&self, stop: &CancellationToken) -> Result<Swept, StoreError> {
        let Some(hold) = Hold::take(&self.workshop, &self.worker, &self.pace).await? else {
            return Ok(Swept::Elsewhere);
        };
        let mut walk = Walk::new(&self.workshop, self.drift, self.pace.clone(), hold, stop);
        let walked = walk.walk().await?;
        let tally = walk.hold.tally().clone();
        match walked {
            Walked::ToTheEnd => {
                walk.hold.finish(self.workshop.clock.now()).await?;
                tracing::info!(%tally, "swept");
                Ok(Swept::Everything(tally))
            }
            Walked::Stopped => {
                walk.hold.let_go().await?;
                Ok(Swept::Stopped(tally))
            }
            Walked::TakenOver => Ok(Swept::Elsewhere),
        }
    }
}

/// The last sweep that came to its end; `None` before the first.
///
/// # Errors
/// [`StoreError`]
pub async fn last(store: &dyn Store) -> Result<Option<Finished>, StoreError> {
    Ok(Kept::read(store).await?.last)
}
