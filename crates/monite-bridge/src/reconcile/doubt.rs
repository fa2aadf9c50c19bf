//! Looking again at what is there, after a change of it that nobody saw answered.
//!
//! The product wants something else by now. Were the lost change taken as not done, what is desired now might equal what was last
//! confirmed, nothing would be called, and the lost change would stay at Monite.

use std::time::Duration;

use monite::{EntityId, EntityStatus, EntityUserId, Monite};

use super::compare;
use super::execute::{Halt, Hands};
use super::outcome::{Verdict, shows_by};
use super::plan::Doubt;
use crate::domain::{Attempt, EntityLink, Seen, UserId, UserLink};
use crate::store::Change;

impl Hands {
    /// What the entity is like, once the lost change can no longer land and must show.
    pub(super) async fn look_at_entity(&mut self, monite: &Monite, id: EntityId) -> Result<(), Halt> {
        let (Some(doubt), Some(link)) = (self.observed.entity_doubt, self.observed.entity.present().cloned()) else {
            return Ok(());
        };
        self.must_show(doubt)?;
        let answer = monite.entity(id).get().await;
        let entity = self.answered(answer)?;
        let seen = super::observe::link_of(&entity);
        let confirmed = compare::entity(&link.confirmed, &seen.confirmed).now;
        let active = entity.status == EntityStatus::Active;
        self.see_entity(Seen::Present(EntityLink { id, confirmed, active }));
        self.observed.entity_doubt = None;
        self.notes.push(Change::Looked(None, doubt.generation));
        Ok(())
    }

    /// The same for an entity user. One that is gone is looked for by its login, and created again if nobody has that.
    pub(super) async fn look_at_user(&mut self, monite: &Monite, user: &UserId, id: EntityUserId) -> Result<(), Halt> {
        let entity = self.entity()?;
        let link = self.observed.users.get(user).and_then(Seen::present).cloned();
        let (Some(doubt), Some(link)) = (self.observed.user_doubts.get(user).copied(), link) else { return Ok(()) };
        self.must_show(doubt)?;
        match monite.entity(entity).users().get(id).await {
            Ok(there) => {
                let mut confirmed = compare::user(&link.confirmed, &there).now;
                // The lost change may have carried a title, which Monite never shows: one that nobody has, so that it is sent.
                confirmed.title = Some(String::new());
                self.see_user(user, Seen::Present(UserLink { id, confirmed }));
            }
            Err(error) if error.is_not_found() => {
                self.make_sure_gone(monite, entity, id, &error).await?;
                let now = self.clock.now();
                self.see_user(user, Seen::Unknown(Attempt { at: now, lands_by: now, sent: link.confirmed }));
            }
            Err(error) => return Err(self.failed(&error)),
        }
        self.observed.user_doubts.remove(user);
        self.notes.push(Change::Looked(Some(user.clone()), doubt.generation));
        Ok(())
    }

    fn must_show(&self, doubt: Doubt) -> Result<(), Halt> {
        let (now, until) = (self.clock.now(), shows_by(doubt.until));
        if now >= until {
            return Ok(());
        }
        let wait = Duration::try_from(until.duration_since(now)).unwrap_or_default();
        let message = format!(
            "an earlier change went unanswered and may still land, or not show yet, until {until}; Monite is looked at then, before it is changed again"
        );
        Err(self.unsettled(Verdict::Retry { not_before: Some(wait), not_after: Some(wait) }, message))
    }
}
