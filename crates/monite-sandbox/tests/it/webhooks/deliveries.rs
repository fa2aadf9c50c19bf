//! Deliveries: attempts, when they are repeated, and what is on record about them.

use std::time::Duration;

use serde_json::{Value, json};

use super::{MINUTE, outcome, record, settle, subscribed};
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::{Api, builder, send, wait_for};

#[tokio::test]
async fn a_failure_is_repeated_after_growing_waits_and_given_up_within_twelve_hours() {
    let (api, receiver) = subscribed().await;
    receiver.always(Behaviour::Answer(500));
    let entity = api.entity().await;
    settle(&api).await;
    for (made, wait) in (1..).zip([1, 5, 15, 30, 60, 120, 120, 120, 120, 120]) {
        assert_eq!(outcome(&record(&api, &entity).await), (made, Some(500), None), "still trying");
        api.sandbox.advance(MINUTE * wait - Duration::from_micros(1));
        settle(&api).await;
        assert_eq!(receiver.received().len() as u64, made, "not before {wait} minutes are over");
        api.sandbox.advance(Duration::from_micros(1));
        settle(&api).await;
        assert_eq!(receiver.received().len() as u64, made + 1, "after {wait} minutes");
    }
    assert_eq!(outcome(&record(&api, &entity).await), (11, Some(500), Some(false)));
    api.sandbox.advance(MINUTE * 60 * 24);
    settle(&api).await;
    let received = receiver.received();
    assert_eq!(received.len(), 11);
    assert!(received.iter().all(|one| one.raw == received[0].raw), "each time the same event");
    let signed: Vec<_> = received.iter().map(|one| one.signed_at() - received[0].signed_at()).collect();
    assert_eq!(signed[..4], [0, 60, 360, 1260], "signed when it is sent");
}

#[tokio::test]
async fn an_attempt_is_written_down_with_what_came_back() {
    let (api, receiver) = subscribed().await;
    receiver.next(&[Behaviour::Answer(404), Behaviour::Endless]);
    let entity = api.entity().await;
    settle(&api).await;
    let event = api.sandbox.events()[0]["id"].clone();
    let first = record(&api, &entity).await;
    let expected = json!({
        "id": first["id"], "event_id": event, "url": receiver.url, "requests_made_count": 1, "response": "as told",
        "response_status_code": 404, "was_successful": null,
    });
    assert_eq!(first, expected);
    api.sandbox.advance(MINUTE);
    settle(&api).await;
    let second = record(&api, &entity).await;
    assert_eq!(outcome(&second), (2, Some(500), None));
    assert_eq!(second["response"].as_str().unwrap(), "x".repeat(2048), "the beginning of a megabyte");
    api.sandbox.advance(MINUTE * 5);
    settle(&api).await;
    let third = record(&api, &entity).await;
    assert_eq!((outcome(&third), &third["response"]), ((3, Some(200), Some(true)), &json!("thanks")));
    api.sandbox.advance(MINUTE * 600);
    settle(&api).await;
    assert_eq!(receiver.received().len(), 3, "delivered is delivered");
}

#[tokio::test]
async fn nobody_there_and_no_answer_in_time_are_failures_without_a_status() {
    let api = Api::with(builder().webhook_timeout(Duration::from_millis(50))).await;
    let silent = Receiver::start().await;
    silent.always(Behaviour::Silence);
    let gone = Receiver::start().await.url;
    for (url, why) in [(&silent.url, "no answer in time"), (&gone, "no answer")] {
        let (subscription, _) = api.subscribe("entity", url).await;
        let entity = api.entity().await;
        settle(&api).await;
        let record = record(&api, &entity).await;
        assert_eq!((outcome(&record), &record["response"]), ((1, None, None), &Value::Null));
        let failure = api.sandbox.deliveries().pop().unwrap()["failure"].take();
        assert!(failure.as_str().unwrap().starts_with(why), "{failure}");
        send(api.request(&format!("DELETE /webhook_subscriptions/{subscription}"))).await;
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let (api, receiver) = subscribed().await;
    receiver.next(&[Behaviour::Redirect]);
    let entity = api.entity().await;
    settle(&api).await;
    assert_eq!((outcome(&record(&api, &entity).await), receiver.received().len()), ((1, Some(302), None), 1));
}

#[tokio::test]
async fn any_2xx_counts_unless_only_200_does() {
    for (option, delivered) in [("2xx", Some(true)), ("200", None)] {
        let (api, receiver) = subscribed().await;
        api.sandbox.set_quirk("webhook_success", option).unwrap();
        receiver.next(&[Behaviour::Answer(204)]);
        let entity = api.entity().await;
        settle(&api).await;
        assert_eq!(outcome(&record(&api, &entity).await), (1, Some(204), delivered), "{option}");
    }
}

#[tokio::test]
async fn one_subscription_gets_its_events_in_order() {
    let (api, receiver) = subscribed().await;
    let mut expected = Vec::new();
    for _ in 0..20 {
        expected.push(json!(api.entity().await));
    }
    settle(&api).await;
    let received: Vec<_> = receiver.received().iter().map(|one| one.json()["entity_id"].clone()).collect();
    assert_eq!(received, expected);
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_holds_up_nobody_else() {
    let (api, alive) = subscribed().await;
    let dead = Receiver::start().await;
    dead.always(Behaviour::Silence);
    api.subscribe("entity", &dead.url).await;
    for count in 1..=3 {
        api.entity().await;
        // Long before the ten seconds that the dead one has.
        wait_for("the receiver that answers", || alive.received().len() == count).await;
    }
    wait_for("the one that does not", || dead.received().len() == 1).await;
    let of_the_dead = |row: &&Value| row["url"] == json!(dead.url) && row["was_successful"].is_null();
    let pending = api.sandbox.deliveries().iter().filter(of_the_dead).count();
    assert_eq!(pending, 3, "one on its way, two behind it");
}

#[tokio::test]
async fn an_event_that_fails_does_not_hold_up_the_next_one() {
    let (api, receiver) = subscribed().await;
    receiver.next(&[Behaviour::Answer(500)]);
    let (first, second) = (api.entity().await, api.entity().await);
    settle(&api).await;
    api.sandbox.advance(MINUTE);
    settle(&api).await;
    let received: Vec<_> = receiver.received().iter().map(|one| one.json()["entity_id"].clone()).collect();
    assert_eq!(received, [json!(first), json!(second), json!(first)]);
}

#[tokio::test]
async fn the_plan_can_be_scaled_down_to_real_time() {
    let start = monite_sandbox::SystemClock;
    let api = Api::with(builder().clock(std::sync::Arc::new(start)).webhook_retry_scale(0.0001)).await;
    let receiver = Receiver::start().await;
    api.subscribe("entity", &receiver.url).await;
    receiver.next(&[Behaviour::Answer(500); 3]);
    let entity = api.entity().await;
    wait_for("the fourth attempt, 126 ms later", || receiver.received().len() == 4).await;
    settle(&api).await;
    assert_eq!(outcome(&record(&api, &entity).await), (4, Some(200), Some(true)));
}

#[tokio::test]
async fn deliveries_have_filters_an_order_and_pages() {
    let (api, receiver) = subscribed().await;
    api.subscribe("entity", &receiver.url).await;
    api.subscribe("role", &receiver.url).await;
    let (entity, other) = (api.entity().await, api.entity().await);
    api.sandbox.advance(MINUTE);
    api.role(&entity, "clerk", "").await;
    settle(&api).await;
    let list = async |query: &str| send(api.inside(&entity, &format!("GET /webhook_deliveries?{query}"))).await;
    let all = list("").await.column("id");
    assert_eq!(all.len(), 3, "two about the entity, one about the role, none of the other entity");
    let event = api.sandbox.events()[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(list(&format!("event_id={event}")).await.column("id"), all[..2]);
    assert_eq!(list(&format!("event_id={event}&order=desc&limit=1")).await.column("id"), all[1..2]);
    let foreign = send(api.inside(&other, &format!("GET /webhook_deliveries?event_id={event}"))).await;
    assert_eq!(foreign.column("id").len(), 0);
    assert_eq!(list("object_type=role").await.column("id"), all[2..]);
    for (action, count) in [("created", 3), ("entity.created", 2), ("role.created", 1), ("updated", 0), ("entity", 0)] {
        assert_eq!(list(&format!("event_action={action}")).await.column("id").len(), count, "{action}");
    }
    assert_eq!(list("created_at__gt=2026-03-01T09:30:30Z").await.column("id"), all[2..]);
    let latest = list("sort=updated_at&order=desc").await.column("id");
    assert_eq!(latest.len(), 3);

    let first = list("limit=2").await;
    let next = first.body["next_pagination_token"].as_str().unwrap();
    let second = list(&format!("pagination_token={next}")).await;
    assert_eq!((first.column("id"), second.column("id")), (all[..2].to_vec(), all[2..].to_vec()));
    assert_eq!(second.body["next_pagination_token"], Value::Null);
    let back = second.body["prev_pagination_token"].as_str().unwrap();
    assert_eq!(list(&format!("pagination_token={back}")).await.column("id"), all[..2]);
}

#[tokio::test]
async fn the_latest_attempt_comes_last_by_updated_at() {
    let (api, receiver) = subscribed().await;
    receiver.next(&[Behaviour::Answer(500)]);
    let entity = api.entity().await;
    settle(&api).await;
    api.patch(&format!("/entities/{entity}"), json!({"phone": "1"})).await;
    settle(&api).await;
    let list = async || send(api.inside(&entity, "GET /webhook_deliveries?sort=updated_at")).await.column("id");
    let before = list().await;
    api.sandbox.advance(MINUTE);
    settle(&api).await;
    assert_eq!(list().await, [&*before[1], &before[0]]);
}
