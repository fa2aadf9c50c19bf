//! Whatever goes wrong is `application/problem+json`, and a 5xx tells nothing internal.

use serde_json::json;

use crate::support::{Answer, TestBridge, customer_document};

const ACME: &str = "/v1/customers/acme";

fn shown(what: &str, answer: &Answer) -> String {
    answer.problem();
    assert!(answer.header("x-request-id").is_some());
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{what}: {name}");
    }
    assert_eq!(answer.header("strict-transport-security"), None, "TLS is not ours here");
    format!("{what}\n{} {}", answer.status, serde_json::to_string_pretty(&answer.json()).unwrap())
}

#[tokio::test]
async fn problems_read_like_this() {
    let bridge = TestBridge::start().await;
    let json = "application/json";
    let answers = [
        ("unknown route", bridge.get("/v1/nothing").await),
        ("unknown route outside", bridge.get("/").await),
        ("wrong method", bridge.call("POST", ACME).send().await),
        ("unknown method", bridge.call("BREW", ACME).send().await),
        ("no key", bridge.anonymous("GET", ACME).send().await),
        ("unknown customer", bridge.get(ACME).await),
        ("bad id", bridge.get("/v1/customers/a%20b/users/c%2Fd").await),
        ("not JSON", bridge.call("PUT", ACME).body(json, "{\n  \"email\": oops}").send().await),
        ("empty body", bridge.call("PUT", ACME).body(json, "").send().await),
        ("not an object", bridge.call("PUT", ACME).body(json, "[]").send().await),
        ("other media type", bridge.call("PUT", ACME).body("application/xml", "<a/>").send().await),
        ("form", bridge.call("PATCH", ACME).body("application/x-www-form-urlencoded", "a=b").send().await),
        ("too large", bridge.call("PUT", ACME).body(json, vec![b' '; 1024 * 1024 + 1]).send().await),
        (
            "wrong fields",
            bridge.call("PUT", ACME).json(&json!({"type": "company", "emial": "a@b.example"})).send().await,
        ),
        ("bad limit", bridge.get("/v1/customers?limit=501").await),
        ("bad state", bridge.get("/v1/customers?state=synced").await),
        ("bad cursor", bridge.get("/v1/customers?cursor=%21").await),
        ("unknown parameter", bridge.get("/v1/customers?status=pending").await),
        ("parameter twice", bridge.get("/v1/customers?limit=1&limit=2").await),
    ];
    let all: Vec<String> = answers.iter().map(|(what, answer)| shown(what, answer)).collect();
    insta::assert_snapshot!(all.join("\n\n"));
    assert_eq!(answers[2].1.header("allow"), Some("PUT,PATCH,GET,HEAD,DELETE"));
}

#[tokio::test]
async fn a_closed_store_says_when_to_come_back() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.store.close().await;
    for answer in every_use_of_the_store(&bridge).await {
        assert_eq!((answer.status, answer.problem()), (503, "shutting-down".to_owned()), "{answer:?}");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    assert_eq!(bridge.get("/healthz").await.text(), "ok");
}

#[tokio::test]
async fn a_failing_store_is_told_without_its_insides() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.lose_table("customers").await;
    bridge.lose_table("customer_work").await;
    for answer in every_use_of_the_store(&bridge).await {
        assert_eq!((answer.status, answer.problem()), (503, "store-unavailable".to_owned()), "{answer:?}");
        let text = answer.text().to_lowercase();
        for inside in ["sqlite", "no such table", "customer_work", "failed at"] {
            assert!(!text.contains(inside), "{text}");
        }
    }
}

async fn every_use_of_the_store(bridge: &TestBridge) -> Vec<Answer> {
    vec![
        bridge.get(ACME).await,
        bridge.call("PUT", "/v1/customers/beta").json(&customer_document("beta")).send().await,
        bridge.call("PATCH", ACME).json(&json!({"phone": "1"})).send().await,
        bridge.delete(ACME).await,
        bridge.get("/v1/customers").await,
        bridge.get("/v1/stats").await,
        bridge.get("/metrics").await,
        bridge.token("acme", "ana").await,
    ]
}

#[tokio::test]
async fn a_document_may_be_exactly_as_long_as_it_may() {
    let bridge = TestBridge::start().await;
    let mut body = customer_document("acme").to_string();
    body.push_str(&" ".repeat(1024 * 1024 - body.len()));
    assert_eq!(bridge.call("PUT", ACME).body("application/json; charset=utf-8", body).send().await.status, 201);
}
