//! Where the lines come from: a file, a pipe, or the program itself.

use std::fs::Metadata;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, BufReader, ReadBuf};

use super::super::failure::Failure;
use super::FormatName;
use crate::intake::Format;

/// Read from the file at once.
const READ_AHEAD_BYTES: usize = 256 * 1024;

/// Lines of customers, wherever they come from.
pub(crate) struct Source {
    pub(super) reader: Counted,
    pub(super) format: Format,
    /// How many bytes there are, where that is known.
    pub(super) length: Option<u64>,
}

impl Source {
    /// Opens `file` (`-`: stdin). The format goes by `format`, else by the file's extension, else by its first character.
    pub(crate) async fn open(file: &Path, format: Option<FormatName>) -> Result<Self, Failure> {
        let unreadable = |error: std::io::Error| {
            Failure::usage(
                format!("cannot read {}: {error}", file.display()),
                "Name a file of customers, or - for stdin.",
            )
        };
        let mut length = None;
        let mut reader: Box<dyn AsyncBufRead + Send + Unpin> = if file == Path::new("-") {
            Box::new(BufReader::new(tokio::io::stdin()))
        } else {
            let file = tokio::fs::File::open(file).await.map_err(unreadable)?;
            // A pipe has no length.
            length = file.metadata().await.ok().filter(Metadata::is_file).map(|metadata| metadata.len());
            Box::new(BufReader::with_capacity(READ_AHEAD_BYTES, file))
        };
        let format = match (format, file.extension().and_then(|extension| extension.to_str())) {
            (Some(FormatName::Ndjson), _) | (None, Some("ndjson" | "jsonl" | "json")) => Format::Ndjson,
            (Some(FormatName::Csv), _) | (None, Some("csv")) => Format::Csv,
            (None, _) => sniff(reader.fill_buf().await.map_err(unreadable)?),
        };
        Ok(Self { reader: Counted::new(reader), format, length })
    }

    /// NDJSON that is part of the program.
    pub(crate) fn of_text(text: &'static str) -> Self {
        Self {
            reader: Counted::new(Box::new(text.as_bytes())),
            format: Format::Ndjson,
            length: Some(text.len() as u64),
        }
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

/// Counts the bytes that pass.
pub(super) struct Counted {
    inner: Box<dyn AsyncBufRead + Send + Unpin>,
    /// Bytes so far.
    pub(super) count: Arc<AtomicU64>,
}

impl Counted {
    fn new(inner: Box<dyn AsyncBufRead + Send + Unpin>) -> Self {
        Self { inner, count: Arc::default() }
    }
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = into.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, into);
        self.count.fetch_add((into.filled().len() - before) as u64, Ordering::Relaxed);
        polled
    }
}

impl AsyncBufRead for Counted {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<&[u8]>> {
        Pin::new(&mut self.get_mut().inner).poll_fill_buf(cx)
    }

    fn consume(mut self: Pin<&mut Self>, bytes: usize) {
        self.count.fetch_add(bytes as u64, Ordering::Relaxed);
        Pin::new(&mut self.inner).consume(bytes);
    }
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
}
