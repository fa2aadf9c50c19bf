//! `import`: customers and users from a file or a pipe into the store.

use std::path::{Path, PathBuf};

use serde::Serialize;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, BufReader};
use tokio::sync::mpsc;

use super::failure::{Exit, Failure};
use super::output::Output;
use super::progress::Progress;
use super::words;
use crate::assemble::Setup;
use crate::domain::document::FieldError;
use crate::domain::role::RoleTemplates;
use crate::intake::{Format, ImportRecord, Intake, IntakeError, Line};
use crate::store::{Imported, Store, StoreError};

/// Lines stored in one transaction: enough that the commit costs little per line, few enough that memory stays small.
const LINES_PER_TRANSACTION: usize = 10_000;

/// Read from the file at once.
const READ_AHEAD_BYTES: usize = 256 * 1024;

/// Bring customers and users from a file or a pipe into the store
#[derive(Debug, clap::Args)]
pub(super) struct Import {
    /// NDJSON, or CSV with a header row; `-` reads stdin
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    /// What the file is, when its name does not say it
    #[arg(long, value_enum)]
    format: Option<FormatName>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum FormatName {
    /// One JSON document per line
    Ndjson,
    /// A header row with dotted names, then one customer per row
    Csv,
}

/// Lines of customers, wherever they come from.
pub(super) struct Source {
    pub(super) reader: Box<dyn AsyncBufRead + Send + Unpin>,
    pub(super) format: Format,
}

/// What became of all lines.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    /// Lines read, blank ones left out.
    pub(super) lines: u64,
    /// Lines stored.
    pub(super) stored: u64,
    /// Customers and users that were not there before.
    pub(super) created: u64,
    /// Customers and users that replaced something else.
    pub(super) changed: u64,
    /// Customers and users that were there already.
    pub(super) unchanged: u64,
    /// Lines refused.
    #[serde(rename = "lines_refused")]
    pub(super) refused: u64,
}

/// A line of which nothing was stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Refusal {
    /// From 1.
    pub(super) line: u64,
    /// The customer, if the line names one.
    pub(super) id: Option<String>,
    pub(super) errors: Vec<FieldError>,
}

/// Why an import ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum ImportError {
    #[error(transparent)]
    Intake(#[from] IntakeError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Import {
    pub(super) async fn run(&self, setup: &Setup, output: &Output) -> Result<Exit, Failure> {
        let source = Source::open(&self.file, self.format).await?;
        let store = setup.open_store().await?;
        let progress = output.progress("importing");
        let mut list = output.list("refused");
        let mut refused = |refusal: Refusal| list.push(&describe(&refusal), &refusal);
        let mut run = Run::new(store.as_ref(), setup, &progress);
        let outcome = run.all(source, &mut refused).await;
        let counts = run.counts;
        drop(progress);
        store.close().await;
        if let Err(error) = outcome {
            return Err(broke_off(&error, counts));
        }
        list.end(&summary(&counts), &counts);
        Ok(Exit::failed_if(counts.refused > 0))
    }
}

impl Source {
    /// Opens `file` (`-`: stdin). The format goes by `format`, else by the file's extension, else by its first character.
    pub(super) async fn open(file: &Path, format: Option<FormatName>) -> Result<Self, Failure> {
        let unreadable = |error: std::io::Error| {
            Failure::usage(
                format!("cannot read {}: {error}", file.display()),
                "Name a file of customers, or - for stdin.",
            )
        };
        let mut reader: Box<dyn AsyncBufRead + Send + Unpin> = if file == Path::new("-") {
            Box::new(BufReader::new(tokio::io::stdin()))
        } else {
            let file = tokio::fs::File::open(file).await.map_err(unreadable)?;
            Box::new(BufReader::with_capacity(READ_AHEAD_BYTES, file))
        };
        let format = match (format, file.extension().and_then(|extension| extension.to_str())) {
            (Some(FormatName::Ndjson), _) | (None, Some("ndjson" | "jsonl" | "json")) => Format::Ndjson,
            (Some(FormatName::Csv), _) | (None, Some("csv")) => Format::Csv,
            (None, _) => sniff(reader.fill_buf().await.map_err(unreadable)?),
        };
        Ok(Self { reader, format })
    }
}

fn broke_off(error: &ImportError, counts: Counts) -> Failure {
    let next = format!(
        "{} stored before that, whole. Run the same import again when the cause is gone: what is stored already is recognised and costs nothing.",
        words::count(counts.stored, "line")
    );
    let failure = Failure::caused_by(error, next);
    match error {
        ImportError::Intake(_) => Failure { exit: Exit::Usage, ..failure },
        ImportError::Store(_) => failure,
    }
}

/// A JSON document begins with a brace; a CSV header does not.
fn sniff(start: &[u8]) -> Format {
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') | None => Format::Ndjson,
        Some(_) => Format::Csv,
    }
}

/// One import on its way.
pub(super) struct Run<'a> {
    store: &'a dyn Store,
    setup: &'a Setup,
    progress: &'a Progress,
    /// So far.
    pub(super) counts: Counts,
}

impl<'a> Run<'a> {
    pub(super) fn new(store: &'a dyn Store, setup: &'a Setup, progress: &'a Progress) -> Self {
        Self { store, setup, progress, counts: Counts::default() }
    }

    /// Reads and parses in the background while the store writes; tells `refused` of every line that is not stored.
    pub(super) async fn all(
        &mut self, source: Source, refused: &mut (dyn FnMut(Refusal) + Send),
    ) -> Result<(), ImportError> {
        let (send, mut lines) = mpsc::channel(LINES_PER_TRANSACTION);
        let reader = tokio::spawn(read(source, self.setup.templates.as_ref().clone(), send));
        let mut batch = Vec::new();
        while lines.recv_many(&mut batch, LINES_PER_TRANSACTION).await > 0 {
            self.store(batch.drain(..), refused).await?;
        }
        match reader.await {
            Ok(read) => Ok(read?),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    async fn store(
        &mut self, lines: impl Iterator<Item = Line>, refused: &mut (dyn FnMut(Refusal) + Send),
    ) -> Result<(), StoreError> {
        let (mut numbers, mut records) = (Vec::new(), Vec::new());
        for Line { number, result } in lines {
            self.counts.lines += 1;
            match result {
                Ok(record) => {
                    numbers.push(number);
                    records.push(record);
                }
                Err(error) => self.refuse(Refusal { line: number, id: error.id, errors: error.errors }, refused),
            }
        }
        let outcomes = self.store.import(&records, self.setup.now()).await?;
        for ((line, record), outcome) in numbers.into_iter().zip(&records).zip(outcomes) {
            self.count(line, record, outcome, refused);
        }
        self.progress.set(self.counts.lines, None);
        Ok(())
    }

    fn count(
        &mut self, line: u64, record: &ImportRecord, outcome: Imported, refused: &mut (dyn FnMut(Refusal) + Send),
    ) {
        match outcome {
            Imported::Stored { created, changed, unchanged } => {
                self.counts.stored += 1;
                self.counts.created += u64::from(created);
                self.counts.changed += u64::from(changed);
                self.counts.unchanged += u64::from(unchanged);
            }
            Imported::Refused(errors) => {
                self.refuse(Refusal { line, id: Some(record.id.to_string()), errors }, refused)
            }
        }
    }

    fn refuse(&mut self, refusal: Refusal, refused: &mut (dyn FnMut(Refusal) + Send)) {
        self.counts.refused += 1;
        refused(refusal);
    }
}

async fn read(source: Source, templates: RoleTemplates, lines: mpsc::Sender<Line>) -> Result<(), IntakeError> {
    let mut intake = Intake::open(source.reader, source.format, templates).await?;
    while let Some(line) = intake.next().await? {
        if lines.send(line).await.is_err() {
            // The store failed: nobody takes lines any more.
            break;
        }
    }
    Ok(())
}

/// `line 17 (acme): address.postal_code: is missing`, one line per wrong field.
pub(super) fn describe(refusal: &Refusal) -> String {
    let id = refusal.id.as_ref().map_or(String::new(), |id| format!(" ({id})"));
    let lines: Vec<String> = refusal
        .errors
        .iter()
        .map(|error| format!("line {}{id}: {}: {}", refusal.line, error.field, error.message))
        .collect();
    lines.join("\n")
}

fn summary(counts: &Counts) -> String {
    let Counts { lines, stored, created, changed, unchanged, refused } = *counts;
    format!(
        "{}: {stored} stored, {refused} refused; customers and users: {created} created, {changed} changed, {unchanged} unchanged",
        words::count(lines, "line")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_character_tells_the_format() {
        for json in ["{\"id\":1}", "\n  {", "\u{feff}{", ""] {
            assert_eq!(sniff(json.as_bytes()), Format::Ndjson, "{json:?}");
        }
        for csv in ["id,type", "\"id\";\"type\"", "\u{feff}id,type"] {
            assert_eq!(sniff(csv.as_bytes()), Format::Csv, "{csv:?}");
        }
    }

    #[test]
    fn every_wrong_field_has_its_line() {
        let error = |field: &str, message: &str| FieldError { field: field.to_owned(), message: message.to_owned() };
        let refusal = Refusal {
            line: 17,
            id: Some("acme".to_owned()),
            errors: vec![error("email", "is missing"), error("type", "is missing")],
        };
        assert_eq!(describe(&refusal), "line 17 (acme): email: is missing\nline 17 (acme): type: is missing");
    }
}
