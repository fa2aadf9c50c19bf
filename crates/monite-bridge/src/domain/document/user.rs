use monite::{NewEntityUser, RoleId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::FieldError;
use super::customer::EMAIL_ACCEPTED;
use super::field_error::Errors;
use super::fields::{Fields, Path, Stands, shortened};
use super::formats::is_email;
use crate::domain::role::{RoleName, RoleTemplates};

/// A user as the product described it: Monite's `CreateEntityUserRequest`, checked, with the name of a role template in the
/// place of a role's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserDocument {
    /// 1 to 255 characters; unique within the customer.
    pub login: String,
    /// At most 255 characters.
    pub first_name: String,
    /// At most 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// An e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// As the product wrote it; Monite gives no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// At most 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// A role template that exists.
    pub role: RoleName,
}

impl UserDocument {
    /// Reads a document. `null` means the same as absent.
    ///
    /// # Errors
    /// Every field that is wrong, missing or unknown. A role that is not exactly one of `roles` is an error, never replaced.
    pub fn parse(value: &Value, roles: &RoleTemplates) -> Result<Self, Vec<FieldError>> {
        let mut errors = Errors::default();
        let document = read(value, Path::ROOT, Stands::Alone, roles, &mut errors);
        errors.or(document)
    }

    /// What is sent to Monite; `role` is what the template's name stands for in this entity.
    #[must_use]
    pub fn to_entity_user(&self, role: Option<RoleId>) -> NewEntityUser {
        NewEntityUser {
            login: self.login.clone(),
            first_name: self.first_name.clone(),
            last_name: self.last_name.clone(),
            email: self.email.clone(),
            phone: self.phone.clone(),
            title: self.title.clone(),
            role_id: role,
        }
    }

    /// As JSON for people and programs to look into: no nulls.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).expect("a user document is a struct of texts: nothing in it can fail to serialize")
    }

    /// The canonical text: no nulls, the same fields always in the same order, so that equal documents have equal texts.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("a user document is a struct of texts: nothing in it can fail to serialize")
    }

    /// Reads back what [`to_text`](Self::to_text) gave, without checking it again.
    ///
    /// # Errors
    /// When the text was not written by this program.
    pub fn from_stored(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// `role_id` and `id` are known only to give better advice than "unknown field" where they do not belong.
const FIELDS: &[&str] = &["login", "first_name", "last_name", "email", "phone", "title", "role", "role_id", "id"];

/// Reads the document at `path`; the `id` that a user has in an import line is left to whoever reads the line.
pub(super) fn read(
    value: &Value, path: Path<'_>, stands: Stands, roles: &RoleTemplates, errors: &mut Errors,
) -> Option<UserDocument> {
    let mut fields = Fields::new(value, path, FIELDS, errors)?;
    if stands == Stands::Alone && fields.get("id").is_some() {
        fields.refuse("id", "belongs to the address of the request or the import line, not into the document");
    }
    if fields.get("role_id").is_some() {
        fields.refuse("role_id", "is Monite's id of a role in one entity; use `role` with the name of a role template");
    }
    let login = fields.required("login", LIMIT);
    let first_name = read_first_name(&mut fields);
    let last_name = text(&mut fields, "last_name");
    let email = read_email(&mut fields);
    let phone = fields.text("phone").map(str::to_owned);
    let title = text(&mut fields, "title");
    let role = read_role(&mut fields, roles);
    Some(UserDocument { login: login?, first_name: first_name?, last_name, email, phone, title, role: role? })
}

/// Monite's limit, in characters, for every text of an entity user that has one.
const LIMIT: usize = 255;

/// Unlike in entities, empty texts are fine in users.
fn text(fields: &mut Fields<'_>, key: &str) -> Option<String> {
    let text = fields.text(key)?;
    fields.at_most(key, text, LIMIT)
}

fn read_first_name(fields: &mut Fields<'_>) -> Option<String> {
    if !fields.present("first_name", format_args!("a text of at most {LIMIT} characters")) {
        return None;
    }
    text(fields, "first_name")
}

fn read_email(fields: &mut Fields<'_>) -> Option<String> {
    let text = fields.text("email")?;
    if is_email(text) {
        return Some(text.to_owned());
    }
    fields
        .wrong("email", format!("{:?} is not an e-mail address; accepted: {EMAIL_ACCEPTED}, or null", shortened(text)))
}

fn read_role(fields: &mut Fields<'_>, roles: &RoleTemplates) -> Option<RoleName> {
    let known = || roles.names().map(RoleName::as_str).collect::<Vec<_>>().join(", ");
    if !fields.present("role", format_args!("one of {}", known())) {
        return None;
    }
    let text = fields.text("role")?;
    if let Some(name) = roles.names().find(|name| name.as_str() == text) {
        return Some(name.clone());
    }
    fields.wrong("role", format!("{:?} is not a role; known roles: {}", shortened(text), known()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Each change is a merge patch on a good document; the result is the errors as text.
    fn errors(change: Value) -> Vec<String> {
        let good = json!({"login": "ana", "first_name": "Ana", "last_name": null, "email": "ana@example.com", "role": "admin"});
        match UserDocument::parse(&super::super::merge_patch(good, &change), &RoleTemplates::presets()) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.iter().map(FieldError::to_string).collect(),
        }
    }

    #[test]
    fn good_documents_are_taken() {
        let long = "é".repeat(255);
        for change in [
            json!({}),
            json!({"first_name": "", "last_name": "", "phone": "", "title": ""}),
            json!({"first_name": long, "login": long, "title": long}),
            json!({"email": null, "phone": "+49 30 1", "role": "viewer"}),
        ] {
            assert_eq!(errors(change.clone()), [""; 0], "{change}");
        }
    }

    #[test]
    fn every_mistake_is_named() {
        let table = [
            (json!({"login": null}), "login: is missing; accepted: a text of 1 to 255 characters"),
            (json!({"login": ""}), "login: must not be empty; accepted: 1 to 255 characters"),
            (json!({"login": 7}), "login: must be a text, not a number"),
            (json!({"first_name": null}), "first_name: is missing; accepted: a text of at most 255 characters"),
            (json!({"title": "é".repeat(256)}), "title: is 256 characters long; accepted: at most 255"),
            (json!({"phone": "1\u{0}2"}), "phone: must not contain the character U+0000"),
            (
                json!({"email": ""}),
                "email: \"\" is not an e-mail address; accepted: one address such as \"accounts@example.com\", or null",
            ),
            (
                json!({"role_id": "5d1a5a1e-0000-4000-8000-000000000001"}),
                "role_id: is Monite's id of a role in one entity; use `role` with the name of a role template",
            ),
            (json!({"firstname": "Ana"}), "firstname: unknown field; leave it out"),
            (json!({"first_name": null, "firstname": "Ana"}), "firstname: unknown field; did you mean first_name?"),
        ];
        for (change, expected) in table {
            assert!(
                errors(change.clone()).iter().any(|error| error == expected),
                "{change}: {:?}",
                errors(change.clone())
            );
        }
    }

    #[test]
    fn roles_are_matched_exactly_and_never_widened() {
        for role in ["Admin", "admin ", "ADMIN", "superuser", "", "adm", "admin\u{0}"] {
            assert_eq!(errors(json!({"role": role})).len(), 1, "{role:?}");
        }
        let missing = errors(json!({"role": null}));
        assert_eq!(missing, ["role: is missing; accepted: one of admin, approver, bookkeeper, payer, sales, viewer"]);
        let unknown = errors(json!({"role": "owner"}));
        assert_eq!(
            unknown,
            ["role: \"owner\" is not a role; known roles: admin, approver, bookkeeper, payer, sales, viewer"]
        );
    }

    #[test]
    fn the_canonical_form_reads_back_as_the_same_document() {
        let value = json!({"title": null, "role": "payer", "login": "ana", "first_name": "Ana", "phone": "1"});
        let document = UserDocument::parse(&value, &RoleTemplates::presets()).unwrap();
        let text = document.to_text();
        assert!(!text.contains("null"), "{text}");
        assert_eq!(UserDocument::from_stored(&text).unwrap(), document);
    }
}
