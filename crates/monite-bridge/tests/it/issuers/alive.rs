//! Where the issuer is asked whether a session is still alive (RFC 7662): a yes counts for a while, everything else for no.

use std::time::Duration;

use base64::engine::general_purpose::STANDARD;
use monite_bridge::config::IntrospectionConfig;

use super::*;
use crate::support::INTROSPECTION_SECRET;

/// Keys from the same issuer, and each session asked about.
async fn stage(key: &IssuerKey, remember: u64) -> Stage {
    let issuer = Issuer::start(&[key]).await;
    let introspection = IntrospectionConfig {
        url: issuer.introspection_url(),
        client_id: "bridge:1".to_owned(),
        remember: Duration::from_secs(remember),
    };
    let session = SessionConfig { jwks_url: Some(issuer.jwks_url()), introspection: Some(introspection), ..strict() };
    Stage { bridge: bridge(session).await, issuer }
}

impl Stage {
    async fn unchecked(&self, token: &str) {
        let answer = self.get(token).await;
        assert_eq!((answer.status, answer.problem()), (503, "session-check-unavailable".to_owned()), "{answer:?}");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
}

#[tokio::test]
async fn a_session_is_asked_about_once_in_a_while() {
    let key = IssuerKey::ed("key");
    let stage = stage(&key, 30).await;
    let token = key.token(&stage.claims());
    for _ in 0..3 {
        stage.accepted(&token).await;
    }
    assert_eq!(stage.issuer.check_asks(), 1);
    let (authorization, body) = stage.issuer.last_check();
    assert_eq!(body, format!("token={token}&token_type_hint=access_token"));
    // RFC 6749, section 2.3.1: both are form-encoded before they are joined.
    let credentials = STANDARD.encode("bridge%3A1:s3cr3t%3Aintrospection%2Bof+the+test%25");
    assert!(INTROSPECTION_SECRET.contains(':'));
    assert_eq!(authorization, format!("Basic {credentials}"));
    stage.bridge.keep_secret(&credentials);
    stage.bridge.advance(29);
    stage.accepted(&token).await;
    assert_eq!(stage.issuer.check_asks(), 1);
    stage.bridge.advance(1);
    stage.accepted(&token).await;
    assert_eq!(stage.issuer.check_asks(), 2);
    // Each session for itself.
    stage.accepted(&key.token(&with(stage.claims(), "jti", json!(2)))).await;
    assert_eq!(stage.issuer.check_asks(), 3);
    let metrics = stage.bridge.get("/metrics").await;
    assert!(metrics.text().contains("monite_bridge_session_checks_total{outcome=\"alive\"} 3"), "{metrics:?}");
}

#[tokio::test]
async fn an_ended_session_is_refused() {
    let key = IssuerKey::ed("key");
    let stage = stage(&key, 30).await;
    let token = key.token(&stage.claims());
    stage.accepted(&token).await;
    stage.issuer.answer_checks(Reply::Json(json!({"active": false})));
    stage.accepted(&token).await;
    stage.bridge.advance(30);
    stage.refused(&token, "the issuer says that the session has ended").await;
    // A no is not remembered, and who it is for is not the answer's to say.
    stage.issuer.answer_checks(Reply::Json(json!({"active": true, "sub": "ben", "org_id": "beta"})));
    stage.accepted(&token).await;
}

#[tokio::test]
async fn without_an_answer_there_is_no_token() {
    let key = IssuerKey::ed("key");
    let stage = stage(&key, 30).await;
    let token = key.token(&stage.claims());
    let elsewhere = stage.issuer.moved_introspection_url();
    for reply in [
        Reply::Status(500),
        Reply::Status(401),
        Reply::Status(204),
        Reply::Redirect(elsewhere),
        Reply::Json(json!({})),
        Reply::Json(json!({"active": "true"})),
        Reply::Json(json!({"active": 1})),
        Reply::Json(json!([true])),
        Reply::Spaces(10),
        Reply::Spaces(300 * 1024),
        Reply::Endless,
    ] {
        stage.issuer.answer_checks(reply);
        stage.unchecked(&token).await;
    }
    let complaints =
        stage.bridge.logged(&["WARN", "does not say whether a session is alive", &stage.issuer.introspection_url()]);
    assert_eq!(complaints, 1, "one warning for one outage");
    stage.issuer.answer_checks(Reply::Json(json!({"active": true})));
    stage.accepted(&token).await;
    // What was alive a moment ago counts while it is remembered, and no longer.
    stage.issuer.answer_checks(Reply::Status(503));
    stage.bridge.advance(29);
    stage.accepted(&token).await;
    stage.bridge.advance(1);
    stage.unchecked(&token).await;
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_is_waited_for_five_seconds() {
    let key = IssuerKey::ed("key");
    let stage = stage(&key, 30).await;
    let token = key.token(&stage.claims());
    stage.accepted(&token).await;
    stage.bridge.advance(30);
    stage.issuer.hold();
    let meanwhile = async {
        stage.issuer.wait("it is asked", |issuer| issuer.check_asks() == 2).await;
        stage.bridge.advance(5);
    };
    asking::within("five seconds passed", async { tokio::join!(stage.unchecked(&token), meanwhile) }).await;
    stage.issuer.let_go();
}

#[tokio::test]
async fn one_ask_is_under_way_for_each_session() {
    let key = IssuerKey::ed("key");
    let stage = stage(&key, 30).await;
    let (one, two) = (key.token(&stage.claims()), key.token(&with(stage.claims(), "jti", json!(2))));
    stage.accepted(&one).await;
    stage.accepted(&two).await;
    stage.bridge.advance(30);
    stage.issuer.hold();
    let tokens: Vec<&String> = [&one, &two].into_iter().cycle().take(20).collect();
    let waiting = futures::future::join_all(tokens.iter().map(|token| stage.get(token)));
    let meanwhile = async {
        stage.issuer.wait("both are asked about", |issuer| issuer.check_asks() == 4).await;
        stage.issuer.let_go();
    };
    let (answers, ()) = tokio::join!(waiting, meanwhile);
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    assert_eq!(stage.issuer.check_asks(), 4);
}

#[tokio::test]
async fn an_issuer_gets_so_many_asks_at_once_and_whoever_finds_no_room_is_told_to_come_back() {
    const MOST: usize = 64;
    let key = IssuerKey::ed("key");
    let stage = stage(&key, 30).await;
    let tokens: Vec<String> = (0..=MOST).map(|jti| key.token(&with(stage.claims(), "jti", json!(jti)))).collect();
    // Whose keys are not fetched yet is not what this is about.
    stage.accepted(&key.token(&stage.claims())).await;
    stage.issuer.hold();
    let waiting = futures::future::join_all(tokens[..MOST].iter().map(|token| stage.get(token)));
    let meanwhile = async {
        stage.issuer.wait("all are asked about", |issuer| issuer.check_asks() == MOST + 1).await;
        asking::within("there is no room", stage.unchecked(&tokens[MOST])).await;
        // One that is asked about already takes no room.
        let joins = stage.get(&tokens[0]);
        tokio::pin!(joins);
        assert!(futures::poll!(&mut joins).is_pending());
        stage.issuer.let_go();
        assert_eq!(joins.await.status, 200);
    };
    let (answers, ()) = tokio::join!(waiting, meanwhile);
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    assert_eq!(stage.issuer.check_asks(), MOST + 1);
    stage.accepted(&tokens[MOST]).await;
    let metrics = stage.bridge.get("/metrics").await;
    assert!(metrics.text().contains("monite_bridge_session_checks_total{outcome=\"not_asked\"} 1"), "{metrics:?}");
}

#[tokio::test]
async fn a_yes_is_remembered_no_longer_than_the_session_lasts() {
    let key = IssuerKey::ed("key");
    let stage = stage(&key, 300).await;
    let now = stage.bridge.clock_now().as_second();
    // By its own `exp`: in the leeway after it every request asks.
    let token = key.token(&with(stage.claims(), "exp", json!(now + 20)));
    stage.accepted(&token).await;
    stage.bridge.advance(19);
    stage.accepted(&token).await;
    assert_eq!(stage.issuer.check_asks(), 1);
    stage.bridge.advance(1);
    stage.issuer.answer_checks(Reply::Json(json!({"active": false})));
    stage.refused(&token, "the issuer says that the session has ended").await;
    // By the `exp` of the answer.
    let now = stage.bridge.clock_now().as_second();
    let token = key.token(&stage.claims());
    stage.issuer.answer_checks(Reply::Json(json!({"active": true, "exp": now + 5})));
    stage.accepted(&token).await;
    stage.bridge.advance(5);
    stage.issuer.answer_checks(Reply::Json(json!({"active": false})));
    stage.refused(&token, "the issuer says that the session has ended").await;
}

#[tokio::test]
async fn nobody_is_asked_about_a_session_that_is_no_good() {
    let (key, forger) = (IssuerKey::ed("key"), IssuerKey::ed("key"));
    let stage = stage(&key, 30).await;
    let now = stage.bridge.clock_now().as_second();
    stage.refused(&forger.token(&stage.claims()), "its signature does not fit the issuer's key").await;
    stage.refused(&key.token(&with(stage.claims(), "exp", json!(now - 60))), "it has expired").await;
    stage.refused(&key.token(&with(stage.claims(), "aud", json!("other"))), "another audience").await;
    assert_eq!(stage.issuer.check_asks(), 0);
}

#[tokio::test]
async fn sessions_with_a_shared_secret_can_be_asked_about_too() {
    let issuer = Issuer::start(&[]).await;
    let introspection = IntrospectionConfig {
        url: issuer.introspection_url(),
        client_id: "bridge".to_owned(),
        remember: Duration::ZERO,
    };
    let bridge = bridge(SessionConfig { introspection: Some(introspection), ..SessionConfig::default() }).await;
    let session = bridge.session("acme", "ana");
    assert_eq!(get(&bridge, &session).await.status, 200);
    issuer.answer_checks(Reply::Json(json!({"active": false})));
    refused(&bridge, &session, "the issuer says that the session has ended").await;
    assert_eq!((issuer.check_asks(), issuer.key_asks()), (2, 0));
}
