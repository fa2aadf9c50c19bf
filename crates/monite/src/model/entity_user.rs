//! Entity users: the people of one entity.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::field::Field;
use super::open_enum::open_enum;
use crate::id::{EntityUserId, RoleId};

/// Body of `POST /entity_users`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewEntityUser {
    /// The product's own id of the user: unique among the entity's living users, at most 255 characters.
    pub login: String,
    /// At most 255 characters.
    pub first_name: String,
    /// At most 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// E-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// At most 255 characters. Accepted but never shown again by Monite, so drift in it cannot be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Without it Monite gives the entity's default role, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_id: Option<RoleId>,
}

/// An entity user as Monite renders it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EntityUser {
    /// Monite's id.
    pub id: EntityUserId,
    /// The product's own id of the user.
    pub login: String,
    /// The one role it has.
    pub role_id: RoleId,
    /// Whether it is still there.
    pub status: EntityUserStatus,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last really changed.
    pub updated_at: Timestamp,
    /// First name.
    #[serde(default)]
    pub first_name: Option<String>,
    /// Last name.
    #[serde(default)]
    pub last_name: Option<String>,
    /// E-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// Phone number.
    #[serde(default)]
    pub phone: Option<String>,
    /// Always `null` in practice.
    #[serde(default)]
    pub userpic_file_id: Option<Uuid>,
}

/// Body of `PATCH /entity_users/{id}`. Monite refuses to clear `login`, `first_name` and `role_id`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EntityUserPatch {
    /// New login.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub login: Field<String>,
    /// New first name.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub first_name: Field<String>,
    /// New last name.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub last_name: Field<String>,
    /// New e-mail address.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub email: Field<String>,
    /// New phone number.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub phone: Field<String>,
    /// New title.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub title: Field<String>,
    /// New role; takes effect at once, also for tokens already issued.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub role_id: Field<RoleId>,
}

impl EntityUserPatch {
    /// True when nothing would change: such a patch need not be sent.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Body of `PATCH /entity_users/me`: what a user may change about itself, which is neither login nor role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MePatch {
    /// New first name.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub first_name: Field<String>,
    /// New last name.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub last_name: Field<String>,
    /// New e-mail address.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub email: Field<String>,
    /// New phone number.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub phone: Field<String>,
    /// New title.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub title: Field<String>,
}

open_enum! {
    /// Whether an entity user is there. Deleted ones are not listed.
    EntityUserStatus {
        /// There.
        Active = "active",
        /// Gone.
        Deleted = "deleted",
    }
}
