//! Many records at once: what is the same is recognised by its hash and never written, the rest travels in one statement each.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::super::import::{KnownCustomers, Part, Record, Stored, parts, prepare};
use super::super::{Imported, StoreError, erasures};
use super::desired::{DesiredCustomer, free_logins, write_customers, write_users};
use super::writer::Write;
use super::{erase, known, rest, rows, stored, wake};
use crate::domain::document::ImportRecord;

/// See [`Store::import`](super::super::Store::import).
pub(super) struct Import {
    records: Vec<Record>,
    now: Timestamp,
}

impl Import {
    /// Computes texts and hashes, so that the writer need not.
    pub(super) fn new(records: &[ImportRecord], now: Timestamp) -> Self {
        Self { records: prepare(records), now }
    }
}

#[async_trait]
impl Write for Import {
    type Answer = Vec<Imported>;

    fn weight(&self) -> usize {
        self.records.len()
    }

    async fn run(&self, tx: &mut SqliteConnection) -> Result<Vec<Imported>, StoreError> {
        let ids: Vec<_> = self.records.iter().map(|record| &record.customer.id).collect();
        let erased = erase::under_way(tx, &rows::to_json(&ids)).await?;
        let mut results = Vec::with_capacity(self.records.len());
        for part in parts(&self.records, &erased) {
            match part {
                Part::Erased => results.push(Imported::Refused(vec![erasures::refusal()])),
                Part::Run(run) => results.extend(import_run(tx, run, self.now).await?),
            }
        }
        Ok(results)
    }
}

async fn import_run(
    tx: &mut SqliteConnection, records: &[Record], now: Timestamp,
) -> Result<Vec<Imported>, StoreError> {
    let (changes, results) = read(tx, records).await?.decide(records);
    write_customers(tx, &changes.customers, now).await?;
    if !changes.back.is_empty() {
        rest::take_up(tx, &rows::to_json(&changes.back), now).await?;
    }
    free_logins(tx, &changes.renamed).await?;
    write_users(tx, &changes.users, now).await?;
    if !changes.touched.is_empty() {
        wake::settle(tx, &rows::to_json(&changes.touched)).await?;
    }
    Ok(results)
}

async fn read(tx: &mut SqliteConnection, records: &[Record]) -> Result<Stored, StoreError> {
    let customers: Vec<&DesiredCustomer> = records.iter().map(|record| &record.customer).collect();
    let known = KnownCustomers::new(records, known::customers(tx, &customers).await?);
    let entities = stored::known_entities(tx, &known.changed()).await?;
    let users = known::users(tx, &known.users()).await?;
    let holders = stored::login_holders(tx, &known.logins(&users)).await?;
    Ok(known.and(users, entities, holders))
}
