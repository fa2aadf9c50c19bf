//! One time for all, in the forms that bridge and sandbox want.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::turnstile::{Kind, Turnstile, Who};

/// A bridge's clock: to wait is to ask the turnstile for a later turn.
#[derive(Debug, Clone)]
pub struct BridgeClock {
    /// Where turns are given.
    pub turnstile: Turnstile,
    /// Whose clock it is.
    pub who: Who,
}

#[async_trait]
impl monite::Clock for BridgeClock {
    fn now(&self) -> Timestamp {
        self.turnstile.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.turnstile.enter_after(duration, self.who, Kind::Idle, "waits").await.done("");
    }
}

/// Monite's clock.
#[derive(Debug, Clone)]
pub struct SandboxClock(pub Turnstile);

impl monite_sandbox::Clock for SandboxClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}
