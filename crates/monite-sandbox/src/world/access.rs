//! Who is calling and what they may touch. Roles are looked up at the moment of the call, so changing one acts on
//! tokens that are already out.

use uuid::Uuid;

use super::World;
use super::entity::EntityStatus;
use super::role::{Action, ObjectType, Permission, Twice};
use super::stamp::Stamp;
use super::token::Digest;
use crate::quirks::Point;
use crate::refusal::Refusal;

/// What the `Authorization` header held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bearer {
    Absent,
    Garbled,
    Token(Digest),
}

/// Whose token it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    Partner,
    /// The row number of the entity user.
    User(u32),
}

/// An entity somebody may work in, and how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) entity: u32,
    pub(crate) reach: Reach,
    /// The entity user at work; `None` for the partner.
    pub(crate) actor: Option<Uuid>,
}

/// Everything, or only what this user created (`allowed_for_own`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    All,
    Own(Uuid),
}

impl World {
    pub(crate) fn caller(&self, bearer: Bearer, now: Stamp) -> Result<Caller, Refusal> {
        let digest = match bearer {
            Bearer::Absent => return Err(Refusal::NoAuthorization),
            Bearer::Garbled => return Err(Refusal::TokenGarbled),
            Bearer::Token(digest) => digest,
        };
        let Some(user) = self.tokens.owner(&digest, now)? else {
            return Ok(Caller::Partner);
        };
        let outlives_deletion = self.quirks.is(Point::DeletedUserToken, "alive");
        let number = if outlives_deletion { self.any_user(user) } else { self.living_user(user) };
        number.map(Caller::User).ok_or(Refusal::TokenDead)
    }

    /// Calls no entity user may make. The answer names the right that would be needed.
    pub(crate) fn partner_only(&self, caller: Caller, action: Action, object: ObjectType) -> Result<(), Refusal> {
        match caller {
            Caller::Partner => Ok(()),
            Caller::User(_) => Err(Refusal::NotAllowed(action, object)),
        }
    }

    /// As [`World::partner_only`], for an object that no role can allow anything on.
    pub(crate) fn partner_alone(&self, caller: Caller, action: Action, object: &'static str) -> Result<(), Refusal> {
        match caller {
            Caller::Partner => Ok(()),
            Caller::User(_) => Err(Refusal::PartnerOnly(action, object)),
        }
    }

    /// As [`World::partner_alone`], inside the entity named by `x-monite-entity-id`.
    pub(crate) fn partner_alone_in(
        &self, caller: Caller, entity: Uuid, action: Action, object: &'static str,
    ) -> Result<(), Refusal> {
        self.partner_alone(caller, action, object)?;
        self.entity_number(entity).map(drop).map_err(|_| Refusal::NoEntityInHeader(entity))
    }

    /// Work on `object` inside the entity named by `x-monite-entity-id`.
    pub(crate) fn enter(
        &self, caller: Caller, entity: Uuid, action: Action, object: ObjectType,
    ) -> Result<Scope, Refusal> {
        match caller {
            Caller::Partner => {
                let missing = |_| Refusal::NoEntityInHeader(entity);
                let entity = self.entity_number(entity).map_err(missing)?;
                Ok(Scope { entity, reach: Reach::All, actor: None })
            }
            Caller::User(user) => self.enter_own(user, entity, action, object),
        }
    }

    /// As [`World::enter`], when the entity is named by the path.
    pub(crate) fn enter_by_path(
        &self, caller: Caller, entity: Uuid, action: Action, object: ObjectType,
    ) -> Result<Scope, Refusal> {
        self.enter(caller, entity, action, object).map_err(|refusal| match refusal {
            Refusal::NoEntityInHeader(id) => Refusal::NoEntity(id),
            other => other,
        })
    }

    fn enter_own(&self, user: u32, entity: Uuid, action: Action, object: ObjectType) -> Result<Scope, Refusal> {
        let own = self.home(user)?;
        if self.household_id(own) != entity {
            return Err(Refusal::ForeignEntity);
        }
        let reach = self.reach(user, action, object)?;
        Ok(Scope { entity: own, reach, actor: Some(self.user_at(user).id) })
    }

    /// The entity user behind the token, for calls that are about that user.
    pub(crate) fn me(&self, caller: Caller) -> Result<u32, Refusal> {
        match caller {
            Caller::Partner => Err(Refusal::UserOnly),
            Caller::User(user) => self.home(user).map(|_| user),
        }
    }

    /// The entity of the user behind the token. Entities are created by the partner, so "own" reaches nothing.
    pub(crate) fn my_entity(&self, caller: Caller, action: Action) -> Result<u32, Refusal> {
        let user = self.me(caller)?;
        match self.reach(user, action, ObjectType::Entity)? {
            Reach::All => self.home(user),
            Reach::Own(_) => Err(Refusal::NotAllowed(action, ObjectType::Entity)),
        }
    }

    pub(crate) fn role_of(&self, user: u32) -> Option<u32> {
        self.role_numbers.get(&self.user_at(user).role_id).copied()
    }

    /// The user's entity, unless it is deactivated.
    fn home(&self, user: u32) -> Result<u32, Refusal> {
        let entity = self.entity_number(self.user_at(user).entity_id)?;
        let blocked =
            self.entity_at(entity).status != EntityStatus::Active && self.quirks.is(Point::InactiveEntity, "block");
        if blocked { Err(Refusal::InactiveEntity) } else { Ok(entity) }
    }

    fn reach(&self, user: u32, action: Action, object: ObjectType) -> Result<Reach, Refusal> {
        let twice =
            if self.quirks.is(Point::DuplicatePermission, "last") { Twice::LastCounts } else { Twice::FirstCounts };
        let permission = self.role_of(user).map(|role| self.role_at(role).permissions.of(object, action, twice));
        match permission {
            Some(Permission::Allowed) => Ok(Reach::All),
            Some(Permission::AllowedForOwn) => Ok(Reach::Own(self.user_at(user).id)),
            Some(Permission::NotAllowed) | None => Err(Refusal::NotAllowed(action, object)),
        }
    }
}
