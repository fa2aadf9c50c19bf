use std::fmt;

use serde_json::{Map, Value};

use super::field_error::Errors;
use crate::nearest::nearest;

/// Where in a document we are; text only when somebody needs to be told.
#[derive(Clone, Copy)]
pub(super) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    pub(super) const ROOT: Path<'static> = Path { parent: None, step: Step::Root };

    pub(super) fn key(&'a self, key: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Key(key) }
    }

    pub(super) fn index(&'a self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Index(index) }
    }

    fn is_root(&self) -> bool {
        matches!(self.step, Step::Root)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Root => Ok(()),
            Step::Key(key) => {
                let dot = if self.parent.is_some_and(|parent| !parent.is_root()) { "." } else { "" };
                write!(f, "{dot}{}", shortened(key))
            }
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// One JSON object while it is read. Every reader answers `None` for "absent" and for "wrong"; in the second case it has
/// noted the error. `null` counts as absent.
pub(super) struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: Path<'a>,
    errors: &'a mut Errors,
}

impl<'a> Fields<'a> {
    /// `None`, and an error, when `value` is not an object. Keys outside of `known` are errors.
    pub(super) fn new(value: &'a Value, path: Path<'a>, known: &[&str], errors: &'a mut Errors) -> Option<Self> {
        let Value::Object(map) = value else {
            let message = format!("must be a JSON object, not {}", kind_of(value));
            errors.push(path.to_string(), message);
            return None;
        };
        let mut fields = Self { map, path, errors };
        fields.refuse_unknown(known);
        Some(fields)
    }

    /// The same object once more, for a part that somebody else leaves aside. Unknown keys have been dealt with.
    pub(super) fn again(map: &'a Map<String, Value>, path: Path<'a>, errors: &'a mut Errors) -> Self {
        Self { map, path, errors }
    }

    fn refuse_unknown(&mut self, known: &[&str]) {
        let map = self.map;
        for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
            if self.errors.is_full() {
                return;
            }
            let hint = nearest(key, known.iter().copied().filter(|k| map.get(*k).is_none_or(Value::is_null)));
            self.refuse(
                key,
                match hint {
                    Some(near) => format!("unknown field; did you mean {near}?"),
                    None => "unknown field; leave it out".to_owned(),
                },
            );
        }
    }

    pub(super) fn refuse(&mut self, key: &str, message: impl Into<String>) {
        let field = self.path.key(key).to_string();
        self.errors.push(field, message.into());
    }

    /// The value, unless it is absent or `null`.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// Path and errors for reading what is nested at `key`.
    pub(super) fn nested(&mut self) -> (&Path<'a>, &mut Errors) {
        (&self.path, self.errors)
    }

    /// Any text. Absent is fine.
    pub(super) fn text(&mut self, key: &str) -> Option<&'a str> {
        match self.get(key)? {
            // PostgreSQL, on our side and most likely on Monite's, cannot hold U+0000 in text.
            Value::String(text) if text.contains('\0') => self.wrong(key, "must not contain the character U+0000"),
            Value::String(text) => Some(text),
            other => self.wrong(key, format!("must be a text, not {}", kind_of(other))),
        }
    }

    /// A text of 1 to `most` characters. Absent is fine.
    pub(super) fn optional(&mut self, key: &str, most: usize) -> Option<String> {
        let text = self.text(key)?;
        if text.is_empty() {
            return self.wrong(key, "must not be empty; use null or leave it out");
        }
        self.at_most(key, text, most)
    }

    /// A text of 1 to `most` characters that has to be there.
    pub(super) fn required(&mut self, key: &str, most: usize) -> Option<String> {
        if !self.present(key, format!("a text of 1 to {most} characters")) {
            return None;
        }
        let text = self.text(key)?;
        if text.is_empty() {
            return self.wrong(key, format!("must not be empty; accepted: 1 to {most} characters"));
        }
        self.at_most(key, text, most)
    }

    /// Whether the field is there; notes an error saying what is accepted when it is not.
    pub(super) fn present(&mut self, key: &str, accepted: impl fmt::Display) -> bool {
        let present = self.get(key).is_some();
        if !present {
            self.refuse(key, format!("is missing; accepted: {accepted}"));
        }
        present
    }

    /// The text, unless it is longer than `most` characters (not bytes: Monite counts characters).
    pub(super) fn at_most(&mut self, key: &str, text: &str, most: usize) -> Option<String> {
        // A text with few bytes has few characters, so counting is the exception.
        let length = if text.len() > most { text.chars().count() } else { 0 };
        if length > most {
            return self.wrong(key, format!("is {length} characters long; accepted: at most {most}"));
        }
        Some(text.to_owned())
    }

    /// `true` or `false`. Absent is fine.
    pub(super) fn flag(&mut self, key: &str) -> Option<bool> {
        match self.get(key)? {
            Value::Bool(flag) => Some(*flag),
            other => self.wrong(key, format!("must be true or false, not {}", kind_of(other))),
        }
    }

    pub(super) fn wrong<T>(&mut self, key: &str, message: impl Into<String>) -> Option<T> {
        self.refuse(key, message);
        None
    }
}

/// Whether a document came by itself, its id in the address of the request, or inside an import line, which adds `id` and `users`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    Alone,
    InRecord,
}

/// What a JSON value is, in words, never the value itself.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A text as it may appear in a message: not longer than a person reads.
pub(super) fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
