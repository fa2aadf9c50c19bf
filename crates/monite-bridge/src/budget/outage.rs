//! Whether Monite answers, as everybody in this process knows it: the breaker at the gate of the client.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use monite::gate::{Ending, Held, Pass, Subject};
use monite::{Clock, Gate};

use super::breaker::{Breaker, Open, Turned};
use crate::jitter::Jitter;

/// Clones are the same.
#[derive(Clone)]
pub struct Outage {
    breaker: Arc<Mutex<Breaker>>,
    clock: Arc<dyn Clock>,
    jitter: Jitter,
}

impl Outage {
    /// Monite answers, until calls show the contrary: the client has to be built with this as its gate.
    #[must_use]
    pub fn none_yet(clock: Arc<dyn Clock>, jitter: Jitter) -> Self {
        Self { breaker: Arc::default(), clock, jitter }
    }

    /// Since when Monite does not answer; `None`: it does, as far as anybody knows.
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        self.breaker().open().map(|open| open.since)
    }

    /// How long until a call may find out whether Monite is back; zero: now. `None`: there is no outage.
    #[must_use]
    pub fn until_probe(&self) -> Option<Duration> {
        let now = self.clock.now();
        self.breaker().open().map(|open| Duration::try_from(open.next_probe.duration_since(now)).unwrap_or_default())
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gate for Outage {
    fn check(&self) -> Result<(), Held> {
        match self.breaker().open() {
            Some(open) if !open.is_due(self.clock.now()) => Err(held(open)),
            _ => Ok(()),
        }
    }

    fn enter(&self, _about: Subject) -> Result<Pass, Held> {
        self.breaker().enter(self.clock.now()).map_err(held)
    }

    fn left(&self, pass: Pass, about: Subject, ending: Ending) {
        let (now, jitter) = (self.clock.now(), self.jitter.next());
        match self.breaker().left(pass, about, ending, now, jitter) {
            Turned::Opened => tracing::error!("Monite does not answer; nothing but a probe goes out until it does"),
            Turned::Closed => tracing::info!("Monite answers again"),
            Turned::Nothing => {}
        }
    }
}

fn held(open: Open) -> Held {
    Held(format!("Monite has not answered since {:.0}; it is asked again from {:.0} on", open.since, open.next_probe))
}

impl fmt::Debug for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outage").field("since", &self.since()).finish_non_exhaustive()
    }
}
