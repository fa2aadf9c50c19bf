//! Reads a request piece by piece and remembers everything that is wrong with it, in FastAPI's words.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::quirks::Point;

/// One wrong field: where, what, and which kind of mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FieldError {
    loc: Vec<Loc>,
    msg: Cow<'static, str>,
    #[serde(rename = "type")]
    kind: &'static str,
    /// The open point that may turn this mistake into another refusal.
    #[serde(skip)]
    point: Option<Point>,
}

impl FieldError {
    pub(crate) fn point(&self) -> Option<Point> {
        self.point
    }

    pub(crate) fn message(&self) -> &str {
        &self.msg
    }
}

/// One step of the way to a wrong field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Loc {
    Key(Cow<'static, str>),
    Index(usize),
}

/// Why something could not be read; never empty. Locations are relative until somebody calls [`Wrong::at`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong(pub(crate) Vec<FieldError>);

impl Wrong {
    /// A mistake at the very place that was read.
    pub(crate) fn here(msg: impl Into<Cow<'static, str>>, kind: &'static str) -> Self {
        Self(vec![FieldError { loc: Vec::new(), msg: msg.into(), kind, point: None }])
    }

    /// The same mistakes, of which Monite's documents do not say how they are answered.
    pub(crate) fn left_open(mut self, point: Point) -> Self {
        for error in &mut self.0 {
            error.point = Some(point);
        }
        self
    }

    /// The same mistakes, one level further down.
    pub(crate) fn at(mut self, step: Loc) -> Self {
        for error in &mut self.0 {
            error.loc.insert(0, step.clone());
        }
        self
    }

    pub(crate) fn at_key(self, key: impl Into<Cow<'static, str>>) -> Self {
        self.at(Loc::Key(key.into()))
    }
}

/// Both values, or the mistakes of both.
pub(crate) fn both<A, B>(a: Result<A, Wrong>, b: Result<B, Wrong>) -> Result<(A, B), Wrong> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(mut a), Err(b)) => {
            a.0.extend(b.0);
            Err(a)
        }
        (Err(wrong), Ok(_)) | (Ok(_), Err(wrong)) => Err(wrong),
    }
}

/// A field of a PATCH: left out, explicitly null, or a new value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Patch<T> {
    #[default]
    Absent,
    Null,
    Set(T),
}

/// What an object does with keys nobody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extras {
    Refuse,
    Ignore,
}

/// An object being read. Each field is taken out, so that what is left at the end is what nobody asked for.
#[derive(Debug)]
pub(crate) struct Form {
    fields: Map<String, Value>,
    wrong: Vec<FieldError>,
}

impl Form {
    pub(crate) fn required<T>(
        &mut self, name: &'static str, rule: impl FnOnce(Value) -> Result<T, Wrong>,
    ) -> Option<T> {
        match self.fields.remove(name) {
            Some(value) => self.keep(name, rule(value)),
            None => self.keep(name, Err(Wrong::here("Field required", "missing"))),
        }
    }

    /// `None` when the field is absent or null (or wrong, which is remembered).
    pub(crate) fn optional<T>(
        &mut self, name: &'static str, rule: impl FnOnce(Value) -> Result<T, Wrong>,
    ) -> Option<T> {
        match self.fields.remove(name) {
            None | Some(Value::Null) => None,
            Some(value) => self.keep(name, rule(value)),
        }
    }

    /// `None` when the field is absent (or wrong, which is remembered); null is judged by the rule.
    pub(crate) fn defaulted<T>(
        &mut self, name: &'static str, rule: impl FnOnce(Value) -> Result<T, Wrong>,
    ) -> Option<T> {
        let value = self.fields.remove(name)?;
        self.keep(name, rule(value))
    }

    pub(crate) fn patch<T>(&mut self, name: &'static str, rule: impl FnOnce(Value) -> Result<T, Wrong>) -> Patch<T> {
        match self.fields.remove(name) {
            None => Patch::Absent,
            Some(Value::Null) => Patch::Null,
            Some(value) => self.keep(name, rule(value)).map_or(Patch::Absent, Patch::Set),
        }
    }

    /// Was the field sent, and not yet read?
    pub(crate) fn has(&self, name: &'static str) -> bool {
        self.fields.contains_key(name)
    }

    /// Remembers a mistake in `name` that only shows when several fields are seen together.
    pub(crate) fn refuse(&mut self, name: &'static str, wrong: Wrong) {
        self.wrong.extend(wrong.at_key(name).0);
    }

    /// Was a mistake remembered in `name` or below it?
    pub(crate) fn is_wrong(&self, name: &'static str) -> bool {
        self.wrong.iter().any(|error| error.loc.first() == Some(&Loc::Key(name.into())))
    }

    fn keep<T>(&mut self, name: &'static str, read: Result<T, Wrong>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.refuse(name, wrong);
                None
            }
        }
    }
}

/// Reads one JSON object. `read` takes the fields and may return `None` only after a mistake was remembered.
pub(crate) fn object<T>(value: Value, extras: Extras, read: impl FnOnce(&mut Form) -> Option<T>) -> Result<T, Wrong> {
    let Value::Object(fields) = value else {
        let msg = "Input should be a valid dictionary or object to extract fields from";
        return Err(Wrong::here(msg, "model_attributes_type"));
    };
    let mut form = Form { fields, wrong: Vec::new() };
    let value = read(&mut form);
    if extras == Extras::Refuse {
        for (key, _) in std::mem::take(&mut form.fields) {
            form.wrong.extend(Wrong::here("Extra inputs are not permitted", "extra_forbidden").at_key(key).0);
        }
    }
    match value {
        Some(value) if form.wrong.is_empty() => Ok(value),
        _ => Err(Wrong(form.wrong)),
    }
}

/// Reads an array, each item with `rule`.
pub(crate) fn list<T>(value: Value, rule: impl Fn(Value) -> Result<T, Wrong>) -> Result<Vec<T>, Wrong> {
    let Value::Array(items) = value else {
        return Err(Wrong::here("Input should be a valid list", "list_type"));
    };
    let mut wrong = Vec::new();
    let mut read = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        match rule(item) {
            Ok(item) => read.push(item),
            Err(mistakes) => wrong.extend(mistakes.at(Loc::Index(index)).0),
        }
    }
    if wrong.is_empty() { Ok(read) } else { Err(Wrong(wrong)) }
}

/// Reads a whole request body as one JSON object. An empty body counts as missing.
pub(crate) fn body<T>(raw: &[u8], read: impl FnOnce(&mut Form) -> Option<T>) -> Result<T, Wrong> {
    body_object(raw, Extras::Refuse, read)
}

/// As [`body`], for schemas that may tolerate keys they do not know.
pub(crate) fn body_object<T>(
    raw: &[u8], extras: Extras, read: impl FnOnce(&mut Form) -> Option<T>,
) -> Result<T, Wrong> {
    if raw.is_empty() {
        return Err(Wrong::here("Field required", "missing").at_key("body"));
    }
    parse(raw).and_then(|value| object(value, extras, read).map_err(|wrong| wrong.at_key("body")))
}

/// As [`body`], but no body at all means an object without fields: the official Python client sends that.
pub(crate) fn patch_body<T>(raw: &[u8], read: impl FnOnce(&mut Form) -> Option<T>) -> Result<T, Wrong> {
    patch_object(raw, Extras::Refuse, read)
}

/// As [`patch_body`], for schemas that may tolerate keys they do not know.
pub(crate) fn patch_object<T>(
    raw: &[u8], extras: Extras, read: impl FnOnce(&mut Form) -> Option<T>,
) -> Result<T, Wrong> {
    let value = parse(if raw.is_empty() { b"{}" } else { raw })?;
    object(value, extras, read).map_err(|wrong| wrong.at_key("body"))
}

fn parse(raw: &[u8]) -> Result<Value, Wrong> {
    serde_json::from_slice(raw).map_err(|error| {
        let position = offset_of(raw, error.line(), error.column());
        Wrong::here("JSON decode error", "json_invalid").at(Loc::Index(position)).at_key("body")
    })
}

/// Turns serde_json's line and column (both from 1) into the byte offset that FastAPI reports.
fn offset_of(raw: &[u8], line: usize, column: usize) -> usize {
    let before: usize = raw.split(|byte| *byte == b'\n').take(line.saturating_sub(1)).map(|line| line.len() + 1).sum();
    (before + column.saturating_sub(1)).min(raw.len())
}
