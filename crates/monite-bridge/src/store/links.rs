//! Links as values: what is stamped into an entity, and what is adopted from one.

use std::collections::BTreeMap;

use jiff::Timestamp;
use monite::EntityId;

use crate::domain::document::UserDocument;
use crate::domain::role::RoleName;
use crate::domain::{BridgeId, CustomerId, EntityLink, RoleLink, Stamp, UserId, UserLink};

/// The links of one customer, all of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    /// The entity of the customer.
    pub entity: EntityId,
    /// What is to be stamped into it.
    pub stamp: Stamp,
    /// Goes up with each change of a link of this customer.
    pub count: i64,
    /// Until when an earlier stamp that nobody saw answered may land, or show: whatever stands there before may not stay.
    pub unsure_until: Option<Timestamp>,
    /// How often stamping them has failed so far.
    pub failed: u32,
}

/// A link to what exists at Monite already: see [`Store::adopt`](super::Store::adopt).
#[derive(Debug, Clone, PartialEq)]
pub struct Adoption {
    /// The customer.
    pub customer: CustomerId,
    /// The entity that is its own, as Monite shows it.
    pub entity: EntityLink,
    /// All roles in it that a template could have made.
    pub roles: BTreeMap<RoleName, RoleLink>,
    /// Those of its entity users that belong to a user of the customer.
    pub users: Vec<UserAdoption>,
    /// Whose stamp says exactly this; `None`: none does, and one is to be written.
    pub stamped_by: Option<BridgeId>,
}

/// A user's part of an [`Adoption`].
#[derive(Debug, Clone, PartialEq)]
pub struct UserAdoption {
    /// The product's id of it.
    pub id: UserId,
    /// Its entity user, as Monite shows it.
    pub link: UserLink,
    /// The document that would have made it, for a user that is not known here.
    pub document: UserDocument,
}

/// What became of an [`Adoption`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Adopted {
    /// Customer and entity are linked, and this many users.
    Linked {
        /// Users that are linked by it.
        users: u64,
    },
    /// They were linked before.
    Already,
    /// The entity is linked to another customer.
    Taken(CustomerId),
    /// The customer is linked to another entity.
    Elsewhere(EntityId),
    /// A create for this customer went unanswered; looking for it comes first.
    Unsettled,
    /// Somebody is at work on the customer right now.
    InHand,
    /// The entity was scrubbed when its customer was erased, or the customer is being erased: nobody reaches for it again.
    Erased,
}
