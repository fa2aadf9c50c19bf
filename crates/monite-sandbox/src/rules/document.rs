//! Objects that are kept as they were sent, once every field passed its rule: settings, where what was left out
//! must stay apart from what is null.

use serde_json::{Map, Value};

use super::form::{Extras, Form, Patch, Wrong, list, object, patch_object};

/// An object being read and kept.
pub(super) struct Document<'f> {
    form: &'f mut Form,
    kept: Map<String, Value>,
}

impl Document<'_> {
    pub(super) fn required<T: Into<Value>>(
        &mut self, name: &'static str, rule: impl FnOnce(Value) -> Result<T, Wrong>,
    ) {
        if let Some(value) = self.form.required(name, rule) {
            self.keep(name, value);
        }
    }

    /// May be left out, but is never null.
    pub(super) fn field<T: Into<Value>>(&mut self, name: &'static str, rule: impl FnOnce(Value) -> Result<T, Wrong>) {
        if let Some(value) = self.form.defaulted(name, rule) {
            self.keep(name, value);
        }
    }

    /// May be left out or null.
    pub(super) fn nullable<T: Into<Value>>(
        &mut self, name: &'static str, rule: impl FnOnce(Value) -> Result<T, Wrong>,
    ) {
        match self.form.patch(name, rule) {
            Patch::Absent => {}
            Patch::Null => self.keep(name, Value::Null),
            Patch::Set(value) => self.keep(name, value),
        }
    }

    fn keep(&mut self, name: &'static str, value: impl Into<Value>) {
        self.kept.insert(name.to_owned(), value.into());
    }
}

/// Reads one object.
pub(super) fn document(value: Value, extras: Extras, read: impl FnOnce(&mut Document<'_>)) -> Result<Value, Wrong> {
    object(value, extras, |form| Some(Value::Object(kept(form, read))))
}

/// Reads a whole request body. No body at all means that nothing changes.
pub(super) fn document_body(
    raw: &[u8], extras: Extras, read: impl FnOnce(&mut Document<'_>),
) -> Result<Map<String, Value>, Wrong> {
    patch_object(raw, extras, |form| Some(kept(form, read)))
}

/// Reads an array of at least `min` and at most `max` items.
pub(super) fn items<T: Into<Value>>(
    value: Value, min: usize, max: usize, rule: impl Fn(Value) -> Result<T, Wrong>,
) -> Result<Value, Wrong> {
    let items: Vec<Value> = list(value, |item| rule(item).map(Into::into))?;
    let found = items.len();
    if found < min {
        let msg = format!("List should have at least {min} item after validation, not {found}");
        return Err(Wrong::here(msg, "too_short"));
    }
    if found > max {
        let msg = format!("List should have at most {max} items after validation, not {found}");
        return Err(Wrong::here(msg, "too_long"));
    }
    Ok(Value::Array(items))
}

fn kept(form: &mut Form, read: impl FnOnce(&mut Document<'_>)) -> Map<String, Value> {
    let mut document = Document { form, kept: Map::new() };
    read(&mut document);
    document.kept
}
