//! Roles: named sets of permissions inside one entity.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::field::Field;
use super::open_enum::open_enum;
use super::permissions::Permissions;
use crate::id::RoleId;

/// Body of `POST /roles`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewRole {
    /// ASCII, 1 to 255 characters, unique within the entity.
    pub name: String,
    /// What its holders may do.
    pub permissions: Permissions,
}

/// A role as Monite renders it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Role {
    /// Monite's id.
    pub id: RoleId,
    /// Unique within the entity.
    pub name: String,
    /// What its holders may do.
    pub permissions: Permissions,
    /// Whether it is still there.
    pub status: RoleStatus,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last really changed.
    pub updated_at: Timestamp,
}

/// Body of `PATCH /roles/{id}`. Permissions are replaced as a whole. Monite refuses to clear either.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RolePatch {
    /// New name.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub name: Field<String>,
    /// New permissions; they act at once, also on tokens already issued.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub permissions: Field<Permissions>,
}

impl RolePatch {
    /// True when nothing would change: such a patch need not be sent.
    pub fn is_empty(&self) -> bool {
        self.name.is_keep() && self.permissions.is_keep()
    }
}

open_enum! {
    /// Whether a role is there. Deleted ones are not listed.
    RoleStatus {
        /// There.
        Active = "active",
        /// Gone.
        Deleted = "deleted",
    }
}
