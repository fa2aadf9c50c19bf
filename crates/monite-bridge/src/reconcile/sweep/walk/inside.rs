//! What is inside one entity: its document, its roles and its users, against what is known of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use monite::{Entity, EntityId, EntityUser, EntityUserFilter, EntityUserId, RoleFilter, RoleId};

use super::super::judge::{self, RoleSight, UserSight, is_at_rest};
use super::super::record::Pulse;
use super::super::tally::Tally;
use super::{Halt, PAGE, Walk, is_gone, tells};
use crate::domain::{CustomerId, Seen};
use crate::store::{User, Visit, Wish};

/// Entity users that a list showed, and when it was asked for.
struct Shown {
    asked_at: Timestamp,
    ids: BTreeSet<EntityUserId>,
}

impl<P: Pulse> Walk<'_, P> {
    pub(super) async fn compare(
        &mut self, customer: &CustomerId, entity: &Entity, asked_at: Timestamp, tally: &mut Tally,
    ) -> Result<(), Halt> {
        tally.entities += 1;
        let Some(read) = self.workshop.store.peek(customer, 0).await? else { return Ok(()) };
        if read.customer.entity.present().is_none_or(|link| link.id != entity.id) {
            return Ok(());
        }
        let is_wanted = read.customer.wish == Wish::Present;
        self.compare_itself(&read, entity, asked_at, tally).await?;
        // Nobody can use an entity that is switched off, and its users are set right when it comes back.
        if is_wanted { self.users(customer, entity.id, tally).await } else { Ok(()) }
    }

    /// The entity with its roles. Whether it could be judged: not while somebody is at work on it.
    pub(super) async fn compare_itself(
        &mut self, read: &Visit, entity: &Entity, asked_at: Timestamp, tally: &mut Tally,
    ) -> Result<bool, Halt> {
        if !is_at_rest(&read.customer.sync) || !tells(asked_at, &read.customer.sync, &read.customer.calls) {
            return Ok(false);
        }
        let is_wanted = read.customer.wish == Wish::Present;
        let roles = if is_wanted { self.roles(read, entity.id, tally).await? } else { BTreeMap::new() };
        let sighting = judge::customer(self.bench(), read, entity, &roles);
        self.note(sighting, tally).await?;
        Ok(true)
    }

    /// Our roles in the entity; those that the complete list lacks are asked for one by one. Of others nothing is kept.
    async fn roles(
        &mut self, read: &Visit, entity: EntityId, tally: &mut Tally,
    ) -> Result<BTreeMap<RoleId, RoleSight>, Halt> {
        let ours: BTreeSet<RoleId> = read.roles.values().filter_map(|seen| Some(seen.present()?.id)).collect();
        let monite = self.monite.clone();
        let handle = monite.entity(entity);
        let mut seen = BTreeMap::new();
        self.turn().await?;
        let filter = RoleFilter { limit: Some(PAGE), ..RoleFilter::default() };
        let mut page = handle.roles().list(&filter).await?;
        loop {
            tally.roles += page.data.len() as u64;
            let known = page.data.into_iter().filter(|role| ours.contains(&role.id));
            seen.extend(known.map(|role| (role.id, RoleSight::There(role.permissions))));
            let Some(next) = page.next else { break };
            self.turn().await?;
            page = handle.roles().list_next(&next).await?;
        }
        for id in ours {
            if seen.contains_key(&id) {
                continue;
            }
            self.turn().await?;
            if is_gone(handle.roles().get(id).await)? {
                seen.insert(id, RoleSight::Gone);
            }
        }
        Ok(seen)
    }

    /// The users of the entity, page by page; then those of ours that no page showed.
    pub(super) async fn users(
        &mut self, customer: &CustomerId, entity: EntityId, tally: &mut Tally,
    ) -> Result<(), Halt> {
        let monite = self.monite.clone();
        let handle = monite.entity(entity);
        let mut asked_at = self.turn().await?;
        let filter = EntityUserFilter { limit: Some(PAGE), ..EntityUserFilter::default() };
        let mut page = handle.users().list(&filter).await?;
        // Most entities have few users, and one page tells all. Of more pages nothing is kept: ours are asked for by id.
        let all = page.next.is_none().then(|| Shown { asked_at, ids: page.data.iter().map(|user| user.id).collect() });
        loop {
            tally.users += page.data.len() as u64;
            self.compare_users(customer, &page.data, asked_at, tally).await?;
            let Some(next) = page.next else { break };
            asked_at = self.turn().await?;
            page = handle.users().list_next(&next).await?;
        }
        self.unlisted_users(customer, entity, all.as_ref(), tally).await
    }

    pub(super) async fn compare_users(
        &mut self, customer: &CustomerId, listed: &[EntityUser], asked_at: Timestamp, tally: &mut Tally,
    ) -> Result<(), Halt> {
        // Read anew: the roles may be others since the customer itself was judged.
        let Some(read) = self.workshop.store.peek(customer, 0).await? else { return Ok(()) };
        let ids: Vec<EntityUserId> = listed.iter().map(|user| user.id).collect();
        let mut linked: BTreeMap<EntityUserId, User> = BTreeMap::new();
        for user in self.workshop.store.linked_users(customer, &ids).await? {
            if let Seen::Present(link) = &user.entity_user {
                linked.insert(link.id, user);
            }
        }
        for seen in listed {
            let Some(user) = linked.get(&seen.id).filter(|user| is_comparable(user, asked_at)) else { continue };
            let sight = UserSight::There(Box::new(seen.clone()));
            let sighting = judge::user(self.bench(), &read, user, &sight);
            self.note(sighting, tally).await?;
        }
        Ok(())
    }

    /// Ours that the list did not show are asked for one by one. `all`: the users of the entity, if a page held them.
    async fn unlisted_users(
        &mut self, customer: &CustomerId, entity: EntityId, all: Option<&Shown>, tally: &mut Tally,
    ) -> Result<(), Halt> {
        let mut after = None;
        loop {
            let ours = self.workshop.store.users(customer, after.as_ref(), PAGE).await?;
            let Some(last) = ours.last() else { return Ok(()) };
            after = Some(last.id.clone());
            let linked: Vec<EntityUserId> =
                ours.iter().filter_map(|user| Some(user.entity_user.present()?.id)).collect();
            let by_id = match all {
                None if !linked.is_empty() => Some(self.shown(entity, linked).await?),
                _ => None,
            };
            let Some(shown) = all.or(by_id.as_ref()) else { continue };
            for user in ours.iter().filter(|user| is_comparable(user, shown.asked_at)) {
                let Seen::Present(link) = &user.entity_user else { continue };
                if !shown.ids.contains(&link.id) {
                    self.look_for(customer, entity, user, link.id, tally).await?;
                }
            }
        }
    }

    /// Which of these, a page of them, are in the list.
    async fn shown(&mut self, entity: EntityId, ids: Vec<EntityUserId>) -> Result<Shown, Halt> {
        let (asked_at, users) = self.named_users(entity, ids).await?;
        Ok(Shown { asked_at, ids: users.into_iter().map(|user| user.id).collect() })
    }

    /// Those of these, at most a page of them, that are in the list, and when it was asked for.
    pub(super) async fn named_users(
        &mut self, entity: EntityId, ids: Vec<EntityUserId>,
    ) -> Result<(Timestamp, Vec<EntityUser>), Halt> {
        let monite = self.monite.clone();
        let handle = monite.entity(entity);
        let filter = EntityUserFilter { id_in: ids, limit: Some(PAGE), ..EntityUserFilter::default() };
        let asked_at = self.turn().await?;
        let mut page = handle.users().list(&filter).await?;
        let mut named = Vec::new();
        loop {
            named.extend(page.data.into_iter().filter(|user| filter.id_in.contains(&user.id)));
            let Some(next) = page.next else { return Ok((asked_at, named)) };
            self.turn().await?;
            page = handle.users().list_next(&next).await?;
        }
    }

    pub(super) async fn look_for(
        &mut self, customer: &CustomerId, entity: EntityId, user: &User, id: EntityUserId, tally: &mut Tally,
    ) -> Result<(), Halt> {
        self.turn().await?;
        if !is_gone(self.monite.entity(entity).users().get(id).await)? {
            return Ok(());
        }
        let Some(read) = self.workshop.store.peek(customer, 0).await? else { return Ok(()) };
        let sighting = judge::user(self.bench(), &read, user, &UserSight::Gone);
        self.note(sighting, tally).await
    }
}

pub(super) fn is_comparable(user: &User, asked_at: Timestamp) -> bool {
    user.wish == Wish::Present && is_at_rest(&user.sync) && tells(asked_at, &user.sync, &user.calls)
}
