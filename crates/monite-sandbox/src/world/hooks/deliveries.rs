//! How deliveries come to be, are picked up, end, and are listed.

use std::collections::HashSet;

use uuid::Uuid;

use super::Hooks;
use super::delivery::{Attempt, Delivery};
use super::events::oldest_kept;
use super::letter::{Errand, Letter, signature};
use crate::quirks::Point;
use crate::rules::query::{CreatedRange, DeliveryFilter, Listing, Sort};
use crate::world::World;
use crate::world::page::{Keyed, Page, in_range, page, sorted_window};
use crate::world::rows::Changed;
use crate::world::stamp::Stamp;

impl World {
    pub(super) fn begin_delivery(&mut self, event: Uuid, subscription: Uuid, url: String, now: Stamp) {
        let (id, created_at) = (self.fresh_id(), self.hooks.touch(now));
        self.hooks.insert_delivery(Delivery {
            id,
            event_id: event,
            subscription_id: subscription,
            created_at,
            updated_at: created_at,
            url,
            requests_made_count: 0,
            response: None,
            response_status_code: None,
            was_successful: None,
            next_attempt_at: Some(now),
            failure: None,
        });
        self.hooks.has_news = true;
        self.note(Changed::Delivery(id));
    }

    /// What may be sent now: for each subscription that is not `busy` the delivery that has been due longest.
    /// One at a time keeps the order of a receiver that answers; one that does not answer holds up nobody else.
    pub(crate) fn due_errands(&self, busy: &HashSet<Uuid>, now: Stamp) -> Vec<Errand> {
        let idle = self.hooks.pending.iter().filter(|(subscription, _)| !busy.contains(subscription));
        let first = idle.filter_map(|(subscription, rows)| Some((rows.first()?, *subscription)));
        let mut due: Vec<(&Keyed, Uuid)> = first.filter(|((due, _), _)| *due <= now.micros()).collect();
        due.sort_unstable();
        due.into_iter()
            .map(|((_, number), subscription)| Errand { subscription, delivery: self.delivery_at(*number).id })
            .collect()
    }

    /// What is to be sent for a delivery now; `None` when it is over.
    pub(crate) fn letter(&self, delivery: Uuid, now: Stamp) -> Option<Letter> {
        let delivery = self.hooks.delivery(delivery).filter(|row| row.next_attempt_at.is_some())?;
        let subscription = self.hooks.subscription(delivery.subscription_id)?;
        let event = self.hooks.event(delivery.event_id)?;
        let body = serde_json::to_vec(&event.view_for(subscription.id, &self.quirks)).ok()?;
        Some(Letter {
            delivery: delivery.id,
            attempts_made: delivery.requests_made_count,
            url: subscription.url.clone(),
            signature: signature(&subscription.secret, now, &body, &self.quirks),
            body,
            only_200: self.quirks.is(Point::WebhookSuccess, "200"),
        })
    }

    /// When something that is not `busy` becomes due next.
    pub(crate) fn next_due(&self, busy: &HashSet<Uuid>) -> Option<Stamp> {
        let idle = self.hooks.pending.iter().filter(|(subscription, _)| !busy.contains(subscription));
        idle.filter_map(|(_, rows)| rows.first()).map(|(due, _)| Stamp::from_micros(*due)).min()
    }

    /// Is anything to be sent, now or later?
    pub(crate) fn has_pending_deliveries(&self) -> bool {
        !self.hooks.pending.is_empty()
    }

    /// Did something become pending since this was last asked?
    pub(crate) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.hooks.has_news)
    }

    /// Writes down what came of a letter. Nothing happens when the delivery is gone or has another attempt behind it.
    pub(crate) fn attempted(&mut self, letter: &Letter, attempt: Attempt, scale: f64, now: Stamp) {
        let Some(number) = self.hooks.deliveries.number(letter.delivery) else { return };
        let fits = self.hooks.deliveries.at(number).is_some_and(|row| row.requests_made_count == letter.attempts_made);
        if fits {
            self.change_delivery(number, now, |row| {
                row.url.clone_from(&letter.url);
                row.attempted(attempt, now, scale);
            });
        }
    }

    /// Ends a delivery for which there is nothing to send.
    pub(crate) fn give_up(&mut self, delivery: Uuid, now: Stamp) {
        if let Some(number) = self.hooks.deliveries.number(delivery)
            && self.letter(delivery, now).is_none()
        {
            self.change_delivery(number, now, Delivery::call_off);
        }
    }

    pub(super) fn call_off_deliveries(&mut self, subscription: Uuid, now: Stamp) {
        for (_, number) in self.hooks.pending.get(&subscription).cloned().unwrap_or_default() {
            self.change_delivery(number, now, Delivery::call_off);
        }
    }

    fn change_delivery(&mut self, number: u32, now: Stamp, change: impl FnOnce(&mut Delivery)) {
        let updated_at = self.hooks.touch(now);
        self.hooks.withdraw(number);
        let Some(row) = self.hooks.deliveries.at_mut(number) else { return };
        change(row);
        row.updated_at = updated_at;
        let id = row.id;
        self.hooks.file(number);
        self.note(Changed::Delivery(id));
    }

    pub(crate) fn list_deliveries(&self, entity: Uuid, listing: &Listing<DeliveryFilter>, now: Stamp) -> Page {
        let (filter, paging) = (&listing.filter, &listing.paging);
        let Some(rows) = self.hooks.deliveries_of.get(&entity) else {
            return page(paging, std::iter::empty(), |_| true);
        };
        let created = filter.created.since(oldest_kept(now));
        let keep = |number| self.keeps_delivery(entity, filter, &created, number);
        if let Some(event) = filter.event_id {
            let about = self.hooks.deliveries_about.get(&event).map(Vec::as_slice).unwrap_or_default();
            let keyed = about.iter().map(|number| (self.delivery_key(*number, paging.sort), *number));
            return page(paging, sorted_window(keyed.collect(), paging), keep);
        }
        match paging.sort {
            Sort::CreatedAt => page(paging, in_range(&rows.by_created, &created, paging), keep),
            Sort::UpdatedAt => page(paging, in_range(&rows.by_updated, &CreatedRange::default(), paging), keep),
        }
    }

    fn keeps_delivery(&self, entity: Uuid, filter: &DeliveryFilter, created: &CreatedRange, number: u32) -> bool {
        let row = self.delivery_at(number);
        let Some(event) = self.hooks.event(row.event_id) else { return false };
        event.entity_id == entity
            && created.holds(row.created_at)
            && filter.object_type.is_none_or(|wanted| event.object_type == wanted)
            && filter.event_action.as_ref().is_none_or(|action| event.is_called(action))
    }

    fn delivery_key(&self, number: u32, sort: Sort) -> i64 {
        let row = self.delivery_at(number);
        if sort == Sort::CreatedAt { row.created_at.micros() } else { row.updated_at.micros() }
    }

    /// A row of [`World::list_deliveries`].
    pub(crate) fn delivery_at(&self, number: u32) -> &Delivery {
        self.hooks.deliveries.at(number).expect("pages are made of rows that are there, under the same lock")
    }
}

impl Hooks {
    /// An instant no other delivery has: now, or just after everything before.
    fn touch(&mut self, now: Stamp) -> Stamp {
        self.last_delivery = now.max(self.last_delivery.plus_micros(1));
        self.last_delivery
    }

    pub(super) fn insert_delivery(&mut self, delivery: Delivery) {
        self.last_delivery = self.last_delivery.max(delivery.updated_at);
        let event = delivery.event_id;
        let number = self.deliveries.insert(delivery.id, delivery);
        self.deliveries_about.entry(event).or_default().push(number);
        self.file(number);
    }

    pub(super) fn remove_delivery(&mut self, number: u32) -> Option<Uuid> {
        self.withdraw(number);
        let id = self.deliveries.at(number)?.id;
        self.deliveries.remove(id).map(|(_, row)| row.id)
    }

    /// Puts a row into the indexes.
    fn file(&mut self, number: u32) {
        let Some(row) = self.deliveries.at(number) else { return };
        if let Some(event) = self.events.get(row.event_id) {
            let rows = self.deliveries_of.entry(event.entity_id).or_default();
            rows.by_created.insert((row.created_at.micros(), number));
            rows.by_updated.insert((row.updated_at.micros(), number));
        }
        if let Some(due) = row.next_attempt_at {
            self.pending.entry(row.subscription_id).or_default().insert((due.micros(), number));
        }
    }

    /// Takes a row out of the indexes, before it changes or goes.
    fn withdraw(&mut self, number: u32) {
        let Some(row) = self.deliveries.at(number) else { return };
        if let Some(event) = self.events.get(row.event_id)
            && let Some(rows) = self.deliveries_of.get_mut(&event.entity_id)
        {
            rows.by_created.remove(&(row.created_at.micros(), number));
            rows.by_updated.remove(&(row.updated_at.micros(), number));
            if rows.by_created.is_empty() {
                self.deliveries_of.remove(&event.entity_id);
            }
        }
        if let Some(due) = row.next_attempt_at
            && let Some(rows) = self.pending.get_mut(&row.subscription_id)
        {
            rows.remove(&(due.micros(), number));
            if rows.is_empty() {
                self.pending.remove(&row.subscription_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::IdSource;
    use crate::world::hooks::{Happening, SubscriptionDraft, SubscriptionStatus, WebhookObject};

    /// Between being picked and being sent there is time for a subscription to change its mind.
    #[test]
    fn a_picked_errand_brings_no_letter_once_the_subscription_is_disabled_or_gone() {
        let now = Stamp::parse("2026-03-01T09:30:00Z").unwrap();
        for deletes in [false, true] {
            let mut world = World::new(IdSource::new(Some(1), 1), false);
            let url = "https://127.0.0.1:9/".to_owned();
            let draft = SubscriptionDraft { object_type: WebhookObject::Entity, event_types: Vec::new(), url };
            let subscription = world.create_subscription(draft, now).id;
            world.happened(WebhookObject::Entity, Happening::Created, Uuid::nil(), Uuid::nil(), now);
            let errands = world.due_errands(&HashSet::new(), now);
            let [errand] = errands[..] else { panic!("{errands:?}") };
            assert_eq!(errand.subscription, subscription);
            assert!(world.letter(errand.delivery, now).is_some());
            assert_eq!(world.due_errands(&HashSet::from([subscription]), now), [], "one at a time");
            if deletes {
                world.delete_subscription(subscription, now).unwrap();
            } else {
                world.set_subscription_status(subscription, SubscriptionStatus::Disabled, now).unwrap();
            }
            assert!(world.letter(errand.delivery, now).is_none());
            assert_eq!(world.due_errands(&HashSet::new(), now), []);
        }
    }
}
