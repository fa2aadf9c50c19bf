//! The audit log as it is kept, whichever database keeps it.

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use super::rows::{Columns, Unread, time};
use crate::audit::{AuditEntry, AuditRecord};

/// A store's audit log. Rows are added and never changed.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Adds these, in their order; all of them or none.
    async fn append_audit(&self, entries: &[AuditEntry]) -> Result<(), StoreError>;

    /// Up to `limit` entries after the one numbered `after`, in the order they were written; only those not before `since`, and of this
    /// customer, if given.
    async fn audit(
        &self, after: i64, since: Option<Timestamp>, customer: Option<&str>, limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError>;
}

/// From all columns of `audit`.
pub(super) fn record(row: &impl Columns) -> Result<AuditRecord, StoreError> {
    read(row).map_err(|unread| unread.in_row("audit"))
}

fn read(row: &impl Columns) -> Result<AuditRecord, Unread> {
    Ok(AuditRecord {
        number: row.number("number")?,
        entry: AuditEntry {
            at: time(row.number("at")?)?,
            who: row.text("who")?,
            what: row.text("what")?,
            customer: row.text_or_null("customer_id")?,
            user: row.text_or_null("user_id")?,
            address: row.text_or_null("address")?,
            outcome: row.text("outcome")?,
            request_id: row.text_or_null("request_id")?,
        },
    })
}
