//! Draws from a seed, one stream for each use, so that one more draw here changes nothing there.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// One stream of draws. Clones are the same stream.
#[derive(Debug, Clone)]
pub struct Chance(Arc<Mutex<StdRng>>);

impl Chance {
    /// The stream of this seed with this name.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Self {
        let seed =
            seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17) ^ stream.wrapping_mul(0xD1B5_4A32_D192_ED03);
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// Whether something of this likelihood happens.
    #[must_use]
    pub fn hits(&self, probability: f64) -> bool {
        self.share() < probability
    }

    /// A number in `0.0..1.0`.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random()
    }

    /// A number below `bound`; 0 when that is 0.
    #[must_use]
    pub fn below(&self, bound: usize) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random_range(0..bound.max(1))
    }

    /// One of these.
    #[must_use]
    pub fn one_of<T: Copy>(&self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// The index of one of these, each as likely as its weight says.
    #[must_use]
    pub fn weighted(&self, weights: &[u32]) -> usize {
        let mut drawn = self.below(weights.iter().sum::<u32>() as usize) as u32;
        for (index, weight) in weights.iter().enumerate() {
            if drawn < *weight {
                return index;
            }
            drawn -= weight;
        }
        0
    }

    /// A time between these, in whole milliseconds.
    #[must_use]
    pub fn between(&self, from: Duration, to: Duration) -> Duration {
        let span = to.saturating_sub(from).as_millis() as usize;
        from + Duration::from_millis(self.below(span + 1) as u64)
    }
}
