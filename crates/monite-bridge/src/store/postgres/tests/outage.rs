//! Connections that break, servers that die: what was answered is there, once, and what can be done again is done again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;

use super::proxy::{Cut, Wire};
use super::*;
use crate::domain::{Generation, SyncState};
use crate::store::conformance::{at, customer_id, document, done, worker};
use crate::store::{Change, CustomerFilter, Fenced, Precondition, StoreError, Written};

const LEASE: Duration = Duration::from_secs(60);

/// A write that must not be done twice: a second run would find the customer there and refuse.
async fn create(store: &PostgresStore, id: &str) -> Result<Written<crate::store::Customer>, StoreError> {
    store.put_customer(&customer_id(id), &document("1"), Precondition::Missing, at(0)).await
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_looked_up_and_not_repeated() {
    for cut in [Cut::BeforeCommit, Cut::AfterCommit] {
        let database = PostgresDatabase::create().await;
        let wire = Wire::to(Cluster::get().port(), cut).await;
        let store = PostgresStore::open(&Cluster::get().url_through(wire.port, &database.name)).await.unwrap();
        wire.cut(2);
        let written = create(&store, "acme").await.unwrap();
        let Written::Created(acme) = written else { panic!("{cut:?}: {written:?}") };
        assert_eq!(acme.sync.generation, Generation::FIRST, "{cut:?}");
        let (id, when) = (customer_id("acme"), Precondition::Generation(Generation::FIRST));
        let again = store.put_customer(&id, &document("2"), when, at(1)).await.unwrap();
        let Written::Changed(acme) = again else { panic!("{cut:?}") };
        assert_eq!((acme.sync.generation, wire.left()), (Generation(2), 0), "{cut:?}");
    }
}

#[tokio::test]
async fn claims_and_outcomes_survive_a_lost_answer() {
    for cut in [Cut::BeforeCommit, Cut::AfterCommit] {
        let database = PostgresDatabase::create().await;
        let wire = Wire::to(Cluster::get().port(), cut).await;
        let store = PostgresStore::open(&Cluster::get().url_through(wire.port, &database.name)).await.unwrap();
        create(&store, "acme").await.unwrap();
        wire.cut(1);
        // Claimed twice, the second time nothing would be due.
        let leases = store.claim_due(&worker("w"), at(0), LEASE, 9, None).await.unwrap();
        assert_eq!(leases.len(), 1, "{cut:?}");
        wire.cut(1);
        // Finished twice, the second time the lease would be lost.
        let finished = store.finish(&leases[0], vec![Change::CustomerDone(done(1, at(1)))]).await.unwrap();
        assert_eq!((finished, wire.left()), (Fenced::Recorded, 0), "{cut:?}");
        assert_eq!(store.customer(&customer_id("acme")).await.unwrap().unwrap().sync.state, SyncState::InSync);
    }
}

/// Every few milliseconds all connections of the store are cut by the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_and_reads_go_on_while_connections_are_cut() {
    let database = PostgresDatabase::create().await;
    let store = database.store().await;
    let finished = AtomicBool::new(false);
    let work = async {
        let writes = (0..60).map(|number| {
            let (store, id) = (&store, format!("c{:02}", number % 6));
            async move {
                let phone = number.to_string();
                let written =
                    store.put_customer(&customer_id(&id), &document(&phone), Precondition::None, at(0)).await.unwrap();
                store.customer(&customer_id(&id)).await.unwrap().expect("it was written");
                match written {
                    Written::Created(customer) | Written::Changed(customer) => (id, customer.sync.generation.0),
                    other => panic!("{other:?}"),
                }
            }
        });
        let mut generations = join_all(writes).await;
        finished.store(true, Ordering::Relaxed);
        generations.sort_unstable();
        generations
    };
    let cutting = async {
        let mut connection = Cluster::get().connect("postgres").await;
        let cut = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{}'",
            database.name
        );
        let mut cuts = 0;
        while !finished.load(Ordering::Relaxed) && cuts < 40 {
            let row = sqlx::raw_sql(sqlx::AssertSqlSafe(cut.clone())).fetch_one(&mut connection).await.unwrap();
            cuts += sqlx::Row::get::<i64, _>(&row, 0);
            tokio::task::yield_now().await;
        }
        cuts
    };
    let (generations, cuts) = tokio::join!(work, cutting);
    let expected: Vec<(String, i64)> =
        (0..6).flat_map(|id| (1..=10).map(move |generation| (format!("c{id:02}"), generation))).collect();
    assert_eq!(generations, expected, "each write happened once");
    assert!(cuts > 10, "only {cuts} connections were cut");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_is_there_after_the_server_crashed() {
    let cluster = Cluster::start();
    let name = cluster.database().await;
    let store = Arc::new(PostgresStore::open(&cluster.url(&name)).await.unwrap());
    let writing = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut answered = Vec::new();
            for number in 0..150 {
                let id = format!("c{number:03}");
                if create(&store, &id).await.is_ok() {
                    answered.push(id);
                }
            }
            answered
        })
    };
    let crashed = tokio::task::spawn_blocking(move || {
        for _ in 0..2 {
            cluster.crash();
        }
        cluster
    });
    let (cluster, answered) = (crashed.await.unwrap(), writing.await.unwrap());
    let after = PostgresStore::open(&cluster.url(&name)).await.unwrap();
    let filter = CustomerFilter { state: None, after: None, limit: 1000 };
    let there = after.customers(&filter).await.unwrap();
    assert!(there.iter().all(|customer| customer.sync.generation == Generation::FIRST), "none was written twice");
    let there: Vec<String> = there.into_iter().map(|customer| customer.id.to_string()).collect();
    assert_eq!(there, answered);
    assert!(answered.len() > 100, "the store came back: {}", answered.len());
    // The old one works on as well.
    store.ping().await.unwrap();
}

#[tokio::test]
async fn a_database_that_is_not_there_any_more_is_told_and_not_waited_for() {
    let database = PostgresDatabase::create().await;
    let store = database.store().await;
    let mut connection = Cluster::get().connect(&database.name).await;
    sqlx::raw_sql("DROP TABLE user_work; DROP TABLE customer_work").execute(&mut connection).await.unwrap();
    let began = tokio::time::Instant::now();
    let failed = create(&store, "acme").await.unwrap_err();
    assert!(matches!(failed, StoreError::Database { operation: "lock_customer", .. }), "{failed:?}");
    assert!(began.elapsed() < Duration::from_secs(2), "nothing would come of trying again");
}
