//! `sync`: drives everything to what is desired, in the foreground.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::failure::{Exit, Failure};
use super::output::Output;
use super::predecessor::{NotToBegin, Predecessor};
use super::progress::Progress;
use super::status::{Summary, failing, overview};
use super::why::unknown;
use super::{signal, words};
use crate::assemble::{Bridge, Setup};
use crate::domain::{CustomerId, ObjectId, SyncState};
use crate::reconcile::sweep::{Swept, Tally};
use crate::store::{Stats, Store, StoreError, User, Wish};

/// The longest rest between two passes: another process may hold what is due.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How often the progress is read; less often when reading it takes long.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// Drive everything to what is desired, in the foreground
#[derive(Debug, clap::Args)]
pub(super) struct Sync {
    /// One pass over what is due now, instead of waiting for retries until nothing is left
    #[arg(long)]
    once: bool,
    /// First look again at everything at Monite, for what somebody else changed there
    #[arg(long, conflicts_with = "customer")]
    sweep: bool,
    /// One customer only
    #[arg(long, value_name = "ID")]
    customer: Option<CustomerId>,
    #[command(flatten)]
    predecessor: Predecessor,
}

#[derive(Debug, Serialize)]
struct Outcome {
    #[serde(flatten)]
    summary: Summary,
    /// What the sweep saw, if one was asked for and came to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    sweep: Option<Tally>,
    /// Calls this run made at Monite, those for stamps among them.
    calls: u64,
    stamp_calls: u64,
    interrupted: bool,
}

impl Outcome {
    /// `12 calls at Monite, 4 of them for stamps`.
    fn cost(&self) -> String {
        let calls = words::count(self.calls, "call");
        let stamps =
            if self.stamp_calls > 0 { format!(", {} of them for stamps", self.stamp_calls) } else { String::new() };
        format!("{calls} at Monite{stamps}")
    }
}

impl Sync {
    pub(super) async fn run(&self, setup: Setup, output: &Output) -> Result<Exit, Failure> {
        let bridge = Bridge::assemble(setup).await?;
        let exit = self.work(&bridge, output).await;
        bridge.close().await;
        exit
    }

    async fn work(&self, bridge: &Bridge, output: &Output) -> Result<Exit, Failure> {
        if let Some(customer) = &self.customer
            && bridge.store.customer(customer).await?.is_none()
        {
            return Err(unknown(&ObjectId::Customer(customer.clone())));
        }
        let stop = signal::stop_requested();
        let asked = self.question(bridge, &stop).await?;
        let sweep = if self.sweep { self.sweep(bridge, &stop, output).await? } else { Sweep::NotAsked };
        let scope = Scope {
            customer: self.customer.clone(),
            patience: if self.once { Patience::OnePass } else { Patience::UntilDone },
        };
        if asked == Asked::Answered {
            drive(bridge, &scope, &stop, output).await?;
        }
        let (failures, stats) = (scope.failures(bridge.store.as_ref()).await?, bridge.store.stats().await?);
        let outcome = Outcome {
            summary: Summary::of(&stats).with_outage(bridge.reconciler.workshop().outage.since()),
            sweep: sweep.tally(),
            calls: bridge.monite.calls_made(),
            stamp_calls: bridge.reconciler.stamps().calls(),
            interrupted: stop.is_cancelled(),
        };
        output.result(&format!("{}   {}", overview(&stats, output.style()), outcome.cost()), &outcome);
        if outcome.interrupted {
            output.note("interrupted: what is left is done by the next `monite-bridge sync` or `serve`");
        }
        if failures > 0 {
            output.note("see `monite-bridge status --failing`");
        }
        let stamps_missing = stats.linked - stats.stamped;
        let down_since = bridge.reconciler.workshop().outage.since();
        if let Some(since) = down_since {
            output.note(&format!("Monite does not answer since {}; what is left stays due", words::time(since)));
        } else if stamps_missing > 0 && !outcome.interrupted {
            output.note(&format!(
                "{} not stamped yet; the next `sync` or `serve` tries again, `monite-bridge why CUSTOMER` says what Monite answered",
                words::count(stamps_missing, "entity"),
            ));
        }
        let unfinished =
            outcome.interrupted || asked == Asked::Unanswered || sweep == Sweep::Unfinished || down_since.is_some();
        Ok(Exit::failed_if(failures > 0 || unfinished))
    }

    /// Whether anything may be created. With `--once` Monite is asked once.
    async fn question(&self, bridge: &Bridge, stop: &CancellationToken) -> Result<Asked, Failure> {
        let question = self.predecessor.question(bridge, stop);
        if !self.once {
            return question.insist().await.map(|()| Asked::Answered);
        }
        match question.ask().await {
            Ok(()) => Ok(Asked::Answered),
            Err(NotToBegin::Refused(failure)) => Err(failure),
            Err(NotToBegin::Unanswered(error)) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the database knows no entity, and Monite did not say whether another bridge has stamped some: nothing was done"
                );
                Ok(Asked::Unanswered)
            }
        }
    }

    async fn sweep(&self, bridge: &Bridge, stop: &CancellationToken, output: &Output) -> Result<Sweep, Failure> {
        match bridge.sweeper.sweep(stop).await? {
            Swept::Everything(tally) => {
                output.note(&format!("swept: {tally}"));
                if !tally.look_at.is_empty() {
                    let named: Vec<&str> = tally.look_at.iter().map(CustomerId::as_str).collect();
                    output.note(&format!("look at the entities of {}: the log says why", named.join(", ")));
                }
                Ok(Sweep::Finished(tally))
            }
            Swept::Stopped(tally) => {
                output.note(&format!("the sweep stopped half-way ({tally}); the next one goes on from there"));
                Ok(Sweep::Unfinished)
            }
            Swept::Elsewhere => {
                output.note(
                    "another process is sweeping; `last_sweep` in GET /v1/stats tells what it saw when it has ended",
                );
                Ok(Sweep::Unfinished)
            }
        }
    }
}

/// Whether Monite said that no other bridge was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Answered,
    Unanswered,
}

/// How the sweep before it came out.
#[derive(Debug, PartialEq, Eq)]
enum Sweep {
    NotAsked,
    Finished(Tally),
    Unfinished,
}

impl Sweep {
    fn tally(&self) -> Option<Tally> {
        match self {
            Self::Finished(tally) => Some(tally.clone()),
            Self::NotAsked | Self::Unfinished => None,
        }
    }
}

/// A stamp that is tried again within this long is waited for, one that Monite refused is not (see `REFUSED_AGAIN_AFTER`).
const STAMP_WAITED_FOR: Duration = Duration::from_secs(600);

/// What is driven, and for how long.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) customer: Option<CustomerId>,
    pub(super) patience: Patience,
}

/// When driving ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// When everything that was due has been tried once.
    OnePass,
    /// When nothing is left that is tried again by itself.
    UntilDone,
}

/// Runs passes until the scope's patience ends or `stop`.
pub(super) async fn drive(
    bridge: &Bridge, scope: &Scope, stop: &CancellationToken, output: &Output,
) -> Result<(), StoreError> {
    let progress = output.progress("syncing");
    let store = bridge.store.as_ref();
    let total = left(&store.stats().await?);
    tokio::select! {
        done = passes(bridge, scope, stop) => done?,
        failed = watch(store, total, &progress) => match failed? {},
    }
    progress.set(total.saturating_sub(left(&store.stats().await?)), total);
    Ok(())
}

async fn watch(store: &dyn Store, total: u64, progress: &Progress) -> Result<Infallible, StoreError> {
    loop {
        let started = Instant::now();
        progress.set(total.saturating_sub(left(&store.stats().await?)), total);
        // At most a tenth of the time goes into counting.
        tokio::time::sleep(PROGRESS_EVERY.max(started.elapsed() * 9)).await;
    }
}

/// Objects that are not yet where they should be.
fn left(stats: &Stats) -> u64 {
    let open = |state: &SyncState| matches!(state, SyncState::Pending | SyncState::Retrying);
    stats.customers.iter().chain(&stats.users).filter(|(state, _)| open(state)).map(|(_, count)| count).sum()
}

async fn passes(bridge: &Bridge, scope: &Scope, stop: &CancellationToken) -> Result<(), StoreError> {
    loop {
        bridge.reconciler.pass(scope.customer.as_ref(), stop).await?;
        if stop.is_cancelled() || scope.patience == Patience::OnePass {
            return Ok(());
        }
        let Some(due) = scope.next_due(bridge.store.as_ref(), bridge.now()).await? else { return Ok(()) };
        let probe = bridge.reconciler.workshop().outage.until_probe();
        let wait = probe.unwrap_or_else(|| Duration::try_from(due.duration_since(bridge.now())).unwrap_or_default());
        tokio::select! {
            () = bridge.clock.sleep(wait.clamp(Duration::from_millis(20), LOOK_AGAIN_AFTER)) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

/// Objects of one customer looked at to tell whether it is done.
const USERS_LOOKED_AT: u32 = 10_000;

impl Scope {
    /// When something of the scope is tried next by itself; `None`: nothing is left but stamps that nobody waits for.
    async fn next_due(&self, store: &dyn Store, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let stamp = match &self.customer {
            None => store.next_stamp().await?,
            Some(customer) => store.customer(customer).await?.and_then(|customer| customer.stamp.due_at),
        };
        let stamp = stamp.filter(|due| *due < now + STAMP_WAITED_FOR);
        Ok(self.next_visit(store).await?.into_iter().chain(stamp).min())
    }

    async fn next_visit(&self, store: &dyn Store) -> Result<Option<Timestamp>, StoreError> {
        let Some(customer) = &self.customer else { return store.next_due().await };
        let Some(visit) = store.peek(customer, USERS_LOOKED_AT).await? else { return Ok(None) };
        let own = visit.customer.sync.next_attempt_at;
        // Users wait for the entity; those of a deleted customer stay as they are, unless they were deleted themselves.
        let has_entity = visit.customer.entity.present().is_some();
        let is_visited = |user: &&User| has_entity && (visit.customer.wish == Wish::Present || user.wish == Wish::Gone);
        let users = visit.users.iter().filter(is_visited).filter_map(|user| user.sync.next_attempt_at);
        Ok(own.into_iter().chain(users).min())
    }

    /// How many objects of the scope fail.
    async fn failures(&self, store: &dyn Store) -> Result<u64, StoreError> {
        let Some(customer) = &self.customer else { return Ok(failing(&store.stats().await?)) };
        let Some(visit) = store.peek(customer, USERS_LOOKED_AT).await? else { return Ok(0) };
        let states = visit.users.iter().map(|user| user.sync.state).chain([visit.customer.sync.state]);
        Ok(states.filter(|state| state.is_failing()).count() as u64)
    }
}
