//! The manners of a sweep: it takes its share of the rate, holds a page in memory, goes on where it stopped, and one process does
//! it at a time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use monite::{ManualClock, Priority};
use monite_bridge::config::Drift;
use monite_bridge::reconcile::Sweeper;
use monite_bridge::reconcile::sweep::{self, Pace, Swept};
use monite_bridge::store::WorkerId;
use monite_sandbox::{Fault, FaultRule, JournalEntry};
use tokio_util::sync::CancellationToken;

use crate::drift::{Hands, settled, settled_on};
use crate::support::{Database, Dies, Setup, TestBridge, Turns, on_every_database};

on_every_database! {
    a_sweep_goes_on_where_it_stopped,
    one_process_sweeps_at_a_time_and_a_dead_one_is_followed,
    a_sweep_that_was_taken_over_ends_at_the_next_step,
    a_stopped_process_lets_the_sweep_go,
}

const UNAVAILABLE: Fault = Fault::Status { status: 503, retry_after: None };

/// Three calls a second of thirty: so long does it take, and no two calls are closer.
#[tokio::test]
async fn a_sweep_takes_its_share_of_the_rate_and_no_more() {
    let bridge = many(20).await;
    let began = bridge.clock_now();
    let hasty = hasty(&bridge, "hasty", Pace::share_of(Some(30), 0.1));
    assert!(matches!(hasty.sweep(&CancellationToken::new()).await.unwrap(), Swept::Everything(_)));
    let calls = bridge.sandbox.journal();
    assert_eq!(calls.len(), 42, "two for each entity, and two lists of entities");
    for pair in calls.windows(2) {
        let apart = pair[1].at.duration_since(pair[0].at).as_millis();
        assert!(apart >= 333, "{} came {apart} ms after {}", pair[1].path, pair[0].path);
    }
    let took = bridge.clock_now().duration_since(began).as_secs_f64();
    assert!((13.6..14.1).contains(&took), "42 calls at 3 per second took {took} s");
}

/// Not one of its calls, further pages and single looks included, stands before anybody else's.
#[tokio::test]
async fn a_sweep_stands_behind_all_else_in_the_rate_limit() {
    let turns = Turns::default();
    let bridge = crowd_with(turns.clone()).await;
    for list in ["/entity_users?", "/roles?", "/entities?"] {
        bridge.fuse.light(Dies::NotAndListsAreEmpty(list));
        turns.taken();
        bridge.sweep().await;
        bridge.fuse.put_out();
        let taken = turns.taken();
        assert!(!taken.is_empty() && taken.iter().all(|turn| *turn == Priority::Background), "{list}: {taken:?}");
    }
}

/// All of a page is looked into before the next one is asked for, so no more than a page of entities is held at any time.
#[tokio::test]
async fn no_more_than_a_page_of_entities_is_held() {
    let bridge = many(230).await;
    let tally = bridge.sweep().await;
    assert_eq!(tally.entities, 230);
    let mut looked_into = 0;
    let mut pages = Vec::new();
    for call in bridge.sandbox.journal() {
        match call.path.as_str() {
            "/entities" if !asks_by_id(&call) => pages.push(looked_into),
            "/entity_users" => looked_into += 1,
            _ => {}
        }
        assert_page(&call);
    }
    assert_eq!(pages, [0, 100, 200], "entities looked into before each page of them was asked for");
}

/// The same for the users of one entity: those of a page are compared before the next page is asked for, and who was on it is
/// forgotten then.
#[tokio::test]
async fn no_more_than_a_page_of_users_is_held() {
    let bridge = crowd().await;
    Hands(&bridge).user("user-003", serde_json::json!({"first_name": "Other"})).await;
    bridge.sandbox.clear_journal();
    dies(&bridge, &bridge.sweeper, Dies::BeforeCall(3)).await;
    let state = bridge.get("/v1/customers/acme/users/user-003").await.state();
    assert_eq!(state, "pending", "noted before the second page");
    bridge.sweep().await;
    let calls = bridge.sandbox.journal();
    let by_id = calls.iter().filter(|call| call.path == "/entity_users" && asks_by_id(call));
    assert_eq!(by_id.count(), 3, "230 users are asked for by id, a page at a time");
    calls.iter().for_each(assert_page);
    let one_by_one = calls.iter().filter(|call| call.path.starts_with("/entity_users/"));
    assert_eq!(one_by_one.count(), 0, "all were shown");
}

/// Broken off again and again: in the end each entity was looked into, and none twice.
async fn a_sweep_goes_on_where_it_stopped(on: Database) {
    let bridge = many_on(on, 130).await;
    bridge.sandbox.set_faults(vec![FaultRule::new("GET /roles*", UNAVAILABLE).probability(0.35, 8)]);
    let mut stops = 0;
    let tally = loop {
        match bridge.sweeper.sweep(&CancellationToken::new()).await.unwrap() {
            Swept::Everything(tally) => break tally,
            Swept::Stopped(_) => stops += 1,
            Swept::Elsewhere => panic!("it was let go"),
        }
        assert!(stops < 500, "it never comes to its end");
    };
    bridge.sandbox.clear_faults();
    assert!(stops > 0, "it was never stopped");
    assert_eq!((tally.entities, tally.failed, tally.missing), (130, 0, 0), "{tally:?}");
    let listed = bridge.sandbox.calls("GET /entity_users");
    assert_eq!(listed, 130, "each is looked into once");
}

/// What an entity showed before it failed was written down, so it shows no difference when it is looked into again.
#[tokio::test]
async fn what_was_found_before_a_failure_counts() {
    let bridge = settled(Drift::Report).await;
    Hands(&bridge).entity(serde_json::json!({"address": {"city": "Bonn"}})).await;
    bridge.sandbox.set_faults(vec![FaultRule::new("GET /entity_users*", UNAVAILABLE)]);
    let ended = bridge.sweeper.sweep(&CancellationToken::new()).await.unwrap();
    assert!(matches!(ended, Swept::Stopped(_)), "{ended:?}");
    bridge.sandbox.clear_faults();
    assert_eq!(bridge.sweep().await.drifted, 1);
}

/// One entity fails for ever: the others are still looked at.
#[tokio::test]
async fn an_entity_that_always_fails_holds_up_nobody() {
    let bridge = settled(Drift::Enforce).await;
    bridge.put_customer("beta").await;
    bridge.settle().await;
    bridge.advance(60);
    bridge.sandbox.set_faults(vec![FaultRule::new("GET /entity_users*", UNAVAILABLE)]);
    let mut ended = Swept::Elsewhere;
    for _ in 0..8 {
        ended = bridge.sweeper.sweep(&CancellationToken::new()).await.unwrap();
        if matches!(ended, Swept::Everything(_)) {
            break;
        }
    }
    bridge.sandbox.clear_faults();
    let Swept::Everything(tally) = ended else { panic!("it never came to its end: {ended:?}") };
    assert_eq!((tally.entities, tally.failed), (2, 2), "{tally:?}");
}

async fn one_process_sweeps_at_a_time_and_a_dead_one_is_followed(on: Database) {
    let bridge = many_on(on, 130).await;
    let stop = CancellationToken::new();
    // Nobody lets the sweep go.
    dies(&bridge, &bridge.sweeper, Dies::BeforeCall(40)).await;
    assert_eq!(other(&bridge).sweep(&stop).await.unwrap(), Swept::Elsewhere);
    bridge.advance(121);
    let Swept::Everything(tally) = other(&bridge).sweep(&stop).await.unwrap() else { panic!("nobody else is at it") };
    assert_eq!(tally.entities, 130);
    assert!(bridge.sandbox.calls("GET /entity_users") < 140, "it went on where the dead one was");
}

/// Long pauses between two calls, as a small share makes them, look like death for nobody.
#[tokio::test]
async fn a_slow_sweep_is_not_taken_for_dead() {
    let bridge = crowd().await;
    let slow = hasty(&bridge, "slow", Pace::share_of(Some(1), 1.0 / 30.0));
    let began = bridge.clock_now();
    dies(&bridge, &slow, Dies::BeforeCall(6)).await;
    let so_far = bridge.clock_now().duration_since(began).as_secs();
    assert_eq!(so_far, 180, "all of it in one entity, which is one step");
    let ended = other(&bridge).sweep(&CancellationToken::new()).await.unwrap();
    assert_eq!(ended, Swept::Elsewhere);
}

/// A process that slept so long that another took the sweep over leaves it alone when it wakes.
async fn a_sweep_that_was_taken_over_ends_at_the_next_step(on: Database) {
    let bridge = many_on(on, 3).await;
    // Its second call waits for a second to pass on a clock that nobody moves.
    let pace = Pace::share_of(Some(1), 1.0);
    let workshop = bridge.reconciler.workshop().clone();
    let sleeper = Sweeper::new(workshop.clone(), WorkerId("sleeper".to_owned()), Drift::Enforce, pace);
    let sleeping = tokio::spawn(async move { sleeper.sweep(&CancellationToken::new()).await });
    becomes("the sweep to begin", async || bridge.sandbox.calls("GET /entities") > 0).await;
    let mut later = workshop;
    later.clock = Arc::new(ManualClock::at(bridge.clock_now() + Duration::from_secs(121)));
    let other = Sweeper::new(later, WorkerId("other".to_owned()), Drift::Enforce, Pace::default());
    let ended = other.sweep(&CancellationToken::new()).await.unwrap();
    assert!(matches!(ended, Swept::Everything(_)), "{ended:?}");
    bridge.sandbox.clear_journal();
    let last = sweep::last(bridge.store.as_ref()).await.unwrap();
    let wakes = async || {
        bridge.advance(1);
        sleeping.is_finished()
    };
    becomes("the sleeper to notice", wakes).await;
    assert_eq!(sleeping.await.unwrap().unwrap(), Swept::Elsewhere);
    let calls = bridge.sandbox.journal();
    assert!(calls.len() <= 2, "it ends with the entity in hand at the latest: {calls:?}");
    assert_eq!(sweep::last(bridge.store.as_ref()).await.unwrap(), last);
}

async fn a_stopped_process_lets_the_sweep_go(on: Database) {
    let bridge = settled_on(on, Drift::Enforce).await;
    let stop = CancellationToken::new();
    stop.cancel();
    assert!(matches!(bridge.sweeper.sweep(&stop).await.unwrap(), Swept::Stopped(_)));
    let ended = other(&bridge).sweep(&CancellationToken::new()).await.unwrap();
    assert!(matches!(&ended, Swept::Everything(tally) if tally.entities == 1), "{ended:?}");
}

/// From the end of one to the begin of the next.
#[tokio::test]
async fn a_sweep_begins_every_interval() {
    let bridge = settled(Drift::Enforce).await;
    let hasty = hasty(&bridge, "hasty", Pace::default());
    let stop = CancellationToken::new();
    let (hour, until) = (Duration::from_secs(3600), stop.clone());
    let running = tokio::spawn(async move { hasty.run(hour, until).await });
    let ended = Mutex::new(Vec::new());
    let three = async || {
        let last = sweep::last(bridge.store.as_ref()).await.unwrap();
        let mut ended = ended.lock().unwrap();
        let new: Vec<_> = last.into_iter().filter(|last| ended.last() != Some(last)).collect();
        ended.extend(new);
        ended.len() > 2
    };
    becomes("three sweeps", three).await;
    stop.cancel();
    running.await.unwrap();
    for pair in ended.into_inner().unwrap().windows(2) {
        // Who looks rarely misses some; each takes no time on this clock.
        let rested = pair[1].started_at.duration_since(pair[0].finished_at).as_secs();
        assert!(rested >= 3600 && rested % 3600 == 0, "{pair:?}");
    }
}

/// Dies in the middle of a sweep.
async fn dies(bridge: &TestBridge, sweeper: &Sweeper, dies: Dies) {
    bridge.fuse.light(dies);
    let stop = CancellationToken::new();
    tokio::select! {
        ended = sweeper.sweep(&stop) => panic!("it should have died: {ended:?}"),
        () = bridge.fuse.burned() => {}
    }
    bridge.fuse.put_out();
}

/// Looks again and again, for half a minute at most.
async fn becomes(what: &str, done: impl AsyncFn() -> bool) {
    let until_done = async {
        while !done().await {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), until_done).await;
    waited.unwrap_or_else(|_| panic!("waited 30 s for {what}"));
}

/// A sweeper whose waits move the clock.
fn hasty(bridge: &TestBridge, name: &str, pace: Pace) -> Sweeper {
    let mut workshop = bridge.reconciler.workshop().clone();
    workshop.clock = bridge.hasty_clock();
    Sweeper::new(workshop, WorkerId(name.to_owned()), Drift::Enforce, pace)
}

/// Another process.
fn other(bridge: &TestBridge) -> Sweeper {
    let workshop = bridge.reconciler.workshop().clone();
    Sweeper::new(workshop, WorkerId("other".to_owned()), Drift::Enforce, Pace::default())
}

fn asks_by_id(call: &JournalEntry) -> bool {
    call.query.as_ref().is_some_and(|query| query.contains("id__in="))
}

/// No call asks for more than a page, nor for more ids than a page has.
fn assert_page(call: &JournalEntry) {
    let query = call.query.clone().unwrap_or_default();
    if !query.is_empty() {
        assert!(query.contains("limit=100") || query.contains("pagination_token="), "{query}");
        assert!(query.matches("id__in=").count() <= 100, "{query}");
    }
}

/// So many customers, in sync and old enough for lists to show them.
async fn many_on(database: Database, customers: u32) -> TestBridge {
    let bridge = TestBridge::with(Setup { database, quirk: None, workers: 8, ..Setup::default() }).await;
    for n in 0..customers {
        bridge.put_customer(&format!("customer-{n:03}")).await;
    }
    bridge.settle().await;
    bridge.advance(60);
    bridge.sandbox.clear_journal();
    bridge
}

/// The same on SQLite.
async fn many(customers: u32) -> TestBridge {
    many_on(Database::Sqlite, customers).await
}

/// One customer with more users than two pages hold.
pub(crate) async fn crowd() -> TestBridge {
    crowd_with(Turns::default()).await
}

async fn crowd_with(turns: Turns) -> TestBridge {
    let bridge = TestBridge::with(Setup { turns, quirk: None, ..Setup::default() }).await;
    bridge.put_customer("acme").await;
    for n in 0..230 {
        bridge.put_user("acme", &format!("user-{n:03}"), ["admin", "payer"][n % 2]).await;
    }
    bridge.settle().await;
    bridge.advance(60);
    bridge.sandbox.clear_journal();
    bridge
}
