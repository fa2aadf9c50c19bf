//! What wraps every request: an id, one line in the log, safe headers; and around every handler, a bound in time.
//!
//! The log gets the route's pattern and never the path, the query, a header or a body: paths hold the product's ids, which may
//! be e-mail addresses.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt as _;
use tracing::Instrument as _;

use super::Shared;
use super::audit::RequestName;
use super::prefer::LONGEST_WAIT;
use super::problem::{Kind, Problem};
use crate::jitter::Jitter;

/// Names a request in the answer and in the log.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A handler that takes longer is given up. A write may wait as long as the caller prefers, and a body may come slowly.
const HANDLER_TIMEOUT: Duration = LONGEST_WAIT.saturating_add(Duration::from_secs(30));

/// What every answer tells browsers: take it for what it says it is, name nobody the address it came from, show it to no other site.
/// Pages of `server.cors_origins` read the token route by CORS, which the last one leaves alone.
const SAFE: [(HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// An answer of the API is no page: nothing in it is run or loaded, and nobody frames it. A page says what it needs itself.
const NO_CONTENT: &str = "default-src 'none'; frame-ancestors 'none'";

/// For half a year, where TLS is ours; a proxy says it otherwise.
const INSIST_ON_TLS: &str = "max-age=15768000";

/// Names requests: a part that differs between processes, and a number.
#[derive(Debug)]
pub struct RequestIds {
    process: u32,
    count: AtomicU64,
}

impl RequestIds {
    /// Names of one process; the same jitter gives the same names.
    #[must_use]
    pub fn new(jitter: &Jitter) -> Self {
        Self { process: (jitter.next() * f64::from(u32::MAX)) as u32, count: AtomicU64::new(0) }
    }

    fn next(&self) -> String {
        format!("{:08x}-{:x}", self.process, self.count.fetch_add(1, Ordering::Relaxed))
    }
}

/// The outermost layer.
pub(super) async fn observe(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    let id = app.request_ids.next();
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    // What is handed to browsers is not written down, and reading neither.
    if method != Method::GET && route != "/v1/token" {
        request.extensions_mut().insert(RequestName(id.clone()));
    }
    let span = tracing::info_span!("request", %id, %method, route);
    let began = Instant::now();
    let mut answer = next.run(request).instrument(span.clone()).await;
    let status = answer.status();
    app.metrics.count(status);
    let micros = began.elapsed().as_micros() as u64;
    span.in_scope(|| match status {
        status if status.is_server_error() => tracing::warn!(status = status.as_u16(), micros, "answered"),
        status => tracing::debug!(status = status.as_u16(), micros, "answered"),
    });
    let headers = answer.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    for (name, value) in SAFE {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(NO_CONTENT));
    if app.door.is_tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(INSIST_ON_TLS));
    }
    // Everything here is personal data, a token or a state of the moment.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    answer
}

/// Around each handler: a bound in time, and an answer even after a defect.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    let handler = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(HANDLER_TIMEOUT, handler).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Problem::internal(&Defect).into_response(),
        Err(_) => {
            let detail = "Whether anything was stored is not known; sending it again is safe.";
            Problem::new(Kind::TimedOut, detail).retry_after(1).into_response()
        }
    }
}

/// A handler panicked; the panic hook has said where.
#[derive(Debug, thiserror::Error)]
#[error("a handler panicked")]
struct Defect;

pub(super) async fn no_such_route() -> Problem {
    Problem::new(Kind::NoSuchRoute, "GET /openapi.json lists the routes there are.")
}

pub(super) async fn method_not_allowed() -> Response {
    // axum adds the Allow header.
    let answer = Problem::new(Kind::MethodNotAllowed, "The Allow header lists the methods there are.").into_response();
    debug_assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    answer
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    async fn defect() -> &'static str {
        panic!("a defect with a s3cr3t in it")
    }

    #[tokio::test]
    async fn a_defect_is_answered_and_tells_nothing() {
        let router: Router = Router::new().route("/", get(defect).route_layer(from_fn(guard)));
        let answer = router.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = axum::body::to_bytes(answer.into_body(), 4096).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains("internal-error") && !text.contains("s3cr3t"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_without_end_is_given_up() {
        let endless = get(std::future::pending::<&'static str>);
        let router: Router = Router::new().route("/", endless.route_layer(from_fn(guard)));
        let answer = router.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
