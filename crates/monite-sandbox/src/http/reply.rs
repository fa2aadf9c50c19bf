//! Answers: what a handler says, and the response it becomes.

use std::time::Instant;

use axum::body::Body;
use axum::response::Response;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::call::{ENTITY_HEADER, VERSION_HEADER};
use crate::ratelimit::Verdict;
use crate::refusal::Refusal;
use crate::rules::version::{self, Version};
use crate::storage::Commit;

/// What a handler answers, or why it refuses.
pub(crate) type Answer = Result<Reply, Refusal>;

/// A status and a JSON body; empty for 204.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
    /// What the call changed must be on disk before the reply goes out.
    pub(crate) commit: Option<Commit>,
    /// Methods for `Allow`, seconds for `Retry-After`.
    pub(crate) allow: Option<String>,
    pub(crate) retry_after: Option<u64>,
}

impl Reply {
    pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        let mut bytes = Vec::with_capacity(1024);
        // Views are plain structs with string keys; they always become JSON.
        let status = match serde_json::to_writer(&mut bytes, body) {
            Ok(()) => status,
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, body: bytes, commit: None, allow: None, retry_after: None }
    }

    pub(crate) fn ok(body: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, body)
    }

    pub(crate) fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: Vec::new(), commit: None, allow: None, retry_after: None }
    }

    /// Monite's business envelope.
    pub(crate) fn error(status: StatusCode, message: &str) -> Self {
        Self::json(status, &json!({"error": {"message": message}}))
    }

    /// The gateway's envelope.
    pub(crate) fn gateway(status: StatusCode, message: &str) -> Self {
        Self::json(status, &json!({"message": message}))
    }
}

/// What every response says besides its answer.
pub(crate) struct Envelope<'a> {
    pub(crate) request_id: Uuid,
    /// As asked for, or as the quirk says.
    pub(crate) version: Option<&'a str>,
    /// What the seconds until the limit begins anew are counted from; 0: now.
    pub(crate) reset_from: i64,
    pub(crate) entity: Option<&'a str>,
    pub(crate) verdict: Verdict,
    pub(crate) started: Instant,
}

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_PROCESS_TIME: HeaderName = HeaderName::from_static("x-process-time");
const X_MONITE_VERSION: HeaderName = HeaderName::from_static(VERSION_HEADER);
const X_MONITE_ENTITY_ID: HeaderName = HeaderName::from_static(ENTITY_HEADER);
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "x-request-id, x-process-time, x-monite-version, x-monite-entity-id, ratelimit-limit, ratelimit-remaining, \
     ratelimit-reset, retry-after",
);

pub(crate) fn respond(reply: Reply, envelope: &Envelope<'_>) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = reply.status;
    let headers = response.headers_mut();
    headers.reserve(16);
    if reply.status != StatusCode::NO_CONTENT {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Some(allow) = reply.allow.and_then(|allow| HeaderValue::try_from(allow).ok()) {
        headers.insert(ALLOW, allow);
    }
    let retry_after = reply.retry_after.map(HeaderValue::from);
    if let Some(seconds) = retry_after {
        headers.insert(RETRY_AFTER, seconds);
    }
    identify(headers, envelope);
    announce_limit(headers, envelope);
    open_to_browsers(headers);
    response
}

fn identify(headers: &mut HeaderMap, envelope: &Envelope<'_>) {
    let mut buffer = Uuid::encode_buffer();
    let request_id: &str = envelope.request_id.as_hyphenated().encode_lower(&mut buffer);
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(X_REQUEST_ID, value);
    }
    let seconds = format!("{:.6}", envelope.started.elapsed().as_secs_f64());
    if let Ok(value) = HeaderValue::try_from(seconds) {
        headers.insert(X_PROCESS_TIME, value);
    }
    // A version that is not a date is not repeated.
    let asked = envelope.version.filter(|asked| version::judge(asked).is_ok());
    if let Ok(value) = HeaderValue::from_str(asked.unwrap_or(Version::NEWEST.name())) {
        headers.insert(X_MONITE_VERSION, value);
    }
    if let Some(value) = envelope.entity.and_then(|entity| HeaderValue::from_str(entity).ok()) {
        headers.insert(X_MONITE_ENTITY_ID, value);
    }
}

fn announce_limit(headers: &mut HeaderMap, envelope: &Envelope<'_>) {
    let (Verdict::Allowed(quota) | Verdict::Refused(quota)) = envelope.verdict else {
        return;
    };
    headers.insert("ratelimit-reset", (envelope.reset_from + i64::from(quota.reset)).into());
    let mut put = |name: &'static str, value: u32| headers.insert(HeaderName::from_static(name), value.into());
    put("ratelimit-limit", quota.limit);
    put("ratelimit-remaining", quota.remaining);
    put("x-ratelimit-limit-second", quota.limit);
    put("x-ratelimit-remaining-second", quota.remaining);
}

fn open_to_browsers(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}

/// The answer to a browser asking whether it may call: always yes, without a token, a version or a limit.
pub(crate) fn preflight() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    open_to_browsers(headers);
    let allowed = [
        ("access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS"),
        (
            "access-control-allow-headers",
            "accept, authorization, content-type, x-monite-version, x-monite-entity-id, x-monite-sdk-version",
        ),
        ("access-control-max-age", "600"),
    ];
    for (name, value) in allowed {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

/// The answer to a path that is not under `/v1`.
pub(crate) fn elsewhere() -> Response {
    let reply = Reply::error(StatusCode::NOT_FOUND, "Not Found");
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = reply.status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    open_to_browsers(response.headers_mut());
    response
}
