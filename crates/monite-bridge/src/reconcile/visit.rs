//! One visit to one customer: plan, do, plan again, until nothing is left or what is left has to wait.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use monite::{Clock, Deadline, Monite};
use tokio_util::sync::CancellationToken;

use super::awaited::Awaited;
use super::execute::{Halt, Hands};
use super::outcome::{Failure, Verdict};
use super::plan::{Action, Desired, EntityWish, Observed, Policy, UserWish, plan};
use crate::budget::Outage;
use crate::domain::document::UserDocument;
use crate::domain::role::{RoleName, RoleTemplates};
use crate::domain::{Generation, LastError, ObjectId, Seen, SyncState, SyncStatus, UserId};
use crate::events::{Event, Events};
use crate::jitter::Jitter;
use crate::store::{Change, Fenced, Lease, Progress, Store, StoreError, Visit, Wish};

/// Users looked at in one visit; a customer with more is visited again right after, so that memory stays bounded and one
/// large customer does not keep a worker from the others.
pub const USERS_PER_VISIT: u32 = 100;

/// What every visit needs.
#[derive(Debug, Clone)]
pub struct Workshop {
    /// The bridge's memory.
    pub store: Arc<dyn Store>,
    /// The way to Monite.
    pub monite: Monite,
    /// The role templates of the configuration.
    pub templates: Arc<RoleTemplates>,
    /// What becomes of deleted things.
    pub policy: Policy,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance for the backoff.
    pub jitter: Jitter,
    /// Told of every change of state.
    pub events: Events,
    /// Whether Monite answers.
    pub outage: Outage,
    /// Whom somebody waits for.
    pub awaited: Awaited,
}

/// How a visit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everything was looked at.
    Finished,
    /// Stopped early, because the process is shutting down or was away until its lease had ended, or because Monite does not answer; the
    /// customer was given back and is due at once.
    GivenBack,
    /// Another worker took the customer over.
    LeaseLost,
}

/// Visits the customer of `lease`. Once `deadline` has passed, no call leaves any more: somebody else may have the customer then.
///
/// # Errors
/// [`StoreError`]: nothing can be written down. The lease ends by itself then, and the customer becomes due again.
pub async fn visit(
    workshop: &Workshop, lease: &Lease, deadline: &Deadline, stop: &CancellationToken,
) -> Result<Ended, StoreError> {
    let Some(visit) = workshop.store.open(lease, workshop.clock.now(), USERS_PER_VISIT).await? else {
        return Ok(Ended::LeaseLost);
    };
    let mut round = Round::new(workshop, lease, deadline, visit);
    let ended = match round.run(stop).await {
        Ok(ended) => ended,
        Err(Halt::LeaseLost) => return Ok(Ended::LeaseLost),
        // What was found out before counts, if nobody has taken the customer over; the fence decides.
        Err(Halt::LeaseEnded) => Ended::GivenBack,
        Err(Halt::Store(error)) => return Err(error),
        // `run` keeps failures with their objects, and gives back what is held.
        Err(Halt::Failed(_) | Halt::Held) => Ended::Finished,
    };
    round.finish(ended).await
}

struct Round<'a> {
    workshop: &'a Workshop,
    visit: Visit,
    desired: Desired,
    hands: Hands,
    /// Why the entity could not be brought to what is desired, if so.
    entity_failure: Option<Failure>,
    user_failures: BTreeMap<UserId, Failure>,
    /// Objects whose outcome is noted already.
    customer_noted: bool,
    users_noted: Vec<UserId>,
}

impl<'a> Round<'a> {
    fn new(workshop: &'a Workshop, lease: &Lease, deadline: &Deadline, visit: Visit) -> Self {
        let desired = Desired::of(&visit, &workshop.templates, workshop.policy);
        let hands = Hands {
            monite: workshop.monite.not_after(deadline),
            store: Arc::clone(&workshop.store),
            clock: Arc::clone(&workshop.clock),
            lease: lease.clone(),
            awaited: workshop.awaited.clone(),
            observed: Observed::of(&visit),
            notes: Vec::new(),
            late: late(&visit),
        };
        Self {
            workshop,
            visit,
            desired,
            hands,
            entity_failure: None,
            user_failures: BTreeMap::new(),
            customer_noted: false,
            users_noted: Vec::new(),
        }
    }

    async fn run(&mut self, stop: &CancellationToken) -> Result<Ended, Halt> {
        // Every round ends with an action done, a look taken or an object set aside, so it needs no more than a few rounds per
        // object; the bound keeps a Monite that contradicts itself from holding a worker for ever.
        let rounds = 8 + 4 * (self.desired.users.len() + self.desired.templates.len());
        for _ in 0..rounds {
            let actions = plan(&self.desired, &self.hands.observed);
            if actions.is_empty() {
                return Ok(Ended::Finished);
            }
            if self.work_through(&actions, stop).await? == Ended::GivenBack {
                return Ok(Ended::GivenBack);
            }
        }
        self.set_aside_rest();
        Ok(Ended::Finished)
    }

    /// What is still to be done when the rounds are used up has not come out well, whatever the single calls answered.
    fn set_aside_rest(&mut self) {
        let message =
            "Monite's answers contradict each other: what it did does not show when it is looked for".to_owned();
        let error = LastError { status: None, message, request_id: None, at: self.workshop.clock.now() };
        for action in plan(&self.desired, &self.hands.observed) {
            self.set_aside(&action, Failure { verdict: Verdict::RETRY, error: error.clone(), unanswered_until: None });
        }
    }

    /// Does the actions in order, up to the first that calls for a new plan.
    async fn work_through(&mut self, actions: &[Action], stop: &CancellationToken) -> Result<Ended, Halt> {
        for action in actions {
            if stop.is_cancelled() {
                return Ok(Ended::GivenBack);
            }
            // No look at the breaker here: what it holds back says so itself, and a visit that is the probe goes on.
            match self.hands.perform(action).await {
                Ok(()) => {
                    self.note_success(action);
                    if action.is_look() || !self.came_true(action) {
                        break;
                    }
                }
                Err(Halt::Failed(failure)) => {
                    self.set_aside(action, *failure);
                    break;
                }
                // Not an attempt: the objects keep their state, and are due as soon as Monite answers.
                Err(Halt::Held) => return Ok(Ended::GivenBack),
                Err(halt) => return Err(halt),
            }
        }
        Ok(Ended::Finished)
    }

    /// Whether the action left its object as the rest of the plan assumes (a refused duplicate leaves it unknown).
    fn came_true(&self, action: &Action) -> bool {
        let observed = &self.hands.observed;
        match action {
            Action::CreateRole(name, _) | Action::UpdateRole(name, ..) => {
                observed.roles.get(name).is_some_and(|role| role.present().is_some())
            }
            Action::CreateUser(user, _) | Action::PatchUser { user, .. } => {
                observed.users.get(user).is_some_and(|user| user.present().is_some())
            }
            _ => true,
        }
    }

    /// Notes an object as done as soon as it is, so that it shows at once and not when the whole visit ends.
    fn note_success(&mut self, action: &Action) {
        match action {
            Action::CreateUser(user, _) | Action::PatchUser { user, .. } if self.came_true(action) => {
                self.note_user(&user.clone())
            }
            Action::DeleteUser(user, _) => self.note_user(&user.clone()),
            Action::CreateEntity(_) | Action::PatchEntity { .. } => self.note_customer(),
            _ => {}
        }
    }

    /// Takes the object that failed out of what is desired in this visit; the others go on.
    fn set_aside(&mut self, action: &Action, failure: Failure) {
        let unanswered_until = failure.unanswered_until.filter(|_| action.changes_what_is_there());
        let failure = Failure { unanswered_until, ..failure };
        match (action, action.user()) {
            (_, Some(user)) => self.set_aside_user(&user.clone(), failure),
            (Action::CreateRole(name, _) | Action::UpdateRole(name, ..), _) => {
                self.set_aside_role(&name.clone(), &failure)
            }
            (Action::ListRoles, _) => {
                self.desired.templates.clear();
                self.set_aside_users_with(&failure, |_| true);
                if !self.desired.roles.is_empty() {
                    self.entity_failure.get_or_insert(failure);
                }
            }
            _ => {
                self.desired.entity = EntityWish::Untouched;
                self.entity_failure = Some(failure);
            }
        }
    }

    fn set_aside_user(&mut self, user: &UserId, failure: Failure) {
        self.desired.users.retain(|(id, _)| id != user);
        self.user_failures.insert(user.clone(), failure);
    }

    fn set_aside_role(&mut self, role: &RoleName, failure: &Failure) {
        self.desired.templates.remove(role);
        let failure = Failure {
            error: LastError {
                message: format!("the role {role}: {}", failure.error.message),
                ..failure.error.clone()
            },
            ..failure.clone()
        };
        self.set_aside_users_with(&failure, |document| document.role == *role);
        if self.desired.roles.remove(role).is_some() || self.visit.roles.contains_key(role) {
            // Nobody here waits for it, so the customer itself keeps the reason and comes back for it.
            self.entity_failure.get_or_insert(failure);
        }
    }

    fn set_aside_users_with(&mut self, failure: &Failure, concerned: impl Fn(&UserDocument) -> bool) {
        let concerned: Vec<UserId> = self
            .desired
            .users
            .iter()
            .filter(|(_, wish)| matches!(wish, UserWish::As(document) if concerned(document)))
            .map(|(id, _)| id.clone())
            .collect();
        for user in concerned {
            self.set_aside_user(&user, failure.clone());
        }
    }

    fn note_customer(&mut self) {
        if self.customer_noted || !self.visit.customer_due {
            return;
        }
        self.customer_noted = true;
        let state = match self.visit.customer.wish {
            Wish::Present => SyncState::InSync,
            Wish::Gone => SyncState::Deactivated,
        };
        let progress = self.success(None, self.visit.customer.sync.generation, state);
        self.hands.notes.push(Change::CustomerDone(progress));
    }

    fn note_user(&mut self, id: &UserId) {
        let Some(user) = self.visit.users.iter().find(|user| user.id == *id) else { return };
        if self.users_noted.contains(id) {
            return;
        }
        self.users_noted.push(id.clone());
        let generation = user.sync.generation;
        let change = match user.wish {
            Wish::Gone => Change::UserGone(id.clone(), generation),
            Wish::Present => Change::UserDone(id.clone(), self.success(Some(id), generation, SyncState::InSync)),
        };
        self.hands.notes.push(change);
    }

    fn success(&self, user: Option<&UserId>, generation: Generation, state: SyncState) -> Progress {
        let now = self.workshop.clock.now();
        Progress {
            generation,
            state,
            attempts: 0,
            due_at: None,
            error: None,
            unanswered_until: self.may_land_until(user, now),
            at: now,
        }
    }

    /// Until when a change of this object may still land although a later one was answered.
    fn may_land_until(&self, user: Option<&UserId>, now: Timestamp) -> Option<Timestamp> {
        self.hands.late.get(&user.cloned()).copied().filter(|until| *until > now)
    }

    /// Notes down how everything came out and gives the customer back.
    async fn finish(mut self, ended: Ended) -> Result<Ended, StoreError> {
        if ended == Ended::Finished {
            self.note_rest();
        }
        self.note_failures();
        let touched = touched(&self.visit, &self.users_noted, &self.user_failures);
        let fenced = self.workshop.store.finish(&self.hands.lease, std::mem::take(&mut self.hands.notes)).await?;
        if fenced == Fenced::LeaseLost {
            return Ok(Ended::LeaseLost);
        }
        for object in touched {
            self.workshop.events.publish(Event { object });
        }
        Ok(ended)
    }

    /// What had nothing to be done is as it should be.
    fn note_rest(&mut self) {
        if self.entity_failure.is_none() {
            self.note_customer();
        }
        let serves = self.hands.observed.entity.present().is_some() && self.visit.customer.wish == Wish::Present;
        let open: Vec<UserId> = self
            .visit
            .users
            .iter()
            .filter(|user| !self.user_failures.contains_key(&user.id))
            .filter(|user| match user.wish {
                Wish::Present => serves,
                Wish::Gone => {
                    !matches!(self.hands.observed.users.get(&user.id), Some(Seen::Present(_) | Seen::Unknown(_)))
                }
            })
            .map(|user| user.id.clone())
            .collect();
        for user in open {
            self.note_user(&user);
        }
    }

    fn note_failures(&mut self) {
        if let Some(failure) = self.entity_failure.take() {
            let progress = self.failure(None, &self.visit.customer.sync, &failure);
            self.hands.notes.push(Change::CustomerDone(progress));
        }
        for (id, failure) in &self.user_failures {
            let Some(user) = self.visit.users.iter().find(|user| user.id == *id) else { continue };
            let progress = self.failure(Some(id), &user.sync, failure);
            self.hands.notes.push(Change::UserDone(id.clone(), progress));
        }
    }

    fn failure(&self, user: Option<&UserId>, sync: &SyncStatus, failure: &Failure) -> Progress {
        let (now, attempts) = (self.workshop.clock.now(), sync.attempts.saturating_add(1));
        let due_at = failure.verdict.due_at(now, attempts, self.workshop.jitter.next());
        Progress {
            generation: sync.generation,
            state: failure.verdict.state(),
            attempts,
            due_at,
            error: Some(failure.error.clone()),
            unanswered_until: failure.unanswered_until.max(self.may_land_until(user, now)),
            at: now,
        }
    }
}

/// Changes of earlier visits that may still land. They are of what is desired now, so they do no harm until that changes.
fn late(visit: &Visit) -> BTreeMap<Option<UserId>, Timestamp> {
    let users = visit.users.iter().filter_map(|user| Some((Some(user.id.clone()), user.late?)));
    visit.customer.late.map(|until| (None, until)).into_iter().chain(users).collect()
}

fn touched(visit: &Visit, noted: &[UserId], failed: &BTreeMap<UserId, Failure>) -> Vec<ObjectId> {
    let customer = &visit.customer.id;
    let users = noted.iter().chain(failed.keys()).map(|user| ObjectId::User(customer.clone(), user.clone()));
    visit.customer_due.then(|| ObjectId::Customer(customer.clone())).into_iter().chain(users).collect()
}
