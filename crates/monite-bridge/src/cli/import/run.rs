//! One import on its way: reading and parsing beside the store, which writes many lines at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Serialize;
use tokio::sync::mpsc;

use super::super::progress::Progress;
use super::source::Source;
use crate::assemble::Setup;
use crate::domain::document::FieldError;
use crate::domain::role::RoleTemplates;
use crate::intake::{Intake, IntakeError, Line};
use crate::store::{Imported, Store, StoreError};

/// Lines stored in one transaction: enough that the commit costs little per line, few enough that memory stays small.
const LINES_PER_TRANSACTION: usize = 10_000;

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

    /// Reads and parses in the background while the store writes; tells `refused` of every line that is not stored.
    pub(crate) async fn all(
        &mut self, source: Source, refused: &mut (dyn FnMut(Refusal) + Send),
    ) -> Result<(), ImportError> {
        let (length, bytes) = (source.length, Arc::clone(&source.reader.count));
        let (send, mut lines) = mpsc::channel(LINES_PER_TRANSACTION);
        let reader = tokio::spawn(read(source, Arc::clone(&self.setup.templates), send));
        let mut batch = Vec::new();
        while lines.recv_many(&mut batch, LINES_PER_TRANSACTION).await > 0 {
            for refusal in self.store(batch.drain(..)).await? {
                refused(refusal);
            }
            self.progress.set_by_bytes(self.counts.lines, bytes.load(Ordering::Relaxed), length);
        }
        match reader.await {
            Ok(read) => Ok(read?),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    async fn store(&mut self, lines: impl Iterator<Item = Line>) -> Result<Vec<Refusal>, StoreError> {
        let (mut numbers, mut records, mut refusals) = (Vec::new(), Vec::new(), Vec::new());
        for Line { number, result } in lines {
            self.counts.lines += 1;
            match result {
                Ok(record) => {
                    numbers.push(number);
                    records.push(record);
                }
                Err(error) => refusals.push(Refusal { line: number, id: error.id, errors: error.errors }),
            }
        }
        let outcomes = self.store.import(&records, self.setup.now()).await?;
        for ((line, record), outcome) in numbers.into_iter().zip(&records).zip(outcomes) {
            match outcome {
                Imported::Stored { created, changed, unchanged } => self.counts.add(created, changed, unchanged),
                Imported::Refused(errors) => refusals.push(Refusal { line, id: Some(record.id.to_string()), errors }),
            }
        }
        refusals.sort_by_key(|refusal| refusal.line);
        self.counts.refused += refusals.len() as u64;
        Ok(refusals)
    }
}

async fn read(source: Source, templates: Arc<RoleTemplates>, lines: mpsc::Sender<Line>) -> Result<(), IntakeError> {
    let mut intake = Intake::open(source.reader, source.format, templates).await?;
    while let Some(line) = intake.next().await? {
        if lines.send(line).await.is_err() {
            // The store failed: nobody takes lines any more.
            break;
        }
    }
    Ok(())
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
    fn add(&mut self, created: u32, changed: u32, unchanged: u32) {
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
