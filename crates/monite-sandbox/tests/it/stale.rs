//! Stale reads: a write is done and answered, and for a while nobody can see it.

use std::time::Duration;

use monite_sandbox::{Fault, FaultRule};
use serde_json::{Value, json};

use crate::support::{Answer, Api, organization, send};

const LAG: Duration = Duration::from_millis(500);

/// The next call of this kind lags.
fn lag(api: &Api, call: &str) {
    api.sandbox.once(call, Fault::Stale(LAG));
}

async fn inside(api: &Api, entity: &str, call: &str) -> Answer {
    send(api.inside(entity, call)).await
}

#[tokio::test]
async fn what_was_created_shows_only_later() {
    let api = Api::start().await;
    let old = api.entity().await;
    lag(&api, "POST /entities");
    let created = api.post("/entities", organization("New")).await;
    assert_eq!(created.status, 201, "the answer is that of any create");
    let new = created.id();
    for _ in 0..2 {
        assert_eq!(api.get("/entities").await.column("id"), [&*old]);
        assert_eq!(api.get(&format!("/entities?id__in={new}")).await.column("id").len(), 0);
        assert_eq!(api.get(&format!("/entities/{new}")).await.status, 404);
        assert_eq!(api.get(&format!("/entities/{new}/partner_metadata")).await.status, 404);
        assert_eq!(inside(&api, &new, "GET /roles").await.status, 404, "nor is there anything inside it");
        api.sandbox.advance(LAG / 2 - Duration::from_millis(1));
    }
    assert_eq!(api.sandbox.entities().len(), 2, "it is there all the same");
    api.sandbox.advance(Duration::from_millis(2));
    assert_eq!(api.get("/entities").await.column("id"), [&*old, &*new]);
    assert_eq!(api.get(&format!("/entities/{new}")).await.body, created.body);
}

#[tokio::test]
async fn what_was_changed_looks_as_before_in_every_read() {
    let api = Api::start().await;
    let one = api.entity().await;
    let before = api.get(&format!("/entities/{one}")).await.body;
    let two = api.entity().await;
    lag(&api, "PATCH /entities*");
    let patched = api.patch(&format!("/entities/{one}"), json!({"email": "new@example.com"})).await.body;
    assert_eq!(patched["email"], "new@example.com");
    assert_eq!(api.get(&format!("/entities/{one}")).await.body, before);
    assert_eq!(api.get("/entities?email=new@example.com").await.column("id").len(), 0);
    assert_eq!(api.get("/entities?email=ap@example.com").await.column("id"), [&*one, &*two]);
    assert_eq!(api.get("/entities?sort=updated_at").await.column("id"), [&*one, &*two], "the order is the old one");
    let page = api.get("/entities?sort=updated_at&limit=1").await;
    let token = page.body["next_pagination_token"].as_str().unwrap().to_owned();
    assert_eq!(api.get(&format!("/entities?pagination_token={token}")).await.column("id"), [&*two]);
    api.sandbox.advance(LAG);
    assert_eq!(api.get("/entities?sort=updated_at").await.column("id"), [&*two, &*one]);
    assert_eq!(api.get("/entities?email=new@example.com").await.column("id"), [&*one]);
    assert_eq!(api.get(&format!("/entities/{one}")).await.body, patched);
}

#[tokio::test]
async fn what_must_be_unique_goes_by_the_truth() {
    let api = Api::start().await;
    let entity = api.entity().await;
    lag(&api, "POST /roles");
    let clerk = api.role(&entity, "clerk", "").await;
    assert_eq!(inside(&api, &entity, "GET /roles?name=clerk").await.column("id").len(), 0);
    let again = json!({"name": "clerk", "permissions": {}});
    assert_eq!(api.inside_json(&entity, "POST /roles", again).await.status, 409);
    lag(&api, "POST /entity_users");
    let ana = api.user(&entity, "ana", &clerk).await;
    let again = json!({"login": "ana", "first_name": "Ana", "role_id": clerk});
    assert_eq!(api.inside_json(&entity, "POST /entity_users", again).await.status, 409);
    assert_eq!(inside(&api, &entity, "GET /entity_users?login=ana").await.column("id").len(), 0);
    let delete = inside(&api, &entity, &format!("DELETE /roles/{clerk}")).await;
    assert_eq!(delete.status, 409, "somebody has the role, seen or not");
    assert_eq!(api.user_token(&ana).await.len(), 48, "tokens go by the truth");
    api.sandbox.advance(LAG);
    assert_eq!(inside(&api, &entity, "GET /entity_users?login=ana").await.column("id"), [&*ana]);
    assert_eq!(inside(&api, &entity, "GET /roles?name=clerk").await.column("id"), [&*clerk]);
}

#[tokio::test]
async fn what_was_deleted_is_still_there_for_a_while() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let role = api.role(&entity, "clerk", "").await;
    let ana = api.user(&entity, "ana", &role).await;
    let user = format!("/entity_users/{ana}");
    lag(&api, "DELETE /entity_users*");
    assert_eq!(inside(&api, &entity, &format!("DELETE {user}")).await.status, 204);
    assert_eq!(inside(&api, &entity, &format!("GET {user}")).await.body["login"], "ana");
    assert_eq!(inside(&api, &entity, "GET /entity_users?login=ana").await.column("id"), [&*ana]);
    assert_eq!(inside(&api, &entity, &format!("DELETE {user}")).await.status, 404, "but not for a write");
    let successor = api.user(&entity, "ana", &role).await;
    assert_eq!(inside(&api, &entity, "GET /entity_users?login=ana").await.column("id"), [&*ana, &*successor]);
    api.sandbox.advance(LAG);
    assert_eq!(inside(&api, &entity, &format!("GET {user}")).await.status, 404);
    assert_eq!(inside(&api, &entity, "GET /entity_users?login=ana").await.column("id"), [&*successor]);
}

#[tokio::test]
async fn changes_show_in_order_and_a_prompt_one_shows_all_before_it() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let path = format!("/entities/{entity}");
    let phone = async || api.get(&path).await.body["phone"].clone();
    for number in ["1", "2"] {
        lag(&api, "PATCH /entities*");
        api.patch(&path, json!({"phone": number})).await;
        assert_eq!(phone().await, Value::Null);
        api.sandbox.advance(LAG / 2);
    }
    assert_eq!(phone().await, "1", "the first one's time is over");
    api.patch(&path, json!({"phone": "3"})).await;
    assert_eq!(phone().await, "3");

    lag(&api, "PATCH /entities*");
    api.patch(&path, json!({"phone": "4"})).await;
    api.sandbox.once("PATCH /entities*", Fault::Stale(Duration::from_millis(1)));
    api.patch(&path, json!({"phone": "5"})).await;
    assert_eq!(phone().await, "3");
    api.sandbox.advance(Duration::from_millis(1));
    assert_eq!(phone().await, "5", "what shows a later change shows the earlier one");
}

#[tokio::test]
async fn reads_and_refused_writes_leave_nothing_to_lag() {
    let api = Api::start().await;
    let entity = api.entity().await;
    api.sandbox.fault(FaultRule::new("*", Fault::Stale(LAG)));
    assert_eq!(api.post("/entities", json!({})).await.status, 422);
    assert_eq!(api.patch(&format!("/entities/{entity}"), json!({})).await.status, 200, "changes nothing");
    assert_eq!(api.get("/entities").await.column("id"), [&*entity]);
    let token = api.partner_token().await;
    assert_eq!(send(api.request_as(&token, "GET /entities")).await.status, 200, "tokens work at once");
    assert_eq!(api.sandbox.faults()[0].hits, 5);
}

#[tokio::test]
async fn rules_over_http_lag_by_milliseconds() {
    let api = Api::start().await;
    let rules = json!({"rules": [{"method": "POST", "path": "/entities", "times": 1, "action": {"stale_ms": 2000}}]});
    assert_eq!(api.control("PUT /faults", Some(rules)).await.status, 200);
    let entity = api.entity().await;
    assert_eq!(api.get(&format!("/entities/{entity}")).await.status, 404);
    api.control("POST /clock", Some(json!({"advance_seconds": 2}))).await;
    assert_eq!(api.get(&format!("/entities/{entity}")).await.status, 200);
    assert_eq!(api.sandbox.journal().iter().filter_map(|entry| entry.fault.as_deref()).collect::<Vec<_>>(), ["stale"]);
}

#[tokio::test]
async fn metadata_and_settings_lag_like_the_rest() {
    let api = Api::start().await;
    let entity = api.entity().await;
    for (path, call, body) in [
        (format!("/entities/{entity}/partner_metadata"), "PUT", json!({"metadata": {"a": 1}})),
        (format!("/entities/{entity}/settings"), "PATCH", json!({"payables_skip_approval_flow": true})),
        ("/settings".to_owned(), "PATCH", json!({"website": "https://example.com"})),
    ] {
        let before = api.get(&path).await.body;
        lag(&api, &format!("{call} {path}"));
        let answered = send(api.request(&format!("{call} {path}")).body(body.to_string())).await.body;
        assert_ne!(answered, before, "{path}");
        assert_eq!(api.get(&path).await.body, before, "{path}");
        api.sandbox.advance(LAG);
        assert_eq!(api.get(&path).await.body, answered, "{path}");
    }
}

#[tokio::test]
async fn subscriptions_lag_and_lose_nothing_meanwhile() {
    let api = Api::start().await;
    let subscribe =
        async |url: &str| api.post("/webhook_subscriptions", json!({"object_type": "entity", "url": url})).await.id();
    let listed = async || api.get("/webhook_subscriptions").await.column("url");
    let one = subscribe("https://example.com/1").await;
    lag(&api, "POST /webhook_subscriptions");
    let two = subscribe("https://example.com/2").await;
    assert_eq!(listed().await, ["https://example.com/1"]);
    assert_eq!(api.get(&format!("/webhook_subscriptions/{two}")).await.status, 404);
    lag(&api, "PATCH /webhook_subscriptions/*");
    api.patch(&format!("/webhook_subscriptions/{one}"), json!({"url": "https://example.com/3"})).await;
    assert_eq!(listed().await, ["https://example.com/1"]);
    api.sandbox.advance(LAG);
    assert_eq!(listed().await, ["https://example.com/3", "https://example.com/2"]);
    lag(&api, "DELETE /webhook_subscriptions/*");
    assert_eq!(send(api.request(&format!("DELETE /webhook_subscriptions/{one}"))).await.status, 204);
    assert_eq!(listed().await, ["https://example.com/3", "https://example.com/2"]);
    api.sandbox.advance(LAG);
    assert_eq!(listed().await, ["https://example.com/2"]);
}
