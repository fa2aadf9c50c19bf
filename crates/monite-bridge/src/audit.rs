//! Who did what, when, from where, and how it ended: for the person who has to find out, later.
//!
//! Entries wait in a queue of bounded length and are written in the background, many at once, so that no request waits for them. What
//! waits is written before the process ends in good order; a process that is killed may lose the last moments. Documents and secrets are
//! never in an entry, only ids.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use monite::Clock;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use crate::domain::ObjectId;
use crate::store::{AuditStore, StoreError};

/// Entries that may wait: a minute of a few hundred writes a second, in about 10 MiB at most.
pub const QUEUE: usize = 20_000;

/// Written in one transaction at most.
const AT_ONCE: usize = 500;

/// A database that failed is tried again after so long.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// One thing that somebody did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who: an API key's id, `bootstrap`, `nobody` (without a key that is known), or `cli:` and the user of the host.
    pub who: String,
    /// What: method and route, or the command.
    pub what: String,
    /// To which customer.
    pub customer: Option<String>,
    /// To which user of it.
    pub user: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// How it ended: the status, `done` or `failed` for a command, or `unanswered` when the caller left before. Of refused calls only
    /// so many a minute have an entry; the next one says how many had none.
    pub outcome: String,
    /// The answer's `x-request-id`.
    pub request_id: Option<String>,
}

/// An entry as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditRecord {
    /// Goes up with each entry.
    pub number: i64,
    /// The entry.
    #[serde(flatten)]
    pub entry: AuditEntry,
}

impl AuditEntry {
    /// A command that somebody ran on the host: done, unless [`AuditEntry::ended`] says something else.
    #[must_use]
    pub fn of_command(what: &str, at: Timestamp) -> Self {
        let user = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
        Self {
            at,
            who: format!("cli:{}", user.as_deref().unwrap_or("unknown")),
            what: what.to_owned(),
            customer: None,
            user: None,
            address: None,
            outcome: "done".to_owned(),
            request_id: None,
        }
    }

    /// The same about this object.
    #[must_use]
    pub fn about(mut self, object: &ObjectId) -> Self {
        let (customer, user) = match object {
            ObjectId::Customer(customer) => (customer, None),
            ObjectId::User(customer, user) => (customer, Some(user)),
        };
        (self.customer, self.user) = (Some(customer.to_string()), user.map(ToString::to_string));
        self
    }

    /// The same, which ended like this.
    #[must_use]
    pub fn ended<T, E>(mut self, outcome: &Result<T, E>) -> Self {
        if outcome.is_err() {
            "failed".clone_into(&mut self.outcome);
        }
        self
    }
}

/// The way into the audit log.
#[derive(Debug, Clone)]
pub struct Audit {
    queue: Option<mpsc::Sender<Message>>,
    lost: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Message {
    Entry(Box<AuditEntry>),
    Flush(oneshot::Sender<()>),
}

impl Audit {
    /// Nothing is written.
    #[must_use]
    pub fn off() -> Self {
        Self { queue: None, lost: Arc::default() }
    }

    /// Writes into this store, in a task of its own that ends with the last of the handles.
    #[must_use]
    pub fn start(store: Arc<dyn AuditStore>, clock: Arc<dyn Clock>) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        let writer = Writer { store, clock, lost: Arc::clone(&lost) };
        tokio::spawn(writer.write_all(waiting));
        Self { queue: Some(queue), lost }
    }

    /// Writes this down, soon. Never waits: when the queue is full the entry is lost, counted and named in the log.
    pub fn note(&self, entry: AuditEntry) {
        let Some(queue) = &self.queue else { return };
        if queue.try_send(Message::Entry(Box::new(entry))).is_err() {
            lose(&self.lost, 1);
        }
    }

    /// Returns once everything noted before is written, or was tried in vain.
    pub async fn flush(&self) {
        let Some(queue) = &self.queue else { return };
        let (done, written) = oneshot::channel();
        if queue.send(Message::Flush(done)).await.is_ok() {
            // An error means that the writer is gone, with nothing left to wait for.
            let _ = written.await;
        }
    }

    /// Entries that could not be kept.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

fn lose(lost: &AtomicU64, count: u64) {
    let before = lost.fetch_add(count, Ordering::Relaxed);
    // Not once for each, which would drown the log in what is missing elsewhere.
    if before == 0 || before / 1000 != (before + count) / 1000 {
        tracing::error!(
            lost = before + count,
            "entries of the audit log are lost: the database does not take them in time"
        );
    }
}

struct Writer {
    store: Arc<dyn AuditStore>,
    clock: Arc<dyn Clock>,
    lost: Arc<AtomicU64>,
}

impl Writer {
    async fn write_all(self, mut waiting: mpsc::Receiver<Message>) {
        let mut messages = Vec::with_capacity(AT_ONCE);
        while waiting.recv_many(&mut messages, AT_ONCE).await > 0 {
            let (mut entries, mut flushes) = (Vec::new(), Vec::new());
            for message in messages.drain(..) {
                match message {
                    Message::Entry(entry) => entries.push(*entry),
                    Message::Flush(done) => flushes.push(done),
                }
            }
            if !entries.is_empty() {
                self.write(&entries).await;
            }
            for done in flushes {
                // Nobody waits any more if this fails.
                let _ = done.send(());
            }
        }
    }

    /// Until it is written, unless the store is closed: meanwhile the queue holds what comes.
    async fn write(&self, entries: &[AuditEntry]) {
        let mut complained = false;
        loop {
            match self.store.append_audit(entries).await {
                Ok(()) => return,
                Err(StoreError::Closed) => return lose(&self.lost, entries.len() as u64),
                Err(error) if !complained => {
                    complained = true;
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(
                        error,
                        entries = entries.len(),
                        "the audit log cannot be written; what was done waits in memory and is tried again"
                    );
                }
                Err(_) => {}
            }
            self.clock.sleep(AGAIN_AFTER).await;
        }
    }
}
