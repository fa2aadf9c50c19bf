//! One request to the bridge.

use axum::Router;
use axum::body::Body;
use http::{HeaderName, HeaderValue, Request, header};
use monite_bridge::http::Peer;
use serde_json::Value;
use tower::ServiceExt as _;

use super::{Answer, TestBridge};

/// A request on its way; send it with [`Call::send`].
pub(crate) struct Call<'a> {
    bridge: &'a TestBridge,
    request: Request<Body>,
}

impl<'a> Call<'a> {
    pub(super) fn new(bridge: &'a TestBridge, method: &str, path: &str) -> Self {
        Self { bridge, request: Request::builder().method(method).uri(path).body(Body::empty()).unwrap() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).unwrap();
        self.request.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
        self
    }

    /// Comes from this address.
    pub(crate) fn from(mut self, address: &str) -> Self {
        self.request.extensions_mut().insert(Peer(address.parse().unwrap()));
        self
    }

    pub(crate) fn bearer(mut self, token: &str) -> Self {
        let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
        self.request.headers_mut().insert(header::AUTHORIZATION, value);
        self
    }

    pub(crate) fn json(self, document: &Value) -> Self {
        self.body("application/json", document.to_string())
    }

    pub(crate) fn body(mut self, media_type: &str, body: impl Into<Body>) -> Self {
        self.request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_str(media_type).unwrap());
        *self.request.body_mut() = body.into();
        self
    }

    /// Sends it and reads the whole answer.
    pub(crate) async fn send(self) -> Answer {
        let bridge = self.bridge;
        let response = match bridge.router.clone().oneshot(self.request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let answer = Answer::read(response).await;
        if let Some(token) = answer.try_json().as_ref().and_then(|json| json["access_token"].as_str()) {
            bridge.keep_secret(token);
        }
        answer
    }

    /// Sends it to these routes, which may be another process's. What is answered is not looked for in the log.
    pub(crate) async fn send_to(self, doors: &Router) -> Answer {
        match doors.clone().oneshot(self.request).await {
            Ok(response) => Answer::read(response).await,
            Err(never) => match never {},
        }
    }

    /// Sends it and gives the answer as soon as its head is there, for bodies that stream.
    pub(crate) async fn open(self) -> axum::response::Response {
        match self.bridge.router.clone().oneshot(self.request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}
