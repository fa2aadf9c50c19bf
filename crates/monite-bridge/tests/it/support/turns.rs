//! A rate limit that lets everybody through and remembers who asked.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use monite::Priority;
use monite::limit::{Limiter, Permit, RateSignal};

/// See the module.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<Vec<Priority>>>);

impl Turns {
    /// Who asked since the last look.
    pub(crate) fn taken(&self) -> Vec<Priority> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[async_trait]
impl Limiter for Turns {
    async fn acquire(&self, priority: Priority) -> Permit {
        self.0.lock().unwrap().push(priority);
        Permit::free()
    }

    fn observe(&self, _signal: &RateSignal) {}
}
