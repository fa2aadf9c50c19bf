//! Changes that nobody saw answered and that land when something else is wanted already. Found by the simulation.

use monite_bridge::domain::Seen;
use monite_sandbox::Fault;
use serde_json::{Value, json};

use crate::support::{Dies, TestBridge, customer_document, user_document};

/// The connection is cut, the client sends the change again and is answered, and then the product wants something else: the first
/// one lands last, and must not stay.
#[tokio::test]
async fn a_change_that_lands_after_its_own_repetition_does_not_stay() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.settle().await;
    bridge.sandbox.once("PATCH /entities/*", Fault::CloseBefore);
    bridge.put("/v1/customers/acme", &in_city("Bonn")).await;
    bridge.pass().await;
    assert_eq!(bridge.get("/v1/customers/acme").await.state(), "in_sync");
    bridge.put("/v1/customers/acme", &in_city("Jena")).await;
    bridge.pass().await;
    let monite = &bridge.reconciler.workshop().monite;
    let entity = bridge.entity_id("acme").await.parse().unwrap();
    let late = serde_json::from_value(json!({"address": {"city": "Bonn"}})).unwrap();
    monite.entity(entity).update(&late).await.unwrap();
    bridge.settle().await;
    assert_eq!(bridge.get("/v1/customers/acme").await.state(), "in_sync");
    assert_eq!(bridge.sandbox.entities()[0]["address"]["city"], "Jena");
}

/// The process dies with a create on its way, which Monite carries out a minute later: as late as one that was not answered in time.
#[tokio::test]
async fn a_create_of_the_dead_that_lands_a_minute_later_stays_one() {
    let mut bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    assert!(bridge.work_until_death(Dies::BeforeCall(1)).await);
    bridge.restart().await;
    for seconds in [16, 50] {
        bridge.advance(seconds);
        bridge.pass().await;
    }
    let acme = bridge.store.customer(&"acme".parse().unwrap()).await.unwrap().unwrap();
    let Seen::Unknown(attempt) = acme.entity else {
        panic!("it was on its way, and nobody may know better yet: {acme:?}")
    };
    bridge.reconciler.workshop().monite.entities().create(&attempt.sent).await.unwrap();
    bridge.settle().await;
    assert_eq!(bridge.get("/v1/customers/acme").await.state(), "in_sync");
    assert_eq!(bridge.sandbox.entities().len(), 1);
}

/// A create is cut, the user gets another login, and then the create lands: were it repeated before, that one would have made room
/// for it by changing its login.
#[tokio::test]
async fn a_users_create_that_lands_after_a_change_of_the_login_stays_one() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ben", "admin").await;
    bridge.settle().await;
    bridge.sandbox.once("POST /entity_users", Fault::CloseBefore);
    bridge.put_user("acme", "ana", "admin").await;
    bridge.pass().await;
    bridge.advance(4);
    bridge.pass().await;
    let mut renamed = user_document("ana", "admin");
    renamed["login"] = json!("ana-2");
    bridge.put("/v1/customers/acme/users/ana", &renamed).await;
    bridge.pass().await;
    let entity = bridge.entity_id("acme").await;
    let sent =
        json!({"login": "ana", "first_name": "Ana", "role_id": bridge.sandbox.entity_users(&entity)[0]["role_id"]});
    let late = serde_json::from_value(sent).unwrap();
    bridge.reconciler.workshop().monite.entity(entity.parse().unwrap()).users().create(&late).await.unwrap();
    bridge.settle().await;
    assert_eq!(bridge.get("/v1/customers/acme/users/ana").await.state(), "in_sync");
    assert_eq!(bridge.logins("acme").await, ["ben", "ana-2"]);
}

/// The process dies with a change of a user carried out and not answered, and the product deletes the customer. Who takes it over has no
/// eye for users; when both come back with the name of before, that is not the one that Monite holds.
#[tokio::test]
async fn a_change_of_a_user_is_remembered_when_its_customer_is_deleted_and_the_process_died() {
    let mut bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    bridge.settle().await;
    let mut renamed = user_document("ana", "admin");
    renamed["first_name"] = json!("Anna");
    bridge.put("/v1/customers/acme/users/ana", &renamed).await;
    assert!(bridge.work_until_death(Dies::AfterCall(0)).await);
    let entity = bridge.entity_id("acme").await;
    assert_eq!(bridge.sandbox.entity_users(&entity)[0]["first_name"], "Anna");
    bridge.delete("/v1/customers/acme").await;
    bridge.restart().await;
    bridge.settle().await;
    assert_eq!(bridge.get("/v1/customers/acme").await.state(), "deactivated");
    bridge.put("/v1/customers/acme/users/ana", &user_document("ana", "admin")).await;
    bridge.put_customer("acme").await;
    bridge.settle().await;
    assert_eq!(bridge.get("/v1/customers/acme/users/ana").await.state(), "in_sync");
    assert_eq!(bridge.sandbox.entity_users(&entity)[0]["first_name"], "Ana");
}

fn in_city(city: &str) -> Value {
    let mut document = customer_document("acme");
    document["address"]["city"] = json!(city);
    document
}
