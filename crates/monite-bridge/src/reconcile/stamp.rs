//! Stamps the links of one customer into the partner metadata of its entity, so that losing the database loses none of them.
//!
//! Monite replaces the metadata as a whole and knows no condition on a write, so it is read just before: other keys are kept as they
//! are. What somebody else writes into other keys between our read and our write is lost, and cannot be noticed; the two calls
//! follow each other at once to keep that gap small.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use monite::{CallLog, CallRecord, Deadline, Priority};
use tokio_util::sync::CancellationToken;

use super::execute::call_of;
use super::outcome::{judge, lands_late, shows_by};
use super::visit::{Ended, Workshop};
use crate::domain::LANDS_WITHIN_UNSEEN;
use crate::store::{Change, Fenced, Lease, Links, StoreError};

/// A stamp that Monite refuses, or that belongs to an entity Monite does not know, is tried again after this long: nobody can
/// mend it with a new document, and nobody waits for it.
pub const REFUSED_AGAIN_AFTER: Duration = Duration::from_secs(3600);

/// What stamping has cost so far.
#[derive(Debug, Default)]
pub struct StampCounts {
    written: AtomicU64,
    calls: AtomicU64,
}

impl StampCounts {
    /// Stamps that Monite holds since.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Calls made at Monite for stamps.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }
}

/// Stamps the links of the customer of `lease`. Once `deadline` has passed, no call leaves any more.
///
/// # Errors
/// [`StoreError`]: nothing can be written down. The lease ends by itself then, and the customer becomes due again.
pub async fn stamp(
    workshop: &Workshop, lease: &Lease, deadline: &Deadline, counts: &StampCounts, stop: &CancellationToken,
) -> Result<Ended, StoreError> {
    let Some(links) = workshop.store.links(lease).await? else {
        // The entity went away meanwhile, or the lease; in the first case the customer is to be given back.
        return given_back(workshop, lease, Vec::new(), Ended::Finished).await;
    };
    let log = CallLog::default();
    let outcome = Pen { workshop, lease, deadline, links: &links, log: &log, stop }.write().await?;
    let attempts = log.take();
    let unsure_until = unsure_until(&links, &attempts, workshop.clock.now());
    let calls: Vec<_> = attempts.into_iter().map(call_of).collect();
    counts.calls.fetch_add(calls.len() as u64, Ordering::Relaxed);
    let mut changes = vec![Change::Calls(None, calls), Change::StampUnsure(unsure_until)];
    let ended = match outcome {
        Outcome::Written => {
            counts.written.fetch_add(1, Ordering::Relaxed);
            changes.push(Change::Stamped { links: links.count });
            Ended::Finished
        }
        Outcome::Failed(error) => {
            changes.push(failed(workshop, &links, &error));
            Ended::Finished
        }
        Outcome::Stopped => Ended::GivenBack,
        Outcome::LeaseLost => return Ok(Ended::LeaseLost),
    };
    given_back(workshop, lease, changes, ended).await
}

/// Until when a stamp may land, or show, that nobody saw answered: an earlier one, or one of these attempts. It would come over whatever
/// stands there by then, so what was seen or answered meanwhile is not the last word.
fn unsure_until(links: &Links, attempts: &[CallRecord], now: Timestamp) -> Option<Timestamp> {
    let writes = attempts.iter().filter(|attempt| attempt.method == "PUT");
    let late = writes.filter_map(lands_late).map(shows_by).max();
    late.max(links.unsure_until).filter(|until| *until > now)
}

enum Outcome {
    Written,
    Failed(monite::Error),
    Stopped,
    LeaseLost,
}

impl Outcome {
    /// A call that came too late to be sent, or was held back in an outage, was not made: nothing failed, and the stamp stays due.
    fn of(error: monite::Error) -> Self {
        if error.is_too_late() || error.is_held() { Self::Stopped } else { Self::Failed(error) }
    }
}

struct Pen<'a> {
    workshop: &'a Workshop,
    lease: &'a Lease,
    deadline: &'a Deadline,
    links: &'a Links,
    log: &'a CallLog,
    stop: &'a CancellationToken,
}

impl Pen<'_> {
    async fn write(&self) -> Result<Outcome, StoreError> {
        if self.stop.is_cancelled() {
            return Ok(Outcome::Stopped);
        }
        let monite =
            self.workshop.monite.with_priority(Priority::Background).not_after(self.deadline).recording(self.log);
        let entity = monite.entity(self.links.entity);
        let there = match entity.metadata().get().await {
            Ok(there) => there,
            Err(error) => return Ok(Outcome::of(error)),
        };
        // Nothing to be written: the stamp is there already, its answer was lost or nobody could write it down.
        let Some(with) = self.links.stamp.put_into(&there) else { return Ok(Outcome::Written) };
        if self.stop.is_cancelled() {
            return Ok(Outcome::Stopped);
        }
        // A worker that was frozen since it read the links would put an old stamp over a newer one: ask before each write, as
        // visits do. One that dies while it is on its way leaves behind that it is.
        let unsure_until = self.links.unsure_until.max(Some(shows_by(self.workshop.clock.now() + LANDS_WITHIN_UNSEEN)));
        let mark = vec![Change::StampUnsure(unsure_until)];
        if self.workshop.store.record(self.lease, mark).await? == Fenced::LeaseLost {
            return Ok(Outcome::LeaseLost);
        }
        Ok(match entity.metadata().put(&with).await {
            Ok(_) => Outcome::Written,
            Err(error) => Outcome::of(error),
        })
    }
}

fn failed(workshop: &Workshop, links: &Links, error: &monite::Error) -> Change {
    let now = workshop.clock.now();
    let failure = judge(error, now);
    // `None` of a refusal, too: nothing here can become right by being sent again soon.
    let soon = failure.verdict.due_at(now, links.failed.saturating_add(1), workshop.jitter.next());
    let due_at = soon.filter(|_| !error.is_not_found()).unwrap_or(now + REFUSED_AGAIN_AFTER);
    tracing::warn!(error = error as &dyn std::error::Error, "the stamp could not be written; tried again later");
    Change::StampFailed { due_at, error: failure.error }
}

async fn given_back(
    workshop: &Workshop, lease: &Lease, changes: Vec<Change>, ended: Ended,
) -> Result<Ended, StoreError> {
    Ok(match workshop.store.finish(lease, changes).await? {
        Fenced::Recorded => ended,
        Fenced::LeaseLost => Ended::LeaseLost,
    })
}
