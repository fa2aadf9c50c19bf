//! A pretend Monite as plain data: entities, roles, entity users, tokens, webhooks, and the indexes that keep every lookup
//! and list page independent of how much there is. No HTTP here; time and chance are passed in.

pub(crate) mod access;
pub(crate) mod dump;
mod entities;
pub(crate) mod entity;
mod entity_index;
pub(crate) mod entity_user;
mod entity_users;
pub(crate) mod hooks;
mod lag;
mod overview;
pub(crate) mod page;
pub(crate) mod role;
mod roles;
pub(crate) mod rows;
pub(crate) mod settings;
pub(crate) mod stamp;
pub(crate) mod token;

use std::collections::HashMap;

use serde_json::{Map, Value};
use uuid::Uuid;

use self::entity::Entity;
use self::entity_index::EntityIndex;
use self::entity_user::EntityUser;
use self::hooks::Hooks;
use self::lag::Lag;
use self::role::Role;
use self::rows::Changed;
use self::settings::Settings;
use self::stamp::Stamp;
use self::token::Tokens;
use crate::id::IdSource;
use crate::quirks::Quirks;

/// Between `created_at` and `updated_at` of a new object, as seen in Monite's examples.
const CREATION_TAKES_MICROS: i64 = 3;

/// The whole state. Rows are never removed, only marked deleted, so a row's number is its id inside the world and
/// numbers ascend with `created_at`.
pub(crate) struct World {
    pub(crate) quirks: Quirks,
    pub(crate) tokens: Tokens,
    partner_settings: Settings,
    entities: Vec<Household>,
    roles: Vec<Role>,
    users: Vec<EntityUser>,
    entity_numbers: HashMap<Uuid, u32>,
    role_numbers: HashMap<Uuid, u32>,
    user_numbers: HashMap<Uuid, u32>,
    index: EntityIndex,
    hooks: Hooks,
    ids: IdSource,
    /// How often this world was loaded from what was kept of it.
    starts: u64,
    /// The latest instant given to any object. Each new one is later, so that order is total.
    last: Stamp,
    /// What storage has to write; `None` when nothing is kept on disk.
    changed: Option<Vec<Changed>>,
    lag: Lag,
}

/// An entity and what lives in it.
struct Household {
    entity: Entity,
    metadata: Option<Map<String, Value>>,
    /// `None` until something was changed: most entities live with the defaults.
    settings: Option<Box<Settings>>,
    /// In order of creation, deleted ones included.
    roles: Vec<u32>,
    users: Vec<u32>,
    /// Of those not deleted.
    role_names: HashMap<String, u32>,
    logins: HashMap<String, u32>,
    default_role: Option<u32>,
}

impl World {
    pub(crate) fn new(ids: IdSource, keeps_changes: bool) -> Self {
        Self {
            quirks: Quirks::default(),
            tokens: Tokens::default(),
            partner_settings: settings::partner_defaults(),
            entities: Vec::new(),
            roles: Vec::new(),
            users: Vec::new(),
            entity_numbers: HashMap::new(),
            role_numbers: HashMap::new(),
            user_numbers: HashMap::new(),
            index: EntityIndex::default(),
            hooks: Hooks::default(),
            ids,
            starts: 0,
            last: Stamp::default(),
            changed: keeps_changes.then(|| vec![Changed::Starts]),
            lag: Lag::default(),
        }
    }

    pub(crate) fn household_id(&self, number: u32) -> Uuid {
        self.household(number).entity.id
    }

    fn household(&self, number: u32) -> &Household {
        &self.entities[number as usize]
    }

    fn household_mut(&mut self, number: u32) -> &mut Household {
        &mut self.entities[number as usize]
    }

    pub(crate) fn role_at(&self, number: u32) -> &Role {
        &self.roles[number as usize]
    }

    pub(crate) fn user_at(&self, number: u32) -> &EntityUser {
        &self.users[number as usize]
    }

    /// `created_at` and `updated_at` for a new object.
    fn birth(&mut self, now: Stamp) -> (Stamp, Stamp) {
        let created = self.touch(now);
        let updated = created.plus_micros(CREATION_TAKES_MICROS);
        self.last = updated;
        (created, updated)
    }

    /// `updated_at` for a change: now, or just after everything before.
    fn touch(&mut self, now: Stamp) -> Stamp {
        self.last = now.max(self.last.plus_micros(1));
        self.last
    }

    /// An id nothing has yet.
    fn fresh_id(&mut self) -> Uuid {
        loop {
            let id = self.ids.uuid();
            let taken = self.entity_numbers.contains_key(&id)
                || self.role_numbers.contains_key(&id)
                || self.user_numbers.contains_key(&id)
                || self.hooks.knows(id);
            if !taken {
                return id;
            }
        }
    }

    /// Says what is about to change: called before, so that what was can be remembered.
    fn note(&mut self, change: Changed) {
        self.remember(change);
        if let Some(changed) = &mut self.changed {
            changed.push(change);
        }
    }
}

/// The number the next row of a table gets.
fn next_number<T>(table: &[T]) -> u32 {
    u32::try_from(table.len()).expect("four thousand million rows do not fit into memory")
}
