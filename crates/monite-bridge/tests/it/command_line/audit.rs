//! Commands that change something, or hand something out, are in the audit log; those that only look are not.

use serde_json::Value;

use super::support::{CLIENT_ID, CLIENT_SECRET, MASTER_KEY, Place, TWO, sandbox};

/// What the log of a place says: what, about whom, and how it ended.
fn told(place: &Place) -> Vec<String> {
    let printed = place.run(&["audit", "--json"]).code(0).stdout;
    let entries = printed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let told = entries.map(|entry| {
        assert!(text(&entry["who"]).starts_with("cli:"), "{entry}");
        ["what", "customer", "user", "outcome"].map(|name| text(&entry[name])).join(" | ")
    });
    told.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_that_changes_something_leaves_an_entry() {
    let sandbox = sandbox().await;
    let place = Place::empty(&[
        ("MONITE_BRIDGE__MONITE__BASE_URL", &sandbox.base_url()),
        ("MONITE_BRIDGE__MONITE__RATE_LIMIT", "10000"),
        ("MONITE_CLIENT_ID", CLIENT_ID),
        ("MONITE_CLIENT_SECRET", CLIENT_SECRET),
        ("MONITE_BRIDGE_MASTER_KEY", MASTER_KEY),
    ]);
    place.run_with(&["import", "-"], TWO).code(0);
    place.run_with(&["import", "-"], "no,known,column").code(2);
    place.run(&["sync", "--once"]).code(0);
    place.run(&["token", "acme", "ana"]).code(0);
    place.run(&["token", "acme", "nobody"]).code(1);
    place.run(&["retry", "acme"]).code(0);
    place.run(&["retry", "--all"]).code(0);
    place.run(&["adopt", "--dry-run"]).code(0);
    place.run(&["adopt"]).code(0);
    let url = "https://bridge.example.com/v1/webhooks/monite?password=s3cr3t";
    place.run(&["webhooks", "subscribe", "--url", url]).code(0);
    place.run(&["webhooks", "unsubscribe"]).code(0);
    let made = place.run(&["keys", "create", "--name", "a", "--scopes", "read", "--json"]).code(0).json();
    let key = made["id"].as_str().unwrap();
    place.run(&["keys", "revoke", key]).code(0);
    place.run_with(&["credentials", "set", "--client-id", CLIENT_ID], CLIENT_SECRET).code(0);
    for looks in [&["plan"][..], &["status"], &["why", "acme"], &["webhooks", "list"], &["keys", "list"]] {
        place.run(looks).code(0);
    }
    assert_eq!(
        told(&place),
        [
            "import - | - | - | done".to_owned(),
            "import - | - | - | failed".to_owned(),
            "token | acme | ana | done".to_owned(),
            "token | acme | nobody | failed".to_owned(),
            "retry | acme | - | done".to_owned(),
            "retry --all | - | - | done".to_owned(),
            "adopt | - | - | done".to_owned(),
            "webhooks subscribe https://bridge.example.com/v1/webhooks/monite | - | - | done".to_owned(),
            "webhooks unsubscribe | - | - | done".to_owned(),
            format!("keys create {key} | - | - | done"),
            format!("keys revoke {key} | - | - | done"),
            format!("credentials set {CLIENT_ID} | - | - | done"),
        ]
    );

    place.run(&["export", "state.ndjson"]).code(0);
    let other = Place::empty(&[]);
    std::fs::copy(place.path("state.ndjson"), other.path("state.ndjson")).unwrap();
    other.run(&["import-state", "state.ndjson"]).code(0);
    assert_eq!(told(&other), ["import-state state.ndjson | - | - | done"]);
}
