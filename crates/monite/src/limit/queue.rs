//! The decisions of the window limiter, as plain data: no clock, no waiting. Public for whoever builds or simulates a
//! limiter of their own; everybody else wants [`super::WindowLimiter`].

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

use super::delays::{Delays, is_slow};
use super::lines::Lines;
use super::share::{Lateness, Opening, Pacing, Share, Slots, pace};
use super::{Priority, RateSignal, Release};
use crate::clock::{later, until};

/// A permit comes back this long after its answer, less [`Queue::head_start`]: then no window of one second on the server,
/// wherever it begins, can hold more requests than there are permits.
const WINDOW: Duration = Duration::from_secs(1);

/// Added when no answer arrived: the server may count the request late.
const ABANDONED_EXTRA: Duration = Duration::from_secs(1);

/// A permit never comes back earlier by more than this, however long answers take.
const MAX_HEAD_START: Duration = Duration::from_millis(250);

/// Timers wake up to so much late: Tokio's count milliseconds. Who is no later than that was on time, or each turn would be longer than
/// the pace says.
const TIMER: Duration = Duration::from_millis(2);

/// So long after a login the reserve is kept free of bulk work altogether.
const LOGIN_WATCH: Duration = Duration::from_secs(5);

/// Pause after a 429 that does not say how long.
const DEFAULT_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause a server can order.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// A lower limit in the headers counts until no answer has repeated it for so long: limits may differ from call to call, and
/// the lowest of them is the safe one.
const STATED_FOR: Duration = Duration::from_secs(10);

/// Who waits, what is out, what comes back when.
#[derive(Debug)]
pub struct Queue {
    share: Share,
    /// A limit below [`Share::of`] that Monite states, and until when it is taken as true.
    stated: Option<(u32, Timestamp)>,
    in_flight: u32,
    /// Of these, bulk and background work.
    bulk_in_flight: u32,
    /// When used permits come back.
    cooling: VecDeque<Timestamp>,
    /// With slots: what the latest one counts from, on the common clock. What is known about that clock changes by a little,
    /// and a slot must not seem unused then.
    latest: Timestamp,
    /// Even pacing: nobody goes before this.
    next_at: Timestamp,
    /// A 429 said so.
    paused_until: Timestamp,
    /// Somebody else uses the same limit up.
    held_until: Timestamp,
    login_seen_until: Timestamp,
    delays: Delays,
    lines: Lines,
}

/// What the one at the head of the queue does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Send.
    Go,
    /// Nothing can change before this time, unless a permit comes back.
    At(Timestamp),
    /// Only a permit coming back helps, or a new share.
    OnRelease,
    /// Somebody else is first.
    NotFirst,
}

/// Where a queue stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Requests out or cooling down.
    pub used: u32,
    /// Requests waiting for their turn.
    pub waiting: usize,
    /// How long answers take on average.
    pub delay: Duration,
    /// A limit below the configured one that Monite states.
    pub stated: Option<u32>,
    /// Until when a 429 holds everybody back; in the past when nobody is held.
    pub paused_until: Timestamp,
}

impl Queue {
    /// An empty queue that may use this share.
    pub fn new(share: Share) -> Self {
        let never = Timestamp::MIN;
        Self {
            share,
            stated: None,
            in_flight: 0,
            bulk_in_flight: 0,
            cooling: VecDeque::new(),
            latest: never,
            next_at: never,
            paused_until: never,
            held_until: never,
            login_seen_until: never,
            delays: Delays::unknown(),
            lines: Lines::default(),
        }
    }

    /// From now on this share counts. Where other slots are ours than before, the first of them is given up, and every one that
    /// is closer than our slots are to each other: others may still use theirs of before, and what went before does not show how
    /// close it was.
    pub fn set_share(&mut self, share: Share, now: Timestamp) {
        let Pacing::Slots { positions, ahead, .. } = &share.pacing else {
            self.share = share;
            return;
        };
        let is_same = matches!(&self.share.pacing, Pacing::Slots { positions: before, .. } if before == positions);
        let common = now.checked_add(*ahead).unwrap_or(now);
        self.share = share;
        if !is_same {
            self.latest = self.latest.max(common);
            self.give_a_turn_up(Priority::Bulk, now);
        }
    }

    /// What it may use.
    pub fn share(&self) -> &Share {
        &self.share
    }

    /// Nobody sends before this time, nor before an earlier one that was set.
    pub fn pause(&mut self, until: Timestamp) {
        self.paused_until = self.paused_until.max(until);
    }

    /// A place at the end of the line.
    pub fn join(&mut self, priority: Priority, now: Timestamp) -> u64 {
        if priority == Priority::Login {
            self.login_seen_until = later(now, LOGIN_WATCH);
        }
        self.lines.join(priority)
    }

    /// Gives a place up.
    pub fn leave(&mut self, priority: Priority, ticket: u64) {
        self.lines.leave(priority, ticket);
    }

    /// The ticket that is next, over all priorities.
    pub fn head(&self, now: Timestamp) -> Option<u64> {
        self.lines.head(|priority| self.has_room(priority, now))
    }

    /// Lets `ticket` go if it is its turn; it has then left the queue and holds a permit.
    pub fn turn(&mut self, priority: Priority, ticket: u64, now: Timestamp) -> Turn {
        self.cool_down(now);
        if self.head(now) != Some(ticket) {
            return Turn::NotFirst;
        }
        let Some(paced) = self.paced(priority, now) else { return Turn::OnRelease };
        let not_before = paced.at.max(self.paused_until).max(self.held_until);
        if not_before > now {
            return Turn::At(not_before);
        }
        if !self.has_room(priority, now) {
            return self.cooling.front().map_or(Turn::OnRelease, |back| Turn::At(*back));
        }
        self.lines.go(priority);
        self.in_flight += 1;
        if priority.is_patient() {
            self.bulk_in_flight += 1;
        }
        self.latest = paced.counts_from;
        let on_time = until(self.next_at, now) <= TIMER;
        self.next_at = later(if on_time { self.next_at } else { now }, self.interval(now));
        Turn::Go
    }

    /// A permit that was given at `granted` comes back.
    pub fn release(&mut self, priority: Priority, how: Release, granted: Timestamp, now: Timestamp) {
        let took = until(granted, now);
        if self.is_late(took, now) {
            self.give_a_turn_up(priority, now);
        }
        self.in_flight = self.in_flight.saturating_sub(1);
        if priority.is_patient() {
            self.bulk_in_flight = self.bulk_in_flight.saturating_sub(1);
        }
        let rest = match how {
            Release::Answered => {
                self.delays.add(took);
                WINDOW - self.head_start()
            }
            Release::Abandoned => {
                self.delays.add_unanswered(took);
                WINDOW + ABANDONED_EXTRA
            }
        };
        let back = later(now, rest);
        // Kept in order: abandoned ones come back later than those released after them.
        let place = self.cooling.partition_point(|other| *other <= back);
        self.cooling.insert(place, back);
    }

    /// Takes note of what an answer says about the limit.
    pub fn observe(&mut self, signal: &RateSignal, now: Timestamp) {
        match signal.limit.filter(|limit| *limit > 0) {
            Some(limit) if limit < self.share.of && self.stated_now(now).is_none_or(|stated| limit <= stated) => {
                self.stated = Some((limit, later(now, STATED_FOR)));
            }
            _ => {}
        }
        if signal.status == 429 {
            let pause = signal.retry_after.or(signal.reset).unwrap_or(DEFAULT_PAUSE).min(MAX_PAUSE);
            self.pause(later(now, pause));
        } else if signal.remaining == Some(0) {
            self.leave_a_turn_out(now);
            if !self.explains_an_empty_limit(now) {
                let reset = signal.reset.unwrap_or(DEFAULT_PAUSE).min(MAX_PAUSE);
                self.held_until = self.held_until.max(later(now, reset));
            }
        }
    }

    /// Where the queue stands.
    pub fn usage(&mut self, now: Timestamp) -> Usage {
        self.cool_down(now);
        Usage {
            used: self.used(),
            waiting: self.lines.waiting(),
            delay: self.delays.average(),
            stated: self.stated_now(now),
            paused_until: self.paused_until,
        }
    }

    /// Where a slow network bunches requests up, a sliding counter stands at its limit for a good part of a second, although the
    /// pace is below it. The answer that says so comes early enough for the next request not to be the one too many.
    fn leave_a_turn_out(&mut self, now: Timestamp) {
        match &self.share.pacing {
            Pacing::Even if is_slow(self.delays.average()) => {
                self.next_at = self.next_at.max(later(now, self.interval(now)))
            }
            Pacing::Slots { ahead, delay, .. } if is_slow(*delay) => {
                self.latest = self.latest.max(now.checked_add(*ahead).unwrap_or(now));
            }
            Pacing::Even | Pacing::Slots { .. } => {}
        }
    }

    /// A request that leaves now arrives half a round trip later at the earliest, one that was answered now was counted half of
    /// one ago at the latest. The whole of the fastest round trip would do for two that are as fast; half of it leaves room for
    /// faster ones.
    fn head_start(&self) -> Duration {
        (self.delays.fastest() / 2).min(MAX_HEAD_START)
    }

    /// Where answers are quick, one that took half a turn longer than usual: its request may have come so late that the server
    /// counts it with those that went after it. What is on its way is still spaced as if it had come in time, and a sliding counter
    /// has room for all of that, but not for one more. Slow networks have a wider gap for it.
    fn is_late(&self, took: Duration, now: Timestamp) -> bool {
        let turn = Duration::from_secs_f64(1.0 / pace(self.limit(now), self.delays.average()));
        self.delays.is_unusual(took, turn / 2)
    }

    /// The next turn counts as used: by a request that came then instead of in its own.
    fn give_a_turn_up(&mut self, priority: Priority, now: Timestamp) {
        self.next_at = later(self.next_at.max(now), self.interval(now));
        if let Some(given_up) = self.paced(priority, now) {
            self.latest = given_up.counts_from;
        }
    }

    /// Between two requests that are evenly paced. An answer may come when nothing may be sent any more, so there may be no permits.
    fn interval(&self, now: Timestamp) -> Duration {
        let part = f64::from(self.permits(now).max(1)) / f64::from(self.limit(now));
        Duration::from_secs_f64(1.0 / (pace(self.limit(now), self.delays.average()) * part))
    }

    /// When the pacing lets the next one go; `None`: not with this share.
    fn paced(&self, priority: Priority, now: Timestamp) -> Option<Opening> {
        if !self.share.is_good(now) || self.permits(now) == 0 {
            return None;
        }
        match &self.share.pacing {
            Pacing::Even => Some(Opening { at: self.next_at, counts_from: now }),
            Pacing::Slots { positions, ahead, delay } => {
                let slot = Duration::from_secs_f64(1.0 / pace(self.limit(now), *delay));
                let lateness = match priority.is_patient() {
                    false => Lateness::UntilTheNext,
                    true if is_slow(*delay) => Lateness::TwoSlots,
                    true => Lateness::HalfASlot,
                };
                let slots = Slots { positions, of: self.share.of, slot };
                let opening = slots.next(self.latest, now.checked_add(*ahead).ok()?, lateness)?;
                Some(Opening { at: opening.at.checked_sub(*ahead).ok()?, ..opening })
            }
        }
    }

    /// Slow answers must not lock logins out, so bulk work never has the reserved share in flight. It may let it
    /// cool down, since that takes a second at most, but not while people are logging in.
    fn has_room(&self, priority: Priority, now: Timestamp) -> bool {
        let (used, all) = (self.used(), self.permits(now));
        if !priority.is_patient() {
            return used < all;
        }
        let reserve = (all / 10).max(1).min(all.saturating_sub(1));
        // Who was passed over too often does not make room any more, or a stream of logins could lock it out for ever.
        let makes_room = self.login_seen_until > now && !self.lines.owes(priority);
        let open_to_bulk = if makes_room { all - reserve } else { all };
        used < open_to_bulk && self.bulk_in_flight < all - reserve
    }

    /// An empty limit is news only if our own calls did not empty it; then somebody else uses it too. What we have out
    /// ourselves the window accounts for more exactly than a header that counts whole seconds. A sixth may be missing: permits come back
    /// a little before the server forgets, and turns are left out.
    fn explains_an_empty_limit(&self, now: Timestamp) -> bool {
        let all = self.permits(now);
        self.used() + (all / 6).max(2) >= all
    }

    fn cool_down(&mut self, now: Timestamp) {
        while self.cooling.front().is_some_and(|back| *back <= now) {
            self.cooling.pop_front();
        }
    }

    fn used(&self) -> u32 {
        self.in_flight.saturating_add(u32::try_from(self.cooling.len()).unwrap_or(u32::MAX))
    }

    /// The share, cut down like the limit itself when Monite states a lower one.
    fn permits(&self, now: Timestamp) -> u32 {
        match self.stated_now(now) {
            Some(stated) => {
                (u64::from(self.share.permits) * u64::from(stated) / u64::from(self.share.of.max(1))) as u32
            }
            None => self.share.permits,
        }
    }

    fn limit(&self, now: Timestamp) -> u32 {
        self.stated_now(now).unwrap_or(self.share.of)
    }

    fn stated_now(&self, now: Timestamp) -> Option<u32> {
        self.stated.filter(|(limit, until)| *limit < self.share.of && now < *until).map(|(limit, _)| limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When the permit of a request sent at 0 comes back whose answer took so long, in milliseconds.
    fn comes_back(took: i64) -> i64 {
        let at = |milliseconds| Timestamp::from_millisecond(milliseconds).unwrap();
        let mut queue = Queue::new(Share::whole(30));
        let ticket = queue.join(Priority::Bulk, at(0));
        assert_eq!(queue.turn(Priority::Bulk, ticket, at(0)), Turn::Go);
        queue.release(Priority::Bulk, Release::Answered, at(0), at(took));
        (took..).find(|now| queue.usage(at(*now)).used == 0).unwrap()
    }

    #[test]
    fn a_permit_comes_back_a_second_after_its_answer_less_half_of_the_fastest() {
        assert_eq!(comes_back(0), 1_000);
        assert_eq!(comes_back(200), 1_100);
        assert_eq!(comes_back(3_000), 3_750, "never by more than a quarter of a second");
    }

    /// So many calls of ours within the last second, and an answer says that nothing is left: whether that holds us back.
    fn holds_back(sent: u64) -> bool {
        let mut queue = Queue::new(Share::whole(30));
        let mut now = Timestamp::UNIX_EPOCH;
        for _ in 0..sent {
            let ticket = queue.join(Priority::Login, now);
            if let Turn::At(at) = queue.turn(Priority::Login, ticket, now) {
                now = at;
                assert_eq!(queue.turn(Priority::Login, ticket, now), Turn::Go);
            }
            queue.release(Priority::Login, Release::Answered, now, now);
        }
        queue.observe(&RateSignal { status: 200, remaining: Some(0), ..RateSignal::default() }, now);
        queue.held_until > now
    }

    #[test]
    fn an_empty_limit_is_somebody_elses_work_when_a_sixth_of_it_is_not_ours() {
        assert!(holds_back(24));
        assert!(!holds_back(25));
    }
}
