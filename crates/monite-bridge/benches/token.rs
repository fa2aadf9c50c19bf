//! What it costs to hand a browser the token that is in memory already: `POST /v1/token` with a session JWT (HS256).
//!
//! `cargo bench -p monite-bridge --bench token`
//!
//! Ours is the whole API, logging as `serve` does. Beside it stand handlers on bare axum that answer the same JSON, one for each
//! thing that has to be done about the session: remember it by the hash of its token (the limit), nothing at all, or verify it
//! every time. The rows over sockets show CPU time of the server's thread for one request, HTTP and system calls included; the aim
//! is theirs. The rows in process leave HTTP and sockets out, so the same difference is a larger part of less.

// A benchmark that cannot be set up has nobody to tell but the person who started it.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use monite_bridge::assemble::{Bridge, Setup};
use monite_bridge::config::{Config, EnvCredentials, MoniteTarget, Secrets};
use monite_bridge::domain::document::{CustomerDocument, UserDocument};
use monite_bridge::domain::{CustomerId, UserId};
use monite_bridge::http::App;
use monite_bridge::store::Precondition;
use monite_sandbox::{RateLimit, Sandbox};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use side_by_side::{Aim, Call, Effort, Server, Table, in_process, measure, over_sockets};
use tokio_util::sync::CancellationToken;

const SESSION_SECRET: &str = "a session secret of more than 32 bytes";

/// People who log in at the same time.
const USERS: usize = 100;

fn main() {
    log_like_serve();
    let (people, bridge) = Server::start(bridge);
    let calls: Vec<Call> = (0..USERS).map(|user| Call::new("POST", "/v1/token").bearer(&session(user))).collect();
    let bare = Arc::new(Bare::new(SESSION_SECRET));
    let limits = [post(with_remembered_session), post(without_session), post(with_verified_session)]
        .map(|handler| Router::new().route("/v1/token", handler).with_state(Arc::clone(&bare)));

    let table = Table::begin("POST /v1/token, cached: CPU time of the server for one request, over sockets");
    let servers = limits.clone().map(Server::of);
    let [ours, remembered, none, verified] = measure(
        Effort::SERVER,
        [
            over_sockets(&people, &calls),
            over_sockets(&servers[0], &calls),
            over_sockets(&servers[1], &calls),
            over_sockets(&servers[2], &calls),
        ],
    );
    table.cost("beside bare axum + remembered session", ours, remembered, Aim::AtMost(1.5));
    table.cost("beside bare axum, no session at all", ours, none, Aim::None);
    table.cost("beside bare axum, session verified each time", ours, verified, Aim::None);

    let table = Table::begin("POST /v1/token, cached: time for one request, in process");
    let [ours, remembered, none, verified] = measure(
        Effort::IN_PROCESS,
        [
            in_process(&bridge, &calls),
            in_process(&limits[0], &calls),
            in_process(&limits[1], &calls),
            in_process(&limits[2], &calls),
        ],
    );
    table.cost("beside bare axum + remembered session", ours, remembered, Aim::None);
    table.cost("beside bare axum, no session at all", ours, none, Aim::None);
    table.cost("beside bare axum, session verified each time", ours, verified, Aim::None);
}

/// The log of `serve`, written to nowhere.
fn log_like_serve() {
    let log = tracing_subscriber::fmt().with_env_filter("info").with_ansi(false).with_target(false);
    log.with_writer(std::io::sink).init();
}

/// A bridge with one customer whose users are at Monite, and a token of each in memory. Serves; the same API comes back as a router.
async fn bridge() -> (std::net::SocketAddr, Router) {
    let sandbox = Sandbox::builder().rate_limit(RateLimit::Off).start().await.unwrap();
    let mut setup = Setup::new(config(&sandbox), secrets(&sandbox));
    setup.rate_limit = None;
    let bridge = Bridge::assemble(setup).await.unwrap();
    let customer = CustomerId::parse("acme").unwrap();
    let document = CustomerDocument::parse(&json!({
        "type": "organization", "email": "accounts@acme.example.com", "organization": {"legal_name": "Acme GmbH"},
        "address": {"country": "DE", "city": "Berlin", "line1": "Musterweg 1", "postal_code": "10115"},
    }));
    bridge.store.put_customer(&customer, &document.unwrap(), Precondition::None, bridge.now()).await.unwrap();
    for user in 0..USERS {
        let document = json!({"login": user_id(user), "first_name": "Ana", "role": "viewer"});
        let document = UserDocument::parse(&document, &bridge.setup.templates).unwrap();
        let user = UserId::parse(&user_id(user)).unwrap();
        bridge.store.put_user(&customer, &user, &document, Precondition::None, bridge.now()).await.unwrap();
    }
    while bridge.store.next_due().await.unwrap().is_some() {
        bridge.reconciler.pass(None, &CancellationToken::new()).await.unwrap();
    }
    for user in 0..USERS {
        bridge.broker.token_for(&customer, &UserId::parse(&user_id(user)).unwrap()).await.unwrap();
    }
    sandbox.shutdown().await;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = |stopping| -> App { bridge.app(stopping).unwrap() };
    let router = monite_bridge::http::router(app(CancellationToken::new()));
    tokio::spawn(monite_bridge::http::serve(listener, app(CancellationToken::new())));
    (address, router)
}

fn config(sandbox: &Sandbox) -> Config {
    let mut config = Config::default();
    config.monite.target = MoniteTarget::BaseUrl(sandbox.base_url());
    config.database.url = "sqlite::memory:".to_owned().into();
    // In place, like in a service, but never met.
    (config.session.rate_limit, config.session.address_rate_limit) = (Some(100_000), Some(100_000));
    config.session.hs256_secret_env = Some("SESSION_SECRET".to_owned());
    config
}

fn secrets(sandbox: &Sandbox) -> Secrets {
    let credentials = EnvCredentials {
        client_id: sandbox.client_id().to_owned(),
        client_secret: SecretString::from(sandbox.client_secret()),
    };
    Secrets {
        credentials: Some(credentials),
        session_hs256: Some(SecretString::from(SESSION_SECRET)),
        ..Secrets::default()
    }
}

fn user_id(number: usize) -> String {
    format!("user-{number}")
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Claims {
    org_id: String,
    sub: String,
    exp: u64,
}

/// A session good for an hour.
fn session(user: usize) -> String {
    // The session is judged by the clock on the wall, like the API that is measured.
    #[allow(clippy::disallowed_methods)]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = Claims { org_id: "acme".to_owned(), sub: user_id(user), exp: now + 3600 };
    let key = EncodingKey::from_secret(SESSION_SECRET.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap()
}

/// The least that has to be done.
struct Bare {
    key: DecodingKey,
    rules: Validation,
    remembered: RwLock<HashMap<[u8; 32], Claims>>,
}

/// What all of them answer, as long as the bridge's answer.
#[derive(Serialize)]
struct Answer<'a> {
    access_token: &'a str,
    token_type: &'a str,
    expires_in: u64,
    entity_id: &'a str,
    entity_user_id: &'a str,
    api_url: &'a str,
}

impl Bare {
    fn new(secret: &str) -> Self {
        let key = DecodingKey::from_secret(secret.as_bytes());
        Self { key, rules: Validation::new(Algorithm::HS256), remembered: RwLock::default() }
    }

    fn verify(&self, token: &str) -> Option<Claims> {
        jsonwebtoken::decode::<Claims>(token, &self.key, &self.rules).ok().map(|token| token.claims)
    }

    fn remember(&self, token: &str) -> Option<Claims> {
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some(claims) = self.remembered.read().unwrap().get(&hash) {
            return Some(claims.clone());
        }
        let claims = self.verify(token)?;
        self.remembered.write().unwrap().insert(hash, claims.clone());
        Some(claims)
    }
}

async fn with_remembered_session(State(bare): State<Arc<Bare>>, headers: HeaderMap) -> Response {
    answer_if(bearer(&headers).and_then(|token| bare.remember(token)).is_some())
}

async fn with_verified_session(State(bare): State<Arc<Bare>>, headers: HeaderMap) -> Response {
    answer_if(bearer(&headers).and_then(|token| bare.verify(token)).is_some())
}

async fn without_session(headers: HeaderMap) -> Response {
    answer_if(bearer(&headers).is_some())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn answer_if(is_known: bool) -> Response {
    if !is_known {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let answer = Answer {
        access_token: "uF1xTgAh2mB0p9KqLwZ4sVnYtR7cD3eJ6iO8aXyHbQkMvNfG",
        token_type: "Bearer",
        expires_in: 1742,
        entity_id: "6c1f0a0e-6f0b-4a53-9a7e-2a1f3f0a9d11",
        entity_user_id: "0b0f7a52-9f7c-4a4e-8a54-5d0c86b1f7f2",
        api_url: "http://127.0.0.1:50000/v1",
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response()
}
