//! Many records at once: what is the same is recognised by its hash, never locked and never written; the rest travels in one statement each.

use std::collections::HashSet;

use async_trait::async_trait;
use jiff::Timestamp;

use super::super::import::{Changes, KnownCustomers, Part, Record, Stored, parts, prepare};
use super::super::{Imported, StoreError, erasures};
use super::connection::Tx;
use super::desired::{DesiredCustomer, free_logins, write_customers, write_users};
use super::writer::Write;
use super::{erase, known, rest, stored, wake};
use crate::domain::document::ImportRecord;

/// See [`Store::import`](super::super::Store::import).
pub(super) struct Import {
    records: Vec<Record>,
    now: Timestamp,
}

impl Import {
    /// Computes texts and hashes, once for all attempts.
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

    fn makes_due(&self, results: &Self::Answer) -> bool {
        let wrote = |result: &_| matches!(result, Imported::Stored { created, changed, .. } if created + changed > 0);
        results.iter().any(wrote)
    }

    async fn run(&self, tx: &mut Tx) -> Result<Vec<Imported>, StoreError> {
        let ids: Vec<&str> = self.records.iter().map(|record| record.customer.id.as_str()).collect();
        let erased = erase::under_way(tx, &ids).await?;
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

async fn import_run(tx: &mut Tx, records: &[Record], now: Timestamp) -> Result<Vec<Imported>, StoreError> {
    let mut ours = HashSet::new();
    loop {
        let (changes, results) = read(tx, records).await?.decide(records);
        // A decision counts once everything it would write is ours; until then somebody else may be changing it. Each round adds at least
        // one customer, or is the last.
        if take(tx, &changes, &mut ours).await? == Taken::WasOurs {
            write(tx, &changes, now).await?;
            return Ok(results);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// What was read is what will be there until the end of this transaction.
    WasOurs,
    /// It may have changed between the look and the lock.
    LookAgain,
}

/// Locks the customers of these changes, and takes the ids of those that are new.
async fn take(tx: &mut Tx, changes: &Changes<'_>, ours: &mut HashSet<String>) -> Result<Taken, StoreError> {
    let mut wanted: Vec<&str> = changes.customers.iter().map(|customer| customer.id.as_str()).collect();
    wanted.extend(changes.users.iter().map(|user| user.customer.as_str()));
    wanted.retain(|id| !ours.contains(*id));
    if wanted.is_empty() {
        return Ok(Taken::WasOurs);
    }
    let locked = stored::lock_all(tx, &wanted).await?;
    let was_there = !locked.is_empty();
    ours.extend(locked);
    let new: Vec<&DesiredCustomer> =
        changes.customers.iter().copied().filter(|customer| !ours.contains(customer.id.as_str())).collect();
    let taken = stored::take_ids(tx, &new).await?;
    let all_taken = taken.len() == new.len();
    ours.extend(taken);
    // Under an id that nobody had, there was nothing to read.
    Ok(if was_there || !all_taken { Taken::LookAgain } else { Taken::WasOurs })
}

async fn read(tx: &mut Tx, records: &[Record]) -> Result<Stored, StoreError> {
    let customers: Vec<&DesiredCustomer> = records.iter().map(|record| &record.customer).collect();
    let known = KnownCustomers::new(records, known::customers(tx, &customers).await?);
    let entities = stored::known_entities(tx, &known.changed()).await?;
    let users = known::users(tx, &known.users()).await?;
    let holders = stored::login_holders(tx, &known.logins(&users)).await?;
    Ok(known.and(users, entities, holders))
}

async fn write(tx: &mut Tx, changes: &Changes<'_>, now: Timestamp) -> Result<(), StoreError> {
    write_customers(tx, &changes.customers, now).await?;
    if !changes.back.is_empty() {
        let back: Vec<&str> = changes.back.iter().map(|id| id.as_str()).collect();
        rest::take_up(tx, &back, now).await?;
    }
    free_logins(tx, &changes.renamed).await?;
    write_users(tx, &changes.users, now).await?;
    if !changes.touched.is_empty() {
        let touched: Vec<&str> = changes.touched.iter().map(|id| id.as_str()).collect();
        wake::settle(tx, &touched).await?;
    }
    Ok(())
}
