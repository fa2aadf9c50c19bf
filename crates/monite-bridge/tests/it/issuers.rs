//! Sessions signed by an issuer: only what one of its keys signed is accepted, for as long as it shows that key.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use monite_bridge::config::SessionConfig;
use serde_json::{Value, json};

use crate::support::{Answer, Issuer, IssuerKey, Reply, Setup, TestBridge, key_set, unsigned};

mod alive;
mod asking;
mod file;

const ORIGIN: &str = "https://app.example.com";
const ISSUER: &str = "https://id.example.com";

/// Made once: finding large primes takes a while.
static RSA: LazyLock<IssuerKey> = LazyLock::new(|| IssuerKey::rsa("rsa"));
static OTHER_RSA: LazyLock<IssuerKey> = LazyLock::new(|| IssuerKey::rsa("other-rsa"));

/// A bridge whose sessions come from `issuer`, with Ana of Acme at Monite.
struct Stage {
    issuer: Issuer,
    bridge: TestBridge,
}

impl Stage {
    async fn with(keys: &[&IssuerKey]) -> Self {
        let issuer = Issuer::start(keys).await;
        let session = SessionConfig { jwks_url: Some(issuer.jwks_url()), ..strict() };
        Self { bridge: bridge(session).await, issuer }
    }

    fn claims(&self) -> Value {
        claims(&self.bridge)
    }

    async fn get(&self, token: &str) -> Answer {
        get(&self.bridge, token).await
    }

    async fn accepted(&self, token: &str) {
        let answer = self.get(token).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    async fn refused(&self, token: &str, reason: &str) {
        refused(&self.bridge, token, reason).await;
    }
}

fn strict() -> SessionConfig {
    SessionConfig { issuer: Some(ISSUER.to_owned()), audience: vec!["bridge".to_owned()], ..SessionConfig::default() }
}

async fn bridge(session: SessionConfig) -> TestBridge {
    let cors_origins = vec![ORIGIN.to_owned()];
    let bridge = TestBridge::with(Setup { session: Some(session), cors_origins, ..Setup::default() }).await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "viewer").await;
    bridge.settle().await;
    bridge
}

fn claims(bridge: &TestBridge) -> Value {
    let now = bridge.clock_now().as_second();
    json!({"org_id": "acme", "sub": "ana", "exp": now + 36_000, "iss": ISSUER, "aud": ["other", "bridge"]})
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

/// Asks as a page does. Whatever comes, the page can read it, and the token is in no log.
async fn get(bridge: &TestBridge, token: &str) -> Answer {
    bridge.keep_secret(token);
    let answer = bridge.anonymous("GET", "/v1/token").bearer(token).header("origin", ORIGIN).send().await;
    assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN), "{answer:?}");
    let exposed = answer.header("access-control-expose-headers").unwrap_or_default();
    assert!(exposed.contains("retry-after") && exposed.contains("www-authenticate"), "{exposed}");
    answer
}

async fn refused(bridge: &TestBridge, token: &str, reason: &str) {
    let answer = get(bridge, token).await;
    assert_eq!((answer.status, answer.problem()), (401, "invalid-session".to_owned()), "{reason}: {answer:?}");
    assert!(answer.json()["detail"].as_str().unwrap().contains(reason), "{reason}: {answer:?}");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"session\", error=\"invalid_token\""));
    assert!(!answer.text().contains(token), "a refusal does not repeat the token");
}

#[tokio::test]
async fn every_kind_of_key_signs_sessions_with_its_own_algorithm() {
    let (ec, ed) = (IssuerKey::ec("ec"), IssuerKey::ed("ed"));
    let stage = Stage::with(&[&RSA, &ec, &ed]).await;
    for key in [&*RSA, &ec, &ed] {
        stage.accepted(&key.token(&stage.claims())).await;
        // Also when the token does not name its key: only one fits.
        stage.accepted(&key.token_with(&json!({"alg": key.alg()}), &stage.claims())).await;
    }
    assert_eq!(stage.issuer.key_asks(), 1);
}

#[tokio::test]
async fn a_forged_signature_is_refused() {
    let (ec, ed) = (IssuerKey::ec("ec"), IssuerKey::ed("ed"));
    let forgers = [IssuerKey::rsa("rsa"), IssuerKey::ec("ec"), IssuerKey::ed("ed")];
    let stage = Stage::with(&[&RSA, &ec, &ed]).await;
    for (real, forger) in [&*RSA, &ec, &ed].into_iter().zip(&forgers) {
        stage.refused(&forger.token(&stage.claims()), "its signature does not fit the issuer's key").await;
        let good = real.token(&stage.claims());
        let signature = good.rsplit('.').next().unwrap();
        let changed = unsigned(&real.header(), &with(stage.claims(), "sub", json!("ben")));
        for bad in ["", "AA", "%%", signature] {
            stage.refused(&format!("{changed}.{bad}"), "its signature does not fit the issuer's key").await;
        }
    }
}

#[tokio::test]
async fn an_expired_session_is_refused() {
    let stage = Stage::with(&[&RSA]).await;
    let now = stage.bridge.clock_now().as_second();
    stage.refused(&RSA.token(&with(stage.claims(), "exp", json!(now - 30))), "it has expired").await;
    let ending = RSA.token(&with(stage.claims(), "exp", json!(now - 29)));
    stage.accepted(&ending).await;
    stage.bridge.advance(1);
    stage.refused(&ending, "it has expired").await;
}

#[tokio::test]
async fn a_session_that_is_not_valid_yet_is_refused() {
    let stage = Stage::with(&[&RSA]).await;
    let now = stage.bridge.clock_now().as_second();
    stage.refused(&RSA.token(&with(stage.claims(), "nbf", json!(now + 31))), "it is not valid yet").await;
    stage.accepted(&RSA.token(&with(stage.claims(), "nbf", json!(now + 30)))).await;
}

#[tokio::test]
async fn a_session_with_the_algorithm_none_is_refused() {
    let stage = Stage::with(&[&RSA]).await;
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        for header in [json!({"alg": alg}), json!({"alg": alg, "kid": "rsa"})] {
            for signature in ["", "AA"] {
                let token = format!("{}.{signature}", unsigned(&header, &stage.claims()));
                stage.refused(&token, "its algorithm (alg) is none of RS256, ES256 and EdDSA").await;
            }
        }
    }
    let token = format!("{}.", unsigned(&json!({"kid": "rsa"}), &stage.claims()));
    stage.refused(&token, "its algorithm (alg) is none of RS256, ES256 and EdDSA").await;
}

#[tokio::test]
async fn a_session_for_another_audience_is_refused() {
    let stage = Stage::with(&[&RSA]).await;
    for aud in [json!("other"), json!(["other"]), json!([]), json!("Bridge"), json!({"bridge": true}), json!(null)] {
        stage.refused(&RSA.token(&with(stage.claims(), "aud", aud)), "it is meant for another audience").await;
    }
    stage.accepted(&RSA.token(&with(stage.claims(), "aud", json!("bridge")))).await;
}

#[tokio::test]
async fn a_session_of_another_issuer_is_refused() {
    let stage = Stage::with(&[&RSA]).await;
    for iss in [json!("https://id.example.com/"), json!("https://evil.example"), json!([ISSUER]), json!(null)] {
        stage
            .refused(&RSA.token(&with(stage.claims(), "iss", iss)), "its issuer (iss) is not the configured one")
            .await;
    }
}

#[tokio::test]
async fn a_public_key_is_no_shared_secret() {
    let (ec, ed) = (IssuerKey::ec("ec"), IssuerKey::ed("ed"));
    let stage = Stage::with(&[&RSA, &ec, &ed]).await;
    for key in [&*RSA, &ec, &ed] {
        let jwk = key.jwk();
        let shown = [key.public_bytes(), jwk.to_string().into_bytes(), jwk["x"].as_str().unwrap_or("").into(), vec![]];
        for secret in shown {
            for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
                let header = Header { kid: key.kid.map(str::to_owned), ..Header::new(algorithm) };
                let token = jsonwebtoken::encode(&header, &stage.claims(), &EncodingKey::from_secret(&secret)).unwrap();
                stage.refused(&token, "its algorithm (alg) is none of RS256, ES256 and EdDSA").await;
            }
        }
    }
}

#[tokio::test]
async fn a_key_signs_with_its_own_algorithm_only() {
    let (ec, ed) = (IssuerKey::ec("ec"), IssuerKey::ed("ed"));
    let stage = Stage::with(&[&RSA, &ec, &ed]).await;
    for (key, claimed) in [(&*RSA, "ES256"), (&*RSA, "EdDSA"), (&ec, "RS256"), (&ec, "EdDSA"), (&ed, "RS256")] {
        let header = json!({"alg": claimed, "kid": key.kid});
        let reason = format!("its algorithm (alg) is not {}, the only one its key is for", key.alg());
        stage.refused(&key.token_with(&header, &stage.claims()), &reason).await;
    }
    let ps256 = RSA.token_with(&json!({"alg": "PS256", "kid": "rsa"}), &stage.claims());
    stage.refused(&ps256, "its algorithm (alg) is none of RS256, ES256 and EdDSA").await;
}

#[tokio::test]
async fn a_session_under_the_name_of_another_key_is_refused() {
    let ec = IssuerKey::ec("ec");
    let stage = Stage::with(&[&RSA, &OTHER_RSA, &ec]).await;
    let confused = RSA.token_with(&json!({"alg": "RS256", "kid": "other-rsa"}), &stage.claims());
    stage.refused(&confused, "its signature does not fit the issuer's key").await;
    let confused = RSA.token_with(&json!({"alg": "RS256", "kid": "ec"}), &stage.claims());
    stage.refused(&confused, "its algorithm (alg) is not ES256").await;
    let nameless = RSA.token_with(&json!({"alg": "RS256"}), &stage.claims());
    stage.refused(&nameless, "it names no key (kid), and the issuer shows several for its algorithm").await;
}

#[tokio::test]
async fn a_session_with_an_unknown_key_is_refused() {
    let (ed, stranger) = (IssuerKey::ed("ed"), IssuerKey::ed("stranger"));
    let stage = Stage::with(&[&ed]).await;
    stage.refused(&stranger.token(&stage.claims()), "its key (kid) is not among those that the issuer shows").await;
    let renamed = ed.token_with(&json!({"alg": "EdDSA", "kid": "ED"}), &stage.claims());
    stage.refused(&renamed, "its key (kid) is not among those that the issuer shows").await;
    let kid_of_another_kind = ed.token_with(&json!({"alg": "EdDSA", "kid": ["ed"]}), &stage.claims());
    stage.refused(&kid_of_another_kind, "the name of its key (kid) is not a string").await;
}

#[tokio::test]
async fn two_keys_under_one_name_are_told_apart_by_nothing() {
    let (one, two, nameless) = (IssuerKey::ed("twin"), IssuerKey::ed("twin"), IssuerKey::ed("x").nameless());
    let stage = Stage::with(&[&one, &two]).await;
    for key in [&one, &two] {
        stage.refused(&key.token(&stage.claims()), "the issuer shows several keys under the name of its key").await;
    }
    let stage = Stage::with(&[&nameless]).await;
    stage.accepted(&nameless.token(&stage.claims())).await;
    let stage = Stage::with(&[&nameless, &one]).await;
    stage.refused(&nameless.token(&stage.claims()), "it names no key (kid), and the issuer shows several").await;
}

#[tokio::test]
async fn a_missing_claim_is_named() {
    let stage = Stage::with(&[&RSA]).await;
    for name in ["exp", "iss", "aud", "org_id", "sub"] {
        let mut claims = stage.claims();
        claims.as_object_mut().unwrap().remove(name);
        stage.refused(&RSA.token(&claims), &format!("the claim {name} is missing")).await;
    }
}

#[tokio::test]
async fn path_tricks_in_claims_are_refused_without_their_value() {
    let stage = Stage::with(&[&RSA]).await;
    let long = "a".repeat(201);
    let tricks =
        ["../beta", "acme/users/ben", "acme%2fben", "%2e%2e%2f", "acme ", " acme", "ac me", "acme\n", "acme\0", "äcme"];
    for trick in tricks.into_iter().chain(["acme?x=1", "acme#x", "acme;x", "\\\\acme", "", &long]) {
        for name in ["org_id", "sub"] {
            let token = RSA.token(&with(stage.claims(), name, json!(trick)));
            stage.refused(&token, &format!("the claim {name} is not an id")).await;
            let text = stage.get(&token).await.text().to_owned();
            assert!(trick.len() < 3 || !text.contains(trick), "the value is in {text}");
        }
    }
    for value in [json!(7), json!(["acme"]), json!({"id": "acme"}), json!(null), json!(true)] {
        stage.refused(&RSA.token(&with(stage.claims(), "org_id", value)), "the claim org_id is not a string").await;
    }
    // Dots alone are letters of an id here, not ways; nobody has such an id.
    for dots in [".", ".."] {
        let answer = stage.get(&RSA.token(&with(stage.claims(), "sub", json!(dots)))).await;
        assert_eq!((answer.status, answer.problem()), (403, "user-not-known".to_owned()));
    }
}

#[tokio::test]
async fn an_oversized_token_is_refused_unread() {
    let stage = Stage::with(&[&RSA]).await;
    let token = RSA.token(&with(stage.claims(), "roles", json!("r".repeat(13_000))));
    stage.refused(&token, "it is longer than 16 KiB").await;
}

#[tokio::test]
async fn an_oversized_header_is_refused() {
    let stage = Stage::with(&[&RSA]).await;
    let asks = stage.issuer.key_asks();
    let long_name = json!({"alg": "RS256", "kid": "k".repeat(10_000)});
    stage.refused(&RSA.token_with(&long_name, &stage.claims()), "its header is longer than 8 KiB").await;
    let name = json!({"alg": "RS256", "kid": "k".repeat(1_000)});
    stage.refused(&RSA.token_with(&name, &stage.claims()), "the name of its key (kid) is longer than 512 bytes").await;
    assert_eq!(stage.issuer.key_asks(), asks.max(1), "nobody was asked about them");
}

#[tokio::test]
async fn keys_that_a_token_brings_along_are_ignored() {
    let stage = Stage::with(&[&RSA]).await;
    let evil = IssuerKey::rsa("rsa");
    let evil_issuer = Issuer::start(&[&evil]).await;
    for (name, value) in [
        ("jwk", evil.jwk()),
        ("jku", json!(evil_issuer.jwks_url())),
        ("x5u", json!(evil_issuer.jwks_url())),
        ("x5c", json!(["MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A"])),
    ] {
        let header = with(RSA.header(), name, value);
        stage.refused(&evil.token_with(&header, &stage.claims()), "its signature does not fit the issuer's key").await;
        stage.accepted(&RSA.token_with(&header, &stage.claims())).await;
    }
    assert_eq!(evil_issuer.key_asks(), 0);
}

#[tokio::test]
async fn extensions_that_must_be_understood_are_refused() {
    let stage = Stage::with(&[&RSA]).await;
    for crit in [json!(["b64"]), json!(["exp"]), json!([]), json!(null)] {
        let header = with(RSA.header(), "crit", crit);
        stage.refused(&RSA.token_with(&header, &stage.claims()), "its header demands extensions (crit)").await;
    }
}

#[tokio::test]
async fn a_short_rsa_key_signs_nothing() {
    let stage = Stage::with(&[&RSA]).await;
    stage.accepted(&RSA.token(&stage.claims())).await;
    let mut jwk = RSA.jwk();
    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    jwk["n"] = json!(URL_SAFE_NO_PAD.encode(&modulus[..128]));
    stage.issuer.answer_keys(Reply::Json(json!({"keys": [jwk]})));
    stage.advance(600).await;
    let token = RSA.token(&stage.claims());
    asking::eventually("the short key is there", async || stage.get(&token).await.status == 401).await;
    stage.refused(&token, "its key (kid) is not among those that the issuer shows").await;
    assert_eq!(stage.bridge.logged(&["1024 bits", &stage.issuer.jwks_url()]), 1);
}
