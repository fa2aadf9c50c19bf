//! The decisions of the window limiter, as plain data: no clock, no waiting.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

use super::{Priority, RateSignal, Release};
use crate::clock::{later, until};

/// A permit comes back this long after its answer: then no window of one second on the server, wherever it begins,
/// can hold more requests than there are permits.
const WINDOW: Duration = Duration::from_secs(1);

/// Added when no answer arrived: the server may count the request late.
const ABANDONED_EXTRA: Duration = Duration::from_secs(1);

/// Share of the limit that is used at most. Fixed seconds allow 1.0, but sliding counters and token buckets answer
/// 429 then.
const PACE: f64 = 0.95;

/// A sliding counter spreads the last second evenly and so can be wrong by one request at either end of it: small
/// limits need a wider gap than 5 %. At 30 both rules say 28.5.
const GAP: f64 = 1.5;

/// On a slow network delays also vary, and requests arrive in bunches. There the window alone already holds the rate
/// at about this, so the wider gap costs next to nothing.
const SLOW_GAP: f64 = 2.0;

/// Answers that take longer than this on average make a network slow.
const SLOW: f64 = 0.06;

/// Weight of the newest answer in that average.
const NEWEST: f64 = 1.0 / 16.0;

/// So long after a login the reserve is kept free of bulk work altogether.
const LOGIN_WATCH: Duration = Duration::from_secs(5);

/// Pause after a 429 that does not say how long.
const DEFAULT_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause a server can order.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// Who waits, what is out, what comes back when.
#[derive(Debug)]
pub(super) struct Queue {
    configured: u32,
    /// The configured limit, or the lower one that Monite states.
    rate: u32,
    in_flight: u32,
    bulk_in_flight: u32,
    /// When used permits come back.
    cooling: VecDeque<Timestamp>,
    /// Pacing: nobody goes before this.
    next_at: Timestamp,
    paused_until: Timestamp,
    login_seen_until: Timestamp,
    /// How long answers take, in seconds, on a sliding average.
    delay: f64,
    next_ticket: u64,
    waiting: [VecDeque<u64>; 3],
}

/// What the one at the head of the queue does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Send.
    Go,
    /// Nothing can change before this time, unless a permit comes back.
    At(Timestamp),
    /// Only a permit coming back helps.
    OnRelease,
    /// Somebody else is first.
    NotFirst,
}

impl Queue {
    pub(super) fn new(rate: u32) -> Self {
        let never = Timestamp::MIN;
        Self {
            configured: rate.max(1),
            rate: rate.max(1),
            in_flight: 0,
            bulk_in_flight: 0,
            cooling: VecDeque::new(),
            next_at: never,
            paused_until: never,
            login_seen_until: never,
            delay: 0.0,
            next_ticket: 0,
            waiting: Default::default(),
        }
    }

    pub(super) fn join(&mut self, priority: Priority, now: Timestamp) -> u64 {
        if priority == Priority::Login {
            self.login_seen_until = later(now, LOGIN_WATCH);
        }
        self.next_ticket += 1;
        self.waiting[priority as usize].push_back(self.next_ticket);
        self.next_ticket
    }

    pub(super) fn leave(&mut self, priority: Priority, ticket: u64) {
        self.waiting[priority as usize].retain(|waiting| *waiting != ticket);
    }

    /// The ticket that is next, over all priorities.
    pub(super) fn head(&self) -> Option<u64> {
        self.waiting.iter().find_map(|line| line.front()).copied()
    }

    /// Lets `ticket` go if it is its turn; it has then left the queue and holds a permit.
    pub(super) fn turn(&mut self, priority: Priority, ticket: u64, now: Timestamp) -> Turn {
        if self.head() != Some(ticket) {
            return Turn::NotFirst;
        }
        while self.cooling.front().is_some_and(|back| *back <= now) {
            self.cooling.pop_front();
        }
        let not_before = self.next_at.max(self.paused_until);
        if not_before > now {
            return Turn::At(not_before);
        }
        if !self.has_room(priority, now) {
            return self.cooling.front().map_or(Turn::OnRelease, |back| Turn::At(*back));
        }
        self.waiting[priority as usize].pop_front();
        self.in_flight += 1;
        if priority == Priority::Bulk {
            self.bulk_in_flight += 1;
        }
        self.next_at = later(now, Duration::from_secs_f64(1.0 / pace(self.rate, self.delay)));
        Turn::Go
    }

    /// A permit that was given at `granted` comes back.
    pub(super) fn release(&mut self, priority: Priority, how: Release, granted: Timestamp, now: Timestamp) {
        self.delay += (until(granted, now).as_secs_f64() - self.delay) * NEWEST;
        self.in_flight = self.in_flight.saturating_sub(1);
        if priority == Priority::Bulk {
            self.bulk_in_flight = self.bulk_in_flight.saturating_sub(1);
        }
        let rest = match how {
            Release::Answered => WINDOW,
            Release::Abandoned => WINDOW + ABANDONED_EXTRA,
        };
        let back = later(now, rest);
        // Kept in order: abandoned ones come back later than those released after them.
        let place = self.cooling.partition_point(|other| *other <= back);
        self.cooling.insert(place, back);
    }

    pub(super) fn observe(&mut self, signal: &RateSignal, now: Timestamp) {
        if let Some(limit) = signal.limit.filter(|limit| *limit > 0) {
            self.rate = limit.min(self.configured);
        }
        if signal.status == 429 {
            let pause = signal.retry_after.or(signal.reset).unwrap_or(DEFAULT_PAUSE).min(MAX_PAUSE);
            self.paused_until = self.paused_until.max(later(now, pause));
        }
    }

    /// How long everybody is held back by a 429; zero when nobody is.
    pub(super) fn pause_left(&self, now: Timestamp) -> Duration {
        until(now, self.paused_until)
    }

    /// Slow answers must not lock logins out, so bulk work never has the reserved share in flight. It may let it
    /// cool down, since that takes a second at most, but not while people are logging in.
    fn has_room(&self, priority: Priority, now: Timestamp) -> bool {
        let used = self.in_flight as usize + self.cooling.len();
        let all = self.rate as usize;
        if priority != Priority::Bulk {
            return used < all;
        }
        let reserve = (self.rate / 10).max(1).min(self.rate - 1);
        let open_to_bulk = if self.login_seen_until > now { all - reserve as usize } else { all };
        used < open_to_bulk && self.bulk_in_flight < self.rate - reserve
    }
}

/// Requests per second that are sent when there is enough to do.
fn pace(rate: u32, delay: f64) -> f64 {
    let rate = f64::from(rate);
    let gap = if delay > SLOW { SLOW_GAP } else { GAP };
    (rate * PACE).min(rate - gap).max(rate / 2.0)
}
