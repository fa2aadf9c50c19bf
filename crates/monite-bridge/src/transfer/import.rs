//! From text to an empty database.

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

use super::{FORM, First, Last, PAGE, TransferError};
use crate::store::saved::{Portable, Restore, Restored, Saved, SavedCounts};

/// The longest line that is read. Ours are far shorter; a file that is something else must not fill the memory.
pub const LONGEST_LINE: u64 = 16 * 1024 * 1024;

/// Brings a state into an empty database, or into one where another import of a state did not end. Nobody else can open the database
/// until it is whole. Should anything be wrong with the text, the database is empty again in the end. `run` is a word no other run has.
///
/// # Errors
/// [`TransferError`]
pub async fn import(
    store: &dyn Portable, run: &str, from: &mut (dyn AsyncBufRead + Send + Unpin),
) -> Result<SavedCounts, TransferError> {
    let import = Import { store, run: run.to_owned() };
    let mut lines = Lines { from, line: 0 };
    lines.first().await?;
    import.begin().await?;
    match import.all(&mut lines).await {
        Ok(counts) => Ok(counts),
        Err(TransferError::Overtaken) => Err(TransferError::Overtaken),
        Err(error) => {
            // Whether or not this succeeds, the error to be told is the one that came first.
            if let Err(left) = import.abandon().await {
                tracing::warn!(error = &left as &dyn std::error::Error, "a part of the state is left in the database");
            }
            Err(error)
        }
    }
}

struct Import<'a> {
    store: &'a dyn Portable,
    run: String,
}

impl Import<'_> {
    async fn begin(&self) -> Result<(), TransferError> {
        match self.step(Restore::Begin { run: self.run.clone() }).await? {
            Restored::More => self.clear().await,
            _ => Ok(()),
        }
    }

    async fn clear(&self) -> Result<(), TransferError> {
        while self.step(Restore::Clear { run: self.run.clone() }).await? == Restored::More {}
        Ok(())
    }

    async fn all(&self, lines: &mut Lines<'_>) -> Result<SavedCounts, TransferError> {
        let (mut counts, mut page) = (SavedCounts::default(), Vec::new());
        let expected = loop {
            match lines.next().await? {
                Line::Record(record) => {
                    counts.add(&record);
                    page.push(*record);
                }
                Line::End(expected) => break expected,
            }
            if page.len() >= PAGE as usize {
                self.page(&mut page).await?;
            }
        };
        if expected != counts {
            return Err(lines.unusable("the last line counts other records than there are: some are missing"));
        }
        self.page(&mut page).await?;
        lines.over().await?;
        self.step(Restore::End { run: self.run.clone(), counts }).await?;
        Ok(counts)
    }

    async fn page(&self, page: &mut Vec<Saved>) -> Result<(), TransferError> {
        self.step(Restore::Page { run: self.run.clone(), records: std::mem::take(page) }).await.map(drop)
    }

    /// Leaves an empty database behind.
    async fn abandon(&self) -> Result<(), TransferError> {
        self.clear().await?;
        self.step(Restore::End { run: self.run.clone(), counts: SavedCounts::default() }).await.map(drop)
    }

    async fn step(&self, step: Restore) -> Result<Restored, TransferError> {
        match self.store.restore(&step).await? {
            Restored::NotEmpty => Err(TransferError::NotEmpty),
            Restored::Overtaken => Err(TransferError::Overtaken),
            Restored::Miscounted => Err(TransferError::Disturbed),
            done => Ok(done),
        }
    }
}

enum Line {
    Record(Box<Saved>),
    End(SavedCounts),
}

struct Lines<'a> {
    from: &'a mut (dyn AsyncBufRead + Send + Unpin),
    line: u64,
}

impl Lines<'_> {
    async fn first(&mut self) -> Result<(), TransferError> {
        let text = self.read().await?;
        match serde_json::from_str(&text) {
            Ok(First { monite_bridge_state: FORM }) => Ok(()),
            Ok(First { monite_bridge_state: form }) => Err(self.unusable(&format!(
                "this is a state of form {form}, and this version of monite-bridge reads form {FORM}"
            ))),
            Err(_) => Err(self.unusable("this is no state that `monite-bridge export` wrote")),
        }
    }

    async fn next(&mut self) -> Result<Line, TransferError> {
        let text = self.read().await?;
        if text.starts_with("{\"end\":") {
            let last: Last = serde_json::from_str(&text).map_err(|error| self.unusable(&error.to_string()))?;
            return Ok(Line::End(last.end));
        }
        let record: Saved = serde_json::from_str(&text).map_err(|error| self.unusable(&error.to_string()))?;
        record.check().map_err(|reason| self.unusable(&reason))?;
        Ok(Line::Record(Box::new(record)))
    }

    /// Nothing may follow the last line.
    async fn over(&mut self) -> Result<(), TransferError> {
        match self.from.fill_buf().await?.is_empty() {
            true => Ok(()),
            false => Err(self.unusable("something follows the last line")),
        }
    }

    async fn read(&mut self) -> Result<String, TransferError> {
        self.line += 1;
        let mut bytes = Vec::new();
        (&mut *self.from).take(LONGEST_LINE).read_until(b'\n', &mut bytes).await?;
        if bytes.pop() != Some(b'\n') {
            return Err(self.unusable("the text breaks off here"));
        }
        String::from_utf8(bytes).map_err(|_| self.unusable("this is not UTF-8"))
    }

    fn unusable(&self, reason: &str) -> TransferError {
        TransferError::Unusable { line: self.line, reason: reason.to_owned() }
    }
}
