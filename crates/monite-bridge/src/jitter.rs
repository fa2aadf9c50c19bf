//! Chance, passed in like time: one seeded source, so that a run can be repeated.

use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// A shared source of random numbers.
#[derive(Debug, Clone)]
pub struct Jitter(Arc<Mutex<StdRng>>);

impl Jitter {
    /// The same seed gives the same numbers.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// Different in each process, so that replicas do not retry in step.
    #[must_use]
    pub fn from_entropy() -> Self {
        Self::seeded(rand::random())
    }

    /// The next number in `0.0..1.0`.
    #[must_use]
    pub fn next(&self) -> f64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random()
    }

    /// Bits for an id.
    #[must_use]
    pub fn bits(&self) -> u128 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random()
    }
}
