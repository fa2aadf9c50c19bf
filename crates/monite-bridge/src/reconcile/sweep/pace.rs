//! The part of the rate that a sweep may take.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use monite::Clock;

/// The least share: less would make a sweep that never ends.
const LEAST: f64 = 0.001;

/// Spaces calls evenly; clones share what there is, so that two who look take no more than one. Each call also asks the rate limit for its turn, after everybody else who waits.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    /// From one call to the next; zero: as fast as the rate limit lets it.
    every: Duration,
    next: Arc<Mutex<Option<Timestamp>>>,
}

impl Pace {
    /// A `share` (from a thousandth up to 1) of `rate` calls per second; no rate, no pace.
    #[must_use]
    pub fn share_of(rate: Option<u32>, share: f64) -> Self {
        let every = rate.map_or(0.0, |rate| 1.0 / (f64::from(rate.max(1)) * share.clamp(LEAST, 1.0)));
        // From 0 to 1000 s, as both are bounded; NaN, which is no share, is the slowest.
        Self { every: Duration::try_from_secs_f64(every).unwrap_or(Duration::from_secs(1000)), next: Arc::default() }
    }

    /// From one call to the next.
    pub(super) fn every(&self) -> Duration {
        self.every
    }

    /// Waits until the next call may go out.
    pub(super) async fn turn(&self, clock: &dyn Clock) {
        let wait = self.wait(clock.now());
        if !wait.is_zero() {
            clock.sleep(wait).await;
        }
    }

    /// How long this call has to wait. Time that nobody used is not made up for: a sweep never comes in bursts.
    fn wait(&self, now: Timestamp) -> Duration {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let at = next.map_or(now, |next| next.max(now));
        *next = at.checked_add(self.every).ok();
        Duration::try_from(at.duration_since(now)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_spaced_evenly_and_never_caught_up() {
        let pace = Pace::share_of(Some(30), 0.1);
        let at = |millis: i64| Timestamp::from_millisecond(millis).unwrap();
        let waits = [0, 0, 700, 9000, 9001].map(|millis| pace.wait(at(millis)).as_millis());
        assert_eq!(waits, [0, 333, 0, 0, 332]);
        assert_eq!(pace.clone().wait(at(9001)).as_millis(), 665, "a clone has no share of its own");
        assert_eq!(Pace::share_of(Some(1), 0.0).every(), Duration::from_secs(1000), "it still moves");
        let unpaced = Pace::share_of(None, 0.1);
        assert_eq!([unpaced.wait(at(0)), unpaced.wait(at(0))], [Duration::ZERO; 2]);
    }
}
