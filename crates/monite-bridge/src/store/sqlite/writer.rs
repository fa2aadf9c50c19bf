//! The one writer: a task that owns the only connection that writes, and commits what is waiting together.
//!
//! SQLite has one writer at a time whatever we do; several connections only make them wait for each other. One commit costs
//! one flush to disk however many writes it holds, so the busier the store, the cheaper each write.

use async_trait::async_trait;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use super::super::StoreError;

/// Writes that share a commit. Bounds how long the first of them waits for the last.
const GROUP_WEIGHT: usize = 64;

/// Writes that may wait for the writer; more make their callers wait.
const QUEUE: usize = 1024;

/// A write as data. It runs inside a transaction, and again from the start when another write of its group failed: it must
/// not keep anything from a run that was not committed.
#[async_trait]
pub(super) trait Write: Send + Sync + 'static {
    /// What the caller gets once it is durable.
    type Answer: Send + 'static;

    /// How many ordinary writes it is worth, for the size of a group.
    fn weight(&self) -> usize {
        1
    }

    /// Does it. A refusal is an answer; an error undoes it.
    async fn run(&self, tx: &mut SqliteConnection) -> Result<Self::Answer, StoreError>;
}

/// The way to the writer.
#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
}

enum Message {
    Write(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

impl Writer {
    /// Starts the task that owns `connection`. It ends with [`Writer::close`], or when every `Writer` is dropped.
    pub(super) fn start(connection: SqliteConnection) -> Self {
        let (queue, inbox) = mpsc::channel(QUEUE);
        tokio::spawn(serve(connection, inbox));
        Self { queue }
    }

    /// Runs one write; answers when it is durable. Dropping the future does not undo it.
    pub(super) async fn write<W: Write>(&self, write: W) -> Result<W::Answer, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Pending { write, outcome: None, reply };
        self.queue.send(Message::Write(Box::new(job))).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Finishes what was asked for before, then closes the connection.
    pub(super) async fn close(&self) {
        let (reply, done) = oneshot::channel();
        if self.queue.send(Message::Close(reply)).await.is_ok() {
            // An error means that the task has ended: closed as well.
            let _ = done.await;
        }
    }
}

async fn serve(mut connection: SqliteConnection, mut inbox: mpsc::Receiver<Message>) {
    let mut closing = Vec::new();
    while let Some(first) = inbox.recv().await {
        let group = gather(first, &mut inbox, &mut closing);
        if !group.is_empty() {
            commit(&mut connection, group).await;
        }
        if !closing.is_empty() {
            inbox.close(); // whoever is in the queue by now is still served
        }
    }
    if let Err(error) = connection.close().await {
        tracing::warn!(error = &error as &dyn std::error::Error, "closing the database");
    }
    for reply in closing {
        let _ = reply.send(());
    }
}

/// `first` and what waits behind it, up to the weight of a group.
fn gather(
    first: Message, inbox: &mut mpsc::Receiver<Message>, closing: &mut Vec<oneshot::Sender<()>>,
) -> Vec<Box<dyn Job>> {
    let mut group = Vec::new();
    let mut weight = 0;
    let mut next = Some(first);
    while let Some(message) = next {
        match message {
            Message::Close(reply) => closing.push(reply),
            Message::Write(job) => {
                weight += job.weight();
                group.push(job);
            }
        }
        next = if weight < GROUP_WEIGHT { inbox.try_recv().ok() } else { None };
    }
    group
}

/// Commits the group together; when that fails, each by itself, so that one bad write takes no other down.
async fn commit(connection: &mut SqliteConnection, mut group: Vec<Box<dyn Job>>) {
    match attempt(connection, &mut group).await {
        Ok(()) => group.into_iter().for_each(|job| job.answer(Ok(()))),
        Err(error) if group.len() == 1 || is_begin(&error) => {
            group.into_iter().for_each(|job| job.answer(Err(error.copy())));
        }
        Err(_) => {
            for mut job in group {
                let outcome = attempt(connection, std::slice::from_mut(&mut job)).await;
                job.answer(outcome);
            }
        }
    }
}

/// One transaction around all of `group`. `IMMEDIATE`: takes the write lock at once, waiting for other processes here and not
/// in the middle, where a transaction that began as a reader could only fail.
async fn attempt(connection: &mut SqliteConnection, group: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    let outcome = run_all(connection, group).await;
    if outcome.is_err() {
        // Fails when SQLite has undone the transaction by itself (disk full), which is what it is for.
        let _ = sqlx::query("ROLLBACK").execute(&mut *connection).await;
    }
    outcome
}

async fn run_all(connection: &mut SqliteConnection, group: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    execute(connection, BEGIN, "BEGIN IMMEDIATE").await?;
    for job in group {
        job.run(connection).await?;
    }
    execute(connection, "commit", "COMMIT").await
}

const BEGIN: &str = "begin";

async fn execute(
    connection: &mut SqliteConnection, operation: &'static str, sql: &'static str,
) -> Result<(), StoreError> {
    sqlx::query(sql).execute(connection).await.map(drop).map_err(|source| StoreError::Database { operation, source })
}

fn is_begin(error: &StoreError) -> bool {
    matches!(error, StoreError::Database { operation: BEGIN, .. })
}

/// A [`Write`] with its caller, whatever it answers.
#[async_trait]
trait Job: Send {
    fn weight(&self) -> usize;
    async fn run(&mut self, tx: &mut SqliteConnection) -> Result<(), StoreError>;
    /// Hands out what the last run brought, or why there is nothing.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Pending<W: Write> {
    write: W,
    outcome: Option<W::Answer>,
    reply: oneshot::Sender<Result<W::Answer, StoreError>>,
}

#[async_trait]
impl<W: Write> Job for Pending<W> {
    fn weight(&self) -> usize {
        self.write.weight()
    }

    async fn run(&mut self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        self.outcome = Some(self.write.run(tx).await?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let Self { outcome, reply, .. } = *self;
        // A caller that went away still has its write.
        let _ = reply.send(committed.and_then(|()| outcome.ok_or(StoreError::Closed)));
    }
}
