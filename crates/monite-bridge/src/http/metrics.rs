//! `/metrics`: counters and gauges in Prometheus' text format. No label holds an id.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use super::Shared;
use super::problem::Problem;
use crate::domain::SyncState;

/// Requests answered, by the first digit of their status.
#[derive(Debug, Default)]
pub struct HttpMetrics([AtomicU64; 5]);

impl HttpMetrics {
    pub(super) fn count(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100);
        if let Some(counter) = class.checked_sub(1).and_then(|class| self.0.get(class)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}

pub(super) async fn metrics(State(app): State<Shared>) -> Result<impl IntoResponse, Problem> {
    let stats = app.store.stats().await?;
    let tokens = app.broker.counts();
    let mut text = Text::default();
    text.family("monite_bridge_objects", "gauge", "Customers and users by state.");
    text.objects("customer", &stats.customers);
    text.objects("user", &stats.users);
    text.family("monite_bridge_tokens_total", "counter", "Requests for a user's token, by where it came from.");
    for (source, count) in [("cached", tokens.cached), ("asked", tokens.asked), ("refused", tokens.refused)] {
        text.value("monite_bridge_tokens_total", &[("source", source)], count);
    }
    text.family(
        "monite_bridge_monite_calls_total",
        "counter",
        "Requests sent to Monite, retries and token mints included.",
    );
    text.value("monite_bridge_monite_calls_total", &[], app.reconciler.workshop().monite.calls_made());
    text.family("monite_bridge_http_requests_total", "counter", "Requests answered, by class of status.");
    for (class, counter) in ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().zip(&app.metrics.0) {
        text.value("monite_bridge_http_requests_total", &[("status", class)], counter.load(Ordering::Relaxed));
    }
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text.0))
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        let labels: Vec<String> = labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn objects(&mut self, kind: &str, counts: &BTreeMap<SyncState, u64>) {
        for state in SyncState::ALL {
            let count = counts.get(state).copied().unwrap_or_default();
            self.value("monite_bridge_objects", &[("kind", kind), ("state", state.as_str())], count);
        }
    }
}
