//! Linked entities that no list shows. Monite has no deletion of entities, so nothing is concluded from it: the wrong credentials
//! would show the same. They are counted and named.

use std::collections::{BTreeMap, BTreeSet};

use monite::{EntityFilter, EntityId, EntityStatus};

use super::super::record::{Hold, Place};
use super::super::tally::Tally;
use super::{Halt, PAGE, Walk, is_gone};
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
            self.turn().await?;
            match is_gone(self.monite.entity(*id).get().await) {
                Ok(false) => {}
                Ok(true) => {
                    tracing::warn!(%customer, entity = %id, "Monite does not show the entity of this customer; nothing is done about it: are these the right credentials?");
                    tally.missing += 1;
                    tally.name(customer);
                }
                Err(Halt::Monite(error)) => self.stumbled(error, customer, *id, tally)?,
                Err(halt) => return Err(halt),
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
