//! Ids and token texts: random, or the same history again from a seed.

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use uuid::Uuid;

/// Makes ids. Random without a seed, otherwise the same ids in the same order every time.
#[derive(Debug)]
pub(crate) struct IdSource {
    rng: StdRng,
}

/// 48 letters and digits carry 285 bits.
const TOKEN_LENGTH: usize = 48;

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

impl IdSource {
    /// `stream` keeps several sources of one seed apart.
    pub(crate) fn new(seed: Option<u64>, stream: u64) -> Self {
        let rng = match seed {
            Some(seed) => StdRng::seed_from_u64(seed.wrapping_add(stream.wrapping_mul(0x9e37_79b9_7f4a_7c15))),
            None => StdRng::from_rng(&mut rand::rng()),
        };
        Self { rng }
    }

    /// For the `starts`-th start on kept data: ids of its own, so that nothing given out before comes again.
    pub(crate) fn begin_again(&mut self, starts: u64) {
        if starts > 0 {
            self.rng = StdRng::seed_from_u64(self.rng.next_u64() ^ starts);
        }
    }

    pub(crate) fn uuid(&mut self) -> Uuid {
        let mut bytes = [0; 16];
        self.rng.fill_bytes(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// A secret text of letters and digits.
    pub(crate) fn secret(&mut self) -> String {
        (0..TOKEN_LENGTH).map(|_| char::from(LETTERS[self.rng.random_range(0..LETTERS.len())])).collect()
    }
}
