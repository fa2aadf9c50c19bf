//! A fault as JSON.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Fault;
use crate::ratelimit::RateLimit;

/// [`Fault`] as JSON: exactly one kind of key.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultAction {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    close: Option<Close>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expire_tokens: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stale_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rate_limit: Option<RateLimit>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Close {
    Before,
    Middle,
    After,
}

impl TryFrom<FaultAction> for Fault {
    type Error = &'static str;

    fn try_from(action: FaultAction) -> Result<Self, Self::Error> {
        let FaultAction { status, retry_after, delay_ms, close, expire_tokens, stale_ms, rate_limit } = action;
        let sense = expire_tokens != Some(false) && (retry_after.is_none() || status.is_some());
        let kinds = [
            status.map(|status| Self::Status { status, retry_after }),
            delay_ms.map(|ms| Self::Delay(Duration::from_millis(ms))),
            close.map(|close| match close {
                Close::Before => Self::CloseBefore,
                Close::Middle => Self::CutBody,
                Close::After => Self::LoseAnswer,
            }),
            expire_tokens.map(|_| Self::ExpireTokens),
            stale_ms.map(|ms| Self::Stale(Duration::from_millis(ms))),
            rate_limit.map(Self::RateLimit),
        ];
        let mut kinds = kinds.into_iter().flatten();
        match (kinds.next(), kinds.next()) {
            (Some(fault), None) if sense => Ok(fault),
            _ => Err("an action is one of status (with retry_after), delay_ms, close, expire_tokens: true, stale_ms, \
                 rate_limit"),
        }
    }
}

impl From<Fault> for FaultAction {
    fn from(fault: Fault) -> Self {
        let none = Self::default();
        match fault {
            Fault::Status { status, retry_after } => Self { status: Some(status), retry_after, ..none },
            Fault::Delay(delay) => Self { delay_ms: Some(millis(delay)), ..none },
            Fault::CloseBefore => Self { close: Some(Close::Before), ..none },
            Fault::CutBody => Self { close: Some(Close::Middle), ..none },
            Fault::LoseAnswer => Self { close: Some(Close::After), ..none },
            Fault::ExpireTokens => Self { expire_tokens: Some(true), ..none },
            Fault::Stale(time) => Self { stale_ms: Some(millis(time)), ..none },
            Fault::RateLimit(limit) => Self { rate_limit: Some(limit), ..none },
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
