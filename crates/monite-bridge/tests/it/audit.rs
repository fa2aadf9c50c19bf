//! Who did what is written down: for every route that changes something, with who, from where and how it ended.

use monite_bridge::audit::AuditEntry;
use monite_bridge::http::{Access, routes};

use crate::support::{Database, TestBridge, on_every_database};

on_every_database! {
    every_route_that_changes_something_leaves_an_entry,
}

async fn written(bridge: &TestBridge) -> Vec<AuditEntry> {
    bridge.audit.flush().await;
    let records = bridge.store.audit(0, None, None, 1000).await.unwrap();
    records.into_iter().map(|record| record.entry).collect()
}

async fn every_route_that_changes_something_leaves_an_entry(on: Database) {
    let bridge = TestBridge::on(on).await;
    let mut expected = Vec::new();
    for route in routes().into_iter().filter(|route| matches!(route.access, Access::Key(_))) {
        let path = route.path.replace("{customer}", "acme").replace("{user}", "ana");
        if path == "/v1/events" {
            continue; // It never ends.
        }
        let call = bridge.call(route.method.as_str(), &path).from("192.0.2.1");
        let answer = call.json(&serde_json::json!({"login": "s3cr3t@example.com"})).send().await;
        if route.method != "GET" {
            let id = |name: &str, id: &str| route.path.contains(name).then(|| id.to_owned());
            expected.push(AuditEntry {
                at: bridge.clock_now(),
                who: "bootstrap".to_owned(),
                what: format!("{} {}", route.method, route.path),
                customer: id("{customer}", "acme"),
                user: id("{user}", "ana"),
                address: Some("192.0.2.1".to_owned()),
                outcome: answer.status.to_string(),
                request_id: answer.header("x-request-id").map(str::to_owned),
            });
        }
    }
    assert!(expected.len() > 9, "{expected:?}");
    let written = written(&bridge).await;
    assert_eq!(written, expected);
    assert!(!format!("{written:?}").contains("s3cr3t"));
}

#[tokio::test]
async fn who_has_no_key_writes_nothing() {
    let bridge = TestBridge::start().await;
    bridge.anonymous("PUT", "/v1/customers/acme").bearer("another").send().await;
    assert_eq!(written(&bridge).await, []);
}

#[tokio::test]
async fn a_caller_that_leaves_is_written_down_too() {
    let bridge = TestBridge::start().await;
    let document = crate::support::customer_document("acme");
    let call = bridge.call("PUT", "/v1/customers/acme").header("prefer", "wait=60").json(&document).send();
    tokio::select! {
        _ = call => panic!("nobody works on it"),
        () = bridge.clock.wait_for_sleepers(1) => {}
    }
    let written = written(&bridge).await;
    assert_eq!((written.len(), written[0].outcome.as_str()), (1, "unanswered"), "{written:?}");
}
