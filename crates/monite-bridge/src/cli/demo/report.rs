//! What the demo says. Pure: facts in, words out.

use std::time::Duration;

use serde::Serialize;

use super::super::import::{Counts, Refusal};
use super::super::output::Style;
use super::super::status::{self, FailingObject, Summary};
use super::super::{table, words};
use super::calls::Ledger;
use super::proof::Proof;
use crate::domain::SyncState;
use crate::store::{Failing, Stats};

/// Everything the demo found out; what `--json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) sandbox: String,
    pub(super) bridge: String,
    pub(super) import: ImportReport,
    pub(super) sync: SyncReport,
    pub(super) token: Option<Proof>,
    /// What is not as it should be; empty after a good run.
    pub(super) wrong: Vec<String>,
}

/// What was imported.
#[derive(Debug, Serialize)]
pub(super) struct ImportReport {
    pub(super) file: String,
    #[serde(flatten)]
    pub(super) counts: Counts,
    pub(super) refused: Vec<Refusal>,
}

/// What came of it at Monite.
#[derive(Debug, Serialize)]
pub(super) struct SyncReport {
    #[serde(flatten)]
    pub(super) summary: Summary,
    #[serde(skip)]
    pub(super) stats: Stats,
    pub(super) objects_failing: Vec<OwnedFailing>,
    pub(super) calls: Ledger,
    pub(super) seconds: f64,
    pub(super) calls_per_second: f64,
}

/// A failing object that outlives the listing.
#[derive(Debug)]
pub(super) struct OwnedFailing(pub(super) Failing);

impl Serialize for OwnedFailing {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        FailingObject::of(&self.0).serialize(serializer)
    }
}

impl SyncReport {
    pub(super) fn new(stats: Stats, failing: Vec<Failing>, calls: Ledger, took: Duration) -> Self {
        let seconds = took.as_secs_f64();
        Self {
            summary: Summary::of(&stats),
            stats,
            objects_failing: failing.into_iter().map(OwnedFailing).collect(),
            calls_per_second: rounded(calls.made as f64 / seconds.max(0.001)),
            calls,
            seconds: rounded(seconds),
        }
    }
}

fn rounded(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

/// What is not as it should be.
pub(super) fn wrong(sync: &SyncReport, token: Option<&Proof>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut check = |holds: bool, words: String| {
        if !holds {
            wrong.push(words);
        }
    };
    for (kind, counts) in [("customer", &sync.stats.customers), ("user", &sync.stats.users)] {
        let elsewhere = counts.iter().filter(|(state, _)| **state != SyncState::InSync).map(|(_, count)| count).sum();
        check(elsewhere == 0, format!("{} not in sync", words::count(elsewhere, kind)));
    }
    check(sync.calls.duplicates == 0, format!("{} too many at Monite", words::count(sync.calls.duplicates, "thing")));
    check(
        sync.calls.too_many_requests == 0,
        format!("{} refused with 429", words::count(sync.calls.too_many_requests, "call")),
    );
    match token {
        None => check(false, "no user to issue a token for".to_owned()),
        Some(proof) => {
            check(
                proof.login == proof.expected_login,
                format!("the token belongs to {}, not to {}", proof.login, proof.expected_login),
            );
            check(
                proof.entity == proof.entity_id,
                format!("the token opens entity {}, not {}", proof.entity, proof.entity_id),
            );
            check(
                proof.second_handout_calls == 0,
                format!("the second hand-out cost {}", words::count(proof.second_handout_calls, "call")),
            );
        }
    }
    wrong
}

/// What runs where.
pub(super) fn opening(sandbox: &str, bridge: &str, rate_limit: Option<u32>, style: Style) -> String {
    let limit = rate_limit.map_or("no rate limit".to_owned(), |limit| format!("{limit} requests/s allowed"));
    format!(
        "{}\n  a pretend Monite   {sandbox}  ({limit})\n  the bridge         {bridge}  (SQLite, gone afterwards)",
        style.bold("monite-bridge demo")
    )
}

/// What went in, and what was refused at the door.
pub(super) fn tell_import(import: &ImportReport, style: Style) -> String {
    let Counts { stored, created, changed, unchanged, refused, .. } = import.counts;
    let objects = created + changed + unchanged;
    let mut text = format!(
        "\n{}  {}: {} with {} stored, {refused} refused",
        style.bold("import"),
        import.file,
        words::count(stored, "customer"),
        words::count(objects.saturating_sub(stored), "user"),
    );
    let rows: Vec<Vec<String>> = import.refused.iter().flat_map(refused_rows).collect();
    text.push_str(&table::rows(&rows, "\n  "));
    let more = refused.saturating_sub(import.refused.len() as u64);
    if more > 0 {
        text.push_str(&format!("\n  and {more} more"));
    }
    text
}

fn refused_rows(refusal: &Refusal) -> Vec<Vec<String>> {
    let id = refusal.id.as_deref().unwrap_or("");
    refusal
        .errors
        .iter()
        .map(|error| vec![format!("line {}", refusal.line), id.to_owned(), error.field.clone(), error.message.clone()])
        .collect()
}

/// Where everything stands, and what it cost.
pub(super) fn tell_sync(sync: &SyncReport, style: Style) -> String {
    let head = format!(
        "\n{}  {} in {} s, {}/s, {} refused with 429",
        style.bold("sync"),
        words::count(sync.calls.made, "call"),
        sync.seconds,
        sync.calls_per_second,
        sync.calls.too_many_requests,
    );
    let failing: Vec<String> =
        sync.objects_failing.iter().map(|failing| words::indent(&status::describe(&failing.0, style), 2)).collect();
    let failing = if failing.is_empty() { String::new() } else { format!("\n{}", failing.join("\n")) };
    format!("{head}{}{failing}\n{}", states(&sync.stats), costs(&sync.calls))
}

fn states(stats: &Stats) -> String {
    let shown: Vec<SyncState> = SyncState::ALL.iter().copied().filter(|state| *state != SyncState::Drifted).collect();
    let header = std::iter::once(String::new()).chain(shown.iter().map(ToString::to_string)).collect();
    let row = |name: &str, counts: &std::collections::BTreeMap<SyncState, u64>| {
        let counts = shown.iter().map(|state| counts.get(state).copied().unwrap_or(0).to_string());
        std::iter::once(name.to_owned()).chain(counts).collect::<Vec<_>>()
    };
    table::numbers(&[header, row("customers", &stats.customers), row("users", &stats.users)], "\n  ")
}

fn costs(ledger: &Ledger) -> String {
    let mut rows = vec![vec!["calls at Monite".to_owned(), "made".to_owned(), "fewest possible".to_owned()]];
    let kinds = ledger.kinds.iter().filter(|kind| kind.made > 0 || kind.fewest > 0);
    rows.extend(kinds.map(|kind| vec![kind.what.to_owned(), kind.made.to_string(), kind.fewest.to_string()]));
    rows.push(vec!["all".to_owned(), ledger.made.to_string(), ledger.fewest.to_string()]);
    table::numbers(&rows, "\n  ")
}

/// The token and its proof, and whether everything is as it should be.
pub(super) fn tell_end(report: &Report, style: Style) -> String {
    let token = report.token.as_ref().map_or("none".to_owned(), tell_token);
    let verdict = if report.wrong.is_empty() {
        style.good("everything is as it should be")
    } else {
        let lines: Vec<String> = report.wrong.iter().map(|wrong| format!("not as it should be: {wrong}")).collect();
        style.bad(&lines.join("\n"))
    };
    format!("\n{}  {token}\n\n{verdict}", style.bold("token"))
}

fn tell_token(proof: &Proof) -> String {
    let rows = [
        vec![
            "GET /entity_users/me".to_owned(),
            format!("{}, role {}, entity {}", proof.login, proof.role, proof.entity),
        ],
        vec![
            "handed out again".to_owned(),
            format!(
                "{} at Monite, {:.1} ms",
                words::count(proof.second_handout_calls, "call"),
                proof.second_handout_micros as f64 / 1000.0
            ),
        ],
    ];
    let head = format!("for {}/{}, good for {} s", proof.customer, proof.user, proof.expires_in);
    format!("{head}{}", table::rows(&rows, "\n  "))
}

/// What to try while the demo serves.
pub(super) fn invitation(report: &Report, api_key: &str, style: Style) -> String {
    let Report { bridge, sandbox, token, .. } = report;
    let control = sandbox.trim_end_matches("/v1");
    let (customer, user) =
        token.as_ref().map_or(("CUSTOMER", "USER"), |proof| (proof.customer.as_str(), proof.user.as_str()));
    format!(
        "\n{}
  KEY={api_key}
  curl -s -H \"Authorization: Bearer $KEY\" {bridge}/v1/customers/{customer}
  curl -s -H \"Authorization: Bearer $KEY\" -H 'Content-Type: application/json' -H 'Prefer: wait=5' -X PATCH \\
       -d '{{\"website\": \"https://www.example.com\"}}' {bridge}/v1/customers/{customer}
  curl -s -H \"Authorization: Bearer $KEY\" -X POST {bridge}/v1/customers/{customer}/users/{user}/token
  curl -s '{control}/_sandbox/requests?limit=3'          # what Monite was asked
Ctrl-C ends the demo and removes what it made.",
        style.bold("try it")
    )
}
