//! The four ways to count, in whole microseconds so that the same history always gives the same verdicts.
//!
//! Whether a refused call counts differs in the wild, and each is imitated as it is usually built: Kong's
//! `rate-limiting` (fixed windows, and the plugin whose headers and words Monite's gateway uses) refuses before it counts;
//! a log in a sorted set adds first and counts then; Kong's sliding window counts refused calls unless told not to
//! (`disable_penalty`); a bucket without a token has nothing to take. So with two of the four a client that goes on
//! knocking stays outside.

use std::collections::VecDeque;

use super::{Quota, RateAlgorithm};

const SECOND: i64 = 1_000_000;
const SECOND_UNSIGNED: u64 = 1_000_000;

#[derive(Debug, Clone)]
#[expect(clippy::enum_variant_names, reason = "the ways are called as in RateAlgorithm")]
pub(super) enum Counter {
    FixedSecond {
        second: i64,
        used: u32,
    },
    SlidingLog {
        /// When the latest calls came, never more of them than the limit: older ones decide nothing.
        calls: VecDeque<i64>,
    },
    SlidingCounter {
        second: i64,
        before: u64,
        count: u64,
    },
    TokenBucket {
        at: i64,
        /// What was taken and has not run in again, in millionths of a call.
        spent: u64,
    },
}

impl Counter {
    /// Nothing counted yet.
    pub(super) fn new(algorithm: RateAlgorithm) -> Self {
        match algorithm {
            RateAlgorithm::FixedSecond => Self::FixedSecond { second: 0, used: 0 },
            RateAlgorithm::SlidingLog => Self::SlidingLog { calls: VecDeque::new() },
            RateAlgorithm::SlidingCounter => Self::SlidingCounter { second: 0, before: 0, count: 0 },
            RateAlgorithm::TokenBucket => Self::TokenBucket { at: 0, spent: 0 },
        }
    }

    /// Lets the time up to `now` pass.
    pub(super) fn settle(&mut self, limit: u32, now: i64) {
        let current = now.div_euclid(SECOND);
        match self {
            Self::FixedSecond { second, used } => {
                if *second != current {
                    (*second, *used) = (current, 0);
                }
            }
            Self::SlidingLog { calls } => {
                while calls.front().is_some_and(|at| *at <= now - SECOND) {
                    calls.pop_front();
                }
            }
            Self::SlidingCounter { second, before, count } => {
                if *second != current {
                    *before = if *second + 1 == current { *count } else { 0 };
                    (*second, *count) = (current, 0);
                }
            }
            Self::TokenBucket { at, spent } => {
                let passed = u64::try_from(now - *at).unwrap_or(0);
                *spent = spent.saturating_sub(passed.saturating_mul(u64::from(limit)));
                *at = now;
            }
        }
    }

    /// Counts one call at `now`, up to which time was let pass, and says whether it is let in.
    pub(super) fn take(&mut self, limit: u32, now: i64) -> bool {
        let allowed = self.free(limit, now) > 0;
        match self {
            Self::FixedSecond { used, .. } if allowed => *used += 1,
            Self::TokenBucket { spent, .. } if allowed => *spent += SECOND_UNSIGNED,
            Self::FixedSecond { .. } | Self::TokenBucket { .. } => {}
            Self::SlidingLog { calls } => {
                calls.push_back(now);
                if calls.len() > limit as usize {
                    calls.pop_front();
                }
            }
            Self::SlidingCounter { count, .. } => *count += 1,
        }
        allowed
    }

    pub(super) fn quota(&self, limit: u32, now: i64) -> Quota {
        Quota {
            limit,
            remaining: self.free(limit, now),
            reset: whole_seconds(self.until_all(limit, now)),
            retry_after: whole_seconds(self.until_one(limit, now)),
        }
    }

    /// How many calls would be let in at this moment.
    fn free(&self, limit: u32, now: i64) -> u32 {
        match self {
            Self::FixedSecond { used, .. } => limit.saturating_sub(*used),
            Self::SlidingLog { calls } => limit.saturating_sub(u32::try_from(calls.len()).unwrap_or(u32::MAX)),
            Self::SlidingCounter { before, count, .. } => {
                let used = before * rest_of_second(now) + count * SECOND_UNSIGNED;
                whole_calls(capacity(limit).saturating_sub(used))
            }
            Self::TokenBucket { spent, .. } => whole_calls(capacity(limit).saturating_sub(*spent)),
        }
    }

    /// Microseconds until one call would be let in.
    fn until_one(&self, limit: u32, now: i64) -> u64 {
        if self.free(limit, now) > 0 {
            return 0;
        }
        match self {
            Self::FixedSecond { .. } => rest_of_second(now),
            Self::SlidingLog { calls } => calls.front().map_or(0, |at| (at + SECOND - now).unsigned_abs()),
            Self::SlidingCounter { before, count, .. } => sliding_wait(limit, *before, *count, now),
            Self::TokenBucket { spent, .. } => {
                let missing = (spent + SECOND_UNSIGNED).saturating_sub(capacity(limit));
                missing.div_ceil(u64::from(limit))
            }
        }
    }

    /// Microseconds until all calls of the limit would be let in.
    fn until_all(&self, limit: u32, now: i64) -> u64 {
        match self {
            Self::FixedSecond { used: 0, .. } | Self::SlidingCounter { before: 0, count: 0, .. } => 0,
            Self::FixedSecond { .. } | Self::SlidingCounter { count: 0, .. } => rest_of_second(now),
            Self::SlidingCounter { .. } => rest_of_second(now) + SECOND_UNSIGNED,
            Self::SlidingLog { calls } => calls.back().map_or(0, |at| (at + SECOND - now).unsigned_abs()),
            Self::TokenBucket { spent, .. } => spent.div_ceil(u64::from(limit)),
        }
    }
}

/// The wait with a sliding counter that lets nobody in: within this second if it has room left, else in the next one,
/// where the calls of this second weigh less and less.
fn sliding_wait(limit: u32, before: u64, count: u64, now: i64) -> u64 {
    let (room, rest) = (u64::from(limit), rest_of_second(now));
    if count < room && before > 0 {
        // before * left + (count + 1) <= limit, with `left` as the part of the second that is still to come.
        let left = (room - count - 1) * SECOND_UNSIGNED / before;
        if left > 0 {
            return rest.saturating_sub(left);
        }
    }
    let left_then = ((room - 1) * SECOND_UNSIGNED).checked_div(count).unwrap_or(SECOND_UNSIGNED);
    rest + SECOND_UNSIGNED.saturating_sub(left_then)
}

fn capacity(limit: u32) -> u64 {
    u64::from(limit) * SECOND_UNSIGNED
}

fn whole_calls(units: u64) -> u32 {
    u32::try_from(units / SECOND_UNSIGNED).unwrap_or(u32::MAX)
}

/// Microseconds until the next second begins.
fn rest_of_second(now: i64) -> u64 {
    (SECOND - now.rem_euclid(SECOND)).unsigned_abs()
}

/// Rounded up, and never zero: a client that waits for nothing waits for nothing else.
fn whole_seconds(micros: u64) -> u32 {
    u32::try_from(micros.div_ceil(SECOND_UNSIGNED)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;
    use proptest::prelude::*;

    use super::*;

    /// Calls at these milliseconds, and which of them are let in with a limit of 2.
    fn check(algorithm: RateAlgorithm, history: &str) {
        let mut counter = Counter::new(algorithm);
        for step in history.split_whitespace() {
            let (at, expected) = step.split_at(step.len() - 1);
            let now = at.parse::<i64>().unwrap() * 1000;
            counter.settle(2, now);
            let verdict = if counter.take(2, now) { "+" } else { "-" };
            assert_eq!(verdict, expected, "{algorithm} at {at} of {history}");
        }
    }

    #[test]
    fn each_counts_its_own_way() {
        // Two seconds of the clock take twice two calls, however close they are.
        check(RateAlgorithm::FixedSecond, "900+ 950+ 999- 1000+ 1001+ 1002- 1999- 2000+");
        // Never more than two in any 1000 ms; the knocks at 1951 and 2949 keep the door shut.
        check(RateAlgorithm::SlidingLog, "900+ 950+ 999- 1000- 1999+ 2000+ 2001-");
        check(RateAlgorithm::SlidingLog, "900+ 950+ 1900+ 1950+ 1951- 2949- 2950- 3951+");
        // Two calls in the second before weigh 2 x 0.5 at 1500.
        check(RateAlgorithm::SlidingCounter, "900+ 950+ 1500+ 1501- 2999+");
        check(RateAlgorithm::SlidingCounter, "900+ 950+ 1000- 1499- 1500- 2000-");
        // One call runs in again every 500 ms.
        check(RateAlgorithm::TokenBucket, "900+ 950+ 999- 1399- 1400+ 1401- 1900+ 1901- 5000+ 5000+ 5000-");
    }

    fn histories() -> impl Strategy<Value = (u32, Vec<i64>)> {
        let gaps = prop::collection::vec(prop_oneof![0..50_000_i64, 0..2_500_000_i64], 1..60);
        (1..40_u32, gaps)
    }

    proptest! {
        #[test]
        fn the_headers_tell_the_truth((limit, gaps) in histories(), algorithm in prop::sample::select(RateAlgorithm::value_variants())) {
            let mut counter = Counter::new(algorithm);
            let mut now = 1_700_000_000 * SECOND;
            for gap in gaps {
                now += gap;
                counter.settle(limit, now);
                let promised = counter.free(limit, now) > 0;
                prop_assert_eq!(counter.take(limit, now), promised);
                let quota = counter.quota(limit, now);
                let later = |seconds: u32| {
                    let mut copy = counter.clone();
                    let then = now + i64::from(seconds) * SECOND;
                    copy.settle(limit, then);
                    copy.free(limit, then)
                };
                prop_assert!(later(quota.retry_after) > 0, "{:?} {:?}", counter, quota);
                prop_assert!(quota.retry_after == 1 || later(quota.retry_after - 1) == 0, "{:?} {:?}", counter, quota);
                prop_assert_eq!(later(quota.reset), limit, "{:?} {:?}", counter, quota);
                prop_assert!(quota.reset == 1 || later(quota.reset - 1) < limit, "{:?} {:?}", counter, quota);
                prop_assert_eq!(quota.remaining, later(0));
                prop_assert!(counter.until_one(limit, now) <= 2 * SECOND_UNSIGNED);
            }
        }
    }
}
