//! What a sweep saw of one object, against what it had read of it.

use std::collections::BTreeMap;

use super::{Change, Customer, User};
use crate::domain::role::RoleName;
use crate::domain::{CustomerId, LastError, ObjectId, RoleLink, Seen, SyncState};

/// What a sweep read of the store before it compared.
#[derive(Debug, Clone, PartialEq)]
// One for each call at Monite; a box would say nothing.
#[allow(clippy::large_enum_variant)]
pub enum AsRead {
    /// A customer, and the roles known in its entity.
    Customer(Customer, BTreeMap<RoleName, Seen<RoleLink>>),
    /// A user.
    User(User),
}

impl AsRead {
    /// The customer it is about, or whose user it is about.
    #[must_use]
    pub fn customer(&self) -> &CustomerId {
        match self {
            Self::Customer(customer, _) => &customer.id,
            Self::User(user) => &user.customer,
        }
    }

    /// Which object it is.
    #[must_use]
    pub fn object(&self) -> ObjectId {
        match self {
            Self::Customer(customer, _) => ObjectId::Customer(customer.id.clone()),
            Self::User(user) => ObjectId::User(user.customer.clone(), user.id.clone()),
        }
    }
}

/// What a sweep saw of one object at Monite.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// What the store held when it was compared.
    pub read: AsRead,
    /// What is there instead.
    pub changes: Vec<Change>,
    /// What follows for the object.
    pub then: Consequence,
}

/// What follows from a [`Sighting`].
#[derive(Debug, Clone, PartialEq)]
pub enum Consequence {
    /// Nothing: its state and when it is due stay.
    AsItWas,
    /// It is pending and due now.
    Due,
    /// It waits as drifted, for this reason.
    Drifted(LastError),
    /// It is as desired again, in this state.
    Settled(SyncState),
}
