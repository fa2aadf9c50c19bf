//! One entity that somebody may have changed, outside of a sweep: the same looks, compared and written down in the same way.

use std::collections::BTreeSet;

use monite::{EntityId, EntityUserId};

use super::super::dirty::Spots;
use super::super::record::Pulse;
use super::super::tally::Tally;
use super::inside::is_comparable;
use super::{Halt, Walk};
use crate::domain::{CustomerId, Seen};
use crate::store::Wish;

/// What came of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Glance {
    /// All that was asked for was looked at.
    Done,
    /// Some of it is being worked on, and is to be looked at once that is over.
    Busy,
    /// The entity is nobody's here. Nothing was called.
    Stranger,
}

impl<P: Pulse> Walk<'_, P> {
    pub(in super::super) async fn glance(&mut self, entity: EntityId, spots: &Spots) -> Result<Glance, Halt> {
        let mut owners = self.workshop.store.owners(&[entity]).await?;
        let Some(customer) = owners.remove(&entity) else { return Ok(Glance::Stranger) };
        let mut judged = !spots.itself || self.glance_itself(&customer, entity).await?;
        // Read anew: what was seen of the entity may have changed what is to become of its users.
        let is_wanted = match self.workshop.store.peek(&customer, 0).await? {
            Some(read) => read.customer.wish == Wish::Present,
            None => false,
        };
        if is_wanted && spots.all_users {
            self.users(&customer, entity, &mut Tally::default()).await?;
        } else if is_wanted && !spots.users.is_empty() {
            judged &= self.glance_users(&customer, entity, &spots.users).await?;
        }
        Ok(if judged { Glance::Done } else { Glance::Busy })
    }

    async fn glance_itself(&mut self, customer: &CustomerId, id: EntityId) -> Result<bool, Halt> {
        let asked_at = self.turn().await?;
        let entity = match self.monite.entity(id).get().await {
            Ok(entity) => entity,
            Err(error) if error.is_not_found() => {
                tracing::warn!(%customer, entity = %id, "Monite does not show the entity of this customer; nothing is done about it: are these the right credentials?");
                return Ok(true);
            }
            Err(error) => return Err(Halt::Monite(error)),
        };
        let Some(read) = self.workshop.store.peek(customer, 0).await? else { return Ok(true) };
        if read.customer.entity.present().is_none_or(|link| link.id != entity.id) {
            return Ok(true);
        }
        self.compare_itself(&read, &entity, asked_at, &mut Tally::default()).await
    }

    /// Only those of ours among them: whom nobody here made is nobody's business here.
    async fn glance_users(
        &mut self, customer: &CustomerId, entity: EntityId, ids: &BTreeSet<EntityUserId>,
    ) -> Result<bool, Halt> {
        let ids: Vec<EntityUserId> = ids.iter().copied().collect();
        let ours = self.workshop.store.user_owners(customer, &ids).await?;
        if ours.is_empty() {
            return Ok(true);
        }
        let ids: Vec<EntityUserId> = ours.into_keys().collect();
        let (asked_at, there) = self.named_users(entity, ids.clone()).await?;
        // Before anything is written down: that alone makes an object due, and so incomparable.
        let read = self.workshop.store.linked_users(customer, &ids).await?;
        let judged = read.iter().all(|user| user.wish == Wish::Gone || is_comparable(user, asked_at));
        let mut tally = Tally::default();
        self.compare_users(customer, &there, asked_at, &mut tally).await?;
        for user in read.iter().filter(|user| is_comparable(user, asked_at)) {
            let Seen::Present(link) = &user.entity_user else { continue };
            if !there.iter().any(|one| one.id == link.id) {
                self.look_for(customer, entity, user, link.id, &mut tally).await?;
            }
        }
        Ok(judged)
    }
}
