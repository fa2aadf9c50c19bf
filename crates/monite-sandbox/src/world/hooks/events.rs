//! How events come to be, are listed, and go.

use serde_json::Value;
use uuid::Uuid;

use super::event::Event;
use super::object::{Happening, WebhookObject};
use super::{Hooks, KEPT_MICROS};
use crate::quirks::Point;
use crate::refusal::Refusal;
use crate::rules::query::{EventFilter, Listing};
use crate::world::World;
use crate::world::page::{Page, in_range, page};
use crate::world::rows::Changed;
use crate::world::stamp::Stamp;

/// What the event of a call about the partner's own settings names as its entity, when it is not the nil id:
/// an id that is no entity's.
const PARTNER: Uuid = Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_7061_7274);

/// The API version that events name while the partner's settings choose none.
const API_VERSION: &str = "2024-05-25";

impl World {
    /// Records that something happened to an object, and to whom that is to be sent. Every change that Monite has an
    /// event for ends with a call of this; a call that changed nothing must not make one.
    ///
    /// Where no enabled subscription wants the event nothing is recorded, as at Monite, and this costs one look at an
    /// empty table. `entity` is the entity it happened in (for an entity, itself), `object` the id of what changed (for
    /// settings, of what they belong to; for the partner's own, both are replaced by a stand-in).
    pub(crate) fn happened(
        &mut self, object_type: WebhookObject, event: Happening, entity: Uuid, object: Uuid, now: Stamp,
    ) {
        if self.hooks.subscriptions.is_empty() || self.is_silent(object_type) {
            return;
        }
        let wanting = self.hooks.subscriptions().filter(|row| row.wants(object_type, event.name()));
        let wanting: Vec<(Uuid, String)> = wanting.map(|row| (row.id, row.url.clone())).collect();
        if wanting.is_empty() {
            return;
        }
        self.forget_old_events(now);
        let (entity_id, object_id) = match object_type {
            WebhookObject::PartnerSettings => (self.partner_stand_in(), self.partner_stand_in()),
            _ => (entity, object),
        };
        let created_at = self.touch(now);
        let event = Event {
            id: self.fresh_id(),
            created_at,
            object_type,
            event,
            entity_id,
            object_id,
            api_version: self.webhook_version().to_owned(),
        };
        let id = event.id;
        self.hooks.insert_event(event);
        self.note(Changed::Event(id));
        for (subscription, url) in wanting {
            self.begin_delivery(id, subscription, url, now);
        }
    }

    /// Today's documents list events of entities only; the others may have stopped.
    fn is_silent(&self, object_type: WebhookObject) -> bool {
        object_type != WebhookObject::Entity && self.quirks.is(Point::AccountEvents, "entity_only")
    }

    fn webhook_version(&self) -> &str {
        self.partner_settings.get("api_version").and_then(Value::as_str).unwrap_or(API_VERSION)
    }

    fn partner_stand_in(&self) -> Uuid {
        if self.quirks.is(Point::PartnerEventEntity, "partner") { PARTNER } else { Uuid::nil() }
    }

    pub(crate) fn event(&self, id: Uuid, now: Stamp) -> Result<&Event, Refusal> {
        let event = self.hooks.event(id).filter(|event| event.created_at >= oldest_kept(now));
        event.ok_or(Refusal::NoEvent(id))
    }

    pub(crate) fn list_events(&self, entity: Uuid, listing: &Listing<EventFilter>, now: Stamp) -> Page {
        let (filter, paging) = (&listing.filter, &listing.paging);
        // Events never change, so both sort fields are the same.
        let created = filter.created.since(oldest_kept(now));
        let Some(rows) = self.hooks.events_of.get(&entity) else {
            return page(paging, std::iter::empty(), |_| true);
        };
        let keep = |number| filter.object_type.is_none_or(|wanted| self.event_at(number).object_type == wanted);
        page(paging, in_range(rows, &created, paging), keep)
    }

    /// A row of [`World::list_events`].
    pub(crate) fn event_at(&self, number: u32) -> &Event {
        self.hooks.events.at(number).expect("pages are made of rows that are there, under the same lock")
    }

    /// Removes what is older than Monite keeps it, deliveries included.
    pub(crate) fn forget_old_events(&mut self, now: Stamp) {
        let bound = oldest_kept(now);
        while let Some(id) = self.hooks.first_event_before(bound) {
            for delivery in self.hooks.remove_event(id) {
                self.note(Changed::Delivery(delivery));
            }
            self.note(Changed::Event(id));
        }
    }
}

/// What was created before this is gone.
pub(super) fn oldest_kept(now: Stamp) -> Stamp {
    now.plus_micros(-KEPT_MICROS)
}

impl Hooks {
    pub(super) fn insert_event(&mut self, event: Event) {
        let (id, entity, created) = (event.id, event.entity_id, event.created_at.micros());
        let number = self.events.insert(id, event);
        self.events_of.entry(entity).or_default().insert((created, number));
    }

    fn first_event_before(&self, bound: Stamp) -> Option<Uuid> {
        let first = self.events().next().filter(|event| event.created_at < bound);
        first.map(|event| event.id)
    }

    /// Removes an event and its deliveries; answers with the ids of those.
    fn remove_event(&mut self, id: Uuid) -> Vec<Uuid> {
        let about = self.deliveries_about.remove(&id).unwrap_or_default();
        let removed = about.into_iter().filter_map(|number| self.remove_delivery(number)).collect();
        if let Some((number, event)) = self.events.remove(id) {
            let rows = self.events_of.get_mut(&event.entity_id);
            if rows.is_some_and(|rows| rows.remove(&(event.created_at.micros(), number)) && rows.is_empty()) {
                self.events_of.remove(&event.entity_id);
            }
        }
        removed
    }
}
