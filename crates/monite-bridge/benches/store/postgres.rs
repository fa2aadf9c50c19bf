//! The same on a PostgreSQL server that somebody names.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use monite_bridge::store::Store;
use monite_bridge::store::postgres::PostgresStore;
use side_by_side::times;
use sqlx::{Connection as _, PgConnection, Row as _};
use url::Url;

use super::limit::{self, Keep, Thing};
use super::{Best, LINES, lines, queue, report_import, run_import};

/// Where databases can be made.
pub(crate) struct Server(Url);

impl Server {
    pub(crate) fn from_env() -> Option<Self> {
        let url = std::env::var("BENCH_POSTGRES_URL").ok()?;
        Some(Self(url.parse().expect("BENCH_POSTGRES_URL is an address")))
    }

    pub(crate) async fn import(&self) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("customers.ndjson");
        let lines = times(LINES);
        lines::write(&file, lines);
        let (mut first, mut unchanged) = (Best::default(), Best::default());
        for _ in 0..times(5).min(3) {
            let (ours, objects, text) = (self.create().await, self.create().await, self.create().await);
            for best in [&mut first, &mut unchanged] {
                best.ours.push(run_import(&file, ours.as_str()));
                best.objects.push(import(&file, &objects, Keep::Objects).await);
                best.text.push(import(&file, &text, Keep::Text).await);
            }
            for database in [ours, objects, text] {
                self.drop(&database).await;
            }
        }
        report_import("PostgreSQL", lines, first, unchanged);
    }

    /// With statements parsed anew each time, and with statements that are kept.
    pub(crate) async fn queues(&self) {
        for (named, capacity) in [("PostgreSQL", "0"), ("PostgreSQL, statements kept", "100")] {
            let (few, many) = (self.create().await, self.create().await);
            let stores = [open(&few, capacity).await, open(&many, capacity).await];
            queue(named, Arc::clone(&stores[0]), Arc::clone(&stores[1])).await;
            for store in stores {
                store.close().await;
            }
            for database in [few, many] {
                self.drop(&database).await;
            }
        }
    }

    async fn create(&self) -> Url {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("bench_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        self.run(&format!("CREATE DATABASE {name}")).await;
        let mut url = self.0.clone();
        url.set_path(&name);
        url
    }

    async fn drop(&self, database: &Url) {
        self.run(&format!("DROP DATABASE {} WITH (FORCE)", database.path().trim_start_matches('/'))).await;
    }

    async fn run(&self, sql: &str) {
        let mut connection = PgConnection::connect(self.0.as_str()).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

async fn open(database: &Url, capacity: &str) -> Arc<dyn Store> {
    let mut database = database.clone();
    database.query_pairs_mut().append_pair("statement-cache-capacity", capacity);
    Arc::new(PostgresStore::open(database.as_str()).await.unwrap())
}

/// Imports the file with the least statements that keep it; how long it took.
async fn import(file: &Path, database: &Url, keep: Keep) -> Duration {
    let began = Instant::now();
    let mut connection = PgConnection::connect(database.as_str()).await.unwrap();
    for sql in [
        "CREATE TABLE IF NOT EXISTS things (id TEXT NOT NULL PRIMARY KEY, text TEXT NOT NULL)",
        "CREATE TABLE IF NOT EXISTS work (id TEXT NOT NULL PRIMARY KEY, hash BYTEA NOT NULL, due_at BIGINT)",
        "CREATE INDEX IF NOT EXISTS work_due ON work (due_at) WHERE due_at IS NOT NULL",
    ] {
        sqlx::query(sql).execute(&mut connection).await.unwrap();
    }
    let (reader, batches) = limit::batches(file, keep);
    while let Ok(batch) = batches.recv() {
        store(&mut connection, batch, keep).await;
    }
    reader.join().unwrap();
    connection.close().await.unwrap();
    began.elapsed()
}

/// Writes what is not there yet.
async fn store(connection: &mut PgConnection, things: Vec<Thing>, keep: Keep) {
    let ids = |things: &[&Thing]| things.iter().map(|thing| thing.id.clone()).collect::<Vec<_>>();
    let hashes = |things: &[&Thing]| things.iter().map(|thing| thing.hash.to_vec()).collect::<Vec<_>>();
    let all: Vec<&Thing> = things.iter().collect();
    let same = sqlx::query(
        "SELECT n.place FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS n (id, hash, place)
         JOIN work w ON w.id = n.id AND w.hash = n.hash",
    )
    .bind(ids(&all))
    .bind(hashes(&all))
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    let same: std::collections::HashSet<i64> = same.iter().map(|row| row.get(0)).collect();
    let new: Vec<&Thing> =
        (1..).zip(&all).filter(|(place, _)| !same.contains(place)).map(|(_, thing)| *thing).collect();
    if new.is_empty() {
        return;
    }
    let mut transaction = connection.begin().await.unwrap();
    sqlx::query("INSERT INTO things SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT (id) DO UPDATE SET text = excluded.text")
        .bind(ids(&new))
        .bind(new.iter().map(|thing| thing.text.as_str()).collect::<Vec<_>>())
        .execute(&mut *transaction)
        .await
        .unwrap();
    sqlx::query(
        "INSERT INTO work SELECT id, hash, $3 FROM unnest($1::text[], $2::bytea[]) AS n (id, hash)
         ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, due_at = excluded.due_at",
    )
    .bind(ids(&new))
    .bind(hashes(&new))
    .bind((keep == Keep::Objects).then_some(1_i64))
    .execute(&mut *transaction)
    .await
    .unwrap();
    transaction.commit().await.unwrap();
}
