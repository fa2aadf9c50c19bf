//! What somebody else changed at Monite is found by a sweep, and set right or reported.

use monite::ObjectType;
use monite_bridge::config::Drift;
use monite_sandbox::FaultRule;
use serde_json::{Value, json};

use crate::support::{Database, Setup, TestBridge, customer_document, on_every_database, user_document};

on_every_database! {
    what_is_as_it_was_left_costs_nothing_but_the_look,
    an_entity_that_somebody_changed_is_changed_back_in_those_fields_only,
    an_entity_that_somebody_switched_off_is_switched_on_again_and_the_other_way_round,
    one_that_lists_leave_out_once_it_is_off_is_switched_on_again_with_all_that_differs,
    a_user_and_a_role_that_somebody_changed_are_changed_back,
    a_user_that_somebody_gave_another_role_gets_its_own_back,
    a_user_that_somebody_deleted_comes_back,
    a_role_that_somebody_deleted_comes_back_with_its_users,
    reported_drift_names_every_field_and_changes_nothing,
    a_new_document_ends_reported_drift_with_all_that_differs,
    drift_that_somebody_took_back_is_over,
    a_reported_role_stays_as_it_is_until_somebody_needs_it,
    what_monite_spells_its_own_way_is_no_drift,
    what_is_being_worked_on_is_left_to_the_visits,
    a_rejected_document_stays_rejected,
}

/// A bridge with `acme` (ana: admin, ben: payer), in sync, and old enough for lists to show it.
pub(crate) async fn settled_on(database: Database, drift: Drift) -> TestBridge {
    let bridge = TestBridge::with(Setup { database, drift, quirk: None, ..Setup::default() }).await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    bridge.put_user("acme", "ben", "payer").await;
    bridge.settle().await;
    bridge.advance(60);
    bridge.sandbox.clear_journal();
    bridge
}

/// The same on SQLite.
pub(crate) async fn settled(drift: Drift) -> TestBridge {
    settled_on(Database::Sqlite, drift).await
}

/// Somebody else at work at Monite.
pub(crate) struct Hands<'a>(pub(crate) &'a TestBridge);

impl Hands<'_> {
    pub(crate) async fn entity(&self, patch: Value) {
        let monite = self.0.reconciler.workshop().monite.clone();
        let id = self.0.entity_id("acme").await.parse().unwrap();
        monite.entity(id).update(&serde_json::from_value(patch).unwrap()).await.unwrap();
    }

    pub(crate) async fn user(&self, user: &str, patch: Value) {
        let monite = self.0.reconciler.workshop().monite.clone();
        let (entity, id) = (self.0.entity_id("acme").await.parse().unwrap(), entity_user(self.0, user).await);
        let patch = serde_json::from_value(patch).unwrap();
        monite.entity(entity).users().update(id.parse().unwrap(), &patch).await.unwrap();
    }

    pub(crate) async fn delete_user(&self, user: &str) {
        let monite = self.0.reconciler.workshop().monite.clone();
        let (entity, id) = (self.0.entity_id("acme").await.parse().unwrap(), entity_user(self.0, user).await);
        monite.entity(entity).users().delete(id.parse().unwrap()).await.unwrap();
    }

    pub(crate) async fn role(&self, name: &str, permissions: Value) {
        let monite = self.0.reconciler.workshop().monite.clone();
        let entity = self.0.entity_id("acme").await;
        let roles = self.0.sandbox.roles(&entity);
        let role = roles.iter().find(|role| role["name"] == name).unwrap()["id"].as_str().unwrap();
        let patch = serde_json::from_value(json!({"permissions": permissions})).unwrap();
        monite.entity(entity.parse().unwrap()).roles().update(role.parse().unwrap(), &patch).await.unwrap();
    }
}

pub(crate) async fn entity_user(bridge: &TestBridge, user: &str) -> String {
    let user = bridge.get(&format!("/v1/customers/acme/users/{user}")).await.json();
    user["sync"]["entity_user_id"].as_str().unwrap_or_else(|| panic!("not at Monite: {user}")).to_owned()
}

/// Every change that the bridge sent since the journal was cleared, but for its stamps: they are its own, and drift is none of theirs.
pub(crate) fn changes(bridge: &TestBridge) -> Vec<(String, Value)> {
    let is_change = |path: &str, method: &str| {
        method != "GET" && !path.starts_with("/auth") && !path.ends_with("/partner_metadata")
    };
    let sent = bridge.sandbox.journal().into_iter().filter(|call| is_change(&call.path, &call.method));
    sent.map(|call| (call.method, call.body.unwrap_or_default())).collect()
}

async fn message(bridge: &TestBridge, path: &str) -> String {
    let object = bridge.get(path).await.json();
    assert_eq!(object["sync"]["state"], "drifted", "{object}");
    object["sync"]["last_error"]["message"].as_str().unwrap().to_owned()
}

async fn what_is_as_it_was_left_costs_nothing_but_the_look(on: Database) {
    let bridge = settled_on(on, Drift::Enforce).await;
    let tally = bridge.sweep().await;
    assert_eq!((tally.entities, tally.roles, tally.users, tally.drifted), (1, 2, 2, 0), "{tally:?}");
    let calls = ["GET /entities", "GET /roles", "GET /entity_users"].map(|call| bridge.sandbox.calls(call));
    assert_eq!(calls, [2, 1, 1], "all entities, and once more the linked ones");
    bridge.settle().await;
    assert_eq!(changes(&bridge), []);
}

async fn an_entity_that_somebody_changed_is_changed_back_in_those_fields_only(on: Database) {
    let bridge = settled_on(on, Drift::Enforce).await;
    let hands = Hands(&bridge);
    hands.entity(json!({"address": {"city": "Bonn"}, "phone": "+49 228 1"})).await;
    bridge.sandbox.clear_journal();
    assert_eq!(bridge.sweep().await.drifted, 1);
    assert_eq!(bridge.get("/v1/customers/acme").await.state(), "pending");
    bridge.settle().await;
    assert_eq!(changes(&bridge), [("PATCH".to_owned(), json!({"address": {"city": "Berlin"}, "phone": null}))]);
    assert_eq!(bridge.get("/v1/customers/acme").await.state(), "in_sync");
    bridge.advance(60);
    assert_eq!(bridge.sweep().await.drifted, 0);
}

async fn an_entity_that_somebody_switched_off_is_switched_on_again_and_the_other_way_round(on: Database) {
    let bridge = settled_on(on, Drift::Enforce).await;
    let monite = bridge.reconciler.workshop().monite.clone();
    let entity = monite.entity(bridge.entity_id("acme").await.parse().unwrap());
    entity.deactivate().await.unwrap();
    bridge.sweep().await;
    bridge.settle().await;
    assert_eq!(bridge.sandbox.entities()[0]["status"], "active");
    bridge.delete("/v1/customers/acme").await;
    bridge.settle().await;
    entity.activate().await.unwrap();
    bridge.advance(60);
    bridge.sweep().await;
    bridge.settle().await;
    assert_eq!(bridge.sandbox.entities()[0]["status"], "inactive");
    assert_eq!(bridge.get("/v1/customers/acme").await.state(), "deactivated");
}

/// Whether Monite lists entities that are off is not known.
async fn one_that_lists_leave_out_once_it_is_off_is_switched_on_again_with_all_that_differs(on: Database) {
    let bridge = settled_on(on, Drift::Enforce).await;
    bridge.sandbox.set_quirk("inactive_entities_listed", "no").unwrap();
    let hands = Hands(&bridge);
    hands.entity(json!({"phone": "+49 228 1"})).await;
    hands.user("ana", json!({"first_name": "Eve"})).await;
    let monite = bridge.reconciler.workshop().monite.clone();
    monite.entity(bridge.entity_id("acme").await.parse().unwrap()).deactivate().await.unwrap();
    let tally = bridge.sweep().await;
    assert_eq!((tally.entities, tally.drifted, tally.missing), (1, 2, 0), "{tally:?}");
    bridge.settle().await;
    let (entity, ana) = (bridge.sandbox.entities()[0].clone(), entity_user(&bridge, "ana").await);
    assert_eq!((&entity["status"], &entity["phone"]), (&json!("active"), &json!(null)));
    let users = bridge.sandbox.entity_users(entity["id"].as_str().unwrap());
    let ana = users.iter().find(|user| user["id"] == ana).unwrap();
    assert_eq!(ana["first_name"], user_document("ana", "admin")["first_name"]);
}

async fn a_user_and_a_role_that_somebody_changed_are_changed_back(on: Database) {
    let bridge = settled_on(on, Drift::Enforce).await;
    let hands = Hands(&bridge);
    hands.user("ana", json!({"first_name": "Anna", "login": "anna"})).await;
    hands.role("payer", json!({"objects": []})).await;
    bridge.sandbox.clear_journal();
    let tally = bridge.sweep().await;
    assert_eq!(tally.drifted, 2);
    bridge.settle().await;
    let sent = changes(&bridge);
    assert_eq!(sent.len(), 2, "{sent:#?}");
    assert!(sent.contains(&("PATCH".to_owned(), json!({"first_name": "Ana", "login": "ana"}))), "{sent:#?}");
    assert!(sent.iter().any(|(_, body)| body["permissions"]["objects"].as_array().is_some_and(|all| !all.is_empty())));
    bridge.advance(60);
    assert_eq!(bridge.sweep().await.drifted, 0);
}

async fn a_user_that_somebody_gave_another_role_gets_its_own_back(on: Database) {
    let bridge = settled_on(on, Drift::Enforce).await;
    let roles = bridge.sandbox.roles(&bridge.entity_id("acme").await);
    let role = |name: &str| roles.iter().find(|role| role["name"] == name).unwrap()["id"].clone();
    Hands(&bridge).user("ana", json!({"role_id": role("payer")})).await;
    bridge.sandbox.clear_journal();
    bridge.sweep().await;
    bridge.settle().await;
    assert_eq!(changes(&bridge), [("PATCH".to_owned(), json!({"role_id": role("admin")}))]);
}

/// The login of a deleted entity user is free, so a new one takes its place.
async fn a_user_that_somebody_deleted_comes_back(on: Database) {
    let bridge = settled_on(on, Drift::Enforce).await;
    let old = entity_user(&bridge, "ana").await;
    Hands(&bridge).delete_user("ana").await;
    assert_eq!(bridge.sweep().await.drifted, 1);
    bridge.settle().await;
    assert_eq!(bridge.logins("acme").await.len(), 2);
    assert_ne!(entity_user(&bridge, "ana").await, old);
}

async fn a_role_that_somebody_deleted_comes_back_with_its_users(on: Database) {
    let bridge = settled_on(on, Drift::Enforce).await;
    let roles = bridge.sandbox.roles(&bridge.entity_id("acme").await);
    let payer = roles.iter().find(|role| role["name"] == "payer").unwrap()["id"].as_str().unwrap().to_owned();
    let admin = roles.iter().find(|role| role["name"] == "admin").unwrap()["id"].clone();
    Hands(&bridge).user("ben", json!({"role_id": admin})).await;
    let monite = bridge.reconciler.workshop().monite.clone();
    let entity = monite.entity(bridge.entity_id("acme").await.parse().unwrap());
    entity.roles().delete(payer.parse().unwrap()).await.unwrap();
    bridge.sweep().await;
    bridge.settle().await;
    let roles = bridge.sandbox.roles(&bridge.entity_id("acme").await);
    let payer = roles.iter().find(|role| role["name"] == "payer" && role["status"] != "deleted").unwrap();
    let ben = entity_user(&bridge, "ben").await;
    let users = bridge.sandbox.entity_users(&bridge.entity_id("acme").await);
    assert_eq!(users.iter().find(|user| user["id"] == ben.as_str()).unwrap()["role_id"], payer["id"]);
}

async fn reported_drift_names_every_field_and_changes_nothing(on: Database) {
    let bridge = settled_on(on, Drift::Report).await;
    let hands = Hands(&bridge);
    hands.entity(json!({"address": {"city": "Bonn"}, "phone": "+49 228 1"})).await;
    hands.user("ana", json!({"first_name": "Anna"})).await;
    hands.delete_user("ben").await;
    bridge.sandbox.clear_journal();
    assert_eq!(bridge.sweep().await.drifted, 3);
    bridge.settle().await;
    assert_eq!(changes(&bridge), []);
    let customer = message(&bridge, "/v1/customers/acme").await;
    assert!(customer.ends_with(r#"address.city: "Berlin" -> "Bonn"; phone: (nothing) -> "+49 228 1""#), "{customer}");
    let ana = message(&bridge, "/v1/customers/acme/users/ana").await;
    assert!(ana.ends_with(r#"first_name: "Ana" -> "Anna""#), "{ana}");
    let ben = message(&bridge, "/v1/customers/acme/users/ben").await;
    assert!(ben.ends_with("the entity user is gone"), "{ben}");
    assert_eq!(bridge.store.failing(None, 10).await.unwrap().len(), 3);

    // Told once: nothing moves while nothing changes.
    let told = bridge.get("/v1/customers/acme").await.json()["sync"].clone();
    bridge.advance(60);
    assert_eq!(bridge.sweep().await.drifted, 0);
    assert_eq!(bridge.get("/v1/customers/acme").await.json()["sync"], told);

    bridge.call("POST", "/v1/customers/acme/retry").send().await;
    bridge.settle().await;
    let mut sent = changes(&bridge).into_iter().map(|(_, body)| body);
    assert_eq!(sent.next(), Some(json!({"address": {"city": "Berlin"}, "phone": null})));
    assert_eq!(sent.next(), Some(json!({"first_name": "Ana"})));
    assert_eq!(sent.next().unwrap()["login"], "ben");
    assert_eq!(bridge.store.failing(None, 10).await.unwrap(), []);
}

async fn a_new_document_ends_reported_drift_with_all_that_differs(on: Database) {
    let bridge = settled_on(on, Drift::Report).await;
    Hands(&bridge).entity(json!({"address": {"city": "Bonn"}})).await;
    bridge.sweep().await;
    bridge.sandbox.clear_journal();
    let mut document = customer_document("acme");
    document["phone"] = json!("+49 30 1");
    bridge.put("/v1/customers/acme", &document).await;
    bridge.settle().await;
    assert_eq!(changes(&bridge), [("PATCH".to_owned(), json!({"address": {"city": "Berlin"}, "phone": "+49 30 1"}))]);
}

async fn drift_that_somebody_took_back_is_over(on: Database) {
    let bridge = settled_on(on, Drift::Report).await;
    let hands = Hands(&bridge);
    hands.entity(json!({"address": {"city": "Bonn"}})).await;
    bridge.sweep().await;
    hands.entity(json!({"address": {"city": "Berlin"}})).await;
    bridge.sweep().await;
    assert_eq!(bridge.get("/v1/customers/acme").await.state(), "in_sync");
    bridge.sandbox.clear_journal();
    bridge.settle().await;
    assert_eq!(changes(&bridge), []);
}

/// The customer's role waits as drifted; a user that does not have it is worked on meanwhile, and one that has it ends the wait.
async fn a_reported_role_stays_as_it_is_until_somebody_needs_it(on: Database) {
    let bridge = settled_on(on, Drift::Report).await;
    Hands(&bridge).role("payer", json!({"objects": []})).await;
    bridge.sweep().await;
    let told = message(&bridge, "/v1/customers/acme").await;
    assert!(told.contains(r#"roles.payer.payable.read: "allowed" -> "not_allowed""#), "{told}");
    assert!(told.ends_with("; and 18 more"), "{told}");
    bridge.sandbox.clear_journal();
    let mut ana = user_document("ana", "admin");
    ana["first_name"] = json!("Anna");
    bridge.put("/v1/customers/acme/users/ana", &ana).await;
    bridge.settle().await;
    assert_eq!(changes(&bridge), [("PATCH".to_owned(), json!({"first_name": "Anna"}))]);
    bridge.put_user("acme", "dan", "payer").await;
    bridge.settle().await;
    assert_eq!(changes(&bridge).len(), 3, "the role, and dan");
}

async fn what_monite_spells_its_own_way_is_no_drift(on: Database) {
    let bridge = settled_on(on, Drift::Enforce).await;
    Hands(&bridge)
        .entity(json!({"email": "ACCOUNTS@acme.example.com", "organization": {"directors_provided": false}}))
        .await;
    Hands(&bridge).user("ana", json!({"title": "CFO"})).await;
    // All that the role may not do, said in so many words.
    let roles = bridge.sandbox.roles(&bridge.entity_id("acme").await);
    let mut said = roles.iter().find(|role| role["name"] == "payer").unwrap()["permissions"].clone();
    let objects = said["objects"].as_array_mut().unwrap();
    let named: Vec<Value> = objects.iter().map(|object| object["object_type"].clone()).collect();
    let unnamed = ObjectType::ALL.iter().map(|object| json!(object.to_string())).find(|object| !named.contains(object));
    let refused = json!([{"action_name": "read", "permission": "not_allowed"}]);
    objects.push(json!({"object_type": unnamed.expect("payer names few objects"), "actions": refused}));
    Hands(&bridge).role("payer", said).await;
    assert_eq!(bridge.sweep().await.drifted, 0);
}

/// What waits for a visit, or for its next attempt, is neither reported nor hurried.
async fn what_is_being_worked_on_is_left_to_the_visits(on: Database) {
    let bridge = settled_on(on, Drift::Report).await;
    let unavailable = monite_sandbox::Fault::Status { status: 503, retry_after: None };
    bridge.sandbox.fault(FaultRule::new("PATCH /ent*", unavailable));
    let mut document = customer_document("acme");
    document["phone"] = json!("+49 30 1");
    bridge.put("/v1/customers/acme", &document).await;
    let mut ana = user_document("ana", "admin");
    ana["first_name"] = json!("Anna");
    bridge.put("/v1/customers/acme/users/ana", &ana).await;
    let objects = ["/v1/customers/acme", "/v1/customers/acme/users/ana"];
    for expected in ["pending", "retrying"] {
        bridge.advance(60);
        for object in objects {
            let before = bridge.get(object).await.json()["sync"].clone();
            assert_eq!(before["state"], expected);
            bridge.sweep().await;
            assert_eq!(bridge.get(object).await.json()["sync"], before);
        }
        bridge.pass().await;
    }
    bridge.sandbox.clear_faults();
    bridge.settle().await;
    for object in objects {
        assert_eq!(bridge.get(object).await.state(), "in_sync");
    }
}

/// What a refused document waits for is not touched, but a later one starts from what is there.
async fn a_rejected_document_stays_rejected(on: Database) {
    let bridge = settled_on(on, Drift::Enforce).await;
    let refused = monite_sandbox::Fault::Status { status: 422, retry_after: None };
    bridge.sandbox.once("PATCH /entities/*", refused);
    let mut document = customer_document("acme");
    document["phone"] = json!("+49 30 1");
    bridge.put("/v1/customers/acme", &document).await;
    bridge.settle().await;
    Hands(&bridge).entity(json!({"address": {"city": "Bonn"}})).await;
    bridge.advance(60);
    bridge.sweep().await;
    assert_eq!(bridge.get("/v1/customers/acme").await.state(), "rejected");
    bridge.sandbox.clear_journal();
    bridge.call("POST", "/v1/customers/acme/retry").send().await;
    bridge.settle().await;
    assert_eq!(changes(&bridge), [("PATCH".to_owned(), json!({"address": {"city": "Berlin"}, "phone": "+49 30 1"}))]);
}
