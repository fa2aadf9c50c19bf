//! Thirty calls a second, and not one more.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use monite_sandbox::{Fault, ManualClock, RateAlgorithm, RateLimit};
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

#[tokio::test]
async fn a_sliding_counter_may_keep_a_client_waiting_for_two_seconds() {
    let (api, clock) = limited(4).await;
    api.sandbox.set_rate_limit(RateLimit::PerSecond(4), RateAlgorithm::SlidingCounter);
    for remaining in ["3", "2", "1", "0"] {
        let answer = api.get("/entities").await;
        assert_eq!((answer.status, answer.header("ratelimit-remaining")), (200, Some(remaining)));
        assert_eq!(answer.header("ratelimit-reset"), Some("2"));
    }
    // At 1.25 s four calls of the second before weigh 3, five weigh 3.75.
    let refused = api.get("/entities").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("2")));
    clock.advance(Duration::from_secs(1));
    assert_eq!(api.get("/entities").await.status, 429);
    clock.advance(Duration::from_secs(1));
    assert_eq!(api.get("/entities").await.status, 200);
}

#[tokio::test]
async fn limit_and_algorithm_are_changed_over_http_while_it_runs() {
    let api = Api::start().await;
    let shown = api.control("GET /rate-limit", None).await.body;
    assert_eq!(shown, json!({"limit": "off", "algorithm": "fixed-second", "remaining": null}));
    let changed = api.control("PUT /rate-limit", Some(json!({"limit": 2, "algorithm": "token-bucket"}))).await.body;
    assert_eq!(changed, json!({"limit": 2, "algorithm": "token-bucket", "remaining": 2}));
    for status in [200, 200, 429] {
        assert_eq!(api.get("/entities").await.status, status);
    }
    api.sandbox.advance(Duration::from_millis(500));
    assert_eq!(api.get("/entities").await.status, 200, "half a second is one call of two");
    assert_eq!(api.get("/entities").await.status, 429);
    assert_eq!(api.control("GET /rate-limit", None).await.body["remaining"], 0);
    assert_eq!(api.sandbox.rate_limit(), (RateLimit::PerSecond(2), RateAlgorithm::TokenBucket));

    let changed = api.control("PUT /rate-limit", Some(json!({"limit": "off"}))).await.body;
    assert_eq!(changed, json!({"limit": "off", "algorithm": "token-bucket", "remaining": null}));
    for bad in [json!({"limit": 0}), json!({"limit": "some"}), json!({"algorithm": "guess"}), json!({"rate": 1})] {
        assert_eq!(api.control("PUT /rate-limit", Some(bad.clone())).await.status, 400, "{bad}");
    }
    api.control("POST /reset", None).await;
    assert_eq!(api.sandbox.rate_limit(), (RateLimit::Off, RateAlgorithm::FixedSecond), "as it started");
}
