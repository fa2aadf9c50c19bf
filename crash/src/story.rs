//! What happens in a round, drawn from its seed: who is there, what goes wrong at Monite, who dies when.

use std::time::Duration;

use serde_json::{Value, json};

use crate::Database;
use crate::chance::Chance;

/// Calls that change something at Monite.
const WRITES: &str = "POST|PATCH|DELETE";

/// Monite's limit in the rounds that have one, as in production.
const RATE_LIMIT: u64 = 30;

/// Something rude.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// SIGKILL to this replica, which is started again at once.
    Kill(usize),
    /// SIGSTOP: it stands still in the middle of whatever it does, and does not know.
    Freeze(usize),
    /// SIGCONT: it goes on.
    Thaw(usize),
    /// The database server dies without a word and starts again.
    CrashDatabase,
}

/// A round before it happens.
#[derive(Debug)]
pub(crate) struct Story {
    /// Calls a second that Monite allows.
    pub(crate) rate_limit: Option<u64>,
    /// The rules of the sandbox.
    pub(crate) faults: Vec<Value>,
    /// How many customers the product has.
    pub(crate) customers: usize,
    /// What happens, each so long after the one before is over.
    pub(crate) events: Vec<(Pause, Event)>,
    /// Steps that each part of the product takes at least, also after the last event.
    pub(crate) steps: u64,
}

/// How long to wait for the next event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pause {
    /// First for so many further steps of the product, so that a slow machine is not killed at its start again and again.
    pub(crate) steps: u64,
    /// Then for this time.
    pub(crate) time: Duration,
}

impl Story {
    /// The story of these draws.
    pub(crate) fn draw(database: Database, chance: &mut Chance) -> Self {
        Self {
            rate_limit: chance.percent(50).then_some(RATE_LIMIT),
            faults: faults(chance),
            // An even number: they come in twins.
            customers: chance.one(&[8, 10, 12, 16]),
            events: match database {
                Database::Sqlite => alone(chance),
                Database::Postgres => together(chance),
            },
            steps: chance.number(30..90),
        }
    }

    /// Whether Monite ends tokens before their time.
    pub(crate) fn expires_tokens(&self) -> bool {
        self.faults.iter().any(|rule| rule["action"]["expire_tokens"] == true)
    }

    /// How many processes are killed.
    pub(crate) fn kills(&self) -> usize {
        self.events.iter().filter(|(_, event)| matches!(event, Event::Kill(_) | Event::CrashDatabase)).count()
    }

    /// One short line.
    pub(crate) fn summary(&self) -> String {
        let limit = self.rate_limit.map_or("no limit".to_owned(), |limit| format!("{limit}/s"));
        let faults: Vec<String> = self.faults.iter().map(|rule| rule["action"].to_string()).collect();
        format!("{} customers, {limit}, faults {}", self.customers, faults.join(" "))
    }
}

/// One process: a few kills while everything is in motion, and often some more while the leases of the dead run out and what they
/// left is looked for. Sometimes it stands still for a while, past its own leases at times.
fn alone(chance: &mut Chance) -> Vec<(Pause, Event)> {
    let mut events: Vec<_> = (0..chance.number(3..7)).map(|_| (soon(chance), Event::Kill(0))).collect();
    if chance.percent(25) {
        let still = if chance.percent(50) { chance.millis(100..3000) } else { chance.millis(15_000..18_000) };
        events.extend([(soon(chance), Event::Freeze(0)), (only(still), Event::Thaw(0))]);
    }
    events.extend((0..chance.number(0..4)).map(|_| (only(chance.millis(500..9000)), Event::Kill(0))));
    events
}

/// Two processes on one database: both are killed, and its server too; one stands still past its lease, at times so long that
/// the other one has long given up waiting for its calls, while the other one and the server die once more.
fn together(chance: &mut Chance) -> Vec<(Pause, Event)> {
    let either = |chance: &mut Chance| Event::Kill(chance.one(&[0, 1]));
    let mut events: Vec<_> = (0..chance.number(2..5)).map(|_| (soon(chance), either(chance))).collect();
    events.push((soon(chance), Event::CrashDatabase));
    let still = if chance.percent(60) { 16_000..20_000 } else { 31_000..40_000 };
    let (before, after) = (chance.millis(0..10_000), chance.millis(still));
    events.extend([
        (soon(chance), Event::Freeze(0)),
        (only(before), Event::Kill(1)),
        (only(after.saturating_sub(before)), Event::Thaw(0)),
    ]);
    if chance.percent(50) {
        events.push((only(chance.millis(0..3000)), Event::CrashDatabase));
    }
    events.extend((0..chance.number(0..3)).map(|_| (only(chance.millis(500..6000)), either(chance))));
    events
}

/// From the first moments of a start to the middle of the work.
fn soon(chance: &mut Chance) -> Pause {
    match chance.number(0..3) {
        0 => only(chance.millis(0..60)),
        1 => Pause { steps: chance.number(1..8), time: chance.millis(0..60) },
        _ => Pause { steps: chance.number(8..30), time: chance.millis(0..300) },
    }
}

fn only(time: Duration) -> Pause {
    Pause { steps: 0, time }
}

/// Some of everything that Monite and the way to it do wrong. What lags or is late stays within what the bridge reckons with.
fn faults(chance: &mut Chance) -> Vec<Value> {
    let all = [
        (WRITES, json!({"close": "after"}), 12),
        (WRITES, json!({"close": "before"}), 8),
        (WRITES, json!({"close": "middle"}), 5),
        (WRITES, json!({"status": 500}), 6),
        ("GET|POST|PATCH|DELETE", json!({"status": 503}), 8),
        ("GET|POST|PATCH|DELETE", json!({"status": 429, "retry_after": 1}), 5),
        (WRITES, json!({"stale_ms": chance.number(500..5000)}), 25),
        (WRITES, json!({"delay_ms": chance.number(20..150)}), 60),
        (WRITES, json!({"delay_ms": chance.number(500..4000)}), 10),
        ("*", json!({"expire_tokens": true}), 2),
    ];
    let mut rules = Vec::new();
    for (method, action, most) in all {
        if chance.percent(45) {
            let share = chance.number(1..most + 1);
            let probability = json!(share).as_f64().unwrap_or_default() / 100.0;
            let seed = chance.number(0..u64::from(u32::MAX));
            rules.push(json!({"method": method, "probability": probability, "seed": seed, "action": action}));
        }
    }
    rules
}
