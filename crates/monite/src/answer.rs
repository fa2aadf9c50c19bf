//! Monite's answers: what the headers say, and the three shapes an error can have.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::RETRY_AFTER;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::clock::until;
use crate::error::{Error, FieldError};
use crate::id::RequestId;
use crate::limit::RateSignal;

/// Monite's number for the request.
const REQUEST_ID_HEADER: &str = "x-request-id";

/// Most of an error's text that is kept.
const MAX_MESSAGE_CHARS: usize = 500;

/// A larger number of seconds in `RateLimit-Reset` is a point in time: Monite's documents say both.
const EPOCH_FROM: u64 = 1_000_000;

/// A successful answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) operation: &'static str,
    pub(crate) status: u16,
    pub(crate) request_id: Option<RequestId>,
    pub(crate) sent_at: Timestamp,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| self.unreadable(error))
    }

    /// Reads an answer that holds a secret. The parser's own words can quote what it read: only the place is told.
    pub(crate) fn secret_json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let place = format!("not the answer expected (line {}, column {})", error.line(), error.column());
            self.unreadable(std::io::Error::other(place))
        })
    }

    pub(crate) fn unreadable(&self, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        Error::Decode {
            operation: self.operation,
            request_id: self.request_id.clone(),
            status: self.status,
            source: Arc::new(source),
        }
    }
}

/// Monite's number for the request, if it gave one.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<RequestId> {
    headers.get(REQUEST_ID_HEADER)?.to_str().ok().map(RequestId::new)
}

/// What an answer says about the rate limit.
pub(crate) fn rate_signal(status: u16, headers: &HeaderMap, now: Timestamp) -> RateSignal {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let small = |name: &str| number(name).and_then(|value| u32::try_from(value).ok());
    RateSignal {
        status,
        retry_after: retry_after(headers, now),
        limit: small("ratelimit-limit").or_else(|| small("x-ratelimit-limit-second")),
        remaining: small("ratelimit-remaining").or_else(|| small("x-ratelimit-remaining-second")),
        reset: number("ratelimit-reset").map(|reset| seconds_or_epoch(reset, now)),
    }
}

fn seconds_or_epoch(value: u64, now: Timestamp) -> Duration {
    if value <= EPOCH_FROM {
        return Duration::from_secs(value);
    }
    let at = i64::try_from(value).ok().and_then(|secs| Timestamp::from_second(secs).ok());
    at.map_or(Duration::ZERO, |at| until(now, at))
}

/// `Retry-After`: seconds or an HTTP date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(seconds_or_epoch(seconds, now));
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(until(now, at))
}

/// Turns a refusal into an error. Shapes are told apart by looking, not by status.
pub(crate) fn refusal(
    operation: &'static str, status: u16, headers: &HeaderMap, body: &[u8], now: Timestamp, secrets: &[&SecretString],
) -> Error {
    let (message, fields) = words(status, body);
    let clean = |text: &str| cut(&redact(text, secrets));
    let fields = fields
        .into_iter()
        .map(|field| FieldError {
            path: field.path.iter().map(|step| clean(step)).collect(),
            message: clean(&field.message),
            kind: clean(&field.kind),
        })
        .collect();
    let (message, request_id, retry_after) = (clean(&message), request_id(headers), retry_after(headers, now));
    Error::Api { operation, status, message, fields, request_id, retry_after }
}

#[derive(Deserialize)]
struct Envelope {
    error: Option<Value>,
    detail: Option<Value>,
    message: Option<String>,
}

/// Business `{"error":{"message"}}`, validation `{"detail":[{"loc","msg","type"}]}`, gateway `{"message"}`;
/// anything else, such as a proxy's page, as raw text.
fn words(status: u16, body: &[u8]) -> (String, Vec<FieldError>) {
    if let Ok(envelope) = serde_json::from_slice::<Envelope>(body) {
        if let Some(message) = envelope.error.as_ref().and_then(error_message) {
            return (message, Vec::new());
        }
        match envelope.detail {
            Some(Value::Array(items)) => return validation(&items),
            Some(Value::String(text)) => return (text, Vec::new()),
            _ => {}
        }
        if let Some(message) = envelope.message {
            return (message, Vec::new());
        }
    }
    let text = String::from_utf8_lossy(body).trim().to_owned();
    let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    (if text.is_empty() { reason.unwrap_or("no text").to_owned() } else { text }, Vec::new())
}

fn error_message(error: &Value) -> Option<String> {
    error.get("message").unwrap_or(error).as_str().map(str::to_owned)
}

fn validation(items: &[Value]) -> (String, Vec<FieldError>) {
    let text = |item: &Value, key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let fields: Vec<FieldError> = items
        .iter()
        .map(|item| FieldError { path: location(item), message: text(item, "msg"), kind: text(item, "type") })
        .collect();
    let message = fields.iter().map(|field| format!("{}: {}", field.dotted(), field.message));
    (message.collect::<Vec<_>>().join("; "), fields)
}

fn location(item: &Value) -> Vec<String> {
    let steps = item.get("loc").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    steps.iter().map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned)).collect()
}

/// A server or proxy may send our own request back to us.
fn redact(text: &str, secrets: &[&SecretString]) -> String {
    secrets
        .iter()
        .map(|secret| secret.expose_secret())
        .filter(|secret| !secret.is_empty())
        .fold(text.to_owned(), |text, secret| text.replace(secret, "[redacted]"))
}

/// One line of bounded length, so that a proxy's page can neither fill nor forge a log.
fn cut(text: &str) -> String {
    let mut line: String =
        text.chars().take(MAX_MESSAGE_CHARS).map(|char| if char.is_control() { ' ' } else { char }).collect();
    if text.chars().nth(MAX_MESSAGE_CHARS).is_some() {
        line.push('…');
    }
    line
}
