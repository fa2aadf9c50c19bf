//! What a sweep has seen, counted.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::CustomerId;

/// What a sweep has seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// Entities that belong to a customer.
    pub entities: u64,
    /// Entities that belong to none. They are never touched.
    pub strangers: u64,
    /// Roles in the entities of customers.
    pub roles: u64,
    /// Entity users in the entities of customers.
    pub users: u64,
    /// Customers and users that were not as they should be.
    pub drifted: u64,
    /// Linked entities that no list showed and that Monite says are not there. Nothing is done about them.
    pub missing: u64,
    /// Entities that could not be looked into.
    pub failed: u64,
    /// Up to ten of those missing or failed, by customer.
    pub look_at: Vec<CustomerId>,
}

/// How many customers are named in a [`Tally`].
const NAMED: usize = 10;

impl Tally {
    pub(super) fn name(&mut self, customer: &CustomerId) {
        if self.look_at.len() < NAMED && !self.look_at.contains(customer) {
            self.look_at.push(customer.clone());
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entities, strangers, roles, users, drifted, missing, failed, .. } = self;
        write!(f, "entities {entities}   roles {roles}   users {users}   drifted {drifted}   strangers {strangers}")?;
        if *missing + *failed > 0 {
            write!(f, "   missing {missing}   failed {failed}")?;
        }
        Ok(())
    }
}

/// A sweep that came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// What it saw.
    pub tally: Tally,
}
