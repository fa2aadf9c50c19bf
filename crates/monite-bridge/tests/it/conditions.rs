//! `If-Match` and `If-None-Match`: nobody's update is lost.

use serde_json::json;

use crate::support::{TestBridge, customer_document, user_document};

const ACME: &str = "/v1/customers/acme";

#[tokio::test]
async fn a_write_that_did_not_see_the_latest_is_refused_and_told_what_is_there() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    let mut document = customer_document("acme");
    document["email"] = json!("new@acme.example.com");
    let second = bridge.call("PUT", ACME).header("if-match", "\"1\"").json(&document).send().await;
    assert_eq!((second.status, second.header("etag")), (200, Some("\"2\"")));

    document["email"] = json!("stale@acme.example.com");
    for (method, body) in [("PUT", document.clone()), ("PATCH", json!({"email": "stale@acme.example.com"}))] {
        let stale = bridge.call(method, ACME).header("if-match", "\"1\"").json(&body).send().await;
        assert_eq!((stale.status, stale.problem()), (412, "precondition-failed".to_owned()));
        assert_eq!((stale.json()["generation"].clone(), stale.header("etag")), (json!(2), Some("\"2\"")));
    }
    let stale = bridge.call("DELETE", ACME).header("if-match", "\"1\"").send().await;
    assert_eq!(stale.status, 412);
    assert_eq!(bridge.get(ACME).await.json()["email"], "new@acme.example.com");

    let listed = bridge.call("PUT", ACME).header("if-match", "\"9\", \"2\"").json(&document).send().await;
    assert_eq!((listed.status, listed.header("etag")), (200, Some("\"3\"")));
    assert_eq!(
        bridge.call("DELETE", ACME).header("if-match", "\"3\"").send().await.status,
        200,
        "it never reached Monite"
    );
}

#[tokio::test]
async fn only_if_it_is_there_or_only_if_it_is_not() {
    let bridge = TestBridge::start().await;
    let put =
        |header: &'static str| bridge.call("PUT", ACME).header(header, "*").json(&customer_document("acme")).send();
    assert_eq!(put("if-match").await.status, 412);
    assert_eq!(put("if-none-match").await.status, 201);
    assert_eq!(put("if-none-match").await.status, 412);
    assert_eq!(put("if-match").await.status, 200);
    let user = "/v1/customers/acme/users/ana";
    let put =
        |header: &'static str| bridge.call("PUT", user).header(header, "*").json(&user_document("ana", "admin")).send();
    assert_eq!(put("if-match").await.status, 412);
    assert_eq!(put("if-none-match").await.status, 201);
    let nonsense = bridge.call("PUT", user).header("if-match", "1").json(&user_document("ana", "admin")).send().await;
    assert_eq!((nonsense.status, nonsense.problem()), (400, "unreadable-request".to_owned()));
}

#[tokio::test]
async fn of_many_who_saw_the_same_exactly_one_wins() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    let writes = (0..20).map(|n| {
        let mut document = customer_document("acme");
        document["phone"] = json!(format!("+49 {n}"));
        bridge.call("PUT", ACME).header("if-match", "\"1\"").json(&document).send()
    });
    let answers = futures::future::join_all(writes).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    let lost = answers.iter().filter(|answer| answer.status == 412).count();
    assert_eq!((won, lost), (1, 19));
    assert_eq!(bridge.get(ACME).await.header("etag"), Some("\"2\""));
}

#[tokio::test]
async fn patches_at_once_all_count() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    let fields = ["phone", "tax_id", "website"];
    let patches = fields.iter().map(|field| {
        let value = if *field == "website" { "https://acme.example.com" } else { "123" };
        bridge.call("PATCH", ACME).json(&json!({*field: value})).send()
    });
    for answer in futures::future::join_all(patches).await {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let shown = bridge.get(ACME).await.json();
    assert_eq!(fields.map(|field| shown[field].is_string()), [true, true, true], "{shown}");
    assert_eq!(shown["sync"]["generation"], 4);
}
