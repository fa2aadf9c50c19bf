//! Body of `PUT /entities/{id}/partner_metadata`.

use serde_json::{Map, Value};

use super::form::{Extras, Wrong, body_object};

/// Reads `PartnerMetadata`, `{"metadata": {...}}`; anything may be inside, and the schema forbids nothing beside it.
pub(crate) fn replace(raw: &[u8]) -> Result<Map<String, Value>, Wrong> {
    body_object(raw, Extras::Ignore, |form| {
        form.required("metadata", |value| match value {
            Value::Object(metadata) => Ok(metadata),
            _ => Err(Wrong::here("Input should be a valid dictionary", "dict_type")),
        })
    })
}
