//! A deleted user and a deactivated customer: no token any more, and those out there die.

use monite_bridge::broker::BrokerError;
use monite_sandbox::Fault;
use serde_json::Value;

use crate::drift::Hands;
use crate::support::{Database, Dies, Setup, TestBridge, on_every_database};

on_every_database! {
    a_deleted_user_gets_none_from_the_answer_on_and_its_tokens_are_revoked,
    a_deactivated_customers_users_get_none_and_all_their_tokens_are_revoked,
    every_token_of_the_user_dies_also_the_one_before_a_refresh,
    a_revocation_that_fails_is_tried_again,
    a_deletion_that_commits_while_the_token_is_fetched_wins,
    a_caller_that_hangs_up_after_its_deletion_committed_leaves_no_token_behind,
    a_user_created_anew_at_monite_is_looked_up_anew,
    a_refused_mint_asks_the_store_again,
    who_is_being_written_anew_is_told_to_come_back,
}

const ACME: &str = "/v1/customers/acme";
const ANA: &str = "/v1/customers/acme/users/ana";

async fn with_ana_and_ben(on: Database) -> (TestBridge, Value, Value) {
    let bridge = TestBridge::on(on).await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "viewer").await;
    bridge.put_user("acme", "ben", "viewer").await;
    bridge.settle().await;
    let (ana, ben) = (bridge.token("acme", "ana").await.json(), bridge.token("acme", "ben").await.json());
    (bridge, ana, ben)
}

async fn a_deleted_user_gets_none_from_the_answer_on_and_its_tokens_are_revoked(on: Database) {
    let (bridge, ana, ben) = with_ana_and_ben(on).await;
    assert_eq!(bridge.delete(ANA).await.status, 202);
    // Nothing has been done at Monite yet, but the deletion is committed.
    let answer = bridge.token("acme", "ana").await;
    assert_eq!((answer.status, answer.problem()), (403, "deactivated".to_owned()));
    assert_eq!(bridge.token_for(&bridge.session("acme", "ana")).await.problem(), "deactivated");
    bridge.broker.finish_revocations().await;
    assert!(!bridge.is_alive(&ana).await && bridge.is_alive(&ben).await);
    bridge.settle().await;
    assert_eq!(bridge.token("acme", "ana").await.problem(), "no-such-user");
    assert_eq!(bridge.token("acme", "ben").await.json(), ben);
}

async fn a_deactivated_customers_users_get_none_and_all_their_tokens_are_revoked(on: Database) {
    let (bridge, ana, ben) = with_ana_and_ben(on).await;
    bridge.delete(ACME).await;
    for user in ["ana", "ben", "nobody"] {
        let answer = bridge.token("acme", user).await;
        assert_eq!((answer.status, answer.problem()), (403, "deactivated".to_owned()), "{user}");
    }
    bridge.broker.finish_revocations().await;
    assert!(!bridge.is_alive(&ana).await && !bridge.is_alive(&ben).await);
    bridge.settle().await;
    assert_eq!(bridge.token("acme", "ana").await.problem(), "deactivated");
    // Back again: a new token, not the old one.
    bridge.put_customer("acme").await;
    bridge.settle().await;
    let again = bridge.token("acme", "ana").await.json();
    assert_ne!(again["access_token"], ana["access_token"]);
    assert!(bridge.is_alive(&again).await);
}

async fn every_token_of_the_user_dies_also_the_one_before_a_refresh(on: Database) {
    let (bridge, first, _) = with_ana_and_ben(on).await;
    bridge.advance(1141);
    let second = bridge.token("acme", "ana").await.json();
    assert_ne!(first["access_token"], second["access_token"]);
    assert!(bridge.is_alive(&first).await && bridge.is_alive(&second).await);
    bridge.delete(ANA).await;
    bridge.broker.finish_revocations().await;
    assert!(!bridge.is_alive(&first).await && !bridge.is_alive(&second).await);
}

async fn a_revocation_that_fails_is_tried_again(on: Database) {
    let (bridge, ana, _) = with_ana_and_ben(on).await;
    // More often than the client tries by itself.
    let down = monite_sandbox::FaultRule::new("POST /auth/revoke", Fault::Status { status: 503, retry_after: None });
    bridge.sandbox.fault(down);
    bridge.delete(ANA).await;
    bridge.clock.wait_for_sleepers(1).await;
    assert!(bridge.is_alive(&ana).await);
    bridge.sandbox.clear_faults();
    bridge.advance(5);
    bridge.broker.finish_revocations().await;
    assert!(!bridge.is_alive(&ana).await);
}

async fn a_deletion_that_commits_while_the_token_is_fetched_wins(on: Database) {
    let (bridge, _, _) = with_ana_and_ben(on).await;
    bridge.put_user("acme", "cleo", "viewer").await;
    bridge.settle().await;
    let cleo = "/v1/customers/acme/users/cleo";
    // Whatever the order in which the two get their turns, a token handed out is dead once both are through.
    for turns in 0..40 {
        let later = async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            bridge.delete(cleo).await
        };
        let (token, deleted) = tokio::join!(bridge.token("acme", "cleo"), later);
        assert_eq!(deleted.status, 202);
        bridge.broker.finish_revocations().await;
        match token.status {
            200 => assert!(
                !bridge.is_alive(&token.json()).await,
                "a token of a deleted user is alive, after {turns} turns"
            ),
            403 | 409 => {}
            _ => panic!("{token:?}"),
        }
        assert_eq!(bridge.token("acme", "cleo").await.status, 403);
        bridge.put_user("acme", "cleo", "viewer").await;
        bridge.settle().await;
    }
}

async fn a_caller_that_hangs_up_after_its_deletion_committed_leaves_no_token_behind(on: Database) {
    // Monite itself lets the token live on, so that only the bridge's revocation can end it.
    let alive = Some(("deleted_user_token".to_owned(), "alive".to_owned()));
    let bridge = TestBridge::with(Setup { database: on, quirk: alive, ..Setup::default() }).await;
    bridge.put_customer("acme").await;
    // A user for each turn: a deletion may commit as late as it likes without meeting another one's user.
    let mut users = Vec::new();
    for turns in 1..40 {
        let user = format!("ana-{turns}");
        bridge.put_user("acme", &user, "viewer").await;
        bridge.settle().await;
        users.push((user.clone(), bridge.token("acme", &user).await.json()));
        let hang_up = async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
        };
        let path = format!("/v1/customers/acme/users/{user}");
        tokio::select! {
            biased;
            _ = bridge.delete(&path) => {}
            () = hang_up => {}
        }
    }
    bridge.settle().await;
    bridge.let_background_work_run().await;
    bridge.broker.finish_revocations().await;
    let mut committed = 0;
    for (user, token) in &users {
        if bridge.get(&format!("/v1/customers/acme/users/{user}")).await.status == 404 {
            committed += 1;
            assert!(!bridge.is_alive(token).await, "the token of {user} outlived it");
            assert_ne!(bridge.token("acme", user).await.status, 200);
        }
    }
    assert!(committed > 0, "no deletion came so far as to commit");
}

async fn a_user_created_anew_at_monite_is_looked_up_anew(on: Database) {
    let (bridge, ana, _) = with_ana_and_ben(on).await;
    bridge.delete(ANA).await;
    bridge.settle().await;
    bridge.put_user("acme", "ana", "viewer").await;
    bridge.settle().await;
    let again = bridge.token("acme", "ana").await.json();
    assert_ne!(again["entity_user_id"], ana["entity_user_id"]);
    assert_eq!(bridge.ask_monite("/v1/entity_users/me", &again).await["id"], again["entity_user_id"]);
}

async fn a_refused_mint_asks_the_store_again(on: Database) {
    let bridge = TestBridge::on(on).await;
    bridge.put_customer("acme").await;
    for comes_back in [false, true] {
        bridge.put_user("acme", "ana", "viewer").await;
        bridge.settle().await;
        let other = bridge.replica("other").await;
        // Monite's refusal is long on its way; meanwhile whoever was asked for goes, and comes back as somebody else.
        bridge.sandbox.once("POST /auth/token", Fault::Status { status: 404, retry_after: None });
        other.fuse.light(Dies::Freezes(0));
        let meanwhile = async {
            other.fuse.burned().await;
            bridge.delete(ANA).await;
            bridge.settle().await;
            if comes_back {
                bridge.put_user("acme", "ana", "viewer").await;
                bridge.settle().await;
            }
            other.fuse.thaw();
        };
        match tokio::join!(other.token("acme", "ana"), meanwhile).0 {
            Ok(handout) if comes_back => {
                let ana = bridge.get(ANA).await.json();
                assert_eq!(ana["sync"]["entity_user_id"], handout.entity_user_id.to_string());
                bridge.keep_secret(handout.token.expose());
            }
            Err(BrokerError::NoSuchUser) if !comes_back => {}
            other => panic!("comes back: {comes_back}; {other:?}"),
        }
    }
}

async fn who_is_being_written_anew_is_told_to_come_back(on: Database) {
    let bridge = TestBridge::on(on).await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "viewer").await;
    bridge.settle().await;
    Hands(&bridge).delete_user("ana").await;
    let answer = bridge.token("acme", "ana").await;
    assert_eq!((answer.status, answer.problem()), (502, "monite-refused".to_owned()), "nobody knows of it yet");
    bridge.put_user("acme", "ana", "admin").await;
    let answer = bridge.token("acme", "ana").await;
    assert_eq!((answer.status, answer.problem()), (409, "not-at-monite-yet".to_owned()), "it is being worked on");
    assert_eq!(answer.header("retry-after"), Some("1"));
    // That somebody has to mend the credentials is told whoever is asked for.
    bridge.sandbox.once("POST /auth/token", Fault::Status { status: 401, retry_after: None });
    assert_eq!(bridge.token("acme", "ana").await.problem(), "monite-credentials");
    bridge.settle().await;
    assert_eq!(bridge.token("acme", "ana").await.status, 200);
}
