//! Webhooks as plain data: who wants to be told (`subscription`), what happened (`event`), and what was tried to tell
//! them (`delivery`). Pending deliveries are the queue; the courier that sends them keeps none of its own.

mod deliveries;
mod delivery;
mod event;
mod events;
mod letter;
mod object;
mod retry;
mod shelf;
mod subscription;
mod subscriptions;

pub(crate) use self::delivery::{Attempt, Delivery};
pub(crate) use self::event::Event;
pub(crate) use self::letter::{ANSWER_KEPT, Errand, Letter, SIGNATURE_HEADER};
pub(crate) use self::object::{Happening, WebhookObject};
pub(crate) use self::subscription::{Subscription, SubscriptionDraft, SubscriptionPatch, SubscriptionStatus};

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use self::shelf::Shelf;
use super::page::Keyed;
use super::stamp::Stamp;

/// How long events and deliveries are kept: Monite says three months.
const KEPT_MICROS: i64 = 90 * 24 * 3600 * 1_000_000;

/// All subscriptions, events and deliveries, and the indexes that find them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hooks {
    subscriptions: Shelf<Subscription>,
    events: Shelf<Event>,
    deliveries: Shelf<Delivery>,
    events_of: HashMap<Uuid, BTreeSet<Keyed>>,
    /// Deliveries of the events of each entity.
    deliveries_of: HashMap<Uuid, InOrder>,
    deliveries_about: HashMap<Uuid, Vec<u32>>,
    /// What each subscription is still to be sent, by the instant the next attempt is due.
    pending: BTreeMap<Uuid, BTreeSet<Keyed>>,
    /// The latest instant given to a delivery. Apart from the world's, so that what a receiver does and when leaves no
    /// trace in the dates of anything else.
    last_delivery: Stamp,
    /// Did something become pending since the courier was last woken?
    has_news: bool,
}

/// Rows in the order of both sort fields.
#[derive(Debug, Clone, Default)]
struct InOrder {
    by_created: BTreeSet<Keyed>,
    by_updated: BTreeSet<Keyed>,
}

impl Hooks {
    pub(super) fn knows(&self, id: Uuid) -> bool {
        self.subscriptions.number(id).is_some()
            || self.events.number(id).is_some()
            || self.deliveries.number(id).is_some()
    }

    pub(super) fn subscription(&self, id: Uuid) -> Option<&Subscription> {
        self.subscriptions.get(id)
    }

    pub(super) fn event(&self, id: Uuid) -> Option<&Event> {
        self.events.get(id)
    }

    pub(super) fn delivery(&self, id: Uuid) -> Option<&Delivery> {
        self.deliveries.get(id)
    }

    pub(super) fn subscriptions(&self) -> impl DoubleEndedIterator<Item = &Subscription> {
        self.subscriptions.iter().map(|(_, row)| row)
    }

    pub(super) fn events(&self) -> impl DoubleEndedIterator<Item = &Event> {
        self.events.iter().map(|(_, row)| row)
    }

    pub(super) fn deliveries(&self) -> impl DoubleEndedIterator<Item = &Delivery> {
        self.deliveries.iter().map(|(_, row)| row)
    }

    pub(super) fn numbered_subscription(&self, id: Uuid) -> Option<(u32, Subscription)> {
        let number = self.subscriptions.number(id)?;
        Some((number, self.subscriptions.at(number)?.clone()))
    }

    /// Puts a row where it stood before.
    pub(super) fn put_subscription(&mut self, number: u32, row: Subscription) {
        self.subscriptions.put(number, row.id, row);
    }

    /// Takes a row out; only to be put back.
    pub(super) fn hide_subscription(&mut self, id: Uuid) {
        self.subscriptions.remove(id);
    }

    /// Fills empty tables with kept rows, in any order.
    pub(super) fn load(
        &mut self, mut subscriptions: Vec<Subscription>, mut events: Vec<Event>, mut deliveries: Vec<Delivery>,
    ) {
        subscriptions.sort_by_key(|row| row.created_at);
        events.sort_by_key(|row| row.created_at);
        deliveries.sort_by_key(|row| row.created_at);
        for row in subscriptions {
            self.subscriptions.insert(row.id, row);
        }
        for row in events {
            self.insert_event(row);
        }
        for mut row in deliveries {
            // Written together, so this only concerns rows that somebody edited; left pending they would be due for ever.
            let is_wanted =
                self.subscription(row.subscription_id).is_some_and(|row| row.status == SubscriptionStatus::Enabled);
            if !is_wanted || self.event(row.event_id).is_none() {
                row.call_off();
            }
            self.insert_delivery(row);
        }
    }
}
