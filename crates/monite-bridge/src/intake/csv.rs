use std::io;
use std::sync::Arc;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

use super::csv_header::{Column, columns, document};
use super::{IntakeError, LONGEST_LINE, Line, checked, unreadable};
use crate::domain::role::RoleTemplates;

/// Reads customers from CSV (RFC 4180): a header row with dotted names of fields, then one customer per row. The separator is `,`
/// or `;`, whichever the header uses; quotes may hold separators and line breaks; an empty cell is an absent field.
pub struct CsvLines<R> {
    reader: R,
    roles: Arc<RoleTemplates>,
    columns: Vec<Column>,
    /// Boxed: its transition table is ten times larger than all the rest.
    parser: Box<Reader>,
    place: Place,
    row: Row,
}

impl<R: AsyncBufRead + Unpin> CsvLines<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// When the header names unknown or repeated columns or no `id`; when `reader` fails.
    pub async fn open(mut reader: R, roles: Arc<RoleTemplates>) -> Result<Self, IntakeError> {
        let header = read_header_line(&mut reader).await?;
        let mut parser = Box::new(ReaderBuilder::new().delimiter(separator(&header)).build());
        let columns = read_header(&header, &mut parser).map_err(IntakeError::Header)?;
        Ok(Self { reader, roles, columns, parser, place: Place { line: 2, after_cr: false }, row: Row::default() })
    }

    /// The next row that is not blank, `None` at the end. Dropping the future loses nothing: the next call goes on where it was.
    ///
    /// # Errors
    /// When `reader` fails.
    pub async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let input = self.reader.fill_buf().await?;
            if self.row.starts_at.is_none() {
                let breaks = input.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
                if breaks > 0 {
                    self.place.pass(&input[..breaks]);
                    self.reader.consume(breaks);
                    continue;
                }
                self.row.starts_at = Some(self.place.line);
            }
            let (result, used) = self.row.feed(&mut self.parser, input);
            self.place.pass(&input[..used]);
            self.reader.consume(used);
            match result {
                ReadRecordResult::Record => {
                    let row = std::mem::take(&mut self.row);
                    let line = row.into_line(&self.columns, &self.roles);
                    if line.is_some() {
                        return Ok(line);
                    }
                }
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::InputEmpty | ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {}
            }
        }
    }
}

/// How far the file is read.
struct Place {
    /// Number of the line that the next byte belongs to, from 1.
    line: u64,
    /// A `\n` now belongs to the line break that was counted already.
    after_cr: bool,
}

impl Place {
    /// A line ends where a row does: with `\n`, `\r\n`, or `\r` alone.
    fn pass(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.line += u64::from(*byte == b'\r' || (*byte == b'\n' && !self.after_cr));
            self.after_cr = *byte == b'\r';
        }
    }
}

/// The row that is being read.
#[derive(Default)]
struct Row {
    /// Number of its first line; `None` before its first byte.
    starts_at: Option<u64>,
    /// Its cells, one after the other; the first `filled` bytes count. Never longer than [`LONGEST_LINE`].
    cells: Vec<u8>,
    filled: usize,
    /// Where each cell ends; the first `ended` count.
    ends: Vec<usize>,
    ended: usize,
    /// Too many bytes or cells: the rest is read and forgotten.
    is_too_long: bool,
}

impl Row {
    /// No customer has so many fields; the bound keeps a file of separators from filling the memory.
    const MOST_CELLS: usize = 1024;

    /// Gives `input` to the parser; tells how it went and how many bytes were used.
    fn feed(&mut self, parser: &mut Reader, input: &[u8]) -> (ReadRecordResult, usize) {
        self.make_room();
        let (result, used, written, ended) =
            parser.read_record(input, &mut self.cells[self.filled..], &mut self.ends[self.ended..]);
        self.filled += written;
        self.ended += ended;
        (result, used)
    }

    fn make_room(&mut self) {
        if self.filled == LONGEST_LINE || self.ended == Self::MOST_CELLS {
            (self.is_too_long, self.filled, self.ended) = (true, 0, 0);
        }
        if self.filled == self.cells.len() {
            self.cells.resize((self.cells.len() * 2).clamp(1024, LONGEST_LINE), 0);
        }
        if self.ended == self.ends.len() {
            self.ends.resize((self.ends.len() * 2).clamp(32, Self::MOST_CELLS), 0);
        }
    }

    /// What the complete row says; `None` when all of its cells are empty.
    fn into_line(self, columns: &[Column], roles: &RoleTemplates) -> Option<Line> {
        let number = self.starts_at.unwrap_or_default();
        if self.is_too_long {
            return Some(unreadable(
                number,
                format!("the row is longer than {LONGEST_LINE} bytes; is a closing quote missing?"),
            ));
        }
        let Some(cells) = self.texts() else {
            return Some(unreadable(number, "the row is not UTF-8; save the file with that encoding"));
        };
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            return None;
        }
        if cells.len() != columns.len() {
            return Some(unreadable(
                number,
                format!("the row has {} cells, the header has {}; is a quote missing?", cells.len(), columns.len()),
            ));
        }
        Some(checked(number, &document(columns, cells.into_iter()), roles))
    }

    /// The cells as texts; `None` when one of them is not UTF-8.
    fn texts(&self) -> Option<Vec<&str>> {
        let mut start = 0;
        self.ends[..self.ended]
            .iter()
            .map(|end| {
                let cell = self.cells.get(start..*end)?;
                start = *end;
                std::str::from_utf8(cell).ok()
            })
            .collect()
    }
}

/// The first line with its line break, without a byte order mark. Names of fields hold no line breaks.
async fn read_header_line<R: AsyncBufRead + Unpin>(reader: &mut R) -> Result<Vec<u8>, IntakeError> {
    const LONGEST_HEADER: u64 = 64 * 1024;
    let mut line = Vec::new();
    let mut bounded = tokio::io::AsyncReadExt::take(reader, LONGEST_HEADER);
    bounded.read_until(b'\n', &mut line).await?;
    if !line.ends_with(b"\n") {
        line.push(b'\n');
    }
    if let Some(rest) = line.strip_prefix(b"\xef\xbb\xbf") {
        line = rest.to_vec();
    }
    Ok(line)
}

/// Names of fields contain neither, so the more frequent one separates.
fn separator(header: &[u8]) -> u8 {
    let count = |byte| header.iter().filter(|b| **b == byte).count();
    if count(b';') > count(b',') { b';' } else { b',' }
}

fn read_header(line: &[u8], parser: &mut Reader) -> Result<Vec<Column>, Vec<String>> {
    const EXPECTED: &str = "the first line must name the fields: id, type, email, address.country, ...";
    let mut row = Row::default();
    let mut rest = line;
    loop {
        let (result, used) = row.feed(parser, rest);
        rest = &rest[used..];
        match result {
            ReadRecordResult::Record => break,
            ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull if !row.is_too_long => {}
            _ => return Err(vec![EXPECTED.to_owned()]),
        }
    }
    match row.texts() {
        Some(names) => columns(names.into_iter()),
        None => Err(vec!["it is not UTF-8; save the file with that encoding".to_owned()]),
    }
}
