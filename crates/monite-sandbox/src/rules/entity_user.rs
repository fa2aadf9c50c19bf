//! Bodies of `POST /entity_users`, `PATCH /entity_users/{id}` and `PATCH /entity_users/me`.

use super::form::{Patch, Wrong, body, patch_body};
use super::text::{email, string, text, uuid};
use crate::world::entity_user::{EntityUserDraft, EntityUserPatch};

/// Reads `CreateEntityUserRequest`.
pub(crate) fn create(raw: &[u8]) -> Result<EntityUserDraft, Wrong> {
    body(raw, |form| {
        let login = form.required("login", text(0, 255));
        let first_name = form.required("first_name", text(0, 255));
        let last_name = form.optional("last_name", text(0, 255));
        let email = form.optional("email", email);
        let phone = form.optional("phone", string);
        let title = form.optional("title", text(0, 255));
        let role_id = form.optional("role_id", uuid);
        Some(EntityUserDraft { login: login?, role_id, first_name: first_name?, last_name, email, phone, title })
    })
}

/// Reads `UpdateEntityUserRequest`.
pub(crate) fn update(raw: &[u8]) -> Result<EntityUserPatch, Wrong> {
    patch_body(raw, |form| {
        Some(EntityUserPatch {
            login: form.patch("login", text(0, 255)),
            role_id: form.patch("role_id", uuid),
            first_name: form.patch("first_name", text(0, 255)),
            last_name: form.patch("last_name", text(0, 255)),
            email: form.patch("email", email),
            phone: form.patch("phone", string),
            title: form.patch("title", text(0, 255)),
        })
    })
}

/// Reads `UpdateMeEntityUserRequest`: neither login nor role.
pub(crate) fn update_me(raw: &[u8]) -> Result<EntityUserPatch, Wrong> {
    patch_body(raw, |form| {
        Some(EntityUserPatch {
            login: Patch::Absent,
            role_id: Patch::Absent,
            first_name: form.patch("first_name", text(0, 255)),
            last_name: form.patch("last_name", text(0, 255)),
            email: form.patch("email", email),
            phone: form.patch("phone", string),
            title: form.patch("title", text(0, 255)),
        })
    })
}
