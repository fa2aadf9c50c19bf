//! A fault as JSON.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Fault;

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
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Close {
    Before,
    After,
}

impl TryFrom<FaultAction> for Fault {
    type Error = &'static str;

    fn try_from(action: FaultAction) -> Result<Self, Self::Error> {
        match action {
            FaultAction { status: Some(status), retry_after, delay_ms: None, close: None, expire_tokens: None } => {
                Ok(Self::Status { status, retry_after })
            }
            FaultAction { delay_ms: Some(ms), status: None, retry_after: None, close: None, expire_tokens: None } => {
                Ok(Self::Delay(Duration::from_millis(ms)))
            }
            FaultAction {
                close: Some(close),
                status: None,
                retry_after: None,
                delay_ms: None,
                expire_tokens: None,
            } => Ok(match close {
                Close::Before => Self::CloseBefore,
                Close::After => Self::LoseAnswer,
            }),
            FaultAction { expire_tokens: Some(true), status: None, retry_after: None, delay_ms: None, close: None } => {
                Ok(Self::ExpireTokens)
            }
            _ => Err("an action is one of status (with retry_after), delay_ms, close, expire_tokens: true"),
        }
    }
}

impl From<Fault> for FaultAction {
    fn from(fault: Fault) -> Self {
        let none = Self::default();
        match fault {
            Fault::Status { status, retry_after } => Self { status: Some(status), retry_after, ..none },
            Fault::Delay(delay) => {
                Self { delay_ms: Some(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)), ..none }
            }
            Fault::CloseBefore => Self { close: Some(Close::Before), ..none },
            Fault::LoseAnswer => Self { close: Some(Close::After), ..none },
            Fault::ExpireTokens => Self { expire_tokens: Some(true), ..none },
        }
    }
}
