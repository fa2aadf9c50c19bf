//! How many calls a second Monite takes from one partner.

use std::str::FromStr;

use jiff::Timestamp;

/// The limit of calls, counted in fixed seconds of the sandbox's clock, token calls included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateLimit {
    /// At most so many calls in each second. Monite's default is 30.
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

/// The second being counted.
#[derive(Debug)]
pub(crate) struct Window {
    limit: RateLimit,
    second: i64,
    used: u32,
}

/// What the gateway says about one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// No limit is kept.
    Unlimited,
    Allowed {
        limit: u32,
        remaining: u32,
    },
    /// Come back in the next second.
    Refused {
        limit: u32,
    },
}

/// Seconds until a fixed second is over, rounded up: always one.
pub(crate) const RESET_SECONDS: u32 = 1;

impl Window {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self { limit, second: i64::MIN, used: 0 }
    }

    /// Counts one call. Refused calls are not counted, as in the gateway Monite's headers come from.
    pub(crate) fn count(&mut self, now: Timestamp) -> Verdict {
        let RateLimit::PerSecond(limit) = self.limit else {
            return Verdict::Unlimited;
        };
        let second = now.as_second();
        if second != self.second {
            (self.second, self.used) = (second, 0);
        }
        if self.used >= limit {
            return Verdict::Refused { limit };
        }
        self.used += 1;
        Verdict::Allowed { limit, remaining: limit - self.used }
    }

    /// Calls a second, if there is a limit.
    pub(crate) fn limit(&self) -> Option<u32> {
        match self.limit {
            RateLimit::PerSecond(limit) => Some(limit),
            RateLimit::Off => None,
        }
    }

    pub(crate) fn reset(&mut self) {
        self.used = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_so_many_calls_and_the_next_starts_afresh() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let mut window = Window::new(RateLimit::PerSecond(2));
        let calls = [
            ("2026-01-01T00:00:00.900Z", Verdict::Allowed { limit: 2, remaining: 1 }),
            ("2026-01-01T00:00:00.950Z", Verdict::Allowed { limit: 2, remaining: 0 }),
            ("2026-01-01T00:00:00.999Z", Verdict::Refused { limit: 2 }),
            ("2026-01-01T00:00:01.000Z", Verdict::Allowed { limit: 2, remaining: 1 }),
        ];
        for (time, verdict) in calls {
            assert_eq!(window.count(at(time)), verdict, "{time}");
        }
        assert_eq!(Window::new(RateLimit::Off).count(at("2026-01-01T00:00:00Z")), Verdict::Unlimited);
    }

    #[test]
    fn limits_are_read_from_flags() {
        assert_eq!("off".parse(), Ok(RateLimit::Off));
        assert_eq!("5".parse(), Ok(RateLimit::PerSecond(5)));
        for bad in ["0", "-1", "", "many"] {
            assert!(bad.parse::<RateLimit>().is_err(), "{bad}");
        }
    }
}
