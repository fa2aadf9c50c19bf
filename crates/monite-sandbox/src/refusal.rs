//! Why Monite says no, as plain data. Which status and words that becomes is for `http/refused.rs`.

use uuid::Uuid;

use crate::rules::{FieldError, Wrong};
use crate::world::role::{Action, ObjectType};

/// Everything a call can be refused for after it passed the front door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The schema says no; every mistake at once.
    Invalid(Vec<FieldError>),
    NoAuthorization,
    TokenExpired,
    /// Revoked, unknown, or of a deleted user.
    TokenDead,
    /// The header holds something else than a bearer token.
    TokenGarbled,
    BadCredentials,
    /// Asked to revoke a token that is not there.
    UnknownRevokedToken,
    GrantWithoutUser,
    GrantForUnknownUser(Uuid),
    GrantForInactiveEntity,
    /// The caller's role, or an entity-user token as such, lacks this right.
    NotAllowed(Action, ObjectType),
    /// As `NotAllowed`, for an object that no role can allow anything on.
    PartnerOnly(Action, &'static str),
    /// The call needs an entity user's token.
    UserOnly,
    /// An entity-user token named another entity.
    ForeignEntity,
    InactiveEntity,
    NoEntity(Uuid),
    /// As `NoEntity`, when its partner metadata was asked for.
    NoEntityForMetadata(Uuid),
    /// As `NoEntity`, but the id came in `x-monite-entity-id`.
    NoEntityInHeader(Uuid),
    NoRole(Uuid),
    NoEntityUser(Uuid),
    NoSubscription(Uuid),
    NoEvent(Uuid),
    InvalidRole(Uuid),
    NoDefaultRole,
    DuplicateRoleName(String),
    DuplicateLogin(String),
    RoleInUse,
    NullNotAllowed(&'static str),
    WrongProfile(&'static str),
    UsStateNeeded,
    RegistrationAuthorityNeeded,
    BadPageToken,
    /// The partner's own website.
    WebsiteNotHttps,
}

impl From<Wrong> for Refusal {
    fn from(wrong: Wrong) -> Self {
        Self::Invalid(wrong.0)
    }
}
