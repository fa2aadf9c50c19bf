//! Tokens on several processes with one database: one fetches the partner's for all, and who was deleted through one gets none from another.

use std::time::Duration;

use axum::body::Body;
use monite_bridge::broker::{BrokerError, Handout};
use monite_bridge::events::Events;
use monite_bridge::store::seal::MasterKey;
use monite_sandbox::Fault;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::support::{Database, Dies, Replica, Setup, TestBridge, user_document};

const ACME: &str = "/v1/customers/acme";
const ANA: &str = "/v1/customers/acme/users/ana";
const MINTS: &str = "POST /auth/token";

const BOTH: [Database; 2] = [Database::Sqlite, Database::Postgres];

/// A bridge and two more processes, all with the same key.
async fn three(database: Database) -> (TestBridge, Replica, Replica) {
    let master_key = Some(MasterKey::generate());
    let bridge = TestBridge::with(Setup { database, master_key, ..Setup::default() }).await;
    let (one, two) = (bridge.replica("one").await, bridge.replica("two").await);
    (bridge, one, two)
}

/// Customers enough for each of three to get some.
async fn populate(bridge: &TestBridge) {
    for number in 0..12 {
        bridge.put_customer(&format!("c{number}")).await;
    }
}

/// Gives each of the three something to do, so that each needs the token.
async fn work((bridge, one, two): &(TestBridge, Replica, Replica)) {
    tokio::join!(bridge.pass(), one.pass(), two.pass());
    bridge.settle().await;
}

async fn delete_all(bridge: &TestBridge) {
    for number in 0..12 {
        bridge.delete(&format!("/v1/customers/c{number}")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_fetches_the_partner_token_for_all_also_when_it_expires() {
    for database in BOTH {
        let all = three(database).await;
        populate(&all.0).await;
        work(&all).await;
        assert_eq!(all.0.sandbox.calls(MINTS), 1, "{database:?}");
        all.0.advance(1800);
        delete_all(&all.0).await;
        work(&all).await;
        assert_eq!(all.0.sandbox.calls(MINTS), 2, "{database:?}");
    }
}

/// Monite refuses the shared token before its time: the one that is fetched then is shared again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shared_token_that_dies_early_is_replaced_once() {
    for database in BOTH {
        let all = three(database).await;
        populate(&all.0).await;
        work(&all).await;
        all.0.sandbox.once("POST /entities/*/deactivate", Fault::ExpireTokens);
        delete_all(&all.0).await;
        work(&all).await;
        assert_eq!(all.0.sandbox.calls(MINTS), 2, "{database:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_one_that_fetches_it_dies_another_does_after_five_seconds() {
    for database in BOTH {
        let (bridge, one, two) = three(database).await;
        bridge.put_customer("acme").await;
        one.fuse.light(Dies::BeforeCall(0));
        let dying = {
            let (reconciler, stop) = (one.reconciler.clone(), CancellationToken::new());
            tokio::spawn(async move { reconciler.pass(None, &stop).await })
        };
        one.fuse.burned().await;
        dying.abort();
        drop(one);
        bridge.put_customer("beta").await;
        let waiting = tokio::spawn(async move {
            two.pass().await;
        });
        bridge.clock.advance(Duration::from_secs(4));
        // Whoever waits may look as often as it likes: nobody has given the duty up.
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        bridge.clock.advance(Duration::from_secs(1));
        bounded("the other one's pass", waiting).await.unwrap();
        assert_eq!(bridge.sandbox.calls(MINTS), 1, "that of the dead one never left");
        assert_eq!(bridge.get("/v1/customers/beta").await.state(), "in_sync");
    }
}

/// `acme` with `ana`, and a token of hers from this process; Monite itself lets it live on, so that only its revocation can end it.
async fn with_a_token_of(bridge: &TestBridge, one: &Replica) -> Value {
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "viewer").await;
    bridge.settle().await;
    let token = one.token("acme", "ana").await.unwrap();
    until_from_memory(one).await;
    shown(&token)
}

fn shown(handout: &Handout) -> Value {
    let (entity, user) = (handout.entity_id.to_string(), handout.entity_user_id.to_string());
    json!({"access_token": handout.token.expose(), "entity_id": entity, "entity_user_id": user})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_deleted_through_one_gets_no_token_from_another_and_what_that_one_gave_out_dies() {
    for (database, path) in BOTH.into_iter().flat_map(|database| [ANA, ACME].map(|path| (database, path))) {
        let (bridge, one, _two) = three(database).await;
        let token = with_a_token_of(&bridge, &one).await;
        bridge.delete(path).await;
        let refused = async {
            while one.token("acme", "ana").await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        bounded("one hears of the deletion", refused).await;
        let refused = one.token("acme", "ana").await.unwrap_err();
        let gone = matches!(refused, BrokerError::UserGone | BrokerError::CustomerGone);
        assert!(gone, "{path}: {refused:?}");
        let dead = async {
            while bridge.is_alive(&token).await {
                tokio::task::yield_now().await;
            }
        };
        bounded("what it gave out is revoked", dead).await;
    }
}

/// The first process dies before it answers, so its caller asks another: once that one has said that nobody is there, it hands out nothing either,
/// though it has not heard of the deletion in any other way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_there_any_more_by_the_answer_of_one_gets_no_token_from_that_one() {
    for database in BOTH {
        let (bridge, one, _two) = three(database).await;
        with_a_token_of(&bridge, &one).await;
        bridge.delete(ANA).await;
        bridge.settle().await;
        let again = http::Request::delete(ANA).header("authorization", format!("Bearer {}", TestBridge::API_KEY));
        let answer = bridge.doors_of(&one).oneshot(again.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 404);
        let refused = one.token("acme", "ana").await;
        assert!(refused.is_err(), "{database:?}");
    }
}

/// The reconciler of one process finds that somebody deleted her at Monite, and creates her anew: the others hand out tokens of her new
/// entity user as soon as they have heard.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_created_anew_by_the_reconciler_of_one_gets_tokens_of_the_new_one_from_another() {
    for database in BOTH {
        let (bridge, one, _two) = three(database).await;
        let old = with_a_token_of(&bridge, &one).await;
        let entity = old["entity_id"].as_str().unwrap().parse().unwrap();
        let users = bridge.reconciler.workshop().monite.entity(entity).users();
        users.delete(old["entity_user_id"].as_str().unwrap().parse().unwrap()).await.unwrap();
        bridge.put(ANA, &user_document("ana-2", "viewer")).await;
        bridge.settle().await;
        let new = async {
            loop {
                match one.token("acme", "ana").await {
                    Ok(new) if new.entity_user_id.to_string() != old["entity_user_id"] => return shown(&new),
                    _ => tokio::task::yield_now().await,
                }
            }
        };
        let new = bounded("a token of the new entity user", new).await;
        assert!(bridge.is_alive(&new).await);
    }
}

/// A process that cannot hear of deletions asks the database at every hand-out, from three seconds after it last heard.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_hears_nothing_more_hands_out_nothing_from_memory_for_longer_than_three_seconds() {
    for database in BOTH {
        let (bridge, one, _two) = three(database).await;
        with_a_token_of(&bridge, &one).await;
        one.stop_following();
        bridge.delete(ANA).await;
        bridge.clock.advance(Duration::from_secs(3));
        let refused = one.token("acme", "ana").await.unwrap_err();
        assert!(matches!(refused, BrokerError::UserGone), "{refused:?}");
    }
}

/// A process that was told nothing of what ended meanwhile, because it was too much or too long ago, asks after everybody who got a token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_gave_out_dies_also_when_it_is_not_told_whose_ended() {
    for (database, path) in BOTH.into_iter().flat_map(|database| [ANA, ACME].map(|path| (database, path))) {
        let (bridge, one, _two) = three(database).await;
        let token = with_a_token_of(&bridge, &one).await;
        bridge.put_user("acme", "ben", "viewer").await;
        bridge.settle().await;
        let kept = shown(&one.token("acme", "ben").await.unwrap());
        one.stop_following();
        bridge.delete(path).await;
        // Who begins to follow is told from then on only.
        let (broker, events, stop) = (one.broker.clone(), Events::default(), CancellationToken::new());
        let following = tokio::spawn({
            let stop = stop.clone();
            async move { broker.follow(&events, stop).await }
        });
        let dead = async {
            while bridge.is_alive(&token).await {
                tokio::task::yield_now().await;
            }
        };
        bounded("what it gave out is revoked", dead).await;
        if path == ANA {
            assert!(bridge.is_alive(&kept).await, "somebody else's token");
        }
        stop.cancel();
        following.await.unwrap();
    }
}

/// A user who is there again by the time another process hears of the deletion keeps what it got since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_created_anew_keeps_its_new_token() {
    for database in BOTH {
        let (bridge, one, _two) = three(database).await;
        let old = with_a_token_of(&bridge, &one).await;
        bridge.delete(ANA).await;
        bridge.settle().await;
        bridge.put_user("acme", "ana", "viewer").await;
        bridge.settle().await;
        let new = async {
            loop {
                match one.token("acme", "ana").await {
                    Ok(new) if old["access_token"] != new.token.expose() => {
                        return shown(&new);
                    }
                    _ => tokio::task::yield_now().await,
                }
            }
        };
        let new = bounded("a new token", new).await;
        until_from_memory(&one).await;
        one.broker.finish_revocations().await;
        assert!(bridge.is_alive(&new).await && !bridge.is_alive(&old).await);
    }
}

/// The process has looked at what ended elsewhere, remembers her, and answers without asking.
async fn until_from_memory(one: &Replica) {
    let before = one.broker.counts().cached;
    let from_memory = async {
        while one.broker.counts().cached == before {
            one.token("acme", "ana").await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    bounded("a token from memory", from_memory).await;
}

async fn bounded<T>(what: &str, future: impl Future<Output = T>) -> T {
    let bound = Duration::from_secs(30);
    tokio::time::timeout(bound, future).await.unwrap_or_else(|_| panic!("waited {bound:?} for: {what}"))
}
