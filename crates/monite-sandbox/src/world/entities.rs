//! What can be done with entities and their partner metadata.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::entity::{Entity, EntityDetails, EntityPatch, EntityStatus, EntityType, Profile};
use super::hooks::{Happening, WebhookObject};
use super::page::{Page, page};
use super::role::{Permissions, RoleDraft};
use super::rows::Changed;
use super::settings::Settings;
use super::stamp::Stamp;
use super::{Household, World, next_number};
use crate::quirks::Point;
use crate::refusal::Refusal;
use crate::rules;
use crate::rules::query::{EntityFilter, Listing};

impl World {
    /// Creates an entity, and its default role when the partner has one. Nothing is unique: twice makes two.
    pub(crate) fn create_entity(&mut self, details: EntityDetails, now: Stamp) -> Result<&Entity, Refusal> {
        details.check()?;
        let (created_at, updated_at) = self.birth(now);
        let kind = match details.profile {
            Profile::Organization(_) => EntityType::Organization,
            Profile::Individual(_) => EntityType::Individual,
        };
        let id = self.fresh_id();
        let entity = Entity { id, created_at, updated_at, kind, status: EntityStatus::Active, details };
        let number = self.insert_entity(entity);
        self.happened(WebhookObject::Entity, Happening::Created, id, id, now);
        self.provision_default_role(number, now);
        Ok(&self.household(number).entity)
    }

    fn insert_entity(&mut self, entity: Entity) -> u32 {
        self.insert_household(Household::of(entity, None, None))
    }

    pub(super) fn insert_household(&mut self, household: Household) -> u32 {
        let number = next_number(&self.entities);
        self.note(Changed::Entity(number));
        self.entity_numbers.insert(household.entity.id, number);
        self.index.insert(&household.entity, number);
        self.entities.push(household);
        number
    }

    fn provision_default_role(&mut self, entity: u32, now: Stamp) {
        let Some(draft) = self.default_role_draft() else {
            return;
        };
        if let Ok(role) = self.create_role(entity, draft, None, now).map(|role| role.id) {
            self.make_default_role(role);
        }
    }

    /// What the partner's settings say; without them, what the quirk says.
    fn default_role_draft(&self) -> Option<RoleDraft> {
        if let Some(role) = self.default_role_setting() {
            return rules::role::from_settings(role);
        }
        let name = self.quirks.value(Point::DefaultRole);
        (name != "none").then(|| RoleDraft { name: name.to_owned(), permissions: Permissions::everything() })
    }

    pub(crate) fn entity_number(&self, id: Uuid) -> Result<u32, Refusal> {
        self.entity_numbers.get(&id).copied().ok_or(Refusal::NoEntity(id))
    }

    pub(crate) fn entity_at(&self, number: u32) -> &Entity {
        &self.household(number).entity
    }

    /// Applies a PATCH as a whole. `updated_at` moves only when something really changed.
    pub(crate) fn patch_entity(&mut self, number: u32, patch: EntityPatch, now: Stamp) -> Result<&Entity, Refusal> {
        let details = self.entity_at(number).details.patched(patch, &self.quirks)?;
        if details != self.entity_at(number).details {
            self.change_entity(number, now, |entity| entity.details = details);
        }
        Ok(self.entity_at(number))
    }

    /// Activates or deactivates; repeating changes nothing.
    pub(crate) fn set_entity_status(&mut self, number: u32, status: EntityStatus, now: Stamp) -> &Entity {
        if self.entity_at(number).status != status {
            self.change_entity(number, now, |entity| entity.status = status);
        }
        self.entity_at(number)
    }

    fn change_entity(&mut self, number: u32, now: Stamp, change: impl FnOnce(&mut Entity)) {
        self.note(Changed::Entity(number));
        let updated_at = self.touch(now);
        let entity = &mut self.entities[number as usize].entity;
        self.index.remove(entity, number);
        change(entity);
        entity.updated_at = updated_at;
        self.index.insert(entity, number);
        let id = entity.id;
        self.happened(WebhookObject::Entity, Happening::Updated, id, id, now);
    }

    /// `None` until something was put.
    pub(crate) fn metadata(&self, number: u32) -> Option<&Map<String, Value>> {
        self.household(number).metadata.as_ref()
    }

    /// Replaces the whole metadata; the entity itself stays untouched unless the quirk says otherwise.
    pub(crate) fn replace_metadata(
        &mut self, number: u32, metadata: Map<String, Value>, now: Stamp,
    ) -> &Map<String, Value> {
        if self.quirks.is(Point::MetadataTouches, "yes") && self.metadata(number) != Some(&metadata) {
            self.change_entity(number, now, |_| ());
        }
        self.note(Changed::Entity(number));
        self.household_mut(number).metadata.insert(metadata)
    }

    pub(crate) fn list_entities(&self, listing: &Listing<EntityFilter>) -> Page {
        let filter = &listing.filter;
        let hide_inactive = filter.status.is_none() && self.quirks.is(Point::InactiveListed, "no");
        let keep = |number: u32| {
            let entity = self.entity_at(number);
            keeps(filter, entity) && !(hide_inactive && entity.status != EntityStatus::Active)
        };
        page(&listing.paging, self.entity_candidates(listing), keep)
    }
}

fn keeps(filter: &EntityFilter, entity: &Entity) -> bool {
    let email = entity.details.email.as_ref();
    filter.kind.is_none_or(|kind| entity.kind == kind)
        && filter.status.is_none_or(|status| entity.status == status)
        && filter.email.as_ref().is_none_or(|wanted| email == Some(wanted))
        && (filter.email_in.is_empty() || email.is_some_and(|email| filter.email_in.contains(email)))
        && !email.is_some_and(|email| filter.email_not_in.contains(email))
        && (filter.id_in.is_empty() || filter.id_in.contains(&entity.id))
        && !filter.id_not_in.contains(&entity.id)
        && filter.created.holds(entity.created_at)
}

impl Household {
    pub(super) fn of(entity: Entity, metadata: Option<Map<String, Value>>, settings: Option<Box<Settings>>) -> Self {
        Self {
            entity,
            metadata,
            settings,
            roles: Vec::new(),
            users: Vec::new(),
            role_names: std::collections::HashMap::new(),
            logins: std::collections::HashMap::new(),
            default_role: None,
        }
    }
}
