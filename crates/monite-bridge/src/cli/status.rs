//! `status`: counts by state, and what fails.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::failure::{Exit, Failure};
use super::output::{Output, Style};
use super::words;
use crate::assemble::Setup;
use crate::budget::ledger::{Ledger, is_alive};
use crate::domain::{LastError, ObjectId, SyncState, SyncStatus};
use crate::reconcile::sweep::{self, Finished};
use crate::store::{Failing, Stats};
use crate::webhook::standing::{self, Standing};

/// Failing objects read at a time.
const PAGE: u32 = 500;

/// Show how many customers and users are in which state
#[derive(Debug, clap::Args)]
pub(super) struct Status {
    /// List every object that fails, with the reason and Monite's request id
    #[arg(long)]
    failing: bool,
}

impl Status {
    pub(super) async fn run(&self, setup: &Setup, output: &Output) -> Result<Exit, Failure> {
        let store = setup.open_store().await?;
        let stats = store.stats().await?;
        let down_since = down_since(&store.ledger().await?, setup.now());
        let last_sweep = sweep::last(store.as_ref()).await?;
        let webhooks = standing::read(store.as_ref()).await?;
        let overview = with_sweep(overview(&stats, output.style()), last_sweep.as_ref());
        let overview = with_webhooks(overview, webhooks.as_ref());
        let overview = with_outage(overview, down_since, output.style());
        let counts = Summary::of(&stats).with_outage(down_since);
        let summary = WithSweep { counts, last_sweep, webhooks };
        if !self.failing {
            output.result(&overview, &summary);
            return Ok(Exit::Done);
        }
        let mut list = output.list("objects");
        let mut after: Option<ObjectId> = None;
        loop {
            let page = store.failing(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.object.clone());
            for failing in &page {
                list.push(&describe(failing, output.style()), &FailingObject::of(failing));
            }
        }
        list.end(&overview, &summary);
        Ok(Exit::Done)
    }
}

/// The counts as programs get them; every state is there, also those without any object.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    customers: BTreeMap<&'static str, u64>,
    users: BTreeMap<&'static str, u64>,
    failing: u64,
    stamps: Stamps,
    next_due: Option<Timestamp>,
    /// Since when Monite does not answer the processes at work.
    monite_down_since: Option<Timestamp>,
}

/// How many entities hold the ids of their links.
#[derive(Debug, Serialize)]
struct Stamps {
    linked: u64,
    stamped: u64,
}

impl Summary {
    pub(super) fn of(stats: &Stats) -> Self {
        let all = |counts: &BTreeMap<SyncState, u64>| {
            SyncState::ALL.iter().map(|state| (state.as_str(), counts.get(state).copied().unwrap_or(0))).collect()
        };
        Self {
            customers: all(&stats.customers),
            users: all(&stats.users),
            failing: failing(stats),
            stamps: Stamps { linked: stats.linked, stamped: stats.stamped },
            next_due: stats.next_due,
            monite_down_since: None,
        }
    }

    pub(super) fn with_outage(self, since: Option<Timestamp>) -> Self {
        Self { monite_down_since: since, ..self }
    }
}

/// The counts, what was seen when everything at Monite was last looked at, and whether Monite reports what changes.
#[derive(Debug, Serialize)]
struct WithSweep {
    #[serde(flatten)]
    counts: Summary,
    last_sweep: Option<Finished>,
    /// `null` where they were never used.
    webhooks: Option<Standing>,
}

fn with_webhooks(overview: String, standing: Option<&Standing>) -> String {
    let shown = standing.map(|standing| {
        let count = words::count(standing.subscriptions, "subscription");
        let last = standing.last_delivery_at.map_or_else(|| "never".to_owned(), words::time);
        format!("\nwebhooks {count}   last delivery {last}")
    });
    format!("{overview}{}", shown.unwrap_or_default())
}

fn with_sweep(overview: String, last: Option<&Finished>) -> String {
    let shown = last.map(|last| format!("\nlast sweep {}   {}", words::time(last.finished_at), last.tally));
    format!("{overview}{}", shown.unwrap_or_default())
}

/// Since when Monite does not answer, as the processes that are alive tell.
fn down_since(ledger: &Ledger, now: Timestamp) -> Option<Timestamp> {
    let alive = ledger.replicas.iter().filter(|replica| is_alive(replica, now));
    alive.filter_map(|replica| replica.down_since).min()
}

fn with_outage(overview: String, down_since: Option<Timestamp>, style: Style) -> String {
    let outage = down_since.map(|since| style.bad(&format!("\nMonite does not answer since {}", words::time(since))));
    format!("{overview}{}", outage.unwrap_or_default())
}

/// How many objects somebody should look at.
pub(super) fn failing(stats: &Stats) -> u64 {
    let of = |counts: &BTreeMap<SyncState, u64>| -> u64 {
        counts.iter().filter(|(state, _)| state.is_failing()).map(|(_, count)| count).sum()
    };
    of(&stats.customers) + of(&stats.users)
}

/// `customers 54 in_sync   users 162 in_sync   failing 0   stamped 54 of 54`.
pub(super) fn overview(stats: &Stats, style: Style) -> String {
    let failing = failing(stats);
    let failing = if failing == 0 { "failing 0".to_owned() } else { style.bad(&format!("failing {failing}")) };
    let stamped = match stats.linked {
        0 => String::new(),
        linked => format!("   stamped {} of {linked}", stats.stamped),
    };
    format!("customers {}   users {}   {failing}{stamped}", states(&stats.customers), states(&stats.users))
}

fn states(counts: &BTreeMap<SyncState, u64>) -> String {
    let shown = SyncState::ALL.iter().filter_map(|state| {
        let count = counts.get(state).copied().filter(|count| *count > 0)?;
        Some(format!("{count} {state}"))
    });
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() { "0".to_owned() } else { shown.join(", ") }
}

/// One failing object as programs get it.
#[derive(Debug, Serialize)]
pub(super) struct FailingObject<'a> {
    customer: &'a str,
    user: Option<&'a str>,
    state: SyncState,
    attempts: u32,
    next_attempt_at: Option<Timestamp>,
    last_error: Option<&'a LastError>,
}

impl<'a> FailingObject<'a> {
    pub(super) fn of(failing: &'a Failing) -> Self {
        let SyncStatus { state, attempts, next_attempt_at, last_error, .. } = &failing.sync;
        Self {
            customer: failing.object.customer().as_str(),
            user: match &failing.object {
                ObjectId::Customer(_) => None,
                ObjectId::User(_, user) => Some(user.as_str()),
            },
            state: *state,
            attempts: *attempts,
            next_attempt_at: *next_attempt_at,
            last_error: last_error.as_ref(),
        }
    }
}

/// One failing object as people see it: what, why, and what to quote to Monite.
pub(super) fn describe(failing: &Failing, style: Style) -> String {
    let sync = &failing.sync;
    let next = sync.next_attempt_at.map_or(String::new(), |at| format!(", tried again at {}", words::time(at)));
    let head = format!(
        "{}  {} after {}{next}",
        style.bold(&failing.object.to_string()),
        style.bad(sync.state.as_str()),
        words::count(sync.attempts.into(), "attempt")
    );
    let error = sync.last_error.as_ref().map(|error| format!("\n{}", words::indent(&reason(error), 2)));
    format!("{head}{}", error.unwrap_or_default())
}

/// What happened, with Monite's request id.
pub(super) fn reason(error: &LastError) -> String {
    let request = error.request_id.as_ref().map_or(String::new(), |id| format!("request id {id}, "));
    format!("{}\n{request}{}", error.message, words::time(error.at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_overview_is_one_line_and_leaves_out_what_is_not_there() {
        let mut stats = Stats::default();
        assert_eq!(overview(&stats, Style::PLAIN), "customers 0   users 0   failing 0");
        stats.customers =
            BTreeMap::from([(SyncState::InSync, 3), (SyncState::Rejected, 1), (SyncState::Deactivated, 2)]);
        stats.users = BTreeMap::from([(SyncState::Pending, 4), (SyncState::Retrying, 2)]);
        assert_eq!(
            overview(&stats, Style::PLAIN),
            "customers 3 in_sync, 1 rejected, 2 deactivated   users 4 pending, 2 retrying   failing 3"
        );
        assert_eq!(failing(&stats), 3);
        (stats.linked, stats.stamped) = (6, 4);
        assert!(overview(&stats, Style::PLAIN).ends_with("failing 3   stamped 4 of 6"));
    }
}
