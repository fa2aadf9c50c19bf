//! What can look older than it is, and how an old look is put in the place of the new one.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::world::World;
use crate::world::entity::Entity;
use crate::world::entity_user::EntityUser;
use crate::world::hooks::Subscription;
use crate::world::role::Role;
use crate::world::rows::Changed;
use crate::world::settings::Settings;

/// By row number. Owners come before what they own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Object {
    PartnerSettings,
    Entity(u32),
    Role(u32),
    EntityUser(u32),
    Subscription(Uuid),
}

impl Object {
    /// Tokens and their likes, events and deliveries never lag.
    pub(super) fn of(change: Changed) -> Option<Self> {
        match change {
            Changed::PartnerSettings => Some(Self::PartnerSettings),
            Changed::Entity(number) => Some(Self::Entity(number)),
            Changed::Role(number) => Some(Self::Role(number)),
            Changed::EntityUser(number) => Some(Self::EntityUser(number)),
            Changed::Subscription(id) => Some(Self::Subscription(id)),
            Changed::Starts | Changed::TokensExpired | Changed::Token(_) | Changed::Event(_) | Changed::Delivery(_) => {
                None
            }
        }
    }
}

/// An object as it was.
#[derive(Clone)]
pub(super) enum Version {
    PartnerSettings(Settings),
    Entity(Box<EntityVersion>),
    Role(Box<Role>),
    EntityUser(Box<EntityUser>),
    /// With its number.
    Subscription(Box<(u32, Subscription)>),
}

/// What is written of an entity, apart from who lives in it.
#[derive(Clone)]
pub(super) struct EntityVersion {
    entity: Entity,
    metadata: Option<Map<String, Value>>,
    settings: Option<Box<Settings>>,
}

impl World {
    /// The object as it is, if it is there.
    pub(super) fn version(&self, object: Object) -> Option<Version> {
        match object {
            Object::PartnerSettings => Some(Version::PartnerSettings(self.partner_settings.clone())),
            Object::Entity(number) => self.entities.get(number as usize).map(|household| {
                Version::Entity(Box::new(EntityVersion {
                    entity: household.entity.clone(),
                    metadata: household.metadata.clone(),
                    settings: household.settings.clone(),
                }))
            }),
            Object::Role(number) => self.roles.get(number as usize).map(|role| Version::Role(Box::new(role.clone()))),
            Object::EntityUser(number) => {
                self.users.get(number as usize).map(|user| Version::EntityUser(Box::new(user.clone())))
            }
            Object::Subscription(id) => {
                self.hooks.numbered_subscription(id).map(|row| Version::Subscription(Box::new(row)))
            }
        }
    }

    /// Puts a version in the place of the object, which must not be listed meanwhile.
    pub(super) fn put(&mut self, object: Object, version: Version) {
        match (object, version) {
            (Object::PartnerSettings, Version::PartnerSettings(settings)) => self.partner_settings = settings,
            (Object::Entity(number), Version::Entity(version)) => {
                let household = self.household_mut(number);
                (household.entity, household.metadata, household.settings) =
                    (version.entity, version.metadata, version.settings);
            }
            (Object::Role(number), Version::Role(role)) => self.roles[number as usize] = *role,
            (Object::EntityUser(number), Version::EntityUser(user)) => self.users[number as usize] = *user,
            (Object::Subscription(_), Version::Subscription(row)) => self.hooks.put_subscription(row.0, row.1),
            // Versions are taken from the object they are put back to.
            _ => {}
        }
    }

    /// Makes an object findable: by id, in the lists, by its name. (Subscriptions are, as soon as they are put.)
    pub(super) fn list(&mut self, object: Object) {
        match object {
            Object::PartnerSettings | Object::Subscription(_) => {}
            Object::Entity(number) => {
                let entity = &self.entities[number as usize].entity;
                self.entity_numbers.insert(entity.id, number);
                self.index.insert(entity, number);
            }
            Object::Role(number) => {
                let role = &self.roles[number as usize];
                self.role_numbers.insert(role.id, number);
                let household =
                    self.entity_numbers.get(&role.entity_id).map(|entity| &mut self.entities[*entity as usize]);
                if let Some(household) = household {
                    add(&mut household.roles, number);
                    if !role.deleted {
                        household.role_names.entry(role.name.clone()).or_insert(number);
                    }
                }
            }
            Object::EntityUser(number) => {
                let user = &self.users[number as usize];
                self.user_numbers.insert(user.id, number);
                let household =
                    self.entity_numbers.get(&user.entity_id).map(|entity| &mut self.entities[*entity as usize]);
                if let Some(household) = household {
                    add(&mut household.users, number);
                    if !user.deleted {
                        household.logins.entry(user.login.clone()).or_insert(number);
                    }
                }
            }
        }
    }

    /// Undoes [`World::list`].
    pub(super) fn unlist(&mut self, object: Object) {
        match object {
            Object::PartnerSettings => {}
            Object::Subscription(id) => self.hooks.hide_subscription(id),
            Object::Entity(number) => {
                let entity = &self.entities[number as usize].entity;
                self.entity_numbers.remove(&entity.id);
                self.index.remove(entity, number);
            }
            Object::Role(number) => {
                let role = &self.roles[number as usize];
                self.role_numbers.remove(&role.id);
                let household =
                    self.entity_numbers.get(&role.entity_id).map(|entity| &mut self.entities[*entity as usize]);
                if let Some(household) = household {
                    remove(&mut household.roles, number);
                    if household.role_names.get(&role.name) == Some(&number) {
                        household.role_names.remove(&role.name);
                    }
                }
            }
            Object::EntityUser(number) => {
                let user = &self.users[number as usize];
                self.user_numbers.remove(&user.id);
                let household =
                    self.entity_numbers.get(&user.entity_id).map(|entity| &mut self.entities[*entity as usize]);
                if let Some(household) = household {
                    remove(&mut household.users, number);
                    if household.logins.get(&user.login) == Some(&number) {
                        household.logins.remove(&user.login);
                    }
                }
            }
        }
    }
}

/// Rows of a household ascend.
fn add(rows: &mut Vec<u32>, number: u32) {
    if let Err(place) = rows.binary_search(&number) {
        rows.insert(place, number);
    }
}

fn remove(rows: &mut Vec<u32>, number: u32) {
    if let Ok(place) = rows.binary_search(&number) {
        rows.remove(place);
    }
}
