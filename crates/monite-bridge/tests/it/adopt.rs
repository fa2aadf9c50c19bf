//! Losing the bridge's own database loses no link; what was made without the bridge is linked only when nothing else could be meant.

use std::collections::BTreeSet;

use monite::EntityId;
use monite_sandbox::{Fault, FaultRule};
use serde_json::{Value, json};

use monite_bridge::domain::{BridgeId, CustomerId, SyncState};
use monite_bridge::reconcile::adopt::{Grade, Linked, Survey, link, survey};
use monite_bridge::store::Adopted;

use crate::support::{Database, Setup, TestBridge, customer_document, on_every_database, user_document};

on_every_database! {
    a_lost_database_is_rebuilt_from_stamps_before_or_after_the_product_writes_again,
    what_is_adopted_is_as_monite_shows_it_and_costs_no_call,
    a_listing_that_breaks_off_links_nothing,
    stamps_of_a_bridge_that_is_not_this_one_are_left_alone,
    two_bridges_that_were_lost_are_told_apart_by_a_person,
    an_entity_made_by_hand_is_linked_when_it_is_the_same_and_the_only_one,
    a_customer_in_somebodys_hands_or_with_a_create_under_way_is_not_linked,
}

const CREATES: [&str; 3] = ["POST /entities", "POST /entity_users", "POST /roles"];

/// Customers that differ in all that can differ: users whose login is not their id, a deactivated one, one without users.
async fn populate(bridge: &TestBridge) {
    let mut ana = user_document("ana", "admin");
    ana["login"] = json!("ana@acme.example");
    for id in ["acme", "beta", "corp", "twin-1", "twin-2", "bare", "left"] {
        bridge.put(&format!("/v1/customers/{id}"), &customer_document(id.split('-').next().unwrap())).await;
        if id != "bare" {
            bridge.put(&format!("/v1/customers/{id}/users/ana"), &ana).await;
            bridge.put_user(id, "ben", "payer").await;
        }
    }
    bridge.settle().await;
    bridge.delete("/v1/customers/left").await;
    bridge.settle().await;
}

/// The same as the product would send it again.
async fn import_again(bridge: &TestBridge, login_of_ana: &str) {
    let mut lines = String::new();
    for id in ["acme", "beta", "corp", "twin-1", "twin-2", "bare"] {
        let mut record = customer_document(id.split('-').next().unwrap());
        record["id"] = json!(id);
        if id != "bare" {
            let (mut ana, mut ben) = (user_document("ana", "admin"), user_document("ben", "payer"));
            (ana["id"], ana["login"], ben["id"]) = (json!("ana"), json!(login_of_ana), json!("ben"));
            record["users"] = json!([ana, ben]);
        }
        lines.push_str(&format!("{record}\n"));
    }
    let results = bridge.import(&lines).await;
    assert!(results.iter().all(|line| line["status"] != "refused"), "{results:#?}");
}

async fn a_lost_database_is_rebuilt_from_stamps_before_or_after_the_product_writes_again(on: Database) {
    for import_first in [false, true] {
        for login in ["ana@acme.example", "changed@acme.example"] {
            let mut bridge = TestBridge::with(Setup { quirk: None, database: on, ..Setup::default() }).await;
            populate(&bridge).await;
            let before = links(&bridge).await;
            bridge.lose_database().await;
            bridge.sandbox.clear_journal();
            if import_first {
                import_again(&bridge, login).await;
            }
            let found = adopt(&bridge).await;
            assert_eq!(found.matches.len(), 7, "{found:#?}");
            assert!(found.matches.iter().all(|one| one.grade == Grade::Stamped), "{found:#?}");
            if !import_first {
                assert_eq!(bridge.get("/v1/customers/acme").await.state(), "in_sync");
                assert_eq!(bridge.get("/v1/customers/left").await.state(), "deactivated");
                assert_eq!(bridge.token("acme", "ana").await.status, 200, "it works before the product writes again");
                import_again(&bridge, login).await;
            }
            bridge.settle().await;
            assert_eq!(CREATES.map(|call| bridge.sandbox.calls(call)), [0, 0, 0], "import first: {import_first}");
            assert_eq!(links(&bridge).await, before, "import first: {import_first}");
            assert_eq!(bridge.sandbox.calls("PUT /entities/{entity_id}/partner_metadata"), 0, "the stamps hold still");
            let ana = bridge.logins("acme").await;
            assert!(ana.contains(&login.to_owned()), "{ana:?}");
            let stats = bridge.store.stats().await.unwrap();
            assert_eq!(stats.customers.get(&SyncState::InSync), Some(&6), "{stats:?}");
        }
    }
}

/// Nothing of what changed since costs more than the change.
async fn what_is_adopted_is_as_monite_shows_it_and_costs_no_call(on: Database) {
    let mut bridge = TestBridge::on(on).await;
    populate(&bridge).await;
    bridge.lose_database().await;
    adopt(&bridge).await;
    bridge.sandbox.clear_journal();
    bridge.settle().await;
    import_again(&bridge, "ana@acme.example").await;
    bridge.settle().await;
    assert_eq!(bridge.sandbox.total_calls(), 0);
    assert_eq!(adopt(&bridge).await.linked, 7, "and adopting again finds all of it linked");
}

async fn a_listing_that_breaks_off_links_nothing(on: Database) {
    let mut bridge = TestBridge::on(on).await;
    populate(&bridge).await;
    bridge.lose_database().await;
    bridge.sandbox.fault(FaultRule::new("GET /entities", Fault::Status { status: 403, retry_after: None }).times(1));
    survey(&bridge.reconciler.workshop().monite, bridge.store.as_ref(), None).await.unwrap_err();
    bridge.sandbox.fault(
        FaultRule::new("GET /entities/*/partner_metadata", Fault::Status { status: 403, retry_after: None }).times(1),
    );
    survey(&bridge.reconciler.workshop().monite, bridge.store.as_ref(), None).await.unwrap_err();
    assert!(!bridge.store.has_links().await.unwrap());
}

async fn stamps_of_a_bridge_that_is_not_this_one_are_left_alone(on: Database) {
    let mut bridge = TestBridge::on(on).await;
    bridge.put_customer("acme").await;
    bridge.put_customer("beta").await;
    bridge.settle().await;
    let (acme, lost) = (bridge.entity_id("acme").await, bridge.store.bridge().await.unwrap());
    bridge.lose_database().await;
    // This database has a link of its own by now, so it is not the lost one with an empty memory.
    bridge.put_customer("corp").await;
    bridge.settle().await;
    bridge.put_customer("acme").await;
    let found = adopt(&bridge).await;
    assert_eq!((found.matches.len(), found.remarks.len(), &found.take_name), (0, 2, &None), "{found:#?}");
    assert!(found.remarks.iter().all(|remark| remark.reason.contains(lost.as_str())), "{found:#?}");
    let own = BTreeSet::from([bridge.store.bridge().await.unwrap()]);
    let told = link_one(&bridge, "acme", &acme, &own).await;
    assert!(matches!(told, Linked::StampedForOthers(_)), "not even when told to: {told:?}");

    // Named, it is taken, and stamped anew with our own name.
    let found = adopt_from(&bridge, Some(&lost)).await;
    assert_eq!((found.matches.len(), found.remarks.len(), &found.take_name), (2, 0, &None), "{found:#?}");
    bridge.settle().await;
    assert_eq!(bridge.entity_id("acme").await, acme);
    assert_eq!(bridge.sandbox.entities().len(), 3);
    assert!(adopt(&bridge).await.remarks.is_empty());
}

async fn two_bridges_that_were_lost_are_told_apart_by_a_person(on: Database) {
    let mut bridge = TestBridge::on(on).await;
    bridge.put_customer("acme").await;
    bridge.settle().await;
    let first = bridge.store.bridge().await.unwrap();
    bridge.lose_database().await;
    bridge.put_customer("beta").await;
    bridge.settle().await;
    bridge.lose_database().await;
    let found = adopt(&bridge).await;
    assert_eq!((found.matches.len(), found.remarks.len()), (0, 2), "{found:#?}");
    let found = adopt_from(&bridge, Some(&first)).await;
    assert_eq!((found.matches.len(), found.remarks.len()), (1, 1), "{found:#?}");
    assert_eq!(bridge.store.bridge().await.unwrap(), first);
}

async fn an_entity_made_by_hand_is_linked_when_it_is_the_same_and_the_only_one(on: Database) {
    let bridge = TestBridge::with(Setup { quirk: None, database: on, ..Setup::default() }).await;
    let acme = by_hand(&bridge, &customer_document("acme")).await;
    let user = json!({"login": "ana", "first_name": "Ana", "role_id": role_by_hand(&bridge, acme).await});
    let monite = &bridge.reconciler.workshop().monite;
    let ana = monite.entity(acme).users().create(&serde_json::from_value(user).unwrap()).await.unwrap();
    let mut other_city = customer_document("beta");
    other_city["address"]["city"] = json!("Bonn");
    let beta = by_hand(&bridge, &other_city).await;
    let mut likely = customer_document("corp");
    likely["organization"]["legal_name"] = json!("Corp Holding GmbH");
    by_hand(&bridge, &likely).await;
    by_hand(&bridge, &customer_document("nobody")).await;
    for _ in 0..2 {
        by_hand(&bridge, &customer_document("twin")).await;
    }
    for id in ["acme", "beta", "corp", "twin"] {
        bridge.put_customer(id).await;
    }
    bridge.put_user("acme", "ana", "admin").await;

    let found = adopt(&bridge).await;
    let told: Vec<(&str, Grade)> = found.matches.iter().map(|one| (one.customer.as_str(), one.grade)).collect();
    let expected = [
        ("acme", Grade::Exact),
        ("beta", Grade::Exact),
        ("corp", Grade::Likely),
        ("twin", Grade::Ambiguous),
        ("twin", Grade::Ambiguous),
    ];
    assert_eq!((told.as_slice(), found.unmatched), (expected.as_slice(), 1), "{found:#?}");
    for (customer, entity) in [("acme", acme), ("beta", beta)] {
        assert_eq!(bridge.entity_id(customer).await, entity.to_string());
    }
    // The others are told by a person, before anything is created.
    let own = BTreeSet::from([bridge.store.bridge().await.unwrap()]);
    for one in found.matches.iter().skip(2).take(2) {
        let told = link_one(&bridge, one.customer.as_str(), &one.entity.to_string(), &own).await;
        assert!(matches!(told, Linked::By(Adopted::Linked { .. })), "{told:?}");
    }
    let told = link_one(&bridge, "twin", &beta.to_string(), &own).await;
    assert_eq!(told, Linked::By(Adopted::Taken(CustomerId::parse("beta").unwrap())), "a link is never stolen");
    let told = link_one(&bridge, "twin", &found.matches[4].entity.to_string(), &own).await;
    assert_eq!(told, Linked::By(Adopted::Elsewhere(found.matches[3].entity)));
    bridge.settle().await;
    assert_eq!(bridge.sandbox.calls("POST /entities"), 6, "those made by hand");
    assert_eq!(bridge.get("/v1/customers/acme/users/ana").await.json()["sync"]["entity_user_id"], json!(ana.id));
    let beta = bridge.sandbox.entities().into_iter().find(|entity| entity["id"] == json!(beta)).unwrap();
    assert_eq!(beta["address"]["city"], "Berlin", "what is linked is made equal");
    let stats = bridge.store.stats().await.unwrap();
    assert_eq!((stats.linked, stats.stamped), (4, 4), "and stamped");
}

async fn a_customer_in_somebodys_hands_or_with_a_create_under_way_is_not_linked(on: Database) {
    let bridge = TestBridge::on(on).await;
    let acme = by_hand(&bridge, &customer_document("acme")).await.to_string();
    let own = BTreeSet::from([bridge.store.bridge().await.unwrap()]);
    bridge.put_customer("acme").await;
    let worker = monite_bridge::store::WorkerId("other".to_owned());
    let (now, lease) = (bridge.clock_now(), std::time::Duration::from_secs(60));
    let taken = bridge.store.claim_due(&worker, now, lease, 1, None).await.unwrap();
    assert_eq!(link_one(&bridge, "acme", &acme, &own).await, Linked::By(Adopted::InHand));
    bridge.clock.advance(lease);
    assert!(matches!(link_one(&bridge, "acme", &acme, &own).await, Linked::By(Adopted::Linked { .. })));
    let late = bridge.store.record(&taken[0], vec![monite_bridge::store::Change::RolesListed]).await.unwrap();
    assert_eq!(late, monite_bridge::store::Fenced::LeaseLost, "who read it without an entity lost it");

    bridge.put_customer("beta").await;
    bridge.sandbox.once("POST /entities", Fault::LoseAnswer);
    bridge.pass().await;
    assert_eq!(
        link_one(&bridge, "beta", &by_hand(&bridge, &customer_document("x")).await.to_string(), &own).await,
        Linked::By(Adopted::Unsettled)
    );
}

async fn adopt(bridge: &TestBridge) -> Survey {
    adopt_from(bridge, None).await
}

/// What the command does.
async fn adopt_from(bridge: &TestBridge, lost: Option<&BridgeId>) -> Survey {
    let found = survey(&bridge.reconciler.workshop().monite, bridge.store.as_ref(), lost).await.unwrap();
    if let Some(name) = &found.take_name {
        assert!(bridge.store.take_bridge_name(name).await.unwrap());
    }
    for one in found.matches.iter().filter(|one| one.grade <= Grade::Exact) {
        let linked = link_one(bridge, one.customer.as_str(), &one.entity.to_string(), &found.ours).await;
        assert!(matches!(linked, Linked::By(Adopted::Linked { .. })), "{one:?}: {linked:?}");
    }
    found
}

async fn link_one(bridge: &TestBridge, customer: &str, entity: &str, ours: &BTreeSet<BridgeId>) -> Linked {
    let (monite, customer) = (&bridge.reconciler.workshop().monite, CustomerId::parse(customer).unwrap());
    link(monite, bridge.store.as_ref(), &customer, entity.parse().unwrap(), ours, bridge.clock_now()).await.unwrap()
}

/// Every link that is stored: customer, entity, and the entity user of each user.
async fn links(bridge: &TestBridge) -> Vec<Value> {
    let mut links = Vec::new();
    for customer in ["acme", "bare", "beta", "corp", "left", "twin-1", "twin-2"] {
        links.push(json!([customer, bridge.entity_id(customer).await]));
        for user in ["ana", "ben"].into_iter().filter(|_| customer != "bare") {
            let answer = bridge.get(&format!("/v1/customers/{customer}/users/{user}")).await;
            links.push(json!([customer, user, answer.json()["sync"]["entity_user_id"]]));
        }
    }
    links
}

async fn by_hand(bridge: &TestBridge, document: &Value) -> EntityId {
    let monite = &bridge.reconciler.workshop().monite;
    monite.entities().create(&serde_json::from_value(document.clone()).unwrap()).await.unwrap().id
}

async fn role_by_hand(bridge: &TestBridge, entity: EntityId) -> monite::RoleId {
    let role = monite::NewRole { name: "by hand".to_owned(), permissions: monite::Permissions::default() };
    bridge.reconciler.workshop().monite.entity(entity).roles().create(&role).await.unwrap().id
}
