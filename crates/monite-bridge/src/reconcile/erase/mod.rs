//! Erases one customer: what Monite holds of it is scrubbed, its rows are purged, and a tombstone of ids is what stays.
//!
//! It is level-triggered like a visit: [`Eraser::go_on`] starts from what is stored and seen, so an erasure that dies anywhere goes on when it
//! is asked for again. [`todo()`] decides and does nothing; the rest acts. Nothing is purged before a look at Monite has shown that nothing is
//! left there, at a time when no call that nobody saw answered can still land or be missing in a list; until then the rows are what
//! knows where the data is. It holds the customer's lease, so no visit of any process works on it meanwhile; one that was frozen and comes
//! back finds its fence gone.

mod evidence;
mod neutral;

use std::collections::BTreeSet;
use std::time::Duration;

use futures::TryStreamExt as _;
use jiff::Timestamp;
use monite::{CallLog, Deadline, EntityFilter, EntityId, EntityUserFilter, EntityUserId, Monite, Priority};
use serde_json::Map;

pub use self::evidence::{Evidence, KEPT_AT_MONITE, KEPT_HERE, Step};
pub use self::neutral::{ERASED, NOBODY, Sight, Todo, neutral, nobody, out_of_reach, todo};
use super::diff::entity_patch;
use super::observe::{Found, LookError, look_for_entity};
use super::outcome::{last_error, shows_by};
use super::visit::Workshop;
use crate::domain::{CustomerId, Seen, Stamped};
use crate::store::{Customer, Erasure, Fenced, Lease, Rewritten, StoreError, WorkerId};

/// How long the customer is taken for; renewed before each call.
const LEASE: Duration = Duration::from_secs(60);

/// Whoever has the customer is asked again after this long.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Looks after which a Monite that shows something else each time is left to a person.
const MOST_LOOKS: usize = 6;

/// Users read at once.
const PAGE: u32 = 500;

/// How far it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Nothing is left to do.
    Done(Erasure),
    /// It goes on then: somebody has the customer in hand, or a call may still land.
    Wait {
        /// When to go on.
        until: Timestamp,
        /// For what, in words.
        why: String,
    },
    /// It cannot go on by itself. What is left, in words; running it again goes on from there.
    Left(Vec<String>),
    /// There never was such a customer.
    NeverKnown,
}

/// Why it stopped for now.
enum Stop {
    Ended(Ended),
    Monite(Box<monite::Error>),
    Store(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<monite::Error> for Stop {
    fn from(error: monite::Error) -> Self {
        Self::Monite(Box::new(error))
    }
}

/// See the module.
#[derive(Debug)]
pub struct Eraser {
    workshop: Workshop,
    worker: WorkerId,
    missing_is_gone: bool,
}

impl Eraser {
    /// `name` is one that no other process has.
    #[must_use]
    pub fn new(workshop: Workshop, name: &str) -> Self {
        Self { workshop, worker: WorkerId(format!("{}{name}", Erasure::WORKER)), missing_is_gone: false }
    }

    /// Purges a customer although Monite does not show its entity. Monite deletes none, so a person has to know that this one is gone, and not
    /// only out of sight of these credentials.
    #[must_use]
    pub fn missing_is_gone(self, missing_is_gone: bool) -> Self {
        Self { missing_is_gone, ..self }
    }

    /// Begins to erase the customer, or goes on, as far as it can be done now. What is done is written into `evidence`.
    ///
    /// # Errors
    /// [`StoreError`]: nothing more can be written down. Asked for again, it goes on.
    pub async fn go_on(&self, customer: &CustomerId, evidence: &mut Evidence) -> Result<Ended, StoreError> {
        let (store, now) = (&self.workshop.store, self.workshop.clock.now());
        let Some(erasure) = store.begin_erasure(customer, now).await? else { return Ok(Ended::NeverKnown) };
        evidence.begun(&erasure);
        if erasure.purged_at.is_some() {
            return self.wipe(erasure, evidence).await;
        }
        let Some(lease) = store.claim_erasure(&self.worker, customer, now, LEASE).await? else {
            let why = format!("another process is at work on {customer}");
            return Ok(Ended::Wait { until: now + ASK_AGAIN_AFTER, why });
        };
        let mut work = Work {
            shop: &self.workshop,
            missing_is_gone: self.missing_is_gone,
            deadline: deadline(&lease),
            lease,
            evidence,
            log: CallLog::new(),
        };
        let stopped = work.scrub().await;
        let ended = match stopped {
            Ok(entity) => {
                let now = self.workshop.clock.now();
                match store.purge(&work.lease, entity, now).await? {
                    Fenced::LeaseLost => return Ok(work.lease_lost()),
                    Fenced::Recorded => work.evidence.purged(now),
                }
                let erasure = Erasure { entity, purged_at: Some(now), ..erasure };
                return self.wipe(erasure, evidence).await;
            }
            Err(Stop::Store(error)) => return Err(error),
            Err(Stop::Monite(error)) if error.is_too_late() => work.lease_lost(),
            Err(Stop::Monite(error)) => {
                let told = last_error(&error, self.workshop.clock.now());
                let request = told.request_id.map_or_else(String::new, |id| format!(" (Monite's request {id})"));
                Ended::Left(vec![format!("{}{request}", told.message)])
            }
            Err(Stop::Ended(ended)) => ended,
        };
        // Given back, so that going on need not wait for the lease to end. When it was lost, there is nothing to give.
        let _ = store.finish(&work.lease, Vec::new()).await?;
        Ok(ended)
    }

    /// What the deleted rows left behind in the files.
    async fn wipe(&self, erasure: Erasure, evidence: &mut Evidence) -> Result<Ended, StoreError> {
        if erasure.finished_at.is_some() {
            return Ok(Ended::Done(erasure));
        }
        let rewritten = self.workshop.store.rewrite().await?;
        let now = self.workshop.clock.now();
        evidence.wiped(now, rewritten);
        if rewritten == Rewritten::LogHeld {
            return Ok(Ended::Left(vec![
                "the write-ahead log of the database may still hold what was purged, because somebody reads from it: run it again once \
                 that has ended (a backup, an export)"
                    .to_owned(),
            ]));
        }
        self.workshop.store.finish_erasure(&erasure.customer, now).await?;
        Ok(Ended::Done(Erasure { finished_at: Some(now), ..erasure }))
    }
}

fn deadline(lease: &Lease) -> Deadline {
    Deadline::new(format!("the lease of {}", lease.customer), lease.until)
}

/// The work under one lease.
struct Work<'a> {
    shop: &'a Workshop,
    missing_is_gone: bool,
    lease: Lease,
    deadline: Deadline,
    evidence: &'a mut Evidence,
    log: CallLog,
}

impl Work<'_> {
    /// Returns once Monite shows nothing of the customer any more, with the entity that stays.
    async fn scrub(&mut self) -> Result<Option<EntityId>, Stop> {
        let known = self.known().await?;
        let Some(entity) = self.entity(&known.customer).await? else { return Ok(None) };
        let quiet_at = known.quiet_at;
        for _ in 0..MOST_LOOKS {
            let Some(sight) = self.look(entity, &known.users).await? else {
                if self.missing_is_gone {
                    self.note("Monite does not show the entity, and it was said to be gone");
                    return Ok(Some(entity));
                }
                return Err(Stop::Ended(Ended::Left(vec![format!(
                    "Monite does not show the entity {entity}, and deletes none: other credentials or another environment would show the same, \
                     so nothing was purged. Run it again with the right ones; or, if you know that it is gone, with --entity-is-gone"
                )])));
            };
            let left = todo(&sight);
            let (now, stuck) = (self.shop.clock.now(), out_of_reach(&sight));
            if left.is_empty() && !stuck.is_empty() {
                return Err(Stop::Ended(Ended::Left(stuck)));
            }
            if left.is_empty() && now >= quiet_at {
                self.note("looked again: nothing of the customer is left at Monite");
                return Ok(Some(entity));
            }
            if left.is_empty() {
                let why =
                    "a call that nobody saw answered may still land, or not show yet; Monite is looked at again then";
                return Err(Stop::Ended(Ended::Wait { until: quiet_at, why: why.to_owned() }));
            }
            for one in &left {
                self.act(entity, one).await?;
            }
        }
        Err(Stop::Ended(Ended::Left(vec![
            "something is there again at each look at Monite: somebody else writes into the entity; stop them, then run it again"
                .to_owned(),
        ])))
    }

    /// What the store knows.
    async fn known(&self) -> Result<Known, Stop> {
        let (store, id) = (&self.shop.store, &self.lease.customer);
        let Some(customer) = store.customer(id).await? else { return Err(Stop::Ended(self.lease_lost())) };
        let mut quiet: Vec<Timestamp> = customer.doubt.into_iter().chain(customer.late).collect();
        if let Seen::Unknown(attempt) = &customer.entity {
            quiet.push(attempt.lands_by);
        }
        let mut users = BTreeSet::new();
        let mut after = None;
        loop {
            let page = store.users(id, after.as_ref(), PAGE).await?;
            for user in &page {
                quiet.extend(user.doubt.into_iter().chain(user.late));
                match &user.entity_user {
                    Seen::Present(link) => drop(users.insert(link.id)),
                    Seen::Unknown(attempt) => quiet.push(attempt.lands_by),
                    Seen::Absent => {}
                }
            }
            match page.into_iter().last() {
                Some(last) => after = Some(last.id),
                None => break,
            }
        }
        let mut quiet_at = quiet.into_iter().map(shows_by).max().unwrap_or(Timestamp::MIN);
        if let Some(links) = store.links(&self.lease).await? {
            quiet_at = quiet_at.max(links.unsure_until.unwrap_or(Timestamp::MIN));
        }
        Ok(Known { customer, users, quiet_at })
    }

    /// The customer's entity, once it is certain which one it is, or that there is none.
    async fn entity(&mut self, customer: &Customer) -> Result<Option<EntityId>, Stop> {
        let attempt = match &customer.entity {
            Seen::Present(link) => return Ok(Some(link.id)),
            Seen::Absent => {
                self.note("the customer never reached Monite");
                return Ok(None);
            }
            Seen::Unknown(attempt) => attempt,
        };
        let now = self.shop.clock.now();
        let monite = self.monite().await?;
        let found = look_for_entity(&monite, self.shop.store.as_ref(), &customer.id, attempt, now).await;
        let found = found.map_err(|error| match error {
            LookError::Monite(error) => Stop::from(error),
            LookError::Store(error) => Stop::Store(error),
        })?;
        match found {
            Found::It(link) => {
                self.step("found the entity of a create that went unanswered");
                let id = link.id;
                let change = crate::store::Change::Entity(Seen::Present(link));
                // It goes by its id from here on: scrubbed, it would not be known again by what was sent.
                match self.shop.store.record(&self.lease, vec![change]).await? {
                    Fenced::Recorded => Ok(Some(id)),
                    Fenced::LeaseLost => Err(Stop::Ended(self.lease_lost())),
                }
            }
            Found::Nothing => {
                self.step("a create went unanswered, and has left nothing at Monite");
                Ok(None)
            }
            Found::NotYet(until) => {
                let why =
                    "a create of its entity went unanswered and may still land, or show; it is looked for again then"
                        .to_owned();
                Err(Stop::Ended(Ended::Wait { until, why }))
            }
            Found::TooMany(ids) => Err(Stop::Ended(Ended::Left(vec![format!(
                "a create went unanswered, and several entities at Monite could be its: {}. None was touched: switch off those that are not \
                 this customer's and change their e-mail address, then run it again",
                ids.join(", ")
            )]))),
        }
    }

    /// Looks at all of it; `None`: Monite has no such entity.
    async fn look(&mut self, id: EntityId, known: &BTreeSet<EntityUserId>) -> Result<Option<Sight>, Stop> {
        let monite = self.monite().await?;
        let handle = monite.entity(id);
        let entity = match handle.get().await {
            Ok(entity) => entity,
            Err(error) if error.is_not_found() => {
                // A 404 alone proves nothing: a wrong address answers it, too.
                let filter = EntityFilter { id_in: vec![id], ..EntityFilter::default() };
                let listed: Vec<monite::Entity> = monite.entities().stream(filter).try_collect().await?;
                return if listed.iter().any(|listed| listed.id == id) { Err(error.into()) } else { Ok(None) };
            }
            Err(error) => return Err(error.into()),
        };
        let metadata = handle.metadata().get().await?;
        let bridge = self.shop.store.bridge().await?;
        match Stamped::read(&metadata) {
            Stamped::Not => {}
            Stamped::By(stamp) if stamp.bridge == bridge && stamp.customer == self.lease.customer => {}
            Stamped::By(stamp) => {
                return Err(Stop::Ended(Ended::Left(vec![format!(
                    "the entity {id} is stamped for the customer {} of the bridge {}: it is not this one's to scrub, and nothing was changed \
                     in it. Erase it there; or, if that bridge is gone, remove the stamp from its metadata and run it again",
                    stamp.customer, stamp.bridge
                )])));
            }
            Stamped::Unreadable(why) => {
                return Err(Stop::Ended(Ended::Left(vec![format!(
                    "the stamp in the metadata of the entity {id} cannot be read ({why}), so nobody knows whose it is, and nothing was changed \
                     in it. Remove it if the entity is this customer's, then run it again"
                )])));
            }
        }
        let listed = handle.users().stream(EntityUserFilter::default());
        let listed: Vec<monite::EntityUser> = listed.try_collect().await?;
        let mut users: BTreeSet<EntityUserId> = BTreeSet::new();
        // A list may lag behind: what is known is asked for by its id, and what was deleted a moment ago may still be listed.
        for user in listed.iter().map(|user| user.id).chain(known.iter().copied()).collect::<BTreeSet<_>>() {
            let monite = self.monite().await?;
            match monite.entity(id).users().get(user).await {
                Ok(_) => drop(users.insert(user)),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.log.take();
        Ok(Some(Sight { entity, has_metadata: !metadata.is_empty(), users }))
    }

    async fn act(&mut self, id: EntityId, todo: &Todo) -> Result<(), Stop> {
        let monite = self.monite().await?;
        let entity = monite.entity(id);
        match todo {
            Todo::Deactivate => {
                entity.deactivate().await?;
                self.step("deactivated the entity");
            }
            Todo::DeleteUser(user) => {
                // What becomes of a deleted user at Monite is not known: what is kept of it is to tell nothing.
                unless_gone(entity.users().update(*user, &nobody(*user)).await.map(drop))?;
                unless_gone(entity.users().delete(*user).await)?;
                self.step(&format!("overwrote and deleted the entity user {user}"));
                self.evidence.users_deleted += 1;
            }
            Todo::Overwrite(changes) => {
                entity.update(&entity_patch(changes)).await?;
                self.step("overwrote or emptied what says who the customer is");
                self.evidence.overwritten(changes);
            }
            Todo::ClearMetadata => {
                entity.metadata().put(&Map::new()).await?;
                self.step("emptied the entity's metadata, our stamp among them");
            }
        }
        Ok(())
    }

    /// The way to Monite, under a lease that lasts: no call leaves once it has ended.
    async fn monite(&mut self) -> Result<Monite, Stop> {
        let now = self.shop.clock.now();
        if self.lease.until < now + LEASE / 2 {
            let renewed = self.shop.store.renew(std::slice::from_ref(&self.lease), now + LEASE).await?;
            let Some(lease) = renewed.into_iter().next() else { return Err(Stop::Ended(self.lease_lost())) };
            self.deadline.move_to(lease.until);
            self.lease = lease;
        }
        Ok(self.shop.monite.with_priority(Priority::Bulk).not_after(&self.deadline).recording(&self.log))
    }

    /// Another process has it now: that one is waited for.
    fn lease_lost(&self) -> Ended {
        let why = format!("another process has taken {} over", self.lease.customer);
        Ended::Wait { until: self.shop.clock.now() + ASK_AGAIN_AFTER, why }
    }

    /// Something was done at Monite.
    fn step(&mut self, what: &str) {
        let requests = self.log.take().into_iter().filter_map(|call| call.request_id).collect();
        self.evidence.step(self.shop.clock.now(), what, requests);
    }

    fn note(&mut self, what: &str) {
        self.evidence.step(self.shop.clock.now(), what, Vec::new());
    }
}

fn unless_gone(answer: Result<(), monite::Error>) -> Result<(), monite::Error> {
    match answer {
        Err(error) if error.is_not_found() => Ok(()),
        answer => answer,
    }
}

/// What the store knows of the customer.
struct Known {
    customer: Customer,
    /// Entity users that are linked.
    users: BTreeSet<EntityUserId>,
    /// From when on nothing of before can land or be missing in a list.
    quiet_at: Timestamp,
}
