//! What the rules beyond the schema say about a body: written from the behaviour page, apart from the sandbox's code.

use serde_json::Value;

use super::stage::Stage;

/// What must come of a body that fits its schema.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    /// 422 pointing at exactly these.
    Invalid(Vec<String>),
    Refused(u16),
    /// Nothing says what null does here.
    AcceptedOr400,
}

pub fn judge(operation: &str, body: &Value, stage: &Stage) -> Verdict {
    let mut wrong = Vec::new();
    let status = match operation {
        "post_auth_token" => token(body, stage),
        "post_auth_revoke" => revoke(body, stage),
        "post_entities" => {
            profiles(body, &mut wrong);
            empty_phone(body, &mut wrong);
            new_entity(body)
        }
        "patch_entities_id" | "patch_entities_me" | "patch_entity_users_my_entity" => {
            empty_phone(body, &mut wrong);
            changed_entity(body)
        }
        "post_entity_users" => (body["role_id"] != *stage.role).then_some(400),
        "patch_entity_users_id" => changed_user(body, stage, &["login", "first_name", "role_id"]),
        "patch_entity_users_me" => changed_user(body, stage, &["first_name"]),
        "post_roles" | "patch_roles_id" => {
            if body["name"].as_str().is_some_and(|name| !name.is_ascii()) {
                wrong.push("body.name".to_owned());
            }
            (operation == "patch_roles_id" && has_null(body, &["name", "permissions"])).then_some(400)
        }
        "patch_webhook_subscriptions_id" => has_null(body, &["object_type", "url"]).then_some(400),
        "patch_entities_id_settings" | "patch_settings" => return Verdict::AcceptedOr400,
        _ => None,
    };
    match (wrong.is_empty(), status) {
        (false, _) => Verdict::Invalid(wrong),
        (true, Some(status)) => Verdict::Refused(status),
        (true, None) => Verdict::Accepted,
    }
}

fn has_null(object: &Value, names: &[&str]) -> bool {
    names.iter().any(|name| object.get(name) == Some(&Value::Null))
}

fn is_ours(body: &Value, stage: &Stage) -> bool {
    body["client_id"] == stage.direct.sandbox.client_id()
        && body["client_secret"] == stage.direct.sandbox.client_secret()
}

fn token(body: &Value, stage: &Stage) -> Option<u16> {
    if !is_ours(body, stage) {
        return Some(401);
    }
    (body["grant_type"] == "entity_user" && body["entity_user_id"] != *stage.ana).then_some(400)
}

fn revoke(body: &Value, stage: &Stage) -> Option<u16> {
    if is_ours(body, stage) { (body["token"] != *stage.direct.token).then_some(400) } else { Some(401) }
}

/// The object that belongs to the type has to be there, the other one must not.
fn profiles(body: &Value, wrong: &mut Vec<String>) {
    let own = body["type"].as_str().unwrap();
    let other = if own == "organization" { "individual" } else { "organization" };
    if body[own].is_null() {
        wrong.push(format!("body.{own}"));
    }
    if !body[other].is_null() {
        wrong.push(format!("body.{other}"));
    }
}

/// Entity data refuses empty strings since 2024-01-31; only here the schema alone would take one.
fn empty_phone(body: &Value, wrong: &mut Vec<String>) {
    if body["phone"] == "" {
        wrong.push("body.phone".to_owned());
    }
}

fn new_entity(body: &Value) -> Option<u16> {
    let state = body["address"]["state"].as_str().unwrap_or_default();
    // Two capital letters are all that drawn states have to do with USPS codes.
    let us_without_state = body["address"]["country"] == "US" && state != "TX";
    let unregistered = !body["registration_number"].is_null() && body["registration_authority"].is_null();
    (us_without_state || unregistered).then_some(400)
}

/// The stage's entity is an organization in Germany with nothing but what is required.
fn changed_entity(body: &Value) -> Option<u16> {
    let nulls = has_null(body, &["address", "organization"])
        || has_null(&body["address"], &["city", "line1", "postal_code"])
        || has_null(&body["organization"], &["legal_name"]);
    let other_profile = !body["individual"].is_null();
    let unregistered = !body["registration_number"].is_null() && body["registration_authority"].is_null();
    (nulls || other_profile || unregistered).then_some(400)
}

fn changed_user(body: &Value, stage: &Stage, never_null: &[&str]) -> Option<u16> {
    let foreign_role = body["role_id"].is_string() && body["role_id"] != *stage.role;
    (has_null(body, never_null) || foreign_role).then_some(400)
}
