//! How long answers take. Pure.

use std::time::Duration;

/// Answers that the average goes by: the newest weighs one of so many.
const AVERAGED: u32 = 32;

/// The fastest answer is that of the last so many, up to twice as many.
const REMEMBERED: u32 = 256;

/// Answers that take longer than this on average, in seconds, make a network slow.
const SLOW: f64 = 0.05;

/// What is known of the way to the server and back, with the server's own time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delays {
    /// In seconds.
    average: f64,
    /// Answers in the average, as far as that matters: the first few count alike.
    averaged: u32,
    /// The fastest, in seconds: of the answers being remembered now, and of those before.
    fastest: [f64; 2],
    /// Answers remembered now.
    remembered: u32,
}

impl Delays {
    pub(super) const fn unknown() -> Self {
        Self { average: 0.0, averaged: 0, fastest: [f64::MAX; 2], remembered: 0 }
    }

    /// One more answer took so long.
    pub(super) fn add(&mut self, took: Duration) {
        self.average_in(took);
        let took = took.as_secs_f64();
        if self.remembered == REMEMBERED {
            (self.fastest, self.remembered) = ([f64::MAX, self.fastest[0]], 0);
        }
        self.fastest[0] = self.fastest[0].min(took);
        self.remembered += 1;
    }

    /// A request was given up after so long: its answer would have taken longer. Where others take longer too, that tells nothing.
    pub(super) fn add_unanswered(&mut self, waited: Duration) {
        if waited > self.average() {
            self.average_in(waited);
        }
    }

    fn average_in(&mut self, took: Duration) {
        self.averaged = (self.averaged + 1).min(AVERAGED);
        self.average += (took.as_secs_f64() - self.average) / f64::from(self.averaged);
    }

    /// Sliding average; zero as long as there was no answer.
    pub(super) fn average(&self) -> Duration {
        Duration::from_secs_f64(self.average.max(0.0))
    }

    /// The fastest answer of late; zero as long as there was none.
    pub(super) fn fastest(&self) -> Duration {
        match self.fastest[0].min(self.fastest[1]) {
            f64::MAX => Duration::ZERO,
            fastest => Duration::from_secs_f64(fastest.max(0.0)),
        }
    }

    /// Whether an answer that took so long came later than usual by more than `by`. On a slow network nothing is usual.
    pub(super) fn is_unusual(&self, took: Duration, by: Duration) -> bool {
        self.averaged > 0 && !is_slow(self.average()) && took > self.average() + by
    }
}

/// Whether answers take so long on average that requests arrive in bunches anyway.
pub(super) fn is_slow(average: Duration) -> bool {
    average.as_secs_f64() > SLOW
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn after(answers: impl IntoIterator<Item = u64>) -> Delays {
        let mut delays = Delays::unknown();
        answers.into_iter().for_each(|took| delays.add(ms(took)));
        delays
    }

    #[test]
    fn the_first_answers_count_alike_and_later_ones_a_little() {
        assert_eq!(after([]).average(), ms(0));
        assert_eq!(after([40]).average(), ms(40), "nobody waits for the average to come up to the first answer");
        assert_eq!(after([40, 20, 30]).average(), ms(30));
        assert_eq!(after([(); 100].map(|()| 30).into_iter().chain([62])).average(), ms(31));
    }

    #[test]
    fn the_fastest_is_that_of_late() {
        assert_eq!(after([]).fastest(), ms(0), "nothing is known");
        assert_eq!(after([30, 20, 25]).fastest(), ms(20));
        let later = |more: usize| after([20].into_iter().chain(std::iter::repeat_n(40, more))).fastest();
        assert_eq!(later(511), ms(20), "at least as many as are remembered");
        assert_eq!(later(512), ms(40), "a way that was longer since then is taken as it is");
    }

    #[test]
    fn who_gives_up_at_once_makes_nothing_faster() {
        let mut delays = after([40, 40]);
        delays.add_unanswered(ms(1));
        assert_eq!((delays.average(), delays.fastest()), (ms(40), ms(40)));
        delays.add_unanswered(ms(100));
        assert_eq!((delays.average(), delays.fastest()), (ms(60), ms(40)), "one that waited longer than that says so");
        let mut alone = after([]);
        alone.add_unanswered(ms(5));
        assert_eq!(alone.fastest(), ms(0), "no answer, nothing is known");
    }

    #[test]
    fn an_answer_is_unusual_where_others_are_quick() {
        let quick = after([10, 10]);
        assert!(!quick.is_unusual(ms(27), ms(17)));
        assert!(quick.is_unusual(ms(28), ms(17)));
        assert!(!after([]).is_unusual(ms(28), ms(17)), "the first is no later than others");
        assert!(!after([60]).is_unusual(ms(500), ms(17)), "a slow network has its own gap");
    }
}
