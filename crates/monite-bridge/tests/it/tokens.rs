//! Tokens: at least 660 s of life, one mint however many wait, and none that should not be.

use std::time::Duration;

use monite_bridge::domain::{CustomerId, ObjectId, UserId};
use monite_sandbox::{Fault, FaultRule};
use serde_json::json;

use crate::support::{Database, Setup, TestBridge, customer_document, on_every_database};

on_every_database! {
    a_hundred_at_once_cost_one_mint,
    a_token_works_at_monite_for_that_user,
    nobody_gets_a_token_with_less_than_660_seconds,
    exactly_at_the_limit_it_is_handed_out_and_just_below_it_is_not,
    tokens_that_live_too_short_for_the_sdk_are_refused_with_the_reason,
    a_token_in_memory_needs_no_database_and_no_monite,
    who_is_not_at_monite_yet_is_told_where_it_stands,
    a_changed_document_keeps_the_token_and_a_role_that_is_still_on_its_way_too,
    a_change_that_is_told_while_a_token_is_asked_for_refuses_nobody,
    one_customers_user_never_gets_anothers_token,
    wrong_credentials_are_told_without_showing_them,
}

/// A bridge whose customer acme has the user ana, both at Monite; calls are counted from here.
async fn with_ana(setup: Setup) -> TestBridge {
    let bridge = TestBridge::with(setup).await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "viewer").await;
    bridge.settle().await;
    bridge.sandbox.clear_journal();
    bridge
}

fn mints(bridge: &TestBridge) -> u64 {
    bridge.sandbox.calls("POST /auth/token")
}

async fn a_hundred_at_once_cost_one_mint(on: Database) {
    let bridge = with_ana(Setup { database: on, ..Setup::default() }).await;
    let answers = futures::future::join_all((0..100).map(|_| bridge.token("acme", "ana"))).await;
    let first = answers[0].json();
    for answer in &answers {
        assert_eq!((answer.status, answer.json()), (200, first.clone()));
    }
    assert_eq!(mints(&bridge), 1);
}

async fn a_token_works_at_monite_for_that_user(on: Database) {
    let bridge = with_ana(Setup { database: on, ..Setup::default() }).await;
    let token = bridge.token("acme", "ana").await.json();
    let me = bridge.ask_monite("/v1/entity_users/me", &token).await;
    assert_eq!((me["login"].clone(), me["id"].clone()), (json!("ana"), token["entity_user_id"].clone()));
    let entity = bridge.ask_monite("/v1/entity_users/my_entity", &token).await;
    assert_eq!(entity["id"], token["entity_id"]);
}

async fn nobody_gets_a_token_with_less_than_660_seconds(on: Database) {
    let bridge = with_ana(Setup { database: on, ..Setup::default() }).await;
    let first = bridge.token("acme", "ana").await.json();
    for seconds in 1..=40_u64 {
        bridge.advance(60);
        let answer = bridge.token("acme", "ana").await.json();
        let left = answer["expires_in"].as_u64().unwrap();
        assert!((660..=1800).contains(&left), "{left} s left after {seconds} minutes");
        bridge.let_background_work_run().await;
    }
    assert_ne!(bridge.token("acme", "ana").await.json()["access_token"], first["access_token"]);
    assert!(mints(&bridge) <= 4, "{} mints in 40 minutes", mints(&bridge));
}

async fn exactly_at_the_limit_it_is_handed_out_and_just_below_it_is_not(on: Database) {
    let bridge = with_ana(Setup { database: on, ..Setup::default() }).await;
    let first = bridge.token("acme", "ana").await.json();
    // No early refresh can come in between: it is refused, and not tried again, which would take time.
    bridge.sandbox.fault(FaultRule::new("POST /auth/token", Fault::Status { status: 400, retry_after: None }));
    bridge.advance(1140);
    let at_the_limit = bridge.token("acme", "ana").await.json();
    assert_eq!(
        (at_the_limit["expires_in"].clone(), at_the_limit["access_token"].clone()),
        (json!(660), first["access_token"].clone())
    );
    bridge.let_background_work_run().await;
    bridge.sandbox.clear_faults();
    bridge.sandbox.fault(FaultRule::new("POST /auth/token", Fault::Status { status: 503, retry_after: None }));
    bridge.advance(1);
    let below = bridge.token("acme", "ana").await;
    assert_eq!((below.status, below.problem()), (503, "monite-unavailable".to_owned()));
    assert!(below.header("retry-after").is_some());
    bridge.sandbox.clear_faults();
    assert_eq!(bridge.token("acme", "ana").await.json()["expires_in"], 1800);
}

async fn tokens_that_live_too_short_for_the_sdk_are_refused_with_the_reason(on: Database) {
    let bridge = with_ana(Setup { token_ttl: Duration::from_secs(600), database: on, ..Setup::default() }).await;
    let answer = bridge.token("acme", "ana").await;
    assert_eq!((answer.status, answer.problem()), (502, "token-life-too-short".to_owned()));
    assert!(answer.json()["detail"].as_str().unwrap().contains("600 s"), "{answer:?}");
    let just_enough = with_ana(Setup { token_ttl: Duration::from_secs(660), database: on, ..Setup::default() }).await;
    assert_eq!(just_enough.token("acme", "ana").await.json()["expires_in"], 660);
}

async fn a_token_in_memory_needs_no_database_and_no_monite(on: Database) {
    let mut bridge = with_ana(Setup { database: on, ..Setup::default() }).await;
    // What a process wrote comes by once more when it looks for what ended, and is looked up anew then: this one has written nothing.
    bridge.restart().await;
    let from_memory = async {
        loop {
            let answer = bridge.token("acme", "ana").await.json();
            if bridge.broker.counts().cached > 0 {
                break answer;
            }
        }
    };
    let first = tokio::time::timeout(Duration::from_secs(20), from_memory).await.expect("a token from memory");
    bridge.store.close().await;
    bridge.sandbox.fault(FaultRule::new("* /*", Fault::Status { status: 500, retry_after: None }));
    let session = bridge.session("acme", "ana");
    assert_eq!(bridge.token("acme", "ana").await.json(), first);
    assert_eq!(bridge.token_for(&session).await.json(), first);
}

async fn who_is_not_at_monite_yet_is_told_where_it_stands(on: Database) {
    let bridge = TestBridge::on(on).await;
    assert_eq!(bridge.token("acme", "ana").await.problem(), "no-such-customer");
    bridge.put_customer("acme").await;
    assert_eq!(bridge.token("acme", "ana").await.problem(), "no-such-user");
    bridge.put_user("acme", "ana", "viewer").await;
    let early = bridge.token("acme", "ana").await;
    assert_eq!(
        (early.status, early.problem(), early.header("retry-after")),
        (409, "not-at-monite-yet".to_owned(), Some("1"))
    );
    assert!(
        early.json()["detail"].as_str().unwrap().contains("customer is pending and the user is pending"),
        "{early:?}"
    );
    let session = bridge.session("acme", "ana");
    assert_eq!(bridge.token_for(&session).await.problem(), "not-at-monite-yet");
    bridge.settle().await;
    assert_eq!(bridge.token("acme", "ana").await.status, 200);
}

async fn a_changed_document_keeps_the_token_and_a_role_that_is_still_on_its_way_too(on: Database) {
    let bridge = with_ana(Setup { database: on, ..Setup::default() }).await;
    let first = bridge.token("acme", "ana").await.json();
    let mut document = customer_document("acme");
    document["phone"] = json!("+49 30 1");
    bridge.put("/v1/customers/acme", &document).await;
    bridge.put_user("acme", "ana", "admin").await;
    assert_eq!(
        bridge.token("acme", "ana").await.json(),
        first,
        "what is at Monite is still right while changes are pending"
    );
    bridge.settle().await;
    assert_eq!(bridge.token("acme", "ana").await.json(), first);
}

/// What the reconciler did is told to the broker a moment after it is done: a hand-out in that moment looks again by itself.
async fn a_change_that_is_told_while_a_token_is_asked_for_refuses_nobody(on: Database) {
    let bridge = with_ana(Setup { database: on, ..Setup::default() }).await;
    let ana = ObjectId::User(CustomerId::parse("acme").unwrap(), UserId::parse("ana").unwrap());
    for turns in 0..40 {
        bridge.broker.look_again(&ana);
        let told = async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            bridge.broker.look_again(&ana);
        };
        let (answer, ()) = tokio::join!(bridge.token("acme", "ana"), told);
        assert_eq!(answer.status, 200, "told after {turns} turns: {answer:?}");
    }
}

async fn one_customers_user_never_gets_anothers_token(on: Database) {
    let bridge = with_ana(Setup { database: on, ..Setup::default() }).await;
    bridge.put_customer("beta").await;
    bridge.put_user("beta", "ana", "admin").await;
    bridge.settle().await;
    let (acme, beta) = (bridge.token("acme", "ana").await.json(), bridge.token("beta", "ana").await.json());
    assert_ne!(acme["entity_user_id"], beta["entity_user_id"]);
    assert_ne!(acme["access_token"], beta["access_token"]);
    for (customer, token) in [("acme", &acme), ("beta", &beta)] {
        assert_eq!(token["entity_id"], bridge.entity_id(customer).await);
        assert_eq!(bridge.ask_monite("/v1/entity_users/my_entity", token).await["id"], token["entity_id"]);
    }
}

async fn wrong_credentials_are_told_without_showing_them(on: Database) {
    let bridge = with_ana(Setup { database: on, ..Setup::default() }).await;
    bridge.sandbox.once("POST /auth/token", Fault::Status { status: 401, retry_after: None });
    let answer = bridge.token("acme", "ana").await;
    assert_eq!((answer.status, answer.problem()), (502, "monite-credentials".to_owned()));
    assert_eq!(bridge.token("acme", "ana").await.status, 200, "a failed mint is not remembered");
}
