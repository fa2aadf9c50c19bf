//! An issuer of sessions: real keys, and a server on this machine that shows their public halves.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};
use tokio::sync::watch;

/// A key pair of an issuer. It signs without any code of the bridge, and whatever header it is told to.
pub(crate) struct IssuerKey {
    pub(crate) kid: Option<&'static str>,
    pair: Pair,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl IssuerKey {
    pub(crate) fn rsa(kid: &'static str) -> Self {
        Self { kid: Some(kid), pair: Pair::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())) }
    }

    pub(crate) fn ec(kid: &'static str) -> Self {
        Self { kid: Some(kid), pair: Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()) }
    }

    pub(crate) fn ed(kid: &'static str) -> Self {
        Self { kid: Some(kid), pair: Pair::Ed(Ed25519KeyPair::generate().unwrap()) }
    }

    pub(crate) fn nameless(mut self) -> Self {
        self.kid = None;
        self
    }

    pub(crate) fn alg(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Ec(_) => "ES256",
            Pair::Ed(_) => "EdDSA",
        }
    }

    /// The public half as the issuer shows it.
    pub(crate) fn jwk(&self) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match &self.pair {
            Pair::Rsa(pair) => {
                let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({"kty": "RSA", "n": encode(&n), "e": encode(&e)})
            }
            Pair::Ec(pair) => {
                let point = pair.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..])})
            }
            Pair::Ed(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref())}),
        };
        if let Some(kid) = self.kid {
            jwk["kid"] = json!(kid);
        }
        jwk["use"] = json!("sig");
        jwk
    }

    /// What of the public half an attacker might use as if it were a shared secret.
    pub(crate) fn public_bytes(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_der().unwrap().as_ref().to_vec(),
            Pair::Ec(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// The usual header.
    pub(crate) fn header(&self) -> Value {
        let mut header = json!({"typ": "JWT", "alg": self.alg()});
        if let Some(kid) = self.kid {
            header["kid"] = json!(kid);
        }
        header
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.token_with(&self.header(), claims)
    }

    /// Signed properly, whatever the header says.
    pub(crate) fn token_with(&self, header: &Value, claims: &Value) -> String {
        let signed = unsigned(header, claims);
        let message = signed.as_bytes();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
                signature
            }
            Pair::Ec(pair) => pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Header and claims as they are signed.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// What the issuer answers from now on.
#[derive(Clone)]
pub(crate) enum Reply {
    Json(Value),
    Status(u16),
    /// Spaces: a body of that length which says nothing before its end.
    Spaces(usize),
    Redirect(String),
    /// A body that never ends and does not say how long it is.
    Endless,
}

/// One place of the issuer.
struct Place {
    reply: Mutex<Reply>,
    /// What it answered at first.
    first: Reply,
    asks: AtomicUsize,
    open: watch::Sender<bool>,
    /// Authorization and body of each ask.
    heard: Mutex<Vec<(String, String)>>,
}

impl Place {
    fn new(reply: Reply) -> Arc<Self> {
        let (first, reply, asks) = (reply.clone(), Mutex::new(reply), AtomicUsize::new(0));
        Arc::new(Self { reply, first, asks, open: watch::Sender::new(true), heard: Mutex::default() })
    }

    async fn answer(self: Arc<Self>, headers: HeaderMap, body: String) -> Response {
        let authorization = headers.get(header::AUTHORIZATION).map_or("", |value| value.to_str().unwrap());
        self.heard.lock().unwrap().push((authorization.to_owned(), body));
        self.asks.fetch_add(1, Ordering::SeqCst);
        self.open.subscribe().wait_for(|open| *open).await.unwrap();
        let reply = self.reply.lock().unwrap().clone();
        render(reply)
    }
}

fn render(reply: Reply) -> Response {
    match reply {
        Reply::Json(document) => axum::Json(document).into_response(),
        Reply::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Reply::Spaces(length) => vec![b' '; length].into_response(),
        Reply::Endless => {
            let space = || Ok::<_, std::io::Error>(bytes::Bytes::from(vec![b' '; 4096]));
            axum::body::Body::from_stream(futures::stream::repeat_with(space)).into_response()
        }
        Reply::Redirect(to) => (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
    }
}

/// See the module.
pub(crate) struct Issuer {
    url: String,
    port: u16,
    keys: Arc<Place>,
    checks: Arc<Place>,
    server: tokio::task::JoinHandle<()>,
}

impl Issuer {
    /// Shows these keys.
    pub(crate) async fn start(keys: &[&IssuerKey]) -> Self {
        let (keys, checks) = (Place::new(Reply::Json(key_set(keys))), Place::new(Reply::Json(json!({"active": true}))));
        let at = |place: &Arc<Place>| Arc::clone(place);
        let router = Router::new()
            .route(
                "/jwks",
                get(|State(place): State<Arc<Place>>, headers: HeaderMap| place.answer(headers, String::new())),
            )
            .route("/moved", get(|State(place): State<Arc<Place>>| async move { render(place.first.clone()) }))
            .with_state(at(&keys))
            .merge(
                Router::new()
                    .route(
                        "/introspect",
                        post(|State(place): State<Arc<Place>>, headers: HeaderMap, body: String| {
                            place.answer(headers, body)
                        }),
                    )
                    .route(
                        "/introspect-moved",
                        any(|State(place): State<Arc<Place>>| async move { render(place.first.clone()) }),
                    )
                    .with_state(at(&checks)),
            );
        // On every address of this machine, so that one that is not the loopback leads here, too.
        let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url: format!("http://127.0.0.1:{port}"), port, keys, checks, server }
    }

    pub(crate) fn jwks_url(&self) -> String {
        format!("{}/jwks", self.url)
    }

    pub(crate) fn introspection_url(&self) -> String {
        format!("{}/introspect", self.url)
    }

    /// Where every session is alive, whoever asks.
    pub(crate) fn moved_introspection_url(&self) -> String {
        format!("{}/introspect-moved", self.url)
    }

    /// Where the keys of the start always are, under this host.
    pub(crate) fn moved_url(&self, host: &str) -> String {
        format!("http://{host}:{}/moved", self.port)
    }

    pub(crate) fn show(&self, keys: &[&IssuerKey]) {
        self.answer_keys(Reply::Json(key_set(keys)));
    }

    pub(crate) fn answer_keys(&self, reply: Reply) {
        *self.keys.reply.lock().unwrap() = reply;
    }

    /// How often its keys were asked for.
    pub(crate) fn key_asks(&self) -> usize {
        self.keys.asks.load(Ordering::SeqCst)
    }

    /// Keys are not answered until [`Issuer::let_go`].
    pub(crate) fn hold(&self) {
        self.keys.open.send_replace(false);
        self.checks.open.send_replace(false);
    }

    pub(crate) fn let_go(&self) {
        self.keys.open.send_replace(true);
        self.checks.open.send_replace(true);
    }

    pub(crate) fn answer_checks(&self, reply: Reply) {
        *self.checks.reply.lock().unwrap() = reply;
    }

    /// How often it was asked whether a session is still alive.
    pub(crate) fn check_asks(&self) -> usize {
        self.checks.asks.load(Ordering::SeqCst)
    }

    /// Authorization and body of the latest such ask.
    pub(crate) fn last_check(&self) -> (String, String) {
        self.checks.heard.lock().unwrap().last().cloned().expect("nobody asked")
    }

    /// Waits until `done` holds of it, and says what for when that takes too long.
    pub(crate) async fn wait(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !done(self) {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(std::time::Duration::from_secs(20), waiting).await;
        assert!(waited.is_ok(), "waited 20 s until {what}");
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub(crate) fn key_set(keys: &[&IssuerKey]) -> Value {
    json!({"keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()})
}
