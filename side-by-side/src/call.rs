//! One HTTP request, for a router or for a socket.

use std::fmt::Write as _;

use axum::Router;
use axum::body::Body;
use tower::ServiceExt as _;

use crate::rounds::Contender;

/// One HTTP request.
#[derive(Debug, Clone)]
pub struct Call {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Call {
    /// A request without headers and body.
    #[must_use]
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: String::new() }
    }

    /// The same with a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same with a bearer token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// The same with a JSON body.
    #[must_use]
    pub fn json(self, body: impl Into<String>) -> Self {
        Self { body: body.into(), ..self.header("content-type", "application/json") }
    }

    /// For a socket.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\nhost: localhost\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            // Writing to a String cannot fail.
            let _ = write!(text, "{name}: {value}\r\n");
        }
        let _ = write!(text, "content-length: {}\r\n\r\n{}", self.body.len(), self.body);
        text.into_bytes()
    }

    /// For a router.
    ///
    /// # Panics
    /// When a header is no header.
    #[must_use]
    pub fn to_request(&self) -> http::Request<Body> {
        let mut request = http::Request::builder().method(self.method).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request.body(Body::from(self.body.clone())).expect("benchmarks send well-formed requests")
    }
}

/// A contender that answers `calls` in turn, without a socket: what the router and everything behind it cost.
///
/// # Panics
/// At an answer that is no success: then something else was measured than meant.
pub fn in_process<'a>(router: &'a Router, calls: &'a [Call]) -> Contender<'a> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime needs nothing that a benchmark could lack");
    let mut calls = calls.iter().cycle();
    Contender::by_wall(move |times| {
        runtime.block_on(async {
            for call in calls.by_ref().take(times as usize) {
                let answer = router.clone().oneshot(call.to_request()).await.unwrap_or_else(|never| match never {});
                assert!(answer.status().is_success(), "{call:?} was answered {}", answer.status());
                let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await;
                assert!(body.is_ok_and(|body| !body.is_empty()), "{call:?} was answered without a body");
            }
        });
    })
}
