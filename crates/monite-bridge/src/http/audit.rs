//! What every call to a route of API keys that is no mere reading leaves in the audit log, refused ones too.

use std::net::IpAddr;

use axum::RequestExt as _;
use axum::extract::{MatchedPath, RawPathParams, Request};
use axum::http::{Method, StatusCode};

use super::Shared;
use super::peer::ClientAddress;
use crate::api_key::Caller;
use crate::api_key::ring::KeyRefusal;
use crate::audit::{Audit, AuditEntry};

/// The name of a request, for what is written about it before it is answered.
#[derive(Debug, Clone)]
pub(super) struct RequestName(pub(super) String);

/// The product's ids are no longer; what is longer is refused, and cut off here.
const LONGEST_ID: usize = 200;

/// An entry that waits for the end of its request. It is written whatever that end is: a caller that leaves has done something, too.
pub(super) struct Pending {
    audit: Audit,
    entry: Option<AuditEntry>,
}

impl Pending {
    /// `None` for what only reads.
    pub(super) async fn begin(app: &Shared, caller: &Caller, request: &mut Request) -> Option<Self> {
        if only_reads(request) {
            return None;
        }
        let who = match caller {
            Caller::Bootstrap => "bootstrap".to_owned(),
            Caller::Key(id) => id.to_string(),
        };
        Some(Self { audit: app.audit.clone(), entry: Some(entry(app, who, request).await) })
    }

    pub(super) fn end(mut self, status: StatusCode) {
        if let Some(entry) = &mut self.entry {
            status.as_str().clone_into(&mut entry.outcome);
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            self.audit.note(entry);
        }
    }
}

/// Writes down that a call was refused for its key (`None`: it had none), unless it only reads, or too many were just written down.
pub(super) async fn refused(app: &Shared, refusal: Option<&KeyRefusal>, request: &mut Request) {
    app.door.refusals.count(refusal);
    if only_reads(request) {
        return;
    }
    let (key, status) = match refusal {
        None | Some(KeyRefusal::Unknown) => (None, StatusCode::UNAUTHORIZED),
        Some(KeyRefusal::Revoked { id, .. } | KeyRefusal::Expired { id, .. }) => (Some(id), StatusCode::UNAUTHORIZED),
        Some(KeyRefusal::Scope { id, .. }) => (Some(id), StatusCode::FORBIDDEN),
        // Nobody was refused; and what cannot be read cannot be written to.
        Some(KeyRefusal::Store(_)) => return,
    };
    let Some(left_out) = app.door.refusals.admit(key, app.clock.now()) else { return };
    let mut entry = entry(app, key.map_or_else(|| "nobody".to_owned(), ToString::to_string), request).await;
    entry.outcome = match left_out {
        0 => status.as_str().to_owned(),
        count => format!("{} ({count} more before it)", status.as_str()),
    };
    app.audit.note(entry);
}

fn only_reads(request: &Request) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}

/// All that is known before the end.
async fn entry(app: &Shared, who: String, request: &mut Request) -> AuditEntry {
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str);
    let mut entry = AuditEntry {
        at: app.clock.now(),
        who,
        what: format!("{} {route}", request.method()),
        customer: None,
        user: None,
        address: ClientAddress::of(app, (request.extensions(), request.headers())).0.as_ref().map(IpAddr::to_string),
        outcome: "unanswered".to_owned(),
        request_id: request.extensions().get::<RequestName>().map(|name| name.0.clone()),
    };
    if let Ok(params) = request.extract_parts::<RawPathParams>().await {
        for (name, value) in &params {
            // Nobody is to hold the log up, or to fool who reads it, with characters that PostgreSQL or a terminal does not take.
            let readable = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
            let id = Some(value.chars().take(LONGEST_ID).map(readable).collect());
            match name {
                "customer" => entry.customer = id,
                "user" => entry.user = id,
                _ => {}
            }
        }
    }
    entry
}
