//! Writes that reads do not show yet: what the objects looked like before, and until when they still look so.
//!
//! As behind a replica that lags: a whole read is answered from the older state, permissions included. Writes, tokens and
//! whatever must be unique see the truth. A later write that does not lag shows the object as it is now, and with it
//! everything written to that object before.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::World;
use super::entity::Entity;
use super::entity_user::EntityUser;
use super::role::Role;
use super::rows::Changed;
use super::settings::Settings;
use super::stamp::Stamp;

/// What of the world is not what it looks like.
#[derive(Default)]
pub(super) struct Lag {
    /// When the write at work becomes visible; `None`: at once.
    visible_at: Option<Stamp>,
    /// Tells two writes to the same object apart.
    write: u64,
    /// For each object its earlier looks, oldest first; `until` ascends.
    looks: BTreeMap<Object, Vec<Look>>,
}

/// By row number. Owners come before what they own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Object {
    PartnerSettings,
    Entity(u32),
    Role(u32),
    EntityUser(u32),
}

struct Look {
    /// `None`: there was no such object.
    version: Option<Version>,
    until: Stamp,
    write: u64,
}

/// An object as it was.
#[derive(Clone)]
enum Version {
    PartnerSettings(Settings),
    Entity(Box<EntityVersion>),
    Role(Box<Role>),
    EntityUser(Box<EntityUser>),
}

/// What is written of an entity, apart from who lives in it.
#[derive(Clone)]
struct EntityVersion {
    entity: Entity,
    metadata: Option<Map<String, Value>>,
    settings: Option<Box<Settings>>,
}

impl World {
    /// Begins a write that reads show from `visible_at` on; `None`: at once.
    pub(crate) fn begin_write(&mut self, visible_at: Option<Stamp>) {
        self.lag.visible_at = visible_at;
        self.lag.write += 1;
    }

    /// Is anything not what it looks like? May still say yes when its time is over.
    pub(crate) fn is_lagging(&self) -> bool {
        !self.lag.looks.is_empty()
    }

    /// Remembers what is about to change, if the write at work is to lag.
    pub(super) fn remember(&mut self, change: Changed) {
        if self.lag.visible_at.is_none() && !self.is_lagging() {
            return;
        }
        let object = match change {
            Changed::PartnerSettings => Object::PartnerSettings,
            Changed::Entity(number) => Object::Entity(number),
            Changed::Role(number) => Object::Role(number),
            Changed::EntityUser(number) => Object::EntityUser(number),
            _ => return,
        };
        let Some(until) = self.lag.visible_at else {
            self.lag.looks.remove(&object);
            return;
        };
        let version = self.version(object);
        let write = self.lag.write;
        let looks = self.lag.looks.entry(object).or_default();
        if looks.last().is_some_and(|last| last.write == write) {
            return;
        }
        // What comes later shows what came before.
        for earlier in looks.iter_mut() {
            earlier.until = earlier.until.min(until);
        }
        looks.push(Look { version, until, write });
    }

    /// Lets `look` see the world as it looks at `now`.
    pub(crate) fn as_seen<R>(&mut self, now: Stamp, look: impl FnOnce(&World) -> R) -> R {
        self.lag.forget(now);
        let rewound = Rewound::to_looks(self);
        look(rewound.world)
    }

    fn version(&self, object: Object) -> Option<Version> {
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
        }
    }

    /// Puts a version in the place of the object, which must not be listed meanwhile.
    fn put(&mut self, object: Object, version: Version) {
        match (object, version) {
            (Object::PartnerSettings, Version::PartnerSettings(settings)) => self.partner_settings = settings,
            (Object::Entity(number), Version::Entity(version)) => {
                let household = self.household_mut(number);
                (household.entity, household.metadata, household.settings) =
                    (version.entity, version.metadata, version.settings);
            }
            (Object::Role(number), Version::Role(role)) => self.roles[number as usize] = *role,
            (Object::EntityUser(number), Version::EntityUser(user)) => self.users[number as usize] = *user,
            // Versions are taken from the object they are put back to.
            _ => {}
        }
    }

    /// Makes an object findable: by id, in the lists, by its name.
    fn list(&mut self, object: Object) {
        match object {
            Object::PartnerSettings => {}
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
    fn unlist(&mut self, object: Object) {
        match object {
            Object::PartnerSettings => {}
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

impl Lag {
    fn forget(&mut self, now: Stamp) {
        self.looks.retain(|_, looks| {
            looks.retain(|look| look.until > now);
            !looks.is_empty()
        });
    }
}

/// A world as it looks, and on drop as it is, even if somebody panics while looking.
struct Rewound<'a> {
    world: &'a mut World,
    /// The truth about what looks different; the version if it was replaced, nothing if it is only hidden.
    truth: Vec<(Object, Option<Version>)>,
}

impl<'a> Rewound<'a> {
    fn to_looks(world: &'a mut World) -> Self {
        let looks = world.lag.looks.iter();
        let looks: Vec<_> =
            looks.filter_map(|(object, looks)| Some((*object, looks.first()?.version.clone()))).collect();
        // All of them first: an old name may be somebody else's new one.
        for (object, _) in looks.iter().rev() {
            world.unlist(*object);
        }
        let mut truth = Vec::with_capacity(looks.len());
        for (object, version) in looks {
            let replaced = version.and_then(|version| {
                let current = world.version(object);
                world.put(object, version);
                world.list(object);
                current
            });
            truth.push((object, replaced));
        }
        Self { world, truth }
    }
}

impl Drop for Rewound<'_> {
    fn drop(&mut self) {
        let truth = std::mem::take(&mut self.truth);
        for (object, _) in truth.iter().rev().filter(|(_, replaced)| replaced.is_some()) {
            self.world.unlist(*object);
        }
        for (object, replaced) in truth {
            if let Some(version) = replaced {
                self.world.put(object, version);
            }
            self.world.list(object);
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
