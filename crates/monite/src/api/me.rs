//! Calls in the name of one entity user, with that user's token and rights.

use serde::Serialize;

use crate::client::Monite;
use crate::error::Error;
use crate::id::EntityUserId;
use crate::model::{Entity, EntityPatch, EntityUser, MePatch, Role};
use crate::request::Request;
use crate::token::Scope;

/// `monite.as_entity_user(id)`. Tokens come from the client's cache.
#[derive(Clone, Copy, Debug)]
pub struct AsEntityUser<'a> {
    pub(crate) monite: &'a Monite,
    pub(crate) user: EntityUserId,
}

impl AsEntityUser<'_> {
    /// The user.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn me(&self) -> Result<EntityUser, Error> {
        self.get("me.get", "/entity_users/me").await
    }

    /// Changes what users may change about themselves.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn update_me(&self, patch: &MePatch) -> Result<EntityUser, Error> {
        self.patch("me.update", "/entity_users/me", patch).await
    }

    /// The entity it belongs to; needs `entity.read`.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn my_entity(&self) -> Result<Entity, Error> {
        self.get("me.entity", "/entity_users/my_entity").await
    }

    /// Changes the entity it belongs to; needs `entity.update`.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn update_my_entity(&self, patch: &EntityPatch) -> Result<Entity, Error> {
        self.patch("me.update_entity", "/entity_users/my_entity", patch).await
    }

    /// The role it has.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn my_role(&self) -> Result<Role, Error> {
        self.get("me.role", "/entity_users/my_role").await
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, operation: &'static str, path: &str) -> Result<T, Error> {
        self.monite.send(Request::get(operation, path).with_scope(self.scope())).await
    }

    async fn patch<T: serde::de::DeserializeOwned>(
        &self, operation: &'static str, path: &str, body: &impl Serialize,
    ) -> Result<T, Error> {
        self.monite.send(Request::patch(operation, path).with_scope(self.scope()).json(body)).await
    }

    fn scope(&self) -> Scope {
        Scope::EntityUser(self.user)
    }
}
