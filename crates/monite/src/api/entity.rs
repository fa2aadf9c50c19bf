//! One entity.

use super::{EntityUsers, Events, Metadata, Roles, SettingsOfEntity, WebhookDeliveries};
use crate::client::Monite;
use crate::error::Error;
use crate::id::EntityId;
use crate::model::{Entity, EntityPatch};
use crate::request::Request;

/// `monite.entity(id)`.
#[derive(Clone, Copy, Debug)]
pub struct EntityHandle<'a> {
    pub(crate) monite: &'a Monite,
    pub(crate) id: EntityId,
}

impl<'a> EntityHandle<'a> {
    /// Whose handle this is.
    pub fn id(&self) -> EntityId {
        self.id
    }

    /// Reads it.
    ///
    /// `GET /entities/{id}`. Permission: none suffices, it takes the partner token. Users read their own with
    /// [`AsEntityUser::my_entity`](super::AsEntityUser::my_entity).
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is none.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, .. }| {
    /// assert_eq!(monite.entity(acme).get().await?.email.as_deref(), Some("ap@acme.example"));
    /// # Ok(()) }) }
    /// ```
    pub async fn get(&self) -> Result<Entity, Error> {
        self.monite.send(Request::get("entities.get", self.path(""))).await
    }

    /// Changes what `patch` sets, all or nothing.
    ///
    /// `PATCH /entities/{id}`. Permission: none suffices, it takes the partner token. Users change their own with
    /// [`AsEntityUser::update_my_entity`](super::AsEntityUser::update_my_entity).
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is none, 422 names the wrong fields, 400 for `organization` of an
    /// individual, the other way round, or a null where Monite wants a value.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, .. }| {
    /// let patch = EntityPatch { phone: Field::Set("+49301234567".into()), ..Default::default() };
    /// assert_eq!(monite.entity(acme).update(&patch).await?.phone.as_deref(), Some("+49301234567"));
    /// # Ok(()) }) }
    /// ```
    pub async fn update(&self, patch: &EntityPatch) -> Result<Entity, Error> {
        self.monite.send(Request::patch("entities.update", self.path("")).json(patch)).await
    }

    /// Lets its users work again. Harmless when it is active.
    ///
    /// `POST /entities/{id}/activate`. Permission: none suffices, it takes the partner token.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is none.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, .. }| {
    /// assert_eq!(monite.entity(acme).activate().await?.status, EntityStatus::Active);
    /// # Ok(()) }) }
    /// ```
    pub async fn activate(&self) -> Result<Entity, Error> {
        self.monite.send(Request::post("entities.activate", self.path("/activate")).repeatable()).await
    }

    /// Stops its users from working. Entities cannot be deleted; this is the only off switch.
    ///
    /// `POST /entities/{id}/deactivate`. Permission: none suffices, it takes the partner token.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is none.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, .. }| {
    /// assert_eq!(monite.entity(acme).deactivate().await?.status, EntityStatus::Inactive);
    /// # Ok(()) }) }
    /// ```
    pub async fn deactivate(&self) -> Result<Entity, Error> {
        self.monite.send(Request::post("entities.deactivate", self.path("/deactivate")).repeatable()).await
    }

    /// The partner's own notes on it.
    pub fn metadata(&self) -> Metadata<'a> {
        Metadata { monite: self.monite, entity: self.id }
    }

    /// Its roles.
    pub fn roles(&self) -> Roles<'a> {
        Roles { monite: self.monite, entity: self.id }
    }

    /// Its users.
    pub fn users(&self) -> EntityUsers<'a> {
        EntityUsers { monite: self.monite, entity: self.id }
    }

    /// Its settings.
    pub fn settings(&self) -> SettingsOfEntity<'a> {
        SettingsOfEntity { monite: self.monite, entity: self.id }
    }

    /// What happened to it and in it.
    pub fn events(&self) -> Events<'a> {
        Events { monite: self.monite, entity: self.id }
    }

    /// What became of reporting that.
    pub fn webhook_deliveries(&self) -> WebhookDeliveries<'a> {
        WebhookDeliveries { monite: self.monite, entity: self.id }
    }

    fn path(&self, below: &str) -> String {
        format!("/entities/{}{below}", self.id)
    }
}
