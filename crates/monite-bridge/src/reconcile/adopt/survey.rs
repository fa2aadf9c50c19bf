//! Looks through all entities at Monite and tells which could be linked to which customer. Links nothing.

use std::collections::{BTreeMap, BTreeSet};

use futures::TryStreamExt;
use monite::{Entity, EntityFilter, EntityId, EntityStatus, Monite};

use super::super::observe::{LookError, link_of};
use super::grade::{Candidates, Grade, Match, Pair, grade};
use crate::domain::{BridgeId, CustomerId, Seen, Stamped};
use crate::store::{Store, StoreError};

/// Customers and entities asked about at a time.
const PAGE: usize = 100;

/// What there is at Monite.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// Entities looked at.
    pub entities: u64,
    /// Those of them that are linked already.
    pub linked: u64,
    /// Those that neither say whose they are nor look like any customer that has no entity.
    pub unmatched: u64,
    /// What could be linked, by grade, then by customer.
    pub matches: Vec<Match>,
    /// Entities that are somebody else's, or that stand in the way of each other, with what is to be known of them.
    pub remarks: Vec<Remark>,
    /// Whose stamps count as ours.
    pub ours: BTreeSet<BridgeId>,
    /// The name to be taken over from a database that was lost.
    pub take_name: Option<BridgeId>,
}

/// An entity that is not to be linked, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The entity.
    pub entity: EntityId,
    /// The customer it is stamped for, if that can be read.
    pub customer: Option<CustomerId>,
    /// Why, in words.
    pub reason: String,
}

/// Looks at every entity. `bridge`: a lost database whose stamps count as ours, too.
///
/// A database without any link takes the stamps of the one bridge that left some as its own: it is that bridge, with an empty
/// memory. Where several left some, a person has to say which one it is.
///
/// # Errors
/// When anything could not be read: with a part of the entities nobody knows whether a match is the only one, so nothing is told.
pub async fn survey(monite: &Monite, store: &dyn Store, bridge: Option<&BridgeId>) -> Result<Survey, LookError> {
    let mut looking = Looking::new(monite, store, candidates(store).await?);
    let mut pages = monite.entities().stream(EntityFilter::default()).try_chunks(PAGE);
    loop {
        match pages.try_next().await {
            Ok(Some(page)) => looking.at(page).await?,
            Ok(None) => break,
            Err(broken) => return Err(broken.1.into()),
        }
    }
    looking.conclude(bridge).await
}

async fn candidates(store: &dyn Store) -> Result<Candidates, StoreError> {
    let mut candidates = Candidates::default();
    let mut after = None;
    loop {
        let page = store.unlinked(after.as_ref(), PAGE as u32).await?;
        let Some((last, _)) = page.last() else { return Ok(candidates) };
        after = Some(last.clone());
        page.into_iter().for_each(|(customer, document)| candidates.add(customer, document));
    }
}

struct Looking<'a> {
    monite: &'a Monite,
    store: &'a dyn Store,
    candidates: Candidates,
    found: Survey,
    stamps: Vec<(EntityId, BridgeId, CustomerId)>,
    pairs: Vec<Pair>,
}

impl<'a> Looking<'a> {
    fn new(monite: &'a Monite, store: &'a dyn Store, candidates: Candidates) -> Self {
        Self { monite, store, candidates, found: Survey::default(), stamps: Vec::new(), pairs: Vec::new() }
    }

    /// Of each entity only what could link it is kept.
    async fn at(&mut self, page: Vec<Entity>) -> Result<(), LookError> {
        let ids: Vec<EntityId> = page.iter().map(|entity| entity.id).collect();
        let owners = self.store.owners(&ids).await?;
        for entity in page.iter().filter(|entity| entity.status != EntityStatus::Deleted) {
            self.found.entities += 1;
            if owners.contains_key(&entity.id) {
                self.found.linked += 1;
                continue;
            }
            match Stamped::read(&self.monite.entity(entity.id).metadata().get().await?) {
                Stamped::By(stamp) => self.stamps.push((entity.id, stamp.bridge, stamp.customer)),
                Stamped::Unreadable(why) => self.remark(entity.id, None, format!("its stamp cannot be read: {why}")),
                Stamped::Not => {
                    let pairs = self.candidates.pairs(entity.id, &link_of(entity).confirmed);
                    self.found.unmatched += u64::from(pairs.is_empty());
                    self.pairs.extend(pairs);
                }
            }
        }
        Ok(())
    }

    fn remark(&mut self, entity: EntityId, customer: Option<CustomerId>, reason: String) {
        self.found.remarks.push(Remark { entity, customer, reason });
    }

    async fn conclude(mut self, bridge: Option<&BridgeId>) -> Result<Survey, LookError> {
        self.found.ours = BTreeSet::from([self.store.bridge().await?]);
        let has_links = self.store.has_links().await?;
        let left: BTreeSet<&BridgeId> = self.stamps.iter().map(|(_, bridge, _)| bridge).collect();
        let lost = bridge.or(if left.len() == 1 && !has_links { left.first().copied() } else { None });
        self.found.take_name = lost.filter(|lost| !has_links && !self.found.ours.contains(*lost)).cloned();
        self.found.ours.extend(lost.cloned());
        let stamped = self.read_stamps().await?;
        let claimed: BTreeSet<&CustomerId> = stamped.iter().map(|one| &one.customer).collect();
        let others = std::mem::take(&mut self.pairs);
        let mut matches = grade(others).into_iter().filter(|one| !claimed.contains(&one.customer)).collect::<Vec<_>>();
        matches.splice(0..0, stamped.iter().cloned());
        self.found.matches = matches;
        Ok(self.found)
    }

    /// The stamps that are ours, as matches; whatever speaks against one is a remark.
    async fn read_stamps(&mut self) -> Result<Vec<Match>, StoreError> {
        let stamps = std::mem::take(&mut self.stamps);
        let mut of_customer: BTreeMap<CustomerId, Vec<EntityId>> = BTreeMap::new();
        for (entity, bridge, customer) in stamps {
            if self.found.ours.contains(&bridge) {
                of_customer.entry(customer).or_default().push(entity);
            } else {
                let reason = format!(
                    "stamped by another bridge, {bridge}, for its customer {customer}; if that is a database you have lost, --bridge {bridge} takes its stamps"
                );
                self.remark(entity, Some(customer), reason);
            }
        }
        let mut matches = Vec::new();
        for (customer, entities) in of_customer {
            let there = self.store.customer(&customer).await?;
            let linked = there.and_then(|there| match there.entity {
                Seen::Present(link) => Some(format!("stamped for {customer}, which is linked to {}", link.id)),
                Seen::Unknown(_) => {
                    Some(format!("stamped for {customer}, whose create is being looked for; `sync` settles that"))
                }
                Seen::Absent => None,
            });
            let against = linked.or_else(|| match entities.len() {
                1 => None,
                several => Some(format!(
                    "{several} entities are stamped for {customer}; --link {customer}=ENTITY says which one it is"
                )),
            });
            for entity in entities {
                match &against {
                    Some(reason) => self.remark(entity, Some(customer.clone()), reason.clone()),
                    None => matches.push(Match {
                        customer: customer.clone(),
                        entity,
                        grade: Grade::Stamped,
                        reason: "its stamp says so".to_owned(),
                    }),
                }
            }
        }
        Ok(matches)
    }
}
