//! What is pending outlives the process, and belongs to one world.

use serde_json::{Value, json};

use super::{MINUTE, outcome, record, settle, subscribed};
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::{Api, builder, wait_for};

const CLIENT: (&str, &str) = ("9d2b4c8f-2087-4738-ba91-7359683c49a4", "a-secret");

#[tokio::test]
async fn pending_deliveries_are_found_again_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sandbox.db");
    let kept = |path: &std::path::Path| Api::with(builder().data_file(path).credentials(CLIENT.0, CLIENT.1));
    let (api, receiver) = (kept(&path).await, Receiver::start().await);
    let (_, secret) = api.subscribe("entity", &receiver.url).await;
    receiver.next(&[Behaviour::Answer(200), Behaviour::Answer(500)]);
    let (done, open) = (api.entity().await, api.entity().await);
    settle(&api).await;
    assert_eq!((outcome(&record(&api, &done).await).2, outcome(&record(&api, &open).await).2), (Some(true), None));
    let (state, deliveries) = (api.sandbox.state(), api.sandbox.deliveries());
    api.sandbox.shutdown().await;

    let api = kept(&path).await;
    assert_eq!(api.sandbox.state(), state);
    settle(&api).await;
    assert_eq!(receiver.received().len(), 2, "nothing is due, nothing is sent twice");
    api.sandbox.advance(MINUTE);
    settle(&api).await;
    let received = receiver.received();
    assert_eq!((received.len(), received[1].raw == received[2].raw), (3, true), "the same event");
    assert!(received[2].is_signed_with(&secret));
    let record = record(&api, &open).await;
    assert_eq!((outcome(&record), &record["id"]), ((2, Some(200), Some(true)), &deliveries[1]["id"]));
    let event = deliveries[1]["event_id"].as_str().unwrap();
    assert_eq!(api.get(&format!("/events/{event}")).await.body["object"], json!({"id": open}));
}

#[tokio::test]
async fn what_is_due_is_sent_by_the_next_sandbox_unasked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sandbox.db");
    let kept = || Api::with(builder().data_file(&path).credentials(CLIENT.0, CLIENT.1));
    let (api, receiver) = (kept().await, Receiver::start().await);
    api.subscribe("entity", &receiver.url).await;
    receiver.next(&[Behaviour::Silence]);
    api.entity().await;
    wait_for("the first attempt", || receiver.received().len() == 1).await;
    // Stopped in the middle of it: nothing is known about it, so it is made again.
    api.sandbox.shutdown().await;
    let api = kept().await;
    wait_for("the second attempt", || receiver.received().len() == 2).await;
    settle(&api).await;
    assert_eq!(api.sandbox.deliveries()[0]["was_successful"], json!(true));
}

#[tokio::test]
async fn worlds_that_are_put_back_bring_their_deliveries() {
    let (api, receiver) = subscribed().await;
    receiver.next(&[Behaviour::Answer(500)]);
    api.entity().await;
    settle(&api).await;
    let dump = api.sandbox.dump();
    let other = Api::start().await;
    other.sandbox.load(&dump).unwrap();
    assert_eq!(other.sandbox.state(), api.sandbox.state());
    other.sandbox.advance(MINUTE);
    settle(&other).await;
    assert_eq!((receiver.received().len(), &other.sandbox.deliveries()[0]["was_successful"]), (2, &json!(true)));
}

#[tokio::test]
async fn an_answer_to_a_world_that_is_gone_is_not_written_down() {
    let (api, receiver) = subscribed().await;
    receiver.next(&[Behaviour::Silence]);
    api.entity().await;
    wait_for("the request", || receiver.received().len() == 1).await;
    let dump = api.sandbox.dump();
    api.sandbox.reset();
    assert_eq!(api.sandbox.deliveries(), Vec::<Value>::new());
    // The same delivery under the same id, as new as it was: the request still on its way must not count for it.
    api.sandbox.load(&dump).unwrap();
    drop(receiver);
    settle(&api).await;
    let delivery = api.sandbox.deliveries().pop().unwrap();
    assert_eq!(delivery["requests_made_count"], json!(1), "{delivery}");
}
