//! What can never change once an entity exists.

use monite::NewEntity;

use crate::domain::document::FieldError;

/// The fields of `desired` that Monite cannot change any more in an entity that was created from `known`: its `type` and its
/// country (monite-behaviour, section 3: enforced by the shape of the update request). Empty when the change is possible.
#[must_use]
pub fn cannot_become(known: &NewEntity, desired: &NewEntity) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if known.entity_type != desired.entity_type {
        errors.push(refusal("type", known.entity_type.as_str(), desired.entity_type.as_str()));
    }
    if known.address.country != desired.address.country {
        errors.push(refusal("address.country", &known.address.country, &desired.address.country));
    }
    errors
}

fn refusal(field: &str, known: &str, desired: &str) -> FieldError {
    FieldError {
        field: field.to_owned(),
        message: format!(
            "Monite cannot change it once the entity exists: it is {known:?} there, this document says {desired:?}; use a new customer id"
        ),
    }
}
