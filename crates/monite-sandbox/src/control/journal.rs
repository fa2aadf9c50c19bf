//! `/_sandbox/requests`: what was called, how often, and the latest in full.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::Refused;
use crate::app::App;
use crate::fault::{glob_matches, method_matches};
use crate::journal::Kept;

/// Requests shown when nothing else is asked.
const SHOWN: usize = 100;

/// Which requests to show. What is left out asks for nothing.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    limit: Option<usize>,
    /// As in fault rules: `POST|PATCH`.
    method: Option<String>,
    /// As in fault rules: a glob under `/v1`.
    path: Option<String>,
    /// `404`, `4xx` or `cut`, and alternatives of them.
    status: Option<String>,
    /// Handled at this time of the sandbox's clock, or later.
    since: Option<Timestamp>,
}

/// The latest first. Counts are those of all requests.
pub(super) async fn requests(
    State(app): State<Arc<App>>, asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Value>, Refused> {
    let Query(asked) = asked.map_err(|rejection| Refused::misread(rejection.body_text()))?;
    let journal = app.journal();
    let latest = journal.kept().rev().filter(|entry| asked.wants(entry)).take(asked.limit.unwrap_or(SHOWN));
    let latest: Vec<_> = latest.map(Kept::read).collect();
    let counts: Map<String, Value> = journal.counts().map(|(call, count)| (call, json!(count))).collect();
    let by_status: Map<String, Value> = journal.by_status().map(|(status, count)| (status, json!(count))).collect();
    Ok(Json(json!({"total": journal.total(), "counts": counts, "by_status": by_status, "requests": latest})))
}

impl Asked {
    fn wants(&self, entry: &Kept) -> bool {
        self.method.as_deref().is_none_or(|methods| method_matches(methods, entry.method.as_str()))
            && self.path.as_deref().is_none_or(|glob| glob_matches(glob, &entry.path))
            && self.status.as_deref().is_none_or(|statuses| statuses.split('|').any(|one| is_status(one, entry.status)))
            && self.since.is_none_or(|since| entry.at >= since)
    }
}

fn is_status(wanted: &str, status: Option<u16>) -> bool {
    match (wanted.split_at_checked(1), status) {
        (_, None) => wanted == "cut",
        (Some((class, "xx")), Some(status)) => class == (status / 100).to_string(),
        (_, Some(status)) => wanted == status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses() {
        for (wanted, status, expected) in [
            ("404", Some(404), true),
            ("404", Some(400), false),
            ("4xx", Some(404), true),
            ("4xx", Some(500), false),
            ("cut", None, true),
            ("4xx", None, false),
            ("cut", Some(200), false),
            ("", Some(200), false),
        ] {
            assert_eq!(is_status(wanted, status), expected, "{wanted} {status:?}");
        }
    }
}
