//! A product's webhook endpoint: remembers what it was sent and answers as told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::oneshot;

use super::Api;

/// One request as it came in.
#[derive(Debug, Clone)]
pub struct Received {
    pub headers: HeaderMap,
    pub raw: Bytes,
}

/// What to do with the next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    Answer(u16),
    /// To the path `/elsewhere` of the same receiver.
    Redirect,
    /// Never answers.
    Silence,
    /// 500, with a body far larger than anybody wants to keep.
    Endless,
}

#[derive(Default)]
struct Script {
    received: Mutex<Vec<Received>>,
    next: Mutex<VecDeque<Behaviour>>,
    then: Mutex<Option<Behaviour>>,
}

/// Listens on a free port until dropped.
pub struct Receiver {
    pub url: String,
    script: Arc<Script>,
    _stop: oneshot::Sender<()>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let script = Arc::new(Script::default());
        let (stop, stopped) = oneshot::channel::<()>();
        let router = Router::new().fallback(answer).with_state(script.clone());
        let server = axum::serve(listener, router);
        tokio::spawn(async move {
            tokio::select! {
                _ = server => {}
                _ = stopped => {}
            }
        });
        Self { url, script, _stop: stop }
    }

    /// The next requests are treated like this, those after them with 200.
    pub fn next(&self, behaviours: &[Behaviour]) {
        self.script.next.lock().unwrap().extend(behaviours);
    }

    /// All requests without a behaviour of their own are treated like this.
    pub fn always(&self, behaviour: Behaviour) {
        *self.script.then.lock().unwrap() = Some(behaviour);
    }

    pub fn received(&self) -> Vec<Received> {
        self.script.received.lock().unwrap().clone()
    }
}

impl Received {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.raw).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// `t` of the signature.
    pub fn signed_at(&self) -> i64 {
        self.signature().0.parse().unwrap()
    }

    /// Verified by an HMAC of our own, as a product would.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let (t, v1) = self.signature();
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(t.as_bytes());
        mac.update(b".");
        mac.update(&self.raw);
        let sent: Vec<u8> =
            (0..v1.len()).step_by(2).map(|at| u8::from_str_radix(&v1[at..at + 2], 16).unwrap()).collect();
        v1.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c)) && mac.verify_slice(&sent).is_ok()
    }

    fn signature(&self) -> (&str, &str) {
        let (t, v1) = self.header("monite-signature").split_once(',').unwrap();
        (t.strip_prefix("t=").unwrap(), v1.strip_prefix("v1=").unwrap())
    }
}

async fn answer(State(script): State<Arc<Script>>, headers: HeaderMap, raw: Bytes) -> Response {
    script.received.lock().unwrap().push(Received { headers, raw });
    let behaviour = script.next.lock().unwrap().pop_front().or(*script.then.lock().unwrap());
    match behaviour {
        None => "thanks".into_response(),
        Some(Behaviour::Answer(status)) => (StatusCode::from_u16(status).unwrap(), "as told").into_response(),
        Some(Behaviour::Redirect) => (StatusCode::FOUND, [("location", "/elsewhere")]).into_response(),
        Some(Behaviour::Silence) => std::future::pending().await,
        Some(Behaviour::Endless) => (StatusCode::INTERNAL_SERVER_ERROR, "x".repeat(1024 * 1024)).into_response(),
    }
}

impl Api {
    /// Subscribes a receiver to everything about one kind of object; id and secret.
    pub async fn subscribe(&self, object_type: &str, url: &str) -> (String, String) {
        let answer = self.post("/webhook_subscriptions", json!({"object_type": object_type, "url": url})).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        (answer.id(), answer.body["secret"].as_str().unwrap().to_owned())
    }
}
