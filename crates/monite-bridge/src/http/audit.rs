//! What every call with an API key that is no mere reading leaves in the audit log.

use std::net::IpAddr;

use axum::RequestExt as _;
use axum::extract::{MatchedPath, RawPathParams, Request};
use axum::http::{Method, StatusCode};

use super::Shared;
use super::peer::ClientAddress;
use crate::api_key::Caller;
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
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            return None;
        }
        let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str);
        let mut entry = AuditEntry {
            at: app.clock.now(),
            who: match caller {
                Caller::Bootstrap => "bootstrap".to_owned(),
                Caller::Key(id) => id.to_string(),
            },
            what: format!("{} {route}", request.method()),
            customer: None,
            user: None,
            address: ClientAddress::of(app, (request.extensions(), request.headers()))
                .0
                .as_ref()
                .map(IpAddr::to_string),
            outcome: "unanswered".to_owned(),
            request_id: request.extensions().get::<RequestName>().map(|name| name.0.clone()),
        };
        if let Ok(params) = request.extract_parts::<RawPathParams>().await {
            for (name, value) in &params {
                let id = Some(value.chars().take(LONGEST_ID).collect());
                match name {
                    "customer" => entry.customer = id,
                    "user" => entry.user = id,
                    _ => {}
                }
            }
        }
        Some(Self { audit: app.audit.clone(), entry: Some(entry) })
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
