//! Does one action at Monite and notes down what came of it. Holds the I/O of a visit and makes no choices.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use jiff::Timestamp;
use monite::{
    CallLog, CallRecord, Clock, EntityId, EntityStatus, EntityUser, EntityUserFilter, EntityUserId, Field, Monite,
    NewRole, Permissions, Priority, Role, RoleFilter, RoleId, RolePatch,
};

use super::awaited::Awaited;
use super::diff::{entity_patch, user_changes, user_patch};
use super::observe::{Found, LookError, look_for_entity, look_for_user};
use super::outcome::{Failure, LISTING_LAG, Verdict, judge, lands_by, lands_late, may_have_landed};
use super::plan::{Action, Observed};
use crate::domain::document::UserDocument;
use crate::domain::role::RoleName;
use crate::domain::{Attempt, Call, EntityLink, LANDS_WITHIN_UNSEEN, LastError, RoleLink, Seen, UserId, UserLink};
use crate::store::{Change, Fenced, Lease, Store, StoreError};

/// Why an action did not come to its end.
#[derive(Debug)]
pub enum Halt {
    /// Monite did not do it, or nobody knows; concerns this action's object only.
    Failed(Box<Failure>),
    /// Monite does not answer anybody, so this was not sent: it is no attempt, and there is no point in going on.
    Held,
    /// Another worker holds the customer: write nothing and call nothing any more.
    LeaseLost,
    /// The lease has ended, so a call did not go out: call nothing any more.
    LeaseEnded,
    /// The store failed: nothing can be noted down, so nothing more may be done.
    Store(StoreError),
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The hands of one visit: what is known so far, and what is to be noted down.
#[derive(Debug)]
pub struct Hands {
    pub(super) monite: Monite,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) lease: Lease,
    pub(super) awaited: Awaited,
    /// What is known at Monite; every action that succeeds changes it.
    pub observed: Observed,
    /// Found out, not yet written down. Written with the next mark, so that a create costs one commit and not two.
    pub notes: Vec<Change>,
    /// Changes that went unanswered and may still land until then, although a later one was answered: of the customer (`None`)
    /// and of users.
    pub(super) late: BTreeMap<Option<UserId>, Timestamp>,
}

impl Hands {
    /// Does one action. On success [`Hands::observed`] says what is there now.
    ///
    /// # Errors
    /// [`Halt`]; after [`Halt::Failed`] the visit may go on with other objects.
    pub async fn perform(&mut self, action: &Action) -> Result<(), Halt> {
        let log = CallLog::default();
        // Asked anew for every action: somebody may begin to wait while the visit is under way.
        let is_awaited = self.awaited.contains(&self.lease.customer);
        let priority = if is_awaited { Priority::Interactive } else { Priority::Bulk };
        let monite = self.monite.with_priority(priority).recording(&log);
        let done = self.dispatch(&monite, action).await;
        let attempts = log.take();
        if action.changes_what_is_there() {
            self.note_late(action.user(), &attempts);
        }
        let calls: Vec<Call> = attempts.into_iter().map(call_of).collect();
        if !calls.is_empty() {
            self.notes.push(Change::Calls(action.user().cloned(), calls));
        }
        done
    }

    fn note_late(&mut self, user: Option<&UserId>, attempts: &[CallRecord]) {
        let Some(until) = attempts.iter().filter_map(lands_late).max() else { return };
        let late = self.late.entry(user.cloned()).or_insert(until);
        *late = until.max(*late);
    }

    async fn dispatch(&mut self, monite: &Monite, action: &Action) -> Result<(), Halt> {
        match action {
            Action::SettleEntity => self.settle_entity(monite).await,
            Action::LookAtEntity(id) => self.look_at_entity(monite, *id).await,
            Action::CreateEntity(document) => self.create_entity(monite, document).await,
            Action::ActivateEntity(id) => self.switch_entity(monite, *id, true).await,
            Action::DeactivateEntity(id) => self.switch_entity(monite, *id, false).await,
            Action::PatchEntity { id, changes, becomes } => {
                let answer = monite.entity(*id).update(&entity_patch(changes)).await;
                self.answered(answer)?;
                let active = self.observed.entity.present().is_none_or(|link| link.active);
                self.see_entity(Seen::Present(EntityLink { id: *id, confirmed: becomes.as_ref().clone(), active }));
                Ok(())
            }
            Action::ListRoles => self.list_roles(monite).await,
            Action::CreateRole(name, permissions) => self.create_role(monite, name, permissions).await,
            Action::UpdateRole(name, id, permissions) => self.update_role(monite, name, *id, permissions).await,
            Action::DeleteUser(user, id) => self.delete_user(monite, user, *id).await,
            Action::FindUser { user, wanted } => self.find_user(monite, user, wanted.as_deref()).await,
            Action::LookAtUser(user, id) => self.look_at_user(monite, user, *id).await,
            Action::CreateUser(user, document) => self.create_user(monite, user, document).await,
            Action::PatchUser { user, becomes, .. } => self.patch_user(monite, user, becomes).await,
        }
    }

    async fn settle_entity(&mut self, monite: &Monite) -> Result<(), Halt> {
        let Seen::Unknown(attempt) = &self.observed.entity else { return Ok(()) };
        let found = look_for_entity(monite, self.store.as_ref(), &self.lease.customer, attempt, self.clock.now()).await;
        let seen = self.found(found, "entity")?;
        self.see_entity(seen);
        // What was found goes by its id from here on, and that must outlive this process: the next call may change the very fields
        // that it was known by.
        self.write_down().await
    }

    async fn create_entity(&mut self, monite: &Monite, document: &monite::NewEntity) -> Result<(), Halt> {
        let now = self.clock.now();
        let attempt = Attempt { at: now, lands_by: now + LANDS_WITHIN_UNSEEN, sent: document.clone() };
        self.see_entity(Seen::Unknown(attempt.clone()));
        self.write_down().await?;
        match monite.entities().create(document).await {
            Ok(entity) => {
                // A change that went unanswered was not of this one.
                self.observed.entity_doubt = None;
                let active = entity.status != EntityStatus::Inactive;
                self.see_entity(Seen::Present(EntityLink { id: entity.id, confirmed: document.clone(), active }));
                Ok(())
            }
            Err(error) => {
                let seen = if may_have_landed(&error) {
                    Seen::Unknown(Attempt { lands_by: lands_by(&error, self.clock.now()), ..attempt })
                } else {
                    Seen::Absent
                };
                self.see_entity(seen);
                Err(self.failed(&error))
            }
        }
    }

    async fn switch_entity(&mut self, monite: &Monite, id: EntityId, on: bool) -> Result<(), Halt> {
        let entity = monite.entity(id);
        let answer = if on { entity.activate().await } else { entity.deactivate().await };
        self.answered(answer)?;
        if let Seen::Present(link) = &self.observed.entity {
            self.see_entity(Seen::Present(EntityLink { active: on, ..link.clone() }));
        }
        Ok(())
    }

    async fn list_roles(&mut self, monite: &Monite) -> Result<(), Halt> {
        let entity = self.entity()?;
        let roles: Result<Vec<Role>, _> =
            monite.entity(entity).roles().stream(RoleFilter::default()).try_collect().await;
        let roles = self.answered(roles)?;
        // Only what is not known is settled by it: of a role we know, a list that lags tells less than Monite's own answer did.
        let unknown = self.observed.roles.iter().filter(|(_, seen)| matches!(seen, Seen::Unknown(_)));
        for name in unknown.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.see_role(&name, Seen::Absent);
        }
        for role in roles {
            // A name that no template can have belongs to somebody else (Monite's default role, say): not ours to touch.
            let Ok(name) = RoleName::parse(&role.name) else { continue };
            if self.observed.roles.get(&name).and_then(Seen::present).is_some_and(|known| known.id == role.id) {
                continue;
            }
            self.see_role(&name, Seen::Present(RoleLink { id: role.id, confirmed: role.permissions }));
        }
        self.observed.roles_listed = true;
        self.notes.push(Change::RolesListed);
        Ok(())
    }

    async fn create_role(&mut self, monite: &Monite, name: &RoleName, permissions: &Permissions) -> Result<(), Halt> {
        let entity = self.entity()?;
        let now = self.clock.now();
        self.see_role(name, Seen::Unknown(Attempt { at: now, lands_by: now + LANDS_WITHIN_UNSEEN, sent: () }));
        self.write_down().await?;
        let new = NewRole { name: name.as_str().to_owned(), permissions: permissions.clone() };
        match monite.entity(entity).roles().create(&new).await {
            Ok(role) => {
                self.see_role(name, Seen::Present(RoleLink { id: role.id, confirmed: permissions.clone() }));
                Ok(())
            }
            // A role of that name is there already: it stays unknown, and the next plan looks.
            Err(error) if error.is_conflict() => self.role_shows(monite, entity, name, &error).await,
            Err(error) => {
                if !may_have_landed(&error) {
                    self.see_role(name, Seen::Absent);
                }
                Err(self.failed(&error))
            }
        }
    }

    async fn update_role(
        &mut self, monite: &Monite, name: &RoleName, id: RoleId, permissions: &Permissions,
    ) -> Result<(), Halt> {
        let entity = self.entity()?;
        let patch = RolePatch { permissions: Field::Set(permissions.clone()), ..RolePatch::default() };
        match monite.entity(entity).roles().update(id, &patch).await {
            Ok(_) => {
                self.see_role(name, Seen::Present(RoleLink { id, confirmed: permissions.clone() }));
                Ok(())
            }
            Err(error) if error.is_not_found() => {
                // Somebody deleted it: look, and create it again.
                let listed: Result<Vec<Role>, _> =
                    monite.entity(entity).roles().stream(with_id(id)).try_collect().await;
                if self.answered(listed)?.iter().any(|role| role.id == id) {
                    return Err(self.failed(&error));
                }
                self.forget_role(name);
                Ok(())
            }
            Err(error) => {
                if may_have_landed(&error) {
                    // What it grants is not known any more, and the template may be another one by the next visit.
                    self.forget_role(name);
                }
                Err(self.failed(&error))
            }
        }
    }

    async fn find_user(&mut self, monite: &Monite, user: &UserId, wanted: Option<&str>) -> Result<(), Halt> {
        let entity = self.entity()?;
        let Some(Seen::Unknown(attempt)) = self.observed.users.get(user) else { return Ok(()) };
        let still_wanted = wanted == Some(attempt.sent.login.as_str());
        let found = look_for_user(monite, entity, attempt, still_wanted, self.clock.now()).await;
        let seen: Seen<UserLink, _> = self.found(found, "entity user")?;
        if let Seen::Present(link) = &seen
            && let Some(held) = self.held_by_another(user, &[link.id], &link.confirmed.login).await?
        {
            self.see_user(user, Seen::Absent);
            return Err(held);
        }
        self.see_user(user, seen);
        // As with an entity: the next call may change its login.
        self.write_down().await
    }

    async fn create_user(&mut self, monite: &Monite, user: &UserId, document: &UserDocument) -> Result<(), Halt> {
        let entity = self.entity()?;
        let sent = document.to_entity_user(Some(self.role(&document.role)?));
        let now = self.clock.now();
        let attempt = Attempt { at: now, lands_by: now + LANDS_WITHIN_UNSEEN, sent: sent.clone() };
        self.see_user(user, Seen::Unknown(attempt.clone()));
        self.write_down().await?;
        match monite.entity(entity).users().create(&sent).await {
            Ok(created) => {
                self.observed.user_doubts.remove(user);
                self.see_user(user, Seen::Present(UserLink { id: created.id, confirmed: sent }));
                Ok(())
            }
            Err(error) if error.is_conflict() => {
                // Somebody has that login already: it stays unknown, and the next plan looks who.
                self.see_user(user, Seen::Unknown(Attempt { lands_by: self.clock.now(), ..attempt }));
                self.login_shows(monite, entity, &sent.login, &error).await
            }
            Err(error) => {
                if may_have_landed(&error) {
                    let attempt = Attempt { lands_by: lands_by(&error, self.clock.now()), ..attempt };
                    self.see_user(user, Seen::Unknown(attempt));
                } else {
                    self.see_user(user, Seen::Absent);
                }
                Err(self.role_may_be_gone(&error, &document.role))
            }
        }
    }

    async fn patch_user(&mut self, monite: &Monite, user: &UserId, document: &UserDocument) -> Result<(), Halt> {
        let entity = self.entity()?;
        let becomes = document.to_entity_user(Some(self.role(&document.role)?));
        let Some(Seen::Present(link)) = self.observed.users.get(user) else { return Ok(()) };
        let (id, confirmed) = (link.id, link.confirmed.clone());
        let patch = user_patch(&user_changes(&confirmed, &becomes));
        match monite.entity(entity).users().update(id, &patch).await {
            Ok(_) => {
                self.see_user(user, Seen::Present(UserLink { id, confirmed: becomes }));
                Ok(())
            }
            Err(error) if error.is_conflict() => Err(self.login_is_held(monite, user, &becomes.login, &error).await?),
            Err(error) => {
                let halt = self.role_may_be_gone(&error, &document.role);
                if error.is_not_found() && !names_a_role(&error) {
                    // Somebody deleted the entity user at Monite: look for its login, then create it again.
                    self.make_sure_gone(monite, entity, id, &error).await?;
                    let now = self.clock.now();
                    self.see_user(user, Seen::Unknown(Attempt { at: now, lands_by: now, sent: confirmed }));
                    return Ok(());
                }
                Err(halt)
            }
        }
    }

    async fn delete_user(&mut self, monite: &Monite, user: &UserId, id: EntityUserId) -> Result<(), Halt> {
        let entity = self.entity()?;
        match monite.entity(entity).users().delete(id).await {
            Ok(_) => {}
            Err(error) if error.is_not_found() => self.make_sure_gone(monite, entity, id, &error).await?,
            Err(error) => return Err(self.failed(&error)),
        }
        self.see_user(user, Seen::Absent);
        Ok(())
    }

    /// A 404 alone proves nothing: a proxy or a wrong address answers it, too. Gone is what an answered listing does not show.
    pub(super) async fn make_sure_gone(
        &self, monite: &Monite, entity: EntityId, id: EntityUserId, error: &monite::Error,
    ) -> Result<(), Halt> {
        let filter = EntityUserFilter { id_in: vec![id], ..EntityUserFilter::default() };
        let listed: Result<Vec<EntityUser>, _> = monite.entity(entity).users().stream(filter).try_collect().await;
        if self.answered(listed)?.iter().any(|listed| listed.id == id) {
            return Err(self.failed(error));
        }
        Ok(())
    }

    /// A role's name that is taken must show in a list, as a login must.
    async fn role_shows(
        &self, monite: &Monite, entity: EntityId, name: &RoleName, error: &monite::Error,
    ) -> Result<(), Halt> {
        let listed: Result<Vec<Role>, _> =
            monite.entity(entity).roles().stream(RoleFilter::named(name.as_str())).try_collect().await;
        if self.answered(listed)?.iter().any(|role| role.name == name.as_str()) {
            Ok(())
        } else {
            Err(self.does_not_show(error))
        }
    }

    pub(super) fn does_not_show(&self, taken: &monite::Error) -> Halt {
        self.failed_as(taken, |failure| {
            failure.verdict = Verdict::Retry { not_before: Some(LISTING_LAG), not_after: None };
            failure.error.message.push_str("; no list shows who has it yet, so it is looked for again");
        })
    }

    /// Commits everything noted down so far.
    pub async fn write_down(&mut self) -> Result<(), Halt> {
        if self.notes.is_empty() {
            return Ok(());
        }
        match self.store.record(&self.lease, std::mem::take(&mut self.notes)).await? {
            Fenced::Recorded => Ok(()),
            Fenced::LeaseLost => Err(Halt::LeaseLost),
        }
    }

    pub(super) fn answered<T>(&self, answer: Result<T, monite::Error>) -> Result<T, Halt> {
        answer.map_err(|error| self.failed(&error))
    }

    pub(super) fn failed(&self, error: &monite::Error) -> Halt {
        self.failed_as(error, |_| {})
    }

    /// The same, judged otherwise where `otherwise` says so.
    fn failed_as(&self, error: &monite::Error, otherwise: impl FnOnce(&mut Failure)) -> Halt {
        if error.is_held() {
            return Halt::Held;
        }
        if error.is_too_late() {
            return Halt::LeaseEnded;
        }
        let mut failure = judge(error, self.clock.now());
        otherwise(&mut failure);
        Halt::Failed(Box::new(failure))
    }

    /// A user refused because its role does not exist: the role is looked for again, and the user tried again.
    fn role_may_be_gone(&mut self, error: &monite::Error, role: &RoleName) -> Halt {
        let role_is_gone = error.is_not_found() && names_a_role(error);
        if role_is_gone {
            self.forget_role(role);
        }
        self.failed_as(error, |failure| {
            if role_is_gone {
                failure.verdict = Verdict::RETRY;
            }
        })
    }

    fn forget_role(&mut self, role: &RoleName) {
        let now = self.clock.now();
        self.see_role(role, Seen::Unknown(Attempt { at: now, lands_by: now, sent: () }));
    }

    fn found<T, A>(&self, found: Result<Found<T>, LookError>, kind: &str) -> Result<Seen<T, A>, Halt> {
        match found {
            Ok(Found::It(it)) => Ok(Seen::Present(it)),
            Ok(Found::Nothing) => Ok(Seen::Absent),
            Ok(Found::NotYet(until)) => {
                let wait = Duration::try_from(until.duration_since(self.clock.now())).unwrap_or_default();
                let message = format!(
                    "a create of this {kind} went unanswered and is not to be seen at Monite; it may still land, or show in Monite's lists, until {until}, so it is looked for once more then"
                );
                Err(self.unsettled(Verdict::Retry { not_before: Some(wait), not_after: Some(wait) }, message))
            }
            Ok(Found::TooMany(ids)) => {
                let message = format!(
                    "a create of this {kind} went unanswered, and Monite holds more that look like it than were sent: {}. Nothing is linked by guessing: switch off the ones too many at Monite, then retry",
                    ids.join(", ")
                );
                Err(self.unsettled(Verdict::Reject, message))
            }
            Err(LookError::Monite(error)) => Err(self.failed(&error)),
            Err(LookError::Store(error)) => Err(Halt::Store(error)),
        }
    }

    pub(super) fn unsettled(&self, verdict: Verdict, message: String) -> Halt {
        let error = LastError { status: None, message, request_id: None, at: self.clock.now() };
        Halt::Failed(Box::new(Failure { verdict, error, unanswered_until: None }))
    }

    pub(super) fn entity(&self) -> Result<EntityId, Halt> {
        let link = self.observed.entity.present().map(|link| link.id);
        link.ok_or_else(|| self.unsettled(Verdict::RETRY, "the customer's entity is not there yet".to_owned()))
    }

    fn role(&self, name: &RoleName) -> Result<RoleId, Halt> {
        let link = self.observed.roles.get(name).and_then(Seen::present).map(|link| link.id);
        link.ok_or_else(|| self.unsettled(Verdict::RETRY, format!("the role {name} is not in the entity: it could not be created, or its template is not configured any more")))
    }

    pub(super) fn see_entity(&mut self, seen: Seen<EntityLink, monite::NewEntity>) {
        self.observed.entity = seen.clone();
        self.notes.push(Change::Entity(seen));
    }

    fn see_role(&mut self, name: &RoleName, seen: Seen<RoleLink>) {
        self.observed.roles.insert(name.clone(), seen.clone());
        self.notes.push(Change::Role(name.clone(), seen));
    }

    pub(super) fn see_user(&mut self, user: &UserId, seen: Seen<UserLink, monite::NewEntityUser>) {
        self.observed.users.insert(user.clone(), seen.clone());
        self.notes.push(Change::User(user.clone(), seen));
    }
}

fn with_id(id: RoleId) -> RoleFilter {
    RoleFilter { id_in: vec![id], ..RoleFilter::default() }
}

/// Whether a not-found is about the role that was sent, and not about the thing it was sent to.
fn names_a_role(error: &monite::Error) -> bool {
    matches!(error, monite::Error::Api { message, .. } if message.to_ascii_lowercase().contains("role"))
}

/// A call as it is kept for `why`.
pub(super) fn call_of(record: CallRecord) -> Call {
    Call {
        at: record.at,
        method: record.method,
        path: record.path,
        status: record.status,
        request_id: record.request_id,
    }
}
