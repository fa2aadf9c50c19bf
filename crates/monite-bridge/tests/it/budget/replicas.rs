//! Three processes on PostgreSQL: each with its own store, heart, client and clock, and one Monite that counts.

use std::time::Duration;

use jiff::SignedDuration;
use monite_bridge::budget::Part;
use monite_sandbox::RateAlgorithm;

use super::stage::{LIMIT, Stage, work};

fn shares(stage: &Stage) -> Vec<u32> {
    stage.limiters.iter().map(|limiter| limiter.standing().share).collect()
}

/// The clocks of the machines differ by nearly a second; what counts is the database's.
async fn three(algorithm: RateAlgorithm) -> Stage {
    let mut stage = Stage::on_postgres(algorithm).await;
    for ahead in [0, 700, -250] {
        let monite = stage.replica_ahead(Part::Whole, SignedDuration::from_millis(ahead)).await;
        work(&monite, 16);
        stage.run(Duration::from_secs(2)).await;
    }
    stage.run(Duration::from_secs(3)).await;
    assert_eq!(shares(&stage), [10, 10, 10], "{algorithm}");
    stage
}

async fn come_die_and_freeze(algorithm: RateAlgorithm) {
    let stage = three(algorithm).await;
    let used = stage.used_in(6).await;
    assert!(used >= 0.95 && stage.refused() == 0, "three at {algorithm}: {used:.3}, {} refused", stage.refused());

    stage.freeze(0); // for ever: it died
    stage.run(Duration::from_secs(8)).await;
    assert_eq!(shares(&stage)[1..], [15, 15], "a dead one's share came back, {algorithm}");
    let used = stage.used_in(6).await;
    assert!(used >= 0.95 && stage.refused() == 0, "two at {algorithm}: {used:.3}, {} refused", stage.refused());

    stage.freeze(1);
    stage.run(Duration::from_secs(9)).await;
    assert_eq!(shares(&stage)[2], LIMIT, "the other went on with all of it, {algorithm}");
    stage.thaw(1);
    stage.run(Duration::from_secs(5)).await;
    assert_eq!(shares(&stage)[1..], [15, 15], "it is back, {algorithm}");
    assert_eq!(stage.refused(), 0, "one that woke sent something on a share that had ended, {algorithm}");
}

#[tokio::test]
async fn three_replicas_on_postgresql_come_die_and_freeze_and_monite_refuses_nobody() {
    for algorithm in [RateAlgorithm::SlidingLog, RateAlgorithm::TokenBucket] {
        come_die_and_freeze(algorithm).await;
    }
}

#[tokio::test]
async fn three_replicas_on_postgresql_use_the_limit_however_monite_counts() {
    for algorithm in [RateAlgorithm::FixedSecond, RateAlgorithm::SlidingCounter] {
        let stage = three(algorithm).await;
        let used = stage.used_in(6).await;
        assert!(used >= 0.95 && stage.refused() == 0, "{algorithm}: {used:.3}, {} refused", stage.refused());
    }
}
