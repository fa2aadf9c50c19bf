//! A client without a socket: calls go straight into the router, so that thousands of them cost little.

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use monite_sandbox::{Builder, Sandbox};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{Answer, VERSION};

/// A sandbox in this process, with a partner token.
pub struct Direct {
    pub sandbox: Sandbox,
    pub token: String,
    router: Router,
}

/// A request as plain data, with the usual headers unless they are taken off.
#[derive(Debug, Clone)]
pub struct Ask {
    pub method: String,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Ask {
    /// `call` is `"METHOD /path"`, the path under `/v1`.
    pub fn new(call: &str) -> Self {
        let (method, path) = call.split_once(' ').unwrap();
        let headers = HeaderMap::new();
        let ask = Self { method: method.to_owned(), path: path.to_owned(), headers, body: Vec::new() };
        ask.with("x-monite-version", VERSION)
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    pub fn token(self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    pub fn inside(self, entity: &str) -> Self {
        self.with("x-monite-entity-id", entity)
    }

    pub fn json(self, body: &Value) -> Self {
        self.bytes(body.to_string())
    }

    pub fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

impl Direct {
    /// Starts the sandbox and fetches a partner token.
    pub async fn with(builder: Builder) -> Self {
        let sandbox = builder.in_process().await.unwrap();
        let mut direct = Self { router: sandbox.router(), sandbox, token: String::new() };
        direct.token = direct.token_for(json!({"grant_type": "client_credentials"})).await;
        direct
    }

    /// Starts a sandbox again that had given out `token`.
    pub async fn reopened(builder: Builder, token: String) -> Self {
        let sandbox = builder.in_process().await.unwrap();
        Self { router: sandbox.router(), sandbox, token }
    }

    pub fn credentials(&self, mut body: Value) -> Value {
        body["client_id"] = json!(self.sandbox.client_id());
        body["client_secret"] = json!(self.sandbox.client_secret());
        body
    }

    pub async fn token_for(&self, grant: Value) -> String {
        let answer = self.send(Ask::new("POST /auth/token").json(&self.credentials(grant))).await;
        answer.body["access_token"].as_str().unwrap_or_else(|| panic!("no token: {answer:?}")).to_owned()
    }

    /// A call with the partner token; `body` null sends none.
    pub async fn call(&self, call: &str, body: Value) -> Answer {
        let ask = Ask::new(call).token(&self.token);
        self.send(if body.is_null() { ask } else { ask.json(&body) }).await
    }

    /// The same inside an entity.
    pub async fn call_inside(&self, entity: &str, call: &str, body: Value) -> Answer {
        let ask = Ask::new(call).token(&self.token).inside(entity);
        self.send(if body.is_null() { ask } else { ask.json(&body) }).await
    }

    pub async fn send(&self, ask: Ask) -> Answer {
        let mut request = Request::new(Body::from(ask.body));
        *request.method_mut() = Method::from_bytes(ask.method.as_bytes()).unwrap();
        *request.uri_mut() = format!("/v1{}", ask.path).parse().unwrap();
        *request.headers_mut() = ask.headers;
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| panic!("not JSON, status {status}: {}", String::from_utf8_lossy(&bytes)))
        };
        Answer { status, headers, body }
    }
}
