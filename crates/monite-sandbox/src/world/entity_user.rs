//! People inside an entity.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::entity::{Nulls, set};
use super::role::RoleView;
use super::stamp::Stamp;
use crate::refusal::Refusal;
use crate::rules::Patch;

/// Everything the sandbox keeps about an entity user. Monite never returns `title`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct EntityUser {
    pub(crate) id: Uuid,
    pub(crate) entity_id: Uuid,
    pub(crate) created_at: Stamp,
    pub(crate) updated_at: Stamp,
    pub(crate) deleted: bool,
    /// The entity user whose token created this one; `None` when the partner did.
    pub(crate) created_by: Option<Uuid>,
    pub(crate) login: String,
    pub(crate) role_id: Uuid,
    pub(crate) first_name: String,
    pub(crate) last_name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) title: Option<String>,
}

/// A create request that passed the schema.
#[derive(Debug)]
pub(crate) struct EntityUserDraft {
    pub(crate) login: String,
    pub(crate) role_id: Option<Uuid>,
    pub(crate) first_name: String,
    pub(crate) last_name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) title: Option<String>,
}

/// An update request that passed the schema.
#[derive(Debug, Default)]
pub(crate) struct EntityUserPatch {
    pub(crate) login: Patch<String>,
    pub(crate) role_id: Patch<Uuid>,
    pub(crate) first_name: Patch<String>,
    pub(crate) last_name: Patch<String>,
    pub(crate) email: Patch<String>,
    pub(crate) phone: Patch<String>,
    pub(crate) title: Patch<String>,
}

impl EntityUser {
    /// This user after `patch`; whether login and role may be used is for the world to say.
    pub(crate) fn patched(&self, patch: EntityUserPatch, nulls: Nulls) -> Result<Self, Refusal> {
        let mut new = self.clone();
        nulls.set(&mut new.login, patch.login, "login")?;
        nulls.set(&mut new.role_id, patch.role_id, "role_id")?;
        nulls.set(&mut new.first_name, patch.first_name, "first_name")?;
        set(&mut new.last_name, patch.last_name);
        set(&mut new.email, patch.email);
        set(&mut new.phone, patch.phone);
        set(&mut new.title, patch.title);
        Ok(new)
    }

    pub(crate) fn view(&self) -> EntityUserView<'_> {
        EntityUserView {
            id: self.id,
            created_at: self.created_at,
            updated_at: self.updated_at,
            login: &self.login,
            role_id: Some(self.role_id),
            role: None,
            status: if self.deleted { "deleted" } else { "active" },
            first_name: &self.first_name,
            last_name: self.last_name.as_deref(),
            email: self.email.as_deref(),
            phone: self.phone.as_deref(),
            userpic_file_id: Some(()),
            userpic: None,
        }
    }

    /// As versions before 2023-09-01 render it: with the role and the picture themselves instead of their ids.
    pub(crate) fn old_view<'a>(&'a self, role: RoleView<'a>) -> EntityUserView<'a> {
        EntityUserView { role: Some(role), role_id: None, userpic: Some(()), userpic_file_id: None, ..self.view() }
    }
}

/// An entity user as Monite renders it.
#[derive(Debug, Serialize)]
pub(crate) struct EntityUserView<'a> {
    id: Uuid,
    created_at: Stamp,
    updated_at: Stamp,
    login: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<RoleView<'a>>,
    status: &'static str,
    first_name: &'a str,
    last_name: Option<&'a str>,
    email: Option<&'a str>,
    phone: Option<&'a str>,
    /// Nobody has a picture here, so these two are left out or null.
    #[serde(skip_serializing_if = "Option::is_none")]
    userpic_file_id: Option<()>,
    #[serde(skip_serializing_if = "Option::is_none")]
    userpic: Option<()>,
}
