//! When: takes customers that are due, many at once, each by one worker; woken by a signal of this process or of another replica, and by a
//! timer.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use monite::{Deadline, EntityFilter, Priority};
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::stamp::{StampCounts, stamp};
use super::visit::{Ended, Workshop, visit};
use crate::domain::CustomerId;
use crate::store::{Lease, StoreError, WorkerId};

/// How long a lease lasts without renewal: a dead process holds its customers back for this long at the most.
pub const LEASE: Duration = Duration::from_secs(15);

/// Leases are renewed this often, so that two renewals may fail before one ends.
const RENEW_EVERY: Duration = Duration::from_secs(5);

/// The longest the driver rests: another process may have written to the store without a signal to this one.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The shortest the driver rests.
const AT_LEAST_A_MOMENT: Duration = Duration::from_millis(20);

/// While something else is always due, one customer is stamped for so many that are visited: nobody notices, and a bridge that is never
/// idle does not put stamps off for ever.
const VISITS_FOR_A_STAMP: usize = 30;

/// What one pass did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PassReport {
    /// Customers visited or stamped to the end.
    pub finished: u32,
    /// Customers given back or taken over by another worker.
    pub left: u32,
    /// Visits that ended because the store failed.
    pub failed: u32,
}

/// Drives everything that is due to what is desired.
#[derive(Debug, Clone)]
pub struct Reconciler {
    workshop: Arc<Workshop>,
    worker: WorkerId,
    /// Customers visited at the same time.
    workers: usize,
    wake: Arc<Notify>,
    held: Arc<Held>,
    stamps: Arc<StampCounts>,
    /// Visits begun since it was last asked for stamps.
    visits_since_stamps: Arc<AtomicUsize>,
}

impl Reconciler {
    /// A reconciler that visits up to `workers` customers at once, under the name `worker`.
    #[must_use]
    pub fn new(workshop: Workshop, worker: WorkerId, workers: usize) -> Self {
        Self {
            workshop: Arc::new(workshop),
            worker,
            workers: workers.max(1),
            wake: Arc::default(),
            held: Arc::default(),
            stamps: Arc::default(),
            visits_since_stamps: Arc::default(),
        }
    }

    /// What this process has stamped.
    #[must_use]
    pub fn stamps(&self) -> &StampCounts {
        &self.stamps
    }

    /// What it works with.
    #[must_use]
    pub fn workshop(&self) -> &Workshop {
        &self.workshop
    }

    /// Customers this process holds a lease of right now.
    #[must_use]
    pub fn in_hand(&self) -> usize {
        self.held().len()
    }

    /// Says that something may be due: the driver looks at once instead of at its next timer.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Works until `stop`, then gives back what is in hand. Store failures are logged and waited out.
    pub async fn run(&self, stop: CancellationToken) {
        tokio::select! {
            biased;
            never = self.keep_leases() => match never {},
            () = self.work(&stop) => {}
        }
    }

    /// Visits what is due now, and what becomes due at once through it, then returns. With `only`, that customer alone.
    ///
    /// # Errors
    /// [`StoreError`] when nothing can be taken.
    pub async fn pass(&self, only: Option<&CustomerId>, stop: &CancellationToken) -> Result<PassReport, StoreError> {
        tokio::select! {
            biased;
            never = self.keep_leases() => match never {},
            report = self.work_off(only, stop) => report,
        }
    }

    async fn work(&self, stop: &CancellationToken) {
        let mut visits = JoinSet::new();
        while !stop.is_cancelled() {
            let taken = match self.take(&mut visits, stop, None).await {
                Ok(taken) => taken,
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "cannot take due customers from the store"
                    );
                    0
                }
            };
            let full = self.visiting(&visits) >= self.workers;
            if taken > 0 && !full {
                continue;
            }
            let rest = match self.workshop.outage.until_probe() {
                Some(probe) => probe.clamp(AT_LEAST_A_MOMENT, LOOK_AGAIN_AFTER),
                None if full => LOOK_AGAIN_AFTER,
                None => self.until_next_due().await,
            };
            tokio::select! {
                // In this order and not in a random one, so that a run from a seed is the same each time.
                biased;
                () = stop.cancelled() => {}
                Some(ended) = visits.join_next(), if !visits.is_empty() => drop(unless_panicked(ended)),
                () = self.wake.notified(), if !full => {}
                () = self.workshop.store.woken(), if !full => {}
                () = self.workshop.awaited.somebody_came() => {}
                () = self.rest(rest) => {}
            }
        }
        while let Some(ended) = visits.join_next().await {
            unless_panicked(ended);
        }
    }

    async fn work_off(&self, only: Option<&CustomerId>, stop: &CancellationToken) -> Result<PassReport, StoreError> {
        let mut report = PassReport::default();
        let mut visits = JoinSet::new();
        loop {
            self.take(&mut visits, stop, only).await?;
            let Some(ended) = visits.join_next().await else { return Ok(report) };
            match unless_panicked(ended) {
                Some(Ended::Finished) => report.finished += 1,
                Some(Ended::GivenBack | Ended::LeaseLost) => report.left += 1,
                None => report.failed += 1,
            }
        }
    }

    async fn until_next_due(&self) -> Duration {
        let now = self.workshop.clock.now();
        let store = &self.workshop.store;
        let (Ok(visit), Ok(stamp)) = (store.next_due().await, store.next_stamp().await) else {
            return LOOK_AGAIN_AFTER;
        };
        // A stamp that there is no room for waits for one that ends, not for a time.
        let due = visit.into_iter().chain(stamp.filter(|_| self.room_for_stamps() > 0)).min();
        let until = due.map_or(LOOK_AGAIN_AFTER, |due| Duration::try_from(due.duration_since(now)).unwrap_or_default());
        // At least a moment: a customer that is due but held by another worker would otherwise make this spin.
        until.clamp(AT_LEAST_A_MOMENT, LOOK_AGAIN_AFTER)
    }

    async fn rest(&self, how_long: Duration) {
        self.workshop.clock.sleep(how_long).await;
    }

    async fn take(
        &self, visits: &mut Visits, stop: &CancellationToken, only: Option<&CustomerId>,
    ) -> Result<usize, StoreError> {
        if stop.is_cancelled() || !self.monite_answers(stop).await {
            return Ok(0);
        }
        let visiting = self.visiting(visits);
        let mut leases = Vec::new();
        if only.is_none() {
            leases = self.take_awaited(visiting).await?;
        }
        let free = u32::try_from(self.workers.saturating_sub(visiting + leases.len())).unwrap_or(u32::MAX);
        let mut nothing_else = false;
        if free > 0 {
            let now = self.workshop.clock.now();
            let due = self.workshop.store.claim_due(&self.worker, now, LEASE, free, only).await?;
            nothing_else = due.len() < free as usize;
            leases.extend(due);
        }
        let mut taken = leases.len();
        for lease in leases {
            self.start(visits, lease, Errand::Visit, stop);
        }
        let stamps = self.take_stamps(taken, nothing_else, only).await?;
        taken += stamps.len();
        for lease in stamps {
            self.start(visits, lease, Errand::Stamp, stop);
        }
        Ok(taken)
    }

    /// Stamps come last: when nothing else is due, or one now and then when that is never so.
    async fn take_stamps(
        &self, visits: usize, nothing_else: bool, only: Option<&CustomerId>,
    ) -> Result<Vec<Lease>, StoreError> {
        let since = self.visits_since_stamps.fetch_add(visits, Ordering::Relaxed) + visits;
        let room = self.room_for_stamps();
        let room = if nothing_else { room } else { room.min(since / VISITS_FOR_A_STAMP) };
        if room == 0 {
            return Ok(Vec::new());
        }
        self.visits_since_stamps.store(0, Ordering::Relaxed);
        let room = u32::try_from(room).unwrap_or(u32::MAX);
        self.workshop.store.claim_stamps(&self.worker, self.workshop.clock.now(), LEASE, room, only).await
    }

    /// Stamps have room of their own, so that who becomes due meanwhile does not find the workers busy with them.
    fn room_for_stamps(&self) -> usize {
        self.workers.div_ceil(2).saturating_sub(self.stamping())
    }

    fn stamping(&self) -> usize {
        self.held().values().filter(|held| held.errand == Errand::Stamp).count()
    }

    fn visiting(&self, visits: &Visits) -> usize {
        visits.len().saturating_sub(self.stamping())
    }

    /// Takes those that somebody waits for, past the line of those that are due, and past the workers that are all busy: there
    /// may be twice as many visits as workers then.
    async fn take_awaited(&self, under_way: usize) -> Result<Vec<Lease>, StoreError> {
        let mut room = (2 * self.workers).saturating_sub(under_way);
        let mut leases = Vec::new();
        for customer in self.workshop.awaited.all() {
            if room == 0 {
                break;
            }
            if self.held().contains_key(&customer) {
                continue;
            }
            let now = self.workshop.clock.now();
            let claimed = self.workshop.store.claim_due(&self.worker, now, LEASE, 1, Some(&customer)).await?;
            room -= claimed.len();
            leases.extend(claimed);
        }
        Ok(leases)
    }

    /// Whether there is a point in visiting anybody. In an outage nobody is visited; when it is time for it, one call that is
    /// about no customer asks whether it is over. A visit as the probe would let one broken customer keep the others waiting.
    async fn monite_answers(&self, stop: &CancellationToken) -> bool {
        let outage = &self.workshop.outage;
        match outage.until_probe() {
            None => return true,
            Some(wait) if !wait.is_zero() => return false,
            Some(_) => {}
        }
        let monite = self.workshop.monite.with_priority(Priority::Interactive);
        let one = EntityFilter { limit: Some(1), ..EntityFilter::default() };
        let entities = monite.entities();
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            // What it says does not matter, and the breaker has noticed whether it came.
            _ = entities.list(&one) => {}
        }
        outage.since().is_none()
    }

    fn start(&self, visits: &mut Visits, lease: Lease, errand: Errand, stop: &CancellationToken) {
        let this = self.clone();
        let stop = stop.child_token();
        let deadline = Deadline::new(format!("the lease of {}", lease.customer), lease.until);
        let in_hand = InHand { lease: lease.clone(), errand, deadline: deadline.clone(), stop: stop.clone() };
        self.held().insert(lease.customer.clone(), in_hand);
        let span = tracing::info_span!("visit", customer = %lease.customer, ?errand);
        let work = async move {
            // Also when the visit panics: a lease that nobody works under must not be renewed for ever.
            let _given_up = GivenUp { held: Arc::clone(&this.held), lease: lease.clone() };
            let ended = match errand {
                Errand::Visit => visit(&this.workshop, &lease, &deadline, &stop).await,
                Errand::Stamp => stamp(&this.workshop, &lease, &deadline, &this.stamps, &stop).await,
            };
            ended.map_err(|error| {
                tracing::error!(error = &error as &dyn std::error::Error, "the visit could not be written down")
            })
        };
        visits.spawn(work.instrument(span));
    }

    async fn keep_leases(&self) -> Infallible {
        loop {
            self.rest(RENEW_EVERY).await;
            self.renew().await;
        }
    }

    /// Renews the leases in hand; a visit whose lease is lost is told to stop.
    async fn renew(&self) {
        let now = self.workshop.clock.now();
        let aging: Vec<Lease> = self.held().values().map(|in_hand| in_hand.lease.clone()).collect();
        if aging.is_empty() {
            return;
        }
        let renewed = match self.workshop.store.renew(&aging, now + LEASE).await {
            Ok(renewed) => renewed,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "leases could not be renewed; tried again shortly"
                );
                return;
            }
        };
        let mut held = self.held();
        for lease in aging {
            // The customer may have been given back and taken again meanwhile: that is another lease.
            let Some(mine) = held.get_mut(&lease.customer).filter(|mine| mine.lease.fence == lease.fence) else {
                continue;
            };
            match renewed.iter().find(|one| one.customer == lease.customer && one.fence == lease.fence) {
                Some(one) => {
                    mine.lease.until = one.until;
                    mine.deadline.move_to(one.until);
                }
                None => mine.stop.cancel(),
            }
        }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, BTreeMap<CustomerId, InHand>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Held = Mutex<BTreeMap<CustomerId, InHand>>;

/// What a customer was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Errand {
    Visit,
    Stamp,
}

/// A customer that somebody of this process is at.
#[derive(Debug)]
struct InHand {
    lease: Lease,
    errand: Errand,
    /// The end of the lease, as its calls see it: it moves with each renewal.
    deadline: Deadline,
    /// Tells them to stop.
    stop: CancellationToken,
}

/// How the visit ended. A panic is a defect: it is logged, the customer comes back when its lease ends, and the others go on.
fn unless_panicked(ended: Result<Result<Ended, ()>, JoinError>) -> Option<Ended> {
    match ended {
        Ok(ended) => ended.ok(),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a visit broke off");
            None
        }
    }
}

/// Takes a customer out of the hands of this process when its visit is over, however it ended.
struct GivenUp {
    held: Arc<Held>,
    lease: Lease,
}

impl Drop for GivenUp {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        // Given back and taken again at once, it may be in hand anew.
        if held.get(&self.lease.customer).is_some_and(|in_hand| in_hand.lease.fence == self.lease.fence) {
            held.remove(&self.lease.customer);
        }
    }
}

type Visits = JoinSet<Result<Ended, ()>>;
