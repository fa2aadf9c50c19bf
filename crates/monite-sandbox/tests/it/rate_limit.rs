//! Thirty calls a second, and not one more.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use monite_sandbox::{Fault, ManualClock, RateLimit};
use serde_json::json;

use crate::support::{Api, builder, send};

async fn limited(limit: u32) -> (Api, Arc<ManualClock>) {
    let start: Timestamp = "2026-03-01T09:30:00Z".parse().unwrap();
    let clock = Arc::new(ManualClock::at(start));
    let api = Api::with(builder().rate_limit(RateLimit::PerSecond(limit)).clock(clock.clone())).await;
    (api, clock)
}

#[tokio::test]
async fn a_second_takes_so_many_calls_and_the_next_starts_afresh() {
    // The token call of the helper is one of them.
    let (api, clock) = limited(4).await;
    for remaining in ["2", "1", "0"] {
        let answer = api.get("/entities").await;
        assert_eq!(answer.status, 200);
        for (name, value) in [
            ("ratelimit-limit", "4"),
            ("ratelimit-remaining", remaining),
            ("ratelimit-reset", "1"),
            ("x-ratelimit-limit-second", "4"),
            ("x-ratelimit-remaining-second", remaining),
        ] {
            assert_eq!(answer.header(name), Some(value), "{name}");
        }
    }
    clock.advance(Duration::from_millis(999));
    for path in ["/entities", "/nowhere", "/auth/token"] {
        let answer = api.post(path, json!({})).await;
        assert_eq!((answer.status, &answer.body), (429, &json!({"message": "API rate limit exceeded"})), "{path}");
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert_eq!(answer.header("ratelimit-remaining"), Some("0"));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert!(answer.header("x-request-id").is_some());
    }
    clock.advance(Duration::from_millis(1));
    assert_eq!(api.get("/entities").await.status, 200);
}

#[tokio::test]
async fn a_refused_call_changes_nothing() {
    let (api, _) = limited(1).await;
    let answer = api.post("/entities", crate::support::organization("A")).await;
    assert_eq!(answer.status, 429);
    assert_eq!(api.sandbox.entities().len(), 0);
    assert_eq!(api.sandbox.calls("POST /entities"), 1, "but it was seen");
}

#[tokio::test]
async fn preflights_and_calls_that_never_arrive_do_not_count() {
    let (api, _) = limited(2).await;
    for _ in 0..5 {
        assert_eq!(send(api.request("OPTIONS /entities")).await.status, 204);
    }
    api.sandbox.once("GET /entities", Fault::Status { status: 503, retry_after: None });
    assert_eq!(api.get("/entities").await.status, 503);
    assert_eq!(api.get("/entities").await.status, 200);
    assert_eq!(api.get("/entities").await.status, 429);
}

#[tokio::test]
async fn the_clock_of_the_sandbox_opens_the_next_second() {
    let (api, _) = limited(1).await;
    assert_eq!(api.get("/entities").await.status, 429);
    api.sandbox.advance(Duration::from_secs(1));
    assert_eq!(api.get("/entities").await.status, 200);
}

#[tokio::test]
async fn without_a_limit_nothing_is_said_about_one() {
    let api = Api::start().await;
    for _ in 0..100 {
        let answer = api.get("/entities").await;
        assert_eq!((answer.status, answer.header("ratelimit-limit")), (200, None));
    }
}
