//! The way of every call under `/v1`: journal, faults, rate limit, route, size, version, then the operation.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::{Method, StatusCode};
use jiff::Timestamp;
use uuid::Uuid;

use super::call::{Body, Call, under_v1};
use super::cut::{Half, cut};
use super::not_imitated::{self, NotImitated};
use super::operations::{Operation, Route};
use super::reply::{Envelope, Reply, elsewhere, preflight, respond};
use super::{perform, refused};
use crate::app::App;
use crate::fault::Fault;
use crate::journal::{Kept, Recorded};
use crate::quirks::Point;
use crate::ratelimit::{Quota, RateLimit, Verdict};
use crate::refusal::Refusal;
use crate::rules::Wrong;
use crate::rules::version;
use crate::world::stamp::Stamp;

/// The most bytes a request body may have: ten times what the largest role document needs.
const BODY_LIMIT: usize = 1024 * 1024;

/// How much of an oversized body is read and thrown away, so that its sender gets to see the refusal.
const DRAIN_LIMIT: usize = 32 * BODY_LIMIT;

/// One call on its way, with what identifies it.
struct Passage {
    app: Arc<App>,
    call: Call,
    request_id: Uuid,
    started: Instant,
    /// By the sandbox's clock.
    arrived: Timestamp,
    fault: Option<Fault>,
}

pub(crate) async fn serve(State(app): State<Arc<App>>, request: Request) -> Response {
    let started = Instant::now();
    let Some(path) = under_v1(request.uri()) else {
        // Not Monite's, so neither counted nor broken on demand.
        return elsewhere();
    };
    if request.method() == Method::OPTIONS {
        return preflight();
    }
    let (parts, body) = request.into_parts();
    let Some(body) = receive(body).await else {
        // The client went away before it had said everything.
        return cut();
    };
    let call = Call::new(parts, path, body);
    let request_id = app.journal().arrive(name_of(&call.method), template_of(call.route));
    let fault = app.faults().pick(call.method.as_str(), &call.path);
    let passage = Passage { arrived: app.now(), app, call, request_id, started, fault };
    match fault {
        None => passage.handle().await,
        Some(Fault::Status { status, retry_after }) => passage.misbehave(status, retry_after),
        Some(Fault::CloseBefore) => {
            passage.record(None);
            cut()
        }
        Some(Fault::LoseAnswer) => {
            passage.handle().await;
            cut()
        }
        Some(Fault::ExpireTokens) => {
            passage.app.expire_tokens();
            passage.handle().await
        }
        Some(Fault::RateLimit(limit)) => {
            passage.app.limit(limit);
            passage.handle().await
        }
        Some(Fault::CutBody | Fault::Stale(_)) => passage.handle().await,
        Some(Fault::Delay(delay)) => {
            // On its own, since a client that hangs up drops this future, and the work must be done all the same.
            let handled = tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                passage.handle().await
            });
            handled.await.unwrap_or_else(|_| cut())
        }
    }
}

impl Passage {
    /// Handles the call, and answers once what it changed is kept.
    async fn handle(mut self) -> Response {
        self.call.now = Stamp::from(self.app.now());
        if let Some(Fault::Stale(lag)) = self.fault {
            self.call.visible_at = Some(self.call.now.after(lag));
        }
        let verdict = self.app.meter().count(self.app.now());
        let mut reply = self.answer(verdict);
        self.record(Some(reply.status));
        if let Some(commit) = reply.commit.take()
            && !matches!(commit.await, Ok(Ok(())))
        {
            tracing::error!(request_id = %self.request_id, "what the call changed could not be written to the data file");
            reply = Reply::error(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
        }
        self.finish(reply, verdict)
    }

    fn answer(&self, verdict: Verdict) -> Reply {
        if let Verdict::Refused(quota) = verdict {
            let reply = Reply::gateway(StatusCode::TOO_MANY_REQUESTS, "API rate limit exceeded");
            return Reply { retry_after: Some(u64::from(quota.retry_after)), ..reply };
        }
        let operation = match self.operation() {
            Ok(operation) => operation,
            Err(reply) => return reply,
        };
        if matches!(self.call.body, Body::TooLarge) {
            return Reply::gateway(StatusCode::PAYLOAD_TOO_LARGE, "Request size limit exceeded");
        }
        if let Some(reply) = self.check_version(operation) {
            return reply;
        }
        perform(&self.app, &self.call, operation).unwrap_or_else(|refusal| self.refuse(refusal))
    }

    fn refuse(&self, refusal: Refusal) -> Reply {
        refused::reply(refusal, &self.app.quirks())
    }

    fn operation(&self) -> Result<Operation, Reply> {
        let Some(route) = self.call.route else {
            return Err(not_imitated::find(&self.call.path).map_or_else(not_found, NotImitated::refuse));
        };
        route.operation(&self.call.method).ok_or_else(|| {
            let reply = Reply::error(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
            Reply { allow: Some(route.allowed()), ..reply }
        })
    }

    /// The refusal, if the version header earns one.
    fn check_version(&self, operation: Operation) -> Option<Reply> {
        match self.call.version_header.as_deref().map(version::judge) {
            Some(Ok(Some(_))) => None,
            Some(Ok(None)) => Some(not_found()),
            Some(Err(Wrong(errors))) if self.quirk(Point::UnreadableVersion, "array") => {
                Some(Reply::json(StatusCode::UNPROCESSABLE_ENTITY, &errors))
            }
            Some(Err(Wrong(errors))) => Some(self.refuse(Refusal::Invalid(errors))),
            None if self.may_omit_version(operation) => None,
            None => Some(Reply::json(
                StatusCode::BAD_REQUEST,
                &serde_json::json!({"error": {
                    "type": "missing_api_version",
                    "message": "Missing the x-monite-version HTTP header",
                }}),
            )),
        }
    }

    fn may_omit_version(&self, operation: Operation) -> bool {
        matches!(operation, Operation::CreateToken | Operation::RevokeToken)
            && self.quirk(Point::AuthWithoutVersion, "accept")
    }

    fn quirk(&self, point: Point, option: &str) -> bool {
        self.app.world().quirks.is(point, option)
    }

    /// Answers with a status nobody earned.
    fn misbehave(mut self, status: u16, retry_after: Option<u64>) -> Response {
        self.call.now = Stamp::from(self.app.now());
        // Rules are checked when they are installed.
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let verdict = match (status, self.app.meter().limit()) {
            (StatusCode::TOO_MANY_REQUESTS, RateLimit::PerSecond(limit)) => Verdict::Refused(Quota::pretended(limit)),
            _ => Verdict::Unlimited,
        };
        self.record(Some(status));
        self.finish(Reply { retry_after, ..unearned(status) }, verdict)
    }

    fn finish(&self, reply: Reply, verdict: Verdict) -> Response {
        let (shows_served, reset_is_timestamp) = {
            let quirks = &self.app.world().quirks;
            (quirks.is(Point::EchoedVersion, "served"), quirks.is(Point::RateLimitReset, "timestamp"))
        };
        let asked = self.call.version_header.as_deref();
        let half = (self.fault == Some(Fault::CutBody)).then(|| Half::of(&reply.body));
        let response = respond(
            reply,
            &Envelope {
                request_id: self.request_id,
                version: if shows_served { Some(self.call.version.name()) } else { asked },
                reset_from: if reset_is_timestamp { self.call.now.micros() / 1_000_000 } else { 0 },
                entity: self.call.entity.as_deref(),
                verdict,
                started: self.started,
            },
        );
        match half {
            Some(half) => half.instead_of(response),
            None => response,
        }
    }

    fn record(&self, status: Option<StatusCode>) {
        let status = if self.fault == Some(Fault::LoseAnswer) { None } else { status };
        let now = self.app.now();
        let entry = Kept {
            at: now,
            took_micros: now.as_microsecond().saturating_sub(self.arrived.as_microsecond()),
            method: self.call.method.clone(),
            path: self.call.path.clone(),
            query: self.call.query.clone(),
            status: status.map(|status| status.as_u16()),
            request_id: self.request_id,
            entity_id: self.call.entity.clone(),
            body: Recorded::of(self.call.received_body()),
            fault: self.fault.map(Fault::name),
        };
        self.app.journal().finish(entry);
    }
}

fn not_found() -> Reply {
    Reply::error(StatusCode::NOT_FOUND, "Not Found")
}

/// A body in Monite's shape for the status.
fn unearned(status: StatusCode) -> Reply {
    match status {
        StatusCode::TOO_MANY_REQUESTS => Reply::gateway(status, "API rate limit exceeded"),
        StatusCode::PAYLOAD_TOO_LARGE => Reply::gateway(status, "Request size limit exceeded"),
        StatusCode::UNPROCESSABLE_ENTITY => {
            let Wrong(errors) = Wrong::here("Value error, refused on demand", "value_error").at_key("body");
            Reply::json(status, &serde_json::json!({"detail": errors}))
        }
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED | StatusCode::RESET_CONTENT => {
            Reply { status, ..Reply::no_content() }
        }
        _ => Reply::error(status, status.canonical_reason().unwrap_or("Error on demand")),
    }
}

/// Reads the body up to the limit. `None` when the connection broke.
async fn receive(body: axum::body::Body) -> Option<Body> {
    let mut stream = body.into_data_stream();
    let Some(first) = stream.next().await else {
        return Some(Body::Whole(Bytes::new()));
    };
    let first = first.ok()?;
    let Some(second) = stream.next().await else {
        return Some(if first.len() <= BODY_LIMIT { Body::Whole(first) } else { Body::TooLarge });
    };
    let mut received = BytesMut::from(first);
    received.extend_from_slice(&second.ok()?);
    let mut size = received.len();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.ok()?;
        size += chunk.len();
        if size <= BODY_LIMIT {
            received.extend_from_slice(&chunk);
        } else if size > DRAIN_LIMIT {
            break;
        }
    }
    Some(if size <= BODY_LIMIT { Body::Whole(received.freeze()) } else { Body::TooLarge })
}

fn template_of(route: Option<&'static Route>) -> &'static str {
    route.map_or("(unknown path)", |route| route.template)
}

/// A name that lives for ever, so that counting allocates nothing and made-up methods cannot fill the table.
fn name_of(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "TRACE"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("OTHER")
}
