//! What has piled up in a long outage is worked off at the pace that is allowed, by all processes together.

use std::sync::Arc;
use std::time::Duration;

use monite::Clock as _;
use monite_bridge::budget::Part;
use monite_bridge::domain::SyncState;
use monite_bridge::reconcile::Reconciler;
use monite_bridge::store::{Store, WorkerId};
use monite_sandbox::{Fault, FaultRule, RateAlgorithm};
use tokio_util::sync::CancellationToken;

use super::stage::Stage;
use super::{put, workshop};

const CUSTOMERS: u64 = 200;

/// Waits of 1, 2, 4, 8, 16 and then 15 to 30 s, all shortened by up to half, fit so often into ten minutes, and so many calls open a
/// breaker; in each process.
const PROBES: u64 = 60;

/// Two processes with a reconciler each.
async fn two(stage: &mut Stage) -> Vec<Arc<dyn Store>> {
    let mut stores = Vec::new();
    for replica in 0..2 {
        let (monite, store) = (stage.replica(Part::Whole).await, stage.store().await);
        let worker = WorkerId(format!("w{replica}"));
        let reconciler = Reconciler::new(workshop(stage, replica, monite, &store), worker, 8);
        tokio::spawn(async move { reconciler.run(CancellationToken::new()).await });
        stores.push(store);
    }
    stores
}

/// Runs until every customer is in sync; how long that took.
async fn until_done(stage: &Stage, stores: &[Arc<dyn Store>]) -> Duration {
    let began = stage.clock.now();
    loop {
        let stats = stores[0].stats().await.unwrap();
        let took = stage.clock.now().duration_since(began);
        if stats.customers.get(&SyncState::InSync) == Some(&CUSTOMERS) {
            return took.try_into().unwrap();
        }
        assert!(took.as_secs() < 120, "not done after two minutes: {stats:?}");
        stage.run_with(stores, Duration::from_millis(500)).await;
    }
}

/// Calls that so many customers cost, when there was an outage at their beginning; and how long they took when it was over.
async fn calls_after(outage: Duration) -> (u64, Duration) {
    let mut stage = Stage::new(RateAlgorithm::SlidingLog).await;
    if !outage.is_zero() {
        stage.sandbox.fault(FaultRule::new("* *", Fault::Status { status: 503, retry_after: None }));
    }
    let stores = two(&mut stage).await;
    for number in 0..CUSTOMERS {
        put(stores[0].as_ref(), &format!("c{number:03}"), stage.clock.now()).await;
    }
    stage.run_with(&stores, outage).await;
    stage.sandbox.clear_faults();
    let took = until_done(&stage, &stores).await;
    assert_eq!(stage.refused(), 0, "calls were refused for their rate");
    assert_eq!(stage.sandbox.entities().len() as u64, CUSTOMERS, "each once");
    (stage.sandbox.total_calls(), took)
}

#[tokio::test]
async fn after_ten_minutes_of_outage_the_backlog_drains_at_the_allowed_pace_and_monite_refuses_nobody() {
    let (healthy, took_healthy) = calls_after(Duration::ZERO).await;
    let (calls, took) = calls_after(Duration::from_secs(600)).await;
    assert!(calls <= healthy + healthy / 10 + 2 * PROBES, "{calls} calls instead of {healthy}");
    assert!(
        took <= took_healthy + Duration::from_secs(31),
        "{took:?} instead of {took_healthy:?}: the longest wait is 30 s"
    );
}
