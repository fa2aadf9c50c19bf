//! Waiting for an object to come to rest: woken by events, and by the clock in case one was missed.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::broadcast::error::RecvError;

use super::App;
use super::problem::Problem;
use super::resource::Resource;
use super::view::View;
use crate::domain::{ObjectId, SyncState};
use crate::events::Event;
use crate::store::Wish;

/// Another process may do the work, and its events do not come here.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// In sync, rejected, or whatever else does not move by itself.
    Settled,
    /// Its deletion is through.
    Gone,
}

/// How it ended; what is there now.
#[derive(Debug)]
pub(super) enum Waited {
    Reached(Option<View>),
    TimedOut(Option<View>),
}

/// Waits up to `limit` for `what` to come to rest. With a limit of zero this is one look.
pub(super) async fn wait_for<R: Resource>(app: &App, what: &R, goal: Goal, limit: Duration) -> Result<Waited, Problem> {
    // Listening begins before the first look, so that nothing falls in between.
    let mut events = app.events.listen();
    let object = what.object();
    let _waiting = (!limit.is_zero()).then(|| app.reconciler.workshop().awaited.enter(object.customer()));
    let until = app.clock.now() + SignedDuration::try_from(limit).unwrap_or(SignedDuration::ZERO);
    loop {
        let view = what.read(app.store.as_ref()).await?;
        if is_reached(goal, view.as_ref()) {
            return Ok(Waited::Reached(view));
        }
        let left = left(app.clock.now(), until);
        if left.is_zero() || app.stopping.is_cancelled() || is_stuck(goal, view.as_ref()) {
            return Ok(Waited::TimedOut(view));
        }
        tokio::select! {
            biased;
            () = of_this(&mut events, &object) => {}
            () = app.clock.sleep(left.min(LOOK_AGAIN_AFTER)) => {}
            () = app.stopping.cancelled() => {}
        }
    }
}

fn left(now: Timestamp, until: Timestamp) -> Duration {
    Duration::try_from(until.duration_since(now)).unwrap_or_default()
}

fn is_reached(goal: Goal, view: Option<&View>) -> bool {
    match (goal, view) {
        (_, None) => true,
        (Goal::Settled, Some(view)) => view.is_settled(),
        (Goal::Gone, Some(view)) => view.wish == Wish::Gone && view.sync.state == SyncState::Deactivated,
    }
}

/// A deletion that will not move by itself: Monite refused it, or the product took it back.
fn is_stuck(goal: Goal, view: Option<&View>) -> bool {
    goal == Goal::Gone && view.is_some_and(View::is_settled)
}

/// Returns when this object changed, or when it may have.
async fn of_this(events: &mut tokio::sync::broadcast::Receiver<Event>, object: &ObjectId) {
    loop {
        match events.recv().await {
            Ok(event) if event.object == *object => return,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return,
            // Nobody will ever tell again: the clock has to do.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
