//! Chance, all of it from one seed.

use std::ops::Range;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// What a round draws from.
#[derive(Debug)]
pub(crate) struct Chance(StdRng);

impl Chance {
    /// The draws of this seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// Draws of their own for somebody who draws at the same time.
    pub(crate) fn branch(&mut self) -> Self {
        Self::new(self.0.random())
    }

    /// A number of the range, which must not be empty.
    pub(crate) fn number(&mut self, range: Range<u64>) -> u64 {
        self.0.random_range(range)
    }

    /// One of several; there must be one.
    pub(crate) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        let index = self.0.random_range(0..of.len());
        of[index]
    }

    /// Yes in so many of a hundred cases.
    pub(crate) fn percent(&mut self, share: u64) -> bool {
        self.number(0..100) < share
    }

    /// A time in milliseconds.
    pub(crate) fn millis(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.number(range))
    }
}
