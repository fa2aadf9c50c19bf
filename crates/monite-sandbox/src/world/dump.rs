//! All rows of a world, and a world from rows of which none may be lost.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::rows::{Changed, Row, UnreadableRow};
use super::{World, next_number};

/// A row as it was kept.
pub(crate) struct KeptRow {
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) body: String,
}

/// Why rows make no world.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    Unreadable(#[from] UnreadableRow),
    /// It names something which is not there, or no world holds such a row.
    #[error("row {kind} {id} fits nowhere")]
    FitsNowhere { kind: String, id: String },
}

impl World {
    /// Everything, as storage keeps it.
    pub(crate) fn all_rows(&self) -> Vec<Row> {
        let entities = (0..next_number(&self.entities)).map(Changed::Entity);
        let roles = (0..next_number(&self.roles)).map(Changed::Role);
        let users = (0..next_number(&self.users)).map(Changed::EntityUser);
        let tokens = self.tokens.digests().map(Changed::Token);
        let single = [Changed::Starts, Changed::TokensExpired, Changed::PartnerSettings];
        let subscriptions = self.hooks.subscriptions().map(|row| Changed::Subscription(row.id));
        let events = self.hooks.events().map(|row| Changed::Event(row.id));
        let deliveries = self.hooks.deliveries().map(|row| Changed::Delivery(row.id));
        let hooks = subscriptions.chain(events).chain(deliveries);
        let all = single.into_iter().chain(entities).chain(roles).chain(users).chain(tokens).chain(hooks);
        all.map(|one| self.row(one)).collect()
    }

    /// Fills an empty world as [`World::load`] does, but with rows from strangers: each must be one that this world
    /// would write, and belong to something.
    pub(crate) fn load_whole(&mut self, rows: Vec<KeptRow>) -> Result<(), LoadError> {
        let given: BTreeSet<(String, String)> = rows.iter().map(|row| (row.kind.clone(), row.id.clone())).collect();
        self.load(rows.into_iter().map(|row| (row.kind, row.id, row.body)).collect())?;
        let own: BTreeSet<(String, String)> =
            self.all_rows().into_iter().map(|row| (row.kind.to_owned(), row.id)).collect();
        if let Some((kind, id)) = given.difference(&own).next() {
            return Err(LoadError::FitsNowhere { kind: kind.clone(), id: id.clone() });
        }
        self.check_owners()
    }

    /// Everybody lives somewhere and has a role that is there; every delivery is about something.
    fn check_owners(&self) -> Result<(), LoadError> {
        let homeless = |kind: &str, id: Uuid| LoadError::FitsNowhere { kind: kind.to_owned(), id: id.to_string() };
        for role in &self.roles {
            if !self.entity_numbers.contains_key(&role.entity_id) {
                return Err(homeless("role", role.id));
            }
        }
        for user in &self.users {
            let role = self.role_numbers.get(&user.role_id).map(|number| self.role_at(*number));
            let fits = role.is_some_and(|role| role.entity_id == user.entity_id);
            if !fits || !self.entity_numbers.contains_key(&user.entity_id) {
                return Err(homeless("entity_user", user.id));
            }
        }
        // The subscription of a delivery may have been deleted, its event may not.
        match self.hooks.deliveries().find(|row| self.hooks.event(row.event_id).is_none()) {
            Some(row) => Err(homeless("webhook_delivery", row.id)),
            None => Ok(()),
        }
    }
}
