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
    /// `GET /entity_users/me`. Permission: none beyond a token of the user.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is no such user, or none any more.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, ana, .. }| {
    /// assert_eq!(monite.as_entity_user(ana).me().await?.login, "ana");
    /// # Ok(()) }) }
    /// ```
    pub async fn me(&self) -> Result<EntityUser, Error> {
        self.get("me.get", "/entity_users/me").await
    }

    /// Changes what users may change about themselves.
    ///
    /// `PATCH /entity_users/me`. Permission: none beyond a token of the user.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is no such user, 422 names the wrong fields.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, ana, .. }| {
    /// let patch = MePatch { last_name: Field::Set("Sol".into()), ..Default::default() };
    /// assert_eq!(monite.as_entity_user(ana).update_me(&patch).await?.last_name.as_deref(), Some("Sol"));
    /// # Ok(()) }) }
    /// ```
    pub async fn update_me(&self, patch: &MePatch) -> Result<EntityUser, Error> {
        self.patch("me.update", "/entity_users/me", patch).await
    }

    /// The entity it belongs to.
    ///
    /// `GET /entity_users/my_entity`. Permission: `entity.read`.
    ///
    /// # Errors
    /// Any [`Error`]; `is_permission_denied` when the role does not allow it.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, ana, acme, .. }| {
    /// assert_eq!(monite.as_entity_user(ana).my_entity().await?.id, acme);
    /// # Ok(()) }) }
    /// ```
    pub async fn my_entity(&self) -> Result<Entity, Error> {
        self.get("me.entity", "/entity_users/my_entity").await
    }

    /// Changes the entity it belongs to.
    ///
    /// `PATCH /entity_users/my_entity`. Permission: `entity.update`.
    ///
    /// # Errors
    /// Any [`Error`]; `is_permission_denied` when the role does not allow it, otherwise as
    /// [`EntityHandle::update`](super::EntityHandle::update).
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, ana, .. }| {
    /// let patch = EntityPatch { website: Field::Set("https://acme.example".into()), ..Default::default() };
    /// let entity = monite.as_entity_user(ana).update_my_entity(&patch).await?;
    /// assert_eq!(entity.website.as_deref(), Some("https://acme.example"));
    /// # Ok(()) }) }
    /// ```
    pub async fn update_my_entity(&self, patch: &EntityPatch) -> Result<Entity, Error> {
        self.patch("me.update_entity", "/entity_users/my_entity", patch).await
    }

    /// The role it has.
    ///
    /// `GET /entity_users/my_role`. Permission: none beyond a token of the user.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is no such user.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, ana, approver, .. }| {
    /// assert_eq!(monite.as_entity_user(ana).my_role().await?.id, approver);
    /// # Ok(()) }) }
    /// ```
    pub async fn my_role(&self) -> Result<Role, Error> {
        self.get("me.role", "/entity_users/my_role").await
    }

    /// [`AsEntityUser::my_entity`] by the path it had before.
    ///
    /// `GET /entities/me`. Permission: `entity.read`.
    ///
    /// # Errors
    /// As [`AsEntityUser::my_entity`].
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, ana, acme, .. }| {
    /// # #[allow(deprecated)]
    /// let entity = monite.as_entity_user(ana).entity_me().await?;
    /// assert_eq!(entity.id, acme);
    /// # Ok(()) }) }
    /// ```
    #[deprecated(note = "Monite deprecates this path: use my_entity")]
    pub async fn entity_me(&self) -> Result<Entity, Error> {
        self.get("me.entity_by_old_path", "/entities/me").await
    }

    /// [`AsEntityUser::update_my_entity`] by the path it had before.
    ///
    /// `PATCH /entities/me`. Permission: `entity.update`.
    ///
    /// # Errors
    /// As [`AsEntityUser::update_my_entity`].
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, ana, .. }| {
    /// # #[allow(deprecated)]
    /// let same = monite.as_entity_user(ana).update_entity_me(&EntityPatch::default()).await?;
    /// assert_eq!(same.email.as_deref(), Some("ap@acme.example"));
    /// # Ok(()) }) }
    /// ```
    #[deprecated(note = "Monite deprecates this path: use update_my_entity")]
    pub async fn update_entity_me(&self, patch: &EntityPatch) -> Result<Entity, Error> {
        self.patch("me.update_entity_by_old_path", "/entities/me", patch).await
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
