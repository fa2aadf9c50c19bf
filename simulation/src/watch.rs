//! What must be true at every moment and not only in the end: noted down while the run goes on, by those who see it happen.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use monite_bridge::budget::ledger::{GOOD_FOR, Heard};

use crate::turnstile::Who;

/// Of one kind of breach so many are told; the others would say the same.
const MOST_TOLD: usize = 3;

/// What a process may send when Monite takes no connection, beside its probes: the failures that open its breaker, and what had passed
/// the gate by then.
const BEFORE_IT_OPENS: u32 = 20;

/// The longest time between two probes is 30 s, less up to a half by chance; on the way there every probe takes about twice as long.
const PROBES_APART: u32 = 15;

/// The probes until they are that far apart.
const FIRST_PROBES: u32 = 6;

/// See the module. Clones are the same.
#[derive(Debug, Clone)]
pub struct Watch(Arc<Mutex<Notes>>);

#[derive(Debug)]
struct Notes {
    /// Calls a second that all bridges share.
    rate: u32,
    hearts: BTreeMap<Who, Heart>,
    /// What left in the last second.
    sent: VecDeque<Timestamp>,
    /// What each process sent while Monite took no connection, by the beginning of the outage.
    knocks: BTreeMap<(Timestamp, Who), u32>,
    broken: Vec<String>,
    told: BTreeMap<&'static str, usize>,
}

/// The latest heartbeat of a process that was answered.
#[derive(Debug, Clone, Copy)]
struct Heart {
    began: Timestamp,
    share: u32,
}

impl Watch {
    /// Nothing has happened yet, and all bridges together may send `rate` calls a second.
    #[must_use]
    pub fn new(rate: u32) -> Self {
        Self(Arc::new(Mutex::new(Notes {
            rate,
            hearts: BTreeMap::new(),
            sent: VecDeque::new(),
            knocks: BTreeMap::new(),
            broken: Vec::new(),
            told: BTreeMap::new(),
        })))
    }

    /// A heartbeat that began at `began` was answered now: what is granted at the same time is never more than the rate.
    pub fn heard(&self, who: Who, began: Timestamp, heard: &Heard, now: Timestamp) {
        let mut notes = self.lock();
        if heard.late {
            notes.hearts.remove(&who);
            return;
        }
        notes.hearts.insert(who, Heart { began, share: heard.share });
        let granted: u32 =
            notes.hearts.values().filter(|heart| now < heart.began + GOOD_FOR).map(|one| one.share).sum();
        if granted > notes.rate {
            let text = format!("{granted} calls a second are granted at {now} and there are {}", notes.rate);
            notes.breaks("shares", text);
        }
    }

    /// A call leaves now: from a process whose heartbeat is young enough, and as one of no more than the rate in any second.
    pub fn sends(&self, who: Who, call: &str, now: Timestamp) {
        let mut notes = self.lock();
        if notes.hearts.get(&who).is_none_or(|heart| now >= heart.began + GOOD_FOR) {
            let heart = notes.hearts.get(&who).map(|heart| heart.began);
            notes.breaks("heartbeat", format!("{who} sent {call} at {now} and its last heartbeat began at {heart:?}"));
        }
        notes.sent.push_back(now);
        let second = now - SignedDuration::from_secs(1);
        while notes.sent.front().is_some_and(|sent| *sent <= second) {
            notes.sent.pop_front();
        }
        if notes.sent.len() > notes.rate as usize {
            let text = format!("{} calls left within a second at {now}, and {} may", notes.sent.len(), notes.rate);
            notes.breaks("rate", text);
        }
    }

    /// A call was sent although Monite has taken no connection since `since`: few are, whoever has a breaker.
    pub fn knocks(&self, who: Who, since: Timestamp, now: Timestamp) {
        let mut notes = self.lock();
        let knocks = notes.knocks.entry((since, who)).or_default();
        *knocks += 1;
        let knocks = *knocks;
        let lasts = u32::try_from(now.duration_since(since).as_secs()).unwrap_or(0);
        if knocks > BEFORE_IT_OPENS + FIRST_PROBES + lasts / PROBES_APART {
            let text = format!("{who} sent {knocks} calls in {lasts} s in which Monite took no connection");
            notes.breaks("breaker", text);
        }
    }

    /// What was broken so far; told once.
    #[must_use]
    pub fn take_broken(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().broken)
    }

    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notes {
    fn breaks(&mut self, kind: &'static str, text: String) {
        let told = self.told.entry(kind).or_default();
        *told += 1;
        if *told <= MOST_TOLD {
            self.broken.push(text);
        }
    }
}
