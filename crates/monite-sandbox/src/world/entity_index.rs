//! Entities by e-mail, and in order by type and status, so that a filtered page costs the same however many there are.

use std::collections::{BTreeSet, HashSet};
use std::iter::Peekable;
use std::sync::Arc;

use super::World;
use super::entity::{Entity, EntityStatus, EntityType};
use super::page::{Keyed, in_range, keys_ahead, sorted_window};
use crate::rules::query::{CreatedRange, EntityFilter, Listing, Paging, Sort};

/// Three statuses of two types.
const BUCKETS: usize = 6;

#[derive(Default)]
pub(super) struct EntityIndex {
    email_created: BTreeSet<ByEmail>,
    email_updated: BTreeSet<ByEmail>,
    by_created: [BTreeSet<Keyed>; BUCKETS],
    by_updated: [BTreeSet<Keyed>; BUCKETS],
}

/// The rows of one address stand together, in order.
type ByEmail = (Arc<str>, i64, u32);

impl EntityIndex {
    pub(super) fn insert(&mut self, entity: &Entity, number: u32) {
        let (created, updated) = (entity.created_at.micros(), entity.updated_at.micros());
        if let Some(email) = &entity.details.email {
            let email: Arc<str> = email.as_str().into();
            self.email_created.insert((email.clone(), created, number));
            self.email_updated.insert((email, updated, number));
        }
        let bucket = bucket(entity.kind, entity.status);
        self.by_created[bucket].insert((created, number));
        self.by_updated[bucket].insert((updated, number));
    }

    pub(super) fn remove(&mut self, entity: &Entity, number: u32) {
        let (created, updated) = (entity.created_at.micros(), entity.updated_at.micros());
        if let Some(email) = &entity.details.email {
            let email: Arc<str> = email.as_str().into();
            self.email_created.remove(&(email.clone(), created, number));
            self.email_updated.remove(&(email, updated, number));
        }
        let bucket = bucket(entity.kind, entity.status);
        self.by_created[bucket].remove(&(created, number));
        self.by_updated[bucket].remove(&(updated, number));
    }

    /// The rows of one address, in the direction of travel.
    fn with_email(&self, email: &str, range: &CreatedRange, paging: &Paging) -> Box<dyn Iterator<Item = Keyed> + '_> {
        let rows = match paging.sort {
            Sort::CreatedAt => &self.email_created,
            Sort::UpdatedAt => &self.email_updated,
        };
        let Some((from, to)) = keys_ahead(range, paging) else {
            return Box::new(std::iter::empty());
        };
        let email: Arc<str> = email.into();
        let found =
            rows.range((email.clone(), from, 0)..=(email, to, u32::MAX)).map(|(_, key, number)| (*key, *number));
        if paging.ascends() { Box::new(found) } else { Box::new(found.rev()) }
    }
}

fn bucket(kind: EntityType, status: EntityStatus) -> usize {
    status as usize * 2 + kind as usize
}

impl World {
    /// Rows that may be on the page, in the direction of travel; the filter still has to look at each.
    pub(super) fn entity_candidates<'a>(
        &'a self, listing: &Listing<EntityFilter>,
    ) -> Box<dyn Iterator<Item = Keyed> + 'a> {
        let (filter, paging) = (&listing.filter, &listing.paging);
        if !filter.id_in.is_empty() {
            let numbers: HashSet<u32> =
                filter.id_in.iter().filter_map(|id| self.entity_numbers.get(id)).copied().collect();
            let keyed = numbers.into_iter().map(|number| (self.sort_key(number, paging.sort), number));
            return Box::new(sorted_window(keyed.collect(), paging));
        }
        let range = match paging.sort {
            Sort::CreatedAt => filter.created,
            Sort::UpdatedAt => CreatedRange::default(),
        };
        if let Some(email) = &filter.email {
            return self.index.with_email(email, &range, paging);
        }
        if !filter.email_in.is_empty() {
            let emails: HashSet<&String> = filter.email_in.iter().collect();
            let sources = emails.into_iter().map(|email| self.index.with_email(email, &range, paging));
            return Box::new(merge(sources.collect(), paging.ascends()));
        }
        Box::new(self.in_order(filter, &range, paging))
    }

    fn sort_key(&self, number: u32, sort: Sort) -> i64 {
        let entity = self.entity_at(number);
        match sort {
            Sort::CreatedAt => entity.created_at.micros(),
            Sort::UpdatedAt => entity.updated_at.micros(),
        }
    }

    /// All rows of the types and statuses asked for, merged into one order.
    fn in_order<'a>(
        &'a self, filter: &EntityFilter, range: &CreatedRange, paging: &Paging,
    ) -> impl Iterator<Item = Keyed> + 'a {
        let ordered = match paging.sort {
            Sort::CreatedAt => &self.index.by_created,
            Sort::UpdatedAt => &self.index.by_updated,
        };
        let wanted = wanted_buckets(filter).map(|bucket| &ordered[bucket]);
        merge(wanted.map(|rows| in_range(rows, range, paging)).collect(), paging.ascends())
    }
}

fn wanted_buckets(filter: &EntityFilter) -> impl Iterator<Item = usize> {
    let statuses = [EntityStatus::Active, EntityStatus::Inactive, EntityStatus::Deleted];
    let kinds = [EntityType::Organization, EntityType::Individual];
    let (kind, status) = (filter.kind, filter.status);
    statuses
        .into_iter()
        .filter(move |one| status.is_none_or(|wanted| wanted == *one))
        .flat_map(move |status| kinds.into_iter().map(move |kind| (kind, status)))
        .filter(move |(one, _)| kind.is_none_or(|wanted| wanted == *one))
        .map(|(kind, status)| bucket(kind, status))
}

fn merge<'a>(sources: Vec<Box<dyn Iterator<Item = Keyed> + 'a>>, ascends: bool) -> impl Iterator<Item = Keyed> + 'a {
    let mut sources: Vec<Peekable<_>> = sources.into_iter().map(Iterator::peekable).collect();
    std::iter::from_fn(move || {
        let heads = sources.iter_mut().enumerate().filter_map(|(index, rows)| Some((*rows.peek()?, index)));
        let (_, index) = if ascends { heads.min() } else { heads.max() }?;
        sources[index].next()
    })
}
