//! `webhooks`: subscribed beside a running service, heard of, listed, ended.

use std::time::Duration;

use monite::{Credentials, Monite};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::serve::becomes;
use super::support::{API_KEY, CLIENT_ID, CLIENT_SECRET, MASTER_KEY, Place, sandbox};
use crate::support::customer_document;

fn http() -> reqwest::Client {
    reqwest::Client::builder().timeout(Duration::from_secs(30)).no_proxy().build().unwrap()
}

fn place(base_url: &str) -> Place {
    Place::empty(&[
        ("MONITE_BRIDGE__MONITE__BASE_URL", base_url),
        ("MONITE_BRIDGE__MONITE__RATE_LIMIT", "10000"),
        ("MONITE_BRIDGE__SERVER__LISTEN", "127.0.0.1:0"),
        ("MONITE_CLIENT_ID", CLIENT_ID),
        ("MONITE_CLIENT_SECRET", CLIENT_SECRET),
        ("MONITE_BRIDGE_API_KEY", API_KEY),
        ("MONITE_BRIDGE_MASTER_KEY", MASTER_KEY),
    ])
}

fn outcomes(ran: &Value) -> Vec<&str> {
    ran["subscriptions"].as_array().unwrap().iter().map(|one| one["outcome"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_changes_is_heard_of_by_a_running_service_and_set_right() {
    let sandbox = sandbox().await;
    let place = place(&sandbox.base_url());
    let bridge = place.start(&["serve"]);
    let url = format!("{}/v1/webhooks/monite", bridge.url);
    let made = place.run(&["webhooks", "subscribe", "--url", &url, "--json"]).code(0).json();
    assert_eq!(outcomes(&made), ["created"; 3]);
    let again = place.run(&["webhooks", "subscribe", "--url", &url, "--json"]).code(0).json();
    assert_eq!(outcomes(&again), ["kept"; 3]);
    assert_eq!(sandbox.webhook_subscriptions().len(), 3);
    let status = place.run(&["status"]).code(0).stdout;
    assert!(status.contains("\nwebhooks 3 subscriptions   last delivery never"), "{status}");
    let listed = place.run(&["webhooks", "list"]).code(0).stdout;
    assert_eq!(listed.matches("here").count(), 3, "{listed}");
    let database =
        ["monite-bridge.db", "monite-bridge.db-wal"].map(|name| std::fs::read(place.path(name)).unwrap_or_default());
    assert!(!database.concat().windows(6).any(|bytes| bytes == b"whsec_"), "a secret in plain text on disk");

    let put = http().put(format!("{}/v1/customers/acme", bridge.url)).bearer_auth(API_KEY).header("Prefer", "wait=30");
    let answer = put.body(customer_document("acme").to_string()).send().await.unwrap().text().await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&answer).unwrap()["sync"]["state"], "in_sync", "{answer}");
    let monite = Monite::builder()
        .base_url(sandbox.base_url())
        .credentials(Credentials::parse(CLIENT_ID, SecretString::from(CLIENT_SECRET)).unwrap())
        .build()
        .unwrap();
    let entity = sandbox.entities()[0]["id"].as_str().unwrap().parse().unwrap();
    monite.entity(entity).update(&serde_json::from_value(json!({"address": {"city": "Bonn"}})).unwrap()).await.unwrap();
    let city = || sandbox.entities()[0]["address"]["city"].clone();
    assert_eq!(city(), "Bonn");
    let shown = async || (city(), sandbox.deliveries());
    becomes("somebody to set it right", shown, |(city, _)| city == "Berlin").await;

    let status = place.run(&["status", "--json"]).code(0).json();
    assert!(status["webhooks"]["last_delivery_at"].is_string(), "{status}");
    let ended = place.run(&["webhooks", "unsubscribe", "--json"]).code(0).json();
    assert_eq!(outcomes(&ended), ["ended"; 3]);
    assert!(sandbox.webhook_subscriptions().is_empty());
    let (code, log) = bridge.terminate();
    assert_eq!(code, 0, "{log}");
    assert!(!log.contains("whsec_"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_master_key_nothing_is_called() {
    let sandbox = sandbox().await;
    let place = place(&sandbox.base_url()).without("MONITE_BRIDGE_MASTER_KEY");
    for args in [&["webhooks", "subscribe", "--url", "https://bridge.example.com/x"][..], &["webhooks", "unsubscribe"]]
    {
        let ran = place.run(args).code(2);
        assert!(ran.stderr.contains("MONITE_BRIDGE_MASTER_KEY"), "{ran:#?}");
    }
    assert_eq!(sandbox.total_calls(), 0);
    let none = place.run(&["webhooks", "list"]).code(0);
    assert!(none.stdout.contains("no subscriptions yet"), "{none:#?}");
    for address in ["bridge.example.com", "ftp://bridge.example.com/x", "https://bridge.example.com/#x"] {
        place.run(&["webhooks", "subscribe", "--url", address]).code(2);
    }
}
