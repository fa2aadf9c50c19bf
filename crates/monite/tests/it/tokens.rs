//! One mint in flight per token however many wait; refreshed early; a dead one replaced once; forgotten for good.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use monite::{Clock, EntityId, EntityUserId, Error, Monite, RetryPolicy, Scope};
use serde_json::json;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::support::{Reply, Script, builder, client, clock, eventually, settle};

const MINT: &str = "POST /auth/token";
const MIN_LEFT: Duration = Duration::from_secs(660);

fn user() -> Scope {
    Scope::EntityUser(EntityUserId::from_uuid(Uuid::from_u128(1)))
}

/// Mints wait at the gate.
fn gated(gate: &Arc<Semaphore>) -> Arc<Script> {
    let gate = gate.clone();
    Script::new(move |call| Reply::token(&format!("token-{}", call.nth), 1800).behind(&gate))
}

#[tokio::test]
async fn a_hundred_callers_share_one_mint() {
    let gate = Arc::new(Semaphore::new(0));
    let script = gated(&gate);
    let monite = client(&script, &clock());
    let callers: Vec<_> = (0..100).map(|_| tokio::spawn(fetch(monite.clone()))).collect();
    eventually("the mint to begin", || script.count(MINT) == 1).await;
    gate.add_permits(100);
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap(), "token-0");
    }
    assert_eq!(script.count(MINT), 1);
}

#[tokio::test]
async fn a_failed_mint_is_told_to_all_who_waited_and_then_forgotten() {
    let gate = Arc::new(Semaphore::new(0));
    let script = {
        let gate = gate.clone();
        Script::new(move |call| match call.nth {
            0 => Reply::error(400, "There is no entity user by provided id: 1").behind(&gate),
            _ => Reply::token("second", 1800),
        })
    };
    let monite = client(&script, &clock());
    let callers: Vec<_> = (0..10).map(|_| tokio::spawn(fetch(monite.clone()))).collect();
    eventually("the mint to begin", || script.count(MINT) == 1).await;
    // Everybody is in line before the answer comes; each has asked once and now waits.
    settle().await;
    gate.add_permits(1);
    for caller in callers {
        assert!(caller.await.unwrap().unwrap_err().is_not_found());
    }
    assert_eq!(fetch(monite).await.unwrap(), "second");
}

#[tokio::test]
async fn a_caller_who_leaves_does_not_stop_the_mint() {
    let gate = Arc::new(Semaphore::new(0));
    let script = gated(&gate);
    let monite = client(&script, &clock());
    let first = tokio::spawn(fetch(monite.clone()));
    eventually("the mint to begin", || script.count(MINT) == 1).await;
    let second = tokio::spawn(fetch(monite.clone()));
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    gate.add_permits(1);
    assert_eq!(second.await.unwrap().unwrap(), "token-0");
    assert_eq!(script.count(MINT), 1);
}

#[tokio::test]
async fn an_old_token_is_refreshed_in_the_background() {
    let (script, clock) = (Script::with_tokens(|_| unreachable!()), clock());
    let monite = client(&script, &clock);
    assert_eq!(fetch(monite.clone()).await.unwrap(), "token-0");
    clock.advance(Duration::from_secs(1800 - 660 - 250));
    assert_eq!(fetch(monite.clone()).await.unwrap(), "token-0");
    assert_eq!(script.count(MINT), 1, "still young");
    clock.advance(Duration::from_secs(200));
    assert_eq!(fetch(monite.clone()).await.unwrap(), "token-0", "the old one is good, nobody waits");
    eventually("the refresh", || monite.tokens().try_get(user(), MIN_LEFT).is_some_and(|t| t.expose() == "token-1"))
        .await;
    assert_eq!(script.count(MINT), 2);
}

#[tokio::test]
async fn a_failed_early_refresh_keeps_serving_what_is_good() {
    let down = Arc::new(AtomicBool::new(false));
    let script = {
        let down = down.clone();
        Script::new(move |call| match down.load(Ordering::SeqCst) {
            true => Reply::error(503, "down"),
            false => Reply::token(&format!("token-{}", call.nth), 1800),
        })
    };
    let clock = clock();
    let monite = builder(&script, &clock).retry(RetryPolicy::never()).build().unwrap();
    assert_eq!(fetch(monite.clone()).await.unwrap(), "token-0");
    down.store(true, Ordering::SeqCst);
    clock.advance(Duration::from_secs(1800 - 660 - 30));
    for tried in 2..=4 {
        // However many ask, a refresh that failed is tried once in ten seconds.
        for _ in 0..5 {
            assert_eq!(fetch(monite.clone()).await.unwrap(), "token-0");
            eventually("the refresh to fail", || script.count(MINT) == tried).await;
            settle().await;
        }
        assert_eq!(script.count(MINT), tried);
        clock.advance(Duration::from_secs(10));
    }
    clock.advance(Duration::from_secs(1));
    let error = fetch(monite.clone()).await.unwrap_err();
    assert_eq!(error.status(), Some(503), "less than 660 s left: not handed out any more");
    down.store(false, Ordering::SeqCst);
    assert_eq!(fetch(monite).await.unwrap(), "token-5");
}

#[tokio::test]
async fn what_is_forgotten_does_not_come_back_with_a_mint_in_flight() {
    let gate = Arc::new(Semaphore::new(0));
    let script = gated(&gate);
    let monite = client(&script, &clock());
    let waiting = tokio::spawn(fetch(monite.clone()));
    eventually("the first mint to begin", || script.count(MINT) == 1).await;
    assert!(monite.tokens().forget(user()).is_none(), "nothing was held yet");
    gate.add_permits(1);
    // The one who waited starts over: Monite decides anew whether this user may have a token.
    eventually("the second mint to begin", || script.count(MINT) == 2).await;
    assert!(monite.tokens().try_get(user(), MIN_LEFT).is_none(), "the forgotten mint must not fill the slot");
    gate.add_permits(1);
    assert_eq!(waiting.await.unwrap().unwrap(), "token-1");
    assert_eq!(monite.tokens().forget(user()).unwrap().expose(), "token-1");
    assert!(monite.tokens().try_get(user(), MIN_LEFT).is_none());
}

#[tokio::test]
async fn a_dead_token_is_replaced_and_the_call_replayed_once() {
    let refusals = [
        (400, "The token has been expired."),
        (400, "The token has been revoked, expired or not found."),
        (401, "Unauthorized"),
        (403, "Token expired"),
    ];
    for (status, message) in refusals {
        let script = Script::with_tokens(move |call| match call.header("authorization") {
            Some("Bearer token-0") => Reply::error(status, message),
            Some("Bearer token-1") => Reply::json(200, json!({"metadata": {"a": 1}})),
            other => panic!("unexpected token {other:?}"),
        });
        let monite = client(&script, &clock());
        let entity = EntityId::from_uuid(Uuid::from_u128(2));
        let metadata = monite.entity(entity).metadata().put(&serde_json::Map::new()).await.unwrap();
        assert_eq!(metadata["a"], 1);
        assert_eq!((script.count(MINT), script.calls().len()), (2, 4), "{status} {message}");
    }
}

#[tokio::test]
async fn a_token_that_is_dead_again_is_told_not_tried_for_ever() {
    let script = Script::with_tokens(|_| Reply::error(400, "The token has been expired."));
    let monite = client(&script, &clock());
    let error = monite.entities().list(&Default::default()).await.unwrap_err();
    assert!(error.is_token_dead());
    assert_eq!((script.count(MINT), script.count("GET /entities")), (2, 2));
}

#[tokio::test]
async fn a_hundred_calls_that_find_the_token_dead_share_one_new_one() {
    let script = Script::with_tokens(|call| match call.header("authorization") {
        Some("Bearer token-0") => Reply::error(400, "The token has been expired."),
        _ => Reply::json(200, json!({"data": []})),
    });
    let monite = client(&script, &clock());
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let monite = monite.clone();
            tokio::spawn(async move { monite.entities().list(&Default::default()).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(script.count(MINT), 2);
}

#[tokio::test]
async fn a_late_refusal_of_the_old_token_does_not_cost_the_new_one() {
    let (early, late) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let script = {
        let (early, late) = (early.clone(), late.clone());
        Script::with_tokens(move |call| match (call.header("authorization").unwrap(), call.nth) {
            ("Bearer token-0", 0) => Reply::error(400, "The token has been expired.").behind(&early),
            ("Bearer token-0", _) => Reply::error(400, "The token has been expired.").behind(&late),
            _ => Reply::json(200, json!({"data": []})),
        })
    };
    let monite = client(&script, &clock());
    monite.tokens().get(Scope::Partner, MIN_LEFT).await.unwrap();
    let list = |monite: Monite| async move { monite.entities().list(&Default::default()).await.map(|_| ()) };
    let first = tokio::spawn(list(monite.clone()));
    let second = tokio::spawn(list(monite.clone()));
    eventually("both to be sent with the old token", || script.count("GET /entities") == 2).await;
    early.add_permits(1);
    first.await.unwrap().unwrap();
    late.add_permits(1);
    second.await.unwrap().unwrap();
    assert_eq!(script.count(MINT), 2);
}

#[tokio::test]
async fn wrong_credentials_are_fatal_and_say_what_to_check() {
    for status in [400, 401, 403] {
        let script = Script::new(move |_| Reply::error(status, "Invalid client_id or client_secret"));
        let monite = client(&script, &clock());
        let error = monite.entities().list(&Default::default()).await.unwrap_err();
        assert!(matches!(error, Error::Credentials { .. }), "{error:?}");
        assert!(!error.is_retryable() && error.to_string().contains("client secret"), "{error}");
        assert_eq!(script.calls().len(), 1, "never tried again");
    }
}

#[tokio::test]
async fn tokens_shorter_than_asked_for_are_not_minted_for_every_call() {
    let script = Script::new(|call| Reply::token(&format!("token-{}", call.nth), 100));
    let clock = clock();
    let monite = client(&script, &clock);
    assert_eq!(fetch(monite.clone()).await.unwrap(), "token-0");
    clock.advance(Duration::from_secs(20));
    assert_eq!(fetch(monite.clone()).await.unwrap(), "token-0");
    clock.advance(Duration::from_secs(40));
    assert_eq!(fetch(monite).await.unwrap(), "token-1");
}

#[tokio::test]
async fn slots_without_a_living_token_are_dropped() {
    let clock = clock();
    let monite = client(&Script::with_tokens(|_| unreachable!()), &clock);
    let held = monite.tokens().slot(user());
    for n in 0..20_000_u128 {
        monite.tokens().slot(Scope::EntityUser(EntityUserId::from_uuid(Uuid::from_u128(n << 64 | 7))));
    }
    let slots = monite.tokens().slots();
    assert!(slots <= 16 * 256, "{slots} slots");
    assert!(Arc::ptr_eq(&held, &monite.tokens().slot(user())), "a slot somebody holds stays");
    assert!(held.peek(clock.now(), MIN_LEFT).is_none());
}

async fn fetch(monite: Monite) -> Result<String, Error> {
    monite.tokens().get(user(), MIN_LEFT).await.map(|token| token.expose().to_owned())
}
