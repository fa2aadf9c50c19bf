//! The least an import can be: parse, hash, keep the text.

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

struct Line {
    id: String,
    hash: [u8; 32],
    text: String,
}

/// Imports the file; how long it took.
pub(crate) async fn import(file: &Path, database: &Path) -> Duration {
    let began = Instant::now();
    let mut connection = open(database).await;
    let (send, batches) = mpsc::sync_channel(1);
    let file = file.to_owned();
    let reader = std::thread::spawn(move || read(&file, &send));
    while let Ok(batch) = batches.recv() {
        store(&mut connection, batch).await;
    }
    reader.join().unwrap();
    connection.close().await.unwrap();
    began.elapsed()
}

fn read(file: &Path, batches: &mpsc::SyncSender<Vec<Line>>) {
    let file = BufReader::with_capacity(256 * 1024, std::fs::File::open(file).unwrap());
    let mut batch = Vec::with_capacity(TRANSACTION);
    for text in file.lines() {
        let text = text.unwrap();
        // A whole tree: whoever checks fields has to look at them.
        let value: Value = serde_json::from_str(&text).unwrap();
        let id = String::deserialize(&value["id"]).unwrap();
        batch.push(Line { id, hash: Sha256::digest(text.as_bytes()).into(), text });
        if batch.len() == TRANSACTION {
            batches.send(std::mem::take(&mut batch)).unwrap();
        }
    }
    batches.send(batch).unwrap();
}

async fn open(database: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(database).create_if_missing(true);
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    let mut connection = options.pragma("cache_size", "-32768").connect().await.unwrap();
    let table =
        "CREATE TABLE IF NOT EXISTS lines (id TEXT NOT NULL PRIMARY KEY, hash BLOB NOT NULL, text TEXT NOT NULL)";
    sqlx::query(table).execute(&mut connection).await.unwrap();
    connection
}

/// Writes what is not there yet.
async fn store(connection: &mut SqliteConnection, lines: Vec<Line>) {
    let ids: Vec<&str> = lines.iter().map(|line| line.id.as_str()).collect();
    let stored = sqlx::query("SELECT lines.id, hash FROM json_each(?1) j JOIN lines ON lines.id = j.value")
        .bind(serde_json::to_string(&ids).unwrap())
        .fetch_all(&mut *connection)
        .await
        .unwrap();
    let stored: std::collections::HashMap<String, Vec<u8>> =
        stored.iter().map(|row| (row.get("id"), row.get("hash"))).collect();
    let new: Vec<&Line> =
        lines.iter().filter(|line| stored.get(&line.id).is_none_or(|hash| *hash != line.hash)).collect();
    if new.is_empty() {
        return;
    }
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
    for part in new.chunks(STATEMENT) {
        let mut sql = sqlx::QueryBuilder::new("INSERT INTO lines (id, hash, text) ");
        sql.push_values(part, |mut row, line| {
            row.push_bind(&line.id).push_bind(line.hash.as_slice()).push_bind(&line.text);
        });
        sql.push(" ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, text = excluded.text");
        sql.build().execute(&mut *transaction).await.unwrap();
    }
    transaction.commit().await.unwrap();
}
