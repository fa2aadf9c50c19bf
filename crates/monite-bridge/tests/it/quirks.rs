//! Where Monite's documents are silent, the bridge comes to the same end whichever way Monite settles it.
//!
//! One life under every single flip of the sandbox's table runs always; all other tests under each of them, which takes minutes, by
//! `cargo test -p monite-bridge --test it -- --ignored under_every_flip`.

use std::process::Command;

use futures::StreamExt as _;
use monite_sandbox::Fault;
use serde_json::{Value, json};

use crate::never_twice::{KINDS, live_through};
use crate::support::{Setup, TestBridge, customer_document, user_document};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_flip_of_every_open_point_comes_to_the_same_end() {
    let table = TestBridge::start().await.sandbox.quirks();
    let flips: Vec<(String, String)> = flips(&table).collect();
    assert!(flips.len() > 30, "the table is there: {flips:?}");
    let failed: Vec<String> = futures::stream::iter(flips)
        .map(|(name, option)| async move {
            let named = format!("{name}={option}");
            tokio::spawn(one_life(name, option)).await.err().map(|_| named)
        })
        .buffer_unordered(4)
        .filter_map(std::future::ready)
        .collect()
        .await;
    assert!(failed.is_empty(), "the bridge does not come to the same end under {failed:?}");
}

#[test]
#[ignore = "runs all other tests once per flip: minutes"]
fn all_other_tests_pass_under_every_flip() {
    let sandbox = tokio::runtime::Runtime::new().unwrap().block_on(TestBridge::start()).sandbox.quirks();
    let failed: Vec<String> = flips(&sandbox)
        .map(|(name, option)| format!("{name}={option}"))
        .filter(|flip| {
            // The command line starts processes of its own, which do not read the variable.
            let mut again = Command::new(std::env::current_exe().unwrap());
            let run = again
                .args(["--skip", "command_line", "--skip", "quirks", "--skip", "on_postgres"])
                .env("QUIRK", flip)
                .env("SEEDS", "3");
            let output = run.output().unwrap();
            let report = String::from_utf8_lossy(&output.stdout);
            let lines = report.lines().filter(|line| line.contains("FAILED") || line.starts_with("test result"));
            eprintln!("{flip}: {}", lines.collect::<Vec<_>>().join("\n"));
            !output.status.success()
        })
        .collect();
    assert!(failed.is_empty(), "tests fail under {failed:?}");
}

/// Every outcome of every point but its default.
fn flips(table: &Value) -> impl Iterator<Item = (String, String)> {
    table.as_object().unwrap().iter().flat_map(|(name, row)| {
        let options = row["options"].as_array().unwrap().iter().filter(|option| **option != row["default"]);
        options.map(|option| (name.clone(), option.as_str().unwrap().to_owned()))
    })
}

/// Creates, changes and deletions under all faults at once, then what only quiet times can show.
async fn one_life(name: String, option: String) {
    let setup = Setup { quirk: Some((name, option)), ..Setup::default() };
    let bridge = TestBridge::with(setup).await;
    live_through(&bridge, 1, &KINDS).await;
    tokens_follow_their_users(&bridge).await;
    what_was_done_by_hand_is_met(&bridge).await;
    what_monite_refuses_is_told(&bridge).await;
    a_customer_goes_and_comes_back(&bridge).await;
}

async fn tokens_follow_their_users(bridge: &TestBridge) {
    let first = bridge.token("beta", "ana").await.json();
    assert!(bridge.is_alive(&first).await, "{first}");
    // Past every expiry: the partner token and the user's are both replaced without anybody noticing.
    bridge.advance(3600);
    let second = bridge.token("beta", "ana").await.json();
    assert!(bridge.is_alive(&second).await && !bridge.is_alive(&first).await);
    bridge.sandbox.once("POST /entity_users", Fault::ExpireTokens);
    bridge.put_user("beta", "dan", "viewer").await;
    bridge.settle().await;
    assert_eq!(bridge.get("/v1/customers/beta/users/dan").await.state(), "in_sync");
    let dan = bridge.token("beta", "dan").await.json();
    bridge.delete("/v1/customers/beta/users/dan").await;
    bridge.broker.finish_revocations().await;
    assert!(!bridge.is_alive(&dan).await, "a deleted user's token must be dead however Monite sees it");
    bridge.settle().await;
    assert_eq!(bridge.get("/v1/customers/beta/users/dan").await.status, 404);
}

/// Somebody else works at Monite, too: a login and a role are taken, a user and a role are gone.
async fn what_was_done_by_hand_is_met(bridge: &TestBridge) {
    let monite = bridge.reconciler.workshop().monite.clone();
    let entity = monite.entity(bridge.entity_id("corp").await.parse().unwrap());
    let role = bridge.sandbox.roles(&entity.id().to_string())[0]["id"].clone();
    let eve = json!({"login": "eve", "first_name": "By hand", "role_id": role});
    let eve = entity.users().create(&serde_json::from_value(eve).unwrap()).await.unwrap();
    let sales = json!({"name": "sales", "permissions": {"objects": []}});
    let sales = entity.roles().create(&serde_json::from_value(sales).unwrap()).await.unwrap();
    bridge.put_user("corp", "eve", "sales").await;
    let ana = bridge.get("/v1/customers/corp/users/ana").await.json()["sync"]["entity_user_id"].clone();
    entity.users().delete(ana.as_str().unwrap().parse().unwrap()).await.unwrap();
    let mut document = user_document("ana", "payer");
    document["first_name"] = json!("Anna");
    bridge.put("/v1/customers/corp/users/ana", &document).await;
    bridge.settle().await;
    let there = bridge.sandbox.entity_users(&entity.id().to_string());
    let with = |login: &str| {
        let all: Vec<&Value> =
            there.iter().filter(|user| user["login"] == login && user["status"] == "active").collect();
        assert_eq!(all.len(), 1, "{login}: {there:#?}");
        all[0].clone()
    };
    assert_eq!((&with("eve")["id"], &with("eve")["role_id"]), (&json!(eve.id), &json!(sales.id)));
    assert_eq!(with("ana")["first_name"], "Anna");
    for user in ["ana", "eve"] {
        assert_eq!(bridge.get(&format!("/v1/customers/corp/users/{user}")).await.state(), "in_sync");
    }
}

async fn what_monite_refuses_is_told(bridge: &TestBridge) {
    bridge.sandbox.once("POST /entities", Fault::Status { status: 422, retry_after: None });
    bridge.put("/v1/customers/dull", &customer_document("dull")).await;
    bridge.settle().await;
    let customer = bridge.get("/v1/customers/dull").await;
    assert_eq!((customer.state(), &customer.json()["sync"]["last_error"]["status"]), ("rejected".into(), &json!(422)));
    bridge.call("POST", "/v1/customers/dull/retry").send().await;
    bridge.settle().await;
    assert_eq!(bridge.get("/v1/customers/dull").await.state(), "in_sync");
}

async fn a_customer_goes_and_comes_back(bridge: &TestBridge) {
    let (entity, token) = (bridge.entity_id("acme").await, bridge.token("acme", "ana").await.json());
    bridge.delete("/v1/customers/acme").await;
    bridge.broker.finish_revocations().await;
    assert!(!bridge.is_alive(&token).await, "no token outlives its customer, whatever deactivation means to Monite");
    bridge.settle().await;
    assert_eq!(bridge.get("/v1/customers/acme").await.state(), "deactivated");
    assert_eq!(bridge.token("acme", "ana").await.problem(), "deactivated");
    bridge.put_customer("acme").await;
    bridge.settle().await;
    assert_eq!(
        (bridge.get("/v1/customers/acme").await.state(), bridge.entity_id("acme").await),
        ("in_sync".into(), entity)
    );
    assert!(bridge.is_alive(&bridge.token("acme", "ana").await.json()).await);
}
