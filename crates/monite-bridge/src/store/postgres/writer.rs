//! How a write becomes durable exactly once, whatever happens to connection and server meanwhile.
//!
//! A write is data and can be run again from its start. As long as its transaction was not committed, that is safe whatever it does:
//! serialization failures, deadlocks and lost connections are simply run again. When the answer to the COMMIT itself is lost, nobody
//! guesses: the transaction's number was drawn when it began, and the server that is there next is asked what became of it. Committed: the
//! answer that was computed is given out. Undone: it runs again. Not to be found out (a standby took over that may not have received it):
//! the caller is told that it failed, and writes again, or looks, by itself. This one rule serves every method, so none of them needs
//! to be harmless when repeated.

use std::time::Duration;

use async_trait::async_trait;

use super::super::{StoreError, database};
use super::connection::{Pool, Tx, Xid, end, sql};
use super::rows::Columns as _;
use super::signal::Signal;
use super::trouble::{PAUSES, is_passing, leaves_open};

/// A write as data. It runs inside a transaction, and again from the start when that one came to nothing: it must not keep anything
/// from a run that was not committed.
#[async_trait]
pub(super) trait Write: Send + Sync + 'static {
    /// What the caller gets once it is durable.
    type Answer: Send + 'static;

    /// How many ordinary writes it is worth, for the time it may take.
    fn weight(&self) -> usize {
        1
    }

    /// Whether, with this answer, a customer may be due that was not: the other replicas are told.
    fn makes_due(&self, answer: &Self::Answer) -> bool;

    /// Does it. A refusal is an answer; an error undoes it.
    async fn run(&self, tx: &mut Tx) -> Result<Self::Answer, StoreError>;
}

/// Runs writes.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    pub(super) pool: Pool,
    pub(super) signal: Signal,
}

/// How one attempt ended.
enum Attempt<A> {
    Committed(A),
    Undone(StoreError),
    /// The answer to the COMMIT is lost.
    Open(A, Xid, sqlx::Error),
}

impl Writer {
    /// Runs one write; answers when it is durable. Dropping the future does not undo it.
    pub(super) async fn write<W: Write>(&self, write: W) -> Result<W::Answer, StoreError> {
        let this = self.clone();
        // A task of its own: a caller that hangs up must not leave a transaction half done, or its answer unknown.
        let running = tokio::spawn(async move { this.until_durable(&write).await });
        running.await.unwrap_or(Err(StoreError::Closed))
    }

    /// The same on the caller's own task.
    pub(super) async fn until_durable<W: Write>(&self, write: &W) -> Result<W::Answer, StoreError> {
        let mut patience = Patience::of(&self.pool);
        loop {
            let error = match self.attempt(write).await {
                Attempt::Committed(answer) => return Ok(self.told(write, answer)),
                Attempt::Undone(error) => error,
                Attempt::Open(answer, xid, error) => match self.became_of(&xid).await {
                    Some(Fate::Committed) => return Ok(self.told(write, answer)),
                    Some(Fate::Undone) => database("commit")(error),
                    None => return Err(database("commit")(error)),
                },
            };
            if !patience.bears(&error, "a write to the database is run again").await {
                return Err(error);
            }
        }
    }

    fn told<W: Write>(&self, write: &W, answer: W::Answer) -> W::Answer {
        if write.makes_due(&answer) {
            self.signal.tell();
        }
        answer
    }

    async fn attempt<W: Write>(&self, write: &W) -> Attempt<W::Answer> {
        let patience = self.pool.patience * u32::try_from(1 + write.weight() / WEIGHT_OF_PATIENCE).unwrap_or(u32::MAX);
        let (mut tx, xid) = match in_time(patience, "begin", self.pool.write()).await {
            Ok(begun) => begun,
            Err(error) => return Attempt::Undone(error),
        };
        let answer = match in_time(patience, "write", write.run(&mut tx)).await {
            Ok(answer) => answer,
            Err(error) => {
                // Where the connection hangs, giving it up undoes the transaction as well.
                let _ = tokio::time::timeout(self.pool.patience, tx.roll_back()).await;
                return Attempt::Undone(error);
            }
        };
        match tokio::time::timeout(patience, tx.commit()).await.unwrap_or_else(|_| Err(timed_out())) {
            Ok(()) => Attempt::Committed(answer),
            Err(error) if leaves_open(&error) => Attempt::Open(answer, xid, error),
            Err(error) => Attempt::Undone(database("commit")(error)),
        }
    }

    /// Asks what became of a transaction whose COMMIT was not answered; `None` when that cannot be known.
    async fn became_of(&self, xid: &Xid) -> Option<Fate> {
        for pause in PAUSES {
            match in_time(self.pool.patience, "commit_fate", self.fate(xid)).await {
                Ok(Known::Fate(fate)) => return Some(fate),
                Ok(Known::Never) => return None,
                Ok(Known::NotYet) => {}
                Err(error) if !is_passing(&error) => return None,
                Err(_) => {}
            }
            tokio::time::sleep(pause).await;
        }
        None
    }

    async fn fate(&self, xid: &Xid) -> Result<Known, StoreError> {
        let mut tx = self.pool.read().await?;
        let row = sql(
            "-- commit_fate
             SELECT pg_xact_status($1::text::xid8) AS fate, left(pg_walfile_name(pg_current_wal_lsn()), 8) AS timeline",
        )
        .bind(xid.number.as_str())
        .one(&mut tx)
        .await?;
        end(tx, &Ok(()));
        let known = match row.text_or_null("fate")?.as_deref() {
            // On another timeline the number may be that of another transaction.
            _ if row.text("timeline")? != xid.timeline => Known::Never,
            Some("committed") => Known::Fate(Fate::Committed),
            Some("aborted") => Known::Fate(Fate::Undone),
            Some(_) => Known::NotYet,
            None => Known::Never,
        };
        Ok(known)
    }
}

/// How often, and how long, something is tried again.
pub(super) struct Patience {
    pauses: std::array::IntoIter<Duration, { PAUSES.len() }>,
    until: tokio::time::Instant,
}

impl Patience {
    pub(super) fn of(pool: &Pool) -> Self {
        // Attempts that fail at once are ended by their number; those that hang, by the time.
        Self { pauses: PAUSES.into_iter(), until: tokio::time::Instant::now() + 2 * pool.patience }
    }

    /// Whether it is worth trying again after this error; returns when the next try is due.
    pub(super) async fn bears(&mut self, error: &StoreError, what: &'static str) -> bool {
        if !is_passing(error) || tokio::time::Instant::now() >= self.until {
            return false;
        }
        let Some(pause) = self.pauses.next() else { return false };
        tracing::warn!(error = error as &dyn std::error::Error, "{what}");
        tokio::time::sleep(pause).await;
        true
    }
}

/// Writes that may take as long as one trip, together: an import of thousands of records is one statement that works for a while.
const WEIGHT_OF_PATIENCE: usize = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Committed,
    Undone,
}

enum Known {
    Fate(Fate),
    /// The server still works on it.
    NotYet,
    /// It is too long ago, or on a timeline that is gone.
    Never,
}

/// Bounds a step; a server that does not answer is as good as a lost connection.
pub(super) async fn in_time<T>(
    patience: Duration, operation: &'static str, step: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    tokio::time::timeout(patience, step).await.unwrap_or_else(|_| Err(database(operation)(timed_out())))
}

fn timed_out() -> sqlx::Error {
    sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())
}
