//! Answers to questions about many objects, and which ones are asked about.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::role::RoleName;
use crate::domain::{CustomerId, ObjectId, SyncState, SyncStatus};

/// Which customers a listing shows.
#[derive(Debug, Clone, Default)]
pub struct CustomerFilter {
    /// Only those in this state.
    pub state: Option<SyncState>,
    /// Only those whose id sorts behind this one.
    pub after: Option<CustomerId>,
    /// At most this many.
    pub limit: u32,
}

/// Counts of objects by state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Customers; states without any are absent.
    pub customers: BTreeMap<SyncState, u64>,
    /// Users.
    pub users: BTreeMap<SyncState, u64>,
    /// When the next visit is due; `None` when nothing is left to do.
    pub next_due: Option<Timestamp>,
    /// Customers that have an entity.
    pub linked: u64,
    /// Those of them whose links are stamped into the entity.
    pub stamped: u64,
}

/// A failing object, for `status --failing`.
#[derive(Debug, Clone, PartialEq)]
pub struct Failing {
    /// Which one.
    pub object: ObjectId,
    /// How far it has come.
    pub sync: SyncStatus,
}

/// How far a role template has been rolled out.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleProgress {
    /// The template's name.
    pub role: RoleName,
    /// Entities in which it is a role now.
    pub entities: u64,
    /// Those of them that grant the same as the template.
    pub current: u64,
    /// Users who have it.
    pub users: u64,
}
