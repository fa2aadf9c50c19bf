//! `/metrics`: counters and gauges in Prometheus' text format. No label holds an id.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use jiff::Timestamp;

use super::problem::Problem;
use super::{App, Shared};
use crate::domain::SyncState;
use crate::session::Sessions;

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
    text.family("monite_bridge_entities_linked", "gauge", "Customers that have an entity at Monite.");
    text.value("monite_bridge_entities_linked", &[], stats.linked);
    text.family("monite_bridge_entities_stamped", "gauge", "Those whose links stand in the entity's metadata, too.");
    text.value("monite_bridge_entities_stamped", &[], stats.stamped);
    let busy = app.store.busy_connections() as u64;
    text.gauge("monite_bridge_database_connections_busy", "Connections of the database pool in use right now.", busy);
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
    text.family("monite_bridge_tokens_throttled_total", "counter", "Asks of browsers refused as too many.");
    for (who, count) in ["address", "session"].into_iter().zip(app.door.refused()) {
        text.value("monite_bridge_tokens_throttled_total", &[("who", who)], count);
    }
    text.family("monite_bridge_audit_lost_total", "counter", "Entries of the audit log that could not be kept.");
    text.value("monite_bridge_audit_lost_total", &[], app.audit.lost());
    text.family("monite_bridge_calls_refused_total", "counter", "Calls refused for their API key, by why.");
    for (reason, count) in app.door.refusals.counts() {
        text.value("monite_bridge_calls_refused_total", &[("reason", reason)], count);
    }
    let connections = &app.door.connections;
    text.gauge("monite_bridge_connections", "Connections that are open.", connections.count().into());
    text.family("monite_bridge_connections_refused_total", "counter", "Connections for which there was no room.");
    for (of, count) in ["all", "address"].into_iter().zip(connections.refused()) {
        text.value("monite_bridge_connections_refused_total", &[("of", of)], count);
    }
    text.budget(&app);
    text.sessions(&app);
    text.webhooks(&app);
    text.family("monite_bridge_http_requests_total", "counter", "Requests answered, by class of status.");
    for (class, counter) in ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().zip(&app.metrics.0) {
        text.value("monite_bridge_http_requests_total", &[("status", class)], counter.load(Ordering::Relaxed));
    }
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text.0))
}

/// Seconds since 1970; 0 for a time that did not come.
fn seconds(at: Option<Timestamp>) -> u64 {
    at.and_then(|at| u64::try_from(at.as_second()).ok()).unwrap_or(0)
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

    /// One gauge without labels.
    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "gauge", help);
        self.value(name, &[], value);
    }

    /// The rate budget, and whether Monite answers.
    fn budget(&mut self, app: &App) {
        if let Some(limiter) = &app.limiter {
            let standing = limiter.standing();
            let (share, limit) = (standing.share.into(), standing.of.into());
            self.gauge("monite_bridge_rate_share", "Requests to Monite this process may have out in a second.", share);
            self.gauge("monite_bridge_rate_limit", "Requests a second to Monite, all processes together.", limit);
            let help = "Processes that share the rate limit, this one included.";
            self.gauge("monite_bridge_replicas", help, standing.alive.into());
            let help = "Calls to Monite that wait for their turn.";
            self.gauge("monite_bridge_calls_waiting", help, standing.waiting as u64);
            let help = "Until when a 429 holds everybody back, in seconds since 1970; 0: nobody is held back.";
            self.gauge("monite_bridge_rate_paused_until_seconds", help, seconds(standing.paused_until));
        }
        let help = "Since when Monite does not answer, in seconds since 1970; 0: it does.";
        let since = seconds(app.reconciler.workshop().outage.since());
        self.gauge("monite_bridge_monite_down_since_seconds", help, since);
    }

    /// The keys that sessions are signed with.
    fn sessions(&mut self, app: &App) {
        if let Some(sessions) = &app.sessions {
            let help =
                "Signatures of sessions checked: one for a session that is good, one for each try of one that is not.";
            self.family("monite_bridge_session_signatures_total", "counter", help);
            self.value("monite_bridge_session_signatures_total", &[], sessions.signatures_checked());
        }
        if let Some(counts) = app.sessions.as_ref().and_then(Sessions::check_counts) {
            let help = "Asks whether a session is still alive, by what the issuer said.";
            self.family("monite_bridge_session_checks_total", "counter", help);
            for (outcome, count) in ["alive", "ended", "failed", "not_asked"].into_iter().zip(counts) {
                self.value("monite_bridge_session_checks_total", &[("outcome", outcome)], count);
            }
        }
        let Some(keys) = app.sessions.as_ref().and_then(Sessions::keys_standing) else { return };
        self.gauge("monite_bridge_session_keys", "Keys of the session issuer that can be used.", keys.usable);
        let help = "Asks for the keys of the session issuer, by outcome.";
        self.family("monite_bridge_session_key_asks_total", "counter", help);
        for (outcome, count) in [("answered", keys.asks.saturating_sub(keys.failures)), ("failed", keys.failures)] {
            self.value("monite_bridge_session_key_asks_total", &[("outcome", outcome)], count);
        }
        let help = "Since when the session issuer gives no keys, in seconds since 1970; 0: it does.";
        self.gauge("monite_bridge_session_keys_down_since_seconds", help, seconds(keys.down_since));
    }

    /// What Monite reported, and what came of it.
    fn webhooks(&mut self, app: &App) {
        const DELIVERIES: &str = "monite_bridge_webhooks_total";
        let counts = app.webhooks.counts();
        self.family(DELIVERIES, "counter", "Webhooks received, by what became of them.");
        for (outcome, count) in [
            ("accepted", counts.accepted),
            ("ignored", counts.ignored),
            ("repeated", counts.repeated),
            ("dropped", counts.dropped),
            ("refused", counts.refused),
        ] {
            self.value(DELIVERIES, &[("outcome", outcome)], count);
        }
        let help = "When the last webhook of Monite came to this process, in seconds since 1970; 0: none did.";
        let last = seconds(app.webhooks.last_delivery_at());
        self.gauge("monite_bridge_webhooks_last_delivery_seconds", help, last);
        let dirty = app.webhooks.dirty();
        let help = "Entities that wait to be looked at because of a webhook.";
        self.gauge("monite_bridge_looks_waiting", help, dirty.len() as u64);
        self.family("monite_bridge_looks_total", "counter", "Entities looked at because of a webhook.");
        self.value("monite_bridge_looks_total", &[], dirty.looks());
        let help = "Entities left to the sweep, because too many waited or looking failed.";
        self.family("monite_bridge_looks_dropped_total", "counter", help);
        self.value("monite_bridge_looks_dropped_total", &[], dirty.dropped());
    }

    fn objects(&mut self, kind: &str, counts: &BTreeMap<SyncState, u64>) {
        for state in SyncState::ALL {
            let count = counts.get(state).copied().unwrap_or_default();
            self.value("monite_bridge_objects", &[("kind", kind), ("state", state.as_str())], count);
        }
    }
}
