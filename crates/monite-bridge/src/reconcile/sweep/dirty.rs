//! Entities to be looked at again before the next sweep, because somebody said that they changed. In memory only: losing it loses
//! speed and no truth, since a sweep looks at everything anyway.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use monite::{EntityId, EntityUserId};
use tokio::sync::Notify;

use super::super::outcome::LISTING_LAG;

/// Entities that wait at most: about 1 MiB. More at a time is as good as a sweep, which costs less.
const MOST_ENTITIES: usize = 10_000;

/// Users of one entity that are remembered by name, the most that one list can be asked for; beyond, all of them are looked at.
const MOST_USERS: usize = 100;

/// Looks at one entity that may fail, or find somebody at work on it, before it is left to the sweep.
const MOST_TRIES: u32 = 6;

/// What is to be looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// The entity with its roles.
    Itself,
    /// One of its users.
    User(EntityUserId),
    /// All of its users.
    AllUsers,
}

/// What became of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Marked {
    /// It will be looked at.
    Waits,
    /// Too much waits already: the sweep will look at it.
    Dropped,
}

/// What is to be looked at in one entity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Spots {
    pub(super) itself: bool,
    pub(super) users: BTreeSet<EntityUserId>,
    pub(super) all_users: bool,
}

impl Spots {
    fn add(&mut self, spot: Spot) {
        match spot {
            Spot::Itself => self.itself = true,
            Spot::User(_) | Spot::AllUsers if self.all_users => {}
            Spot::User(_) if self.users.len() >= MOST_USERS => self.add(Spot::AllUsers),
            Spot::User(user) => {
                self.users.insert(user);
            }
            Spot::AllUsers => {
                self.all_users = true;
                self.users.clear();
            }
        }
    }

    fn join(&mut self, other: Self) {
        self.itself |= other.itself;
        other.users.into_iter().for_each(|user| self.add(Spot::User(user)));
        if other.all_users {
            self.add(Spot::AllUsers);
        }
    }
}

#[derive(Debug, Clone)]
struct Entry {
    /// When it is looked at.
    at: Timestamp,
    /// From when on what was said last can be seen.
    seen_from: Timestamp,
    spots: Spots,
    tries: u32,
}

/// One that is due.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) entity: EntityId,
    pub(super) spots: Spots,
    tries: u32,
}

/// The set: cheap to clone, every clone is the same set. Bounded, and each entity is in it once.
#[derive(Debug, Clone, Default)]
pub struct Dirty(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Notify,
    looks: AtomicU64,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    entries: BTreeMap<EntityId, Entry>,
    order: BTreeSet<(Timestamp, EntityId)>,
}

impl Waiting {
    fn put(&mut self, entity: EntityId, entry: Entry) {
        self.order.insert((entry.at, entity));
        self.entries.insert(entity, entry);
    }

    fn take(&mut self, entity: EntityId) -> Option<Entry> {
        let entry = self.entries.remove(&entity)?;
        self.order.remove(&(entry.at, entity));
        Some(entry)
    }
}

impl Dirty {
    /// Somebody said at `now` that this changed. It is looked at ten seconds later, when Monite's lists must show it; what is said
    /// meanwhile is looked at together.
    pub fn mark(&self, entity: EntityId, spot: Spot, now: Timestamp) -> Marked {
        let seen_from = now + LISTING_LAG;
        let mut waiting = self.waiting();
        let is_full = waiting.entries.len() >= MOST_ENTITIES;
        match waiting.entries.get_mut(&entity) {
            Some(entry) => {
                entry.spots.add(spot);
                entry.seen_from = entry.seen_from.max(seen_from);
                entry.tries = 0;
            }
            None if is_full => {
                drop(waiting);
                self.drop_one();
                return Marked::Dropped;
            }
            None => {
                let mut spots = Spots::default();
                spots.add(spot);
                waiting.put(entity, Entry { at: seen_from, seen_from, spots, tries: 0 });
            }
        }
        drop(waiting);
        self.0.changed.notify_one();
        Marked::Waits
    }

    /// How many entities wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting().entries.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many looks were taken since the process began.
    #[must_use]
    pub fn looks(&self) -> u64 {
        self.0.looks.load(Ordering::Relaxed)
    }

    /// How many were left to the sweep since the process began, because too many waited or looking failed.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// The one that waits longest, if it is due. It stays, for later, when something was said of it that cannot be seen yet.
    pub(super) fn take_due(&self, now: Timestamp) -> Option<Due> {
        let mut waiting = self.waiting();
        let (_, entity) = *waiting.order.first().filter(|(at, _)| *at <= now)?;
        let entry = waiting.take(entity)?;
        let due = Due { entity, spots: entry.spots.clone(), tries: entry.tries };
        if entry.seen_from > now {
            waiting.put(entity, Entry { at: entry.seen_from, ..entry });
        }
        self.0.looks.fetch_add(1, Ordering::Relaxed);
        Some(due)
    }

    /// When the next one is due; `None`: none waits.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.waiting().order.first().map(|(at, _)| *at)
    }

    /// Returns when something was marked since the last time.
    pub(super) async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// It could not be looked at; again after `wait`, if it was not tried too often.
    pub(super) fn put_back(&self, due: Due, now: Timestamp, wait: Duration) -> Marked {
        let tries = due.tries + 1;
        if tries >= MOST_TRIES {
            self.drop_one();
            return Marked::Dropped;
        }
        let at = now + wait;
        let mut waiting = self.waiting();
        let mut entry = waiting.take(due.entity).unwrap_or(Entry { at, seen_from: at, spots: Spots::default(), tries });
        entry.spots.join(due.spots);
        entry.at = entry.at.max(at);
        waiting.put(due.entity, entry);
        Marked::Waits
    }

    fn drop_one(&self) {
        self.0.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Nothing that is done under the lock leaves half a change behind.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn entity(n: u128) -> EntityId {
        EntityId::from_uuid(Uuid::from_u128(n))
    }

    fn user(n: u128) -> EntityUserId {
        EntityUserId::from_uuid(Uuid::from_u128(n))
    }

    #[test]
    fn what_is_said_of_one_entity_is_looked_at_together_and_once_more_what_came_too_late_to_be_seen() {
        let dirty = Dirty::default();
        for (spot, second) in [(Spot::Itself, 0), (Spot::User(user(1)), 0), (Spot::Itself, 4)] {
            assert_eq!(dirty.mark(entity(1), spot, at(second)), Marked::Waits);
        }
        assert!(dirty.take_due(at(9)).is_none());
        let due = dirty.take_due(at(10)).unwrap();
        assert_eq!(due.spots, Spots { itself: true, users: BTreeSet::from([user(1)]), all_users: false });
        assert_eq!(dirty.next(), Some(at(14)), "what was said at 4 may not have been seen at 10");
        assert!(dirty.take_due(at(14)).is_some() && dirty.is_empty());
        assert_eq!(dirty.looks(), 2);
    }

    #[test]
    fn it_is_bounded_and_says_what_it_dropped() {
        let dirty = Dirty::default();
        for n in 0..MOST_ENTITIES as u128 {
            assert_eq!(dirty.mark(entity(n), Spot::Itself, at(0)), Marked::Waits);
        }
        assert_eq!(dirty.mark(entity(99_999), Spot::Itself, at(0)), Marked::Dropped);
        assert_eq!(dirty.mark(entity(1), Spot::AllUsers, at(0)), Marked::Waits, "it waits already");
        assert_eq!((dirty.len(), dirty.dropped()), (MOST_ENTITIES, 1));
        let dirty = Dirty::default();
        for n in 0..101 {
            assert_eq!(dirty.mark(entity(1), Spot::User(user(n)), at(0)), Marked::Waits);
        }
        let due = dirty.take_due(at(10)).unwrap();
        assert_eq!(due.spots, Spots { itself: false, users: BTreeSet::new(), all_users: true });
    }

    #[test]
    fn what_fails_is_tried_again_a_few_times() {
        let dirty = Dirty::default();
        let _ = dirty.mark(entity(1), Spot::Itself, at(0));
        let mut now = 10;
        for _ in 1..MOST_TRIES {
            let due = dirty.take_due(at(now)).unwrap();
            assert_eq!(dirty.put_back(due, at(now), Duration::from_secs(60)), Marked::Waits);
            assert!(dirty.take_due(at(now + 59)).is_none());
            now += 60;
        }
        let due = dirty.take_due(at(now)).unwrap();
        assert_eq!(dirty.put_back(due, at(now), Duration::from_secs(60)), Marked::Dropped);
        assert!(dirty.is_empty());
    }
}
