//! What was done for an erasure, for whoever has to prove it: times, ids, Monite's request ids, names of fields; never a value.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::super::diff::FieldChange;
use crate::domain::CustomerId;
use crate::store::{Erasure, Rewritten};

/// What Monite keeps, and what nobody here can know: only what its documents say and its API shows.
pub const KEPT_AT_MONITE: [&str; 6] = [
    "the entity itself: its id, type, country, created_at and updated_at, inactive (Monite has no way to delete an entity)",
    "the entity's roles: template names and permissions, no personal data",
    "the entity's settings, and its event and webhook delivery logs, with ids",
    "documents inside the entity (payables, receivables, counterparts, mails, bank accounts): not touched here; whether they name \
     the customer is for you to check at Monite",
    "how long Monite keeps deleted entity users and earlier values of overwritten fields in its own backups and logs: unknown",
    "whether Monite ends tokens of deleted users at once: unknown; they expire by themselves, after 30 minutes as documented",
];

/// What this side keeps.
pub const KEPT_HERE: [&str; 3] = [
    "the tombstone: the customer's id, the entity's id and times, so that the entity is never linked again",
    "the audit log: who did what and when, with ids of customer and users only",
    "backups and exported states made before, copies of disks, the product's own logs: delete those yourself, or let them expire",
];

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// When it was done.
    pub at: Timestamp,
    /// What was done.
    pub what: String,
    /// Monite's numbers for the calls.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub request_ids: Vec<String>,
}

/// See the module. What a run before this one did is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The customer.
    pub customer: CustomerId,
    /// What was done, in its order.
    pub steps: Vec<Step>,
    /// Entity users deleted.
    pub users_deleted: u32,
    /// Fields of the entity that hold a neutral text now.
    pub fields_overwritten: Vec<String>,
    /// Fields of the entity that are empty now.
    pub fields_emptied: Vec<String>,
}

impl Evidence {
    /// Nothing was done yet.
    #[must_use]
    pub fn of(customer: &CustomerId) -> Self {
        Self {
            customer: customer.clone(),
            steps: Vec::new(),
            users_deleted: 0,
            fields_overwritten: Vec::new(),
            fields_emptied: Vec::new(),
        }
    }

    pub(super) fn step(&mut self, at: Timestamp, what: &str, request_ids: Vec<String>) {
        self.steps.push(Step { at, what: what.to_owned(), request_ids });
    }

    /// Said once, however often it goes on.
    pub(super) fn begun(&mut self, erasure: &Erasure) {
        if self.steps.is_empty() {
            let what = "the customer is deleted here: no token is handed out, those that running bridges gave out are revoked, and the \
                        product cannot write it until it is erased";
            self.step(erasure.begun_at, what, Vec::new());
        }
    }

    pub(super) fn overwritten(&mut self, changes: &[FieldChange]) {
        for change in changes {
            let list = if change.to == Value::Null { &mut self.fields_emptied } else { &mut self.fields_overwritten };
            if !list.contains(&change.field) {
                list.push(change.field.clone());
            }
        }
    }

    pub(super) fn purged(&mut self, at: Timestamp) {
        self.step(at, "purged the customer, its users, roles, links and calls from the database", Vec::new());
    }

    pub(super) fn wiped(&mut self, at: Timestamp, rewritten: Rewritten) {
        let what = match rewritten {
            Rewritten::Whole => "wrote the database file anew and emptied its write-ahead log",
            Rewritten::LogHeld => "wrote the database file anew; its write-ahead log is still read by somebody",
            Rewritten::ByServer => {
                "PostgreSQL's dead rows: removed by autovacuum in its time, kept in its write-ahead log and backups as you have set it"
            }
        };
        self.step(at, what, Vec::new());
    }
}
