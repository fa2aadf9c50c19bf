//! Replicas that start, or adopt, at the same time are one bridge with one name.

use futures::future::join_all;

use super::*;
use crate::domain::BridgeId;

fn name(text: &str) -> BridgeId {
    BridgeId::parse(text).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_start_together_on_an_empty_database_have_one_name() {
    let url = Cluster::get().bare_database(&cluster::new_name()).await;
    let start = async |number: u32| {
        let store = PostgresStore::open(&url).await.unwrap();
        (store.name_bridge(&name(&format!("fresh-{number}"))).await.unwrap(), store)
    };
    let replicas = join_all((0..6).map(start)).await;
    for (named, store) in &replicas {
        assert_eq!((named, &store.bridge().await.unwrap()), (&replicas[0].0, &replicas[0].0));
    }
    // And again when two of them take over the name of a lost one.
    let lost =
        join_all(
            replicas.iter().take(2).enumerate().map(async |(number, (_, store))| {
                store.take_bridge_name(&name(&format!("lost-{number}"))).await.unwrap()
            }),
        );
    assert_eq!(lost.await, [true, true]);
    let taken = replicas[0].1.bridge().await.unwrap();
    assert!(taken.as_str().starts_with("lost-"), "{taken}");
    for (_, store) in &replicas {
        assert_eq!(store.bridge().await.unwrap(), taken);
    }
}

/// The first link is written but not committed when somebody takes over the name: it would be stamped under both.
#[tokio::test]
async fn a_name_is_not_taken_over_beside_a_link_that_is_just_being_written() {
    let database = PostgresDatabase::create().await;
    let store = database.store().await;
    store.name_bridge(&name("ours")).await.unwrap();
    let (mut linking, mut watching) =
        (Cluster::get().connect(&database.name).await, Cluster::get().connect(&database.name).await);
    let desk = crate::store::conformance::Desk(Arc::new(database.store().await));
    desk.put("acme", &crate::store::conformance::document("1"), crate::store::conformance::at(0)).await;
    sqlx::raw_sql("BEGIN; UPDATE customer_work SET seen = 'unknown', attempt_at = 1, lands_by = 2")
        .execute(&mut linking)
        .await
        .unwrap();
    let taking = tokio::spawn(async move { (store.take_bridge_name(&name("lost")).await.unwrap(), store) });
    let mut looks = 0;
    while !taking.is_finished() && !waits_for_a_lock(&mut watching).await {
        looks += 1;
        assert!(looks < 100_000, "nobody waits for the link that is being written, and nobody took the name either");
    }
    sqlx::raw_sql("COMMIT").execute(&mut linking).await.unwrap();
    let (taken, store) = taking.await.unwrap();
    assert_eq!((taken, store.bridge().await.unwrap()), (false, name("ours")));
}

async fn waits_for_a_lock(connection: &mut sqlx::PgConnection) -> bool {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')",
    )
    .fetch_one(connection)
    .await
    .unwrap()
}
