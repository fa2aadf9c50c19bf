//! One budget for all processes, through the real parts: the limiters of several bridges on one database, the real client, the
//! sandbox counting calls in each of its four ways. What happens when processes come, go, die and freeze is simulated beside the code,
//! in `budget/simulation`.

mod recovery;
mod replicas;
mod server_clock;
mod stage;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use monite::{Clock as _, EntityFilter, Monite};
use monite_bridge::budget::Part;
use monite_bridge::domain::document::CustomerDocument;
use monite_bridge::domain::role::RoleTemplates;
use monite_bridge::domain::{CustomerId, SyncState};
use monite_bridge::events::Events;
use monite_bridge::jitter::Jitter;
use monite_bridge::reconcile::plan::OnCustomerDelete;
use monite_bridge::reconcile::visit::Workshop;
use monite_bridge::reconcile::{Awaited, Policy, Reconciler};
use monite_bridge::store::{Precondition, Store, WorkerId};
use monite_sandbox::RateAlgorithm;
use tokio_util::sync::CancellationToken;

use self::stage::{Stage, work};
use crate::support::customer_document;

async fn check(algorithm: RateAlgorithm, replicas: usize) {
    const SECONDS: u64 = 12;
    let mut stage = Stage::new(algorithm).await;
    for _ in 0..replicas {
        let monite = stage.replica(Part::Whole).await;
        work(&monite, 24);
    }
    stage.run(Duration::from_secs(6)).await;
    let (share, refused) = (stage.used_in(SECONDS).await, stage.refused());
    assert!(refused == 0 && share >= 0.95, "{replicas} at {algorithm}: {share:.3} of the limit, {refused} refused");
}

#[tokio::test]
async fn two_processes_use_the_limit_and_the_sandbox_refuses_nobody_however_it_counts() {
    for algorithm in [
        RateAlgorithm::FixedSecond,
        RateAlgorithm::SlidingLog,
        RateAlgorithm::SlidingCounter,
        RateAlgorithm::TokenBucket,
    ] {
        check(algorithm, 2).await;
    }
}

#[tokio::test]
async fn one_process_uses_the_limit_and_the_sandbox_refuses_nobody_however_it_counts() {
    for algorithm in [RateAlgorithm::FixedSecond, RateAlgorithm::SlidingCounter] {
        check(algorithm, 1).await;
    }
}

#[tokio::test]
async fn a_command_beside_a_running_service_takes_part_and_gives_back() {
    let mut stage = Stage::new(RateAlgorithm::SlidingLog).await;
    let serve = stage.replica(Part::Whole).await;
    work(&serve, 24);
    stage.run(Duration::from_secs(3)).await;
    let command = stage.replica(Part::AFew).await;
    let call = tokio::spawn(async move { command.entities().list(&EntityFilter::default()).await.map(|_| ()) });
    stage.run(Duration::from_secs(4)).await;
    assert!(call.is_finished(), "the command got its turn");
    call.await.unwrap().unwrap();
    let shares = || stage.limiters.iter().map(|limiter| limiter.standing().share).collect::<Vec<_>>();
    assert_eq!(shares(), [28, 2]);
    stage.limiters[1].leave().await.unwrap();
    stage.run(Duration::from_secs(2)).await;
    assert_eq!((shares()[0], stage.refused()), (30, 0));
}

#[tokio::test]
async fn a_write_that_somebody_waits_for_passes_a_backlog_and_workers_that_are_all_busy() {
    let mut stage = Stage::new(RateAlgorithm::SlidingLog).await;
    let (monite, store) = (stage.replica(Part::Whole).await, stage.store().await);
    for number in 0..300 {
        put(store.as_ref(), &format!("c{number:03}"), stage.clock.now()).await;
    }
    let reconciler = Reconciler::new(workshop(&stage, 0, monite, &store), WorkerId("w".to_owned()), 4);
    let stop = CancellationToken::new();
    tokio::spawn({
        let (reconciler, stop) = (reconciler.clone(), stop.clone());
        async move { reconciler.run(stop).await }
    });
    stage.run_with(std::slice::from_ref(&store), Duration::from_secs(3)).await;
    assert!(stage.sandbox.calls("POST /entities") > 20, "the backlog is being worked off");
    let asked = stage.clock.now();
    let vip = put(store.as_ref(), "vip", asked).await;
    let _waiting = reconciler.workshop().awaited.enter(&vip);
    reconciler.wake();
    while store.customer(&vip).await.unwrap().unwrap().sync.state != SyncState::InSync {
        assert!(stage.clock.now().duration_since(asked).as_secs() < 20, "not in sync after 20 s");
        stage.run_with(std::slice::from_ref(&store), Duration::from_millis(20)).await;
    }
    let waited = stage.clock.now().duration_since(asked);
    assert!(waited.as_millis() < 700, "{waited:#}");
    assert!(store.stats().await.unwrap().customers[&SyncState::Pending] > 150, "the backlog is still there");
    stop.cancel();
}

/// What the reconciler of this process works with.
fn workshop(stage: &Stage, replica: usize, monite: Monite, store: &Arc<dyn Store>) -> Workshop {
    let (clock, jitter) = (Arc::new(stage.clock.clone()), Jitter::seeded(3));
    Workshop {
        store: Arc::clone(store),
        monite,
        templates: Arc::new(RoleTemplates::presets()),
        policy: Policy { on_customer_delete: OnCustomerDelete::Deactivate },
        clock,
        jitter,
        events: Events::default(),
        outage: stage.outages[replica].clone(),
        awaited: Awaited::default(),
    }
}

async fn put(store: &dyn Store, id: &str, now: Timestamp) -> CustomerId {
    let (id, document) = (CustomerId::parse(id).unwrap(), CustomerDocument::parse(&customer_document(id)).unwrap());
    store.put_customer(&id, &document, Precondition::None, now).await.unwrap();
    id
}

#[tokio::test]
async fn a_429_pauses_every_process_through_the_database() {
    let mut stage = Stage::new(RateAlgorithm::FixedSecond).await;
    let (one, _two) = (stage.replica(Part::Whole).await, stage.replica(Part::Whole).await);
    stage.run(Duration::from_secs(4)).await;
    stage.sandbox.once("GET /entities", monite_sandbox::Fault::Status { status: 429, retry_after: Some(20) });
    let call = tokio::spawn(async move { one.entities().list(&EntityFilter::default()).await.map(|_| ()) });
    stage.run(Duration::from_secs(2)).await;
    assert!(call.is_finished());
    let now = stage.clock.now();
    for limiter in &stage.limiters {
        let until = limiter.standing().paused_until.expect("both pause");
        assert!((17..=20).contains(&until.duration_since(now).as_secs()), "{until} at {now}");
    }
}

#[tokio::test]
async fn without_its_database_a_process_stops_calling_within_seconds() {
    let mut stage = Stage::new(RateAlgorithm::FixedSecond).await;
    let monite = stage.replica(Part::Whole).await;
    work(&monite, 4);
    stage.run(Duration::from_secs(3)).await;
    assert!(stage.sandbox.total_calls() > 50);
    crate::support::lose_table_in(&stage.place, "replicas").await;
    stage.run(Duration::from_secs(3)).await;
    let calls = stage.sandbox.total_calls();
    stage.run(Duration::from_secs(5)).await;
    assert_eq!(stage.sandbox.total_calls(), calls, "nobody can know who took its share");
}
