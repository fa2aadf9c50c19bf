//! Customers and their users from a stream of lines, NDJSON or CSV. Memory does not grow with the stream.
//!
//! A line that cannot be used is answered with its number and every reason, and disturbs no other line.

mod csv;
mod csv_header;
mod ndjson;

use std::sync::Arc;

use tokio::io::AsyncBufRead;

use crate::domain::document::{FieldError, parse_record, record_id};
use crate::domain::role::RoleTemplates;

pub use self::csv::CsvLines;
pub use self::ndjson::NdjsonLines;
pub use crate::domain::document::ImportRecord;

/// Bytes a line may have, line break not counted: far more than any customer, and little enough to hold in memory per stream.
pub const LONGEST_LINE: usize = 1024 * 1024;

/// One line of the input. Blank lines are not reported.
#[derive(Debug)]
pub struct Line {
    /// The number of the line in the input, from 1; of a CSV row that spans lines, the first.
    pub number: u64,
    /// What the line says, or why it cannot be used.
    pub result: Result<ImportRecord, LineError>,
}

/// Why one line cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineError {
    /// The customer's id, if the line could be read that far. Not checked.
    pub id: Option<String>,
    /// Every reason.
    pub errors: Vec<FieldError>,
}

/// What the input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON document per line.
    Ndjson,
    /// A header row with the names of fields, then one customer per row.
    Csv,
}

/// Why the input as a whole cannot be read, or not any further.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntakeError {
    /// The header of a CSV file cannot be used; nothing has been read.
    #[error("the header of the CSV file cannot be used: {}", .0.join("; "))]
    Header(Vec<String>),
    /// The input broke off.
    #[error("the input could not be read")]
    Read(#[from] std::io::Error),
}

/// Lines of either format.
pub enum Intake<R> {
    /// See [`NdjsonLines`].
    Ndjson(NdjsonLines<R>),
    /// See [`CsvLines`].
    Csv(CsvLines<R>),
}

impl<R: AsyncBufRead + Unpin> Intake<R> {
    /// Starts reading. For CSV this reads the header and refuses one that cannot be used.
    ///
    /// # Errors
    /// A CSV header with unknown or repeated columns or without an `id`; an input that cannot be read.
    pub async fn open(reader: R, format: Format, roles: impl Into<Arc<RoleTemplates>>) -> Result<Self, IntakeError> {
        let roles = roles.into();
        Ok(match format {
            Format::Ndjson => Self::Ndjson(NdjsonLines::new(reader, roles)),
            Format::Csv => Self::Csv(CsvLines::open(reader, roles).await?),
        })
    }

    /// The next line, `None` at the end. Dropping the future loses nothing: the next call goes on where it was.
    ///
    /// # Errors
    /// When the input cannot be read. Lines that cannot be used are no errors here.
    pub async fn next(&mut self) -> Result<Option<Line>, IntakeError> {
        match self {
            Self::Ndjson(lines) => Ok(lines.next().await?),
            Self::Csv(lines) => Ok(lines.next().await?),
        }
    }
}

/// A document that could be read as JSON, checked.
fn checked(number: u64, value: &serde_json::Value, roles: &RoleTemplates) -> Line {
    let result = parse_record(value, roles).map_err(|errors| LineError { id: shown_id(value), errors });
    Line { number, result }
}

/// A line that could not even be read as a document.
fn unreadable(number: u64, message: impl Into<String>) -> Line {
    Line { number, result: Err(LineError { id: None, errors: vec![FieldError::of_document(message)] }) }
}

/// The id to name the line by, as long as an id can be.
fn shown_id(value: &serde_json::Value) -> Option<String> {
    record_id(value).map(|id| id.chars().take(crate::domain::id::MAX_ID_LENGTH).collect())
}

#[cfg(test)]
mod tests;
