//! When the issuer is asked for its keys, and what happens while it does not answer.

use std::time::Duration;

use super::*;

/// Tries until it holds; says what for when that takes too long.
pub(super) async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    let trying = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    within(what, trying).await;
}

/// Its outcome, or what it was for when that takes too long.
pub(super) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(20), future).await {
        Ok(outcome) => outcome,
        Err(_) => panic!("waited 20 s until {what}"),
    }
}

impl Stage {
    /// Lets time pass, once the next refresh waits for it.
    pub(super) async fn advance(&self, seconds: u64) {
        self.bridge.clock.wait_for_sleepers(1).await;
        self.bridge.advance(seconds);
    }

    /// The answer's problem and when to come back, while the keys cannot be had.
    async fn unavailable(&self, token: &str) -> u64 {
        let answer = self.get(token).await;
        assert_eq!((answer.status, answer.problem()), (503, "session-keys-unavailable".to_owned()), "{answer:?}");
        answer.header("retry-after").unwrap().parse().unwrap()
    }

    async fn metric(&self, name: &str) -> String {
        let metrics = self.bridge.get("/metrics").await;
        let line = metrics.text().lines().find(|line| line.starts_with(&format!("{name} "))).map(str::to_owned);
        line.unwrap_or_else(|| panic!("no {name}")).rsplit(' ').next().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_new_key_is_found_at_its_first_session() {
    let (old, new) = (IssuerKey::ed("old"), IssuerKey::ed("new"));
    let stage = Stage::with(&[&old]).await;
    stage.accepted(&old.token(&stage.claims())).await;
    stage.issuer.show(&[&old, &new]);
    stage.advance(10).await;
    stage.accepted(&new.token(&stage.claims())).await;
    stage.accepted(&old.token(&stage.claims())).await;
    assert_eq!(stage.issuer.key_asks(), 2);
}

#[tokio::test]
async fn unknown_keys_make_the_issuer_be_asked_once_in_ten_seconds() {
    let (key, stranger) = (IssuerKey::ed("key"), IssuerKey::ed("stranger"));
    let stage = Stage::with(&[&key]).await;
    stage.accepted(&key.token(&stage.claims())).await;
    assert_eq!(stage.issuer.key_asks(), 1);
    let nobody = "its key (kid) is not among those";
    for seconds in 1..=30 {
        stage.advance(1).await;
        for n in 0..5 {
            let kid = format!("stranger-{seconds}-{n}");
            stage.refused(&stranger.token_with(&json!({"alg": "EdDSA", "kid": kid}), &stage.claims()), nobody).await;
        }
    }
    assert_eq!(stage.issuer.key_asks(), 1 + 3);
    // Nonsense and sessions with known keys make nobody ask.
    stage.advance(10).await;
    stage.refused("a.b.c", "it is not a JWT").await;
    stage.refused(&key.token_with(&json!({"alg": "RS256", "kid": "key"}), &stage.claims()), "its algorithm").await;
    stage.refused(&stranger.token_with(&json!({"alg": "none", "kid": "new"}), &stage.claims()), "its algorithm").await;
    stage.refused(&stranger.token_with(&key.header(), &stage.claims()), "its signature").await;
    assert_eq!(stage.issuer.key_asks(), 1 + 3);
}

#[tokio::test]
async fn many_sessions_wait_for_one_answer() {
    let (old, new) = (IssuerKey::ed("old"), IssuerKey::ed("new"));
    let stage = Stage::with(&[&old]).await;
    stage.accepted(&old.token(&stage.claims())).await;
    stage.issuer.show(&[&old, &new]);
    stage.advance(10).await;
    stage.issuer.hold();
    let tokens: Vec<String> = (0..20).map(|n| new.token(&with(stage.claims(), "jti", json!(n)))).collect();
    let waiting = futures::future::join_all(tokens.iter().map(|token| stage.get(token)));
    let meanwhile = async {
        stage.issuer.wait("it is asked", |issuer| issuer.key_asks() == 2).await;
        // Whoever is known does not wait.
        stage.accepted(&old.token(&stage.claims())).await;
        stage.accepted(&old.token(&with(stage.claims(), "jti", json!("x")))).await;
        stage.issuer.let_go();
    };
    let (answers, ()) = tokio::join!(waiting, meanwhile);
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    assert_eq!(stage.issuer.key_asks(), 2);
}

#[tokio::test]
async fn who_stops_waiting_takes_no_answer_away() {
    let key = IssuerKey::ed("key");
    let issuer = Issuer::start(&[&key]).await;
    issuer.hold();
    let session = SessionConfig { jwks_url: Some(issuer.jwks_url()), ..strict() };
    let stage = Stage { bridge: bridge(session).await, issuer };
    let token = key.token(&stage.claims());
    {
        let call = stage.get(&token);
        let asked = stage.issuer.wait("it is asked", |issuer| issuer.key_asks() == 1);
        tokio::select! {
            biased;
            answer = call => panic!("answered without keys: {answer:?}"),
            () = asked => {}
        }
    }
    stage.issuer.let_go();
    stage.accepted(&token).await;
    assert_eq!(stage.issuer.key_asks(), 1);
}

#[tokio::test]
async fn a_key_that_was_taken_back_ends_the_sessions_it_signed() {
    let (kept, taken) = (IssuerKey::ed("kept"), IssuerKey::ed("taken"));
    let stage = Stage::with(&[&kept, &taken]).await;
    let (good, bad) = (kept.token(&stage.claims()), taken.token(&stage.claims()));
    stage.accepted(&bad).await;
    stage.accepted(&good).await;
    stage.issuer.show(&[&kept]);
    stage.advance(599).await;
    stage.accepted(&bad).await;
    stage.advance(1).await;
    eventually("the key counts no more", async || stage.get(&bad).await.status == 401).await;
    stage.refused(&bad, "its key (kid) is not among those that the issuer shows").await;
    stage.accepted(&good).await;
    // The same name for another key is another key.
    let twin = IssuerKey::ed("kept");
    stage.issuer.show(&[&twin]);
    stage.advance(600).await;
    eventually("the other key counts", async || stage.get(&good).await.status == 401).await;
    stage.refused(&good, "its signature does not fit the issuer's key").await;
    // All of them taken back: an answer, too.
    stage.accepted(&twin.token(&stage.claims())).await;
    stage.issuer.show(&[]);
    stage.advance(600).await;
    let token = twin.token(&stage.claims());
    eventually("no key counts", async || stage.get(&token).await.status == 401).await;
}

#[tokio::test]
async fn a_start_without_the_issuer_answers_503_until_it_is_there() {
    let key = IssuerKey::ed("key");
    let issuer = Issuer::start(&[&key]).await;
    issuer.answer_keys(Reply::Status(500));
    let session = SessionConfig { jwks_url: Some(issuer.jwks_url()), ..strict() };
    let stage = Stage { bridge: bridge(session).await, issuer };
    let token = key.token(&stage.claims());
    assert_eq!(stage.unavailable(&token).await, 10);
    stage.advance(7).await;
    assert_eq!(stage.unavailable(&token).await, 3);
    assert_eq!(stage.issuer.key_asks(), 1, "the same limit holds for an issuer that is down");
    stage.refused("a.b.c", "it is not a JWT").await;
    stage.issuer.show(&[&key]);
    stage.advance(3).await;
    stage.accepted(&token).await;
    assert_eq!(stage.metric("monite_bridge_session_keys").await, "1");
    assert_eq!(stage.metric("monite_bridge_session_keys_down_since_seconds").await, "0");
}

#[tokio::test]
async fn the_keys_are_fetched_at_the_start_without_any_session() {
    let key = IssuerKey::ed("key");
    let stage = Stage::with(&[&key]).await;
    stage.issuer.wait("it is asked", |issuer| issuer.key_asks() == 1).await;
    stage.issuer.answer_keys(Reply::Status(503));
    eventually("the keys are there", async || stage.metric("monite_bridge_session_keys").await == "1").await;
    stage.accepted(&key.token(&stage.claims())).await;
}

#[tokio::test]
async fn an_issuer_that_went_down_keeps_its_keys() {
    let (key, new) = (IssuerKey::ed("key"), IssuerKey::ed("new"));
    let stage = Stage::with(&[&key]).await;
    stage.accepted(&key.token(&stage.claims())).await;
    let (url, failed) = (stage.issuer.jwks_url(), "monite_bridge_session_key_asks_total{outcome=\"failed\"}");
    let answers = [Reply::Status(503), Reply::Json(json!({"error": "none"})), Reply::Spaces(10), Reply::Status(404)];
    for (times, reply) in answers.into_iter().enumerate() {
        stage.issuer.answer_keys(reply);
        let asks = stage.issuer.key_asks();
        stage.advance(if times == 0 { 600 } else { 30 }).await;
        stage.issuer.wait("it is asked again", |issuer| issuer.key_asks() > asks).await;
        let count = (times + 1).to_string();
        eventually("the failure is counted", async || stage.metric(failed).await == count).await;
        stage.accepted(&key.token(&with(stage.claims(), "jti", json!(times)))).await;
    }
    assert_ne!(stage.metric("monite_bridge_session_keys_down_since_seconds").await, "0");
    assert_eq!(stage.bridge.logged(&["WARN", "those it gave before are kept", &url]), 1, "one warning for one outage");
    // Whether an unknown key is a new one cannot be told now.
    let token = new.token(&stage.claims());
    assert!(stage.unavailable(&token).await <= 10);
    stage.issuer.show(&[&key, &new]);
    stage.advance(10).await;
    stage.accepted(&token).await;
    assert_eq!(stage.metric("monite_bridge_session_keys_down_since_seconds").await, "0");
    assert_eq!(stage.metric("monite_bridge_session_keys").await, "2");
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let key = IssuerKey::ed("key");
    let issuer = Issuer::start(&[&key]).await;
    let mut padded = key_set(&[&key]);
    padded["padding"] = json!("x".repeat(256 * 1024));
    issuer.answer_keys(Reply::Json(padded));
    let session = SessionConfig { jwks_url: Some(issuer.jwks_url()), ..strict() };
    let stage = Stage { bridge: bridge(session).await, issuer };
    stage.unavailable(&key.token(&stage.claims())).await;
    assert_eq!(stage.bridge.logged(&["its answer is longer than 256 KiB"]), 1);
    stage.issuer.answer_keys(Reply::Endless);
    stage.advance(10).await;
    stage.unavailable(&key.token(&stage.claims())).await;
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_counts_as_down_after_five_seconds() {
    let key = IssuerKey::ed("key");
    let issuer = Issuer::start(&[&key]).await;
    issuer.hold();
    let session = SessionConfig { jwks_url: Some(issuer.jwks_url()), ..strict() };
    let stage = Stage { bridge: bridge(session).await, issuer };
    let token = key.token(&stage.claims());
    let meanwhile = async {
        stage.issuer.wait("it is asked", |issuer| issuer.key_asks() == 1).await;
        stage.advance(5).await;
    };
    let both = async { tokio::join!(stage.unavailable(&token), meanwhile) };
    let (retry_after, ()) = within("five seconds passed", both).await;
    assert_eq!(retry_after, 5);
    stage.issuer.let_go();
    stage.advance(5).await;
    stage.accepted(&token).await;
}

#[tokio::test]
async fn redirects_lead_to_where_nobody_can_forge_the_answer_and_nowhere_else() {
    let (old, key) = (IssuerKey::ed("old"), IssuerKey::ed("key"));
    let stage = Stage::with(&[&key]).await;
    stage.accepted(&key.token(&stage.claims())).await;
    // From this machine to this machine.
    stage.issuer.show(&[&old]);
    stage.advance(600).await;
    let token = key.token(&stage.claims());
    eventually("the key is gone", async || stage.get(&token).await.status == 401).await;
    stage.issuer.answer_keys(Reply::Redirect(stage.issuer.moved_url("127.0.0.1")));
    stage.advance(10).await;
    stage.accepted(&token).await;
    // Plain http to an address that is not the loopback, though it leads here.
    stage.issuer.show(&[&old]);
    stage.advance(600).await;
    eventually("the key is gone again", async || stage.get(&token).await.status == 401).await;
    stage.issuer.answer_keys(Reply::Redirect(stage.issuer.moved_url("0.0.0.0")));
    stage.advance(10).await;
    stage.unavailable(&token).await;
    // Round in circles.
    stage.issuer.answer_keys(Reply::Redirect(stage.issuer.jwks_url()));
    stage.advance(10).await;
    let asks = stage.issuer.key_asks();
    stage.unavailable(&token).await;
    assert_eq!(stage.issuer.key_asks() - asks, 4);
}
