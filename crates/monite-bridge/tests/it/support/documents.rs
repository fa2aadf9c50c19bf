//! Documents that are right, to be bent by tests.

use serde_json::{Value, json};

/// An organization in Germany that goes by its id.
pub(crate) fn customer_document(id: &str) -> Value {
    json!({
        "type": "organization",
        "email": format!("accounts@{id}.example.com"),
        "address": {"country": "DE", "city": "Berlin", "line1": "Musterweg 1", "postal_code": "10115"},
        "organization": {"legal_name": format!("{id} GmbH")},
    })
}

/// A user whose login is its id.
pub(crate) fn user_document(user: &str, role: &str) -> Value {
    json!({"login": user, "first_name": "Ana", "last_name": "Novak", "email": format!("{user}@example.com"), "role": role})
}
