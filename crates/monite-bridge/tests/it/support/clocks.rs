//! One time for all, in the forms that each wants.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use monite::{Clock, ManualClock};

use super::transport::Fuse;

/// The client's: its waits (retries, pacing) move the time and return at once.
#[derive(Debug, Clone)]
pub(super) struct AdvancingClock(pub(super) ManualClock);

#[async_trait]
impl Clock for AdvancingClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.advance(duration);
        // Others get a turn, or a loop that sleeps would starve them.
        tokio::task::yield_now().await;
    }
}

/// The reconciler's: while its process is frozen, none of its timers goes off.
#[derive(Debug, Clone)]
pub(super) struct FreezingClock(pub(super) ManualClock, pub(super) Fuse);

#[async_trait]
impl Clock for FreezingClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration).await;
        self.1.running().await;
    }
}

/// The sandbox's.
#[derive(Debug)]
pub(crate) struct SandboxTime(pub(crate) ManualClock);

impl monite_sandbox::Clock for SandboxTime {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}
