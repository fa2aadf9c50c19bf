//! Who has a login that somebody is to get. Logins are unique within an entity, and Monite refuses one that is taken.
//!
//! Another user of the customer who is to give it up is waited for. Where each of several waits for the next, around in a circle, one of them
//! is given a login that nobody wants, and the others can move.

use futures::TryStreamExt;
use monite::{EntityId, EntityUser, EntityUserFilter, EntityUserId, EntityUserPatch, Field, Monite, NewEntityUser};

use super::execute::{Halt, Hands};
use super::outcome::Verdict;
use crate::domain::{Seen, SyncState, UserId, UserLink};
use crate::store::{StoreError, User, Wish};

/// The most users of one circle: each costs a call. A longer one waits until it is shorter.
const CIRCLE: usize = 8;

impl Hands {
    /// A login that is taken must show in a list, or looking again at once would go round in circles: it does not yet when the
    /// list lags behind the create that took it.
    pub(super) async fn login_shows(
        &self, monite: &Monite, entity: EntityId, login: &str, error: &monite::Error,
    ) -> Result<(), Halt> {
        match self.holders(monite, entity, login).await?.is_empty() {
            false => Ok(()),
            true => Err(self.does_not_show(error)),
        }
    }

    /// A changed login is taken. By another user of the customer, who is to give it up: that is waited for, or brought about where it would be
    /// waited for in vain. By anybody else: the document is refused.
    pub(super) async fn login_is_held(
        &mut self, monite: &Monite, user: &UserId, login: &str, error: &monite::Error,
    ) -> Result<Halt, Halt> {
        let entity = self.entity()?;
        let holders = self.holders(monite, entity, login).await?;
        if holders.is_empty() {
            return Ok(self.does_not_show(error));
        }
        match self.held_by_another(user, &holders, login).await? {
            None => Ok(self.failed(error)),
            Some(_) if self.is_circle(monite, entity, user, &holders).await? => {
                self.step_aside(monite, entity, user, login).await
            }
            Some(held) => Ok(held),
        }
    }

    /// Why `user` cannot have this login yet, if one of these entity users is another user's of the customer.
    pub(super) async fn held_by_another(
        &self, user: &UserId, holders: &[EntityUserId], login: &str,
    ) -> Result<Option<Halt>, StoreError> {
        let owners = self.store.user_owners(&self.lease.customer, holders).await?;
        Ok(owners.values().find(|owner| *owner != user).map(|owner| {
            let message = format!("the login {login:?} is still held at Monite by the entity user of {owner}");
            self.unsettled(Verdict::RETRY, message)
        }))
    }

    async fn holders(&self, monite: &Monite, entity: EntityId, login: &str) -> Result<Vec<EntityUserId>, Halt> {
        let filter = EntityUserFilter::with_login(login);
        let listed: Result<Vec<EntityUser>, _> = monite.entity(entity).users().stream(filter).try_collect().await;
        let holders = self.answered(listed)?.into_iter().filter(|there| there.login == login);
        Ok(holders.map(|there| there.id).collect())
    }

    /// Whether what these hold is given up only once `user` has given up its own: each wants what the next one holds, and the last what `user` holds.
    async fn is_circle(
        &self, monite: &Monite, entity: EntityId, user: &UserId, holders: &[EntityUserId],
    ) -> Result<bool, Halt> {
        let mut holders = holders.to_vec();
        for _ in 1..CIRCLE {
            let ours = self.store.linked_users(&self.lease.customer, &holders).await?;
            let Some(next) = ours.iter().find(|one| moves(one)) else { return Ok(false) };
            holders = self.holders(monite, entity, &next.document.login).await?;
            let owners = self.store.user_owners(&self.lease.customer, &holders).await?;
            if owners.values().any(|owner| owner == user) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Gives `user` a login of its own that nobody wants. It is tried again later, when the others have moved.
    async fn step_aside(
        &mut self, monite: &Monite, entity: EntityId, user: &UserId, login: &str,
    ) -> Result<Halt, Halt> {
        let Some(Seen::Present(link)) = self.observed.users.get(user).cloned() else {
            return Err(self.unsettled(Verdict::RETRY, "the entity user is not there yet".to_owned()));
        };
        let aside = format!("{}.moves", link.id);
        let patch = EntityUserPatch { login: Field::Set(aside.clone()), ..EntityUserPatch::default() };
        let answer = monite.entity(entity).users().update(link.id, &patch).await;
        self.answered(answer)?;
        let confirmed = NewEntityUser { login: aside.clone(), ..link.confirmed };
        self.see_user(user, Seen::Present(UserLink { id: link.id, confirmed }));
        let message = format!(
            "the login {login:?} is held by a user who waits for this one's, so this one is called {aside:?} at Monite until that user has moved"
        );
        Ok(self.unsettled(Verdict::RETRY, message))
    }
}

/// Whether somebody is to get another login than the one that was last seen.
fn moves(user: &User) -> bool {
    let has = user.entity_user.present().map(|link| link.confirmed.login.as_str());
    user.wish == Wish::Present
        && user.sync.state != SyncState::Rejected
        && has.is_some_and(|has| has != user.document.login)
}
