//! What can be done with webhook subscriptions.

use secrecy::SecretString;
use uuid::Uuid;

use super::letter::SECRET_PREFIX;
use super::subscription::{Subscription, SubscriptionDraft, SubscriptionPatch, SubscriptionStatus};
use crate::refusal::Refusal;
use crate::rules::query::{Listing, Sort, SubscriptionFilter};
use crate::world::World;
use crate::world::entity::Nulls;
use crate::world::page::{Page, page, sorted_window};
use crate::world::rows::Changed;
use crate::world::stamp::Stamp;

impl World {
    pub(crate) fn create_subscription(&mut self, draft: SubscriptionDraft, now: Stamp) -> &Subscription {
        let (created_at, updated_at) = self.birth(now);
        let (id, secret) = (self.fresh_id(), self.fresh_secret());
        self.note(Changed::Subscription(id));
        let number = self.hooks.subscriptions.insert(
            id,
            Subscription {
                id,
                created_at,
                updated_at,
                object_type: draft.object_type,
                event_types: draft.event_types,
                url: draft.url,
                status: SubscriptionStatus::Enabled,
                secret,
            },
        );
        self.subscription_at(number)
    }

    pub(crate) fn subscription(&self, id: Uuid) -> Result<&Subscription, Refusal> {
        self.hooks.subscription(id).ok_or(Refusal::NoSubscription(id))
    }

    /// What is still to be sent goes to the new address.
    pub(crate) fn patch_subscription(
        &mut self, id: Uuid, patch: SubscriptionPatch, now: Stamp,
    ) -> Result<&Subscription, Refusal> {
        let nulls = Nulls::of(&self.quirks);
        let old = self.subscription(id)?;
        let (mut object_type, mut event_types, mut url) = (old.object_type, old.event_types.clone(), old.url.clone());
        nulls.set(&mut object_type, patch.object_type, "object_type")?;
        nulls.set(&mut event_types, patch.event_types, "event_types")?;
        nulls.set(&mut url, patch.url, "url")?;
        if (object_type, &event_types, &url) != (old.object_type, &old.event_types, &old.url) {
            self.change_subscription(id, now, |row| {
                (row.object_type, row.event_types, row.url) = (object_type, event_types, url);
            });
        }
        self.subscription(id)
    }

    /// Enables or disables; repeating changes nothing. A disabled one is sent nothing more, not even what was pending.
    pub(crate) fn set_subscription_status(
        &mut self, id: Uuid, status: SubscriptionStatus, now: Stamp,
    ) -> Result<&Subscription, Refusal> {
        if self.subscription(id)?.status != status {
            self.change_subscription(id, now, |row| row.status = status);
        }
        if status == SubscriptionStatus::Disabled {
            self.call_off_deliveries(id, now);
        }
        self.subscription(id)
    }

    /// From now on only the new secret signs.
    pub(crate) fn regenerate_secret(&mut self, id: Uuid, now: Stamp) -> Result<&Subscription, Refusal> {
        self.subscription(id)?;
        let secret = self.fresh_secret();
        self.change_subscription(id, now, |row| row.secret = secret);
        self.subscription(id)
    }

    /// It is sent nothing more; its events and deliveries stay on record.
    pub(crate) fn delete_subscription(&mut self, id: Uuid, now: Stamp) -> Result<(), Refusal> {
        self.subscription(id)?;
        self.call_off_deliveries(id, now);
        self.note(Changed::Subscription(id));
        self.hooks.subscriptions.remove(id);
        Ok(())
    }

    pub(crate) fn list_subscriptions(&self, listing: &Listing<SubscriptionFilter>) -> Page {
        let (filter, paging) = (&listing.filter, &listing.paging);
        let kept = self.hooks.subscriptions.iter().filter(|(_, row)| {
            filter.object_type.is_none_or(|wanted| row.object_type == wanted) && filter.created.holds(row.created_at)
        });
        let keyed = kept.map(|(number, row)| {
            let at = if paging.sort == Sort::CreatedAt { row.created_at } else { row.updated_at };
            (at.micros(), number)
        });
        // There are few, and nobody lists them often.
        page(paging, sorted_window(keyed.collect(), paging), |_| true)
    }

    /// A row of [`World::list_subscriptions`].
    pub(crate) fn subscription_at(&self, number: u32) -> &Subscription {
        self.hooks.subscriptions.at(number).expect("pages are made of rows that are there, under the same lock")
    }

    fn change_subscription(&mut self, id: Uuid, now: Stamp, change: impl FnOnce(&mut Subscription)) {
        self.note(Changed::Subscription(id));
        let updated_at = self.touch(now);
        let Some(row) = self.hooks.subscriptions.number(id).and_then(|number| self.hooks.subscriptions.at_mut(number))
        else {
            return;
        };
        change(row);
        row.updated_at = updated_at;
    }

    fn fresh_secret(&mut self) -> SecretString {
        SecretString::from(format!("{SECRET_PREFIX}{}", self.ids.secret()))
    }
}
