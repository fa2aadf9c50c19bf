//! While Monite is down: writes are accepted, nothing goes out but a probe now and then, no object loses attempts to it, and
//! what has piled up is worked off when it is over.

use std::time::Duration;

use monite_sandbox::{Fault, FaultRule};
use serde_json::Value;

use crate::support::{Setup, TestBridge};

/// A long outage.
const TEN_MINUTES: u64 = 600;

async fn bridge() -> TestBridge {
    TestBridge::with(Setup { breaker: true, ..Setup::default() }).await
}

async fn put_many(bridge: &TestBridge, count: usize) {
    for number in 0..count {
        bridge.put_customer(&format!("c{number:03}")).await;
    }
}

fn down(bridge: &TestBridge, fault: Fault) {
    bridge.sandbox.fault(FaultRule::new("* *", fault));
}

/// Passes once a second, as the driver rests, for so long.
async fn pass_for(bridge: &TestBridge, seconds: u64) {
    let until = bridge.clock_now() + Duration::from_secs(seconds);
    while bridge.clock_now() < until {
        bridge.pass().await;
        bridge.advance(1);
    }
}

async fn metric(bridge: &TestBridge, name: &str) -> f64 {
    let text = bridge.anonymous("GET", "/metrics").send().await.text().to_owned();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

async fn sync_of(bridge: &TestBridge, customer: &str) -> Value {
    bridge.get(&format!("/v1/customers/{customer}")).await.json()["sync"].clone()
}

/// Calls of a healthy run over so many customers.
async fn healthy(count: usize) -> u64 {
    let bridge = bridge().await;
    put_many(&bridge, count).await;
    bridge.settle().await;
    bridge.sandbox.total_calls()
}

#[tokio::test]
async fn ten_minutes_of_outage_cost_a_tenth_more_calls_at_most_and_the_probes() {
    const CUSTOMERS: usize = 150;
    let healthy = healthy(CUSTOMERS).await;
    for fault in [Fault::Status { status: 503, retry_after: None }, Fault::CloseBefore] {
        let bridge = bridge().await;
        put_many(&bridge, CUSTOMERS / 2).await;
        bridge.settle().await;
        let before = bridge.sandbox.total_calls();
        down(&bridge, fault);
        for number in CUSTOMERS / 2..CUSTOMERS {
            bridge.put_customer(&format!("c{number:03}")).await;
        }
        pass_for(&bridge, TEN_MINUTES).await;
        let during = bridge.sandbox.total_calls() - before;
        // Waits of 1, 2, 4, 8, 16 and then 15 to 30 s, all shortened by up to half.
        assert!((20..=60).contains(&during), "{during} calls in ten minutes of {fault:?}");
        bridge.sandbox.clear_faults();
        pass_for(&bridge, 31).await;
        bridge.settle().await;
        assert_eq!(bridge.sandbox.entities().len(), CUSTOMERS, "each once");
        let total = bridge.sandbox.total_calls();
        let probes = 60;
        assert!(total <= healthy + healthy / 10 + probes, "{total} calls instead of {healthy} after {fault:?}");
    }
}

#[tokio::test]
async fn objects_keep_their_state_and_their_attempts_while_monite_is_down() {
    let bridge = bridge().await;
    put_many(&bridge, 40).await;
    down(&bridge, Fault::Status { status: 503, retry_after: None });
    pass_for(&bridge, 120).await;
    let mut attempts = 0;
    for number in 0..40 {
        let sync = sync_of(&bridge, &format!("c{number:03}")).await;
        assert!(matches!(sync["state"].as_str().unwrap(), "pending" | "retrying"), "{sync}");
        attempts += sync["attempts"].as_u64().unwrap();
    }
    // The breaker opens while the first visits wait for the partner's token: not one object was tried.
    assert_eq!(attempts, 0, "attempts that nobody made");
    assert!(bridge.reconciler.workshop().outage.since().is_some());
    bridge.sandbox.clear_faults();
    pass_for(&bridge, 31).await;
    bridge.settle().await;
    assert_eq!(bridge.sandbox.entities().len(), 40);
}

#[tokio::test]
async fn one_broken_object_is_not_an_outage() {
    let bridge = bridge().await;
    put_many(&bridge, 2).await;
    bridge.settle().await;
    let broken = bridge.entity_id("c000").await;
    let call = format!("* /entities/{broken}*");
    bridge.sandbox.fault(FaultRule::new(&call, Fault::Status { status: 500, retry_after: None }));
    let patch =
        bridge.call("PATCH", "/v1/customers/c000").body("application/merge-patch+json", r#"{"phone":"+49 30 9"}"#);
    assert_eq!(patch.send().await.status, 200);
    for _ in 0..6 {
        bridge.pass().await;
        assert_eq!(bridge.reconciler.workshop().outage.since(), None);
        bridge.advance(60);
    }
    assert_eq!(sync_of(&bridge, "c000").await["state"], "retrying");
    assert!(sync_of(&bridge, "c000").await["attempts"].as_u64().unwrap() >= 4, "it goes on at its own pace");
    bridge.put_customer("c002").await;
    bridge.pass().await;
    assert_eq!(sync_of(&bridge, "c002").await["state"], "in_sync", "nobody else notices");
}

#[tokio::test]
async fn refusals_are_no_outage() {
    let bridge = bridge().await;
    put_many(&bridge, 6).await;
    down(&bridge, Fault::Status { status: 403, retry_after: None });
    bridge.pass().await;
    assert_eq!(bridge.reconciler.workshop().outage.since(), None);
    assert_eq!(sync_of(&bridge, "c005").await["state"], "retrying", "each was tried");
}

#[tokio::test]
async fn a_login_is_answered_at_once_during_an_outage_and_may_be_the_probe() {
    let bridge = bridge().await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "viewer").await;
    bridge.settle().await;
    put_many(&bridge, 6).await;
    down(&bridge, Fault::Status { status: 503, retry_after: None });
    bridge.pass().await;
    let since = bridge.reconciler.workshop().outage.since().expect("the breaker has noticed");
    let calls = bridge.sandbox.total_calls();
    let answer = bridge.token("acme", "ana").await;
    assert_eq!((answer.status, bridge.sandbox.total_calls()), (503, calls), "{answer:?}");
    bridge.sandbox.clear_faults();
    bridge.clock.advance(bridge.reconciler.workshop().outage.until_probe().unwrap());
    assert_eq!(bridge.reconciler.workshop().outage.since(), Some(since));
    let answer = bridge.token("acme", "ana").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(bridge.reconciler.workshop().outage.since(), None, "its answer ended the outage for everybody");
}

#[tokio::test]
async fn readiness_and_metrics_say_since_when_monite_does_not_answer() {
    let bridge = bridge().await;
    put_many(&bridge, 6).await;
    assert_eq!(metric(&bridge, "monite_bridge_monite_down_since_seconds").await, 0.0);
    let began = bridge.clock_now().as_second();
    down(&bridge, Fault::CloseBefore);
    bridge.pass().await;
    let since = metric(&bridge, "monite_bridge_monite_down_since_seconds").await as i64;
    assert!((began..began + 60).contains(&since), "{since}");
    let ready = bridge.anonymous("GET", "/readyz").send().await;
    assert_eq!(ready.status, 200, "writes are accepted and tokens served all the same");
    assert!(ready.text().contains("Monite does not answer since 2026-03-01T09:0"), "{}", ready.text());
    bridge.put_customer("meanwhile").await;
}
