//! Who did what is written down: for every route that changes something, with who, from where and how it ended.

use std::time::Duration;

use monite_bridge::api_key::{ApiKey, Scope, Scopes};
use monite_bridge::audit::{AuditEntry, QUEUE};
use monite_bridge::http::{Access, routes, serve};
use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;

use crate::support::{Database, TestBridge, on_every_database};

on_every_database! {
    every_route_that_changes_something_leaves_an_entry,
    what_the_database_does_not_take_waits_and_is_written_once_it_does,
    what_was_answered_is_written_before_the_service_ends,
    no_id_that_somebody_makes_up_holds_the_log_up,
}

async fn written(bridge: &TestBridge) -> Vec<AuditEntry> {
    let flushed = tokio::time::timeout(Duration::from_secs(20), bridge.audit.flush()).await;
    flushed.expect("waited 20 s for the log to be written");
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

async fn metrics(bridge: &TestBridge) -> String {
    bridge.anonymous("GET", "/metrics").send().await.text().to_owned()
}

const AWAY: &str = "ALTER TABLE audit RENAME TO audit_away";
const BACK: &str = "ALTER TABLE audit_away RENAME TO audit";

async fn what_the_database_does_not_take_waits_and_is_written_once_it_does(on: Database) {
    let bridge = TestBridge::on(on).await;
    bridge.run_sql(AWAY).await;
    // A number of its own, since tests at the same time write into the same log.
    let many = if on == Database::Sqlite { 37 } else { 41 };
    let entry = |number| AuditEntry::of_command(&format!("a test {number}"), bridge.clock_now());
    (0..many).for_each(|number| bridge.audit.note(entry(number)));
    for _ in 0..3 {
        bridge.clock.wait_for_sleepers(1).await;
        bridge.advance(1);
    }
    bridge.clock.wait_for_sleepers(1).await;
    bridge.audit.note(entry(many));
    let complaints = bridge.logged(&["the audit log cannot be written", &format!("entries={many}")]);
    assert_eq!(complaints, 1, "said once, not at each try");
    bridge.run_sql(BACK).await;
    bridge.advance(1);
    let whats: Vec<_> = written(&bridge).await.into_iter().map(|entry| entry.what).collect();
    assert_eq!(whats, (0..=many).map(|number| format!("a test {number}")).collect::<Vec<_>>());
    assert_eq!(bridge.audit.lost(), 0);
}

#[tokio::test]
async fn what_does_not_fit_is_lost_counted_and_said_once_and_nobody_waits_for_it() {
    const TOO_MANY: usize = 7;
    let bridge = TestBridge::start().await;
    bridge.run_sql(AWAY).await;
    bridge.put_customer("acme").await;
    bridge.clock.wait_for_sleepers(1).await; // It is out of the queue, in the hands of who writes.
    let entry = AuditEntry::of_command("a test", bridge.clock_now());
    for _ in 0..QUEUE + TOO_MANY {
        bridge.audit.note(entry.clone());
    }
    assert_eq!(bridge.put_customer("beta").await.status, 201, "a write does not wait for the log");
    let lost = TOO_MANY + 1;
    assert_eq!(bridge.audit.lost(), lost as u64);
    let metrics = metrics(&bridge).await;
    assert!(metrics.contains(&format!("monite_bridge_audit_lost_total {lost}\n")), "{metrics}");
    assert_eq!(bridge.logged(&["entries of the audit log are lost"]), 1);
    bridge.run_sql(BACK).await;
    bridge.advance(1);
    bridge.audit.flush().await;
    let last = bridge.store.audit(QUEUE as i64, None, None, 1000).await.unwrap();
    assert_eq!(last.len(), 1, "what fitted is written: the queue and what was in hand");
}

async fn what_was_answered_is_written_before_the_service_ends(on: Database) {
    let bridge = TestBridge::on(on).await;
    let app = bridge.app();
    let audit = app.audit.clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut serving = tokio::spawn(serve(listener, app));
    bridge.run_sql(AWAY).await;
    audit.note(AuditEntry::of_command("answered a moment before the stop", bridge.clock_now()));
    bridge.clock.wait_for_sleepers(1).await;
    bridge.stopping.cancel();
    let early = tokio::time::timeout(Duration::from_millis(300), &mut serving).await;
    assert!(early.is_err(), "it ended while an entry waited");
    bridge.run_sql(BACK).await;
    bridge.advance(1);
    let ended = tokio::time::timeout(Duration::from_secs(20), serving).await;
    ended.expect("waited 20 s for the service to end").unwrap();
    let records = bridge.store.audit(0, None, None, 10).await.unwrap();
    assert_eq!(records[0].entry.what, "answered a moment before the stop");
}

async fn no_id_that_somebody_makes_up_holds_the_log_up(on: Database) {
    let bridge = TestBridge::on(on).await;
    bridge.anonymous("PUT", "/v1/customers/a%00%1b%0a").send().await;
    bridge.call("DELETE", "/v1/customers/b%00").send().await;
    let long = format!("/v1/customers/{}", "c".repeat(5000));
    bridge.anonymous("PUT", &long).send().await;
    let written: Vec<_> = written(&bridge).await.into_iter().map(|entry| entry.customer.unwrap()).collect();
    assert_eq!(written[..2], ["a\u{fffd}\u{fffd}\u{fffd}", "b\u{fffd}"]);
    assert_eq!(written[2].len(), 200);
}

/// A key in the database, and its text.
async fn key(bridge: &TestBridge, scope: Scope) -> (String, String) {
    let (kept, key) = ApiKey::make("a test", Scopes::of(&[scope]), bridge.clock_now(), None).unwrap();
    bridge.store.put_api_key(&kept).await.unwrap();
    (kept.id.to_string(), key.expose_secret().to_owned())
}

#[tokio::test]
async fn a_key_that_may_not_is_written_down_with_its_name_and_so_is_one_that_was_revoked() {
    let bridge = TestBridge::start().await;
    let (id, key) = key(&bridge, Scope::Read).await;
    let ask = async |method| bridge.anonymous(method, "/v1/customers/acme").from("192.0.2.1").bearer(&key).send().await;
    assert_eq!((ask("GET").await.status, ask("PUT").await.status), (404, 403));
    bridge.store.revoke_api_key(&id.parse().unwrap(), bridge.clock_now()).await.unwrap();
    assert_eq!((ask("GET").await.status, ask("DELETE").await.status), (401, 401));
    let written = written(&bridge).await;
    let told: Vec<_> = written.iter().map(|one| (one.who.as_str(), one.what.as_str(), one.outcome.as_str())).collect();
    let (put, delete) = ("PUT /v1/customers/{customer}", "DELETE /v1/customers/{customer}");
    assert_eq!(told, [(id.as_str(), put, "403"), (id.as_str(), delete, "401")]);
    assert!(written.iter().all(|one| one.customer.as_deref() == Some("acme")));
    assert!(written.iter().all(|one| one.address.as_deref() == Some("192.0.2.1") && one.request_id.is_some()));
    let metrics = metrics(&bridge).await;
    for expected in [r#"{reason="scope"} 1"#, r#"{reason="revoked"} 2"#, r#"{reason="unknown"} 0"#] {
        assert!(metrics.contains(&format!("monite_bridge_calls_refused_total{expected}")), "{metrics}");
    }
}

#[tokio::test]
async fn who_has_no_key_cannot_fill_the_log_and_is_counted() {
    let bridge = TestBridge::start().await;
    let (id, known) = key(&bridge, Scope::Read).await;
    let guess = async |count| {
        for number in 0..count {
            let guess = bridge.anonymous("PUT", "/v1/customers/acme");
            let guess = if number % 2 == 0 { guess.bearer("another") } else { guess };
            assert_eq!(guess.send().await.status, 401);
        }
    };
    guess(300).await;
    // Nobody who guesses takes the room of those who are known.
    for _ in 0..100 {
        bridge.anonymous("PUT", "/v1/customers/acme").bearer(&known).send().await;
    }
    bridge.advance(60);
    guess(1).await;
    let written = written(&bridge).await;
    let of = |who: &str| written.iter().filter(|one| one.who == who).map(|one| one.outcome.clone()).collect::<Vec<_>>();
    let expected = [vec!["401"; 10], vec!["401 (290 more before it)"]].concat();
    assert_eq!(of("nobody"), expected);
    assert_eq!(of(&id), ["403"; 60]);
    let metrics = metrics(&bridge).await;
    assert!(metrics.contains(r#"monite_bridge_calls_refused_total{reason="no_key"} 150"#), "{metrics}");
    assert!(metrics.contains(r#"monite_bridge_calls_refused_total{reason="unknown"} 151"#), "{metrics}");
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
