//! What happened, one line for each step, and its hash: the same seed gives the same one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

/// See the module. Clones are the same history.
#[derive(Debug, Clone, Default)]
pub struct History(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    lines: Vec<Line>,
    hash: Sha256,
}

#[derive(Debug)]
struct Line {
    text: String,
    /// Nothing that a reader looks for.
    is_idle: bool,
}

impl History {
    /// Adds a line.
    pub fn note(&self, at: Timestamp, is_idle: bool, text: &str) {
        let text = format!("{} {text}", at.strftime("%H:%M:%S%.6f"));
        let mut book = self.lock();
        book.hash.update(text.as_bytes());
        book.hash.update(b"\n");
        book.lines.push(Line { text, is_idle });
    }

    /// How many steps there were.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().lines.len()
    }

    /// Whether nothing has happened yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first 16 digits of the SHA-256 over all lines.
    #[must_use]
    pub fn hash(&self) -> String {
        let digest = self.lock().hash.clone().finalize();
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// All lines, or those that are more than looking whether something is due.
    #[must_use]
    pub fn lines(&self, idle_too: bool) -> Vec<String> {
        self.lock().lines.iter().filter(|line| idle_too || !line.is_idle).map(|line| line.text.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
