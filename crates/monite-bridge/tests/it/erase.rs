//! Erasing a customer: nothing of it is left at Monite or here, whatever happens on the way, and nobody else is touched.

use std::task::Poll;
use std::time::Duration;

use jiff::Timestamp;
use monite_bridge::domain::CustomerId;
use monite_bridge::reconcile::erase::{Ended, Eraser, Evidence, NOBODY};
use monite_sandbox::{Fault, FaultRule};
use serde_json::{Value, json};

use crate::support::{Database, Dies, TestBridge, customer_document, on_every_database, user_document};

on_every_database! {
    nothing_is_left_at_monite_or_here_and_nobody_else_is_touched,
    erasing_twice_is_the_same_as_once,
    the_same_id_makes_another_customer_with_another_entity,
    while_it_is_under_way_nothing_of_the_customer_can_be_written,
    an_entity_user_that_nobody_linked_is_deleted,
    what_an_unanswered_create_left_is_erased,
    what_an_unanswered_create_of_a_user_left_is_erased,
    a_change_that_may_still_land_is_waited_for,
    nothing_is_purged_while_monite_is_down,
    an_entity_stamped_for_another_bridge_is_not_touched,
    a_scrubbed_entity_is_never_linked_again,
    a_customer_in_somebodys_hands_is_waited_for,
    a_frozen_visit_comes_back_and_writes_nothing,
    a_customer_that_was_deleted_before_is_erased_too,
    people_and_companies_of_the_us_are_scrubbed_too,
    an_entity_that_monite_does_not_show_is_not_taken_as_erased;
    on_threads:
    death_at_any_call_is_gone_on_from,
    an_erasure_dropped_at_any_await_is_gone_on_from,
}

/// What must not be found anywhere afterwards.
const PERSONAL: [&str; 8] = [
    "Geheim GmbH",
    "ap@geheim.example",
    "+49 30 4711",
    "Geheimweg 1",
    "DE4711",
    "ana@geheim.example",
    "Anastasia",
    "Geheimova",
];

fn secretive() -> Value {
    let mut document = customer_document("acme");
    document["email"] = json!("ap@geheim.example");
    document["phone"] = json!("+49 30 4711");
    document["tax_id"] = json!("DE4711");
    document["organization"]["legal_name"] = json!("Geheim GmbH");
    document["address"]["line1"] = json!("Geheimweg 1");
    document
}

fn ana() -> Value {
    let mut document = user_document("ana", "admin");
    document["first_name"] = json!("Anastasia");
    document["last_name"] = json!("Geheimova");
    document["email"] = json!("ana@geheim.example");
    document
}

fn acme() -> CustomerId {
    CustomerId::parse("acme").unwrap()
}

/// With a customer and a user of whom nothing may be left, and a customer to whom nothing may happen.
async fn stage(on: Database) -> TestBridge {
    let bridge = TestBridge::on(on).await;
    fill(&bridge).await;
    bridge.settle().await;
    bridge
}

async fn fill(bridge: &TestBridge) {
    bridge.put("/v1/customers/acme", &secretive()).await;
    bridge.put("/v1/customers/acme/users/ana", &ana()).await;
    bridge.put_customer("beta").await;
    bridge.put_user("beta", "ben", "payer").await;
}

fn eraser(bridge: &TestBridge) -> Eraser {
    Eraser::new(bridge.reconciler.workshop().clone(), "test")
}

async fn once(bridge: &TestBridge) -> (Ended, Evidence) {
    let mut evidence = Evidence::of(&acme());
    let ended = eraser(bridge).go_on(&acme(), &mut evidence).await.unwrap();
    (ended, evidence)
}

/// Until it is done, moving the clock to where it waits for.
async fn erase(bridge: &TestBridge) -> Evidence {
    let mut evidence = Evidence::of(&acme());
    for _ in 0..300 {
        match eraser(bridge).go_on(&acme(), &mut evidence).await.unwrap() {
            Ended::Done(_) => return evidence,
            Ended::Wait { until, .. } => wait(bridge, until),
            other => panic!("it does not go on: {other:?}"),
        }
    }
    panic!("it never came to its end: {evidence:?}");
}

fn wait(bridge: &TestBridge, until: Timestamp) {
    let wait = until.duration_since(bridge.clock_now());
    bridge.clock.advance(Duration::try_from(wait).unwrap_or_default());
}

/// Nothing of the customer is anywhere.
async fn is_erased(bridge: &TestBridge, entity: Option<&str>) {
    let state = bridge.sandbox.entities();
    // Also of users that are deleted: Monite may keep them.
    let users = &bridge.sandbox.state()["entity_users"];
    for text in PERSONAL {
        let told = format!("{}{users}", serde_json::to_string(&state).unwrap());
        assert!(!told.contains(text), "{text} is still at Monite: {state:#?} {users:#}");
    }
    if let Some(entity) = entity {
        let there = state.iter().find(|there| there["id"] == entity).expect("entities cannot be deleted");
        assert_eq!((&there["status"], &there["email"]), (&json!("inactive"), &json!(NOBODY)));
        assert_eq!(bridge.sandbox.logins(entity), [] as [&str; 0]);
        assert_eq!(metadata(bridge, entity).await, json!({}));
    }
    assert_eq!(bridge.get("/v1/customers/acme").await.status, 404);
    assert_eq!(bridge.get("/v1/customers/acme/users/ana").await.status, 404);
    files_hold_nothing(bridge);
    assert_eq!(bridge.get("/v1/customers/beta").await.state(), "in_sync");
    assert_eq!(bridge.logins("beta").await, ["ben"]);
}

async fn metadata(bridge: &TestBridge, entity: &str) -> Value {
    let id: monite::EntityId = entity.parse().unwrap();
    Value::Object(bridge.reconciler.workshop().monite.entity(id).metadata().get().await.unwrap())
}

fn files_hold_nothing(bridge: &TestBridge) {
    let url = bridge.database_url();
    let Some(file) = url.strip_prefix("sqlite://") else { return };
    for name in [file.to_owned(), format!("{file}-wal")] {
        let bytes = std::fs::read(&name).unwrap_or_default();
        for text in PERSONAL {
            let found = bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!found, "{text} is still in {name}");
        }
    }
}

async fn nothing_is_left_at_monite_or_here_and_nobody_else_is_touched(on: Database) {
    let bridge = stage(on).await;
    let entity = bridge.entity_id("acme").await;
    let token = bridge.token("acme", "ana").await.json();
    bridge.keep_secret(token["access_token"].as_str().unwrap());
    let (before, beta) = (bridge.sandbox.total_calls(), bridge.entity_id("beta").await);
    let evidence = erase(&bridge).await;
    is_erased(&bridge, Some(&entity)).await;
    assert!(bridge.sandbox.total_calls() - before < 20);
    let about_beta = bridge.sandbox.journal().into_iter().skip(usize::try_from(before).unwrap());
    assert!(about_beta.into_iter().all(|entry| !entry.path.contains(&beta)), "nothing is called for anybody else");
    assert_eq!(evidence.users_deleted, 1);
    for field in ["email", "organization.legal_name", "address.line1"] {
        assert!(evidence.fields_overwritten.iter().any(|named| named == field), "{field}: {evidence:?}");
    }
    for field in ["phone", "tax_id"] {
        assert!(evidence.fields_emptied.iter().any(|named| named == field), "{field}: {evidence:?}");
    }
    let told = serde_json::to_string(&evidence).unwrap();
    assert!(PERSONAL.iter().all(|text| !told.contains(text)), "{told}");
    let with_requests = evidence.steps.iter().filter(|step| !step.request_ids.is_empty()).count();
    assert_eq!(with_requests, 4, "deactivated, deleted, overwritten, emptied: {evidence:#?}");
    assert!(!bridge.is_alive(&token).await, "what was issued is dead");
    // The erasure is another process to a bridge that serves: it hears of it within a second, and memory counts for three.
    bridge.advance(4);
    assert_eq!(bridge.token("acme", "ana").await.status, 404, "and no token any more");
}

async fn erasing_twice_is_the_same_as_once(on: Database) {
    let bridge = stage(on).await;
    let entity = bridge.entity_id("acme").await;
    erase(&bridge).await;
    let calls = bridge.sandbox.total_calls();
    let (again, _) = once(&bridge).await;
    let Ended::Done(erasure) = again else { panic!("{again:?}") };
    assert_eq!(erasure.entity.map(|id| id.to_string()), Some(entity));
    assert!(erasure.purged_at.is_some() && erasure.finished_at.is_some());
    assert_eq!(bridge.sandbox.total_calls(), calls);
    let nobody = CustomerId::parse("nobody").unwrap();
    let ended = eraser(&bridge).go_on(&nobody, &mut Evidence::of(&nobody)).await.unwrap();
    assert_eq!(ended, Ended::NeverKnown);
}

async fn the_same_id_makes_another_customer_with_another_entity(on: Database) {
    let bridge = stage(on).await;
    let entity = bridge.entity_id("acme").await;
    erase(&bridge).await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    bridge.settle().await;
    assert_ne!(bridge.entity_id("acme").await, entity);
    assert_eq!(bridge.logins("acme").await, ["ana"]);
    assert_eq!(bridge.token("acme", "ana").await.status, 200);
    assert_eq!(bridge.sandbox.logins(&entity), [] as [&str; 0]);
    // And that one can be erased in its turn.
    let second = bridge.entity_id("acme").await;
    erase(&bridge).await;
    is_erased(&bridge, Some(&second)).await;
}

async fn while_it_is_under_way_nothing_of_the_customer_can_be_written(on: Database) {
    let bridge = stage(on).await;
    bridge.sandbox.once("DELETE /entity_users/*", Fault::Status { status: 400, retry_after: None });
    let (ended, _) = once(&bridge).await;
    assert!(matches!(&ended, Ended::Left(left) if left.len() == 1), "{ended:?}");
    for (path, document) in [("/v1/customers/acme", secretive()), ("/v1/customers/acme/users/eve", ana())] {
        let answer = bridge.call("PUT", path).json(&document).send().await;
        assert_eq!(
            (answer.status, answer.json()["type"].as_str()),
            (409, Some("urn:monite-bridge:problem:being-erased"))
        );
        assert!(answer.json()["detail"].as_str().unwrap().contains("monite-bridge erase acme"), "{answer:?}");
    }
    let mut line = secretive();
    line["id"] = json!("acme");
    let mut other = customer_document("corp");
    other["id"] = json!("corp");
    let results = bridge.import(&format!("{line}\n{other}\n")).await;
    assert!(results[0].to_string().contains("being erased"), "{results:?}");
    assert_eq!(bridge.get("/v1/customers/corp").await.status, 200, "the others of the import are stored");
    assert_eq!(bridge.token("acme", "ana").await.status, 403);
    erase(&bridge).await;
}

async fn an_entity_user_that_nobody_linked_is_deleted(on: Database) {
    let bridge = stage(on).await;
    let entity = bridge.entity_id("acme").await;
    let id: monite::EntityId = entity.parse().unwrap();
    let monite = &bridge.reconciler.workshop().monite;
    let role = bridge.sandbox.roles(&entity)[0]["id"].clone();
    let stranger = json!({"login": "stranger", "first_name": "Anastasia", "role_id": role});
    monite.entity(id).users().create(&serde_json::from_value(stranger).unwrap()).await.unwrap();
    assert_eq!(erase(&bridge).await.users_deleted, 2);
    is_erased(&bridge, Some(&entity)).await;
}

async fn what_an_unanswered_create_left_is_erased(on: Database) {
    let bridge = TestBridge::on(on).await;
    bridge.sandbox.once("POST /entities", Fault::LoseAnswer);
    bridge.put("/v1/customers/acme", &secretive()).await;
    bridge.pass().await;
    bridge.put_customer("beta").await;
    bridge.put_user("beta", "ben", "payer").await;
    let mut evidence = Evidence::of(&acme());
    // Only the erasure works on it, so it is the one that has to find it.
    loop {
        match eraser(&bridge).go_on(&acme(), &mut evidence).await.unwrap() {
            Ended::Done(_) => break,
            Ended::Wait { until, .. } => wait(&bridge, until),
            other => panic!("{other:?}"),
        }
    }
    bridge.settle().await;
    let entity = bridge.sandbox.entities()[0]["id"].as_str().unwrap().to_owned();
    is_erased(&bridge, Some(&entity)).await;
}

async fn what_an_unanswered_create_of_a_user_left_is_erased(on: Database) {
    let bridge = TestBridge::on(on).await;
    bridge.sandbox.once("POST /entity_users", Fault::LoseAnswer);
    fill(&bridge).await;
    bridge.pass().await;
    let entity = bridge.entity_id("acme").await;
    erase(&bridge).await;
    bridge.settle().await;
    is_erased(&bridge, Some(&entity)).await;
}

async fn a_change_that_may_still_land_is_waited_for(on: Database) {
    let bridge = stage(on).await;
    let entity = bridge.entity_id("acme").await;
    let mut changed = secretive();
    changed["phone"] = json!("+49 30 4711 0815");
    bridge.sandbox.once("PATCH /entities/*", Fault::LoseAnswer);
    bridge.put("/v1/customers/acme", &changed).await;
    bridge.pass().await;
    let (ended, _) = once(&bridge).await;
    let Ended::Wait { until, .. } = ended else { panic!("a lost PATCH may land over what was scrubbed: {ended:?}") };
    assert!(until > bridge.clock_now());
    assert_eq!(bridge.get("/v1/customers/acme").await.status, 200, "nothing is purged before");
    // It lands late: over what was scrubbed.
    let late = json!({"phone": "+49 30 4711"});
    let id: monite::EntityId = entity.parse().unwrap();
    let monite = &bridge.reconciler.workshop().monite;
    monite.entity(id).update(&serde_json::from_value(late).unwrap()).await.unwrap();
    erase(&bridge).await;
    is_erased(&bridge, Some(&entity)).await;
}

async fn nothing_is_purged_while_monite_is_down(on: Database) {
    let bridge = stage(on).await;
    let entity = bridge.entity_id("acme").await;
    bridge.sandbox.fault(FaultRule::new("* *", Fault::Status { status: 503, retry_after: None }));
    let (ended, _) = once(&bridge).await;
    assert!(matches!(&ended, Ended::Left(left) if left[0].contains("503")), "{ended:?}");
    assert_eq!(bridge.token("acme", "ana").await.status, 403, "no token from the first moment on");
    assert_eq!(bridge.get("/v1/customers/acme").await.status, 200);
    bridge.sandbox.clear_faults();
    erase(&bridge).await;
    is_erased(&bridge, Some(&entity)).await;
}

async fn an_entity_stamped_for_another_bridge_is_not_touched(on: Database) {
    let bridge = stage(on).await;
    let id: monite::EntityId = bridge.entity_id("acme").await.parse().unwrap();
    let monite = &bridge.reconciler.workshop().monite;
    let stamp = json!({"monite_bridge": {"v": 1, "bridge": "another", "customer": "acme", "users": {}}});
    monite.entity(id).metadata().put(stamp.as_object().unwrap()).await.unwrap();
    let (ended, _) = once(&bridge).await;
    assert!(matches!(&ended, Ended::Left(left) if left[0].contains("the bridge another")), "{ended:?}");
    assert!(serde_json::to_string(&bridge.sandbox.entities()).unwrap().contains("Geheim GmbH"));
    monite.entity(id).metadata().put(&serde_json::Map::new()).await.unwrap();
    erase(&bridge).await;
    is_erased(&bridge, Some(&id.to_string())).await;
}

async fn a_scrubbed_entity_is_never_linked_again(on: Database) {
    let bridge = stage(on).await;
    let entity = bridge.entity_id("acme").await;
    let id: monite::EntityId = entity.parse().unwrap();
    erase(&bridge).await;
    // Somebody stamps it again by hand.
    let ours = bridge.store.bridge().await.unwrap();
    let stamp = json!({"monite_bridge": {"v": 1, "bridge": ours.as_str(), "customer": "acme", "users": {}}});
    let monite = &bridge.reconciler.workshop().monite;
    monite.entity(id).metadata().put(stamp.as_object().unwrap()).await.unwrap();
    let ours = std::collections::BTreeSet::from([ours]);
    let linked =
        monite_bridge::reconcile::adopt::link(monite, bridge.store.as_ref(), &acme(), id, &ours, bridge.clock_now())
            .await
            .unwrap();
    assert!(format!("{linked:?}").contains("Erased"), "{linked:?}");
    bridge.sweep().await;
    bridge.settle().await;
    assert_eq!(bridge.get("/v1/customers/acme").await.status, 404);
}

async fn a_customer_in_somebodys_hands_is_waited_for(on: Database) {
    let bridge = stage(on).await;
    let entity = bridge.entity_id("acme").await;
    let mut changed = secretive();
    changed["address"]["city"] = json!("Bonn");
    let other = bridge.replica("other").await;
    bridge.put("/v1/customers/acme", &changed).await;
    other.fuse.light(Dies::BeforeCall(0));
    tokio::select! {
        () = other.pass() => panic!("it was to die"),
        () = other.fuse.burned() => {}
    }
    let (calls, (ended, _)) = (bridge.sandbox.total_calls(), once(&bridge).await);
    assert!(matches!(ended, Ended::Wait { .. }), "{ended:?}");
    assert_eq!(bridge.sandbox.total_calls(), calls, "nothing is called for a customer that is in another's hands");
    for _ in 0..200 {
        match once(&bridge).await.0 {
            Ended::Done(_) => break,
            Ended::Wait { until, .. } => wait(&bridge, until),
            other => panic!("{other:?}"),
        }
    }
    is_erased(&bridge, Some(&entity)).await;
}

async fn a_frozen_visit_comes_back_and_writes_nothing(on: Database) {
    let bridge = stage(on).await;
    let entity = bridge.entity_id("acme").await;
    let lease = {
        let store = &bridge.store;
        bridge.put_user("acme", "eve", "admin").await;
        let worker = monite_bridge::store::WorkerId("frozen".to_owned());
        let lease =
            store.claim_due(&worker, bridge.clock_now(), Duration::from_secs(60), 1, Some(&acme())).await.unwrap();
        lease.into_iter().next().expect("eve is due")
    };
    bridge.clock.advance(Duration::from_secs(61));
    erase(&bridge).await;
    assert!(bridge.store.open(&lease, bridge.clock_now(), 10).await.unwrap().is_none());
    // A new customer under the same id starts where the old leases end, or the frozen one would hold it.
    bridge.put_customer("acme").await;
    let worker = monite_bridge::store::WorkerId("new".to_owned());
    for _ in 0..3 {
        let now = bridge.clock_now();
        let new = bridge.store.claim_due(&worker, now, Duration::from_secs(1), 1, Some(&acme())).await.unwrap();
        assert!(new.iter().all(|new| new.fence > lease.fence), "{new:?} {lease:?}");
        let fenced = bridge.store.record(&lease, Vec::new()).await.unwrap();
        assert_eq!(fenced, monite_bridge::store::Fenced::LeaseLost);
        bridge.clock.advance(Duration::from_secs(2));
    }
    bridge.settle().await;
    assert_ne!(bridge.entity_id("acme").await, entity);
}

async fn a_customer_that_was_deleted_before_is_erased_too(on: Database) {
    let bridge = stage(on).await;
    let entity = bridge.entity_id("acme").await;
    bridge.delete("/v1/customers/acme").await;
    bridge.settle().await;
    erase(&bridge).await;
    is_erased(&bridge, Some(&entity)).await;
}

/// Death before and after each call at Monite, then another process goes on.
async fn death_at_any_call_is_gone_on_from(on: Database) {
    let mut step = 0;
    loop {
        let mut died_at = 0;
        for dies in [Dies::BeforeCall(step), Dies::AfterCall(step)] {
            let mut bridge = stage(on).await;
            let entity = bridge.entity_id("acme").await;
            bridge.fuse.light(dies);
            let fuse = bridge.fuse.clone();
            let died = tokio::select! {
                _ = erase(&bridge) => false,
                () = fuse.burned() => true,
            };
            bridge.fuse.put_out();
            died_at += usize::from(died);
            bridge.restart().await;
            // The lease of the dead one ends by itself.
            erase(&bridge).await;
            is_erased(&bridge, Some(&entity)).await;
        }
        if died_at == 0 {
            break;
        }
        step += 1;
    }
    assert!(step >= 8, "it died at {step} calls only");
}

/// Dropped after each number of polls, so at every await: around each call, and around each write to the database.
async fn an_erasure_dropped_at_any_await_is_gone_on_from(on: Database) {
    // How often an erasure waits differs from run to run: an answer that is here already is not waited for.
    // So from the beginning again, until there were as many as there are calls and writes at least.
    let (mut polls, mut deaths, mut got_through) = (0, 0, 0);
    while got_through < 3 || deaths < 10 {
        if got_through == 3 {
            assert!(deaths > 0, "it was dropped nowhere");
            (polls, got_through) = (0, 0);
        }
        let mut bridge = stage(on).await;
        let entity = bridge.entity_id("acme").await;
        let died = dropped_after(polls, erase(&bridge)).await;
        bridge.restart().await;
        erase(&bridge).await;
        is_erased(&bridge, Some(&entity)).await;
        (deaths, got_through) = if died { (deaths + 1, 0) } else { (deaths, got_through + 1) };
        polls += 1;
    }
}

/// Polls this often and drops what is not done by then; whether it was not.
async fn dropped_after<T>(polls: usize, work: impl Future<Output = T>) -> bool {
    let mut work = std::pin::pin!(work);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(true);
        }
        left -= 1;
        work.as_mut().poll(context).map(|_| false)
    })
    .await
}

/// All that Monite takes about a person, and what it insists on in the US.
async fn people_and_companies_of_the_us_are_scrubbed_too(on: Database) {
    let address = |country: &str| {
        let state = (country == "US").then_some("NY");
        json!({"country": country, "state": state, "city": "Geheimstadt", "line1": "Geheimweg 1", "line2": "Hinten", "postal_code": "10001"})
    };
    let person = |country: &str| {
        json!({"type": "individual", "email": "ap@geheim.example", "phone": "+49 30 4711", "website": "https://geheim.example", "tax_id": "DE4711",
            "address": address(country), "individual": {"first_name": "Anastasia", "last_name": "Geheimova", "title": "Dr. Geheim",
            "date_of_birth": "1980-02-03", "id_number": "G4711", "ssn_last_4": "4711"}})
    };
    // What only German companies have.
    let register = |country: &str, value: &str| (country == "DE").then(|| value.to_owned());
    let company = |country: &str| {
        json!({"type": "organization", "email": "ap@geheim.example", "phone": "+49 30 4711", "tax_id": "DE4711",
        "registration_number": register(country, "HRB 4711"), "registration_authority": register(country, "Geheimamt"), "address": address(country),
        "organization": {"legal_name": "Geheim GmbH", "legal_entity_id": "G4711", "business_structure": "private_corporation"}})
    };
    for document in [person("DE"), person("US"), company("DE"), company("US")] {
        let bridge = TestBridge::on(on).await;
        bridge.put_customer("beta").await;
        bridge.put_user("beta", "ben", "admin").await;
        let answer = bridge.put("/v1/customers/acme", &document).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        bridge.settle().await;
        let entity = bridge.entity_id("acme").await;
        erase(&bridge).await;
        is_erased(&bridge, Some(&entity)).await;
        let state = bridge.sandbox.entities().into_iter().find(|there| there["id"] == *entity).unwrap().to_string();
        for text in ["eheim", "4711", "1980", "Hinten", "10001", "private_corporation"] {
            assert!(!state.contains(text), "{text} is still at Monite: {state}");
        }
    }
}

/// A backup, say: what was purged stays in the log for as long as somebody reads from before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_still_reads_what_was_purged_is_waited_for() {
    use sqlx::Connection as _;
    let bridge = stage(Database::Sqlite).await;
    let entity = bridge.entity_id("acme").await;
    let mut reader = sqlx::SqliteConnection::connect(&bridge.database_url()).await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT count(*) FROM customers").execute(&mut reader).await.unwrap();
    let mut evidence = Evidence::of(&acme());
    let ended = loop {
        match eraser(&bridge).go_on(&acme(), &mut evidence).await.unwrap() {
            Ended::Wait { until, .. } => wait(&bridge, until),
            ended => break ended,
        }
    };
    let Ended::Left(left) = ended else { panic!("somebody still reads it: {ended:?}") };
    assert!(left.len() == 1 && left[0].contains("somebody reads from it: run it again"), "{left:?}");
    assert_eq!(bridge.get("/v1/customers/acme").await.status, 404, "it is purged");
    reader.close().await.unwrap();
    erase(&bridge).await;
    is_erased(&bridge, Some(&entity)).await;
}

/// As from the wrong account: what is there, out of sight, would keep everything.
async fn an_entity_that_monite_does_not_show_is_not_taken_as_erased(on: Database) {
    let bridge = stage(on).await;
    let (entity, before) = (bridge.entity_id("acme").await, bridge.sandbox.dump());
    bridge.sandbox.reset();
    let (ended, _) = once(&bridge).await;
    let Ended::Left(left) = ended else { panic!("{ended:?}") };
    assert!(left[0].contains(&entity) && left[0].contains("nothing was purged"), "{left:?}");
    assert_eq!(bridge.get("/v1/customers/acme").await.status, 200, "it is still known here");
    bridge.sandbox.load(&before).unwrap();
    erase(&bridge).await;
    is_erased(&bridge, Some(&entity)).await;
    // Somebody who knows better says so.
    let bridge = stage(on).await;
    bridge.sandbox.reset();
    let ended = eraser(&bridge).missing_is_gone(true).go_on(&acme(), &mut Evidence::of(&acme())).await.unwrap();
    assert!(matches!(ended, Ended::Done(_)), "{ended:?}");
    assert_eq!(bridge.get("/v1/customers/acme").await.status, 404);
}
