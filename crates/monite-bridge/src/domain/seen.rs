//! What we know of things at Monite, and the links that tie them to the product's ids.

use std::time::Duration;

use jiff::Timestamp;
use monite::{EntityId, EntityUserId, NewEntity, NewEntityUser, Permissions, RoleId};

/// A call stored as going out is given this long to land when its process dies, or stands still, before it sees an answer: the
/// request timeout of the client, and then as long as one that was not answered in time. A call that waited for its turn goes
/// out later than stored, but only while its lease holds; whoever takes the customer over counts from then.
pub const LANDS_WITHIN_UNSEEN: Duration = Duration::from_secs(75);

/// What we know of one thing at Monite.
///
/// `Unknown` is stored *before* a create goes out, so that a crash, a timeout and a cut connection all leave the same
/// trace; only looking at Monite turns it into one of the other two.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen<T, A = ()> {
    /// It is not there: nobody created it, or Monite said so.
    Absent,
    /// A create went out and nobody knows yet whether it landed; what was attempted, and when.
    Unknown(Attempt<A>),
    /// It is there.
    Present(T),
}

impl<T, A> Seen<T, A> {
    /// The thing, when it is known to be there.
    pub fn present(&self) -> Option<&T> {
        match self {
            Self::Present(thing) => Some(thing),
            Self::Absent | Self::Unknown(_) => None,
        }
    }
}

/// A create that went out without a known outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt<A> {
    /// When it was stored, just before the call.
    pub at: Timestamp,
    /// Until then the call may still land although nobody saw an answer; not finding it earlier proves nothing.
    pub lands_by: Timestamp,
    /// What was sent: the thing at Monite, if it landed, looks like this and not like what is desired by now.
    pub sent: A,
}

/// A customer's entity.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityLink {
    /// Monite's id of it.
    pub id: EntityId,
    /// The document that Monite last confirmed: as we sent it, so that Monite's own spelling of a value is no difference.
    pub confirmed: NewEntity,
    /// Whether it was last confirmed as active (or deactivated).
    pub active: bool,
}

/// A template's role in one entity.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleLink {
    /// Monite's id of it.
    pub id: RoleId,
    /// The permissions that Monite last confirmed.
    pub confirmed: Permissions,
}

/// A user's entity user.
#[derive(Debug, Clone, PartialEq)]
pub struct UserLink {
    /// Monite's id of it.
    pub id: EntityUserId,
    /// What Monite last confirmed, `role_id` included.
    pub confirmed: NewEntityUser,
}
