//! Stands before Monite: passes calls on and learns the secrets in the answers, or answers itself with all that it was sent.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::hunt::Secret;

/// Longer than anything the bridge sends.
const MOST_BYTES: usize = 1 << 20;

/// How it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// As Monite does.
    Works,
    /// 422 with the call in Monite's message.
    Refuses,
    /// 500 with the call as it came, in text.
    Fails,
    /// Half an answer with the call in it, then nothing.
    Cuts,
}

/// See the module.
pub(super) struct Echo {
    pub(super) base_url: String,
    shared: Arc<Shared>,
}

struct Shared {
    monite: String,
    http: reqwest::Client,
    mood: Mutex<Mood>,
    answered: AtomicUsize,
    secrets: Mutex<Vec<Secret>>,
}

impl Echo {
    /// Passes calls on to the Monite at `base_url`.
    pub(super) async fn before(base_url: &str, http: reqwest::Client) -> Self {
        let shared = Arc::new(Shared {
            monite: base_url.trim_end_matches("/v1").to_owned(),
            http,
            mood: Mutex::new(Mood::Works),
            answered: AtomicUsize::new(0),
            secrets: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { base_url, shared }
    }

    /// From now on it answers so. How many calls it answered itself until now.
    pub(super) fn set(&self, mood: Mood) -> usize {
        *self.shared.mood.lock().unwrap() = mood;
        self.answered()
    }

    /// How many calls it answered itself.
    pub(super) fn answered(&self) -> usize {
        self.shared.answered.load(Ordering::SeqCst)
    }

    /// What Monite's answers and the calls held that nobody else may see.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        self.shared.secrets.lock().unwrap().clone()
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, MOST_BYTES).await.unwrap();
    let mood = *shared.mood.lock().unwrap();
    if mood == Mood::Works {
        return pass_on(&shared, parts, body).await;
    }
    let call = format!("{} {}\n{:?}\n{}", parts.method, parts.uri, parts.headers, String::from_utf8_lossy(&body));
    let bearer = parts.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or("none").to_owned();
    let response = Response::builder().header("x-request-id", "echo").header("x-echo", bearer);
    let response = match mood {
        Mood::Refuses => response.status(422).header("content-type", "application/json").body(Body::from(
            json!({"error": {"message": call}, "detail": [{"msg": call, "loc": [call]}]}).to_string(),
        )),
        Mood::Fails => response.status(500).header("content-type", "text/plain").body(Body::from(call)),
        Mood::Works | Mood::Cuts => {
            let halves: [Result<Bytes, std::io::Error>; 2] =
                [Ok(Bytes::from(format!("{{\"access_token\":\"{call}"))), Err(std::io::Error::other("cut"))];
            response.header("content-type", "application/json").body(Body::from_stream(futures::stream::iter(halves)))
        }
    };
    shared.answered.fetch_add(1, Ordering::SeqCst);
    response.unwrap()
}

async fn pass_on(shared: &Shared, parts: axum::http::request::Parts, body: Bytes) -> Response {
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    let mut headers = parts.headers.clone();
    for hop in ["host", "content-length", "connection"] {
        headers.remove(hop);
    }
    let sent = String::from_utf8_lossy(&body).into_owned();
    let request = shared.http.request(parts.method, format!("{}{path}", shared.monite)).headers(headers).body(body);
    let answer = request.send().await.unwrap();
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        if name != "transfer-encoding" && name != "content-length" {
            response = response.header(name, value);
        }
    }
    let bytes = answer.bytes().await.unwrap();
    shared.learn(&sent, &bytes);
    response.body(Body::from(bytes)).unwrap()
}

impl Shared {
    fn learn(&self, sent: &str, answer: &[u8]) {
        let Ok(answer) = serde_json::from_slice::<Value>(answer) else { return };
        let mut secrets = self.secrets.lock().unwrap();
        if let Some(token) = answer["access_token"].as_str() {
            let what = if sent.contains("entity_user") { "a user's token" } else { "the partner's token" };
            secrets.push(Secret::text(what, token));
        }
        if let Some(secret) = answer["secret"].as_str() {
            secrets.push(Secret::text("the secret of a webhook", secret));
        }
    }
}
