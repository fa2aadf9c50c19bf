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
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is none.
    pub async fn get(&self) -> Result<Entity, Error> {
        self.monite.send(Request::get("entities.get", self.path(""))).await
    }

    /// Changes what `patch` sets, all or nothing.
    ///
    /// # Errors
    /// Any [`Error`]; 422 names the wrong fields.
    pub async fn update(&self, patch: &EntityPatch) -> Result<Entity, Error> {
        self.monite.send(Request::patch("entities.update", self.path("")).json(patch)).await
    }

    /// Lets its users work again. Harmless when it is active.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn activate(&self) -> Result<Entity, Error> {
        self.monite.send(Request::post("entities.activate", self.path("/activate")).repeatable()).await
    }

    /// Stops its users from working. Entities cannot be deleted; this is the only off switch.
    ///
    /// # Errors
    /// Any [`Error`].
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
