//! Events: what has one, who gets to see it, and for how long.

use std::sync::Arc;
use std::time::Duration;

use monite_sandbox::ManualClock;
use serde_json::{Value, json};

use super::URL;
use crate::support::{Api, patient, send};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// `action object` of all events, oldest first.
fn told(api: &Api) -> Vec<String> {
    let told =
        |event: &Value| format!("{} {}", event["action"].as_str().unwrap(), event["object"]["id"].as_str().unwrap());
    api.sandbox.events().iter().map(told).collect()
}

async fn subscribe_to_all(api: &Api) {
    for object in ["entity", "entity_user", "role", "entity_settings", "partner_settings", "payable"] {
        api.subscribe(object, URL).await;
    }
}

#[tokio::test]
async fn every_change_has_one_event_and_no_other_call_has_any() {
    let api = Api::with(patient()).await;
    subscribe_to_all(&api).await;
    let mut expected: Vec<String> = Vec::new();
    let entity = api.entity().await;
    let role = api.role(&entity, "clerk", "entity: read update").await;
    let user = api.user(&entity, "ana", &role).await;
    for (action, id) in [("entity.created", &entity), ("role.created", &role), ("entity_user.created", &user)] {
        expected.push(format!("{action} {id}"));
    }
    assert_eq!(told(&api), expected);

    let inside = |call: &str| api.inside(&entity, call).body("{}");
    let (role_path, user_path) = (format!("/roles/{role}"), format!("/entity_users/{user}"));
    let patches = [
        (format!("PATCH /entities/{entity}"), json!({"phone": "1"}), format!("entity.updated {entity}")),
        (format!("PATCH {role_path}"), json!({"name": "clerks"}), format!("role.updated {role}")),
        (format!("PATCH {user_path}"), json!({"first_name": "Ana"}), format!("entity_user.updated {user}")),
        (
            format!("PATCH /entities/{entity}/settings"),
            json!({"payment_priority": "bottom_line"}),
            format!("entity_settings.updated {entity}"),
        ),
    ];
    for (call, body, event) in &patches {
        for _ in 0..2 {
            // The second time nothing changes.
            assert_eq!(api.inside_json(&entity, call, body.clone()).await.status, 200, "{call}");
        }
        expected.push(event.clone());
    }
    for call in ["deactivate", "deactivate", "activate", "activate"] {
        send(api.request(&format!("POST /entities/{entity}/{call}"))).await;
    }
    expected.extend(vec![format!("entity.updated {entity}"); 2]);
    let token = api.user_token(&user).await;
    let mine = api.request_as(&token, "PATCH /entity_users/my_entity").body(r#"{"phone":"2"}"#);
    assert_eq!(send(mine).await.status, 200);
    let me = api.request_as(&token, "PATCH /entity_users/me").body(r#"{"last_name":"A"}"#);
    assert_eq!(send(me).await.status, 200);
    expected.extend([format!("entity.updated {entity}"), format!("entity_user.updated {user}")]);
    let metadata = api.request(&format!("PUT /entities/{entity}/partner_metadata")).body(r#"{"metadata":{"a":1}}"#);
    assert_eq!(send(metadata).await.status, 200);
    assert_eq!(api.post("/entities", json!({})).await.status, 422);
    assert_eq!(send(inside(&format!("DELETE {role_path}"))).await.status, 409, "somebody has it");
    assert_eq!(send(inside(&format!("DELETE {user_path}"))).await.status, 204);
    assert_eq!(send(inside(&format!("DELETE {user_path}"))).await.status, 404);
    assert_eq!(send(inside(&format!("DELETE {role_path}"))).await.status, 204);
    expected.extend([format!("entity_user.deleted {user}"), format!("role.deleted {role}")]);
    assert_eq!(told(&api), expected);
    assert!(api.sandbox.events().iter().all(|event| event["entity_id"] == json!(entity)));
}

#[tokio::test]
async fn only_what_an_enabled_subscription_wants_is_recorded() {
    let api = Api::with(patient()).await;
    let entity = api.entity().await;
    api.subscribe("role", URL).await;
    api.patch(&format!("/entities/{entity}"), json!({"phone": "1"})).await;
    assert_eq!(told(&api), Vec::<String>::new(), "nobody asked for entities");
    let body = json!({"object_type": "entity", "url": URL, "event_types": ["created"]});
    let narrow = api.post("/webhook_subscriptions", body).await.id();
    api.patch(&format!("/entities/{entity}"), json!({"phone": "2"})).await;
    let second = api.entity().await;
    assert_eq!(told(&api), [format!("entity.created {second}")]);
    send(api.request(&format!("POST /webhook_subscriptions/{narrow}/disable"))).await;
    api.entity().await;
    assert_eq!(told(&api).len(), 1);
    // One event however many want it, one delivery for each of them.
    for _ in 0..2 {
        api.subscribe("entity", URL).await;
    }
    api.entity().await;
    assert_eq!((told(&api).len(), api.sandbox.deliveries().len()), (2, 3));
}

#[tokio::test]
async fn a_provisioned_role_comes_after_its_entity() {
    let api = Api::with(patient()).await;
    subscribe_to_all(&api).await;
    api.sandbox.set_quirk("default_role", "admin").unwrap();
    api.entity().await;
    let actions: Vec<_> = api.sandbox.events().iter().map(|event| event["action"].clone()).collect();
    assert_eq!(actions, ["entity.created", "role.created"]);
}

#[tokio::test]
async fn events_of_the_partners_settings_belong_to_no_entity() {
    let api = Api::with(patient()).await;
    subscribe_to_all(&api).await;
    let patch = async |prefix: &str| {
        let body = json!({"mail": {"from_name": prefix}});
        assert_eq!(api.patch("/settings", body).await.status, 200);
        api.sandbox.events().pop().unwrap()
    };
    let nil = "00000000-0000-0000-0000-000000000000";
    let event = patch("A").await;
    assert_eq!((&event["action"], &event["entity_id"]), (&json!("partner_settings.updated"), &json!(nil)));
    assert_eq!(event["description"], json!("partner_settings has been updated"));
    let shown = api.get(&format!("/events/{}", event["id"].as_str().unwrap())).await;
    assert_eq!((shown.status, &shown.body), (200, &event));
    api.sandbox.set_quirk("partner_settings_event_entity", "partner").unwrap();
    assert_ne!(patch("B").await["entity_id"], json!(nil));
    assert_eq!(told(&api).len(), 2);
    api.patch("/settings", json!({"mail": {"from_name": "B"}})).await;
    assert_eq!(told(&api).len(), 2, "the same again");
}

#[tokio::test]
async fn events_name_the_version_that_the_partner_chose() {
    let api = Api::with(patient()).await;
    api.subscribe("entity", URL).await;
    api.entity().await;
    assert_eq!(api.patch("/settings", json!({"api_version": "2024-01-31"})).await.status, 200);
    api.entity().await;
    let versions: Vec<_> = api.sandbox.events().iter().map(|event| event["api_version"].clone()).collect();
    assert_eq!(versions, ["2024-05-25", "2024-01-31"]);
}

#[tokio::test]
async fn entities_may_be_the_only_ones_with_events() {
    let api = Api::with(patient()).await;
    subscribe_to_all(&api).await;
    api.sandbox.set_quirk("account_events", "entity_only").unwrap();
    let entity = api.entity().await;
    let role = api.role(&entity, "clerk", "").await;
    api.user(&entity, "ana", &role).await;
    api.patch(&format!("/entities/{entity}/settings"), json!({"payment_priority": "balanced"})).await;
    assert_eq!(told(&api), [format!("entity.created {entity}")]);
}

#[tokio::test]
async fn an_entity_sees_its_own_events_filtered_sorted_and_paged() {
    let api = Api::with(patient()).await;
    subscribe_to_all(&api).await;
    let (entity, other) = (api.entity().await, api.entity().await);
    api.sandbox.advance(DAY);
    for number in 0..5 {
        api.role(&entity, &format!("role {number}"), "").await;
        api.role(&other, &format!("role {number}"), "").await;
    }
    let list = async |query: &str| send(api.inside(&entity, &format!("GET /events?{query}"))).await;
    let all = list("").await;
    assert_eq!(all.column("object_type"), ["entity", "role", "role", "role", "role", "role"]);
    assert!(all.column("entity_id").iter().all(|id| *id == entity));
    assert_eq!(all.body["data"][0].get("webhook_subscription_id"), None);
    assert_eq!(list("object_type=entity").await.column("action"), ["entity.created"]);
    assert_eq!(list("object_type=payable").await.column("id").len(), 0);
    assert_eq!(list("created_at__lt=2026-03-02T09:30:00Z").await.column("object_type"), ["entity"]);
    assert_eq!(list("created_at__gte=2026-03-02T09:30:00Z").await.column("id").len(), 5);
    let mut backwards = all.column("id");
    backwards.reverse();
    for sort in ["created_at", "updated_at"] {
        assert_eq!(list(&format!("sort={sort}&order=desc")).await.column("id"), backwards);
    }

    let mut walked = Vec::new();
    let mut page = list("object_type=role&limit=2").await;
    loop {
        walked.extend(page.column("id"));
        // What comes in meanwhile is not in the way.
        api.role(&entity, &format!("late {}", walked.len()), "").await;
        let Some(next) = page.body["next_pagination_token"].as_str().filter(|_| walked.len() < 5) else { break };
        page = list(&format!("pagination_token={next}")).await;
    }
    assert_eq!(walked[..5], all.column("id")[1..]);
    let foreign = list("limit=1").await.body["next_pagination_token"].as_str().unwrap().to_owned();
    let stolen = api.inside(&other, &format!("GET /events?pagination_token={foreign}"));
    assert_eq!(send(stolen).await.status, 400);
}

#[tokio::test]
async fn a_list_refuses_what_the_document_refuses() {
    let api = Api::with(patient()).await;
    let entity = api.entity().await;
    for path in ["/events", "/webhook_deliveries"] {
        assert_eq!(api.get(path).await.wrong_fields(), ["header.x-monite-entity-id"]);
        let unknown = api.inside("9d2b4c8f-2087-4738-ba91-7359683c49a4", &format!("GET {path}"));
        assert_eq!(send(unknown).await.status, 404);
        let wrong = "object_type=no&sort=id&order=up&limit=0&created_at__gt=x&created_at__lt=x&created_at__gte=x&created_at__lte=x";
        let answer = send(api.inside(&entity, &format!("GET {path}?{wrong}"))).await;
        assert_eq!(answer.wrong_fields().len(), 8, "{answer:?}");
        assert_eq!(send(api.inside(&entity, &format!("GET {path}?event_id=7&unknown=1"))).await.status, {
            if path == "/events" { 200 } else { 422 }
        });
        assert_eq!(send(api.inside(&entity, &format!("GET {path}?pagination_token=x"))).await.status, 400);
    }
    assert_eq!(api.get("/events/7").await.wrong_fields(), ["path.event_id"]);
}

#[tokio::test]
async fn after_ninety_days_events_and_their_deliveries_are_gone() {
    let clock = Arc::new(ManualClock::at("2026-03-01T09:30:00Z".parse().unwrap()));
    let api = Api::with(patient().clock(clock.clone())).await;
    api.subscribe("entity", URL).await;
    let entity = api.entity().await;
    let event = api.sandbox.events()[0]["id"].as_str().unwrap().to_owned();
    for (days, left, status) in [(89, 1, 200), (2, 0, 404)] {
        clock.advance(DAY * days);
        for list in ["/events", "/webhook_deliveries", "/webhook_deliveries?sort=updated_at"] {
            let rows = send(api.inside(&entity, &format!("GET {list}"))).await.column("id").len();
            assert_eq!(rows, left, "{list} after {days} more days");
        }
        assert_eq!(api.get(&format!("/events/{event}")).await.status, status);
    }
    api.patch(&format!("/entities/{entity}"), json!({"phone": "1"})).await;
    assert_eq!(told(&api), [format!("entity.updated {entity}")], "the old row makes place for the new one");
    assert_eq!(api.sandbox.deliveries().len(), 1);
    api.sandbox.advance(DAY * 91);
    assert_eq!((told(&api).len(), api.sandbox.deliveries().len()), (0, 0));
}
