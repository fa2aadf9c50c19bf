//! Body of `PUT /entities/{id}/partner_metadata`.

use serde_json::{Map, Value};

use super::form::{Wrong, body};

/// Reads `{"metadata": {...}}`; anything may be inside.
pub(crate) fn replace(raw: &[u8]) -> Result<Map<String, Value>, Wrong> {
    body(raw, |form| {
        form.required("metadata", |value| match value {
            Value::Object(metadata) => Ok(metadata),
            _ => Err(Wrong::here("Input should be a valid dictionary", "dict_type")),
        })
    })
}
