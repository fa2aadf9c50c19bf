//! Linked entities that no list shows. Each is asked for by its id: one that answers is compared as any other, for it may be that lists leave out what
//! is switched off. One that does not answer is counted and named, and nothing is concluded from it: Monite has no deletion of entities, and the wrong
//! credentials would show the same.

use std::collections::{BTreeMap, BTreeSet};

use monite::{EntityFilter, EntityId, EntityStatus};

use super::super::record::{Hold, Place};
use super::super::tally::Tally;
use super::{Halt, PAGE, Walk};
use crate::domain::CustomerId;
use crate::store::CustomerFilter;

impl Walk<'_, Hold<'_>> {
    /// In the order of the customers, a page of them at a time.
    pub(super) async fn unlisted(&mut self) -> Result<(), Halt> {
        let Place::Customers(mut after) = self.hold.place() else { return Ok(()) };
        loop {
            let filter = CustomerFilter { after: after.clone(), limit: PAGE, ..CustomerFilter::default() };
            let ours = self.workshop.store.customers(&filter).await?;
            let Some(last) = ours.last() else { return Ok(()) };
            let linked: BTreeMap<EntityId, &CustomerId> =
                ours.iter().filter_map(|customer| Some((customer.entity.present()?.id, &customer.id))).collect();
            let mut tally = self.hold.tally().clone();
            if !linked.is_empty() {
                self.not_listed(&linked, &mut tally).await?;
            }
            after = Some(last.id.clone());
            self.step(Place::Customers(after.clone()), tally).await?;
        }
    }

    async fn not_listed(&mut self, linked: &BTreeMap<EntityId, &CustomerId>, tally: &mut Tally) -> Result<(), Halt> {
        let listed = self.listed(linked.keys().copied().collect()).await?;
        for (id, customer) in linked.iter().filter(|(id, _)| !listed.contains(*id)) {
            let asked_at = self.turn().await?;
            match self.monite.entity(*id).get().await {
                Ok(entity) if entity.status != EntityStatus::Deleted => {
                    self.look_into(customer, &entity, asked_at, tally).await?;
                }
                Err(error) if !error.is_not_found() => self.stumbled(error, customer, *id, tally)?,
                Ok(_) | Err(_) => {
                    tracing::warn!(%customer, entity = %id, "Monite does not show the entity of this customer; nothing is done about it: are these the right credentials?");
                    tally.missing += 1;
                    tally.name(customer);
                }
            }
        }
        Ok(())
    }

    /// Which of these, a page of them, a list shows.
    async fn listed(&mut self, ids: Vec<EntityId>) -> Result<BTreeSet<EntityId>, Halt> {
        let filter = EntityFilter { id_in: ids, limit: Some(PAGE), ..EntityFilter::default() };
        let mut listed = BTreeSet::new();
        self.turn().await?;
        let mut page = self.monite.entities().list(&filter).await?;
        loop {
            let there = page.data.iter().filter(|entity| entity.status != EntityStatus::Deleted);
            listed.extend(there.map(|entity| entity.id).filter(|id| filter.id_in.contains(id)));
            let Some(next) = page.next else { return Ok(listed) };
            self.turn().await?;
            page = self.monite.entities().list_next(&next).await?;
        }
    }
}
