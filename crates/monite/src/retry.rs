//! The pure decision "again, and when?". The loop that obeys it is in `wire.rs`.

use std::time::Duration;

use crate::error::Error;

/// Longest wait a server's `Retry-After` can order. Longer ones are for the caller to plan, not to sit through.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

/// How often and how fast to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// All tries together, the first one included; 1 means never again.
    pub max_attempts: u32,
    /// The first wait is random between zero and this, each further one between zero and twice as much.
    pub base: Duration,
    /// No wait is longer, unless Monite asks for it.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    /// Four tries within about five seconds: longer outages belong to whoever plans the work.
    fn default() -> Self {
        Self { max_attempts: 4, base: Duration::from_millis(500), cap: Duration::from_secs(10) }
    }
}

impl RetryPolicy {
    /// Every call once.
    pub const fn never() -> Self {
        Self { max_attempts: 1, base: Duration::ZERO, cap: Duration::ZERO }
    }
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Tell the caller.
    GiveUp,
    /// Wait so long, then send it again.
    Again {
        /// The wait.
        after: Duration,
    },
}

/// Decides after try number `attempt` (the first is 1). `chance` is a random number in `0..1`.
///
/// A create whose answer was lost is never sent again: it may have worked, and a second one would be a duplicate.
pub fn decide(policy: &RetryPolicy, attempt: u32, error: &Error, repeatable: bool, chance: f64) -> Decision {
    let harmless = repeatable || !error.may_have_applied();
    // What is held back is held back for longer than anybody should wait here.
    if attempt >= policy.max_attempts || !error.is_retryable() || !harmless || error.is_held() {
        return Decision::GiveUp;
    }
    match error.retry_after() {
        Some(asked) if asked > MAX_RETRY_AFTER => Decision::GiveUp,
        Some(asked) => Decision::Again { after: asked },
        None => Decision::Again { after: backoff(policy, attempt).mul_f64(chance.clamp(0.0, 1.0)) },
    }
}

/// Full jitter needs only the upper end of the wait.
fn backoff(policy: &RetryPolicy, attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(20);
    policy.base.saturating_mul(1 << doublings).min(policy.cap)
}

/// Keeps retries to a share of the calls, so that an outage is not amplified: each first try earns a tenth of a
/// retry, and a small reserve lets a quiet client ride out a short disturbance.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    tenths: u32,
}

/// The reserve, in tenths of a retry; also the most that can be saved up.
const RESERVE_TENTHS: u32 = 100;

impl RetryBudget {
    pub(crate) fn full() -> Self {
        Self { tenths: RESERVE_TENTHS }
    }

    /// A first try earns.
    pub(crate) fn earn(&mut self) {
        self.tenths = (self.tenths + 1).min(RESERVE_TENTHS);
    }

    /// A retry spends; `false` when there is nothing left.
    pub(crate) fn spend(&mut self) -> bool {
        let affordable = self.tenths >= 10;
        if affordable {
            self.tenths -= 10;
        }
        affordable
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::transport::TransportKind;

    fn api(status: u16, retry_after: Option<u64>) -> Error {
        Error::Api {
            operation: "test",
            status,
            message: String::new(),
            fields: Vec::new(),
            request_id: None,
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    fn transport(kind: TransportKind) -> Error {
        Error::Transport { operation: "test", kind, source: Arc::new(std::io::Error::other("x")) }
    }

    #[test]
    fn again_only_where_it_can_help_and_cannot_harm() {
        // error, again when repeatable, again when not
        let table = [
            (transport(TransportKind::Connect), true, true),
            (transport(TransportKind::Timeout), true, false),
            (transport(TransportKind::Cut), true, false),
            (transport(TransportKind::Other), true, false),
            (transport(TransportKind::Held), false, false),
            (api(429, Some(1)), true, true),
            (api(429, Some(31)), false, false),
            (api(408, None), true, false),
            (api(500, None), true, false),
            (api(503, Some(2)), true, false),
            (api(400, None), false, false),
            (api(401, None), false, false),
            (api(403, None), false, false),
            (api(404, None), false, false),
            (api(409, None), false, false),
            (api(422, None), false, false),
        ];
        for (error, repeatable, create) in table {
            let again = |safe| decide(&RetryPolicy::default(), 1, &error, safe, 0.5) != Decision::GiveUp;
            assert_eq!(again(true), repeatable, "repeatable after {error}");
            assert_eq!(again(false), create, "create after {error}");
        }
    }

    #[test]
    fn waits_grow_are_capped_and_obey_retry_after() {
        let policy = RetryPolicy { max_attempts: 9, base: Duration::from_millis(500), cap: Duration::from_secs(3) };
        let wait = |attempt, error: &Error, chance| match decide(&policy, attempt, error, true, chance) {
            Decision::Again { after } => after.as_millis(),
            Decision::GiveUp => panic!("gave up"),
        };
        let outage = api(503, None);
        assert_eq!([1, 2, 3, 4, 5].map(|n| wait(n, &outage, 1.0)), [500, 1000, 2000, 3000, 3000]);
        assert_eq!(wait(3, &outage, 0.25), 500);
        assert_eq!(wait(1, &api(429, Some(7)), 0.0), 7000);
        assert_eq!(decide(&policy, 9, &outage, true, 0.5), Decision::GiveUp);
    }

    #[test]
    fn an_outage_is_not_amplified_by_more_than_a_tenth() {
        let mut budget = RetryBudget::full();
        let mut retries = 0;
        for _call in 0..1000 {
            budget.earn();
            while budget.spend() {
                retries += 1;
            }
        }
        assert!((100..=110).contains(&retries), "{retries} retries for 1000 calls");
    }
}
