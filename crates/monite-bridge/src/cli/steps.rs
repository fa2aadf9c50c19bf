//! What the reconciler would do, told step by step: which call, why, and field by field what it changes. Pure.

use monite::Permissions;
use serde::Serialize;
use serde_json::Value;

use super::output::Style;
use super::words;
use crate::domain::role::{RoleName, RoleTemplates};
use crate::domain::{CustomerId, ObjectId, RoleLink, Seen, SyncState};
use crate::reconcile::diff::{FieldChange, role_changes};
use crate::reconcile::plan::{Action, Desired, Observed, Policy, plan};
use crate::store::{Visit, Wish};

/// One thing the reconciler would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Step {
    /// The customer, or `CUSTOMER/USER`.
    pub(super) object: String,
    pub(super) action: &'static str,
    /// The call at Monite.
    pub(super) call: String,
    pub(super) why: String,
    pub(super) changes: Vec<FieldChange>,
}

/// What the reconciler would do for the customer of `visit` now: the answer of its own `plan`, so it cannot differ.
pub(super) fn steps(visit: &Visit, templates: &RoleTemplates, policy: Policy) -> Vec<Step> {
    let observed = Observed::of(visit);
    let actions = plan(&Desired::of(visit, templates, policy), &observed);
    actions.iter().map(|action| step(action, visit, &observed)).collect()
}

fn step(action: &Action, visit: &Visit, observed: &Observed) -> Step {
    let (name, call) = call(action);
    let customer = &visit.customer.id;
    let why = format!("{}{}", why(action, visit), if is_rejected(action, visit) { UNTIL_RETRIED } else { "" });
    Step { object: object(customer, action), action: name, call, why, changes: changes(action, observed) }
}

/// What stands behind the reason of a step that the reconciler does not take by itself.
const UNTIL_RETRIED: &str = "; Monite refused this document, so it waits for another one or a retry";

fn is_rejected(action: &Action, visit: &Visit) -> bool {
    let state = match action.user() {
        Some(id) => visit.users.iter().find(|user| user.id == *id).map(|user| user.sync.state),
        None => Some(visit.customer.sync.state),
    };
    state == Some(SyncState::Rejected)
}

fn object(customer: &CustomerId, action: &Action) -> String {
    let object = match action.user() {
        Some(user) => ObjectId::User(customer.clone(), user.clone()),
        None => ObjectId::Customer(customer.clone()),
    };
    object.to_string()
}

fn call(action: &Action) -> (&'static str, String) {
    match action {
        Action::SettleEntity => ("settle_entity", "GET /entities".to_owned()),
        Action::LookAtEntity(id) => ("look_at_entity", format!("GET /entities/{id}")),
        Action::CreateEntity(_) => ("create_entity", "POST /entities".to_owned()),
        Action::ActivateEntity(id) => ("activate_entity", format!("POST /entities/{id}/activate")),
        Action::PatchEntity { id, .. } => ("patch_entity", format!("PATCH /entities/{id}")),
        Action::DeactivateEntity(id) => ("deactivate_entity", format!("POST /entities/{id}/deactivate")),
        Action::ListRoles => ("list_roles", "GET /roles".to_owned()),
        Action::CreateRole(..) => ("create_role", "POST /roles".to_owned()),
        Action::UpdateRole(_, id, _) => ("update_role", format!("PATCH /roles/{id}")),
        Action::DeleteUser(_, id) => ("delete_user", format!("DELETE /entity_users/{id}")),
        Action::FindUser { .. } => ("find_user", "GET /entity_users".to_owned()),
        Action::LookAtUser(_, id) => ("look_at_user", format!("GET /entity_users/{id}")),
        Action::CreateUser(..) => ("create_user", "POST /entity_users".to_owned()),
        Action::PatchUser { id, .. } => ("patch_user", format!("PATCH /entity_users/{id}")),
    }
}

fn why(action: &Action, visit: &Visit) -> String {
    match action {
        Action::SettleEntity => "a create went out and nobody saw an answer: look before anything else".to_owned(),
        Action::LookAtEntity(_) | Action::LookAtUser(..) => {
            "an earlier change went out and nobody saw an answer: look what is there now".to_owned()
        }
        Action::CreateEntity(_) => "the customer has no entity yet".to_owned(),
        Action::ActivateEntity(_) => "the customer is to be there, and its entity is switched off".to_owned(),
        Action::PatchEntity { .. } | Action::PatchUser { .. } => {
            "the document is not what Monite last confirmed".to_owned()
        }
        Action::DeactivateEntity(_) => "the product deleted the customer".to_owned(),
        Action::ListRoles => "which roles the entity holds is not known: look before creating one".to_owned(),
        Action::CreateRole(role, _) => format!("the entity needs the role {role} and does not have it"),
        Action::UpdateRole(role, ..) => format!("the role {role} does not grant what its template says"),
        Action::DeleteUser(..) => "the product deleted the user".to_owned(),
        Action::FindUser { user, .. } if is_gone(visit, user.as_str()) => {
            "the product deleted the user, and nobody saw whether its create landed: look".to_owned()
        }
        Action::FindUser { .. } => "a create went out and nobody saw an answer: look before trying again".to_owned(),
        Action::CreateUser(..) => "the user has no entity user yet".to_owned(),
    }
}

fn is_gone(visit: &Visit, id: &str) -> bool {
    visit.users.iter().any(|user| user.id.as_str() == id && user.wish == Wish::Gone)
}

fn changes(action: &Action, observed: &Observed) -> Vec<FieldChange> {
    match action {
        Action::PatchEntity { changes, .. } | Action::PatchUser { changes, .. } => changes.clone(),
        Action::CreateEntity(document) => as_additions(&serde_json::to_value(document).unwrap_or_default()),
        Action::CreateUser(_, document) => as_additions(&document.to_json()),
        Action::UpdateRole(role, _, permissions) => granted(observed.roles.get(role), role, permissions),
        _ => Vec::new(),
    }
}

/// Every field of a new document.
fn as_additions(document: &Value) -> Vec<FieldChange> {
    let mut found = Vec::new();
    walk("", document, &mut found);
    found
}

fn walk(field: &str, value: &Value, found: &mut Vec<FieldChange>) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields {
                let path = if field.is_empty() { key.clone() } else { format!("{field}.{key}") };
                walk(&path, inner, found);
            }
        }
        Value::Null => {}
        other => found.push(FieldChange { field: field.to_owned(), from: Value::Null, to: other.clone() }),
    }
}

/// The permissions that differ between a role at Monite and its template.
fn granted(seen: Option<&Seen<RoleLink>>, role: &RoleName, template: &Permissions) -> Vec<FieldChange> {
    let Some(link) = seen.and_then(Seen::present) else { return Vec::new() };
    role_changes(role, &link.confirmed, template)
}

/// One step as people see it.
pub(super) fn describe(step: &Step, style: Style) -> String {
    let head = format!("{} {}  {}", style.bold(&step.call), style.dim(&format!("({})", step.object)), step.why);
    let lines = step.changes.iter().map(|change| format!("\n    {}", describe_change(change)));
    format!("{head}{}", lines.collect::<String>())
}

/// `address.city: "Berlin" -> "Bonn"`.
pub(super) fn describe_change(change: &FieldChange) -> String {
    format!("{}: {} -> {}", change.field, words::value(&change.from), words::value(&change.to))
}
