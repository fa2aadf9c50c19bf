//! What the store takes in and gives out: an import, first and unchanged, and the queue with few rows and with many.
//!
//! `cargo bench -p monite-bridge --bench store`
//!
//! - *Import*: the program itself, `monite-bridge import FILE`, from start to exit. The limit reads and parses the same file on one thread
//!   while another one keeps, with the same durability, what any such bridge has to keep: for each customer and each user a document, its
//!   hash, and a row in a queue. (Ours checks every field besides, and has an index for each question that may be asked.) The other limit
//!   keeps the text of each line as it stands, one row of it.
//! - *Queue*: claim 64 due customers; complete 64. The limit of each is the same with 10,000 customers: what the queue costs must not depend on
//!   how many there are. Without a disk, so that only work counts.
//!
//! With `BENCH_POSTGRES_URL=postgres://...`, an address whose user may create databases, the same rows for PostgreSQL, in databases that are
//! dropped afterwards; statements are parsed anew each time, as by default, and kept, for comparison.

// A benchmark that cannot be set up has nobody to tell but the person who started it.
#![allow(clippy::unwrap_used)]

#[path = "store/limit.rs"]
mod limit;
#[path = "store/lines.rs"]
mod lines;
#[path = "store/postgres.rs"]
mod postgres;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use jiff::Timestamp;
use limit::Keep;
use monite_bridge::domain::SyncState;
use monite_bridge::domain::role::RoleTemplates;
use monite_bridge::intake::NdjsonLines;
use monite_bridge::store::sqlite::SqliteStore;
use monite_bridge::store::{Change, Fenced, Lease, Progress, Store, WorkerId};
use side_by_side::{Aim, Table, times};

/// Lines of the imported file.
const LINES: usize = 50_000;

/// Customers of the small queue, and of the large one.
const FEW: usize = 10_000;
const MANY: usize = 1_000_000;

/// Customers brought in by one write.
const AT_ONCE: usize = 10_000;

/// Customers a worker takes at once.
const CLAIM: u32 = 64;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(import());
    runtime.block_on(async {
        let (few, many) = (memory().await, memory().await);
        queue("SQLite", few, many).await;
    });
    if let Some(server) = postgres::Server::from_env() {
        runtime.block_on(server.import());
        runtime.block_on(server.queues());
    }
}

async fn memory() -> Arc<dyn Store> {
    Arc::new(SqliteStore::open("sqlite::memory:").await.unwrap())
}

async fn import() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("customers.ndjson");
    let lines = times(LINES);
    lines::write(&file, lines);
    let (mut first, mut unchanged) = (Best::default(), Best::default());
    for round in 0..times(5) {
        let database = |name: &str| folder.path().join(format!("{name}-{round}.db"));
        for best in [&mut first, &mut unchanged] {
            best.ours.push(run_import(&file, &format!("sqlite://{}", database("ours").display())));
            best.objects.push(limit::import(&file, &database("objects"), Keep::Objects).await);
            best.text.push(limit::import(&file, &database("text"), Keep::Text).await);
        }
    }
    report_import("SQLite", lines, first, unchanged);
}

fn report_import(database: &str, lines: usize, first: Best, unchanged: Best) {
    let table = Table::begin(&format!("import of {lines} lines of 400 bytes with 1 to 2 users, {database}"));
    let rate = |times: &[Duration]| lines as f64 / times.iter().min().unwrap().as_secs_f64();
    for (name, best) in [("first", first), ("nothing changed", unchanged)] {
        let ours = rate(&best.ours);
        let objects = rate(&best.objects);
        table.rate(
            &format!("{name}, beside a document and a queue row each"),
            "lines",
            ours,
            objects,
            Aim::AtLeast(0.6),
        );
        table.rate(&format!("{name}, beside the text of each line"), "lines", ours, rate(&best.text), Aim::None);
    }
}

#[derive(Default)]
struct Best {
    ours: Vec<Duration>,
    objects: Vec<Duration>,
    text: Vec<Duration>,
}

/// Runs the program as a person would.
fn run_import(file: &Path, database: &str) -> Duration {
    let mut command = Command::new(env!("CARGO_BIN_EXE_monite-bridge"));
    command.arg("import").arg(file).current_dir(file.parent().unwrap());
    command.env("MONITE_BRIDGE__DATABASE__URL", database);
    let began = Instant::now();
    let output = command.output().unwrap();
    let took = began.elapsed();
    assert!(output.status.success(), "the import failed: {}", String::from_utf8_lossy(&output.stderr));
    took
}

async fn queue(database: &str, few: Arc<dyn Store>, many: Arc<dyn Store>) {
    let sizes = [times(FEW), times(MANY)];
    fill(few.as_ref(), sizes[0]).await;
    fill(many.as_ref(), sizes[1]).await;
    let (mut of_few, mut of_many) = (Took::default(), Took::default());
    for _ in 0..times(100) {
        of_few.once_more(few.as_ref()).await;
        of_many.once_more(many.as_ref()).await;
    }
    let table =
        Table::begin(&format!("queue: 64 due customers, {database}, {} customers beside {}", sizes[1], sizes[0]));
    for (name, few, many) in [("claim", of_few.claim, of_many.claim), ("complete", of_few.complete, of_many.complete)] {
        let (few, many) = (median(few) / CLAIM, median(many) / CLAIM);
        table.cost(&format!("{name}, a row"), many, few, Aim::AtMost(1.2));
    }
}

/// How long each claim and each completion took.
#[derive(Default)]
struct Took {
    claim: Vec<Duration>,
    complete: Vec<Duration>,
}

/// Brings in so many customers, all of them due.
async fn fill(store: &dyn Store, customers: usize) {
    for first in (0..customers).step_by(AT_ONCE) {
        let text = lines::text(first..customers.min(first + AT_ONCE));
        let mut lines = NdjsonLines::new(text.as_bytes(), RoleTemplates::presets().into());
        let mut records = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            records.push(line.result.unwrap());
        }
        store.import(&records, Timestamp::UNIX_EPOCH).await.unwrap();
    }
}

impl Took {
    async fn once_more(&mut self, store: &dyn Store) {
        let now = Timestamp::UNIX_EPOCH + Duration::from_secs(60);
        let worker = WorkerId("bench".to_owned());
        let began = Instant::now();
        let leases = store.claim_due(&worker, now, Duration::from_secs(60), CLAIM, None).await.unwrap();
        self.claim.push(began.elapsed());
        assert!(!leases.is_empty(), "nothing was due");
        let began = Instant::now();
        let outcomes = join_all(leases.iter().map(|lease| store.finish(lease, done(lease, now)))).await;
        self.complete.push(began.elapsed());
        assert!(outcomes.into_iter().all(|outcome| outcome.unwrap() == Fenced::Recorded));
    }
}

fn done(_lease: &Lease, now: Timestamp) -> Vec<Change> {
    vec![Change::CustomerDone(Progress {
        generation: monite_bridge::domain::Generation::FIRST,
        state: SyncState::InSync,
        attempts: 0,
        due_at: None,
        error: None,
        unanswered_until: None,
        at: now,
    })]
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
