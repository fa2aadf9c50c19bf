//! `erase`: asks first, says what it did, and works beside a running service.

use serde_json::json;

use super::support::{API_KEY, Place, sandbox};

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_erased_beside_a_running_service_with_evidence() {
    let sandbox = sandbox().await;
    let place = Place::against(&sandbox.base_url());
    let bridge = place.start(&["serve"]);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let document = json!({
        "type": "organization", "email": "ap@geheim.example",
        "address": {"country": "DE", "city": "Berlin", "line1": "Geheimweg 1", "postal_code": "10115"},
        "organization": {"legal_name": "Geheim GmbH"},
    });
    let url = format!("{}/v1/customers/acme", bridge.url);
    let put = http.put(&url).bearer_auth(API_KEY).header("prefer", "wait=30");
    let put = put.header("content-type", "application/json").body(document.to_string()).send().await.unwrap();
    assert_eq!(put.status(), 201);

    let refused = place.run(&["erase", "acme"]).code(2);
    assert!(refused.stderr.contains("--yes"), "nobody can answer: {refused:?}");
    assert_eq!(http.get(&url).bearer_auth(API_KEY).send().await.unwrap().status(), 200, "nothing was done");

    let report = place.run(&["erase", "acme", "--yes", "--json"]).code(0).json();
    assert_eq!((&report["erased"], &report["left"]), (&json!(true), &json!([])), "{report}");
    assert!(report["monite_keeps"].as_array().unwrap().len() > 3 && report["steps"].as_array().unwrap().len() > 4);
    assert!(!report.to_string().contains("Geheim"), "{report}");
    assert!(!sandbox.state().to_string().contains("Geheim"));
    assert_eq!(http.get(&url).bearer_auth(API_KEY).send().await.unwrap().status(), 404);

    let again = place.run(&["erase", "acme", "--yes"]).code(0).stdout;
    assert!(again.contains("acme is erased; its entity at Monite was"), "{again}");
    place.run(&["erase", "nobody", "--yes"]).code(1);
    let (_, log) = bridge.terminate();
    assert!(!log.contains("Geheim"), "{log}");
    let audit = place.run(&["audit", "--customer", "acme"]).code(0).stdout;
    assert!(audit.contains("erase") && !audit.contains("Geheim"), "{audit}");
    for name in ["monite-bridge.db", "monite-bridge.db-wal"] {
        let bytes = std::fs::read(place.path(name)).unwrap_or_default();
        assert!(!bytes.windows(6).any(|window| window == b"Geheim"), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_monite_does_not_answer_says_what_is_left() {
    let sandbox = sandbox().await;
    let place = Place::against(&sandbox.base_url());
    place.write("customers.ndjson", concat!(
        r#"{"id": "acme", "type": "organization", "email": "ap@geheim.example", "organization": {"legal_name": "Geheim GmbH"}, "#,
        r#""address": {"country": "DE", "city": "Berlin", "line1": "Geheimweg 1", "postal_code": "10115"}}"#, "\n"));
    place.run(&["import", "customers.ndjson"]).code(0);
    place.run(&["sync"]).code(0);
    sandbox.once("POST /entities/*/deactivate", monite_sandbox::Fault::Status { status: 400, retry_after: None });
    let left = place.run(&["erase", "acme", "--yes"]).code(1);
    assert!(left.stdout.contains("NOT erased yet") && left.stderr.contains("Run the same command again"), "{left:?}");
    place.run(&["erase", "acme", "--yes"]).code(0);
}
