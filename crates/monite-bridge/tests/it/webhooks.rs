//! Monite's webhooks: only Monite may say that something changed, and nothing follows from it but a look.

use std::time::Duration;

use jiff::Timestamp;
use monite::webhook::sign;
use monite_bridge::config::Drift;
use monite_bridge::store::seal::{MasterKey, Sealer};
use monite_bridge::webhook::secrets::{self, WATCHED};
use monite_bridge::webhook::standing::{self, Standing};
use monite_bridge::webhook::subscribe::{Desk, GRACE, Outcome, SubscribeError};
use monite_bridge::webhook::{MAX_BODY, TOLERANCE};
use monite_sandbox::{Fault, Webhook};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::drift::{Hands, changes, entity_user};
use crate::support::{Answer, Database, Setup, TestBridge, on_every_database};

mod subscriptions;

on_every_database! {
    what_somebody_changed_is_repaired_without_a_sweep,
    a_user_and_a_role_that_somebody_deleted_come_back_without_a_sweep,
    what_is_being_worked_on_is_looked_at_once_that_is_over,
    what_one_process_is_told_another_may_set_right_and_what_dies_with_it_waits_for_the_sweep,
}

const PATH: &str = "/v1/webhooks/monite";
const URL: &str = "https://bridge.example.com/v1/webhooks/monite";

fn key() -> MasterKey {
    MasterKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap()
}

fn setup(database: Database, drift: Drift) -> Setup {
    Setup { database, drift, quirk: None, master_key: Some(key()), ..Setup::default() }
}

async fn subscribe(bridge: &TestBridge) -> Vec<Outcome> {
    let (monite, key) = (bridge.reconciler.workshop().monite.clone(), Sealer::new(key()));
    let desk = Desk { monite: &monite, store: bridge.store.as_ref(), sealer: &key, now: bridge.clock_now() };
    let done = desk.subscribe(URL).await.unwrap();
    for object_type in WATCHED {
        for signer in secrets::load(bridge.store.as_ref(), Some(&key), &object_type).await.unwrap() {
            bridge.keep_secret(signer.secret.expose_secret());
        }
    }
    done.into_iter().map(|one| one.outcome).collect()
}

async fn unsubscribe(bridge: &TestBridge) -> usize {
    let (monite, key) = (bridge.reconciler.workshop().monite.clone(), Sealer::new(key()));
    let desk = Desk { monite: &monite, store: bridge.store.as_ref(), sealer: &key, now: bridge.clock_now() };
    desk.unsubscribe(None).await.unwrap().len()
}

/// What signs events about entities now.
async fn secret(bridge: &TestBridge) -> SecretString {
    let signers = secrets::load(bridge.store.as_ref(), Some(&key().into()), &WATCHED[0]).await.unwrap();
    signers[0].secret.clone()
}

/// A subscribed bridge with `acme` (ana: admin, ben: payer), in sync and at rest, with nothing left to look at.
async fn subscribed_with(setup: Setup) -> TestBridge {
    let bridge = TestBridge::with(setup).await;
    assert_eq!(subscribe(&bridge).await, [Outcome::Created; 3]);
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    bridge.put_user("acme", "ben", "payer").await;
    bridge.settle().await;
    deliver(&bridge).await;
    bridge.advance(60);
    look(&bridge).await;
    bridge.settle().await;
    assert!(deliver(&bridge).await.is_empty() && bridge.sweeper.dirty().is_empty());
    assert_eq!(changes_of_others(&bridge), 0, "its own changes are no drift");
    bridge.sandbox.clear_journal();
    bridge
}

async fn subscribed(on: Database) -> TestBridge {
    subscribed_with(setup(on, Drift::Enforce)).await
}

/// Patches that were sent since the journal was cleared: none while a bridge is set up.
fn changes_of_others(bridge: &TestBridge) -> usize {
    changes(bridge).iter().filter(|(method, _)| method == "PATCH").count()
}

async fn send(bridge: &TestBridge, signature: &str, body: impl Into<Vec<u8>>) -> Answer {
    let call = bridge.anonymous("POST", PATH).header("Monite-Signature", signature);
    call.body("application/json", body.into()).send().await
}

async fn forward(bridge: &TestBridge, webhook: &Webhook) -> Answer {
    assert_eq!(webhook.url(), URL);
    let answer = send(bridge, webhook.signature(), webhook.body()).await;
    bridge.sandbox.webhook_answered(webhook, Some((answer.status, answer.text())));
    answer
}

/// Everything that Monite has to tell, told.
async fn deliver(bridge: &TestBridge) -> Vec<u16> {
    let mut answers = Vec::new();
    loop {
        let due = bridge.sandbox.due_webhooks();
        if due.is_empty() {
            return answers;
        }
        for webhook in due {
            answers.push(forward(bridge, &webhook).await.status);
        }
    }
}

/// Works off what is due to be looked at.
async fn look(bridge: &TestBridge) -> u64 {
    bridge.sweeper.look_again(&CancellationToken::new()).await
}

/// Ten seconds later, until nothing is left.
async fn look_and_repair(bridge: &TestBridge) {
    for _ in 0..10 {
        bridge.advance(10);
        look(bridge).await;
        bridge.settle().await;
        deliver(bridge).await;
        if bridge.sweeper.dirty().is_empty() {
            return;
        }
    }
    panic!("something is looked at again and again");
}

async fn counts(bridge: &TestBridge) -> [u64; 5] {
    let metrics = bridge.get("/metrics").await.text().to_owned();
    ["accepted", "ignored", "repeated", "dropped", "refused"].map(|outcome| {
        let name = format!("monite_bridge_webhooks_total{{outcome=\"{outcome}\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&name)).unwrap_or_else(|| panic!("{metrics}"));
        line.parse().unwrap()
    })
}

fn event(entity: &str, object_type: &str, object: &Value) -> Vec<u8> {
    let id = uuid::Uuid::new_v4();
    let action = format!("{object_type}.updated");
    json!({"id": id, "action": action, "object_type": object_type, "entity_id": entity, "object": object})
        .to_string()
        .into_bytes()
}

async fn what_somebody_changed_is_repaired_without_a_sweep(on: Database) {
    let bridge = subscribed(on).await;
    let others = Hands(&bridge);
    others.entity(json!({"address": {"city": "Bonn"}})).await;
    others.user("ana", json!({"first_name": "Other"})).await;
    others.role("payer", json!({"objects": []})).await;
    assert_eq!(deliver(&bridge).await, [200, 200, 200]);
    bridge.sandbox.clear_journal();
    assert_eq!(look(&bridge).await, 0, "Monite's lists may not show it yet");
    look_and_repair(&bridge).await;
    let repaired = changes(&bridge);
    assert_eq!(repaired.len(), 3, "{repaired:?}");
    assert!(repaired.contains(&("PATCH".to_owned(), json!({"address": {"city": "Berlin"}}))), "{repaired:?}");
    assert_eq!(bridge.sandbox.calls("GET /entities"), 0, "not all entities are looked at");
    assert_eq!(bridge.get("/v1/customers/acme").await.state(), "in_sync");
}

async fn a_user_and_a_role_that_somebody_deleted_come_back_without_a_sweep(on: Database) {
    let bridge = subscribed(on).await;
    Hands(&bridge).delete_user("ana").await;
    deliver(&bridge).await;
    look_and_repair(&bridge).await;
    assert_eq!(bridge.logins("acme").await.len(), 2);
    let entity = bridge.entity_id("acme").await;
    let monite = bridge.reconciler.workshop().monite.clone();
    let role = bridge.sandbox.roles(&entity).into_iter().find(|role| role["name"] == "payer").unwrap();
    let role = role["id"].as_str().unwrap().parse().unwrap();
    monite
        .entity(entity.parse().unwrap())
        .users()
        .delete(entity_user(&bridge, "ben").await.parse().unwrap())
        .await
        .unwrap();
    monite.entity(entity.parse().unwrap()).roles().delete(role).await.unwrap();
    deliver(&bridge).await;
    look_and_repair(&bridge).await;
    assert_eq!(bridge.logins("acme").await.len(), 2);
    assert_eq!(bridge.get("/v1/customers/acme/users/ben").await.state(), "in_sync");
}

#[tokio::test]
async fn with_report_it_is_reported_and_nothing_is_changed() {
    let bridge = subscribed_with(setup(Database::Sqlite, Drift::Report)).await;
    Hands(&bridge).entity(json!({"address": {"city": "Bonn"}})).await;
    deliver(&bridge).await;
    bridge.sandbox.clear_journal();
    look_and_repair(&bridge).await;
    let customer = bridge.get("/v1/customers/acme").await.json();
    assert_eq!(customer["sync"]["state"], "drifted", "{customer}");
    assert!(customer["sync"]["last_error"]["message"].as_str().unwrap().contains("\"Berlin\" -> \"Bonn\""));
    assert_eq!(changes(&bridge), []);
}

/// A look beside a visit writes nothing, and is not lost.
async fn what_is_being_worked_on_is_looked_at_once_that_is_over(on: Database) {
    let bridge = subscribed(on).await;
    Hands(&bridge).user("ana", json!({"first_name": "Other"})).await;
    deliver(&bridge).await;
    bridge.advance(10);
    bridge
        .put("/v1/customers/acme/users/ana", &{
            let mut document = crate::support::user_document("ana", "admin");
            document["phone"] = json!("+49301234567");
            document
        })
        .await;
    assert_eq!(look(&bridge).await, 1);
    assert!(!bridge.sweeper.dirty().is_empty(), "it was pending");
    bridge.settle().await;
    look_and_repair(&bridge).await;
    let users = bridge.sandbox.entity_users(&bridge.entity_id("acme").await);
    assert!(users.iter().all(|user| user["first_name"] != "Other"), "{users:?}");
}

#[tokio::test]
async fn a_look_that_monite_does_not_answer_is_taken_again() {
    let bridge = subscribed(Database::Sqlite).await;
    Hands(&bridge).entity(json!({"address": {"city": "Bonn"}})).await;
    deliver(&bridge).await;
    bridge.sandbox.once("GET /entities/*", Fault::Status { status: 400, retry_after: None });
    bridge.advance(10);
    assert_eq!(look(&bridge).await, 1);
    bridge.settle().await;
    assert_eq!(changes(&bridge).len(), 1, "only that of somebody else");
    bridge.advance(50);
    look_and_repair(&bridge).await;
    assert_eq!(changes(&bridge).len(), 2);
}

#[tokio::test]
async fn whoever_cannot_prove_to_be_monite_is_told_one_thing_and_changes_nothing() {
    let bridge = subscribed(Database::Sqlite).await;
    let (now, body) = (bridge.clock_now(), event(&bridge.entity_id("acme").await, "entity", &Value::Null));
    let key = secret(&bridge).await;
    let beyond = TOLERANCE + Duration::from_secs(1);
    let at = |time: Timestamp| sign(&body, &key, time).unwrap();
    let foreign = sign(&body, &SecretString::from("whsec_of_somebody_else"), now).unwrap();
    let mut changed = body.clone();
    changed.push(b' ');
    let cases = [
        ("another secret", foreign, body.clone()),
        ("an old one", at(now - beyond), body.clone()),
        ("one from the future", at(now + beyond), body.clone()),
        ("another body", at(now), changed),
        ("no signature", String::new(), body.clone()),
        ("half a signature", at(now)[..40].to_owned(), body.clone()),
        ("the time alone", format!("t={}", now.as_second()), body.clone()),
    ];
    let mut answers = Vec::new();
    for (what, signature, body) in cases {
        answers.push((what, send(&bridge, &signature, body).await));
    }
    answers.push(("no header", bridge.call("POST", PATH).body("application/json", body.clone()).send().await));
    let twice =
        bridge.anonymous("POST", PATH).header("Monite-Signature", &at(now)).header("Monite-Signature", &at(now));
    answers.push(("two headers", twice.body("application/json", body.clone()).send().await));
    let refused = answers.len() as u64;
    let first = answers[0].1.text().to_owned();
    for (what, answer) in answers {
        assert_eq!((answer.status, answer.problem()), (401, "invalid-signature".to_owned()), "{what}");
        assert_eq!(answer.text(), first, "{what}: a reason is shown");
        assert!(answer.header("www-authenticate").is_some());
    }
    assert_eq!(counts(&bridge).await[4], refused);
    assert!(bridge.sweeper.dirty().is_empty());
    for good in [at(now), at(now - TOLERANCE), at(now + TOLERANCE)] {
        assert_eq!(send(&bridge, &good, body.clone()).await.status, 200, "the same body, rightly signed");
    }
}

#[tokio::test]
async fn what_is_long_or_no_event_is_refused_by_name() {
    let bridge = subscribed(Database::Sqlite).await;
    let (now, key) = (bridge.clock_now(), secret(&bridge).await);
    let cases: [(Vec<u8>, u16, &str); 5] = [
        (vec![b' '; MAX_BODY + 1], 413, "too-large"),
        (vec![b' '; MAX_BODY], 400, "invalid-json"),
        (b"{\"id\":".to_vec(), 400, "invalid-json"),
        (b"\xff\xfe".to_vec(), 400, "invalid-json"),
        (b"{\"id\": 7}".to_vec(), 422, "invalid-document"),
    ];
    for (body, status, problem) in cases {
        let answer = send(&bridge, &sign(&body, &key, now).unwrap(), body).await;
        assert_eq!((answer.status, answer.problem()), (status, problem.to_owned()));
    }
    assert_eq!(counts(&bridge).await[4], 5);
    assert!(bridge.sweeper.dirty().is_empty());
}

/// Neither unknown events nor other people's entities cost a call.
#[tokio::test]
async fn what_the_bridge_does_not_look_after_is_taken_and_ignored() {
    let bridge = subscribed(Database::Sqlite).await;
    let (now, key) = (bridge.clock_now(), secret(&bridge).await);
    let (acme, other) = (bridge.entity_id("acme").await, uuid::Uuid::new_v4().to_string());
    let before = counts(&bridge).await;
    let id = json!({"id": other});
    for body in [
        event(&acme, "unicorn", &id),
        event(&acme, "payable", &id),
        event(&acme, "entity_settings", &id),
        event(&other, "entity", &id),
        event(&other, "entity_user", &id),
    ] {
        assert_eq!(send(&bridge, &sign(&body, &key, now).unwrap(), body).await.status, 200);
    }
    assert_eq!(counts(&bridge).await[1] - before[1], 5);
    assert!(bridge.sweeper.dirty().is_empty());
    // A user of our entity that nobody here made.
    let body = event(&acme, "entity_user", &id);
    assert_eq!(send(&bridge, &sign(&body, &key, now).unwrap(), body).await.status, 200);
    bridge.advance(10);
    assert_eq!(look(&bridge).await, 1);
    assert_eq!(bridge.sandbox.total_calls(), 0);
}

#[tokio::test]
async fn a_delivery_played_again_costs_no_second_look() {
    let bridge = subscribed(Database::Sqlite).await;
    let key = secret(&bridge).await;
    Hands(&bridge).entity(json!({"address": {"city": "Bonn"}})).await;
    let webhook = bridge.sandbox.due_webhooks().remove(0);
    assert_eq!(forward(&bridge, &webhook).await.status, 200);
    look_and_repair(&bridge).await;
    let (looks, before) = (bridge.sweeper.dirty().looks(), counts(&bridge).await);
    assert_eq!(send(&bridge, webhook.signature(), webhook.body()).await.status, 200);
    let again = sign(webhook.body(), &key, bridge.clock_now()).unwrap();
    assert_eq!(send(&bridge, &again, webhook.body()).await.status, 200);
    look_and_repair(&bridge).await;
    assert_eq!(bridge.sweeper.dirty().looks(), looks);
    assert_eq!(counts(&bridge).await[2] - before[2], 2);
    // To the last second of its life.
    bridge.advance(300);
    assert!(send(&bridge, webhook.signature(), webhook.body()).await.status == 401, "too old by now");
    assert_eq!(
        send(&bridge, &sign(webhook.body(), &key, bridge.clock_now()).unwrap(), webhook.body()).await.status,
        200
    );
    assert_eq!(counts(&bridge).await[2] - before[2], 3);
}

/// Nothing that an event says of the object is believed, not even with a right signature.
#[tokio::test]
async fn an_event_tells_where_to_look_and_nothing_else() {
    let bridge = subscribed(Database::Sqlite).await;
    let (now, key, entity) = (bridge.clock_now(), secret(&bridge).await, bridge.entity_id("acme").await);
    let before = bridge.get("/v1/customers/acme").await.text().to_owned();
    let lie = json!({"id": entity, "status": "inactive", "address": {"city": "Bonn"}, "email": "x@example.com"});
    let body = event(&entity, "entity", &lie);
    assert_eq!(send(&bridge, &sign(&body, &key, now).unwrap(), body).await.status, 200);
    assert_eq!(bridge.get("/v1/customers/acme").await.text(), before);
    look_and_repair(&bridge).await;
    assert_eq!(bridge.get("/v1/customers/acme").await.text(), before);
    assert_eq!(changes(&bridge), []);
}

/// What is at Monite, without ids and times.
async fn state(bridge: &TestBridge) -> Value {
    let entity = bridge.entity_id("acme").await;
    let bare = |mut objects: Vec<Value>, key: &str| {
        for object in &mut objects {
            for field in ["id", "created_at", "updated_at", "role_id"] {
                object.as_object_mut().unwrap().remove(field);
            }
        }
        objects.sort_by_key(|object| object[key].to_string());
        objects
    };
    let users = bridge.sandbox.entity_users(&entity);
    let roles = bridge.sandbox.roles(&entity);
    let role_of: Vec<(Value, Value)> = users
        .iter()
        .map(|user| {
            let role = roles.iter().find(|role| role["id"] == user["role_id"]);
            (user["login"].clone(), role.map_or(Value::Null, |role| role["name"].clone()))
        })
        .collect();
    let state = [bare(bridge.sandbox.entities(), "email"), bare(users, "login"), bare(roles, "name")];
    json!({"state": state, "roles": role_of.into_iter().map(|(a, b)| format!("{a} {b}")).collect::<std::collections::BTreeSet<_>>()})
}

async fn what_one_process_is_told_another_may_set_right_and_what_dies_with_it_waits_for_the_sweep(on: Database) {
    let mut bridge = subscribed(on).await;
    let before = state(&bridge).await;
    let other = bridge.replica("other").await;
    Hands(&bridge).entity(json!({"address": {"city": "Bonn"}})).await;
    assert_eq!(deliver(&bridge).await, [200]);
    bridge.advance(10);
    assert_eq!(look(&bridge).await, 1);
    assert_ne!(state(&bridge).await, before, "it was only looked at");
    other.pass().await;
    assert_eq!(state(&bridge).await, before, "the other one found it in the database");
    deliver(&bridge).await;
    look_and_repair(&bridge).await;

    Hands(&bridge).entity(json!({"address": {"city": "Bonn"}})).await;
    assert_eq!(deliver(&bridge).await, [200]);
    assert_eq!(bridge.sweeper.dirty().len(), 1);
    bridge.restart().await;
    bridge.advance(10);
    assert_eq!(look(&bridge).await, 0, "that it was told died with it");
    bridge.settle().await;
    assert_ne!(state(&bridge).await, before);
    bridge.advance(60);
    bridge.sweep().await;
    bridge.settle().await;
    assert_eq!(state(&bridge).await, before);
}

#[tokio::test]
async fn when_the_last_delivery_came_is_known_to_all_to_the_minute() {
    let bridge = TestBridge::with(setup(Database::Sqlite, Drift::Enforce)).await;
    let standing = async || standing::read(bridge.store.as_ref()).await.unwrap();
    let metric = async || {
        let metrics = bridge.get("/metrics").await.text().to_owned();
        let last = metrics.lines().find_map(|line| line.strip_prefix("monite_bridge_webhooks_last_delivery_seconds "));
        last.unwrap_or_else(|| panic!("{metrics}")).parse::<i64>().unwrap()
    };
    assert_eq!((standing().await, metric().await), (None, 0), "webhooks were never used");
    subscribe(&bridge).await;
    assert_eq!(standing().await, Some(Standing { subscriptions: 3, last_delivery_at: None }));
    send(&bridge, "t=1,v1=forged", "{}").await;
    assert_eq!(standing().await.unwrap().last_delivery_at, None, "anybody could have sent that");
    bridge.put_customer("acme").await;
    bridge.settle().await;
    let first = bridge.clock_now();
    assert_eq!(deliver(&bridge).await, [200]);
    assert_eq!((standing().await.unwrap().last_delivery_at, metric().await), (Some(first), first.as_second()));
    for (seconds, noted) in [(59, 0), (1, 60)] {
        bridge.advance(seconds);
        Hands(&bridge).entity(json!({"address": {"city": format!("City {seconds}")}})).await;
        assert_eq!(deliver(&bridge).await, [200]);
        assert_eq!(standing().await.unwrap().last_delivery_at, Some(first + Duration::from_secs(noted)));
        assert_eq!(metric().await, bridge.clock_now().as_second());
    }
    unsubscribe(&bridge).await;
    assert_eq!(standing().await.unwrap().subscriptions, 0);
}

/// Every sequence of up to three deliveries of a history of three events: all losses, orders and repetitions of it. Each ends where none
/// at all and a sweep end; and where no event was lost, it ended there without the sweep.
#[tokio::test]
async fn losses_orders_and_repetitions_of_events_do_not_matter() {
    let mut sequences: Vec<Vec<usize>> = vec![Vec::new()];
    for length in 0..3 {
        let longer: Vec<Vec<usize>> = sequences
            .iter()
            .filter(|one| one.len() == length)
            .flat_map(|one| (0..3).map(|next| [one.clone(), vec![next]].concat()))
            .collect();
        sequences.extend(longer);
    }
    assert_eq!(sequences.len(), 40);
    let mut expected = None;
    for sequence in sequences {
        let bridge = subscribed(Database::Sqlite).await;
        let before = state(&bridge).await;
        let others = Hands(&bridge);
        others.entity(json!({"address": {"city": "Bonn"}})).await;
        others.delete_user("ben").await;
        others.role("admin", json!({"objects": []})).await;
        let webhooks = bridge.sandbox.due_webhooks();
        assert_eq!(webhooks.len(), 3);
        assert_ne!(state(&bridge).await, before);
        for (step, index) in sequence.iter().enumerate() {
            assert_eq!(send(&bridge, webhooks[*index].signature(), webhooks[*index].body()).await.status, 200);
            // Now together, now with a look between them.
            bridge.advance(if step % 2 == 0 { 4 } else { 10 });
            look(&bridge).await;
            bridge.settle().await;
        }
        for _ in 0..3 {
            bridge.advance(10);
            look(&bridge).await;
            bridge.settle().await;
        }
        let told_all = (0..3).all(|index| sequence.contains(&index));
        if told_all {
            assert_eq!(state(&bridge).await, before, "{sequence:?} without a sweep");
        }
        bridge.advance(60);
        bridge.sweep().await;
        bridge.settle().await;
        let end = state(&bridge).await;
        assert_eq!(expected.get_or_insert_with(|| end.clone()), &end, "{sequence:?}");
        assert_eq!(end, before, "{sequence:?}");
    }
}
