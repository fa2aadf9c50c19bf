//! Entities by e-mail, and in order by type and status, so that a filtered page costs the same however many there are.

use std::collections::{BTreeSet, HashSet};
use std::iter::Peekable;

use super::World;
use super::entity::{Entity, EntityStatus, EntityType};
use super::page::{Keyed, in_range, sorted_window};
use crate::rules::query::{CreatedRange, EntityFilter, Listing, Paging, Sort};

/// Three statuses of two types.
const BUCKETS: usize = 6;

#[derive(Default)]
pub(super) struct EntityIndex {
    by_email: BTreeSet<(String, u32)>,
    by_created: [BTreeSet<Keyed>; BUCKETS],
    by_updated: [BTreeSet<Keyed>; BUCKETS],
}

impl EntityIndex {
    pub(super) fn insert(&mut self, entity: &Entity, number: u32) {
        if let Some(email) = &entity.details.email {
            self.by_email.insert((email.clone(), number));
        }
        let bucket = bucket(entity.kind, entity.status);
        self.by_created[bucket].insert((entity.created_at.micros(), number));
        self.by_updated[bucket].insert((entity.updated_at.micros(), number));
    }

    pub(super) fn remove(&mut self, entity: &Entity, number: u32) {
        if let Some(email) = &entity.details.email {
            self.by_email.remove(&(email.clone(), number));
        }
        let bucket = bucket(entity.kind, entity.status);
        self.by_created[bucket].remove(&(entity.created_at.micros(), number));
        self.by_updated[bucket].remove(&(entity.updated_at.micros(), number));
    }

    fn with_email(&self, email: &str) -> impl Iterator<Item = u32> {
        self.by_email.range((email.to_owned(), 0)..=(email.to_owned(), u32::MAX)).map(|(_, number)| *number)
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
        let paging = &listing.paging;
        match self.named(&listing.filter) {
            Some(numbers) => {
                let key = |number: u32| (self.sort_key(number, paging.sort), number);
                Box::new(sorted_window(numbers.into_iter().map(key).collect(), paging))
            }
            None => Box::new(self.in_order(&listing.filter, paging)),
        }
    }

    fn sort_key(&self, number: u32, sort: Sort) -> i64 {
        let entity = self.entity_at(number);
        match sort {
            Sort::CreatedAt => entity.created_at.micros(),
            Sort::UpdatedAt => entity.updated_at.micros(),
        }
    }

    /// The few rows a filter names outright, if it does.
    fn named(&self, filter: &EntityFilter) -> Option<HashSet<u32>> {
        if !filter.id_in.is_empty() {
            return Some(filter.id_in.iter().filter_map(|id| self.entity_numbers.get(id)).copied().collect());
        }
        if let Some(email) = &filter.email {
            return Some(self.index.with_email(email).collect());
        }
        if !filter.email_in.is_empty() {
            return Some(filter.email_in.iter().flat_map(|email| self.index.with_email(email)).collect());
        }
        None
    }

    /// All rows of the types and statuses asked for, merged into one order.
    fn in_order<'a>(&'a self, filter: &EntityFilter, paging: &Paging) -> impl Iterator<Item = Keyed> + 'a {
        let ordered = match paging.sort {
            Sort::CreatedAt => &self.index.by_created,
            Sort::UpdatedAt => &self.index.by_updated,
        };
        let range = match paging.sort {
            Sort::CreatedAt => filter.created,
            Sort::UpdatedAt => CreatedRange::default(),
        };
        let wanted = wanted_buckets(filter).map(|bucket| &ordered[bucket]);
        merge(wanted.map(|rows| in_range(rows, &range, paging)).collect(), paging.ascends())
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
