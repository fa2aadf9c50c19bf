//! Faults on demand: which calls they hit, how often, and what goes wrong then.

mod pattern;
mod wire;

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use self::pattern::parameters_as_stars;
pub(crate) use self::pattern::{glob_matches, method_matches};
use self::wire::FaultAction;
use crate::ratelimit::RateLimit;

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "FaultAction", into = "FaultAction")]
pub enum Fault {
    /// Answered with this status (200 to 599) in Monite's shape for it; not handled.
    Status {
        /// The status code.
        status: u16,
        /// Seconds for the `Retry-After` header, if it should be sent.
        retry_after: Option<u64>,
    },
    /// Waits, then handles the call. The call is handled even if the client hangs up meanwhile.
    Delay(Duration),
    /// Not handled; the connection is cut without any answer.
    CloseBefore,
    /// Handled and committed; then the connection is cut without any answer.
    LoseAnswer,
    /// Handled and committed; head and half of the body leave, then the connection is cut. An answer without a body
    /// (204) is whole.
    CutBody,
    /// Every token that is out expires; then the call is handled, and meets its own expired token.
    ExpireTokens,
    /// Handled and answered as ever, but for so long (by the sandbox's clock) reads show what was there before: lists
    /// without what was created, objects as they were before they were changed or deleted. What must be unique, and
    /// tokens, go by the truth at once.
    Stale(Duration),
    /// The limit of calls changes, from this call on; it is counted as before.
    RateLimit(RateLimit),
}

impl Fault {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::Delay(_) => "delay",
            Self::CloseBefore => "close before",
            Self::CutBody => "close middle",
            Self::LoseAnswer => "close after",
            Self::ExpireTokens => "expire tokens",
            Self::Stale(_) => "stale",
            Self::RateLimit(_) => "rate limit",
        }
    }
}

/// Which calls a fault hits, and how often. The first rule that matches and fires decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// `POST`, or alternatives `POST|PATCH`; `*` or nothing: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// A glob under `/v1`: `*` stands for any characters, also `/`. Nothing: any path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How likely a matching call is hit (0 to 1), drawn from `seed`. Nothing: every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// How often the rule may fire at most. Nothing: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Where the draws for `probability` start: same seed, same calls, same hits.
    #[serde(default)]
    pub seed: u64,
    /// How often the rule has fired.
    #[serde(default)]
    pub hits: u64,
    /// What happens.
    pub action: Fault,
}

impl FaultRule {
    /// Every call of `"METHOD /path"` is hit. Path parameters such as `{entity_id}` stand for anything; so does a
    /// missing path.
    pub fn new(call: &str, action: Fault) -> Self {
        let (method, path) = call.split_once(' ').unwrap_or((call, "*"));
        Self {
            method: Some(method.to_owned()),
            path: Some(parameters_as_stars(path.trim())),
            probability: None,
            times: None,
            seed: 0,
            hits: 0,
            action,
        }
    }

    /// Limits how often the rule fires.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Hits a share (0 to 1) of the matching calls, drawn from `seed`.
    #[must_use]
    pub fn probability(mut self, probability: f64, seed: u64) -> Self {
        self.probability = Some(probability);
        self.seed = seed;
        self
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        let methods = self.method.as_deref().unwrap_or("*");
        method_matches(methods, method) && self.path.as_deref().is_none_or(|glob| glob_matches(glob, path))
    }

    fn is_used_up(&self) -> bool {
        self.times.is_some_and(|times| self.hits >= times)
    }

    /// What is wrong with the rule, if anything.
    fn mistake(&self) -> Option<&'static str> {
        if self.probability.is_some_and(|probability| !(0.0..=1.0).contains(&probability)) {
            return Some("probability must be between 0 and 1");
        }
        matches!(self.action, Fault::Status { status, .. } if !(200..=599).contains(&status))
            .then_some("status must be between 200 and 599")
    }
}

/// The rules in force, in order.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<(FaultRule, StdRng)>,
}

impl Faults {
    /// Replaces all rules, or none if one of them makes no sense.
    pub(crate) fn replace(&mut self, rules: Vec<FaultRule>) -> Result<(), &'static str> {
        if let Some(mistake) = rules.iter().find_map(FaultRule::mistake) {
            return Err(mistake);
        }
        self.rules = rules.into_iter().map(seeded).collect();
        Ok(())
    }

    /// Adds a rule behind the others, if it makes sense.
    pub(crate) fn add_checked(&mut self, rule: FaultRule) -> Result<(), &'static str> {
        match rule.mistake() {
            Some(mistake) => Err(mistake),
            None => {
                self.add(rule);
                Ok(())
            }
        }
    }

    /// Adds a rule behind the others.
    pub(crate) fn add(&mut self, rule: FaultRule) {
        self.rules.push(seeded(rule));
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn rules(&self) -> Vec<FaultRule> {
        self.rules.iter().map(|(rule, _)| rule.clone()).collect()
    }

    /// What goes wrong with this call. Every matching rule before the one that fires draws, hit or not, so that a
    /// seed always means the same history.
    pub(crate) fn pick(&mut self, method: &str, path: &str) -> Option<Fault> {
        for (rule, rng) in &mut self.rules {
            if rule.is_used_up() || !rule.matches(method, path) {
                continue;
            }
            if rule.probability.is_none_or(|probability| rng.random_bool(probability.clamp(0.0, 1.0))) {
                rule.hits += 1;
                return Some(rule.action);
            }
        }
        None
    }
}

fn seeded(rule: FaultRule) -> (FaultRule, StdRng) {
    let rng = StdRng::seed_from_u64(rule.seed);
    (rule, rng)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_same_seed_hits_the_same_calls() {
        let history = |seed| {
            let mut faults = Faults::default();
            faults.add(FaultRule::new("POST|PATCH /entities*", Fault::CloseBefore).probability(0.3, seed));
            (0..200).map(|_| faults.pick("PATCH", "/entities/1").is_some()).collect::<Vec<_>>()
        };
        assert_eq!(history(1), history(1));
        assert_ne!(history(1), history(2));
        let hits = history(1).into_iter().filter(|hit| *hit).count();
        assert!((35..=85).contains(&hits), "{hits} of 200 at 0.3");
    }

    #[test]
    fn a_rule_stops_after_its_times_and_the_next_one_takes_over() {
        let mut faults = Faults::default();
        let busy = Fault::Status { status: 503, retry_after: None };
        faults.add(FaultRule::new("POST /roles", Fault::LoseAnswer).times(1));
        faults.add(FaultRule::new("*", busy));
        assert_eq!(faults.pick("GET", "/roles"), Some(busy));
        assert_eq!(faults.pick("POST", "/roles"), Some(Fault::LoseAnswer));
        assert_eq!(faults.pick("POST", "/roles"), Some(busy));
        assert_eq!(faults.rules().iter().map(|rule| rule.hits).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn rules_are_read_and_written_as_the_contract_says() {
        let document = json!([
            {"method": "POST|PATCH", "path": "/entities*", "probability": 0.1, "seed": 1, "hits": 0, "action": {"status": 429, "retry_after": 1}},
            {"times": 3, "seed": 0, "hits": 0, "action": {"delay_ms": 50}},
            {"seed": 0, "hits": 0, "action": {"close": "before"}},
            {"seed": 0, "hits": 0, "action": {"close": "after"}},
            {"seed": 0, "hits": 0, "action": {"expire_tokens": true}},
            {"seed": 0, "hits": 0, "action": {"close": "middle"}},
            {"seed": 0, "hits": 0, "action": {"stale_ms": 500}},
            {"seed": 0, "hits": 0, "action": {"rate_limit": 5}},
            {"seed": 0, "hits": 0, "action": {"rate_limit": "off"}},
        ]);
        let rules: Vec<FaultRule> = serde_json::from_value(document.clone()).unwrap();
        assert_eq!(serde_json::to_value(&rules).unwrap(), document);
        for bad in [
            json!({"action": {}}),
            json!({"action": {"status": 500, "delay_ms": 1}}),
            json!({"action": {"delay_ms": 1, "retry_after": 1}}),
            json!({"action": {"stale_ms": 1, "expire_tokens": false}}),
            json!({"action": {"rate_limit": 0}}),
            json!({"action": {"expire_tokens": false}}),
            json!({"action": {"close": "sideways"}}),
            json!({"action": {"delay_ms": 1}, "paths": "/x"}),
            json!({}),
        ] {
            assert!(serde_json::from_value::<FaultRule>(bad.clone()).is_err(), "{bad}");
        }
        let mut faults = Faults::default();
        assert!(faults.replace(vec![FaultRule::new("*", Fault::CloseBefore).probability(1.5, 0)]).is_err());
        assert!(faults.replace(vec![FaultRule::new("*", Fault::Status { status: 99, retry_after: None })]).is_err());
    }
}
