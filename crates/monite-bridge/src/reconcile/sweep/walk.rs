//! The way of a sweep through Monite, call by call: all entities, and in each that is a customer's what [`inside`] looks at; then
//! those that no list showed ([`unlisted`]). [`glance`] goes to one entity only.

mod glance;
mod inside;
mod unlisted;

pub(super) use glance::Glance;

use jiff::Timestamp;
use monite::{Entity, EntityFilter, EntityId, Monite, Order, Page, Priority, SortBy};
use tokio_util::sync::CancellationToken;

use super::super::outcome::{LISTING_LAG, judge as judge_failure};
use super::super::visit::Workshop;
use super::judge::Bench;
use super::pace::Pace;
use super::record::{Hold, Place, Pulse, Still};
use super::tally::Tally;
use crate::config::Drift;
use crate::domain::{Call, CustomerId, SyncStatus};
use crate::events::Event;
use crate::store::{Sighting, StoreError};

/// Rows asked for at a time, at Monite (its maximum) and in the store: what is held in memory does not grow with the customers, nor
/// with the users of one.
const PAGE: u32 = 100;

/// A place where Monite fails this often is left behind, or one entity that always fails would hold up all others.
const STUMBLES: u32 = 3;

/// How a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Walked {
    ToTheEnd,
    Stopped,
    TakenOver,
}

/// Why a step was not finished.
pub(super) enum Halt {
    Monite(monite::Error),
    Store(StoreError),
    Stopped,
    TakenOver,
}

impl From<monite::Error> for Halt {
    fn from(error: monite::Error) -> Self {
        Self::Monite(error)
    }
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

pub(super) struct Walk<'a, P> {
    workshop: &'a Workshop,
    monite: Monite,
    drift: Drift,
    pace: Pace,
    stop: &'a CancellationToken,
    pub(super) hold: P,
}

impl<'a, P> Walk<'a, P> {
    pub(super) fn new(workshop: &'a Workshop, drift: Drift, pace: Pace, hold: P, stop: &'a CancellationToken) -> Self {
        let monite = workshop.monite.with_priority(Priority::Background);
        Self { workshop, monite, drift, pace, stop, hold }
    }
}

impl Walk<'_, Hold<'_>> {
    pub(super) async fn walk(&mut self) -> Result<Walked, StoreError> {
        let walked = match self.hold.place() {
            Place::Start => self.entities(None).await,
            Place::Entities { created_at, id } => self.entities(Some((created_at, id))).await,
            Place::Customers(_) => Ok(()),
        };
        let walked = match walked {
            Ok(()) => self.unlisted().await,
            halted => halted,
        };
        match walked {
            Ok(()) => Ok(Walked::ToTheEnd),
            Err(Halt::Stopped) => Ok(Walked::Stopped),
            Err(Halt::TakenOver) => Ok(Walked::TakenOver),
            Err(Halt::Store(error)) => Err(error),
            Err(Halt::Monite(error)) => {
                let error = judge_failure(&error, self.workshop.clock.now()).error.message;
                tracing::warn!(error, "the sweep stops here for now: Monite does not answer as it should");
                Ok(Walked::Stopped)
            }
        }
    }

    /// All entities in the order of their creation, from those on that were created with `done`.
    async fn entities(&mut self, done: Option<(Timestamp, EntityId)>) -> Result<(), Halt> {
        let filter = EntityFilter {
            created_at_gte: done.map(|(created_at, _)| created_at),
            sort: Some(SortBy::CreatedAt),
            order: Some(Order::Asc),
            limit: Some(PAGE),
            ..EntityFilter::default()
        };
        let mut asked_at = self.turn().await?;
        let mut page = self.monite.entities().list(&filter).await?;
        loop {
            self.entities_of(&page, done.map(|(_, id)| id), asked_at).await?;
            let Some(next) = page.next else { break };
            asked_at = self.turn().await?;
            page = self.monite.entities().list_next(&next).await?;
        }
        let tally = self.hold.tally().clone();
        self.step(Place::Customers(None), tally).await
    }

    /// One page of them, without the one that was done before.
    async fn entities_of(
        &mut self, page: &Page<Entity>, done: Option<EntityId>, asked_at: Timestamp,
    ) -> Result<(), Halt> {
        let ids: Vec<EntityId> = page.data.iter().map(|entity| entity.id).collect();
        let owners = self.workshop.store.owners(&ids).await?;
        let mut tally = self.hold.tally().clone();
        for entity in page.data.iter().filter(|entity| Some(entity.id) != done) {
            let owner = owners.get(&entity.id);
            match owner {
                None => tally.strangers += 1,
                Some(customer) => self.look_into(customer, entity, asked_at, &mut tally).await?,
            }
            // Passing strangers costs nothing, not even a note each.
            if owner.is_some() || Some(entity.id) == ids.last().copied() {
                let place = Place::Entities { created_at: entity.created_at, id: entity.id };
                self.step(place, tally.clone()).await?;
            }
        }
        Ok(())
    }

    /// One entity. A failure that may pass ends the sweep for now, unless it keeps coming back.
    async fn look_into(
        &mut self, customer: &CustomerId, entity: &Entity, asked_at: Timestamp, tally: &mut Tally,
    ) -> Result<(), Halt> {
        let looked = self.compare(customer, entity, asked_at, tally).await;
        if looked.is_err() {
            // It is looked at again from its beginning, but what was written down already shows no difference then.
            self.hold.found(tally.drifted);
        }
        match looked {
            Err(Halt::Monite(error)) => self.stumbled(error, customer, entity.id, tally),
            done => done,
        }
    }

    /// Whether to leave this entity behind, counted as failed, or to stop here for now.
    fn stumbled(
        &mut self, error: monite::Error, customer: &CustomerId, entity: EntityId, tally: &mut Tally,
    ) -> Result<(), Halt> {
        if error.is_retryable() && self.hold.stumble() < STUMBLES {
            return Err(Halt::Monite(error));
        }
        let error = judge_failure(&error, self.workshop.clock.now()).error.message;
        tracing::warn!(%customer, %entity, error, "the sweep cannot look into this entity");
        tally.failed += 1;
        tally.name(customer);
        Ok(())
    }

    async fn step(&mut self, place: Place, tally: Tally) -> Result<(), Halt> {
        ours(self.hold.step(place, tally).await?)
    }
}

impl<'a, P: Pulse> Walk<'a, P> {
    async fn note(&self, sighting: Option<Sighting>, tally: &mut Tally) -> Result<(), Halt> {
        let Some(sighting) = sighting else { return Ok(()) };
        let (object, changes) = (sighting.read.object(), !sighting.changes.is_empty());
        if self.workshop.store.note_seen(sighting, self.workshop.clock.now()).await? {
            tally.drifted += u64::from(changes);
            self.workshop.events.publish(Event { object });
        }
        Ok(())
    }

    fn bench(&self) -> Bench<'a> {
        let workshop = self.workshop;
        Bench { templates: &workshop.templates, policy: workshop.policy, drift: self.drift, now: workshop.clock.now() }
    }

    /// Waits for the next call's turn; when it may go out.
    async fn turn(&mut self) -> Result<Timestamp, Halt> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err(Halt::Stopped),
            () = self.pace.turn(self.workshop.clock.as_ref()) => {}
        }
        ours(self.hold.beat().await?)?;
        Ok(self.workshop.clock.now())
    }
}

fn ours(still: Still) -> Result<(), Halt> {
    match still {
        Still::Ours => Ok(()),
        Still::TakenOver => Err(Halt::TakenOver),
    }
}

/// Whether Monite says that a thing is not there. A failure to say anything is not that.
fn is_gone<T>(answer: Result<T, monite::Error>) -> Result<bool, Halt> {
    match answer {
        Ok(_) => Ok(false),
        Err(error) if error.is_not_found() => Ok(true),
        Err(error) => Err(Halt::Monite(error)),
    }
}

/// Whether a list asked for at this time must show the object as it was last confirmed. It may lag behind a change.
fn tells(asked_at: Timestamp, sync: &SyncStatus, calls: &[Call]) -> bool {
    let touched = sync.synced_at.into_iter().chain(calls.first().map(|call| call.at)).max();
    touched.is_none_or(|touched| asked_at >= touched + LISTING_LAG)
}
