//! The documents that the product writes.

use serde_json::{Map, Value, json};

use crate::chance::Chance;

/// Role templates that users have; the presets stand under their own names.
const ROLES: [&str; 3] = ["admin", "payer", "viewer"];

/// Logins that one user changes between; no other user of the customer has them.
const LOGINS: u64 = 3;

/// The first document of a customer. Two neighbours are twins: nothing but their ids tells them apart.
pub(crate) fn first(customer: usize) -> Value {
    let twin = customer / 2;
    json!({
        "type": "organization",
        "email": format!("ap@twins-{twin}.example.com"),
        "address": {"country": "DE", "city": "Berlin", "line1": "Musterweg 1", "postal_code": "10115"},
        "organization": {"legal_name": format!("Twins {twin} GmbH")},
    })
}

/// Another document for the same customer.
pub(crate) fn another(customer: usize, chance: &mut Chance) -> Value {
    let mut document = first(customer);
    if chance.percent(40) {
        return document;
    }
    document["organization"]["legal_name"] = json!(format!("Firm {} GmbH", chance.number(0..50)));
    document["address"]["line1"] = json!(format!("Musterweg {}", chance.number(1..50)));
    if chance.percent(50) {
        document["phone"] = json!(format!("+49 30 {}", chance.number(100..999)));
    }
    if chance.percent(30) {
        document["tax_id"] = json!(format!("DE{}", chance.number(100_000_000..999_999_999)));
    }
    document
}

/// A merge patch for a customer.
pub(crate) fn change(chance: &mut Chance) -> Value {
    match chance.number(0..4) {
        0 => json!({"address": {"city": chance.one(&["Berlin", "Bonn", "Kiel"])}}),
        1 => json!({"phone": null}),
        2 => json!({"phone": format!("+49 40 {}", chance.number(100..999)), "tax_id": null}),
        _ => json!({"organization": {"legal_name": format!("Renamed {} GmbH", chance.number(0..50))}}),
    }
}

/// A document for a user.
pub(crate) fn user(customer: &str, user: &str, chance: &mut Chance) -> Value {
    let mut document = json!({
        "login": login(customer, user, chance),
        "first_name": chance.one(&["Ana", "Ben", "Cem"]),
        "role": chance.one(&ROLES),
    });
    if chance.percent(50) {
        document["last_name"] = json!(chance.one(&["Novak", "Olsen", "Pereira"]));
    }
    if chance.percent(50) {
        document["email"] = json!(format!("{user}-{}@{customer}.example.com", chance.number(0..5)));
    }
    document
}

/// A merge patch for a user.
pub(crate) fn user_change(customer: &str, user: &str, chance: &mut Chance) -> Value {
    match chance.number(0..4) {
        0 => json!({"first_name": chance.one(&["Dora", "Emil", "Fine"])}),
        1 => json!({"role": chance.one(&ROLES)}),
        2 => json!({"last_name": null, "email": null}),
        _ => json!({"login": login(customer, user, chance)}),
    }
}

fn login(customer: &str, user: &str, chance: &mut Chance) -> String {
    format!("{}{}@{customer}.example.com", login_start(user), chance.number(0..LOGINS))
}

/// How every login of this user begins, and no login of another user of the customer.
pub(crate) fn login_start(user: &str) -> String {
    format!("{user}-")
}

/// An import line.
pub(crate) fn line(customer: &str, document: &Value, users: &[(String, Value)]) -> String {
    let with_id = |id: &str, document: &Value| {
        let mut fields = document.as_object().cloned().unwrap_or_else(Map::new);
        fields.insert("id".to_owned(), json!(id));
        Value::Object(fields)
    };
    let mut line = with_id(customer, document);
    line["users"] = users.iter().map(|(user, document)| with_id(user, document)).collect();
    format!("{line}\n")
}
