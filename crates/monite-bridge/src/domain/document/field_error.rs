use std::fmt;

use serde::Serialize;

/// One field of a document that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Where: `address.postal_code`, `users[2].role`. Empty when it is the document as a whole.
    pub field: String,
    /// What is wrong and what is accepted.
    pub message: String,
}

impl FieldError {
    /// Something wrong with the document as a whole.
    pub fn of_document(message: impl Into<String>) -> Self {
        Self { field: String::new(), message: message.into() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.field, self.message) }
    }
}

/// What is wrong with one document so far.
#[derive(Default)]
pub(super) struct Errors(Vec<FieldError>);

impl Errors {
    /// Nobody reads more, and a hostile document could hold a million unknown fields.
    const MOST: usize = 100;

    pub(super) fn push(&mut self, field: String, message: String) {
        if !self.is_full() {
            self.0.push(FieldError { field, message });
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= Self::MOST
    }

    /// `value` if nothing was wrong. A reader that answers `None` has said why.
    pub(super) fn or<T>(self, value: Option<T>) -> Result<T, Vec<FieldError>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.0),
        }
    }
}
