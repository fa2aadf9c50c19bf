//! What can be done with subscriptions, and by whom.

use std::time::Duration;

use monite_sandbox::WebhookUrls;
use serde_json::{Value, json};

use super::{ON_ONE, URL, on};
use crate::support::{Api, builder, patient, send};

#[tokio::test]
async fn a_subscription_is_shown_as_the_document_says() {
    let api = Api::with(patient()).await;
    let body = json!({"object_type": "entity_user", "url": URL, "event_types": ["created", "no such event"]});
    let created = api.post("/webhook_subscriptions", body).await;
    let id = created.id();
    let mut expected = json!({
        "id": id, "object_type": "entity_user", "url": URL, "event_types": ["created", "no such event"],
        "status": "enabled",
    });
    assert_eq!(api.get(&format!("/webhook_subscriptions/{id}")).await.body, expected);
    let shown = |body: &Value| {
        let mut body = body.clone();
        body.as_object_mut().unwrap().remove("secret").map(|_| body)
    };
    assert_eq!(shown(&created.body), Some(expected.clone()), "the same and the secret");
    assert_eq!(shown(&send(api.request(&on(&id, "POST /{id}/regenerate_secret"))).await.body), Some(expected.clone()));

    let everything = api.post("/webhook_subscriptions", json!({"object_type": "entity", "url": URL})).await;
    assert_eq!(everything.body["event_types"], json!([]));
    let patch = json!({"object_type": "role", "event_types": [], "url": "https://127.0.0.1:9/2"});
    let patched = api.patch(&format!("/webhook_subscriptions/{id}"), patch).await;
    (expected["object_type"], expected["event_types"]) = (json!("role"), json!([]));
    expected["url"] = json!("https://127.0.0.1:9/2");
    assert_eq!((patched.status, &patched.body), (200, &expected));
    for (call, status) in
        [("disable", "disabled"), ("disable", "disabled"), ("enable", "enabled"), ("enable", "enabled")]
    {
        expected["status"] = json!(status);
        let answer = send(api.request(&format!("POST /webhook_subscriptions/{id}/{call}"))).await;
        assert_eq!((answer.status, &answer.body), (200, &expected), "{call}");
    }
    // The official Python client sends no body at all when nothing is to change.
    let untouched = send(api.request(&on(&id, "PATCH /{id}"))).await;
    assert_eq!((untouched.status, &untouched.body), (200, &expected));

    assert_eq!(send(api.request(&on(&id, "DELETE /{id}"))).await.status, 204);
    for call in ON_ONE {
        let answer = send(api.request(&on(&id, call)).body("{}")).await;
        let message = format!("There is no webhook subscription by provided id: {id}");
        assert_eq!((answer.status, answer.message()), (404, &*message), "{call}");
    }
    assert_eq!(api.get("/webhook_subscriptions").await.column("id"), [everything.id()]);
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    let api = Api::with(patient()).await;
    let (id, _) = api.subscribe("entity", URL).await;
    for (body, wrong) in [
        (json!({}), vec!["body.object_type", "body.url"]),
        (json!({"object_type": "no", "url": "no"}), vec!["body.object_type", "body.url"]),
        (json!({"object_type": "entity", "url": "http://example.com"}), vec!["body.url"]),
        (json!({"object_type": "entity", "url": format!("https://a.de/{}", "x".repeat(2083))}), vec!["body.url"]),
        (json!({"object_type": "entity", "url": URL, "event_types": ["created", 1]}), vec!["body.event_types.1"]),
        (json!({"object_type": "entity", "url": URL, "event_types": null}), vec!["body.event_types"]),
        (json!({"object_type": "entity", "url": URL, "secret": "mine"}), vec!["body.secret"]),
    ] {
        assert_eq!(api.post("/webhook_subscriptions", body.clone()).await.wrong_fields(), wrong, "{body}");
    }
    for (body, wrong) in [
        (json!({"object_type": "no", "url": "http://example.com", "event_types": "all"}), 3),
        (json!({"status": "enabled"}), 1),
    ] {
        let answer = api.patch(&format!("/webhook_subscriptions/{id}"), body.clone()).await;
        assert_eq!(answer.wrong_fields().len(), wrong, "{body}");
    }
    let null = api.patch(&format!("/webhook_subscriptions/{id}"), json!({"url": null})).await;
    assert_eq!((null.status, null.message()), (400, "url cannot be null"));
    for call in ON_ONE {
        assert_eq!(
            send(api.request(&on("7", call)).body("{}")).await.wrong_fields(),
            ["path.webhook_subscription_id"],
            "{call}"
        );
    }
    for query in ["object_type=no", "sort=url", "order=up", "limit=0", "limit=101", "created_at__gt=yesterday"] {
        let key = query.split('=').next().unwrap();
        let answer = api.get(&format!("/webhook_subscriptions?{query}")).await;
        assert_eq!(answer.wrong_fields(), [format!("query.{key}")]);
    }
}

#[tokio::test]
async fn a_list_has_filters_an_order_and_pages() {
    let api = Api::with(patient()).await;
    let mut ids = Vec::new();
    for object in ["entity", "role", "entity", "entity_user", "entity"] {
        ids.push(api.subscribe(object, URL).await.0);
        api.sandbox.advance(Duration::from_secs(60));
    }
    send(api.request(&on(&ids[1], "POST /{id}/disable"))).await;
    let list = async |query: &str| api.get(&format!("/webhook_subscriptions?{query}")).await.column("id");
    assert_eq!(list("").await, ids, "disabled ones too, oldest first");
    assert_eq!(list("object_type=entity").await, [&*ids[0], &ids[2], &ids[4]]);
    assert_eq!(list("sort=updated_at&order=desc&limit=2").await, [&*ids[1], &ids[4]]);
    assert_eq!(list("created_at__gt=2026-03-01T09:31:00Z&created_at__lte=2026-03-01T09:33:00%2B00:00").await.len(), 2);

    let first = api.get("/webhook_subscriptions?limit=1&object_type=entity").await;
    let next = first.body["next_pagination_token"].as_str().unwrap();
    let second = api.get(&format!("/webhook_subscriptions?pagination_token={next}&object_type=role&limit=50")).await;
    assert_eq!(second.column("id"), [&*ids[2]], "the first query counts");
    let back = second.body["prev_pagination_token"].as_str().unwrap();
    assert_eq!(api.get(&format!("/webhook_subscriptions?pagination_token={back}")).await.column("id"), [&*ids[0]]);
    assert_eq!(api.get(&format!("/entities?pagination_token={next}")).await.status, 400, "it belongs to this list");
}

#[tokio::test]
async fn an_entity_user_may_do_nothing_here() {
    let api = Api::with(patient()).await;
    let (id, _) = api.subscribe("entity", URL).await;
    let entity = api.entity().await;
    let event = api.sandbox.events()[0]["id"].as_str().unwrap().to_owned();
    let role = api.role(&entity, "king", "entity: read create update delete, role: read create update delete").await;
    let token = api.user_token(&api.user(&entity, "ana", &role).await).await;
    let valid = json!({"object_type": "entity", "url": URL}).to_string();
    let mut calls: Vec<(String, &str)> = vec![
        ("POST /webhook_subscriptions".to_owned(), "create for webhook_subscription"),
        ("GET /webhook_subscriptions".to_owned(), "read for webhook_subscription"),
        ("GET /webhook_deliveries".to_owned(), "read for webhook_delivery"),
        ("GET /events".to_owned(), "read for event"),
        (format!("GET /events/{event}"), "read for event"),
    ];
    let right = ["read", "update", "delete", "update", "update", "update"];
    for (call, right) in ON_ONE.iter().zip(right) {
        calls.push((
            on(&id, call),
            match right {
                "read" => "read for webhook_subscription",
                "delete" => "delete for webhook_subscription",
                _ => "update for webhook_subscription",
            },
        ));
    }
    for (call, right) in calls {
        let answer =
            send(api.request_as(&token, &call).header("x-monite-entity-id", &entity).body(valid.clone())).await;
        assert_eq!((answer.status, answer.message()), (403, &*format!("Action {right} not allowed")), "{call}");
    }
    assert_eq!(api.sandbox.webhook_subscriptions().len(), 1);
}

#[tokio::test]
async fn plain_http_is_for_receivers_on_this_machine_unless_told_otherwise() {
    let far = "http://hooks.example.com/";
    for (urls, near_is_fine, far_is_fine) in
        [(WebhookUrls::Loopback, true, false), (WebhookUrls::Https, false, false), (WebhookUrls::Any, true, true)]
    {
        let api = Api::with(builder().webhook_urls(urls)).await;
        let (id, _) = api.subscribe("entity", URL).await;
        for (url, is_fine) in
            [("http://localhost:1/", near_is_fine), ("http://[::1]:1/", near_is_fine), (far, far_is_fine)]
        {
            let created = api.post("/webhook_subscriptions", json!({"object_type": "entity", "url": url})).await;
            assert_eq!(created.status, if is_fine { 201 } else { 422 }, "{url} {urls:?}");
            let moved = api.patch(&format!("/webhook_subscriptions/{id}"), json!({"url": url})).await;
            assert_eq!(moved.status, if is_fine { 200 } else { 422 }, "{url} {urls:?}");
        }
    }
}

#[tokio::test]
async fn only_a_real_change_moves_updated_at() {
    let api = Api::with(patient()).await;
    let (one, _) = api.subscribe("entity", URL).await;
    let (two, _) = api.subscribe("entity", URL).await;
    let by_update = async || api.get("/webhook_subscriptions?sort=updated_at").await.column("id");
    for idle in [json!({}), json!({"url": URL}), json!({"event_types": []}), json!({"object_type": "entity"})] {
        api.patch(&format!("/webhook_subscriptions/{one}"), idle).await;
    }
    send(api.request(&on(&one, "POST /{id}/enable"))).await;
    assert_eq!(by_update().await, [&*one, &two]);
    api.patch(&format!("/webhook_subscriptions/{one}"), json!({"event_types": ["created"]})).await;
    assert_eq!(by_update().await, [&*two, &one]);
}
