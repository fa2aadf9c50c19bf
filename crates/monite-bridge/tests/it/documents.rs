//! Customers and users as documents: written, changed, read, listed and deleted.

use serde_json::{Value, json};

use crate::support::{Setup, TestBridge, customer_document, user_document};

const ACME: &str = "/v1/customers/acme";
const ANA: &str = "/v1/customers/acme/users/ana";

#[tokio::test]
async fn a_customer_and_a_user_reach_monite() {
    let bridge = TestBridge::start().await;
    let created = bridge.put_customer("acme").await;
    assert_eq!((created.status, created.header("etag"), created.state()), (201, Some("\"1\""), "pending".to_owned()));
    bridge.put_user("acme", "ana", "admin").await;
    bridge.settle().await;

    let customer = bridge.get(ACME).await.json();
    assert_eq!(customer["id"], "acme");
    assert_eq!(customer["organization"]["legal_name"], "acme GmbH");
    assert_eq!(customer["sync"]["state"], "in_sync");
    assert_eq!(customer["sync"]["synced_generation"], 1);
    assert_eq!(customer["sync"]["entity_id"], bridge.sandbox.entities()[0]["id"]);
    assert_eq!(bridge.get(ANA).await.state(), "in_sync");
    assert_eq!(bridge.logins("acme").await, ["ana"]);
}

#[tokio::test]
async fn sync_is_what_the_contract_says_field_by_field() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "viewer").await;
    insta::assert_json_snapshot!(bridge.get(ACME).await.json()["sync"]);
    insta::assert_json_snapshot!(bridge.get(ANA).await.json()["sync"]);
}

#[tokio::test]
async fn the_same_document_again_changes_nothing_and_costs_no_call() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    bridge.settle().await;
    let calls = bridge.sandbox.total_calls();
    let shown = bridge.get(ACME).await.json();

    assert_eq!(bridge.put_customer("acme").await.status, 200);
    assert_eq!(bridge.put_user("acme", "ana", "admin").await.status, 200);
    // What a GET shows can be sent back as it is.
    let again = bridge.call("PUT", ACME).json(&shown).send().await;
    assert_eq!((again.status, again.header("etag")), (200, Some("\"1\"")), "{again:?}");
    let patched = bridge.call("PATCH", ACME).json(&json!({})).send().await;
    assert_eq!((patched.status, patched.state()), (200, "in_sync".to_owned()));
    bridge.settle().await;
    assert_eq!(bridge.sandbox.total_calls(), calls);
}

#[tokio::test]
async fn a_patch_merges_and_null_removes() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    let patch = json!({"phone": "+49 30 1", "address": {"line2": "Hof 3", "city": "Potsdam"}});
    let answer = bridge.call("PATCH", ACME).body("application/merge-patch+json", patch.to_string()).send().await;
    assert_eq!(answer.status, 200);
    let shown = answer.json();
    assert_eq!(
        shown["address"],
        json!({
            "country": "DE", "city": "Potsdam", "line1": "Musterweg 1", "line2": "Hof 3", "postal_code": "10115",
        })
    );
    let answer =
        bridge.call("PATCH", ACME).json(&json!({"phone": null, "address": {"line2": null}})).send().await.json();
    assert_eq!((answer["phone"].clone(), answer["address"]["line2"].clone()), (Value::Null, Value::Null));

    let refused = bridge
        .call("PATCH", ACME)
        .json(&json!({"email": null, "address": {"country": "Germany"}, "colour": 1}))
        .send()
        .await;
    assert_eq!((refused.status, refused.problem()), (422, "invalid-document".to_owned()));
    let mut fields = refused.fields();
    fields.sort();
    assert_eq!(fields, ["address.country", "colour", "email"]);
    assert_eq!(
        bridge.call("PATCH", "/v1/customers/nobody").json(&json!({})).send().await.problem(),
        "no-such-customer"
    );
    assert_eq!(bridge.call("PATCH", ANA).json(&json!({})).send().await.problem(), "no-such-user");
}

#[tokio::test]
async fn a_change_costs_one_patch_with_the_changed_field() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.settle().await;
    bridge.sandbox.clear_journal();
    bridge.call("PATCH", ACME).json(&json!({"phone": "+49 30 1"})).send().await;
    bridge.settle().await;
    let journal = bridge.sandbox.journal();
    assert_eq!(journal.len(), 1, "{journal:#?}");
    assert_eq!((journal[0].method.as_str(), journal[0].body.clone()), ("PATCH", Some(json!({"phone": "+49 30 1"}))));
}

#[tokio::test]
async fn a_user_needs_its_customer_and_a_role_that_exists() {
    let bridge = TestBridge::start().await;
    let early = bridge.call("PUT", ANA).json(&user_document("ana", "admin")).send().await;
    assert_eq!((early.status, early.problem()), (404, "no-such-customer".to_owned()));
    assert!(early.json()["detail"].as_str().unwrap().contains("acme"));
    bridge.put_customer("acme").await;
    for role in ["owner", "Admin", "admin ", ""] {
        let refused = bridge.call("PUT", ANA).json(&user_document("ana", role)).send().await;
        assert_eq!((refused.status, refused.fields()), (422, vec!["role".to_owned()]), "{role:?}");
    }
    bridge.put_user("acme", "ana", "admin").await;
    let same_login =
        bridge.call("PUT", "/v1/customers/acme/users/ben").json(&user_document("ana", "viewer")).send().await;
    assert_eq!((same_login.status, same_login.fields()), (422, vec!["login".to_owned()]));
}

#[tokio::test]
async fn what_cannot_change_is_refused_once_the_entity_exists() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.settle().await;
    let mut moved = customer_document("acme");
    moved["address"]["country"] = json!("FR");
    let refused = bridge.call("PUT", ACME).json(&moved).send().await;
    assert_eq!((refused.status, refused.fields()), (422, vec!["address.country".to_owned()]));
    assert_eq!(bridge.get(ACME).await.header("etag"), Some("\"1\""));
}

#[tokio::test]
async fn a_deleted_customer_is_deactivated_and_can_come_back_with_its_entity() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.settle().await;
    let entity = bridge.entity_id("acme").await;
    let deleting = bridge.delete(ACME).await;
    assert_eq!((deleting.status, deleting.state()), (202, "pending".to_owned()));
    bridge.settle().await;
    assert_eq!(bridge.sandbox.entities()[0]["status"], "inactive");
    assert_eq!(bridge.get(ACME).await.state(), "deactivated");
    assert_eq!(bridge.delete(ACME).await.status, 200);

    let patched = bridge.call("PATCH", ACME).json(&json!({"phone": "1"})).send().await;
    assert_eq!(
        (patched.status, patched.problem()),
        (409, "deleted".to_owned()),
        "a late update does not undo a deletion"
    );
    assert_eq!(bridge.put_customer("acme").await.status, 200);
    bridge.settle().await;
    assert_eq!(bridge.sandbox.entities().len(), 1);
    assert_eq!(
        (bridge.entity_id("acme").await, bridge.sandbox.entities()[0]["status"].clone()),
        (entity, json!("active"))
    );
    assert_eq!(bridge.delete("/v1/customers/nobody").await.problem(), "no-such-customer");
}

#[tokio::test]
async fn a_deleted_user_is_shown_until_monite_has_done_it() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    bridge.settle().await;
    let deleting = bridge.delete(ANA).await;
    assert_eq!((deleting.status, deleting.state()), (202, "pending".to_owned()));
    assert_eq!(bridge.get(ANA).await.state(), "pending");
    bridge.settle().await;
    assert_eq!(bridge.get(ANA).await.problem(), "no-such-user");
    assert_eq!(bridge.delete(ANA).await.problem(), "no-such-user");
    assert!(bridge.logins("acme").await.is_empty());
}

#[tokio::test]
async fn a_user_that_monite_keeps_is_forgotten_at_once() {
    let keep = Setup { on_user_delete: monite_bridge::config::OnUserDelete::Keep, ..Setup::default() };
    let bridge = TestBridge::with(keep).await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    bridge.settle().await;
    let deleted = bridge.delete(ANA).await;
    assert_eq!((deleted.status, deleted.state()), (200, "deactivated".to_owned()));
    bridge.settle().await;
    assert_eq!(bridge.get(ANA).await.status, 404);
    assert_eq!(bridge.logins("acme").await, ["ana"]);
}

#[tokio::test]
async fn lists_come_in_pages_in_the_order_of_the_ids() {
    let bridge = TestBridge::start().await;
    for id in ["a", "b", "c", "d", "e"] {
        bridge.put_customer(id).await;
    }
    for user in ["x", "y", "z"] {
        bridge.put_user("a", user, "viewer").await;
    }
    assert_eq!(pages(&bridge, "/v1/customers?limit=2").await, [vec!["a", "b"], vec!["c", "d"], vec!["e"]]);
    assert_eq!(pages(&bridge, "/v1/customers?limit=5").await, [vec!["a", "b", "c", "d", "e"]]);
    assert_eq!(pages(&bridge, "/v1/customers/a/users?limit=2").await, [vec!["x", "y"], vec!["z"]]);
    assert_eq!(pages(&bridge, "/v1/customers/b/users").await, [Vec::<String>::new()]);
    bridge.delete("/v1/customers/c").await;
    assert_eq!(pages(&bridge, "/v1/customers?state=deactivated&limit=9").await, [vec!["c"]]);
    assert_eq!(pages(&bridge, "/v1/customers?state=&limit=&cursor=").await.concat().len(), 5);
    assert_eq!(bridge.get("/v1/customers/nobody/users").await.problem(), "no-such-customer");
}

async fn pages(bridge: &TestBridge, path: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut next = path.to_owned();
    loop {
        let answer = bridge.get(&next).await.json();
        pages.push(
            answer["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect(),
        );
        let Some(cursor) = answer["next_cursor"].as_str() else { return pages };
        next = format!("{path}&cursor={cursor}");
    }
}

#[tokio::test]
async fn ids_may_hold_what_the_contract_allows() {
    let bridge = TestBridge::start().await;
    for (path, id) in [
        ("/v1/customers/org:1+2,3@x~y_z.-", "org:1+2,3@x~y_z.-"),
        ("/v1/customers/ana%40example.com", "ana@example.com"),
        ("/v1/customers/a%2Bb", "a+b"),
    ] {
        let answer = bridge.call("PUT", path).json(&customer_document("acme")).send().await;
        assert_eq!((answer.status, answer.json()["id"].clone()), (201, json!(id)));
    }
    for path in [
        "/v1/customers/a%2Fb",
        "/v1/customers/a%20b",
        "/v1/customers/%FF",
        &format!("/v1/customers/{}", "x".repeat(201)),
    ] {
        let refused = bridge.call("PUT", path).json(&customer_document("acme")).send().await;
        assert_eq!((refused.status, refused.problem()), (422, "invalid-parameter".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_rejected_customer_says_why_and_a_retry_tries_again() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.sandbox.once("POST /entities", monite_sandbox::Fault::Status { status: 422, retry_after: None });
    bridge.settle().await;
    let rejected = bridge.get(ACME).await.json();
    assert_eq!(rejected["sync"]["state"], "rejected");
    assert_eq!(rejected["sync"]["last_error"]["status"], 422);
    assert!(rejected["sync"]["last_error"]["request_id"].is_string(), "{rejected}");

    let retried = bridge.call("POST", "/v1/customers/acme/retry").send().await;
    assert_eq!(retried.status, 202);
    bridge.settle().await;
    assert_eq!(bridge.get(ACME).await.state(), "in_sync");
    assert_eq!(bridge.call("POST", "/v1/customers/acme/retry").send().await.status, 200, "nothing is failing any more");
    assert_eq!(bridge.call("POST", "/v1/customers/nobody/retry").send().await.status, 404);
    assert_eq!(bridge.call("POST", "/v1/customers/acme/users/nobody/retry").send().await.problem(), "no-such-user");
}
