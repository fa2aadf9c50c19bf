//! What is asked of the server before anything is kept there.

use futures::future::join_all;

use super::*;
use crate::store::StoreError;

async fn refusal(url: &str) -> String {
    match PostgresStore::open(url).await {
        Err(error @ StoreError::Open { .. }) => error.to_string(),
        other => panic!("{url} should have been refused: {other:?}"),
    }
}

#[tokio::test]
async fn what_cannot_be_opened_says_what_to_do_and_never_the_password() {
    let cluster = Cluster::get();
    let port = cluster.port();
    for (url, expected) in [
        (format!("postgres://postgres:hunter2@127.0.0.1:{port}/nowhere"), "\"nowhere\" does not exist"),
        (format!("postgres://nobody:hunter2@127.0.0.1:{port}/postgres"), "\"nobody\" does not exist"),
        ("postgres://postgres:hunter2@127.0.0.1:1/postgres?timeout=1".to_owned(), "is the server up"),
        (format!("postgres://postgres:hunter2@127.0.0.1:{port}/postgres?sslmode=require"), "TLS"),
        ("postgres://postgres:hunter2@127.0.0.1/postgres?password=hunter2&pool=3".to_owned(), "\"pool\" is not known"),
    ] {
        let said = refusal(&url).await;
        assert!(said.contains(expected), "{url}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[tokio::test]
async fn a_server_that_may_lose_what_it_confirmed_is_refused() {
    let database = PostgresDatabase::create().await;
    Cluster::get().run(&format!("ALTER DATABASE {} SET synchronous_commit = off", database.name)).await;
    let said = refusal(&database.url()).await;
    assert!(said.contains("`synchronous_commit` is off") && said.contains("SET synchronous_commit = on"), "{said}");
    Cluster::get().run(&format!("ALTER DATABASE {} SET synchronous_commit = local", database.name)).await;
    database.store().await.ping().await.unwrap();
}

#[tokio::test]
async fn a_database_in_another_encoding_is_refused() {
    let name = cluster::new_name();
    let statement = format!("CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0");
    Cluster::get().run(&statement).await;
    let said = refusal(&Cluster::get().url(&name)).await;
    assert!(said.contains("LATIN1") && said.contains("ENCODING 'UTF8'"), "{said}");
}

#[tokio::test]
async fn a_database_of_a_newer_version_or_of_another_build_is_left_alone() {
    let database = PostgresDatabase::create().await;
    let mut connection = Cluster::get().connect(&database.name).await;
    sqlx::raw_sql("INSERT INTO _sqlx_migrations VALUES (99, 'tomorrow', now(), TRUE, '', 0)")
        .execute(&mut connection)
        .await
        .unwrap();
    let said = refusal(&database.url()).await;
    assert!(said.contains("a newer version of monite-bridge wrote it (its tables are at version 99"), "{said}");
    sqlx::raw_sql("DELETE FROM _sqlx_migrations WHERE version = 99; UPDATE _sqlx_migrations SET checksum = 'other'")
        .execute(&mut connection)
        .await
        .unwrap();
    let said = refusal(&database.url()).await;
    assert!(said.contains("its tables were made by another build (version 1 differs)"), "{said}");
}

#[tokio::test]
async fn processes_may_start_on_an_empty_database_together() {
    let name = cluster::new_name();
    let url = Cluster::get().bare_database(&name).await;
    for store in join_all((0..4).map(|_| PostgresStore::open(&url))).await {
        store.unwrap().ping().await.unwrap();
    }
}

/// The migrations of both databases tell the same story under the same numbers and names.
#[test]
fn both_databases_have_the_same_migrations() {
    let names = |folder: &str| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(folder);
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
        files.collect::<std::collections::BTreeSet<_>>()
    };
    assert!(!names("postgres").is_empty());
    assert_eq!(names("postgres"), names("sqlite"));
}

/// Without it a claim walks all customers: at a million rows a tenth of a second instead of a millisecond.
#[tokio::test]
async fn queues_are_read_from_their_indexes() {
    let database = PostgresDatabase::create().await;
    let mut connection = Cluster::get().connect(&database.name).await;
    // An empty table is always read as a whole; what counts is that the index gives both rows and order.
    sqlx::raw_sql("SET enable_seqscan = off; SET enable_bitmapscan = off").execute(&mut connection).await.unwrap();
    let visits = [("$1", "0"), ("$2", "9"), ("$3", "64"), ("$4", "'w'"), ("$5", "10")];
    let stamps = [("$1", "0"), ("$2", "64"), ("$3", "'w'"), ("$4", "10"), ("$5", "'c'")];
    for (sql, values, index) in [
        (super::super::work::CLAIM_DUE, visits, "customer_work_wake"),
        (super::super::listing::NEXT_DUE, visits, "customer_work_wake"),
        (super::super::stamps::CLAIM_STAMPS, stamps, "customer_work_stamp"),
        (super::super::stamps::NEXT_STAMP, stamps, "customer_work_stamp"),
    ] {
        let sql = sql.split_once('\n').unwrap().1.to_owned();
        let sql = values.iter().fold(sql, |sql, (place, value)| sql.replace(place, value));
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN (COSTS off) {sql}"));
        let plan = sqlx::raw_sql(explain).fetch_all(&mut connection).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| sqlx::Row::get(row, 0)).collect();
        let plan = plan.join("\n");
        assert!(plan.contains(&format!("using {index}")), "{plan}");
        assert!(!plan.contains("Sort"), "{plan}");
    }
}
