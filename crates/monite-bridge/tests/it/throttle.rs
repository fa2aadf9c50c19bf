//! How often a session and an address may ask for a token, and how a refusal reads.

use std::time::Duration;

use monite_bridge::config::{ServerConfig, SessionConfig};

use crate::support::{Answer, Setup, TestBridge};

const ORIGIN: &str = "https://app.example.com";

fn limits(session: Option<u32>, address: Option<u32>) -> Setup {
    let session = SessionConfig { rate_limit: session, address_rate_limit: address, ..SessionConfig::default() };
    Setup { session: Some(session), cors_origins: vec![ORIGIN.to_owned()], ..Setup::default() }
}

async fn with_users(setup: Setup) -> TestBridge {
    let bridge = TestBridge::with(setup).await;
    bridge.put_customer("acme").await;
    for user in ["ana", "ben"] {
        bridge.put_user("acme", user, "admin").await;
    }
    bridge.settle().await;
    bridge
}

async fn ask(bridge: &TestBridge, session: &str, from: &str) -> Answer {
    bridge.anonymous("POST", "/v1/token").bearer(session).header("origin", ORIGIN).from(from).send().await
}

/// How many of so many asks get a token.
async fn served(bridge: &TestBridge, session: &str, from: &str, asks: usize) -> usize {
    let mut served = 0;
    for _ in 0..asks {
        served += usize::from(ask(bridge, session, from).await.status == 200);
    }
    served
}

#[tokio::test]
async fn a_session_that_asks_too_often_waits_and_no_other_does() {
    let bridge = with_users(limits(Some(10), Some(1000))).await;
    let (ana, ben) = (bridge.session("acme", "ana"), bridge.session("acme", "ben"));
    assert_eq!(served(&bridge, &ana, "192.0.2.1", 30).await, 20);
    let refused = ask(&bridge, &ana, "192.0.2.2").await;
    assert_eq!((refused.status, refused.problem()), (429, "too-many-requests".to_owned()), "{refused:?}");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.header("access-control-allow-origin"), Some(ORIGIN), "the page can read it");
    assert!(refused.header("access-control-expose-headers").unwrap().contains("retry-after"));
    assert!(refused.json()["detail"].as_str().unwrap().contains("This session"));
    assert_eq!(served(&bridge, &ben, "192.0.2.1", 5).await, 5, "the other session of the same address");
    bridge.clock.advance(Duration::from_millis(500));
    assert_eq!(served(&bridge, &ana, "192.0.2.1", 30).await, 5);
    let answer = bridge.get("/metrics").await;
    let metrics = answer.text();
    assert!(metrics.contains("monite_bridge_tokens_throttled_total{who=\"session\"} 36\n"), "{metrics}");
}

#[tokio::test]
async fn bad_sessions_count_against_their_address_and_no_other() {
    let bridge = with_users(limits(Some(1000), Some(5))).await;
    let ana = bridge.session("acme", "ana");
    let mut statuses = Vec::new();
    for guess in 0..12 {
        statuses.push(ask(&bridge, &format!("a.b.c{guess}"), "192.0.2.1").await.status);
    }
    assert_eq!(statuses[..10], [401; 10]);
    assert_eq!(statuses[10..], [429; 2]);
    let refused = ask(&bridge, &ana, "192.0.2.1").await;
    assert_eq!(refused.status, 429, "{refused:?}");
    assert!(refused.json()["detail"].as_str().unwrap().contains("this address"));
    assert_eq!(ask(&bridge, &ana, "192.0.2.2").await.status, 200);
}

#[tokio::test]
async fn an_address_in_a_header_counts_only_from_a_trusted_proxy() {
    let mut setup = limits(None, Some(5));
    setup.server = ServerConfig { trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()], ..ServerConfig::default() };
    let bridge = with_users(setup).await;
    let ana = bridge.session("acme", "ana");
    let mut served = [0; 2];
    for (proxy, served) in ["192.0.2.1", "10.0.0.1"].into_iter().zip(&mut served) {
        for caller in 0..30 {
            let claimed = format!("198.51.100.{caller}");
            let call = bridge.anonymous("GET", "/v1/token").bearer(&ana).from(proxy);
            let answer = call.header("x-forwarded-for", &claimed).send().await;
            *served += usize::from(answer.status == 200);
        }
    }
    assert_eq!(served, [10, 30]);
}

#[tokio::test]
async fn off_is_off() {
    let bridge = with_users(limits(None, None)).await;
    let ana = bridge.session("acme", "ana");
    assert_eq!(served(&bridge, &ana, "192.0.2.1", 300).await, 300);
}
