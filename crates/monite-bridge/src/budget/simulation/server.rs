//! The four ways in which a server may count. Written anew and not shared with the sandbox: two that agree prove more.

use std::collections::VecDeque;

use super::{Micros, SECOND};

pub(super) struct Server {
    limit: u32,
    counter: Counting,
}

enum Counting {
    FixedSecond { second: Micros, count: u32 },
    SlidingLog { log: VecDeque<Micros> },
    SlidingCounter { second: Micros, before: f64, count: f64 },
    TokenBucket { tokens: f64, at: Micros },
}

pub(super) const KINDS: [&str; 4] = ["fixed second", "sliding log", "sliding counter", "token bucket"];

impl Server {
    pub(super) fn new(kind: &str, limit: u32) -> Self {
        let counter = match kind {
            "fixed second" => Counting::FixedSecond { second: 0, count: 0 },
            "sliding log" => Counting::SlidingLog { log: VecDeque::new() },
            "sliding counter" => Counting::SlidingCounter { second: 0, before: 0.0, count: 0.0 },
            "token bucket" => Counting::TokenBucket { tokens: limit.into(), at: 0 },
            other => panic!("no such server: {other}"),
        };
        Self { limit, counter }
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    pub(super) fn lower_to(&mut self, limit: u32) {
        self.limit = limit;
    }

    /// Whether a call at this time is let in, and how many more would be at this moment.
    pub(super) fn call(&mut self, now: Micros) -> (bool, u32) {
        let limit = f64::from(self.limit);
        let left = match &mut self.counter {
            Counting::FixedSecond { second, count } => {
                if now / SECOND != *second {
                    (*second, *count) = (now / SECOND, 0);
                }
                *count += 1;
                limit - f64::from(*count)
            }
            Counting::SlidingLog { log } => {
                while log.front().is_some_and(|at| *at <= now - SECOND) {
                    log.pop_front();
                }
                log.push_back(now);
                limit - log.len() as f64
            }
            Counting::SlidingCounter { second, before, count } => {
                let current = now / SECOND;
                if current != *second {
                    *before = if current == *second + 1 { *count } else { 0.0 };
                    (*second, *count) = (current, 0.0);
                }
                *count += 1.0;
                limit - *before * (1.0 - (now % SECOND) as f64 / SECOND as f64) - *count
            }
            Counting::TokenBucket { tokens, at } => {
                *tokens = (*tokens + (now - *at) as f64 / SECOND as f64 * limit).min(limit);
                *at = now;
                if *tokens >= 1.0 {
                    *tokens -= 1.0;
                    *tokens
                } else {
                    -1.0
                }
            }
        };
        (left >= 0.0, left.max(0.0) as u32)
    }
}
