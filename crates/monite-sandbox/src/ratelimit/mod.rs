//! How many calls a second Monite takes from one partner, and how it counts them.

mod counter;

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use self::counter::Counter;

/// The limit of calls, token calls included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateLimit {
    /// At most so many calls a second, as [`RateAlgorithm`] counts them. Monite's default is 30.
    PerSecond(u32),
    /// No limit, and no rate-limit headers.
    Off,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self::PerSecond(30)
    }
}

impl FromStr for RateLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            return Ok(Self::Off);
        }
        match text.parse() {
            Ok(limit) if limit > 0 => Ok(Self::PerSecond(limit)),
            _ => Err("expected a number of calls per second, or off".to_owned()),
        }
    }
}

impl Serialize for RateLimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::PerSecond(limit) => serializer.serialize_u32(*limit),
            Self::Off => serializer.serialize_str("off"),
        }
    }
}

impl<'de> Deserialize<'de> for RateLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u32),
            Text(String),
        }
        let text = match Written::deserialize(deserializer) {
            Ok(Written::Number(number)) => number.to_string(),
            Ok(Written::Text(text)) => text,
            Err(_) => return Err(D::Error::custom("the limit is a number of calls per second, or \"off\"")),
        };
        text.parse().map_err(D::Error::custom)
    }
}

/// How calls are counted. Nobody outside knows how Monite does it, so a client has to stay clear of all four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum RateAlgorithm {
    /// Each second of the clock starts from zero; refused calls do not count
    #[default]
    FixedSecond,
    /// The calls of the last 1000 ms, to the microsecond; refused calls count, too
    SlidingLog,
    /// This second, and of the one before the share that the last 1000 ms still cover; refused calls count, too
    SlidingCounter,
    /// A full bucket holds one second's calls and refills evenly; refused calls take nothing
    TokenBucket,
}

impl fmt::Display for RateAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FixedSecond => "fixed-second",
            Self::SlidingLog => "sliding-log",
            Self::SlidingCounter => "sliding-counter",
            Self::TokenBucket => "token-bucket",
        })
    }
}

/// What the gateway says about one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// No limit is kept.
    Unlimited,
    Allowed(Quota),
    Refused(Quota),
}

/// Where the count stands after a call; what the headers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) limit: u32,
    /// Calls that would be let in at this moment.
    pub(crate) remaining: u32,
    /// Whole seconds until all of the limit is there again if nobody calls; at least one.
    pub(crate) reset: u32,
    /// Whole seconds until one more call would be let in if nobody calls before; at least one.
    pub(crate) retry_after: u32,
}

impl Quota {
    /// As after a refusal that nobody earned.
    pub(crate) fn pretended(limit: u32) -> Self {
        Self { limit, remaining: 0, reset: 1, retry_after: 1 }
    }
}

/// Keeps the limit.
#[derive(Debug)]
pub(crate) struct Meter {
    /// What `reset` goes back to.
    started_with: (RateLimit, RateAlgorithm),
    limit: RateLimit,
    algorithm: RateAlgorithm,
    counter: Counter,
    last: i64,
}

impl Meter {
    pub(crate) fn new(limit: RateLimit, algorithm: RateAlgorithm) -> Self {
        let started_with = (limit, algorithm);
        Self { started_with, limit, algorithm, counter: Counter::new(algorithm), last: i64::MIN }
    }

    /// Counts one call.
    pub(crate) fn count(&mut self, now: Timestamp) -> Verdict {
        let RateLimit::PerSecond(limit) = self.limit else {
            return Verdict::Unlimited;
        };
        let now = self.settle(now);
        let allowed = self.counter.take(limit, now);
        let quota = self.counter.quota(limit, now);
        if allowed { Verdict::Allowed(quota) } else { Verdict::Refused(quota) }
    }

    /// Where the count stands, without counting anything. `None` without a limit.
    pub(crate) fn quota(&mut self, now: Timestamp) -> Option<Quota> {
        let RateLimit::PerSecond(limit) = self.limit else {
            return None;
        };
        let now = self.settle(now);
        Some(self.counter.quota(limit, now))
    }

    /// Lets the time up to `now` pass. A clock that was set back starts the count afresh.
    fn settle(&mut self, now: Timestamp) -> i64 {
        let now = now.as_microsecond();
        if now < self.last {
            self.counter = Counter::new(self.algorithm);
        }
        self.last = now;
        if let RateLimit::PerSecond(limit) = self.limit {
            self.counter.settle(limit, now);
        }
        now
    }

    pub(crate) fn limit(&self) -> RateLimit {
        self.limit
    }

    pub(crate) fn algorithm(&self) -> RateAlgorithm {
        self.algorithm
    }

    /// Changes the limit, the way of counting, or both. The count starts afresh.
    pub(crate) fn change(&mut self, limit: RateLimit, algorithm: RateAlgorithm) {
        (self.limit, self.algorithm) = (limit, algorithm);
        self.counter = Counter::new(algorithm);
    }

    /// Back to how it started.
    pub(crate) fn reset(&mut self) {
        let (limit, algorithm) = self.started_with;
        self.change(limit, algorithm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_from_flags_and_from_json() {
        assert_eq!("off".parse(), Ok(RateLimit::Off));
        assert_eq!("5".parse(), Ok(RateLimit::PerSecond(5)));
        for bad in ["0", "-1", "", "many"] {
            assert!(bad.parse::<RateLimit>().is_err(), "{bad}");
        }
        for (json, limit) in [("30", RateLimit::PerSecond(30)), ("\"off\"", RateLimit::Off)] {
            assert_eq!(serde_json::from_str::<RateLimit>(json).unwrap(), limit);
            assert_eq!(serde_json::to_string(&limit).unwrap(), json);
        }
        for bad in ["0", "-1", "1.5", "\"on\"", "null", "true"] {
            assert!(serde_json::from_str::<RateLimit>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn one_algorithm_has_one_name_everywhere() {
        for algorithm in RateAlgorithm::value_variants() {
            let name = algorithm.to_string();
            assert_eq!(RateAlgorithm::from_str(&name, false), Ok(*algorithm), "the flag");
            assert_eq!(serde_json::to_value(algorithm).unwrap(), name, "JSON");
        }
    }

    #[test]
    fn a_change_starts_afresh_and_reset_goes_back_to_the_start() {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut meter = Meter::new(RateLimit::PerSecond(1), RateAlgorithm::SlidingLog);
        assert!(matches!(meter.count(now), Verdict::Allowed(_)));
        assert!(matches!(meter.count(now), Verdict::Refused(_)));
        meter.change(RateLimit::PerSecond(2), RateAlgorithm::TokenBucket);
        assert_eq!(meter.quota(now).map(|quota| quota.remaining), Some(2));
        meter.change(RateLimit::Off, RateAlgorithm::TokenBucket);
        assert_eq!((meter.count(now), meter.quota(now)), (Verdict::Unlimited, None));
        meter.reset();
        assert_eq!((meter.limit(), meter.algorithm()), (RateLimit::PerSecond(1), RateAlgorithm::SlidingLog));
    }
}
