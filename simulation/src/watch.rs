//! What must be true at every moment and not only in the end: noted down while the run goes on, by those who see it happen.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use monite_bridge::budget::ledger::{GOOD_FOR, Heard};
use monite_bridge::store::StoreError;

use crate::plan::Plan;
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

/// A partner's token is fetched anew in the last fifth of its life, and not before.
const AGES_BELOW: f64 = 0.2;

/// The duty to fetch the partner's token for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duty {
    /// Which one.
    pub number: i64,
    /// When it lapses.
    pub until: Timestamp,
}

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
    /// Whether one fetches the partner's token for all.
    shares_token: bool,
    /// Whether Monite lets tokens expire before their time.
    tokens_expire: bool,
    /// Whose duty it is right now.
    duty: Option<(Who, Duty)>,
    /// Since when a token lies there for all, and until when it is good.
    shared: Option<(Timestamp, Timestamp)>,
    mints: u64,
    /// Until when each token is good that Monite issued.
    expires: HashMap<String, Timestamp>,
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
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        Self(Arc::new(Mutex::new(Notes {
            rate: plan.rate,
            hearts: BTreeMap::new(),
            sent: VecDeque::new(),
            knocks: BTreeMap::new(),
            shares_token: plan.shares_token,
            tokens_expire: plan.tokens_expire,
            duty: None,
            shared: None,
            mints: 0,
            expires: HashMap::new(),
            broken: Vec::new(),
            told: BTreeMap::new(),
        })))
    }

    /// A heartbeat that began at `began` was answered now: what is granted at the same time is never more than the rate.
    pub fn heard(&self, who: Who, began: Timestamp, heard: &Heard, now: Timestamp) {
        let mut notes = self.lock();
        if heard.late.is_some() {
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

    /// The duty to fetch the partner's token for all was given out: not while one is there that is good for long, and nobody takes one
    /// for dead that is not.
    pub fn takes_duty(&self, who: Who, duty: Duty, discard: bool, now: Timestamp) {
        let mut notes = self.lock();
        notes.duty = Some((who, duty));
        let Some((from, expires)) = notes.shared else { return };
        let (life, left) = (expires.duration_since(from), expires.duration_since(now));
        if !discard && left.as_secs_f64() > life.as_secs_f64() * AGES_BELOW {
            let text = format!("{who} fetches a token at {now} for all, who have one until {expires}");
            notes.breaks("mint", text);
        }
        if discard && left.is_positive() && !notes.tokens_expire {
            notes.breaks("mint", format!("{who} gives up a token at {now} that is good until {expires}"));
        }
        if discard {
            notes.shared = None;
        }
    }

    /// The duty is done: a token lies there until `expires`, or none.
    pub fn ends_duty(&self, number: i64, expires: Option<Timestamp>, now: Timestamp) {
        let mut notes = self.lock();
        if notes.duty.is_some_and(|(_, duty)| duty.number == number) {
            notes.duty = None;
        }
        if let Some(expires) = expires {
            notes.shared = Some((now, expires));
        }
    }

    /// Monite is asked for the partner's token: where it is shared, by nobody but the one whose duty it is.
    pub fn asks_for_token(&self, who: Who, now: Timestamp) {
        let mut notes = self.lock();
        notes.mints += 1;
        if !notes.shares_token {
            return;
        }
        if notes.duty.is_none_or(|(holder, duty)| holder != who || now >= duty.until) {
            let text = format!("{who} asks for the partner's token at {now}, and the duty is {:?}", notes.duty);
            notes.breaks("duty", text);
        }
    }

    /// How often the partner's token was asked for.
    #[must_use]
    pub fn mints(&self) -> u64 {
        self.lock().mints
    }

    /// Monite answered this to a question for a token.
    pub fn minted(&self, answer: &[u8], now: Timestamp) {
        let answer: serde_json::Value = serde_json::from_slice(answer).unwrap_or_default();
        if let (Some(token), Some(lives)) = (answer["access_token"].as_str(), answer["expires_in"].as_i64()) {
            self.lock().expires.insert(token.to_owned(), now + SignedDuration::from_secs(lives));
        }
    }

    /// A call with this token was answered well: never after its end.
    pub fn worked(&self, token: &str, who: Who, call: &str, now: Timestamp) {
        let mut notes = self.lock();
        if notes.expires.get(token).is_none_or(|expires| *expires <= now) {
            notes.breaks(
                "expired",
                format!("{who} was answered {call} at {now} for a token that had ended, or that nobody issued"),
            );
        }
    }

    /// The store refused something: nothing is wrong with the database of a run, so the bridge asked for what cannot be, such as one
    /// entity for two customers.
    pub fn store_failed(&self, who: Who, what: &str, error: &StoreError, now: Timestamp) {
        self.lock().breaks("store", format!("{who}: {what} failed at {now}: {error}: {error:?}"));
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
