//! Monite's lists may lag behind what Monite has done: what they do not show yet is not made a second time.

use std::time::Duration;

use monite_sandbox::{Fault, FaultRule};
use serde_json::json;

use crate::support::{Dies, Setup, TestBridge, customer_document, user_document};

/// Longer than a create of the dead may take to land, counted from the end of its lease, and almost as long as lists may lag behind
/// one that lands at the last moment: the rest of the wait is what is tested here.
const LAG: Fault = Fault::Stale(Duration::from_secs(15 + 75 + 6));

/// For what Monite itself keeps single, by a login or a name: how often it may be asked meanwhile is what is tested.
const HALF_A_MINUTE: Fault = Fault::Stale(Duration::from_secs(28));

/// The answer is lost with the process, Monite did the work, and for a minute and a half no list shows it.
#[tokio::test]
async fn an_entity_that_does_not_show_yet_is_not_created_again() {
    let mut bridge = TestBridge::start().await;
    bridge.sandbox.once("POST /entities", LAG);
    bridge.put_customer("acme").await;
    dies_after(&mut bridge, "POST /entities").await;
    bridge.settle().await;
    assert_eq!(bridge.get("/v1/customers/acme").await.state(), "in_sync");
    assert_eq!(bridge.sandbox.entities().len(), 1);
    assert_eq!(bridge.sandbox.calls("POST /entities"), 1);
}

/// Two customers with the same details: one's entity shows, the other's does not yet. Neither is taken for the other's.
#[tokio::test]
async fn twins_of_which_one_does_not_show_yet_stay_two() {
    for (first, second) in [("acme", "beta"), ("beta", "acme")] {
        let mut bridge = TestBridge::start().await;
        let twin = customer_document("twin");
        bridge.put(&format!("/v1/customers/{first}"), &twin).await;
        dies_after(&mut bridge, "POST /entities").await;
        bridge.advance(10);
        bridge.sandbox.once("POST /entities", LAG);
        bridge.put(&format!("/v1/customers/{second}"), &twin).await;
        dies_after(&mut bridge, "POST /entities").await;
        bridge.settle().await;
        assert_eq!(bridge.sandbox.calls("POST /entities"), 2, "{first} first");
        assert_eq!(bridge.sandbox.entities().len(), 2);
        assert_ne!(bridge.entity_id(first).await, bridge.entity_id(second).await);
    }
}

#[tokio::test]
async fn a_user_that_does_not_show_yet_is_not_created_again() {
    let mut bridge = TestBridge::start().await;
    bridge.sandbox.once("POST /entity_users", HALF_A_MINUTE);
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    dies_after(&mut bridge, "POST /entity_users").await;
    bridge.settle().await;
    assert_eq!(bridge.get("/v1/customers/acme/users/ana").await.state(), "in_sync");
    assert_eq!(bridge.logins("acme").await, ["ana"]);
    assert!(bridge.sandbox.calls("POST /entity_users") <= 4, "it goes round in circles while nothing shows");
}

/// With another login nothing at Monite keeps the two apart, so only waiting does.
#[tokio::test]
async fn a_user_that_does_not_show_yet_and_changes_its_login_stays_one() {
    let mut bridge = TestBridge::start().await;
    bridge.sandbox.once("POST /entity_users", LAG);
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    dies_after(&mut bridge, "POST /entity_users").await;
    bridge.put("/v1/customers/acme/users/ana", &renamed("ana-2")).await;
    bridge.settle().await;
    assert_eq!(bridge.logins("acme").await, ["ana-2"]);
    assert_eq!(bridge.sandbox.calls("POST /entity_users"), 1);
}

#[tokio::test]
async fn a_user_that_does_not_show_yet_and_is_deleted_leaves_none() {
    let mut bridge = TestBridge::start().await;
    bridge.sandbox.once("POST /entity_users", LAG);
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    dies_after(&mut bridge, "POST /entity_users").await;
    bridge.delete("/v1/customers/acme/users/ana").await;
    bridge.settle().await;
    bridge.advance(60);
    assert_eq!(bridge.logins("acme").await, [""; 0]);
    assert_eq!(bridge.get("/v1/customers/acme/users/ana").await.status, 404);
}

#[tokio::test]
async fn a_role_that_does_not_show_yet_is_not_created_again() {
    let bridge = &mut TestBridge::with(Setup { quirk: None, ..Setup::default() }).await;
    bridge.sandbox.once("POST /roles", HALF_A_MINUTE);
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    dies_after(bridge, "POST /roles").await;
    bridge.settle().await;
    assert_eq!(bridge.get("/v1/customers/acme/users/ana").await.state(), "in_sync");
    assert_eq!(bridge.sandbox.roles(&bridge.entity_id("acme").await).len(), 1);
    assert!(bridge.sandbox.calls("POST /roles") <= 4, "it goes round in circles while nothing shows");
}

/// One role is known, another one is looked for; the list shows neither yet. The known one is not forgotten for that.
#[tokio::test]
async fn a_known_role_that_does_not_show_yet_stays_known() {
    let bridge = &mut TestBridge::with(Setup { quirk: None, ..Setup::default() }).await;
    bridge.put_customer("acme").await;
    bridge.settle().await;
    bridge.sandbox.fault(FaultRule::new("POST /roles", Fault::Stale(Duration::from_secs(300))).times(1));
    bridge.put_user("acme", "ana", "admin").await;
    bridge.settle().await;
    bridge.put_user("acme", "ben", "payer").await;
    dies_after(bridge, "POST /roles").await;
    bridge.settle().await;
    bridge.put_user("acme", "cem", "admin").await;
    bridge.settle().await;
    let created = bridge.sandbox.journal().into_iter().filter(|call| call.method == "POST" && call.path == "/roles");
    let names: Vec<_> = created.map(|call| call.body.unwrap()["name"].clone()).collect();
    assert_eq!(names, ["admin", "payer"]);
    assert_eq!(bridge.logins("acme").await, ["ana", "ben", "cem"]);
}

/// Monite says that the login is taken and shows nobody who has it: one look a time, and a reason to read.
#[tokio::test]
async fn a_taken_login_that_nobody_shows_to_have_is_waited_for() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.settle().await;
    bridge
        .sandbox
        .fault(FaultRule::new("POST /entity_users", Fault::Status { status: 409, retry_after: None }).times(1));
    bridge.put_user("acme", "ana", "admin").await;
    bridge.pass().await;
    let ana = bridge.get("/v1/customers/acme/users/ana").await.json();
    assert_eq!((&ana["sync"]["state"], &ana["sync"]["last_error"]["status"]), (&json!("retrying"), &json!(409)));
    assert!(ana["sync"]["last_error"]["message"].as_str().unwrap().contains("no list shows"), "{ana}");
    assert_eq!((bridge.sandbox.calls("POST /entity_users"), bridge.sandbox.calls("GET /entity_users")), (1, 1));
    bridge.settle().await;
    assert_eq!(bridge.logins("acme").await, ["ana"]);
}

/// A delete and a change that meet a 404 believe it only when a list shows nothing either; one that still shows it is lagging.
#[tokio::test]
async fn a_list_that_still_shows_what_was_deleted_is_looked_at_again_later() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    bridge.settle().await;
    let ana = bridge.get("/v1/customers/acme/users/ana").await.json()["sync"]["entity_user_id"].clone();
    let entity = bridge.entity_id("acme").await.parse().unwrap();
    bridge.sandbox.once("DELETE /entity_users/*", Fault::Stale(Duration::from_secs(3)));
    let monite = bridge.reconciler.workshop().monite.clone();
    monite.entity(entity).users().delete(ana.as_str().unwrap().parse().unwrap()).await.unwrap();
    bridge.put("/v1/customers/acme/users/ana", &renamed("ana-2")).await;
    bridge.pass().await;
    assert_eq!(bridge.get("/v1/customers/acme/users/ana").await.state(), "retrying");
    let changes = bridge.sandbox.journal().into_iter().filter(|call| call.method == "PATCH").count();
    assert_eq!(changes, 1, "once a visit, however often the list repeats itself");
    bridge.settle().await;
    assert_eq!(bridge.logins("acme").await, ["ana-2"]);
}

/// A change meets a 404, a list by id shows nobody, and a list by login shows her all the same: the visit ends, and does not call
/// that done.
#[tokio::test]
async fn answers_that_contradict_each_other_never_count_as_done() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    bridge.settle().await;
    bridge.sandbox.fault(FaultRule::new("PATCH /entity_users/*", Fault::Status { status: 404, retry_after: None }));
    bridge.fuse.light(Dies::NotAndListsAreEmpty("id__in="));
    bridge.put("/v1/customers/acme/users/ana", &renamed("ana-2")).await;
    bridge.pass().await;
    let ana = bridge.get("/v1/customers/acme/users/ana").await.json();
    assert_eq!(ana["sync"]["state"], "retrying", "{ana}");
    assert!(ana["sync"]["last_error"]["message"].as_str().unwrap().contains("contradict"), "{ana}");
    bridge.fuse.put_out();
    bridge.sandbox.clear_faults();
    bridge.settle().await;
    assert_eq!(bridge.logins("acme").await, ["ana-2"]);
}

/// Works until Monite has carried out the next such call, whose answer nobody gets; then another process takes over.
async fn dies_after(bridge: &mut TestBridge, call: &'static str) {
    let before = bridge.sandbox.calls(call);
    bridge.work_until_death(Dies::AfterThe(call)).await;
    assert_eq!(bridge.sandbox.calls(call), before + 1, "died at another call");
    bridge.restart().await;
}

fn renamed(login: &str) -> serde_json::Value {
    let mut document = user_document("ana", "admin");
    document["login"] = json!(login);
    document
}
