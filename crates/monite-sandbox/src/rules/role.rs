//! Bodies of `POST /roles` and `PATCH /roles/{id}`.

use serde_json::Value;

use super::form::{Extras, Wrong, body, list, object, patch_body};
use super::text::{choose, text};
use crate::quirks::Point;
use crate::world::role::{
    Action, ActionPermission, ObjectPermissions, ObjectType, Permission, Permissions, RoleDraft, RolePatch,
};

/// Reads `CreateRoleRequest`.
pub(crate) fn create(raw: &[u8]) -> Result<RoleDraft, Wrong> {
    body(raw, |form| {
        let name = form.required("name", name);
        let permissions = form.required("permissions", permissions);
        Some(RoleDraft { name: name?, permissions: permissions? })
    })
}

/// Reads what partner settings say about the role of new entities: a free object, which only means something when
/// it has a name and permissions as a role has. Whatever else is in it says nothing.
pub(crate) fn from_settings(default_role: &Value) -> Option<RoleDraft> {
    let name = name(default_role.get("name")?.clone()).ok()?;
    let permissions = permissions(default_role.get("permissions")?.clone()).ok()?;
    Some(RoleDraft { name, permissions })
}

/// Reads `UpdateRoleRequest`.
pub(crate) fn update(raw: &[u8]) -> Result<RolePatch, Wrong> {
    patch_body(raw, |form| {
        Some(RolePatch { name: form.patch("name", name), permissions: form.patch("permissions", permissions) })
    })
}

/// 1 to 255 characters, ASCII only (documented; the schema alone would take more).
fn name(value: Value) -> Result<String, Wrong> {
    let name = text(1, 255)(value)?;
    if name.is_ascii() {
        Ok(name)
    } else {
        Err(Wrong::here("Value error, name must be ASCII", "value_error").left_open(Point::RoleNameNotAscii))
    }
}

fn permissions(value: Value) -> Result<Permissions, Wrong> {
    object(value, Extras::Refuse, |form| {
        let objects = form.defaulted("objects", |value| list(value, object_permissions));
        Some(Permissions { objects: objects.unwrap_or_default() })
    })
}

fn object_permissions(value: Value) -> Result<ObjectPermissions, Wrong> {
    object(value, Extras::Refuse, |form| {
        let object_type = form.required("object_type", |value| choose(value.as_str(), ObjectType::NAMES));
        let actions = form.defaulted("actions", |value| match object_type {
            Some(object_type) => list(value, |value| action_permission(value, object_type)),
            // Which actions exist depends on the object, so nothing can be said about them.
            None => Ok(Vec::new()),
        });
        Some(ObjectPermissions { object_type: object_type?, actions: actions.unwrap_or_default() })
    })
}

/// Unknown keys are refused on payables and tolerated elsewhere, as the two schemas say.
fn action_permission(value: Value, of: ObjectType) -> Result<ActionPermission, Wrong> {
    let extras = if of == ObjectType::Payable { Extras::Refuse } else { Extras::Ignore };
    object(value, extras, |form| {
        let action_name = form.defaulted("action_name", |value| action(&value, of)).unwrap_or(Action::Read);
        let permission = form.defaulted("permission", |value| choose(value.as_str(), Permission::NAMES));
        Some(ActionPermission { action_name, permission: permission.unwrap_or(Permission::Allowed) })
    })
}

fn action(value: &Value, of: ObjectType) -> Result<Action, Wrong> {
    // The first four names are those every object has.
    let known = if of == ObjectType::Payable { Action::NAMES } else { &Action::NAMES[..4] };
    choose(value.as_str(), known)
}
