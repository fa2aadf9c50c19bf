//! Roles, counts, metrics and the stream of events.

use std::time::Duration;

use futures::StreamExt as _;
use serde_json::json;

use crate::support::{Setup, TestBridge};

#[tokio::test]
async fn roles_say_how_far_they_have_been_rolled_out() {
    // Counts roles that were created, so Monite must not give any by itself.
    let bridge = TestBridge::with(Setup { quirk: None, ..Setup::default() }).await;
    bridge.put_customer("acme").await;
    bridge.put_customer("beta").await;
    for (customer, user, role) in
        [("acme", "ana", "viewer"), ("acme", "ben", "viewer"), ("beta", "ana", "viewer"), ("beta", "cleo", "payer")]
    {
        bridge.put_user(customer, user, role).await;
    }
    bridge.settle().await;
    let roles = bridge.get("/v1/roles").await.json();
    let told = |name: &str| {
        let role = roles.as_array().unwrap().iter().find(|role| role["name"] == name).unwrap();
        [&role["entities"], &role["current"], &role["users"]].map(|count| count.as_u64().unwrap())
    };
    assert_eq!((told("viewer"), told("payer"), told("admin")), ([2, 2, 3], [1, 1, 1], [0, 0, 0]));
    let viewer = roles.as_array().unwrap().iter().find(|role| role["name"] == "viewer").unwrap();
    assert_eq!(viewer["everywhere"], false);
    assert!(viewer["permissions"]["objects"].is_array());
}

#[tokio::test]
async fn stats_name_every_state() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    let pending = bridge.get("/v1/stats").await.json();
    assert_eq!(
        pending["customers"],
        json!({
            "pending": 1, "in_sync": 0, "retrying": 0, "rejected": 0, "drifted": 0, "deactivated": 0,
        })
    );
    assert!(pending["next_due"].is_string());
    bridge.settle().await;
    let settled = bridge.get("/v1/stats").await.json();
    assert_eq!((settled["customers"]["in_sync"].clone(), settled["next_due"].clone()), (json!(1), json!(null)));
}

#[tokio::test]
async fn metrics_count_and_name_nobody() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "viewer").await;
    bridge.settle().await;
    bridge.token("acme", "ana").await;
    bridge.token("acme", "ana").await;
    bridge.token("acme", "nobody").await;
    let answer = bridge.anonymous("GET", "/metrics").send().await;
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for expected in [
        "monite_bridge_objects{kind=\"customer\",state=\"in_sync\"} 1",
        "monite_bridge_objects{kind=\"user\",state=\"rejected\"} 0",
        "monite_bridge_tokens_total{source=\"cached\"} 1",
        "monite_bridge_tokens_total{source=\"asked\"} 1",
        "monite_bridge_tokens_total{source=\"refused\"} 1",
        &format!("monite_bridge_monite_calls_total {}", bridge.sandbox.total_calls()),
        "monite_bridge_http_requests_total{status=\"4xx\"} 1",
    ] {
        assert!(answer.text().lines().any(|line| line == expected), "{expected} is not in\n{}", answer.text());
    }
    assert!(answer.text().contains("\nmonite_bridge_database_connections_busy "));
    assert!(!answer.text().contains("acme"));
}

#[tokio::test]
async fn changes_of_state_are_told_as_they_happen() {
    let bridge = TestBridge::start().await;
    let response = bridge.call("GET", "/v1/events").open().await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut stream = response.into_body().into_data_stream();
    bridge.put_customer("acme").await;
    assert_eq!(next(&mut stream).await, "event: state\ndata: {\"customer\":\"acme\",\"state\":\"pending\"}\n\n");
    bridge.put_user("acme", "ana", "viewer").await;
    assert_eq!(
        next(&mut stream).await,
        "event: state\ndata: {\"customer\":\"acme\",\"state\":\"pending\",\"user\":\"ana\"}\n\n"
    );
    bridge.settle().await;
    assert_eq!(next(&mut stream).await, "event: state\ndata: {\"customer\":\"acme\",\"state\":\"in_sync\"}\n\n");
    bridge.stopping.cancel();
    // The user's change may still be told; then the stream ends.
    let rest = tokio::time::timeout(Duration::from_secs(10), stream.collect::<Vec<_>>()).await;
    assert!(rest.expect("waited 10 s for the stream to end").len() <= 1);
}

async fn next(stream: &mut axum::body::BodyDataStream) -> String {
    let next = tokio::time::timeout(Duration::from_secs(10), stream.next()).await.expect("waited 10 s for an event");
    String::from_utf8(next.unwrap().unwrap().to_vec()).unwrap()
}
