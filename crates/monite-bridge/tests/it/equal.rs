//! A document that does not change costs no call; a change costs one PATCH with only the changed fields; the last write wins; one
//! bad object blocks nobody else.

use monite_sandbox::Fault;
use serde_json::{Value, json};

use monite_bridge::domain::SyncState;

use crate::support::{Dies, Setup, TestBridge, customer_document, user_document};

#[tokio::test]
async fn the_fewest_calls_there_can_be() {
    // Counts roles that were created, so Monite must not give any by itself.
    let bridge = TestBridge::with(Setup { quirk: None, ..Setup::default() }).await;
    bridge.put_customer("acme").await;
    for (user, role) in [("ana", "admin"), ("ben", "payer"), ("cem", "admin")] {
        bridge.put_user("acme", user, role).await;
    }
    bridge.settle().await;
    let made = ["POST /auth/token", "POST /entities", "GET /roles", "POST /roles", "POST /entity_users"];
    assert_eq!(made.map(|call| bridge.sandbox.calls(call)), [1, 1, 1, 2, 3]);
    let stamp = ["GET /entities/{entity_id}/partner_metadata", "PUT /entities/{entity_id}/partner_metadata"];
    assert_eq!(stamp.map(|call| bridge.sandbox.calls(call)), [1, 1], "all links in one stamp");
    assert_eq!(bridge.sandbox.total_calls(), 8 + 2);
}

#[tokio::test]
async fn what_does_not_change_costs_no_call() {
    let bridge = TestBridge::start().await;
    let lines =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/customers.ndjson")).unwrap();
    let first = bridge.import(&lines).await;
    assert_eq!(first.iter().filter(|line| line["status"] == "refused").count(), 6);
    bridge.settle().await;
    bridge.sandbox.clear_journal();

    let second = bridge.import(&lines).await;
    assert!(second.iter().all(|line| line["status"] == "unchanged" || line["status"] == "refused"), "{second:#?}");
    bridge.settle().await;
    assert_eq!(bridge.sandbox.total_calls(), 0);

    let changed = lines.lines().next().unwrap();
    let mut record: Value = serde_json::from_str(changed).unwrap();
    let id = record["id"].as_str().unwrap().to_owned();
    record["address"]["line1"] = json!("Elsewhere 7");
    bridge.import(&record.to_string()).await;
    bridge.settle().await;
    let entity = bridge.entity_id(&id).await;
    let calls: Vec<_> = bridge.sandbox.journal().into_iter().map(|call| (call.method, call.path, call.body)).collect();
    let only = ("PATCH".to_owned(), format!("/entities/{entity}"), Some(json!({"address": {"line1": "Elsewhere 7"}})));
    assert_eq!(calls, [only]);
}

#[tokio::test]
async fn a_field_that_is_left_out_is_cleared_and_a_changed_role_is_one_patch() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    bridge.put_user("acme", "ben", "payer").await;
    bridge.settle().await;
    bridge.sandbox.clear_journal();
    let mut ana = user_document("ana", "payer");
    ana.as_object_mut().unwrap().remove("email");
    bridge.put("/v1/customers/acme/users/ana", &ana).await;
    bridge.settle().await;
    let roles = bridge.sandbox.roles(&bridge.entity_id("acme").await);
    let payer = &roles.iter().find(|role| role["name"] == "payer").unwrap()["id"];
    let bodies: Vec<_> = bridge.sandbox.journal().into_iter().map(|call| (call.method, call.body)).collect();
    assert_eq!(bodies, [("PATCH".to_owned(), Some(json!({"email": null, "role_id": payer})))]);
}

#[tokio::test]
async fn the_last_of_many_writes_wins_with_one_call() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.settle().await;
    bridge.sandbox.clear_journal();
    for city in ["Bonn", "Köln", "Trier"] {
        let mut document = customer_document("acme");
        document["address"]["city"] = json!(city);
        bridge.put("/v1/customers/acme", &document).await;
    }
    bridge.settle().await;
    assert_eq!(bridge.sandbox.total_calls(), 1);
    assert_eq!(bridge.sandbox.entities()[0]["address"]["city"], "Trier");
    let sync = bridge.get("/v1/customers/acme").await.json()["sync"].clone();
    assert_eq!((&sync["generation"], &sync["synced_generation"]), (&json!(4), &json!(4)));
}

#[tokio::test]
async fn what_monite_refuses_keeps_its_reason_and_blocks_nobody() {
    let bridge = TestBridge::start().await;
    bridge.sandbox.once("POST /entities", Fault::Status { status: 422, retry_after: None });
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    bridge.pass().await;
    bridge.put_customer("beta").await;
    bridge.put_user("beta", "bea", "admin").await;
    bridge.sandbox.once("POST /entity_users", Fault::Status { status: 400, retry_after: None });
    bridge.put_user("beta", "ben", "admin").await;
    bridge.settle().await;

    let acme = bridge.get("/v1/customers/acme").await.json()["sync"].clone();
    assert_eq!((&acme["state"], &acme["last_error"]["status"]), (&json!("rejected"), &json!(422)));
    let quoted = acme["last_error"]["request_id"].as_str().unwrap().to_owned();
    assert!(
        bridge.sandbox.journal().iter().any(|call| call.request_id.to_string() == quoted),
        "Monite's own request id"
    );
    assert_eq!(bridge.get("/v1/customers/beta").await.state(), "in_sync");
    let states = ["bea", "ben"].map(|user| format!("/v1/customers/beta/users/{user}"));
    assert_eq!(bridge.get(&states[0]).await.state(), "rejected");
    assert_eq!(bridge.get(&states[1]).await.state(), "in_sync");

    // A new document, or a retry, and it goes on by itself.
    bridge.call("POST", "/v1/customers/acme/retry").send().await;
    bridge.call("POST", "/v1/customers/beta/users/bea/retry").send().await;
    bridge.settle().await;
    assert_eq!(bridge.get("/v1/customers/acme").await.state(), "in_sync");
    assert_eq!(bridge.logins("acme").await, ["ana"]);
    assert_eq!(bridge.logins("beta").await.len(), 2);
}

#[tokio::test]
async fn a_visit_that_breaks_off_holds_nobody_back_and_comes_back_itself() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.put_customer("beta").await;
    // Call 0 is the mint, which both wait for.
    bridge.fuse.light(Dies::Panics(1));
    bridge.pass().await;
    let states = [bridge.get("/v1/customers/acme").await.state(), bridge.get("/v1/customers/beta").await.state()];
    assert_eq!(states.iter().filter(|state| *state == "in_sync").count(), 1, "{states:?}");
    assert_eq!(bridge.reconciler.in_hand(), 0, "nobody works on it, so nobody may keep its lease");
    bridge.settle().await;
    assert_eq!(bridge.sandbox.entities().len(), 2);
    assert_eq!(bridge.store.stats().await.unwrap().customers[&SyncState::InSync], 2);
}

#[tokio::test]
async fn a_role_that_is_there_already_is_taken_and_made_equal() {
    let bridge = TestBridge::start().await;
    // Monite can be set to give each new entity a default role; this one goes by a template's name.
    bridge.sandbox.set_quirk("default_role", "admin").unwrap();
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    bridge.settle().await;
    let entity = bridge.entity_id("acme").await;
    let roles = bridge.sandbox.roles(&entity);
    assert_eq!(roles.len(), 1, "{roles:#?}");
    assert_eq!(bridge.sandbox.calls("POST /roles"), 0);
    assert_eq!(bridge.get("/v1/customers/acme/users/ana").await.state(), "in_sync");
}

#[tokio::test]
async fn what_somebody_deleted_at_monite_comes_back_with_the_next_change() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    bridge.settle().await;
    let entity = bridge.entity_id("acme").await;
    let ana =
        bridge.get("/v1/customers/acme/users/ana").await.json()["sync"]["entity_user_id"].as_str().unwrap().to_owned();
    let monite = bridge.reconciler.workshop().monite.clone();
    let handle = monite.entity(entity.parse().unwrap());
    handle.users().delete(ana.parse().unwrap()).await.unwrap();
    handle.roles().delete(bridge.sandbox.roles(&entity)[0]["id"].as_str().unwrap().parse().unwrap()).await.unwrap();
    bridge.put("/v1/customers/acme/users/ana", &user_document("ana-2", "admin")).await;
    bridge.settle().await;
    assert_eq!(bridge.get("/v1/customers/acme/users/ana").await.state(), "in_sync");
    assert_eq!(bridge.logins("acme").await, ["ana-2"]);
}

#[tokio::test]
async fn a_deleted_customer_is_switched_off_and_comes_back_as_the_same_entity() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    bridge.settle().await;
    let entity = bridge.entity_id("acme").await;
    bridge.delete("/v1/customers/acme").await;
    bridge.put_user("acme", "late", "payer").await;
    bridge.settle().await;
    assert_eq!(bridge.get("/v1/customers/acme").await.state(), "deactivated");
    assert_eq!(bridge.sandbox.entities()[0]["status"], "inactive");
    assert_eq!(bridge.sandbox.logins(&entity), ["ana"], "nothing new in an entity that is off");
    assert_eq!(bridge.get("/v1/customers/acme/users/late").await.state(), "deactivated");

    bridge.put_customer("acme").await;
    bridge.settle().await;
    assert_eq!(bridge.get("/v1/customers/acme").await.state(), "in_sync");
    assert_eq!((bridge.entity_id("acme").await, bridge.sandbox.entities().len()), (entity.clone(), 1));
    assert_eq!(bridge.sandbox.entities()[0]["status"], "active");
    assert_eq!(bridge.sandbox.logins(&entity), ["ana", "late"]);
}

#[tokio::test]
async fn a_deleted_user_goes_and_comes_back_as_a_new_one() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    bridge.settle().await;
    let first = bridge.get("/v1/customers/acme/users/ana").await.json()["sync"]["entity_user_id"].clone();
    bridge.delete("/v1/customers/acme/users/ana").await;
    bridge.settle().await;
    assert_eq!(bridge.logins("acme").await, [""; 0]);
    assert_eq!(bridge.get("/v1/customers/acme/users/ana").await.status, 404);
    bridge.put_user("acme", "ana", "admin").await;
    bridge.settle().await;
    let second = bridge.get("/v1/customers/acme/users/ana").await.json()["sync"]["entity_user_id"].clone();
    assert_ne!(first, second);
    assert_eq!(bridge.logins("acme").await, ["ana"]);
}

#[tokio::test]
async fn not_found_is_believed_only_when_a_listing_shows_it_too() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    bridge.put_user("acme", "ben", "admin").await;
    bridge.settle().await;
    // A proxy in the way says 404: ana is still there.
    bridge.sandbox.once("DELETE /entity_users/*", Fault::Status { status: 404, retry_after: None });
    bridge.delete("/v1/customers/acme/users/ana").await;
    bridge.pass().await;
    assert_eq!(bridge.get("/v1/customers/acme/users/ana").await.state(), "retrying");
    bridge.settle().await;
    assert_eq!(bridge.logins("acme").await, ["ben"]);
    // Somebody deleted ben by hand: the 404 is true, and the deletion done.
    let entity = bridge.entity_id("acme").await.parse().unwrap();
    let ben = bridge.get("/v1/customers/acme/users/ben").await.json()["sync"]["entity_user_id"].clone();
    let monite = bridge.reconciler.workshop().monite.clone();
    monite.entity(entity).users().delete(ben.as_str().unwrap().parse().unwrap()).await.unwrap();
    bridge.delete("/v1/customers/acme/users/ben").await;
    bridge.settle().await;
    assert_eq!(bridge.get("/v1/customers/acme/users/ben").await.status, 404);
}

#[tokio::test]
async fn a_customer_with_many_users_is_worked_through() {
    let bridge = TestBridge::with(Setup { workers: 1, ..Setup::default() }).await;
    bridge.put_customer("acme").await;
    for n in 0..230 {
        bridge.put_user("acme", &format!("user-{n:03}"), "viewer").await;
    }
    bridge.settle().await;
    assert_eq!(bridge.logins("acme").await.len(), 230);
    assert_eq!(bridge.sandbox.calls("POST /entity_users"), 230);
    assert_eq!(bridge.sandbox.calls("GET /roles"), 1);
}

#[tokio::test]
async fn a_changed_template_reaches_the_roles_that_are_there() {
    use monite::{Action, ObjectType};
    use monite_bridge::domain::role::{RoleTemplate, RoleTemplates};

    let mut bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "viewer").await;
    bridge.settle().await;
    bridge.sandbox.clear_journal();
    let templates: RoleTemplates = RoleTemplates::presets()
        .iter()
        .map(|template| {
            let mut template: RoleTemplate = template.clone();
            if template.name.as_str() == "viewer" {
                template.permissions = monite::Permissions::new().allow(ObjectType::Tag, Action::Read).unwrap();
            }
            template.everywhere |= template.name.as_str() == "payer";
            template
        })
        .collect();
    bridge.restart_with(templates).await;
    bridge.settle().await;
    let calls: Vec<String> = bridge
        .sandbox
        .journal()
        .iter()
        .map(|call| format!("{} {}", call.method, call.path.split('/').nth(1).unwrap()))
        .collect();
    assert_eq!(calls, ["POST auth", "POST roles", "PATCH roles"], "payer everywhere, viewer changed");
    bridge.sandbox.clear_journal();
    bridge.restart().await;
    bridge.settle().await;
    assert_eq!(bridge.sandbox.total_calls(), 0, "the same templates again");
}
