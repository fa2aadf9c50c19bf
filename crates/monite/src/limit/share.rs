//! What one process may use of a limit that several share, and when it sends. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::delays::is_slow;

/// Share of the limit that is used at most. Fixed seconds allow 1.0, but sliding counters and token buckets answer
/// 429 then.
const PACE: f64 = 0.95;

/// A sliding counter spreads the last second evenly and so can be wrong by one request at either end of it: small
/// limits need a wider gap than 5 %. At 30 both rules say 28.5.
const GAP: f64 = 1.5;

/// On a slow network delays also vary, and requests arrive in bunches. Found by simulation: with less, sliding counters refuse
/// more; with more, fewer than 0.90 of the limit of 30 would be used.
const SLOW_GAP: f64 = 2.8;

/// A part of the limit, for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// Requests this process may have out or cooling down at any moment.
    pub permits: u32,
    /// The whole limit, requests a second.
    pub of: u32,
    /// When its requests go out.
    pub pacing: Pacing,
    /// It is good from here: a clock that is set back must not prolong it.
    pub from: Timestamp,
    /// At this moment and later nothing is sent, whatever was granted before.
    pub until: Timestamp,
}

/// When the requests of one process go out.
#[derive(Clone, Debug, PartialEq)]
pub enum Pacing {
    /// Evenly, without regard to others.
    Even,
    /// In time slots that everybody counts from one clock, so that the requests of all together are evenly spaced too:
    /// several streams that are even each by itself still meet by chance, and a sliding counter refuses what meets.
    Slots {
        /// Its slots among [`Share::of`] that come round again and again; ascending.
        positions: Vec<u32>,
        /// How far that clock is ahead of this process's own.
        ahead: SignedDuration,
        /// How long answers take on average: the longest of all, since all must count the same slots.
        delay: Duration,
    },
}

impl Share {
    /// All of it, for ever: there is one process.
    pub fn whole(limit: u32) -> Self {
        let limit = limit.max(1);
        Self { permits: limit, of: limit, pacing: Pacing::Even, from: Timestamp::MIN, until: Timestamp::MAX }
    }

    /// None of it: nothing is sent until a share is granted.
    pub fn none(limit: u32) -> Self {
        Self { permits: 0, from: Timestamp::MAX, ..Self::whole(limit) }
    }

    pub(super) fn is_good(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }
}

/// The slots of the one at `place`, when `shares` of `of` are given out: each one's slots lie as evenly as whole slots
/// can, no slot has two owners, and those that nobody has stay empty.
pub fn positions(shares: &[u32], place: usize, of: u32) -> Vec<u32> {
    let nobody = of.saturating_sub(shares.iter().sum());
    let all = shares.iter().copied().chain([nobody]).enumerate();
    // Turn `n` of `share` turns stands in the middle of its part of the round; compared as whole numbers.
    let mut turns: Vec<(u64, usize)> = all
        .flat_map(|(owner, share)| {
            (0..u64::from(share)).map(move |n| ((2 * n + 1) * ROUND / (2 * u64::from(share)), owner))
        })
        .collect();
    turns.sort_unstable();
    (0..).zip(turns).filter(|(_, (_, owner))| *owner == place).map(|(position, _)| position).collect()
}

/// Length of a round in [`positions`]: fine enough that a limit of thousands still tells its turns apart.
const ROUND: u64 = 1 << 40;

/// Requests per second that are sent when there is enough to do; `delay` is how long answers take on average.
pub(super) fn pace(rate: u32, delay: Duration) -> f64 {
    let rate = f64::from(rate);
    let gap = if is_slow(delay) { SLOW_GAP } else { GAP };
    (rate * PACE).min(rate - gap).max(rate / 2.0)
}

/// Time in slots: who may send when, on the clock that everybody counts by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slots<'a> {
    /// See [`Pacing::Slots`].
    pub(super) positions: &'a [u32],
    /// Slots of a round.
    pub(super) of: u32,
    /// How long a slot lasts.
    pub(super) slot: Duration,
}

/// How long a slot that was not used at its beginning is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lateness {
    /// For half its length, then it is lost. A sliding counter notices a request that comes a slot late.
    HalfASlot,
    /// For two slots. On a slow network requests are displaced by more than a slot anyway, and permits come back late.
    TwoSlots,
    /// Until our next one begins, so that somebody who waits need not wait for a slot. The slot after it is left out if it
    /// is too close then, so that no stream is ever denser than its slots.
    UntilTheNext,
}

/// When the next request may go, and what is to be remembered of it for the one after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opening {
    pub(super) at: Timestamp,
    /// The slot that it uses; of one that is used late, the time of the request.
    pub(super) counts_from: Timestamp,
}

impl Slots<'_> {
    /// The next opening at `now` or later, when the latest request counts from `latest`. `None`: there are no slots.
    pub(super) fn next(&self, latest: Timestamp, now: Timestamp, lateness: Lateness) -> Option<Opening> {
        let (now, latest, slot) = (now.as_microsecond(), latest.as_microsecond(), self.slot_micros());
        let gap = self.smallest_gap()? * slot;
        let current = self.begins_at_or_before(now)?;
        let is_late = now > current + if lateness == Lateness::TwoSlots { 2 * slot } else { slot / 2 };
        if !is_late && current - latest >= gap {
            return Some(opening(now, current));
        }
        if is_late && lateness == Lateness::UntilTheNext && latest < current && now - latest >= gap {
            return Some(opening(now, now));
        }
        let mut next = self.begins_after(current)?;
        while next - latest < gap {
            next = self.begins_after(next)?;
        }
        Some(opening(next, next))
    }

    fn slot_micros(&self) -> i64 {
        i64::try_from(self.slot.as_micros()).unwrap_or(i64::MAX).max(1)
    }

    /// Slots between two turns of ours where they are closest.
    fn smallest_gap(&self) -> Option<i64> {
        let (first, last) = (*self.positions.first()?, *self.positions.last()?);
        let around = i64::from(first) + i64::from(self.of) - i64::from(last);
        let inside = self.positions.windows(2).map(|two| i64::from(two[1]) - i64::from(two[0]));
        Some(inside.chain([around]).min().unwrap_or(around).max(1))
    }

    fn begins_at_or_before(&self, now: i64) -> Option<i64> {
        let (number, of) = (now.div_euclid(self.slot_micros()), i64::from(self.of));
        let passed = self.positions.partition_point(|mine| i64::from(*mine) <= number.rem_euclid(of));
        let begins = |round: i64, mine: u32| (round * of + i64::from(mine)) * self.slot_micros();
        match passed.checked_sub(1) {
            Some(index) => Some(begins(number.div_euclid(of), self.positions[index])),
            None => Some(begins(number.div_euclid(of) - 1, *self.positions.last()?)),
        }
    }

    /// The beginning of our slot behind the one that begins at `begin`.
    fn begins_after(&self, begin: i64) -> Option<i64> {
        let (number, of) = (begin.div_euclid(self.slot_micros()), i64::from(self.of));
        let passed = self.positions.partition_point(|mine| i64::from(*mine) <= number.rem_euclid(of));
        let (round, mine) = match self.positions.get(passed) {
            Some(mine) => (number.div_euclid(of), *mine),
            None => (number.div_euclid(of) + 1, *self.positions.first()?),
        };
        Some((round * of + i64::from(mine)) * self.slot_micros())
    }
}

fn opening(at: i64, counts_from: i64) -> Opening {
    let time = |micros| Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX);
    Opening { at: time(at), counts_from: time(counts_from) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_shared_out_evenly_and_never_twice() {
        let show = |shares: &[u32], of: u32| {
            let mut round = vec!['.'; of as usize];
            for (place, name) in (0..shares.len()).zip('a'..) {
                for position in positions(shares, place, of) {
                    assert_eq!(round[position as usize], '.', "a slot with two owners");
                    round[position as usize] = name;
                }
            }
            round.into_iter().collect::<String>()
        };
        assert_eq!(show(&[6], 6), "aaaaaa");
        assert_eq!(show(&[3, 3], 6), "ababab");
        assert_eq!(show(&[3, 2, 2], 7), "abcabca");
        assert_eq!(show(&[1, 5], 6), "bbabbb");
        assert_eq!(show(&[2, 2], 6), "ab.ab.");
        assert_eq!(show(&[2], 6).matches('a').count(), 2);
        assert_eq!(show(&[0, 6], 6), "bbbbbb");
    }

    /// Ten slots of 100 us; ours begin at 200, 700, 1200, ... Says when the next request may go and what it counts from.
    fn next(latest: i64, now: i64, lateness: Lateness) -> (i64, i64) {
        let micros = |at: i64| Timestamp::from_microsecond(at).unwrap();
        let slots = Slots { positions: &[2, 7], of: 10, slot: Duration::from_micros(100) };
        let opening = slots.next(micros(latest), micros(now), lateness).unwrap();
        (opening.at.as_microsecond(), opening.counts_from.as_microsecond())
    }

    #[test]
    fn a_slot_serves_once_and_is_lost_when_it_is_missed() {
        use Lateness::HalfASlot;
        assert_eq!(next(-300, 200, HalfASlot), (200, 200), "at its beginning");
        assert_eq!(next(-300, 250, HalfASlot), (250, 200), "a little later");
        assert_eq!(next(-300, 251, HalfASlot), (700, 700), "lost");
        assert_eq!(next(200, 201, HalfASlot), (700, 700), "once");
        assert_eq!(next(700, 720, HalfASlot), (1200, 1200), "the round begins anew");
    }

    #[test]
    fn who_waits_need_not_wait_for_a_slot_and_the_next_one_keeps_its_distance() {
        use Lateness::UntilTheNext;
        assert_eq!(next(-300, 690, UntilTheNext), (690, 690), "a slot that nobody used is good until the next");
        assert_eq!(next(690, 701, UntilTheNext), (1200, 1200), "the next slot was too close");
        assert_eq!(
            next(690, 1195, UntilTheNext),
            (1195, 1195),
            "the distance is kept, so that slot may be used late, too"
        );
        let none = Slots { positions: &[], of: 10, slot: Duration::from_micros(100) };
        assert_eq!(none.next(Timestamp::MIN, Timestamp::UNIX_EPOCH, UntilTheNext), None);
    }
}
