//! Every request received: the latest ones in full, all of them counted. Secrets never get in.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use http::Method;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::id::IdSource;

/// How many requests are remembered in full.
const REMEMBERED: usize = 10_000;

/// Keys whose values are secrets, wherever they stand.
const SECRETS: [&str; 5] = ["client_secret", "access_token", "token", "secret", "password"];

/// One request as it was received, and what became of it.
#[derive(Debug, Clone, Serialize)]
pub struct JournalEntry {
    /// When it was handled, by the sandbox's clock.
    pub at: Timestamp,
    /// How long it took by the sandbox's clock, in milliseconds, a fault's delay included.
    pub ms: f64,
    /// The HTTP method.
    pub method: String,
    /// The path under `/v1`.
    pub path: String,
    /// The query string as sent.
    pub query: Option<String>,
    /// The status of the answer; `None` when the connection was cut instead.
    pub status: Option<u16>,
    /// The id in `x-request-id`.
    pub request_id: Uuid,
    /// `x-monite-entity-id` as sent.
    pub entity_id: Option<String>,
    /// The body, secrets replaced by `[redacted]`; `None` without a body or when it was not JSON.
    pub body: Option<Value>,
    /// The fault that hit the request, if one did.
    pub fault: Option<String>,
}

/// An entry as it is kept; the rest is worked out when somebody reads it.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) at: Timestamp,
    pub(crate) took_micros: i64,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) request_id: Uuid,
    pub(crate) entity_id: Option<String>,
    pub(crate) body: Recorded,
    pub(crate) fault: Option<&'static str>,
}

/// A request body without secrets.
#[derive(Debug)]
pub(crate) enum Recorded {
    Nothing,
    /// As sent: it holds none of the words in [`SECRETS`].
    Verbatim(Bytes),
    Redacted(Value),
}

impl Recorded {
    pub(crate) fn of(body: &[u8]) -> Self {
        if body.is_empty() {
            return Self::Nothing;
        }
        if !mentions_secrets(body) {
            // A copy, since the original is a slice of the connection's whole buffer.
            return Self::Verbatim(Bytes::copy_from_slice(body));
        }
        match serde_json::from_slice(body) {
            Ok(mut value) => {
                redact(&mut value);
                Self::Redacted(value)
            }
            Err(_) => Self::Nothing,
        }
    }

    fn read(&self) -> Option<Value> {
        match self {
            Self::Nothing => None,
            Self::Verbatim(body) => serde_json::from_slice(body).ok(),
            Self::Redacted(value) => Some(value.clone()),
        }
    }
}

/// Could one of the secret keys be in there? Escapes (`\u0074oken`) and broken UTF-8 count as yes.
fn mentions_secrets(body: &[u8]) -> bool {
    let words = ["secret", "token", "password", "\\u"];
    std::str::from_utf8(body).map_or(true, |body| words.into_iter().any(|word| body.contains(word)))
}

/// Secrets do not belong into a query string; some are sent there all the same.
fn redact_query(query: &str) -> String {
    let pair = |pair: &str| match pair.split_once('=') {
        Some((key, _)) if SECRETS.contains(&key) => format!("{key}=[redacted]"),
        _ => pair.to_owned(),
    };
    query.split('&').map(pair).collect::<Vec<_>>().join("&")
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                if SECRETS.contains(&key.as_str()) {
                    *value = Value::from("[redacted]");
                } else {
                    redact(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        _ => {}
    }
}

/// The requests and their counts.
pub(crate) struct Journal {
    ids: IdSource,
    entries: VecDeque<Kept>,
    counts: HashMap<(&'static str, &'static str), u64>,
    by_status: HashMap<Option<u16>, u64>,
    total: u64,
}

impl Journal {
    pub(crate) fn new(ids: IdSource) -> Self {
        Self { ids, entries: VecDeque::new(), counts: HashMap::new(), by_status: HashMap::new(), total: 0 }
    }

    /// Counts a request that just came in and gives it its id.
    pub(crate) fn arrive(&mut self, method: &'static str, template: &'static str) -> Uuid {
        self.total += 1;
        *self.counts.entry((method, template)).or_default() += 1;
        self.ids.uuid()
    }

    /// Remembers how a request ended, before the answer goes out.
    pub(crate) fn finish(&mut self, entry: Kept) {
        *self.by_status.entry(entry.status).or_default() += 1;
        if self.entries.len() == REMEMBERED {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    /// As they are kept, oldest first.
    pub(crate) fn kept(&self) -> impl DoubleEndedIterator<Item = &Kept> {
        self.entries.iter()
    }

    /// Oldest first.
    pub(crate) fn entries(&self) -> impl DoubleEndedIterator<Item = JournalEntry> {
        self.entries.iter().map(Kept::read)
    }

    /// How often `"METHOD /template"` was called.
    pub(crate) fn calls(&self, call: &str) -> u64 {
        let matching = self.counts.iter().filter(|((method, template), _)| {
            call.split_once(' ').is_some_and(|(one, other)| one == *method && other == *template)
        });
        matching.map(|(_, count)| count).sum()
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn counts(&self) -> impl Iterator<Item = (String, u64)> {
        self.counts.iter().map(|((method, template), count)| (format!("{method} {template}"), *count))
    }

    pub(crate) fn by_status(&self) -> impl Iterator<Item = (String, u64)> {
        let name = |status: &Option<u16>| status.map_or_else(|| "cut".to_owned(), |status| status.to_string());
        self.by_status.iter().map(move |(status, count)| (name(status), *count))
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.counts.clear();
        self.by_status.clear();
        self.total = 0;
    }
}

impl Kept {
    pub(crate) fn read(&self) -> JournalEntry {
        JournalEntry {
            at: self.at,
            ms: f64::from(u32::try_from(self.took_micros).unwrap_or(u32::MAX)) / 1000.0,
            method: self.method.to_string(),
            path: self.path.clone(),
            query: self.query.as_deref().map(redact_query),
            status: self.status,
            request_id: self.request_id,
            entity_id: self.entity_id.clone(),
            body: self.body.read(),
            fault: self.fault.map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_redacted_however_they_are_written() {
        for (sent, kept) in [
            (
                r#"{"client_id":"a","client_secret":"s3"}"#,
                Some(json!({"client_id": "a", "client_secret": "[redacted]"})),
            ),
            (r#"{"a":[{"token":"s3"}]}"#, Some(json!({"a": [{"token": "[redacted]"}]}))),
            (r#"{"client_\u0073ecret":"s3"}"#, Some(json!({"client_secret": "[redacted]"}))),
            (r#"{"client_secret":"s3""#, None),
            (r#"{"email":"a@b.de"}"#, Some(json!({"email": "a@b.de"}))),
            ("", None),
        ] {
            let recorded = Recorded::of(sent.as_bytes());
            assert!(!format!("{recorded:?}").contains("s3"), "{recorded:?}");
            assert_eq!(recorded.read(), kept, "{sent}");
        }
    }
}
