//! Which fields of a document differ, and the smallest PATCH that makes them equal.

use monite::{Action, EntityPatch, EntityUserPatch, NewEntity, NewEntityUser, ObjectType, Permissions};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::role::RoleName;

/// One field that is to change at Monite.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldChange {
    /// Dotted path, such as `address.city`.
    pub field: String,
    /// What Monite last confirmed; `null` when it holds nothing.
    pub from: Value,
    /// What it is to hold; `null` clears it.
    pub to: Value,
}

/// Objects whose fields Monite merges one by one in a PATCH (monite-behaviour, section 3); everything else is replaced whole.
const MERGED: [&str; 3] = ["address", "organization", "individual"];

/// Fields no PATCH can carry: they are fixed once the entity exists and are refused at the door (see `domain::fixed`).
const FIXED: [&str; 2] = ["type", "address.country"];

/// What changes an entity from `confirmed` to `desired`: nothing when they are equal.
#[must_use]
pub fn entity_changes(confirmed: &NewEntity, desired: &NewEntity) -> Vec<FieldChange> {
    changes(&tree(confirmed), &tree(desired))
}

/// The PATCH body for `changes`: only these fields, nothing else.
#[must_use]
pub fn entity_patch(changes: &[FieldChange]) -> EntityPatch {
    serde_json::from_value(body(changes))
        .expect("the changes come from two NewEntity documents, whose fields and types are those of EntityPatch")
}

/// What changes an entity user from `confirmed` to `desired`.
#[must_use]
pub fn user_changes(confirmed: &NewEntityUser, desired: &NewEntityUser) -> Vec<FieldChange> {
    changes(&tree(confirmed), &tree(desired))
}

/// The PATCH body for `changes` of an entity user.
#[must_use]
pub fn user_patch(changes: &[FieldChange]) -> EntityUserPatch {
    serde_json::from_value(body(changes)).expect(
        "the changes come from two NewEntityUser documents, whose fields and types are those of EntityUserPatch",
    )
}

/// The permissions that differ between a role at Monite and its template, named `roles.ROLE.OBJECT.ACTION`.
#[must_use]
pub fn role_changes(role: &RoleName, confirmed: &Permissions, template: &Permissions) -> Vec<FieldChange> {
    let mut found = Vec::new();
    for object in ObjectType::ALL.iter().copied() {
        for action in Action::ALL.iter().copied().filter(|action| object.accepts(*action)) {
            let (from, to) = (confirmed.get(object, action), template.get(object, action));
            if from != to {
                let field = format!("roles.{role}.{object}.{action}");
                found.push(FieldChange { field, from: from.to_string().into(), to: to.to_string().into() });
            }
        }
    }
    found
}

fn tree(document: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(document) {
        Ok(Value::Object(fields)) => fields,
        _ => unreachable!(
            "Monite's request documents are structs of text, booleans and such structs: they serialize to an object"
        ),
    }
}

fn changes(from: &Map<String, Value>, to: &Map<String, Value>) -> Vec<FieldChange> {
    let mut found = Vec::new();
    walk("", from, to, &mut found);
    found
}

fn walk(prefix: &str, from: &Map<String, Value>, to: &Map<String, Value>, found: &mut Vec<FieldChange>) {
    let empty = Map::new();
    let mut keys: Vec<&String> = from.keys().chain(to.keys().filter(|key| !from.contains_key(*key))).collect();
    keys.sort();
    for key in keys {
        let field = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        let (old, new) = (from.get(key).unwrap_or(&Value::Null), to.get(key).unwrap_or(&Value::Null));
        if MERGED.contains(&field.as_str()) {
            walk(&field, old.as_object().unwrap_or(&empty), new.as_object().unwrap_or(&empty), found);
        } else if old != new && !FIXED.contains(&field.as_str()) {
            found.push(FieldChange { field, from: old.clone(), to: new.clone() });
        }
    }
}

fn body(changes: &[FieldChange]) -> Value {
    let mut body = Map::new();
    for change in changes {
        match change.field.split_once('.') {
            Some((outer, inner)) => {
                let nested = body.entry(outer).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(nested) = nested {
                    nested.insert(inner.to_owned(), change.to.clone());
                }
            }
            None => {
                body.insert(change.field.clone(), change.to.clone());
            }
        }
    }
    Value::Object(body)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entity(extra: Value) -> NewEntity {
        let mut document = json!({
            "type": "organization", "email": "ap@muster.example",
            "address": {"country": "DE", "city": "Berlin", "line1": "Musterweg 1", "postal_code": "10115"},
            "organization": {"legal_name": "Muster GmbH"},
        });
        merge(&mut document, extra);
        serde_json::from_value(document).unwrap()
    }

    fn merge(target: &mut Value, extra: Value) {
        for (key, value) in extra.as_object().unwrap() {
            match (&mut target[key], value) {
                (Value::Object(inner), Value::Object(more)) => inner.extend(more.clone()),
                (slot, value) => *slot = value.clone(),
            }
        }
    }

    #[track_caller]
    fn check(confirmed: Value, desired: Value, patch: Value) {
        let changes = entity_changes(&entity(confirmed), &entity(desired));
        assert_eq!(serde_json::to_value(entity_patch(&changes)).unwrap(), patch);
    }

    #[test]
    fn a_patch_carries_the_changed_fields_and_no_others() {
        check(json!({}), json!({}), json!({}));
        check(json!({}), json!({"phone": "+49 30 1"}), json!({"phone": "+49 30 1"}));
        check(json!({"phone": "+49 30 1"}), json!({}), json!({"phone": null}));
        check(json!({}), json!({"address": {"city": "Bonn"}}), json!({"address": {"city": "Bonn"}}));
        check(json!({"address": {"line2": "2. OG"}}), json!({}), json!({"address": {"line2": null}}));
        check(
            json!({}),
            json!({"email": "new@muster.example", "organization": {"business_structure": "private_corporation"}}),
            json!({"email": "new@muster.example", "organization": {"business_structure": "private_corporation"}}),
        );
    }

    #[test]
    fn what_cannot_change_is_never_sent() {
        check(json!({}), json!({"address": {"country": "FR"}}), json!({}));
    }

    #[test]
    fn a_user_without_a_phone_any_more_is_cleared_of_it() {
        let user = |fields: Value| -> NewEntityUser { serde_json::from_value(fields).unwrap() };
        let confirmed = user(json!({"login": "ana", "first_name": "Ana", "phone": "+1"}));
        let desired = user(json!({"login": "ana", "first_name": "Anna"}));
        let changes = user_changes(&confirmed, &desired);
        assert_eq!(changes.iter().map(|c| c.field.as_str()).collect::<Vec<_>>(), ["first_name", "phone"]);
        assert_eq!(serde_json::to_value(user_patch(&changes)).unwrap(), json!({"first_name": "Anna", "phone": null}));
    }
}
