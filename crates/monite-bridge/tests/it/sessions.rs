//! The browser's route: a session of the product gets its own user's token and nothing else.

use monite_bridge::config::SessionConfig;
use serde_json::json;

use crate::support::{Setup, TestBridge};

async fn with_ana(setup: Setup) -> TestBridge {
    let bridge = TestBridge::with(setup).await;
    for customer in ["acme", "beta"] {
        bridge.put_customer(customer).await;
    }
    bridge.put_user("acme", "ana", "viewer").await;
    bridge.settle().await;
    bridge
}

#[tokio::test]
async fn a_session_gets_its_own_users_token_by_get_and_by_post() {
    let bridge = with_ana(Setup::default()).await;
    let session = bridge.session("acme", "ana");
    let got = bridge.token_for(&session).await;
    assert_eq!(got.status, 200, "{got:?}");
    let answer = got.json();
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["expires_in"], 1800);
    assert_eq!(answer["api_url"], "http://sandbox.invalid/v1");
    assert_eq!(answer["entity_id"], bridge.entity_id("acme").await);
    assert_eq!((got.header("cache-control"), got.header("pragma")), (Some("no-store"), Some("no-cache")));
    let posted = bridge.anonymous("POST", "/v1/token").bearer(&session).body("application/json", "{}").send().await;
    assert_eq!(posted.json(), answer);
}

#[tokio::test]
async fn a_session_of_somebody_unknown_gets_nothing() {
    let bridge = with_ana(Setup::default()).await;
    for (customer, user) in [("acme", "ben"), ("beta", "ana"), ("nobody", "ana")] {
        let answer = bridge.token_for(&bridge.session(customer, user)).await;
        assert_eq!((answer.status, answer.problem()), (403, "user-not-known".to_owned()), "{customer}/{user}");
    }
    assert_eq!(bridge.sandbox.calls("POST /auth/token"), 1, "the partner's own token, and no user's");
}

#[tokio::test]
async fn every_refusal_says_what_the_issuer_has_to_mend() {
    let strict = SessionConfig {
        issuer: Some("https://id.example.com".to_owned()),
        audience: vec!["bridge".to_owned()],
        ..SessionConfig::default()
    };
    let bridge = with_ana(Setup { session: Some(strict), ..Setup::default() }).await;
    let now = bridge.clock_now().as_second();
    let good =
        json!({"org_id": "acme", "sub": "ana", "exp": now + 60, "iss": "https://id.example.com", "aud": "bridge"});
    assert_eq!(bridge.token_for(&bridge.sign(&good)).await.status, 200);
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = good.clone();
        claims[name] = value;
        bridge.sign(&claims)
    };
    let mut no_exp = good.clone();
    no_exp.as_object_mut().unwrap().remove("exp");
    let unsigned = bridge.sign(&good).rsplit_once('.').unwrap().0.to_owned() + ".";
    let none = "eyJhbGciOiJub25lIn0.".to_owned() + bridge.sign(&good).split('.').nth(1).unwrap() + ".";
    for (session, reason) in [
        (none, "its algorithm is not HS256"),
        (unsigned, "its signature does not fit"),
        (bridge.sign(&no_exp), "the claim exp is missing"),
        (with("exp", json!(now - 31)), "it has expired"),
        (with("nbf", json!(now + 3600)), "it is not valid yet"),
        (with("aud", json!("other")), "another audience"),
        (with("iss", json!("https://evil.example")), "its issuer"),
        (with("org_id", json!(null)), "the claim org_id is not a string"),
        (with("sub", json!("a/b")), "the claim sub is not an id"),
        (TestBridge::API_KEY.to_owned(), "it is not a JWT"),
    ] {
        let answer = bridge.token_for(&session).await;
        assert_eq!((answer.status, answer.problem()), (401, "invalid-session".to_owned()), "{reason}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(reason), "{reason}: {answer:?}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"session\", error=\"invalid_token\""));
        assert!(!answer.text().contains(&session), "a refusal does not repeat the token");
    }
    let missing = bridge.anonymous("GET", "/v1/token").send().await;
    assert_eq!((missing.status, missing.header("www-authenticate")), (401, Some("Bearer realm=\"session\"")));
}

#[tokio::test]
async fn a_session_that_was_accepted_before_still_ends() {
    let bridge = with_ana(Setup::default()).await;
    let session = bridge.sign(&json!({"org_id": "acme", "sub": "ana", "exp": bridge.clock_now().as_second() + 60}));
    assert_eq!(bridge.token_for(&session).await.status, 200);
    bridge.advance(89);
    assert_eq!(bridge.token_for(&session).await.status, 200);
    bridge.advance(1);
    assert_eq!(bridge.token_for(&session).await.problem(), "invalid-session");
}

#[tokio::test]
async fn without_a_session_configuration_the_route_says_so() {
    let bridge = TestBridge::with(Setup { session: None, ..Setup::default() }).await;
    let answer = bridge.token_for("anything").await;
    assert_eq!((answer.status, answer.problem()), (404, "sessions-not-configured".to_owned()));
}
