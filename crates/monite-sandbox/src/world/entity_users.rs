//! What can be done with the people inside an entity.

use uuid::Uuid;

use super::access::Scope;
use super::entity::Nulls;
use super::entity_user::{EntityUser, EntityUserDraft, EntityUserPatch, EntityUserView};
use super::hooks::{Happening, WebhookObject};
use super::page::{Page, page, sorted_window, window};
use super::role::{Action, ObjectType};
use super::rows::Changed;
use super::stamp::Stamp;
use super::{World, next_number};
use crate::quirks::Point;
use crate::refusal::Refusal;
use crate::rules::query::{EntityUserFilter, Listing, Sort};
use crate::rules::version::Version;

impl World {
    pub(crate) fn create_entity_user(
        &mut self, scope: &Scope, draft: EntityUserDraft, now: Stamp,
    ) -> Result<u32, Refusal> {
        let entity = scope.entity;
        self.check_login(entity, &draft.login, None)?;
        let role_id = match draft.role_id {
            Some(id) => id,
            None => self.default_role(entity)?,
        };
        self.role_in(entity, role_id).ok_or(Refusal::InvalidRole(role_id))?;
        let (created_at, updated_at) = self.birth(now);
        let id = self.fresh_id();
        let entity_id = self.household_id(entity);
        let number = self.insert_entity_user(EntityUser {
            id,
            entity_id,
            created_at,
            updated_at,
            deleted: false,
            created_by: scope.actor,
            login: draft.login,
            role_id,
            first_name: draft.first_name,
            last_name: draft.last_name,
            email: draft.email,
            phone: draft.phone,
            title: draft.title,
        });
        self.happened(WebhookObject::EntityUser, Happening::Created, entity_id, id, now);
        Ok(number)
    }

    /// A user as this version renders it.
    pub(crate) fn user_view(&self, number: u32, version: Version) -> EntityUserView<'_> {
        let role = version.renders_role_objects().then(|| self.role_of(number)).flatten();
        match role {
            Some(role) => self.user_at(number).old_view(self.role_at(role).view()),
            None => self.user_at(number).view(),
        }
    }

    fn default_role(&self, entity: u32) -> Result<Uuid, Refusal> {
        let default = self.household(entity).default_role.ok_or(Refusal::NoDefaultRole)?;
        Ok(self.role_at(default).id)
    }

    pub(super) fn insert_entity_user(&mut self, user: EntityUser) -> u32 {
        let number = next_number(&self.users);
        self.note(Changed::EntityUser(number));
        self.user_numbers.insert(user.id, number);
        if let Some(&entity) = self.entity_numbers.get(&user.entity_id) {
            let household = self.household_mut(entity);
            household.users.push(number);
            if !user.deleted {
                household.logins.insert(user.login.clone(), number);
            }
        }
        if !user.deleted {
            self.hold(user.role_id, 1);
        }
        self.users.push(user);
        number
    }

    /// Counts one holder of a role more or less.
    fn hold(&mut self, role: Uuid, change: i32) {
        if let Some(&number) = self.role_numbers.get(&role) {
            let role = &mut self.roles[number as usize];
            role.holders = role.holders.saturating_add_signed(change);
        }
    }

    /// A user of this entity who is not deleted.
    pub(crate) fn entity_user(&self, scope: &Scope, action: Action, id: Uuid) -> Result<u32, Refusal> {
        let missing = Refusal::NoEntityUser(id);
        let number = *self.user_numbers.get(&id).ok_or(missing.clone())?;
        let user = self.user_at(number);
        if user.entity_id != self.household_id(scope.entity) || user.deleted {
            return Err(missing);
        }
        if scope.reach.covers(user.created_by) {
            Ok(number)
        } else {
            Err(Refusal::NotAllowed(action, ObjectType::EntityUser))
        }
    }

    /// A user who is not deleted, whatever the entity: for tokens, where the id alone says who.
    pub(crate) fn living_user(&self, id: Uuid) -> Option<u32> {
        self.user_numbers.get(&id).copied().filter(|number| !self.user_at(*number).deleted)
    }

    /// As [`Self::living_user`], deleted ones too.
    pub(super) fn any_user(&self, id: Uuid) -> Option<u32> {
        self.user_numbers.get(&id).copied()
    }

    pub(crate) fn patch_entity_user(&mut self, number: u32, patch: EntityUserPatch, now: Stamp) -> Result<(), Refusal> {
        let old = self.user_at(number);
        let mut new = old.patched(patch, Nulls::of(&self.quirks))?;
        if new == *old {
            return Ok(());
        }
        let (old_login, old_role) = (old.login.clone(), old.role_id);
        let entity = self.entity_number(new.entity_id)?;
        // A deleted user may still have a token that works (a quirk), but no login that anybody has to respect.
        if !new.deleted {
            self.check_login(entity, &new.login, Some(number))?;
        }
        if new.role_id != old_role {
            self.role_in(entity, new.role_id).ok_or(Refusal::InvalidRole(new.role_id))?;
            self.hold(old_role, -1);
            self.hold(new.role_id, 1);
        }
        self.note(Changed::EntityUser(number));
        if !new.deleted {
            let logins = &mut self.household_mut(entity).logins;
            logins.remove(&old_login);
            logins.insert(new.login.clone(), number);
        }
        new.updated_at = self.touch(now);
        let (id, entity) = (new.id, new.entity_id);
        self.users[number as usize] = new;
        self.happened(WebhookObject::EntityUser, Happening::Updated, entity, id, now);
        Ok(())
    }

    pub(crate) fn delete_entity_user(&mut self, number: u32, now: Stamp) {
        self.note(Changed::EntityUser(number));
        let updated_at = self.touch(now);
        let user = &mut self.users[number as usize];
        user.deleted = true;
        user.updated_at = updated_at;
        let (login, role, entity_id, id) = (user.login.clone(), user.role_id, user.entity_id, user.id);
        self.hold(role, -1);
        if let Some(&entity) = self.entity_numbers.get(&entity_id) {
            self.household_mut(entity).logins.remove(&login);
        }
        self.happened(WebhookObject::EntityUser, Happening::Deleted, entity_id, id, now);
    }

    pub(crate) fn list_entity_users(&self, scope: &Scope, listing: &Listing<EntityUserFilter>) -> Page {
        let household = self.household(scope.entity);
        let (filter, paging) = (&listing.filter, &listing.paging);
        let names = self.quirks.value(Point::NameStartsWith);
        let keep = |number: u32| {
            let user = self.user_at(number);
            !user.deleted && scope.reach.covers(user.created_by) && keeps(filter, user, names)
        };
        let key = |number: &u32| {
            let user = self.user_at(*number);
            let at = if paging.sort == Sort::CreatedAt { user.created_at } else { user.updated_at };
            (at.micros(), *number)
        };
        if let Some(login) = &filter.login
            && !self.is_rewound()
        {
            let named = household.logins.get(login).map(key);
            return page(paging, sorted_window(named.into_iter().collect(), paging), keep);
        }
        match paging.sort {
            Sort::CreatedAt => page(paging, window(&household.users, key, paging), keep),
            Sort::UpdatedAt => page(paging, sorted_window(household.users.iter().map(key).collect(), paging), keep),
        }
    }

    fn check_login(&self, entity: u32, login: &str, own: Option<u32>) -> Result<(), Refusal> {
        match self.household(entity).logins.get(login) {
            Some(number) if Some(*number) != own => Err(Refusal::DuplicateLogin(login.to_owned())),
            _ => Ok(()),
        }
    }
}

fn keeps(filter: &EntityUserFilter, user: &EntityUser, names: &str) -> bool {
    let starts = |name: &str, prefix: &str| name.to_lowercase().starts_with(prefix);
    (filter.id_in.is_empty() || filter.id_in.contains(&user.id))
        && !filter.id_not_in.contains(&user.id)
        && filter.role_id.is_none_or(|role| user.role_id == role)
        && (filter.role_id_in.is_empty() || filter.role_id_in.contains(&user.role_id))
        && filter.login.as_ref().is_none_or(|login| user.login == *login)
        && filter.status.as_ref().is_none_or(|status| status == "active")
        && filter.first_name.as_ref().is_none_or(|name| user.first_name == *name)
        && filter.name_istartswith.as_ref().is_none_or(|prefix| {
            let first = starts(&user.first_name, prefix);
            let last = user.last_name.as_ref().is_some_and(|name| starts(name, prefix));
            match names {
                "first" => first,
                "last" => last,
                _ => first || last,
            }
        })
        && filter.created.holds(user.created_at)
}
