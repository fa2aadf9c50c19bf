//! One import on its way: reading and parsing beside the store, which writes many lines at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::stream::unfold;
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use monite::Clock;
use serde::Serialize;
use tokio::sync::mpsc;

use super::super::progress::Progress;
use super::source::{Counted, Source};
use crate::assemble::Setup;
use crate::domain::document::FieldError;
use crate::domain::role::RoleTemplates;
use crate::intake::{Intake, IntakeError, Line};
use crate::store::{Imported, Store, StoreError};

/// Lines stored in one transaction: enough that the commit costs little per line, few enough that memory stays small.
const LINES_PER_TRANSACTION: usize = 4_000;

/// A line that has arrived is stored after this long even if the batch is not full.
const LINGER: Duration = Duration::from_millis(100);

/// Batches in the hands of the store: one is written while the next is made ready.
const AT_ONCE: usize = 2;

/// One import on its way.
pub(crate) struct Run<'a> {
    store: &'a dyn Store,
    setup: &'a Setup,
    progress: &'a Progress,
    /// So far.
    pub(crate) counts: Counts,
}

impl<'a> Run<'a> {
    pub(crate) fn new(store: &'a dyn Store, setup: &'a Setup, progress: &'a Progress) -> Self {
        Self { store, setup, progress, counts: Counts::default() }
    }

    /// Three things at the same time: reading and parsing the lines to come, making those before them ready to be written, and
    /// writing. Tells `refused` of every line that is not stored, in the order of the lines.
    pub(crate) async fn all(
        &mut self, source: Source, refused: &mut (dyn FnMut(Refusal) + Send),
    ) -> Result<(), ImportError> {
        let (length, bytes) = (source.length, Arc::clone(&source.reader.count));
        let (send, batches) = mpsc::channel(1);
        let reader = tokio::spawn(read(source, Arc::clone(&self.setup.templates), Arc::clone(&self.setup.clock), send));
        let (store, setup) = (self.store, self.setup);
        let outcomes = unfold(batches, |mut batches| async { Some((batches.recv().await?, batches)) })
            .map(|batch: Vec<Line>| store_batch(store, batch, setup.now()))
            .buffered(AT_ONCE);
        let mut outcomes = std::pin::pin!(outcomes);
        while let Some((counts, refusals)) = outcomes.try_next().await? {
            self.counts.add(counts);
            refusals.into_iter().for_each(&mut *refused);
            self.progress.set_by_bytes(self.counts.lines, bytes.load(Ordering::Relaxed), length);
        }
        match reader.await {
            Ok(read) => Ok(read?),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
}

/// Stores a batch in one transaction.
async fn store_batch(
    store: &dyn Store, lines: Vec<Line>, now: Timestamp,
) -> Result<(Counts, Vec<Refusal>), StoreError> {
    let mut counts = Counts { lines: lines.len() as u64, ..Counts::default() };
    let (mut numbers, mut records, mut refusals) = (Vec::new(), Vec::new(), Vec::new());
    for Line { number, result } in lines {
        match result {
            Ok(record) => {
                numbers.push(number);
                records.push(record);
            }
            Err(error) => refusals.push(Refusal { line: number, id: error.id, errors: error.errors }),
        }
    }
    let outcomes = store.import(&records, now).await?;
    for ((line, record), outcome) in numbers.into_iter().zip(&records).zip(outcomes) {
        match outcome {
            Imported::Stored { created, changed, unchanged } => counts.add_stored(created, changed, unchanged),
            Imported::Refused(errors) => refusals.push(Refusal { line, id: Some(record.id.to_string()), errors }),
        }
    }
    refusals.sort_by_key(|refusal| refusal.line);
    counts.refused = refusals.len() as u64;
    Ok((counts, refusals))
}

/// Hands on whole batches: a message for each line would wake the other side for each line.
async fn read(
    source: Source, templates: Arc<RoleTemplates>, clock: Arc<dyn Clock>, batches: mpsc::Sender<Vec<Line>>,
) -> Result<(), IntakeError> {
    let mut intake = Intake::open(source.reader, source.format, templates).await?;
    loop {
        let (batch, outcome) = next_batch(&mut intake, clock.as_ref()).await;
        let is_over = batch.is_empty();
        // What was read before the input broke off is stored. When the store failed, nobody takes lines any more.
        let is_taken = is_over || batches.send(batch).await.is_ok();
        outcome?;
        if is_over || !is_taken {
            return Ok(());
        }
    }
}

/// The next lines, none once the input is over. Of an input that comes slowly, those that came while the first one lingered.
async fn next_batch(intake: &mut Intake<Counted>, clock: &dyn Clock) -> (Vec<Line>, Result<(), IntakeError>) {
    let mut batch = Vec::new();
    let mut linger = clock.sleep(LINGER);
    while batch.len() < LINES_PER_TRANSACTION {
        let line = tokio::select! {
            biased;
            line = intake.next() => line,
            () = &mut linger, if !batch.is_empty() => break,
        };
        match line {
            Ok(Some(line)) => batch.push(line),
            Ok(None) => break,
            Err(error) => return (batch, Err(error)),
        }
    }
    (batch, Ok(()))
}

/// What became of all lines.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Lines read, blank ones left out.
    pub(crate) lines: u64,
    /// Lines stored.
    pub(crate) stored: u64,
    /// Customers and users that were not there before.
    pub(crate) created: u64,
    /// Customers and users that replaced something else.
    pub(crate) changed: u64,
    /// Customers and users that were there already.
    pub(crate) unchanged: u64,
    /// Lines refused.
    #[serde(rename = "lines_refused")]
    pub(crate) refused: u64,
}

impl Counts {
    fn add(&mut self, more: Self) {
        self.lines += more.lines;
        self.stored += more.stored;
        self.created += more.created;
        self.changed += more.changed;
        self.unchanged += more.unchanged;
        self.refused += more.refused;
    }

    fn add_stored(&mut self, created: u32, changed: u32, unchanged: u32) {
        self.stored += 1;
        self.created += u64::from(created);
        self.changed += u64::from(changed);
        self.unchanged += u64::from(unchanged);
    }
}

/// A line of which nothing was stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Refusal {
    /// From 1.
    pub(crate) line: u64,
    /// The customer, if the line names one.
    pub(crate) id: Option<String>,
    pub(crate) errors: Vec<FieldError>,
}

/// Why an import ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    #[error(transparent)]
    Intake(#[from] IntakeError),
    #[error(transparent)]
    Store(#[from] StoreError),
}
