//! One customer, one entity; one user, one entity user; one template, one role per entity: through faults, lost answers and death
//! at every call.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt as _;
use monite_sandbox::{Fault, FaultRule};
use serde_json::{Value, json};

use crate::support::{Database, Dies, Setup, TestBridge, customer_document, on_every_database, user_document};

on_every_database! {
    a_lost_answer_does_not_create_the_entity_twice,
    a_lost_answer_does_not_create_the_user_or_the_role_twice,
    a_login_that_changes_while_its_create_is_unanswered_leaves_one_user,
    what_was_found_and_changed_at_once_is_known_again_after_a_death,
    a_user_who_was_found_and_changed_at_once_is_known_again_after_a_death,
    a_user_deleted_while_its_create_is_unanswered_leaves_none,
    a_create_that_never_left_is_repeated_only_once_it_can_no_longer_land,
    two_customers_with_the_same_details_stay_two,
    of_two_customers_with_the_same_details_the_one_without_gets_its_own,
    more_entities_than_were_sent_are_left_to_a_person,
    a_create_refused_for_the_rate_is_repeated_without_a_look,
    a_login_that_is_taken_at_monite_is_linked_and_not_made_twice,
    a_login_that_changes_hands_never_ties_two_users_to_one_entity_user,
    a_login_that_another_user_is_about_to_give_up_is_waited_for;
    on_threads:
    every_kind_of_fault_ends_with_exactly_one_of_everything,
    death_at_any_call_ends_with_exactly_one_of_everything,
}

/// Every call that changes something at Monite, token mints included.
const WRITES: &str = "POST|PATCH|PUT|DELETE *";

const CUSTOMERS: [&str; 5] = ["acme", "beta", "corp", "twin-1", "twin-2"];
const USERS: [(&str, &str); 3] = [("ana", "admin"), ("ben", "payer"), ("cem", "admin")];

async fn a_lost_answer_does_not_create_the_entity_twice(on: Database) {
    let bridge = TestBridge::on(on).await;
    bridge.sandbox.once("POST /entities", Fault::LoseAnswer);
    bridge.put_customer("acme").await;
    bridge.settle().await;
    assert_eq!(bridge.get("/v1/customers/acme").await.state(), "in_sync");
    assert_eq!(bridge.sandbox.entities().len(), 1);
    assert_eq!(bridge.sandbox.calls("POST /entities"), 1);
}

async fn a_lost_answer_does_not_create_the_user_or_the_role_twice(on: Database) {
    // Counts roles that were created, so Monite must not give any by itself.
    let bridge = TestBridge::with(Setup { quirk: None, database: on, ..Setup::default() }).await;
    bridge.sandbox.once("POST /entity_users", Fault::LoseAnswer);
    bridge.sandbox.once("POST /roles", Fault::LoseAnswer);
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    bridge.settle().await;
    assert_eq!(bridge.logins("acme").await, ["ana"]);
    assert_eq!(bridge.sandbox.calls("POST /entity_users"), 1);
    assert_eq!(bridge.sandbox.calls("POST /roles"), 1);
}

/// The create carried one login, and by the time it is looked for the product wants another: it is found by the one that was sent.
async fn a_login_that_changes_while_its_create_is_unanswered_leaves_one_user(on: Database) {
    for step in 0..6 {
        let mut bridge = TestBridge::on(on).await;
        bridge.put_customer("acme").await;
        bridge.put_user("acme", "ana", "admin").await;
        bridge.work_until_death(Dies::AfterCall(step)).await;
        bridge.restart().await;
        let mut ana = user_document("ana", "admin");
        ana["login"] = json!("ana-2");
        bridge.put("/v1/customers/acme/users/ana", &ana).await;
        bridge.settle().await;
        check(&bridge, &[("acme", &[("ana", "ana-2")])]).await;
    }
}

/// What an unanswered create left is found by what was sent, changed at once to what is wanted by now, and the process dies: nothing
/// that was sent is to be seen at Monite any more.
async fn what_was_found_and_changed_at_once_is_known_again_after_a_death(on: Database) {
    for step in 0..6 {
        for dies in [Dies::BeforeCall(step), Dies::AfterCall(step)] {
            let mut bridge = TestBridge::on(on).await;
            bridge.sandbox.once("POST /entities", Fault::LoseAnswer);
            bridge.put_customer("acme").await;
            bridge.pass().await;
            let mut renamed = customer_document("acme");
            renamed["organization"]["legal_name"] = json!("Renamed GmbH");
            bridge.put("/v1/customers/acme", &renamed).await;
            bridge.work_until_death(dies).await;
            bridge.restart().await;
            bridge.settle().await;
            check(&bridge, &[("acme", &[])]).await;
        }
    }
}

/// The same for a user, who has got a third login by the time another process looks.
async fn a_user_who_was_found_and_changed_at_once_is_known_again_after_a_death(on: Database) {
    for step in 0..6 {
        for dies in [Dies::BeforeCall(step), Dies::AfterCall(step)] {
            let mut bridge = TestBridge::on(on).await;
            bridge.put_customer("acme").await;
            bridge.settle().await;
            bridge.sandbox.once("POST /entity_users", Fault::LoseAnswer);
            bridge.put_user("acme", "ana", "admin").await;
            bridge.pass().await;
            let mut ana = user_document("ana", "admin");
            ana["login"] = json!("ana-2");
            bridge.put("/v1/customers/acme/users/ana", &ana).await;
            bridge.work_until_death(dies).await;
            bridge.restart().await;
            ana["login"] = json!("ana-3");
            bridge.put("/v1/customers/acme/users/ana", &ana).await;
            bridge.settle().await;
            check(&bridge, &[("acme", &[("ana", "ana-3")])]).await;
        }
    }
}

/// Deleted while its create is unanswered: whatever landed is taken away again.
async fn a_user_deleted_while_its_create_is_unanswered_leaves_none(on: Database) {
    for step in 0..6 {
        let mut bridge = TestBridge::on(on).await;
        bridge.put_customer("acme").await;
        bridge.put_user("acme", "ana", "admin").await;
        bridge.work_until_death(Dies::AfterCall(step)).await;
        bridge.restart().await;
        bridge.delete("/v1/customers/acme/users/ana").await;
        bridge.settle().await;
        check(&bridge, &[("acme", &[])]).await;
        assert_eq!(bridge.get("/v1/customers/acme/users/ana").await.status, 404);
    }
}

async fn a_create_that_never_left_is_repeated_only_once_it_can_no_longer_land(on: Database) {
    let bridge = TestBridge::on(on).await;
    bridge.sandbox.once("POST /entities", Fault::CloseBefore);
    let begun = bridge.clock_now();
    bridge.put_customer("acme").await;
    bridge.settle().await;
    assert_eq!(bridge.sandbox.entities().len(), 1);
    let sent: Vec<_> =
        bridge.sandbox.journal().into_iter().filter(|call| call.method == "POST" && call.path == "/entities").collect();
    let waited = sent[1].at.duration_since(begun);
    assert!(waited >= jiff::SignedDuration::from_secs(5), "sent again after {waited}");
}

/// Both creates go out at the same moment, both answers are lost, and nothing tells the two apart.
async fn two_customers_with_the_same_details_stay_two(on: Database) {
    let bridge = TestBridge::on(on).await;
    bridge.sandbox.fault(FaultRule::new("POST /entities", Fault::LoseAnswer).times(2));
    twins_become_two(&bridge).await;
}

/// One of the two answers is lost with the work done, of the other nothing arrived: who got the entity does not matter, but the
/// other one must still get its own.
async fn of_two_customers_with_the_same_details_the_one_without_gets_its_own(on: Database) {
    let bridge = TestBridge::on(on).await;
    bridge.sandbox.once("POST /entities", Fault::LoseAnswer);
    bridge.sandbox.once("POST /entities", Fault::CloseBefore);
    twins_become_two(&bridge).await;
}

async fn more_entities_than_were_sent_are_left_to_a_person(on: Database) {
    let bridge = TestBridge::on(on).await;
    bridge.sandbox.once("POST /entities", Fault::LoseAnswer);
    bridge.put_customer("acme").await;
    bridge.pass().await;
    let monite = &bridge.reconciler.workshop().monite;
    monite.entities().create(&serde_json::from_value(customer_document("acme")).unwrap()).await.unwrap();
    bridge.settle().await;
    let customer = bridge.get("/v1/customers/acme").await;
    assert_eq!(customer.state(), "rejected");
    let message = customer.json()["sync"]["last_error"]["message"].as_str().unwrap().to_owned();
    for entity in bridge.sandbox.entities() {
        assert!(message.contains(entity["id"].as_str().unwrap()), "{message}");
    }
    assert_eq!(bridge.sandbox.calls("POST /entities"), 2, "the bridge made one, the test the other");
}

async fn a_create_refused_for_the_rate_is_repeated_without_a_look(on: Database) {
    let bridge = TestBridge::on(on).await;
    bridge.sandbox.once("POST /entities", Fault::Status { status: 429, retry_after: Some(1) });
    bridge.put_customer("acme").await;
    bridge.settle().await;
    assert_eq!(bridge.sandbox.calls("POST /entities"), 2);
    assert_eq!(bridge.sandbox.calls("GET /entities"), 0);
}

async fn a_login_that_is_taken_at_monite_is_linked_and_not_made_twice(on: Database) {
    let bridge = TestBridge::on(on).await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    bridge.settle().await;
    // Somebody makes the entity user by hand before the product writes it.
    let monite = &bridge.reconciler.workshop().monite;
    let entity = bridge.entity_id("acme").await.parse().unwrap();
    let role = bridge.sandbox.roles(&bridge.entity_id("acme").await)[0]["id"].clone();
    let by_hand = json!({"login": "ben", "first_name": "Benjamin", "role_id": role});
    let made = monite.entity(entity).users().create(&serde_json::from_value(by_hand).unwrap()).await.unwrap();
    bridge.put_user("acme", "ben", "admin").await;
    bridge.settle().await;
    let ben = bridge.get("/v1/customers/acme/users/ben").await.json();
    assert_eq!((&ben["sync"]["state"], &ben["sync"]["entity_user_id"]), (&json!("in_sync"), &json!(made.id)));
    let there = bridge.sandbox.entity_users(&entity.to_string());
    assert_eq!(there.iter().find(|user| user["login"] == "ben").unwrap()["first_name"], "Ana", "and made equal");
}

/// A login moves from one user to another while Monite still knows the old holder: the new one must not get the old one's
/// entity user.
async fn a_login_that_changes_hands_never_ties_two_users_to_one_entity_user(on: Database) {
    let bridge = TestBridge::on(on).await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "zoe", "admin").await;
    bridge.settle().await;
    // zoe gives the login up, but Monite refuses her new document; amy, who is first in order, takes it.
    bridge.sandbox.once("PATCH /entity_users/*", Fault::Status { status: 422, retry_after: None });
    let mut zoe = user_document("zoe", "admin");
    zoe["login"] = json!("zoe-2");
    bridge.put("/v1/customers/acme/users/zoe", &zoe).await;
    bridge.put("/v1/customers/acme/users/amy", &user_document("zoe", "admin")).await;
    bridge.pass().await;
    let amy = bridge.get("/v1/customers/acme/users/amy").await.json();
    assert_eq!(amy["sync"]["entity_user_id"], Value::Null, "{amy}");
    assert!(amy["sync"]["last_error"]["message"].as_str().unwrap().contains("zoe"), "{amy}");
    // Once zoe is through, amy gets one of her own.
    bridge.call("POST", "/v1/customers/acme/users/zoe/retry").send().await;
    bridge.settle().await;
    assert_eq!(
        bridge.logins("acme").await.into_iter().collect::<BTreeSet<_>>(),
        ["zoe".to_owned(), "zoe-2".to_owned()].into()
    );
    check(&bridge, &[("acme", &[("zoe", "zoe-2"), ("amy", "zoe")])]).await;
}

/// The same when the new holder has an entity user already: Monite refuses the login, but not for good.
async fn a_login_that_another_user_is_about_to_give_up_is_waited_for(on: Database) {
    let bridge = TestBridge::on(on).await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "amy", "admin").await;
    bridge.put_user("acme", "zoe", "admin").await;
    bridge.settle().await;
    bridge.sandbox.once("PATCH /entity_users/*", Fault::Status { status: 422, retry_after: None });
    let mut amy = user_document("amy", "admin");
    amy["login"] = json!("amy-2");
    bridge.put("/v1/customers/acme/users/amy", &amy).await;
    bridge.put("/v1/customers/acme/users/zoe", &user_document("amy", "admin")).await;
    bridge.pass().await;
    let zoe = bridge.get("/v1/customers/acme/users/zoe").await.json();
    assert_eq!(zoe["sync"]["state"], "retrying", "{zoe}");
    assert!(zoe["sync"]["last_error"]["message"].as_str().unwrap().contains("amy"), "{zoe}");
    bridge.call("POST", "/v1/customers/acme/users/amy/retry").send().await;
    bridge.settle().await;
    check(&bridge, &[("acme", &[("amy", "amy-2"), ("zoe", "amy")])]).await;
}

pub(crate) const KINDS: [Fault; 7] = [
    Fault::Status { status: 429, retry_after: Some(1) },
    Fault::Status { status: 503, retry_after: None },
    Fault::Status { status: 500, retry_after: None },
    Fault::Delay(Duration::from_millis(1)),
    Fault::CloseBefore,
    Fault::LoseAnswer,
    Fault::ExpireTokens,
];

/// Every kind of fault on a tenth of all writes, alone and all together, over many seeds (`SEEDS=500` for more).
async fn every_kind_of_fault_ends_with_exactly_one_of_everything(on: Database) {
    let kinds = KINDS.to_vec();
    let fewer = if on == Database::Postgres { 2 } else { 52 };
    let seeds: u64 = std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(fewer);
    let together = std::iter::once(kinds.clone());
    let sets: Vec<Vec<Fault>> = kinds.iter().map(|kind| vec![*kind]).chain(together).collect();
    let runs = (0..seeds).flat_map(|seed| sets.clone().into_iter().map(move |kinds| (seed, kinds)));
    let runs = futures::stream::iter(runs).map(|(seed, kinds)| async move {
        let named = format!("seed {seed} with {kinds:?}");
        tokio::spawn(under_faults(on, seed, kinds)).await.unwrap_or_else(|_| panic!("failed: {named}"));
    });
    runs.buffer_unordered(4).for_each(|()| async {}).await;
}

/// Writes, faults, changes, deletions, more faults; then everything must be there once and as last written.
async fn under_faults(on: Database, seed: u64, kinds: Vec<Fault>) {
    let bridge = TestBridge::with(Setup { seed, database: on, ..Setup::default() }).await;
    live_through(&bridge, seed, &kinds).await;
}

pub(crate) async fn live_through(bridge: &TestBridge, seed: u64, kinds: &[Fault]) {
    let rules = kinds.iter().zip(0..).map(|(kind, n)| FaultRule::new(WRITES, *kind).probability(0.1, seed * 100 + n));
    bridge.sandbox.set_faults(rules.collect());
    populate(bridge).await;
    bridge.settle().await;
    bridge.delete("/v1/customers/acme/users/ben").await;
    bridge
        .call("PATCH", "/v1/customers/beta")
        .json(&json!({"address": {"city": "Bonn"}, "phone": "+49 228 1"}))
        .send()
        .await;
    bridge.put_user("corp", "cem", "viewer").await;
    bridge.settle().await;
    bridge.sandbox.clear_faults();
    all_is_there_once(bridge).await;
}

/// The process dies at each of its calls in turn, before it leaves and after Monite has carried it out, and another one goes on.
async fn death_at_any_call_ends_with_exactly_one_of_everything(on: Database) {
    // What dies is the same; a server makes it ten times slower.
    let every = if on == Database::Postgres { 4 } else { 1 };
    for step in (0..).step_by(every) {
        let mut died = false;
        for dies in [Dies::BeforeCall(step), Dies::AfterCall(step)] {
            let mut bridge = TestBridge::with(Setup { seed: u64::from(step), database: on, ..Setup::default() }).await;
            populate(&bridge).await;
            died |= bridge.work_until_death(dies).await;
            bridge.restart().await;
            bridge.delete("/v1/customers/acme/users/ben").await;
            bridge
                .call("PATCH", "/v1/customers/beta")
                .json(&json!({"address": {"city": "Bonn"}, "phone": "+49 228 1"}))
                .send()
                .await;
            bridge.put_user("corp", "cem", "viewer").await;
            bridge.settle().await;
            all_is_there_once(&bridge).await;
        }
        if !died {
            assert!(step > 30, "the work takes more calls than {step}");
            return;
        }
    }
}

/// Two customers that nothing tells apart end as two entities, each linked once.
async fn twins_become_two(bridge: &TestBridge) {
    let document = customer_document("twin");
    bridge.put("/v1/customers/twin-1", &document).await;
    bridge.put("/v1/customers/twin-2", &document).await;
    bridge.settle().await;
    let linked: BTreeSet<String> = [bridge.entity_id("twin-1").await, bridge.entity_id("twin-2").await].into();
    assert_eq!(linked.len(), 2);
    assert_eq!(bridge.sandbox.entities().len(), 2);
}

pub(crate) async fn populate(bridge: &TestBridge) {
    for id in CUSTOMERS {
        let document = customer_document(if id.starts_with("twin") { "twin" } else { id });
        bridge.put(&format!("/v1/customers/{id}"), &document).await;
        for (user, role) in USERS {
            bridge.put_user(id, user, role).await;
        }
    }
}

async fn all_is_there_once(bridge: &TestBridge) {
    let everybody: &[(&str, &str)] = &[("ana", "ana"), ("ben", "ben"), ("cem", "cem")];
    let without_ben: &[(&str, &str)] = &[("ana", "ana"), ("cem", "cem")];
    let expected = CUSTOMERS.map(|id| (id, if id == "acme" { without_ben } else { everybody }));
    check(bridge, &expected).await;
    let beta = bridge.entity_id("beta").await;
    let beta = bridge.sandbox.entities().into_iter().find(|entity| entity["id"] == beta).unwrap();
    assert_eq!((&beta["address"]["city"], &beta["phone"]), (&json!("Bonn"), &json!("+49 228 1")));
    let corp = bridge.entity_id("corp").await;
    let viewer = bridge.sandbox.roles(&corp).into_iter().find(|role| role["name"] == "viewer").unwrap();
    let cem = bridge.sandbox.entity_users(&corp).into_iter().find(|user| user["login"] == "cem").unwrap();
    assert_eq!(cem["role_id"], viewer["id"]);
}

/// Exactly these customers with exactly these (user, login), each linked to its own thing at Monite, all in sync, nothing else there.
pub(crate) async fn check(bridge: &TestBridge, expected: &[(&str, &[(&str, &str)])]) {
    assert_eq!(bridge.sandbox.entities().len(), expected.len(), "one entity per customer");
    let mut entities = BTreeSet::new();
    for (customer, users) in expected {
        let answer = bridge.get(&format!("/v1/customers/{customer}")).await;
        assert_eq!(answer.state(), "in_sync", "{answer:?}");
        let entity = bridge.entity_id(customer).await;
        let there = bridge.sandbox.entity_users(&entity);
        let active: Vec<&Value> = there.iter().filter(|user| user["status"] == "active").collect();
        assert_eq!(active.len(), users.len(), "one entity user per user of {customer}: {active:#?}");
        for (user, login) in *users {
            let answer = bridge.get(&format!("/v1/customers/{customer}/users/{user}")).await;
            assert_eq!(answer.state(), "in_sync", "{answer:?}");
            let linked = active.iter().find(|one| one["id"] == answer.json()["sync"]["entity_user_id"]);
            assert_eq!(linked.unwrap_or_else(|| panic!("{customer}/{user} is tied to nothing"))["login"], *login);
        }
        let names: Vec<Value> = bridge.sandbox.roles(&entity).into_iter().map(|role| role["name"].clone()).collect();
        assert_eq!(
            names.iter().map(Value::to_string).collect::<BTreeSet<_>>().len(),
            names.len(),
            "one role per template: {names:?}"
        );
        entities.insert(entity);
    }
    assert_eq!(entities.len(), expected.len(), "no entity is linked twice");
}
