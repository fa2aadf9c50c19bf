//! `Prefer: wait=N`: a write answers when Monite has, or when the time is up.

use std::time::Duration;

use monite_sandbox::Fault;
use serde_json::json;

use crate::support::{Answer, Call, TestBridge, customer_document, user_document};

const ACME: &str = "/v1/customers/acme";
const ANA: &str = "/v1/customers/acme/users/ana";

/// Sends the call while the reconciler makes one pass, begun once the call waits.
async fn with_a_pass(bridge: &TestBridge, call: Call<'_>) -> Answer {
    let pass = async {
        bridge.clock.wait_for_sleepers(1).await;
        bridge.pass().await;
    };
    tokio::join!(call.send(), pass).0
}

#[tokio::test]
async fn a_write_waits_until_it_is_in_sync() {
    let bridge = TestBridge::start().await;
    let put = bridge.call("PUT", ACME).header("prefer", "wait=10").json(&customer_document("acme"));
    let answer = with_a_pass(&bridge, put).await;
    assert_eq!((answer.status, answer.state()), (201, "in_sync".to_owned()));
    assert_eq!(answer.header("preference-applied"), Some("wait=10"));

    let put = bridge.call("PUT", ANA).header("prefer", "respond-async, wait=10").json(&user_document("ana", "viewer"));
    assert_eq!(with_a_pass(&bridge, put).await.state(), "in_sync");
    let patch = bridge.call("PATCH", ANA).header("prefer", "wait=10").json(&json!({"title": "CFO"}));
    let answer = with_a_pass(&bridge, patch).await;
    assert_eq!((answer.status, answer.state(), answer.header("etag")), (200, "in_sync".to_owned(), Some("\"2\"")));
}

#[tokio::test]
async fn a_write_waits_until_it_is_rejected() {
    let bridge = TestBridge::start().await;
    bridge.sandbox.once("POST /entities", Fault::Status { status: 400, retry_after: None });
    let put = bridge.call("PUT", ACME).header("prefer", "wait=10").json(&customer_document("acme"));
    let answer = with_a_pass(&bridge, put).await;
    assert_eq!((answer.status, answer.state()), (201, "rejected".to_owned()));
    assert_eq!(answer.json()["sync"]["last_error"]["status"], 400);
    let retry = bridge.call("POST", "/v1/customers/acme/retry").header("prefer", "wait=10");
    let answer = with_a_pass(&bridge, retry).await;
    assert_eq!((answer.status, answer.state()), (200, "in_sync".to_owned()));
}

#[tokio::test]
async fn when_the_time_is_up_the_write_is_accepted_all_the_same() {
    let bridge = TestBridge::start().await;
    let put = bridge.call("PUT", ACME).header("prefer", "wait=2").json(&customer_document("acme"));
    let began = bridge.clock_now();
    let time = async {
        // Nobody works: the write looks again four times a second until its time is up.
        for _ in 0..8 {
            bridge.clock.wait_for_sleepers(1).await;
            bridge.clock.advance(Duration::from_millis(250));
        }
    };
    let (answer, ()) = tokio::join!(put.send(), time);
    assert_eq!((answer.status, answer.state()), (202, "pending".to_owned()));
    assert_eq!(answer.header("preference-applied"), Some("wait=2"));
    assert_eq!(bridge.clock_now().duration_since(began).as_secs(), 2);
    bridge.settle().await;
    assert_eq!(bridge.get(ACME).await.state(), "in_sync");
}

#[tokio::test]
async fn a_deletion_waits_until_it_is_through() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "viewer").await;
    bridge.settle().await;
    let answer = with_a_pass(&bridge, bridge.call("DELETE", ANA).header("prefer", "wait=10")).await;
    assert_eq!((answer.status, answer.state()), (200, "deactivated".to_owned()), "{answer:?}");
    assert_eq!(answer.json()["login"], "ana", "the last document is shown once more");
    assert_eq!(bridge.get(ANA).await.status, 404);
    let answer = with_a_pass(&bridge, bridge.call("DELETE", ACME).header("prefer", "wait=10")).await;
    assert_eq!((answer.status, answer.state()), (200, "deactivated".to_owned()));
    assert_eq!(bridge.sandbox.entities()[0]["status"], "inactive");
}

#[tokio::test]
async fn what_cannot_be_understood_is_ignored() {
    let bridge = TestBridge::start().await;
    let answer = bridge.call("PUT", ACME).header("prefer", "wait=soon").json(&customer_document("acme")).send().await;
    assert_eq!((answer.status, answer.header("preference-applied")), (201, None));
}

#[tokio::test]
async fn a_write_that_somebody_waits_for_goes_before_those_that_are_due_longer() {
    let bridge = TestBridge::start().await;
    for number in 0..20 {
        bridge.put_customer(&format!("c{number:02}")).await;
    }
    bridge.advance(1);
    let put = bridge.call("PUT", ACME).header("prefer", "wait=10").json(&customer_document("acme"));
    let answer = with_a_pass(&bridge, put).await;
    assert_eq!(answer.state(), "in_sync");
    let entities = bridge.sandbox.entities();
    let first = entities.iter().position(|entity| entity["email"] == customer_document("acme")["email"]).unwrap();
    assert!(first < 4, "it was entity number {first}; four workers begin at the same time");
}
