//! Where the sandbox gets its time from, and the offset that `/_sandbox/clock` moves.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// Tells the time. Everything in the sandbox that depends on time asks one of these.
pub trait Clock: Send + Sync {
    /// The current instant.
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    // The one place of this crate where wall-clock time enters.
    #[allow(clippy::disallowed_methods)]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<Timestamp>,
}

impl ManualClock {
    /// A clock showing `now` until it is advanced.
    pub fn at(now: Timestamp) -> Self {
        Self { now: Mutex::new(now) }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.saturating_add(by).unwrap_or(Timestamp::MAX);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The base clock plus the offset that `POST /_sandbox/clock` adds to.
pub(crate) struct SandboxClock {
    base: Arc<dyn Clock>,
    offset_micros: AtomicI64,
}

impl SandboxClock {
    pub(crate) fn new(base: Arc<dyn Clock>, offset_micros: i64) -> Self {
        Self { base, offset_micros: AtomicI64::new(offset_micros) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let micros = self.base.now().as_microsecond().saturating_add(self.offset_micros());
        Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
    }

    pub(crate) fn offset_micros(&self) -> i64 {
        self.offset_micros.load(Ordering::Relaxed)
    }

    /// Adds to the offset; stops at the last instant a timestamp can hold.
    pub(crate) fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.offset_micros.store(self.offset_micros().saturating_add(by), Ordering::Relaxed);
    }

    pub(crate) fn set_offset(&self, micros: i64) {
        self.offset_micros.store(micros, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_adds_to_the_base_clock() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let base = Arc::new(ManualClock::at(start));
        let clock = SandboxClock::new(base.clone(), 0);
        clock.advance(Duration::from_secs(60));
        base.advance(Duration::from_millis(1));
        assert_eq!(clock.now().to_string(), "2026-01-01T00:01:00.001Z");
        clock.set_offset(0);
        assert_eq!(clock.now().to_string(), "2026-01-01T00:00:00.001Z");
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), Timestamp::MAX);
    }
}
