//! Which events there have to be: every change of an object that an enabled subscription asks for, in order. What
//! changed is found by comparing the model before and after, so that the rules need not know of events.

use serde_json::{Value, json};

use super::model::{Model, Object};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    pub object: Object,
    /// Only of what is created, or of everything.
    pub created_only: bool,
    pub enabled: bool,
    pub deleted: bool,
}

/// Something happened to the object with this number, in that entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub entity: usize,
    pub object: Object,
    pub id: usize,
    pub happening: &'static str,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct News {
    pub subscriptions: Vec<Subscription>,
    pub events: Vec<Event>,
}

impl Object {
    pub fn name(self) -> &'static str {
        match self {
            Self::Entity => "entity",
            Self::Role => "role",
            Self::EntityUser => "entity_user",
        }
    }
}

impl Subscription {
    pub fn document(object: Object, created_only: bool) -> Value {
        let events: &[&str] = if created_only { &["created"] } else { &[] };
        // Nobody listens there.
        json!({"object_type": object.name(), "url": "http://127.0.0.1:9/hook", "event_types": events})
    }

    fn wants(&self, event: &Event) -> bool {
        let asked_for = !self.created_only || event.happening == "created";
        self.enabled && !self.deleted && self.object == event.object && asked_for
    }
}

impl Model {
    /// Records what one step changed.
    pub fn record(&mut self, before: &Self) {
        let event = self.changed(before).filter(|event| self.news.subscriptions.iter().any(|one| one.wants(event)));
        self.news.events.extend(event);
    }

    fn changed(&self, before: &Self) -> Option<Event> {
        let entities = self.entities.iter().find_map(|(id, new)| {
            let old = before.entities.get(id);
            // Metadata is no part of the entity.
            let same =
                old.is_some_and(|old| (&old.name, &old.phone, old.active) == (&new.name, &new.phone, new.active));
            let happening = if old.is_none() { "created" } else { "updated" };
            (!same).then_some(Event { entity: *id, object: Object::Entity, id: *id, happening })
        });
        let roles = self.roles.iter().find_map(|(id, new)| {
            let happening = happening(before.roles.get(id), new, new.deleted)?;
            Some(Event { entity: new.entity, object: Object::Role, id: *id, happening })
        });
        let users = self.users.iter().find_map(|(id, new)| {
            let happening = happening(before.users.get(id), new, new.deleted)?;
            Some(Event { entity: new.entity, object: Object::EntityUser, id: *id, happening })
        });
        entities.or(roles).or(users)
    }

    pub fn subscribe(&mut self, token: usize, object: Object, created_only: bool) -> Result<(), u16> {
        self.partner_only(token)?;
        self.news.subscriptions.push(Subscription { object, created_only, enabled: true, deleted: false });
        Ok(())
    }

    pub fn set_enabled(&mut self, token: usize, subscription: usize, enabled: bool) -> Result<(), u16> {
        self.subscription(token, subscription)?.enabled = enabled;
        Ok(())
    }

    pub fn unsubscribe(&mut self, token: usize, subscription: usize) -> Result<(), u16> {
        self.subscription(token, subscription)?.deleted = true;
        Ok(())
    }

    fn subscription(&mut self, token: usize, number: usize) -> Result<&mut Subscription, u16> {
        self.partner_only(token)?;
        self.news.subscriptions.get_mut(number).filter(|one| !one.deleted).ok_or(404)
    }
}

fn happening<T: PartialEq>(old: Option<&T>, new: &T, deleted: bool) -> Option<&'static str> {
    match old {
        None => Some("created"),
        Some(old) if old == new => None,
        Some(_) => Some(if deleted { "deleted" } else { "updated" }),
    }
}
