//! What has to happen at Monite so that it holds what the product desires. No clock, no database, no network, no `async`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use monite::{EntityId, EntityUserId, NewEntity, NewEntityUser, Permissions, RoleId};

use super::diff::{FieldChange, entity_changes, user_changes};
use crate::domain::document::UserDocument;
use crate::domain::role::{RoleName, RoleTemplates};
use crate::domain::{EntityLink, Generation, RoleLink, Seen, SyncState, SyncStatus, UserId, UserLink};
use crate::store::{Visit, Wish};

/// What becomes of things the product deleted, from `[sync]` in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// `on_customer_delete`: whether a deleted customer's entity is deactivated at Monite or left as it is.
    pub on_customer_delete: OnCustomerDelete,
}

/// See [`Policy::on_customer_delete`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnCustomerDelete {
    /// `POST /entities/{id}/deactivate`.
    Deactivate,
    /// Nothing is called; the bridge stops issuing tokens for it.
    Keep,
}

/// What the product wants of one customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// What its entity should be like.
    pub entity: EntityWish,
    /// The templates that should be roles of it, whether used by the users below or not.
    pub roles: BTreeMap<RoleName, Permissions>,
    /// Templates that are configured: a role known from one of them is kept equal to it.
    pub templates: BTreeMap<RoleName, Permissions>,
    /// The users that need a look, deletions first.
    pub users: Vec<(UserId, UserWish)>,
}

/// What the product wants of an entity.
#[derive(Debug, Clone, PartialEq)]
pub enum EntityWish {
    /// Active, and equal to this document.
    As(Box<NewEntity>),
    /// Deactivated.
    Off,
    /// Whatever it is now: it is not due, or the product deleted the customer and wants the entity kept.
    Untouched,
}

/// What the product wants of an entity user.
#[derive(Debug, Clone, PartialEq)]
pub enum UserWish {
    /// Equal to this document.
    As(UserDocument),
    /// Not there.
    Gone,
}

/// What is known of one customer at Monite.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// Its entity.
    pub entity: Seen<EntityLink, NewEntity>,
    /// The roles in it, by template. One that is missing is absent if `roles_listed`, and not known otherwise.
    pub roles: BTreeMap<RoleName, Seen<RoleLink>>,
    /// Whether the entity's roles have been listed since it exists: a fresh entity may hold some already.
    pub roles_listed: bool,
    /// The entity users of the desired users.
    pub users: BTreeMap<UserId, Seen<UserLink, NewEntityUser>>,
    /// Whether another change of the entity is on its way, as far as anybody knows.
    pub entity_doubt: Option<Doubt>,
    /// The same of entity users.
    pub user_doubts: BTreeMap<UserId, Doubt>,
}

/// An earlier change, of something else than what is desired now, went out without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doubt {
    /// It may still land until then.
    pub until: Timestamp,
    /// What is desired now.
    pub generation: Generation,
}

/// One thing to do at Monite.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Look whether an entity create that nobody saw answered has landed.
    SettleEntity,
    /// `GET /entities/{id}`: an earlier change went unanswered, so what the entity is like is not known.
    LookAtEntity(EntityId),
    /// `POST /entities`.
    CreateEntity(Box<NewEntity>),
    /// `POST /entities/{id}/activate`.
    ActivateEntity(EntityId),
    /// `PATCH /entities/{id}` with these fields only.
    PatchEntity {
        /// Which one.
        id: EntityId,
        /// What changes, field by field.
        changes: Vec<FieldChange>,
        /// What it is like afterwards.
        becomes: Box<NewEntity>,
    },
    /// `POST /entities/{id}/deactivate`.
    DeactivateEntity(EntityId),
    /// `GET /roles`: what roles are in the entity?
    ListRoles,
    /// `POST /roles` from a template.
    CreateRole(RoleName, Permissions),
    /// `PATCH /roles/{id}`: the template changed, or somebody changed the role.
    UpdateRole(RoleName, RoleId, Permissions),
    /// `DELETE /entity_users/{id}`.
    DeleteUser(UserId, EntityUserId),
    /// `GET /entity_users?login=`: look whether a create that nobody saw answered has landed.
    FindUser {
        /// The product's id of the user.
        user: UserId,
        /// The login it is to have; `None` when it is to be deleted. The one that was sent may be another.
        wanted: Option<String>,
    },
    /// `GET /entity_users/{id}`: an earlier change went unanswered, so what the entity user is like is not known.
    LookAtUser(UserId, EntityUserId),
    /// `POST /entity_users`; the role is looked up by name when the action runs, since it may only be created just before.
    CreateUser(UserId, UserDocument),
    /// `PATCH /entity_users/{id}` with the fields that differ.
    PatchUser {
        /// The product's id of the user.
        user: UserId,
        /// Which one.
        id: EntityUserId,
        /// What changes, field by field; a role goes by its template's name here.
        changes: Vec<FieldChange>,
        /// What it should be like.
        becomes: UserDocument,
    },
}

impl Action {
    /// Whether it only looks: what it finds decides anew what is to be done.
    #[must_use]
    pub fn is_look(&self) -> bool {
        matches!(
            self,
            Self::SettleEntity | Self::LookAtEntity(_) | Self::ListRoles | Self::FindUser { .. } | Self::LookAtUser(..)
        )
    }

    /// Whether it changes an entity or an entity user that exists. Unanswered, it leaves a [`Doubt`]; an unanswered create leaves
    /// [`Seen::Unknown`], and an unanswered change of a role is forgotten and looked for.
    #[must_use]
    pub fn changes_what_is_there(&self) -> bool {
        matches!(
            self,
            Self::ActivateEntity(_)
                | Self::PatchEntity { .. }
                | Self::DeactivateEntity(_)
                | Self::DeleteUser(..)
                | Self::PatchUser { .. }
        )
    }

    /// The user it is about, if it is about one.
    #[must_use]
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Self::DeleteUser(user, _)
            | Self::FindUser { user, .. }
            | Self::LookAtUser(user, _)
            | Self::CreateUser(user, _)
            | Self::PatchUser { user, .. } => Some(user),
            _ => None,
        }
    }
}

/// Decides. The actions are in the order in which they must run; an empty answer means that Monite holds what is desired.
#[must_use]
pub fn plan(desired: &Desired, observed: &Observed) -> Vec<Action> {
    let mut actions = Vec::new();
    let entity_comes = plan_entity(desired, observed, &mut actions);
    if !entity_comes {
        return actions;
    }
    let deletions = desired.users.iter().filter(|(_, wish)| *wish == UserWish::Gone);
    actions.extend(deletions.filter_map(|(user, _)| plan_deletion(user, observed)));
    if desired.entity == EntityWish::Off {
        // An entity that is switched off gets no new roles and users; switching off comes last, after the deletions.
        actions.extend(plan_switch_off(observed));
        return actions;
    }
    plan_roles(desired, observed, &mut actions);
    let wanted = desired.users.iter().filter_map(|(user, wish)| match wish {
        UserWish::As(document) => plan_user(user, document, observed),
        UserWish::Gone => None,
    });
    // Changes before creates: a changed login may be the one that a new user is to have.
    let (creates, changes): (Vec<_>, Vec<_>) = wanted.partition(|action| matches!(action, Action::CreateUser(..)));
    actions.extend(changes);
    actions.extend(creates);
    actions
}

/// Plans the entity itself; says whether it is there, or will be once the actions so far are done.
fn plan_entity(desired: &Desired, observed: &Observed, actions: &mut Vec<Action>) -> bool {
    match (&desired.entity, &observed.entity) {
        (EntityWish::Untouched, Seen::Unknown(_) | Seen::Absent) | (EntityWish::Off, Seen::Absent) => false,
        (EntityWish::As(_) | EntityWish::Off, Seen::Unknown(_)) => {
            actions.push(Action::SettleEntity);
            false
        }
        (EntityWish::As(document), Seen::Absent) => {
            actions.push(Action::CreateEntity(document.clone()));
            true
        }
        (EntityWish::As(_) | EntityWish::Off, Seen::Present(link)) if observed.entity_doubt.is_some() => {
            actions.push(Action::LookAtEntity(link.id));
            false
        }
        (EntityWish::As(document), Seen::Present(link)) => {
            if !link.active {
                actions.push(Action::ActivateEntity(link.id));
            }
            let changes = entity_changes(&link.confirmed, document);
            if !changes.is_empty() {
                actions.push(Action::PatchEntity { id: link.id, changes, becomes: document.clone() });
            }
            true
        }
        (EntityWish::Untouched | EntityWish::Off, Seen::Present(_)) => true,
    }
}

fn plan_switch_off(observed: &Observed) -> Option<Action> {
    observed.entity.present().filter(|link| link.active).map(|link| Action::DeactivateEntity(link.id))
}

fn plan_roles(desired: &Desired, observed: &Observed, actions: &mut Vec<Action>) {
    let used = desired.users.iter().filter_map(|(_, wish)| match wish {
        UserWish::As(document) => Some(&document.role),
        UserWish::Gone => None,
    });
    let wanted: BTreeSet<&RoleName> = desired.roles.keys().chain(used).chain(observed.roles.keys()).collect();
    let mut writes = Vec::new();
    let mut must_look = false;
    for role in wanted {
        // A role whose template is gone from the configuration is left as it is: nothing says what it should be.
        let Some(permissions) = desired.templates.get(role) else { continue };
        match observed.roles.get(role) {
            Some(Seen::Present(link)) if link.confirmed.grants_same_as(permissions) => {}
            Some(Seen::Present(link)) => writes.push(Action::UpdateRole(role.clone(), link.id, permissions.clone())),
            Some(Seen::Unknown(_)) => {
                must_look = true;
                writes.push(Action::CreateRole(role.clone(), permissions.clone()));
            }
            Some(Seen::Absent) | None => {
                must_look |= !observed.roles_listed;
                writes.push(Action::CreateRole(role.clone(), permissions.clone()));
            }
        }
    }
    if must_look {
        actions.push(Action::ListRoles);
    }
    actions.append(&mut writes);
}

fn plan_deletion(user: &UserId, observed: &Observed) -> Option<Action> {
    match observed.users.get(user) {
        Some(Seen::Present(link)) => Some(Action::DeleteUser(user.clone(), link.id)),
        Some(Seen::Unknown(_)) => Some(Action::FindUser { user: user.clone(), wanted: None }),
        Some(Seen::Absent) | None => None,
    }
}

fn plan_user(user: &UserId, document: &UserDocument, observed: &Observed) -> Option<Action> {
    match observed.users.get(user) {
        Some(Seen::Unknown(_)) => Some(Action::FindUser { user: user.clone(), wanted: Some(document.login.clone()) }),
        Some(Seen::Absent) | None => Some(Action::CreateUser(user.clone(), document.clone())),
        Some(Seen::Present(link)) if observed.user_doubts.contains_key(user) => {
            Some(Action::LookAtUser(user.clone(), link.id))
        }
        Some(Seen::Present(link)) => {
            let changes = named_user_changes(link, document, &observed.roles);
            let patch =
                |changes| Action::PatchUser { user: user.clone(), id: link.id, changes, becomes: document.clone() };
            (!changes.is_empty()).then(|| patch(changes))
        }
    }
}

/// The changes of a user with its role by name: the template's id may not exist yet, and a person reads names.
fn named_user_changes(
    link: &UserLink, document: &UserDocument, roles: &BTreeMap<RoleName, Seen<RoleLink>>,
) -> Vec<FieldChange> {
    let role_now = link.confirmed.role_id;
    let role_desired = roles.get(&document.role).and_then(Seen::present).map(|role| role.id);
    let mut changes = user_changes(&link.confirmed, &document.to_entity_user(role_now));
    if role_desired.is_none() || role_desired != role_now {
        let held = roles.iter().find(|(_, seen)| seen.present().is_some_and(|role| Some(role.id) == role_now));
        let from = held.map(|(name, _)| name.as_str().to_owned()).or(role_now.map(|id| id.to_string()));
        changes.push(FieldChange { field: "role".to_owned(), from: from.into(), to: document.role.as_str().into() });
    }
    changes
}

impl Desired {
    /// What the product wants, as a visit finds it in the store.
    #[must_use]
    pub fn of(visit: &Visit, templates: &RoleTemplates, policy: Policy) -> Self {
        let entity = match (visit.customer.wish, policy.on_customer_delete, visit.customer_due) {
            (_, _, false) => EntityWish::Untouched,
            (Wish::Present, _, true) => EntityWish::As(Box::new(visit.customer.document.as_entity().clone())),
            (Wish::Gone, OnCustomerDelete::Deactivate, true) => EntityWish::Off,
            (Wish::Gone, OnCustomerDelete::Keep, true) => EntityWish::Untouched,
        };
        let users = if visit.customer.wish == Wish::Gone {
            // Users of a deleted customer stay as they are, but those deleted one by one still go.
            visit
                .users
                .iter()
                .filter(|user| user.wish == Wish::Gone)
                .map(|user| (user.id.clone(), UserWish::Gone))
                .collect()
        } else {
            visit.users.iter().map(|user| (user.id.clone(), wish_of(user))).collect()
        };
        // The roles of a customer that waits as drifted wait with it, but for those that a user needs who is worked on.
        let waits = visit.customer.sync.state == SyncState::Drifted && !visit.customer_due;
        let needed = |role: &RoleName| !waits || visit.users.iter().any(|user| user.document.role == *role);
        Self {
            entity,
            roles: match visit.customer.wish {
                Wish::Present => templates
                    .iter()
                    .filter(|t| t.everywhere && needed(&t.name))
                    .map(|t| (t.name.clone(), t.permissions.clone()))
                    .collect(),
                Wish::Gone => BTreeMap::new(),
            },
            templates: match visit.customer.wish {
                Wish::Present => templates
                    .iter()
                    .filter(|t| needed(&t.name))
                    .map(|t| (t.name.clone(), t.permissions.clone()))
                    .collect(),
                Wish::Gone => BTreeMap::new(),
            },
            users,
        }
    }
}

fn wish_of(user: &crate::store::User) -> UserWish {
    match user.wish {
        Wish::Present => UserWish::As(user.document.clone()),
        Wish::Gone => UserWish::Gone,
    }
}

impl Observed {
    /// What is known at Monite, as a visit finds it in the store.
    #[must_use]
    pub fn of(visit: &Visit) -> Self {
        Self {
            entity: visit.customer.entity.clone(),
            roles: visit.roles.clone(),
            roles_listed: visit.roles_listed,
            users: visit.users.iter().map(|user| (user.id.clone(), user.entity_user.clone())).collect(),
            entity_doubt: doubt(visit.customer.doubt, &visit.customer.sync),
            user_doubts: visit
                .users
                .iter()
                .filter_map(|user| Some((user.id.clone(), doubt(user.doubt, &user.sync)?)))
                .collect(),
        }
    }
}

fn doubt(until: Option<Timestamp>, sync: &SyncStatus) -> Option<Doubt> {
    until.map(|until| Doubt { until, generation: sync.generation })
}

#[cfg(test)]
mod tests;
