//! The least an import can be: parse, hash, keep the text of each line; or keep a document and a row of the queue for each object.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};

/// As many as the program stores at once.
const TRANSACTION: usize = 10_000;

/// Rows in one statement: with three values each far below SQLite's limit of 32,766.
const STATEMENT: usize = 500;

/// What is kept of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The line as it stands: one row.
    Text,
    /// The customer and each of its users: a document, and a row of the queue.
    Objects,
}

/// Something to be kept.
pub(crate) struct Thing {
    pub(crate) id: String,
    pub(crate) hash: [u8; 32],
    pub(crate) text: String,
}

/// Imports the file; how long it took.
pub(crate) async fn import(file: &Path, database: &Path, keep: Keep) -> Duration {
    let began = Instant::now();
    let mut connection = open(database).await;
    let (reader, batches) = batches(file, keep);
    while let Ok(batch) = batches.recv() {
        store(&mut connection, batch, keep).await;
    }
    reader.join().unwrap();
    connection.close().await.unwrap();
    began.elapsed()
}

/// Reads on a thread of its own.
pub(crate) fn batches(file: &Path, keep: Keep) -> (std::thread::JoinHandle<()>, mpsc::Receiver<Vec<Thing>>) {
    let (send, batches) = mpsc::sync_channel(1);
    let file = file.to_owned();
    (std::thread::spawn(move || read(&file, keep, &send)), batches)
}

fn read(file: &Path, keep: Keep, batches: &mpsc::SyncSender<Vec<Thing>>) {
    let file = BufReader::with_capacity(256 * 1024, std::fs::File::open(file).unwrap());
    let mut batch = Vec::with_capacity(TRANSACTION);
    for text in file.lines() {
        let text = text.unwrap();
        // A whole tree: whoever checks fields has to look at them.
        let mut value: Value = serde_json::from_str(&text).unwrap();
        let id = String::deserialize(&value["id"]).unwrap();
        match keep {
            Keep::Text => batch.push(thing(id, text)),
            Keep::Objects => {
                let users = value.as_object_mut().unwrap().remove("users").unwrap();
                batch.push(thing(id.clone(), value.to_string()));
                for user in users.as_array().unwrap() {
                    batch.push(thing(format!("{id}/{}", user["id"].as_str().unwrap()), user.to_string()));
                }
            }
        }
        if batch.len() >= TRANSACTION {
            batches.send(std::mem::take(&mut batch)).unwrap();
        }
    }
    batches.send(batch).unwrap();
}

fn thing(id: String, text: String) -> Thing {
    Thing { id, hash: Sha256::digest(text.as_bytes()).into(), text }
}

async fn open(database: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(database).create_if_missing(true);
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    let options = options.pragma("cache_size", "-32768").pragma("temp_store", "MEMORY");
    let mut connection = options.connect().await.unwrap();
    for sql in [
        "CREATE TABLE IF NOT EXISTS things (id TEXT NOT NULL PRIMARY KEY, text TEXT NOT NULL)",
        "CREATE TABLE IF NOT EXISTS work (id TEXT NOT NULL PRIMARY KEY, hash BLOB NOT NULL, due_at INTEGER) WITHOUT ROWID",
        "CREATE INDEX IF NOT EXISTS work_due ON work (due_at) WHERE due_at IS NOT NULL",
    ] {
        sqlx::query(sql).execute(&mut connection).await.unwrap();
    }
    connection
}

/// Writes what is not there yet.
async fn store(connection: &mut SqliteConnection, things: Vec<Thing>, keep: Keep) {
    let ids: Vec<&str> = things.iter().map(|thing| thing.id.as_str()).collect();
    let stored = sqlx::query("SELECT w.id, hash FROM json_each(?1) j JOIN work w ON w.id = j.value")
        .bind(serde_json::to_string(&ids).unwrap())
        .fetch_all(&mut *connection)
        .await
        .unwrap();
    let stored: std::collections::HashMap<String, Vec<u8>> =
        stored.iter().map(|row| (row.get(0), row.get(1))).collect();
    let is_new = |thing: &&Thing| stored.get(&thing.id).is_none_or(|hash| *hash != thing.hash);
    let new: Vec<&Thing> = things.iter().filter(is_new).collect();
    if new.is_empty() {
        return;
    }
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
    for part in new.chunks(STATEMENT) {
        let mut sql = sqlx::QueryBuilder::new("INSERT INTO things (id, text) ");
        sql.push_values(part, |mut row, thing| {
            row.push_bind(&thing.id).push_bind(&thing.text);
        });
        sql.push(" ON CONFLICT (id) DO UPDATE SET text = excluded.text");
        sql.build().execute(&mut *transaction).await.unwrap();
        let due = (keep == Keep::Objects).then_some(1_i64);
        let mut sql = sqlx::QueryBuilder::new("INSERT INTO work (id, hash, due_at) ");
        sql.push_values(part, |mut row, thing| {
            row.push_bind(&thing.id).push_bind(thing.hash.as_slice()).push_bind(due);
        });
        sql.push(" ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, due_at = excluded.due_at");
        sql.build().execute(&mut *transaction).await.unwrap();
    }
    transaction.commit().await.unwrap();
}
