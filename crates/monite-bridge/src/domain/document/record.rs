use std::collections::HashMap;

use serde_json::Value;

use super::field_error::Errors;
use super::fields::{Fields, Path, Stands, kind_of, shortened};
use super::{CustomerDocument, FieldError, UserDocument, customer, user};
use crate::domain::id::{CustomerId, InvalidId, UserId};
use crate::domain::role::RoleTemplates;

/// One import line: a customer with its users.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportRecord {
    /// The product's id of the customer.
    pub id: CustomerId,
    /// The customer.
    pub customer: CustomerDocument,
    /// Its users; ids and logins are unique among them. Users not mentioned are left as they are.
    pub users: Vec<(UserId, UserDocument)>,
}

/// Reads a customer document with `id` and, if it has any, `users: [{id, ...}]`.
///
/// # Errors
/// Every field that is wrong, in the customer and in all of its users.
pub fn parse_record(value: &Value, roles: &RoleTemplates) -> Result<ImportRecord, Vec<FieldError>> {
    let mut errors = Errors::default();
    let document = customer::read(value, Stands::InRecord, &mut errors);
    let record = read_identity(value, roles, &mut errors);
    errors.or(document.zip(record).map(|(customer, (id, users))| ImportRecord { id, customer, users }))
}

/// The customer's id as far as it can be read, to name a line that is wrong elsewhere.
#[must_use]
pub fn record_id(value: &Value) -> Option<&str> {
    value.get("id").and_then(Value::as_str)
}

type Users = Vec<(UserId, UserDocument)>;

fn read_identity(value: &Value, roles: &RoleTemplates, errors: &mut Errors) -> Option<(CustomerId, Users)> {
    let mut fields = Fields::again(value.as_object()?, Path::ROOT, errors);
    let id = read_id(&mut fields, CustomerId::parse);
    let users = match fields.get("users") {
        None => Some(Vec::new()),
        Some(Value::Array(users)) => {
            let (path, errors) = fields.nested();
            read_users(users, path.key("users"), roles, errors)
        }
        Some(other) => fields.wrong("users", format!("must be a list of users, not {}", kind_of(other))),
    };
    Some((id?, users?))
}

fn read_id<I>(fields: &mut Fields<'_>, parse: impl FnOnce(&str) -> Result<I, InvalidId>) -> Option<I> {
    if !fields.present("id", "your own id, 1 to 200 characters") {
        return None;
    }
    match parse(fields.text("id")?) {
        Ok(id) => Some(id),
        Err(error) => fields.wrong("id", error.to_string()),
    }
}

fn read_users(values: &[Value], list: Path<'_>, roles: &RoleTemplates, errors: &mut Errors) -> Option<Users> {
    let mut seen = [("id", HashMap::new()), ("login", HashMap::new())];
    let mut users = Vec::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        let path = list.index(index);
        let document = user::read(value, path, Stands::InRecord, roles, errors);
        let Some(map) = value.as_object() else { continue };
        let mut fields = Fields::again(map, path, errors);
        let id = read_id(&mut fields, UserId::parse);
        for (key, seen) in &mut seen {
            let Some(text) = value.get(*key).and_then(Value::as_str).filter(|text| !text.is_empty()) else { continue };
            if let Some(first) = seen.insert(text, index) {
                seen.insert(text, first);
                fields.refuse(
                    key,
                    format!(
                        "the same {key} as users[{first}] ({:?}); each user of a customer needs its own",
                        shortened(text)
                    ),
                );
            }
        }
        users.extend(id.zip(document));
    }
    (users.len() == values.len()).then_some(users)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn errors(change: Value) -> Vec<String> {
        let good = json!({
            "id": "acme", "type": "individual", "email": "a@example.com",
            "address": {"country": "FR", "city": "Lyon", "line1": "1 rue X", "postal_code": "69001"},
            "individual": {"first_name": "A", "last_name": "B"},
        });
        match parse_record(&super::super::merge_patch(good, &change), &RoleTemplates::presets()) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.iter().map(FieldError::to_string).collect(),
        }
    }

    fn user(id: &str, login: &str) -> Value {
        json!({"id": id, "login": login, "first_name": "A", "role": "viewer"})
    }

    #[test]
    fn ids_and_users() {
        let same_login = "users[2].login: the same login as users[0] (\"x\"); each user of a customer needs its own";
        let table = [
            (json!({}), vec![]),
            (json!({"users": null}), vec![]),
            (json!({"users": []}), vec![]),
            (json!({"users": [user("1", "x"), user("2", "X")]}), vec![]),
            (json!({"id": null}), vec!["id: is missing; accepted: your own id, 1 to 200 characters"]),
            (json!({"id": 12}), vec!["id: must be a text, not a number"]),
            (
                json!({"id": "a/b"}),
                vec!["id: an id may hold letters, digits and - . _ ~ @ : + , only; '/' is none of these"],
            ),
            (json!({"users": {"id": "1"}}), vec!["users: must be a list of users, not an object"]),
            (json!({"users": [7]}), vec!["users[0]: must be a JSON object, not a number"]),
            (json!({"users": [user("1", "x"), user("2", "y"), user("3", "x")]}), vec![same_login]),
            (
                json!({"users": [user("1", "x"), user("1", "y")]}),
                vec!["users[1].id: the same id as users[0] (\"1\"); each user of a customer needs its own"],
            ),
        ];
        for (change, expected) in table {
            assert_eq!(errors(change.clone()), expected, "{change}");
        }
    }

    #[test]
    fn all_parts_report_at_once() {
        let change = json!({
            "email": "nobody", "id": "", "address": {"city": null},
            "users": [user("1", "x"), {"id": "2", "login": "x", "role": "boss"}],
        });
        let mut fields: Vec<String> =
            errors(change).iter().map(|error| error.split(": ").next().unwrap().to_owned()).collect();
        fields.sort();
        assert_eq!(fields, ["address.city", "email", "id", "users[1].first_name", "users[1].login", "users[1].role"]);
    }

    #[test]
    fn in_a_single_document_id_and_users_are_not_fields() {
        let value = json!({"id": "x"});
        let errors = CustomerDocument::parse(&value).unwrap_err();
        assert!(errors.iter().any(|error| error.field == "id"), "{errors:?}");
    }
}
