//! A transport that answers by script.

use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use monite::{Transport, TransportError, TransportKind};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// What the client sent.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) line: String,
    pub(crate) query: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Value,
    /// How many calls with the same line came before.
    pub(crate) nth: usize,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// What the script does.
pub(crate) enum Reply {
    Answer(u16, Vec<(&'static str, String)>, String),
    Lost(TransportKind),
    /// Answers once the gate lets one through.
    Gated(Arc<Semaphore>, Box<Reply>),
}

impl Reply {
    pub(crate) fn json(status: u16, body: Value) -> Self {
        Self::Answer(status, vec![("x-request-id", "request-1".to_owned())], body.to_string())
    }

    pub(crate) fn error(status: u16, message: &str) -> Self {
        Self::json(status, json!({"error": {"message": message}}))
    }

    pub(crate) fn token(text: &str, expires_in: u64) -> Self {
        Self::json(200, json!({"access_token": text, "token_type": "Bearer", "expires_in": expires_in}))
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Answer(_, headers, _) = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }

    pub(crate) fn behind(self, gate: &Arc<Semaphore>) -> Self {
        Self::Gated(gate.clone(), Box::new(self))
    }
}

type Handler = Box<dyn Fn(&Call) -> Reply + Send + Sync>;

pub(crate) struct Script {
    handler: Handler,
    seen: Mutex<Vec<Call>>,
}

impl Script {
    pub(crate) fn new(handler: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { handler: Box::new(handler), seen: Mutex::default() })
    }

    /// Partner tokens work for 1800 s; everything else is up to `handler`.
    pub(crate) fn with_tokens(handler: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Arc<Self> {
        Self::new(move |call| match call.line.as_str() {
            "POST /auth/token" => Reply::token(&format!("token-{}", call.nth), 1800),
            _ => handler(call),
        })
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, line: &str) -> usize {
        self.calls().iter().filter(|call| call.line == line).count()
    }

    fn note(&self, request: &http::Request<Bytes>) -> Call {
        let path = request.uri().path().trim_start_matches("/v1");
        let line = format!("{} {path}", request.method());
        let nth = self.count(&line);
        let call = Call {
            query: request.uri().query().unwrap_or_default().to_owned(),
            headers: request.headers().clone(),
            body: serde_json::from_slice(request.body()).unwrap_or_default(),
            line,
            nth,
        };
        self.seen.lock().unwrap().push(call.clone());
        call
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let call = self.note(&request);
        let mut reply = (self.handler)(&call);
        loop {
            match reply {
                Reply::Gated(gate, inner) => {
                    gate.acquire().await.unwrap().forget();
                    reply = *inner;
                }
                Reply::Lost(kind) => {
                    return Err(TransportError { kind, source: Arc::new(std::io::Error::other("scripted")) });
                }
                Reply::Answer(status, headers, body) => {
                    let mut response = http::Response::builder().status(status);
                    for (name, value) in headers {
                        response = response.header(name, value);
                    }
                    return Ok(response.body(Bytes::from(body)).unwrap());
                }
            }
        }
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script")
    }
}
