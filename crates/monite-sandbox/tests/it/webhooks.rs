//! Webhook subscriptions: what can be done with them, and what reaches their receivers.

use std::time::Duration;

use monite_sandbox::WebhookUrls;
use serde_json::{Value, json};

use crate::support::receiver::{Behaviour, Receiver};
use crate::support::{Api, builder, patient, send};

const UNKNOWN: &str = "9d2b4c8f-2087-4738-ba91-7359683c49a4";
/// Nobody listens there, and nobody has to be asked where it is.
const URL: &str = "https://127.0.0.1:9/hooks";

/// All operations on one subscription.
const ON_ONE: [&str; 6] = [
    "GET /{id}",
    "PATCH /{id}",
    "DELETE /{id}",
    "POST /{id}/enable",
    "POST /{id}/disable",
    "POST /{id}/regenerate_secret",
];

fn on(subscription: &str, call: &str) -> String {
    call.replace("/{id}", &format!("/webhook_subscriptions/{subscription}"))
}

#[tokio::test]
async fn a_change_reaches_the_subscriber_signed() {
    let (api, receiver) = (Api::with(patient()).await, Receiver::start().await);
    let (subscription, secret) = api.subscribe("entity", &receiver.url).await;
    let entity = api.entity().await;
    api.sandbox.deliver_webhooks().await.unwrap();

    let [received] = &receiver.received()[..] else { panic!("{:?}", receiver.received()) };
    assert!(received.is_signed_with(&secret));
    assert!(!received.is_signed_with("whsec_other"));
    assert_eq!(received.signed_at(), api.sandbox.now().as_second());
    assert_eq!(received.header("content-type"), "application/json");
    let event = api.sandbox.events().pop().unwrap();
    assert_eq!(
        received.json(),
        json!({
            "id": event["id"], "created_at": event["created_at"], "action": "entity.created",
            "api_version": "2024-05-25", "description": "entity has been created", "entity_id": entity,
            "object": {"id": entity}, "object_type": "entity", "webhook_subscription_id": subscription,
        })
    );
}

#[tokio::test]
async fn the_secret_is_told_when_it_is_made_and_never_again() {
    let (api, receiver) = (Api::with(patient()).await, Receiver::start().await);
    let created = api.post("/webhook_subscriptions", json!({"object_type": "role", "url": receiver.url})).await;
    assert_eq!(created.status, 201);
    let first = created.body["secret"].as_str().unwrap().to_owned();
    assert!(first.starts_with("whsec_") && first.len() > 38, "{first}");
    let id = created.id();
    let again = send(api.request(&on(&id, "POST /{id}/regenerate_secret"))).await;
    let second = again.body["secret"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    let role = api.entity().await;
    api.role(&role, "clerk", "").await;
    api.sandbox.deliver_webhooks().await.unwrap();

    let mut said = vec![api.sandbox.state().to_string(), format!("{:?}", api.sandbox)];
    for call in [&on(&id, "GET /{id}"), "GET /webhook_subscriptions", &on(&id, "POST /{id}/disable")] {
        said.push(send(api.request(call)).await.body.to_string());
    }
    said.push(api.patch(&format!("/webhook_subscriptions/{id}"), json!({"url": URL})).await.body.to_string());
    said.push(api.control("GET /requests?limit=100", None).await.body.to_string());
    said.push(format!("{:?} {:?}", api.sandbox.journal(), api.sandbox.deliveries()));
    said.push(format!("{:?} {:?}", api.sandbox.webhook_subscriptions(), api.sandbox.events()));
    for text in said {
        assert!(!text.contains(&first) && !text.contains(&second), "{text}");
        assert!(!text.contains("secret\":\"whsec"), "{text}");
    }
}

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
async fn a_new_secret_replaces_the_old_one_at_once_for_what_is_pending_too() {
    let (api, receiver) = (Api::with(patient()).await, Receiver::start().await);
    let (id, old) = api.subscribe("entity", &receiver.url).await;
    receiver.next(&[Behaviour::Answer(500)]);
    api.entity().await;
    api.sandbox.deliver_webhooks().await.unwrap();
    let answer = send(api.request(&on(&id, "POST /{id}/regenerate_secret"))).await;
    assert_eq!(answer.status, 200);
    let new = answer.body["secret"].as_str().unwrap();
    api.sandbox.advance(Duration::from_secs(60));
    api.entity().await;
    api.sandbox.deliver_webhooks().await.unwrap();

    let received = receiver.received();
    assert!(received[0].is_signed_with(&old) && received.len() == 3);
    for later in &received[1..] {
        assert!(later.is_signed_with(new) && !later.is_signed_with(&old));
    }
}

#[tokio::test]
async fn a_disabled_or_deleted_subscription_is_sent_nothing_more() {
    for goodbye in ["POST /{id}/disable", "DELETE /{id}"] {
        let (api, receiver, other) = (Api::with(patient()).await, Receiver::start().await, Receiver::start().await);
        let (id, _) = api.subscribe("entity", &receiver.url).await;
        api.subscribe("entity", &other.url).await;
        receiver.always(Behaviour::Answer(503));
        api.entity().await;
        api.sandbox.deliver_webhooks().await.unwrap();
        assert!(send(api.request(&on(&id, goodbye))).await.status < 300);
        api.sandbox.advance(Duration::from_secs(3600));
        api.entity().await;
        api.sandbox.deliver_webhooks().await.unwrap();
        assert_eq!((receiver.received().len(), other.received().len()), (1, 2), "{goodbye}");
        let called_off: Vec<Value> =
            api.sandbox.deliveries().into_iter().filter(|row| row["webhook_subscription_id"] == json!(id)).collect();
        let [called_off] = &called_off[..] else { panic!("{called_off:?}") };
        let outcome =
            (&called_off["was_successful"], &called_off["requests_made_count"], &called_off["next_attempt_at"]);
        assert_eq!(outcome, (&json!(false), &json!(1), &Value::Null), "{goodbye}");
    }
}

#[tokio::test]
async fn enabling_brings_new_events_and_not_the_missed_ones() {
    let (api, receiver) = (Api::with(patient()).await, Receiver::start().await);
    let (id, _) = api.subscribe("entity", &receiver.url).await;
    send(api.request(&on(&id, "POST /{id}/disable"))).await;
    let missed = api.entity().await;
    assert_eq!(api.sandbox.events(), Vec::<Value>::new(), "nobody wanted it");
    send(api.request(&on(&id, "POST /{id}/enable"))).await;
    let told = api.entity().await;
    api.sandbox.deliver_webhooks().await.unwrap();
    let ids: Vec<_> = receiver.received().iter().map(|one| one.json()["entity_id"].clone()).collect();
    assert_eq!(ids, [json!(told)], "and not {missed}");
}

#[tokio::test]
async fn what_is_pending_follows_a_new_address() {
    let (api, old, new) = (Api::with(patient()).await, Receiver::start().await, Receiver::start().await);
    let (id, _) = api.subscribe("entity", &old.url).await;
    old.always(Behaviour::Answer(500));
    api.entity().await;
    api.sandbox.deliver_webhooks().await.unwrap();
    assert_eq!(api.sandbox.deliveries()[0]["url"], json!(old.url));
    api.patch(&format!("/webhook_subscriptions/{id}"), json!({"url": new.url})).await;
    api.sandbox.advance(Duration::from_secs(60));
    api.sandbox.deliver_webhooks().await.unwrap();
    assert_eq!((old.received().len(), new.received().len()), (1, 1));
    assert_eq!(api.sandbox.deliveries()[0]["url"], json!(new.url));
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

#[tokio::test]
async fn statuses_and_spelling_follow_the_table_of_quirks() {
    let api = Api::with(patient()).await;
    let flip = |name: &str, option: &str| api.sandbox.set_quirk(name, option).unwrap();
    for call in ON_ONE {
        assert_eq!(send(api.request(&on(UNKNOWN, call)).body("{}")).await.status, 404, "{call}");
    }
    assert_eq!(api.get(&format!("/events/{UNKNOWN}")).await.status, 404);
    flip("missing_webhook_subscription", "400");
    flip("missing_event", "400");
    for call in ON_ONE {
        assert_eq!(send(api.request(&on(UNKNOWN, call)).body("{}")).await.status, 400, "{call}");
    }
    assert_eq!(api.get(&format!("/events/{UNKNOWN}")).await.status, 400);

    let receiver = Receiver::start().await;
    let (_, secret) = api.subscribe("entity", &receiver.url).await;
    flip("webhook_action", "bare");
    flip("webhook_key", "stripped");
    api.entity().await;
    api.sandbox.deliver_webhooks().await.unwrap();
    let received = receiver.received().pop().unwrap();
    assert_eq!((&received.json()["action"], &received.json()["object_type"]), (&json!("created"), &json!("entity")));
    assert!(received.is_signed_with(secret.strip_prefix("whsec_").unwrap()));
}
