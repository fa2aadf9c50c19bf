//! What Monite shows of a thing against what it last confirmed: which differences are real. Pure.
//!
//! Monite spells some values its own way, fills in some that nobody sent and never shows others. Such a difference is none: the
//! confirmed value stays, so that nothing is sent because of it.

use monite::{EntityUser, NewEntity, NewEntityUser};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::diff::{FieldChange, entity_changes, user_changes};

/// What is there now, and the fields in which it is not what was confirmed (from: confirmed, to: there now).
#[derive(Debug, Clone, PartialEq)]
pub struct Compared<T> {
    /// The document as it is at Monite, in the spelling that was confirmed where that means the same.
    pub now: T,
    /// The real differences.
    pub changes: Vec<FieldChange>,
}

/// Compares an entity's document.
#[must_use]
pub fn entity(confirmed: &NewEntity, seen: &NewEntity) -> Compared<NewEntity> {
    let changes = real(entity_changes(confirmed, seen));
    Compared { now: with(confirmed, &changes).unwrap_or_else(|| seen.clone()), changes }
}

/// Compares an entity user. Its title is taken to be what was confirmed: Monite never shows it (monite-behaviour, section 6).
#[must_use]
pub fn user(confirmed: &NewEntityUser, seen: &EntityUser) -> Compared<NewEntityUser> {
    let seen = NewEntityUser {
        login: seen.login.clone(),
        first_name: seen.first_name.clone().unwrap_or_default(),
        last_name: seen.last_name.clone(),
        email: seen.email.clone(),
        phone: seen.phone.clone(),
        title: confirmed.title.clone(),
        role_id: Some(seen.role_id),
    };
    let changes = real(user_changes(confirmed, &seen));
    Compared { now: with(confirmed, &changes).unwrap_or(seen), changes }
}

fn real(changes: Vec<FieldChange>) -> Vec<FieldChange> {
    changes.into_iter().filter(|change| !means_the_same(&change.field, &change.from, &change.to)).collect()
}

/// Whether two values of a field differ in nothing but what Monite may do to it by itself.
fn means_the_same(field: &str, a: &Value, b: &Value) -> bool {
    match (a, b) {
        // A text that is empty is none; a statement that nobody made is `false` once Monite fills it in.
        (Value::Null, Value::String(text)) | (Value::String(text), Value::Null) => text.trim().is_empty(),
        (Value::Null, Value::Bool(stated)) | (Value::Bool(stated), Value::Null) => !stated,
        (Value::String(a), Value::String(b)) => canonical(field, a) == canonical(field, b),
        _ => a == b,
    }
}

fn canonical(field: &str, text: &str) -> String {
    match field {
        "email" => text.trim().to_lowercase(),
        "website" => text.trim().trim_end_matches('/').to_lowercase(),
        "phone" => text.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect(),
        "tax_id" | "registration_number" | "address.postal_code" => {
            text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
        }
        _ => text.trim().to_owned(),
    }
}

/// The document with these changes made; `None` when that is no document, since a part that must be there is gone.
fn with<T: Serialize + DeserializeOwned>(document: &T, changes: &[FieldChange]) -> Option<T> {
    let mut tree = serde_json::to_value(document).ok()?;
    for change in changes {
        let mut place = &mut tree;
        for part in change.field.split('.') {
            if place.is_null() {
                *place = Value::Object(serde_json::Map::new());
            }
            place = place.as_object_mut()?.entry(part).or_insert(Value::Null);
        }
        *place = change.to.clone();
    }
    serde_json::from_value(tree).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(extra: Value) -> NewEntity {
        let mut document = json!({
            "type": "organization", "email": "ap@muster.example", "phone": "+49 30 1234", "tax_id": "DE 123 456 789",
            "website": "https://Muster.example",
            "address": {"country": "DE", "city": "Berlin", "line1": "Musterweg 1", "postal_code": "SW1A 1AA"},
            "organization": {"legal_name": "Muster GmbH"},
        });
        for (key, value) in extra.as_object().unwrap() {
            match (&mut document[key], value) {
                (Value::Object(inner), Value::Object(more)) => inner.extend(more.clone()),
                (slot, value) => *slot = value.clone(),
            }
        }
        serde_json::from_value(document).unwrap()
    }

    #[track_caller]
    fn check(seen: Value, fields: &[&str]) {
        let (confirmed, seen) = (document(json!({})), document(seen));
        let compared = entity(&confirmed, &seen);
        assert_eq!(compared.changes.iter().map(|c| c.field.as_str()).collect::<Vec<_>>(), fields);
        assert_eq!(compared.now, if fields.is_empty() { confirmed } else { seen });
    }

    #[test]
    fn monites_own_spelling_is_no_difference() {
        check(json!({}), &[]);
        check(json!({"email": "AP@Muster.example"}), &[]);
        check(json!({"phone": "+49301234"}), &[]);
        check(json!({"tax_id": "de123456789"}), &[]);
        check(json!({"website": "https://muster.example/"}), &[]);
        check(json!({"address": {"postal_code": "SW1A1AA", "line2": ""}}), &[]);
        check(json!({"organization": {"directors_provided": false}}), &[]);
    }

    #[test]
    fn what_somebody_changed_is() {
        check(json!({"email": "cfo@muster.example"}), &["email"]);
        check(json!({"phone": "+49 30 99"}), &["phone"]);
        check(json!({"phone": null}), &["phone"]);
        check(json!({"address": {"city": "Bonn", "line2": "2. OG"}}), &["address.city", "address.line2"]);
        check(json!({"organization": {"directors_provided": true}}), &["organization.directors_provided"]);
        check(json!({"registration_number": "HRB 1"}), &["registration_number"]);
    }

    #[test]
    fn a_difference_keeps_the_confirmed_spelling_of_the_rest() {
        let compared = entity(&document(json!({})), &document(json!({"email": "AP@MUSTER.example", "phone": "+1"})));
        assert_eq!(compared.now, document(json!({"phone": "+1"})));
    }

    #[test]
    fn a_users_title_is_never_seen_and_never_missed() {
        let confirmed = NewEntityUser {
            login: "ana".to_owned(),
            first_name: "Ana".to_owned(),
            title: Some("CFO".to_owned()),
            email: Some("Ana@example.com".to_owned()),
            role_id: Some(uuid::Uuid::from_u128(1).into()),
            ..NewEntityUser::default()
        };
        let seen = |fields: Value| -> EntityUser {
            let mut user = json!({
                "id": uuid::Uuid::from_u128(9), "login": "ana", "role_id": uuid::Uuid::from_u128(1), "status": "active",
                "first_name": "Ana", "last_name": null, "email": "ana@example.com", "phone": null,
                "created_at": "2026-03-01T09:00:00Z", "updated_at": "2026-03-01T09:00:00Z",
            });
            user.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            serde_json::from_value(user).unwrap()
        };
        assert_eq!(user(&confirmed, &seen(json!({}))), Compared { now: confirmed.clone(), changes: Vec::new() });
        let other = user(&confirmed, &seen(json!({"role_id": uuid::Uuid::from_u128(2), "last_name": "Novak"})));
        assert_eq!(other.changes.iter().map(|c| c.field.as_str()).collect::<Vec<_>>(), ["last_name", "role_id"]);
        assert_eq!(other.now.title, confirmed.title);
    }
}
