use std::io;
use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

use super::{LONGEST_LINE, Line, checked, unreadable};
use crate::domain::role::RoleTemplates;

/// Reads one JSON document per line. A byte order mark at the start, blank lines and `\r\n` are tolerated.
pub struct NdjsonLines<R> {
    reader: R,
    roles: Arc<RoleTemplates>,
    /// Number of the line in `line`, from 1.
    number: u64,
    /// The current line as far as it has arrived; never longer than [`LONGEST_LINE`].
    line: Vec<u8>,
    /// The rest of a line that is too long is read and forgotten.
    is_too_long: bool,
}

impl<R: AsyncBufRead + Unpin> NdjsonLines<R> {
    /// Reads from `reader`; users may have the roles of `roles`.
    pub fn new(reader: R, roles: Arc<RoleTemplates>) -> Self {
        Self { reader, roles, number: 1, line: Vec::new(), is_too_long: false }
    }

    /// The next line that is not blank, `None` at the end. Dropping the future loses nothing: the next call goes on where it was.
    ///
    /// # Errors
    /// When `reader` fails.
    pub async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let chunk = self.reader.fill_buf().await?;
            let is_end = chunk.is_empty();
            let line_break = chunk.iter().position(|byte| *byte == b'\n');
            let part = &chunk[..line_break.unwrap_or(chunk.len())];
            if self.line.len() + part.len() > LONGEST_LINE {
                self.is_too_long = true;
                self.line.clear();
            } else if !self.is_too_long {
                self.line.extend_from_slice(part);
            }
            let used = part.len() + usize::from(line_break.is_some());
            self.reader.consume(used);
            if line_break.is_none() && !is_end {
                continue;
            }
            let line = self.finish_line();
            if line.is_some() || is_end {
                return Ok(line);
            }
        }
    }

    /// What the collected line says, and room for the next one.
    fn finish_line(&mut self) -> Option<Line> {
        let number = self.number;
        self.number += 1;
        let line = if std::mem::take(&mut self.is_too_long) {
            Some(unreadable(number, format!("the line is longer than {LONGEST_LINE} bytes")))
        } else {
            read(number, &self.line, &self.roles)
        };
        self.line.clear();
        line
    }
}

fn read(number: u64, line: &[u8], roles: &RoleTemplates) -> Option<Line> {
    let line = match line.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) if number == 1 => rest,
        _ => line,
    };
    if line.iter().all(u8::is_ascii_whitespace) {
        return None;
    }
    Some(match serde_json::from_slice::<Value>(line) {
        Ok(value) => checked(number, &value, roles),
        Err(error) => unreadable(number, not_json(number, &error)),
    })
}

/// serde_json counts lines within the text it was given, which here is always one line: put the real number in its place.
fn not_json(number: u64, error: &serde_json::Error) -> String {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or(&text);
    format!("not JSON: {reason} at line {number}, column {}", error.column())
}
