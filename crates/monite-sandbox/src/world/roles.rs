//! What can be done with roles.

use uuid::Uuid;

use super::access::{Reach, Scope};
use super::entity::Nulls;
use super::hooks::{Happening, WebhookObject};
use super::page::{Page, page, sorted_window, window};
use super::role::{Action, ObjectType, Role, RoleDraft, RolePatch};
use super::rows::Changed;
use super::stamp::Stamp;
use super::{World, next_number};
use crate::quirks::Point;
use crate::refusal::Refusal;
use crate::rules::Patch;
use crate::rules::query::{Listing, RoleFilter, Sort};

impl World {
    pub(crate) fn create_role(
        &mut self, entity: u32, draft: RoleDraft, created_by: Option<Uuid>, now: Stamp,
    ) -> Result<&Role, Refusal> {
        self.check_role_name(entity, &draft.name, None)?;
        let (created_at, updated_at) = self.birth(now);
        let id = self.fresh_id();
        let entity_id = self.household_id(entity);
        let number = self.insert_role(Role {
            id,
            entity_id,
            created_at,
            updated_at,
            deleted: false,
            created_by,
            is_default: false,
            name: draft.name,
            permissions: draft.permissions,
            holders: 0,
        });
        self.happened(WebhookObject::Role, Happening::Created, entity_id, id, now);
        Ok(self.role_at(number))
    }

    pub(super) fn insert_role(&mut self, role: Role) -> u32 {
        let number = next_number(&self.roles);
        self.note(Changed::Role(number));
        self.role_numbers.insert(role.id, number);
        if let Some(&entity) = self.entity_numbers.get(&role.entity_id) {
            let household = self.household_mut(entity);
            household.roles.push(number);
            if !role.deleted {
                household.role_names.insert(role.name.clone(), number);
                if role.is_default {
                    household.default_role = Some(number);
                }
            }
        }
        self.roles.push(role);
        number
    }

    pub(super) fn make_default_role(&mut self, role: Uuid) {
        if let Some(&number) = self.role_numbers.get(&role) {
            self.note(Changed::Role(number));
            self.roles[number as usize].is_default = true;
            let entity = self.role_at(number).entity_id;
            if let Some(&entity) = self.entity_numbers.get(&entity) {
                self.household_mut(entity).default_role = Some(number);
            }
        }
    }

    /// A role of this entity that is not deleted.
    pub(crate) fn role(&self, scope: &Scope, action: Action, id: Uuid) -> Result<u32, Refusal> {
        let number = self.role_in(scope.entity, id).ok_or(Refusal::NoRole(id))?;
        if scope.reach.covers(self.role_at(number).created_by) {
            Ok(number)
        } else {
            Err(Refusal::NotAllowed(action, ObjectType::Role))
        }
    }

    pub(super) fn role_in(&self, entity: u32, id: Uuid) -> Option<u32> {
        let number = *self.role_numbers.get(&id)?;
        let role = self.role_at(number);
        (role.entity_id == self.household_id(entity) && !role.deleted).then_some(number)
    }

    pub(crate) fn patch_role(&mut self, number: u32, patch: RolePatch, now: Stamp) -> Result<&Role, Refusal> {
        let nulls = Nulls::of(&self.quirks);
        let merges = self.quirks.is(Point::RolePatch, "merge");
        let old = self.role_at(number);
        let mut new = old.clone();
        nulls.set(&mut new.name, patch.name, "name")?;
        let permissions = match patch.permissions {
            Patch::Set(permissions) if merges => Patch::Set(old.permissions.merged(permissions)),
            other => other,
        };
        nulls.set(&mut new.permissions, permissions, "permissions")?;
        if new == *old {
            return Ok(self.role_at(number));
        }
        let entity = self.entity_number(new.entity_id)?;
        self.check_role_name(entity, &new.name, Some(number))?;
        self.note(Changed::Role(number));
        let old_name = self.role_at(number).name.clone();
        let names = &mut self.household_mut(entity).role_names;
        names.remove(&old_name);
        names.insert(new.name.clone(), number);
        new.updated_at = self.touch(now);
        let (id, entity) = (new.id, new.entity_id);
        self.roles[number as usize] = new;
        self.happened(WebhookObject::Role, Happening::Updated, entity, id, now);
        Ok(self.role_at(number))
    }

    /// Refused while anybody has the role.
    pub(crate) fn delete_role(&mut self, number: u32, now: Stamp) -> Result<(), Refusal> {
        if self.role_at(number).holders > 0 {
            return Err(Refusal::RoleInUse);
        }
        self.note(Changed::Role(number));
        let updated_at = self.touch(now);
        let role = &mut self.roles[number as usize];
        role.deleted = true;
        role.updated_at = updated_at;
        let (name, entity_id, id) = (role.name.clone(), role.entity_id, role.id);
        if let Some(&entity) = self.entity_numbers.get(&entity_id) {
            let household = self.household_mut(entity);
            household.role_names.remove(&name);
            household.default_role = household.default_role.filter(|default| *default != number);
        }
        self.happened(WebhookObject::Role, Happening::Deleted, entity_id, id, now);
        Ok(())
    }

    pub(crate) fn list_roles(&self, scope: &Scope, listing: &Listing<RoleFilter>) -> Page {
        let household = self.household(scope.entity);
        let (filter, paging) = (&listing.filter, &listing.paging);
        let keep = |number: u32| {
            let role = self.role_at(number);
            !role.deleted
                && scope.reach.covers(role.created_by)
                && (filter.id_in.is_empty() || filter.id_in.contains(&role.id))
                && filter.name.as_ref().is_none_or(|name| role.name == *name)
                && filter.created.holds(role.created_at)
        };
        let key = |number: &u32| {
            let role = self.role_at(*number);
            let at = if paging.sort == Sort::CreatedAt { role.created_at } else { role.updated_at };
            (at.micros(), *number)
        };
        if let Some(name) = &filter.name
            && !self.is_rewound()
        {
            let named = household.role_names.get(name).map(key);
            return page(paging, sorted_window(named.into_iter().collect(), paging), keep);
        }
        match paging.sort {
            Sort::CreatedAt => page(paging, window(&household.roles, key, paging), keep),
            Sort::UpdatedAt => page(paging, sorted_window(household.roles.iter().map(key).collect(), paging), keep),
        }
    }

    fn check_role_name(&self, entity: u32, name: &str, own: Option<u32>) -> Result<(), Refusal> {
        match self.household(entity).role_names.get(name) {
            Some(number) if Some(*number) != own => Err(Refusal::DuplicateRoleName(name.to_owned())),
            _ => Ok(()),
        }
    }
}

impl Reach {
    /// May the caller touch something that `created_by` made? What the partner made is nobody's own.
    pub(crate) fn covers(&self, created_by: Option<Uuid>) -> bool {
        match self {
            Self::All => true,
            Self::Own(user) => created_by == Some(*user),
        }
    }
}
