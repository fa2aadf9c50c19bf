//! When Monite counts as down, and who finds out that it is back. Pure.
//!
//! It is down when calls about several things fail in a row with no answer in between that shows the contrary: an entity on which
//! every call fails is that entity's trouble. Then nothing goes out but one probe at a time, further and further apart.

use std::time::Duration;

use jiff::Timestamp;
use monite::TransportKind;
use monite::gate::{Ending, Pass, Subject};

/// Failures in a row, each about something else, that open the breaker. Fewer, and two broken entities of a quiet installation
/// would do it; more, and an outage would cost more calls than it has to.
const OPENS_AT: usize = 3;

/// The first probe comes about this long after the breaker opened, each further one after twice as long.
const FIRST_PROBE: Duration = Duration::from_secs(1);

/// No two probes are further apart: an outage that ends is noticed within half a minute.
const LONGEST: Duration = Duration::from_secs(30);

/// A breaker that opens again so soon after it closed goes on with longer waits: what answers a probe and nothing else is
/// not back.
const RELAPSE: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug, Default)]
pub struct Breaker {
    /// What failed in a row while it was closed.
    failing: Vec<Subject>,
    first_failure: Option<Timestamp>,
    open: Option<Open>,
    /// Probes that failed in the last outage, and when that ended.
    last: Option<(u32, Timestamp)>,
}

/// Monite does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    /// Since then.
    pub since: Timestamp,
    /// No call goes out before.
    pub next_probe: Timestamp,
    failed_probes: u32,
    probing: bool,
}

impl Open {
    /// Whether a call now would be the probe.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        !self.probing && self.next_probe <= now
    }
}

/// What a call's end means for the breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    /// Nothing new.
    Nothing,
    /// Monite counts as down from now on.
    Opened,
    /// It answers again.
    Closed,
}

impl Breaker {
    /// The outage that is on.
    #[must_use]
    pub fn open(&self) -> Option<Open> {
        self.open
    }

    /// A call wants to go out.
    ///
    /// # Errors
    /// The outage that holds it back.
    pub fn enter(&mut self, now: Timestamp) -> Result<Pass, Open> {
        match &mut self.open {
            None => Ok(Pass::Ordinary),
            Some(open) if open.is_due(now) => {
                open.probing = true;
                Ok(Pass::Probe)
            }
            Some(open) => Err(*open),
        }
    }

    /// A call ended. `jitter` in `0.0..1.0`.
    pub fn left(&mut self, pass: Pass, about: Subject, ending: Ending, now: Timestamp, jitter: f64) -> Turned {
        if let (Pass::Probe, Some(open)) = (pass, &mut self.open) {
            open.probing = false;
        }
        match meaning(ending) {
            Meaning::Answers => self.close(now),
            Meaning::Nothing => Turned::Nothing,
            Meaning::Fails { whatever } => match &mut self.open {
                Some(open) if pass == Pass::Probe => {
                    open.failed_probes = open.failed_probes.saturating_add(1);
                    open.next_probe = now + wait(open.failed_probes, jitter);
                    Turned::Nothing
                }
                Some(_) => Turned::Nothing,
                None => self.failed(about, whatever, now, jitter),
            },
        }
    }

    fn failed(&mut self, about: Subject, whatever: bool, now: Timestamp, jitter: f64) -> Turned {
        let since = *self.first_failure.get_or_insert(now);
        if whatever || about == Subject::Everything || !self.failing.contains(&about) {
            self.failing.push(about);
        }
        if self.failing.len() < OPENS_AT {
            return Turned::Nothing;
        }
        let failed_probes = self.last.filter(|(_, ended)| now < *ended + RELAPSE).map_or(0, |(probes, _)| probes + 1);
        self.open = Some(Open { since, next_probe: now + wait(failed_probes, jitter), failed_probes, probing: false });
        self.forgive();
        Turned::Opened
    }

    fn close(&mut self, now: Timestamp) -> Turned {
        self.forgive();
        match self.open.take() {
            Some(open) => {
                self.last = Some((open.failed_probes, now));
                Turned::Closed
            }
            None => Turned::Nothing,
        }
    }

    fn forgive(&mut self) {
        self.failing.clear();
        self.first_failure = None;
    }
}

enum Meaning {
    Answers,
    /// `whatever`: it would have failed whatever it was about.
    Fails {
        whatever: bool,
    },
    Nothing,
}

/// A refusal, whatever its status, is an answer: Monite is there. What is between us and it says 502, 503 and 504.
fn meaning(ending: Ending) -> Meaning {
    match ending {
        Ending::Answered(500..=599) => Meaning::Fails { whatever: false },
        Ending::Answered(_) => Meaning::Answers,
        Ending::Lost(TransportKind::Connect) => Meaning::Fails { whatever: true },
        Ending::Lost(TransportKind::Held) | Ending::Cancelled => Meaning::Nothing,
        Ending::Lost(_) => Meaning::Fails { whatever: false },
    }
}

/// Between half and all of what doubles with every probe that failed, in whole microseconds like all time here.
fn wait(failed_probes: u32, jitter: f64) -> Duration {
    let full = FIRST_PROBE.saturating_mul(1 << failed_probes.min(10)).min(LONGEST);
    Duration::from_micros((full.as_micros() as f64 * (0.5 + 0.5 * jitter)) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    /// Calls in a row, such as `a500 b- c200`: about whom, and the status, `-` a lost answer, `x` no connection, `?` cancelled;
    /// `*` is the partner's token.
    fn after(calls: &str) -> Breaker {
        let mut breaker = Breaker::default();
        for (second, call) in (0..).zip(calls.split_whitespace()) {
            let (about, ending) = call.split_at(1);
            let ending = match ending {
                "-" => Ending::Lost(TransportKind::Timeout),
                "x" => Ending::Lost(TransportKind::Connect),
                "?" => Ending::Cancelled,
                status => Ending::Answered(status.parse().unwrap()),
            };
            let about = match about {
                "*" => Subject::Everything,
                name => Subject::Thing(u64::from(name.as_bytes()[0])),
            };
            breaker.left(Pass::Ordinary, about, ending, at(second), 1.0);
        }
        breaker
    }

    #[test]
    fn only_failures_about_several_things_in_a_row_open_it() {
        for (calls, opens) in [
            ("a500 b500 c500", true),
            ("a503 b- c502", true),
            ("ax ax ax", true),
            ("*503 *503 *503", true),
            ("a500 b500", false),
            ("a500 a500 a500 a500 a500", false),
            ("a- a- a- a-", false),
            ("a500 b500 d200 c500", false),
            ("a500 b500 d404 c500", false),
            ("a500 b500 d? c500", true),
            ("a401 b401 c401 d401", false),
            ("a403 b403 c403", false),
            ("a400 b422 c409", false),
            ("a429 b429 c429", false),
        ] {
            assert_eq!(after(calls).open().is_some(), opens, "{calls}");
        }
        assert_eq!(after("a200 b500 c500 d500").open().unwrap().since, at(1), "since the first failure");
    }

    #[test]
    fn one_probe_at_a_time_further_and_further_apart() {
        let mut breaker = after("ax bx cx");
        let mut now = at(2);
        let mut waits = Vec::new();
        for _ in 0..8 {
            let open = breaker.open().unwrap();
            waits.push(open.next_probe.duration_since(now).as_secs());
            assert_eq!(breaker.enter(open.next_probe - Duration::from_micros(1)), Err(open), "too early");
            now = open.next_probe;
            assert_eq!(breaker.enter(now), Ok(Pass::Probe));
            assert!(breaker.enter(now + LONGEST).is_err(), "one at a time");
            breaker.left(Pass::Probe, Subject::Thing(1), Ending::Answered(503), now, 1.0);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(wait(20, 0.0), LONGEST / 2, "jitter takes up to half away");
    }

    #[test]
    fn an_answer_ends_it_and_a_relapse_goes_on_where_it_was() {
        let mut breaker = after("ax bx cx");
        let probe = |breaker: &mut Breaker, ending| {
            let now = breaker.open().unwrap().next_probe;
            assert_eq!(breaker.enter(now), Ok(Pass::Probe));
            (breaker.left(Pass::Probe, Subject::Thing(1), ending, now, 1.0), now)
        };
        probe(&mut breaker, Ending::Answered(503));
        probe(&mut breaker, Ending::Answered(503));
        let (turned, now) = probe(&mut breaker, Ending::Answered(401));
        assert_eq!((turned, breaker.open()), (Turned::Closed, None));
        let relapse = |breaker: &mut Breaker, now| {
            let fails = |about| (Pass::Ordinary, Subject::Thing(about), Ending::Answered(500));
            for (pass, about, ending) in [fails(1), fails(2), fails(3)] {
                breaker.left(pass, about, ending, now, 1.0);
            }
            breaker.open().unwrap().next_probe.duration_since(now).as_secs()
        };
        assert_eq!(relapse(&mut breaker, now + Duration::from_secs(59)), 8);
        breaker.close(now);
        assert_eq!(relapse(&mut breaker, now + Duration::from_secs(61)), 1);
    }

    #[test]
    fn a_probe_whose_caller_went_away_leaves_its_place_to_another() {
        let mut breaker = after("ax bx cx");
        let now = breaker.open().unwrap().next_probe;
        assert_eq!(breaker.enter(now), Ok(Pass::Probe));
        breaker.left(Pass::Probe, Subject::Thing(1), Ending::Cancelled, now, 1.0);
        assert_eq!(breaker.enter(now), Ok(Pass::Probe));
    }
}
