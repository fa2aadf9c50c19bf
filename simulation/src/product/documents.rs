//! Documents that the product writes: few enough that they repeat, so that changes are taken back, twins meet, and logins change
//! hands.

use serde_json::{Value, json};

use crate::chance::Chance;

/// A customer: one that looks as no other does, or, as likely as said, one of the twins, which look all the same.
pub(super) fn customer(chance: &Chance, id: &str, twin: f64) -> Value {
    let look = if chance.hits(twin) { "twin" } else { id };
    let mut document = json!({
        "type": "organization",
        "email": format!("accounts@{look}.example.com"),
        "address": {"country": "DE", "city": city(chance), "line1": "Musterweg 1", "postal_code": "10115"},
        "organization": {"legal_name": format!("{look} GmbH")},
    });
    if chance.hits(0.3) {
        document["phone"] = json!("+49 30 1");
    }
    document
}

/// A change of one or two fields.
pub(super) fn change_of_customer(chance: &Chance) -> Value {
    match chance.below(3) {
        0 => json!({"address": {"city": city(chance)}}),
        1 => json!({"phone": chance.one_of(&["+49 30 1", "+49 30 2"])}),
        _ => json!({"phone": null, "address": {"city": city(chance)}}),
    }
}

/// A user: mostly with a login of its own, sometimes with one that goes from hand to hand.
pub(super) fn user(chance: &Chance, id: &str) -> Value {
    let login = if chance.hits(0.25) { "shared".to_owned() } else { format!("{id}-{}", chance.below(2)) };
    json!({
        "login": login,
        "first_name": first_name(chance),
        "last_name": "Novak",
        "email": format!("{id}@example.com"),
        "role": role(chance),
    })
}

/// A change of one field.
pub(super) fn change_of_user(chance: &Chance) -> Value {
    if chance.hits(0.5) { json!({"role": role(chance)}) } else { json!({"first_name": first_name(chance)}) }
}

/// A merge patch (RFC 7396).
pub(super) fn merge(document: &mut Value, change: &Value) {
    let Value::Object(fields) = change else {
        *document = change.clone();
        return;
    };
    for (name, value) in fields {
        match value {
            Value::Null => {
                if let Some(object) = document.as_object_mut() {
                    object.remove(name);
                }
            }
            value => merge(&mut document[name], value),
        }
    }
}

fn city(chance: &Chance) -> &'static str {
    chance.one_of(&["Berlin", "Bonn", "Jena"])
}

fn first_name(chance: &Chance) -> &'static str {
    chance.one_of(&["Ana", "Anna"])
}

fn role(chance: &Chance) -> &'static str {
    chance.one_of(&["admin", "payer", "viewer"])
}
