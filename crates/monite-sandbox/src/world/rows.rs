//! The world as rows of text for storage, and as one document for people.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::entity::Entity;
use super::entity_user::EntityUser;
use super::hooks::{Delivery, Event, Subscription};
use super::role::Role;
use super::settings::Settings;
use super::token::{Digest, Token};
use super::{Household, World, next_number};
use crate::rules::version::Version;

/// Something that storage has to write (or delete), by row number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changed {
    Entity(u32),
    Role(u32),
    EntityUser(u32),
    Token(Digest),
    TokensExpired,
    PartnerSettings,
    /// Written with the first change after a start.
    Starts,
    Subscription(Uuid),
    Event(Uuid),
    Delivery(Uuid),
}

/// One row as storage keeps it. Without a body the row is to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) kind: &'static str,
    pub(crate) id: String,
    pub(crate) body: Option<String>,
}

const ENTITY: &str = "entity";
const ROLE: &str = "role";
const ENTITY_USER: &str = "entity_user";
const SUBSCRIPTION: &str = "webhook_subscription";
const EVENT: &str = "event";
const DELIVERY: &str = "webhook_delivery";
const TOKEN: &str = "token";
/// Single values by name.
const SETTING: &str = "setting";
const EXPIRED_BELOW: &str = "tokens_expired_below";
const PARTNER_SETTINGS: &str = "partner_settings";
const STARTS: &str = "starts";
pub(crate) const CLOCK_OFFSET: &str = "clock_offset_micros";

/// An entity, its metadata and its settings in one row.
#[derive(Serialize, Deserialize)]
struct KeptEntity<E> {
    entity: E,
    metadata: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settings: Option<Box<Settings>>,
}

/// A kept row that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("row {kind} {id} is not what this version of the sandbox writes")]
pub(crate) struct UnreadableRow {
    kind: String,
    id: String,
    #[source]
    source: serde_json::Error,
}

pub(crate) fn setting(name: &str, value: i64) -> Row {
    Row { kind: SETTING, id: name.to_owned(), body: Some(value.to_string()) }
}

impl World {
    /// What changed since the last call, ready to be written.
    pub(crate) fn take_changes(&mut self) -> Vec<Row> {
        let changed = self.changed.as_mut().map(std::mem::take).unwrap_or_default();
        changed.into_iter().map(|change| self.row(change)).collect()
    }

    /// One row as it is now.
    pub(super) fn row(&self, change: Changed) -> Row {
        match change {
            Changed::Entity(number) => {
                let household = self.household(number);
                let (metadata, settings) = (household.metadata.clone(), household.settings.clone());
                let kept = KeptEntity { entity: &household.entity, metadata, settings };
                kept_row(ENTITY, household.entity.id.to_string(), &kept)
            }
            Changed::Role(number) => kept_row(ROLE, self.role_at(number).id.to_string(), self.role_at(number)),
            Changed::EntityUser(number) => {
                kept_row(ENTITY_USER, self.user_at(number).id.to_string(), self.user_at(number))
            }
            Changed::Token(digest) => {
                let id = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                match self.tokens.get(&digest) {
                    Some(token) => kept_row(TOKEN, id, token),
                    None => Row { kind: TOKEN, id, body: None },
                }
            }
            Changed::Starts => setting(STARTS, i64::try_from(self.starts).unwrap_or(i64::MAX)),
            Changed::Subscription(id) => kept_or_gone(SUBSCRIPTION, id, self.hooks.subscription(id)),
            Changed::Event(id) => kept_or_gone(EVENT, id, self.hooks.event(id)),
            Changed::Delivery(id) => kept_or_gone(DELIVERY, id, self.hooks.delivery(id)),
            Changed::TokensExpired => {
                setting(EXPIRED_BELOW, i64::try_from(self.tokens.expired_below()).unwrap_or(i64::MAX))
            }
            Changed::PartnerSettings => kept_row(SETTING, PARTNER_SETTINGS.to_owned(), &self.partner_settings),
        }
    }

    /// Fills an empty world from kept rows `(kind, id, body)`, in any order. Returns the clock's offset.
    pub(crate) fn load(&mut self, rows: Vec<(String, String, String)>) -> Result<i64, UnreadableRow> {
        let keeps_changes = self.changed.take();
        self.starts = u64::from(!rows.is_empty());
        let mut offset = 0;
        let (mut entities, mut roles, mut users, mut tokens) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut subscriptions, mut events, mut deliveries) = (Vec::new(), Vec::new(), Vec::new());
        for (kind, id, body) in rows {
            let read = match kind.as_str() {
                ENTITY => read(&body).map(|kept: KeptEntity<Entity>| entities.push(kept)),
                ROLE => read(&body).map(|role: Role| roles.push(role)),
                ENTITY_USER => read(&body).map(|user: EntityUser| users.push(user)),
                TOKEN => read(&body).map(|token: Token| tokens.extend(parse_digest(&id).map(|id| (id, token)))),
                SUBSCRIPTION => read(&body).map(|row: Subscription| subscriptions.push(row)),
                EVENT => read(&body).map(|row: Event| events.push(row)),
                DELIVERY => read(&body).map(|row: Delivery| deliveries.push(row)),
                _ if id == EXPIRED_BELOW => read(&body).map(|serial| self.tokens.set_expired_below(serial)),
                _ if id == PARTNER_SETTINGS => read(&body).map(|settings| self.partner_settings = settings),
                _ if id == STARTS => read(&body).map(|starts: u64| self.starts = starts.saturating_add(1)),
                _ if id == CLOCK_OFFSET => read(&body).map(|micros| offset = micros),
                _ => Ok(()),
            };
            read.map_err(|source| UnreadableRow { kind, id, source })?;
        }
        // Row numbers ascend with created_at.
        entities.sort_by_key(|kept| kept.entity.created_at);
        roles.sort_by_key(|role| role.created_at);
        users.sort_by_key(|user| user.created_at);
        for KeptEntity { entity, metadata, settings } in entities {
            self.last = self.last.max(entity.updated_at);
            self.insert_household(Household::of(entity, metadata, settings));
        }
        for role in roles {
            self.last = self.last.max(role.updated_at);
            self.insert_role(role);
        }
        for user in users {
            self.last = self.last.max(user.updated_at);
            self.insert_entity_user(user);
        }
        self.tokens.load(tokens);
        self.ids.begin_again(self.starts);
        let born = subscriptions.iter().map(|row| row.updated_at).chain(events.iter().map(|row| row.created_at));
        self.last = born.max().unwrap_or_default().max(self.last);
        self.hooks.load(subscriptions, events, deliveries);
        self.changed = keeps_changes;
        Ok(offset)
    }

    /// Everything as Monite renders it, deleted rows too; roles and users also say which entity they belong to.
    pub(crate) fn to_json(&self) -> Value {
        let entities: Vec<Value> = self.entities.iter().map(|household| json!(household.entity)).collect();
        let metadata: Map<String, Value> = self
            .entities
            .iter()
            .filter_map(|household| {
                let metadata = household.metadata.clone()?;
                Some((household.entity.id.to_string(), Value::Object(metadata)))
            })
            .collect();
        json!({
            "entities": entities,
            "roles": self.roles.iter().map(|role| inside(role.entity_id, json!(role.view()))).collect::<Vec<_>>(),
            "entity_users": self.users.iter().map(|user| inside(user.entity_id, json!(user.view()))).collect::<Vec<_>>(),
            "partner_metadata": metadata,
            "partner_settings": self.partner_settings(Version::NEWEST),
            "entity_settings": self.changed_settings(),
            "webhook_subscriptions": self.subscriptions_json(),
            "events": self.events_json(),
            "webhook_deliveries": self.deliveries_json(),
        })
    }

    /// By entity, for those that do not live with the defaults.
    fn changed_settings(&self) -> Map<String, Value> {
        let numbers = 0..next_number(&self.entities);
        let changed = numbers.filter(|number| self.household(*number).settings.is_some());
        changed
            .map(|number| (self.household_id(number).to_string(), Value::Object(self.entity_settings(number))))
            .collect()
    }

    pub(crate) fn entities_count(&self) -> usize {
        self.entities.len()
    }

    /// Without their secrets.
    pub(crate) fn subscriptions_json(&self) -> Vec<Value> {
        self.hooks.subscriptions().map(|row| json!(row.view())).collect()
    }

    pub(crate) fn events_json(&self) -> Vec<Value> {
        self.hooks.events().map(|row| json!(row.view(&self.quirks))).collect()
    }

    /// Each also says whom it is for, when it is tried next and why the latest attempt got no answer.
    pub(crate) fn deliveries_json(&self) -> Vec<Value> {
        let extended = |row: &Delivery| {
            let mut shown = json!(row.view());
            shown["webhook_subscription_id"] = json!(row.subscription_id);
            shown["next_attempt_at"] = json!(row.next_attempt_at);
            shown["failure"] = json!(row.failure);
            shown
        };
        self.hooks.deliveries().map(extended).collect()
    }

    pub(crate) fn entities_json(&self) -> Vec<Value> {
        self.entities.iter().map(|household| json!(household.entity)).collect()
    }

    /// Roles of one entity that are not deleted; empty when there is no such entity.
    pub(crate) fn roles_json(&self, entity: Uuid) -> Vec<Value> {
        let numbers = self.entity_number(entity).map(|number| self.household(number).roles.as_slice());
        let roles = numbers.unwrap_or_default().iter().map(|number| self.role_at(*number));
        roles.filter(|role| !role.deleted).map(|role| inside(entity, json!(role.view()))).collect()
    }

    /// Users of one entity who are not deleted; empty when there is no such entity.
    pub(crate) fn entity_users_json(&self, entity: Uuid) -> Vec<Value> {
        let numbers = self.entity_number(entity).map(|number| self.household(number).users.as_slice());
        let users = numbers.unwrap_or_default().iter().map(|number| self.user_at(*number));
        users.filter(|user| !user.deleted).map(|user| inside(entity, json!(user.view()))).collect()
    }
}

fn inside(entity: Uuid, mut row: Value) -> Value {
    row["entity_id"] = json!(entity);
    row
}

fn kept_row(kind: &'static str, id: String, body: &impl Serialize) -> Row {
    let body = serde_json::to_string(body).expect("plain structs with string keys always become JSON");
    Row { kind, id, body: Some(body) }
}

fn kept_or_gone(kind: &'static str, id: Uuid, row: Option<&impl Serialize>) -> Row {
    match row {
        Some(row) => kept_row(kind, id.to_string(), row),
        None => Row { kind, id: id.to_string(), body: None },
    }
}

fn read<T: serde::de::DeserializeOwned>(body: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(body)
}

fn parse_digest(hex: &str) -> Option<Digest> {
    let mut digest = Digest::default();
    for (index, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(digest)
}
