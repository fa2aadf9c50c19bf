//! `audit`: who did what, as text or as lines of JSON.

use jiff::Timestamp;

use super::failure::{Exit, Failure};
use super::output::Output;
use crate::assemble::Setup;
use crate::audit::AuditRecord;
use crate::domain::CustomerId;
use crate::store::Store;

/// Entries read at once.
const PAGE: u32 = 500;

/// Show who did what: every write, every token handed out to a backend, every key made or revoked
#[derive(Debug, clap::Args)]
#[command(after_help = "With --json: one JSON document per line (NDJSON), in the order they were written.")]
pub(super) struct AuditLog {
    /// Only from this time on, such as 2026-01-31T00:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,

    /// Only what names this customer; an import names none
    #[arg(long, value_name = "ID")]
    customer: Option<CustomerId>,
}

impl AuditLog {
    pub(super) async fn run(&self, setup: &Setup, output: &Output) -> Result<Exit, Failure> {
        let store = setup.open_store().await?;
        let ended = self.show(store.as_ref(), output).await;
        store.close().await;
        ended.map(|()| Exit::Done)
    }

    /// Page by page: the log may be long.
    async fn show(&self, store: &dyn Store, output: &Output) -> Result<(), Failure> {
        let customer = self.customer.as_ref().map(ToString::to_string);
        let mut after = 0;
        loop {
            let page = store.audit(after, self.since, customer.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.number;
            for record in &page {
                output.result(&line(record), record);
            }
        }
    }
}

/// `2026-01-31T12:00:00Z  mbk_...  PUT /v1/customers/{customer}  acme  201  from 192.0.2.1`.
fn line(record: &AuditRecord) -> String {
    let entry = &record.entry;
    let object = match (&entry.customer, &entry.user) {
        (Some(customer), Some(user)) => format!("{customer}/{user}"),
        (Some(customer), None) => customer.clone(),
        (None, _) => "-".to_owned(),
    };
    let from = entry.address.as_deref().map_or_else(String::new, |address| format!("  from {address}"));
    format!("{:.0}  {}  {}  {object}  {}{from}", entry.at, entry.who, entry.what, entry.outcome)
}
