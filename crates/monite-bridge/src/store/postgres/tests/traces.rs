//! What the store leaves on a server: no more than rows. And what it lets others hear.

use std::time::Duration;

use super::super::connection::{end, sql};
use super::super::rows::Columns as _;
use super::*;
use crate::store::conformance::{Desk, at, customer_id, document, done, person, user_id, worker};
use crate::store::{Change, Precondition};

/// A bit of everything.
async fn work(store: Arc<dyn Store>) {
    let desk = Desk(store);
    desk.settled("acme", 1, at(0)).await;
    desk.settled_person("acme", "ana", 1, at(0)).await;
    desk.put_person("acme", "bob", &person("bob"), at(1)).await;
    let lease = desk.claim_one(at(1)).await;
    desk.visit(&lease, at(1)).await;
    desk.renew(std::slice::from_ref(&lease), at(90)).await.unwrap();
    desk.finished(&lease, vec![Change::UserDone(user_id("bob"), done(1, at(2)))]).await;
    desk.drop_person("acme", "ana", false, at(3)).await;
    desk.put_secret("a", b"a", at(3)).await.unwrap();
    desk.stats().await.unwrap();
    desk.failing(None, 9).await.unwrap();
    desk.token_subject(&customer_id("acme"), &user_id("bob")).await.unwrap();
}

/// A proxy that pools transactions gives a connection to somebody else as soon as one ends: whatever were left on it would be theirs.
#[tokio::test]
async fn nothing_outlives_its_transaction() {
    let database = PostgresDatabase::create().await;
    let store = Arc::new(database.store().await);
    work(Arc::clone(&store) as _).await;
    let mut connections = Vec::new();
    for _ in 0..4 {
        let mut tx = store.pool.read().await.unwrap();
        let row = sql("-- left_behind
             SELECT (SELECT count(*) FROM pg_prepared_statements WHERE name <> '') AS statements,
                    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') AS locks,
                    (SELECT count(*) FROM pg_listening_channels()) AS channels,
                    (SELECT count(*) FROM pg_cursors WHERE is_holdable) AS cursors,
                    (SELECT count(*) FROM pg_settings WHERE source = 'session' AND name <> 'transaction_read_only') AS settings")
        .one(&mut tx)
        .await
        .unwrap();
        for column in ["statements", "locks", "channels", "cursors", "settings"] {
            assert_eq!(row.number(column).unwrap(), 0, "{column}");
        }
        connections.push(tx);
    }
    connections.into_iter().for_each(|tx| end(tx, &Ok(())));
}

#[tokio::test]
async fn statements_are_kept_where_the_address_says_so() {
    let database = PostgresDatabase::create().await;
    let url = format!("{}&statement-cache-capacity=50", database.url());
    let store = Arc::new(PostgresStore::open(&url).await.unwrap());
    work(Arc::clone(&store) as _).await;
    let mut tx = store.pool.snapshot().await.unwrap();
    let count = sql("-- kept\nSELECT count(*) AS kept FROM pg_prepared_statements").one(&mut tx).await.unwrap();
    assert!(count.number("kept").unwrap() > 0);
    end(tx, &Ok(()));
}

/// Old snapshots keep dead rows alive, which makes the queue slower for everybody.
#[tokio::test]
async fn no_transaction_stays_open() {
    let database = PostgresDatabase::create().await;
    let store = database.open().await;
    work(Arc::clone(&store)).await;
    let mut connection = Cluster::get().connect("postgres").await;
    let open = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND state LIKE 'idle in transaction%'",
        database.name
    );
    let none_open = async {
        loop {
            let row = sqlx::raw_sql(sqlx::AssertSqlSafe(open.clone())).fetch_one(&mut connection).await.unwrap();
            if sqlx::Row::get::<i64, _>(&row, 0) == 0 {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), none_open)
        .await
        .expect("waited 10 s for the last transaction to end");
}

#[tokio::test]
async fn a_write_wakes_the_other_replicas() {
    let database = PostgresDatabase::create().await;
    let (here, there) = (database.store().await, database.store().await);
    let heard = async |what: &str| {
        tokio::time::timeout(Duration::from_secs(10), there.woken())
            .await
            .unwrap_or_else(|_| panic!("not heard: {what}"));
    };
    heard("that it listens now").await;
    here.put_customer(&customer_id("acme"), &document("1"), Precondition::None, at(0)).await.unwrap();
    heard("a write").await;
    // Nothing is due through a write that changes nothing, or through work on what was due.
    here.put_customer(&customer_id("acme"), &document("1"), Precondition::None, at(0)).await.unwrap();
    let leases = here.claim_due(&worker("w"), at(0), Duration::from_secs(60), 9, None).await.unwrap();
    let _ = here.finish(&leases[0], Vec::new()).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(300), there.woken()).await.is_err(), "woken for nothing");
    // Also after the listening connection was cut.
    let mut connection = Cluster::get().connect("postgres").await;
    let cut = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'", database.name);
    sqlx::raw_sql(sqlx::AssertSqlSafe(cut)).execute(&mut connection).await.unwrap();
    heard("that it listens again").await;
    here.put_customer(&customer_id("bolt"), &document("1"), Precondition::None, at(0)).await.unwrap();
    heard("a write after the cut").await;
}

/// The work that is left over a while after dead places have piled up in front of it is found from where the last claim stopped.
#[tokio::test]
async fn a_claim_finds_what_is_in_front_of_where_the_last_one_stopped() {
    let database = PostgresDatabase::create().await;
    let (here, there) = (database.store().await, database.store().await);
    let put = async |store: &PostgresStore, id: &str, second| {
        store.put_customer(&customer_id(id), &document("1"), Precondition::None, at(second)).await.unwrap();
    };
    let claim = async |now, limit| {
        let leases = here.claim_due(&worker("w"), at(now), Duration::from_secs(60), limit, None).await.unwrap();
        leases.into_iter().map(|lease| lease.customer.to_string()).collect::<Vec<_>>()
    };
    for (id, second) in [("b1", 5), ("b2", 6), ("b3", 7), ("b4", 8)] {
        put(&here, id, second).await;
    }
    assert_eq!(claim(10, 2).await, ["b1", "b2"]);
    put(&there, "a1", 1).await;
    assert_eq!(claim(10, 1).await, ["b3"], "it goes on where it stopped");
    assert_eq!(claim(10, 9).await, ["a1", "b4"], "with hands left it looks in front, too");
    put(&there, "a2", 2).await;
    put(&here, "b5", 9).await;
    assert_eq!(claim(11, 1).await, ["a2"], "and once a second in any case");
}
