//! What reaches a receiver, and what does not.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ON_ONE, URL, on, outcome, settle};
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::{Api, patient, send};

const UNKNOWN: &str = "9d2b4c8f-2087-4738-ba91-7359683c49a4";

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
        let called_off = api.sandbox.deliveries().into_iter().find(|row| row["webhook_subscription_id"] == json!(id));
        let called_off = called_off.unwrap();
        assert_eq!(outcome(&called_off), (1, Some(503), Some(false)), "{goodbye}");
        assert_eq!(called_off["next_attempt_at"], Value::Null, "{goodbye}");
        api.sandbox.advance(Duration::from_secs(3600));
        api.entity().await;
        settle(&api).await;
        assert_eq!((receiver.received().len(), other.received().len()), (1, 2), "{goodbye}");
        assert_eq!(api.sandbox.deliveries().len(), 3, "the second entity is told to the other one only");
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
