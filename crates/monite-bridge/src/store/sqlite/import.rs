//! Many records at once: what is the same is recognised by its hash and never written, the rest travels in one statement each.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::super::{Imported, Precondition, StoreError};
use super::decide::{self, Decision, StoredCustomer, StoredUser};
use super::desired::{DesiredCustomer, DesiredUser, free_logins, write_customers, write_users};
use super::stored::{self, Pair};
use super::wake;
use super::writer::Write;
use crate::domain::document::{FieldError, ImportRecord};
use crate::domain::{CustomerId, UserId};
use monite::NewEntity;

/// See [`Store::import`](super::super::Store::import).
pub(super) struct Import {
    records: Vec<Record>,
    now: Timestamp,
}

struct Record {
    customer: DesiredCustomer,
    users: Vec<DesiredUser>,
}

impl Import {
    /// Computes texts and hashes, so that the writer need not.
    pub(super) fn new(records: &[ImportRecord], now: Timestamp) -> Self {
        let records = records
            .iter()
            .map(|record| Record {
                customer: DesiredCustomer::new(&record.id, &record.customer),
                users: record.users.iter().map(|(id, document)| DesiredUser::new(&record.id, id, document)).collect(),
            })
            .collect();
        Self { records, now }
    }
}

#[async_trait]
impl Write for Import {
    type Answer = Vec<Imported>;

    fn weight(&self) -> usize {
        self.records.len()
    }

    async fn run(&self, tx: &mut SqliteConnection) -> Result<Vec<Imported>, StoreError> {
        let mut results = Vec::with_capacity(self.records.len());
        for run in runs(&self.records) {
            results.extend(import_run(tx, run, self.now).await?);
        }
        Ok(results)
    }
}

/// Cuts the records where a customer comes a second time, so that inside a run no record depends on another and the last one
/// of a customer wins.
fn runs(records: &[Record]) -> Vec<&[Record]> {
    let mut runs = Vec::new();
    let mut seen = HashSet::new();
    let mut start = 0;
    for (index, record) in records.iter().enumerate() {
        if !seen.insert(record.customer.id.as_str()) {
            runs.push(&records[start..index]);
            start = index;
            seen = HashSet::from([record.customer.id.as_str()]);
        }
    }
    runs.push(&records[start..]);
    runs
}

async fn import_run(
    tx: &mut SqliteConnection, records: &[Record], now: Timestamp,
) -> Result<Vec<Imported>, StoreError> {
    let stored = Stored::read(tx, records).await?;
    let mut changes = Changes::default();
    let results = records.iter().map(|record| changes.add(record, &stored)).collect();
    write_customers(tx, &changes.customers, now).await?;
    free_logins(tx, &changes.renamed).await?;
    write_users(tx, &changes.users, now).await?;
    if !changes.touched.is_empty() {
        wake::settle(tx, &super::rows::to_json(&changes.touched)).await?;
    }
    Ok(results)
}

/// All that the decisions of a run need to know.
struct Stored {
    customers: HashMap<String, StoredCustomer>,
    known: HashMap<String, NewEntity>,
    users: HashMap<Pair, StoredUser>,
    holders: HashMap<Pair, UserId>,
}

impl Stored {
    async fn read(tx: &mut SqliteConnection, records: &[Record]) -> Result<Self, StoreError> {
        let ids: Vec<&CustomerId> = records.iter().map(|record| &record.customer.id).collect();
        let customers = stored::customers(tx, &ids).await?;
        let to_check: Vec<&CustomerId> = records
            .iter()
            .map(|record| &record.customer)
            .filter(|desired| {
                customers.get(desired.id.as_str()).is_some_and(|there| there.may_exist && there.hash != desired.hash)
            })
            .map(|desired| &desired.id)
            .collect();
        let known = stored::known_entities(tx, &to_check).await?;
        let listed: Vec<&DesiredUser> = records
            .iter()
            .filter(|record| customers.contains_key(record.customer.id.as_str()))
            .flat_map(|record| &record.users)
            .collect();
        let pairs: Vec<(&CustomerId, &UserId)> = listed.iter().map(|user| (&user.customer, &user.id)).collect();
        let users = stored::users(tx, &pairs).await?;
        let logins: Vec<(&CustomerId, &str)> = listed
            .iter()
            .filter(|user| {
                users.get(&key(user)).is_none_or(|there| there.hash != user.hash || there.wish == super::Wish::Gone)
            })
            .map(|user| (&user.customer, user.login.as_str()))
            .collect();
        let holders = stored::login_holders(tx, &logins).await?;
        Ok(Self { customers, known, users, holders })
    }
}

fn key(user: &DesiredUser) -> Pair {
    (user.customer.as_str().to_owned(), user.id.as_str().to_owned())
}

/// What a run writes.
#[derive(Default)]
struct Changes<'a> {
    customers: Vec<&'a DesiredCustomer>,
    users: Vec<&'a DesiredUser>,
    /// Users whose login is another one now.
    renamed: Vec<&'a DesiredUser>,
    /// Customers whose wake-up may have changed. A new one has the right one from the start.
    touched: Vec<&'a CustomerId>,
}

impl<'a> Changes<'a> {
    /// Decides about one record; a refused one adds nothing.
    fn add(&mut self, record: &'a Record, stored: &Stored) -> Imported {
        let customer = &record.customer;
        let there = stored.customers.get(customer.id.as_str());
        let decision = decide::customer(there, stored.known.get(customer.id.as_str()), customer, Precondition::None);
        let mut errors = duplicate_logins(&record.users);
        let mut decisions = Vec::with_capacity(record.users.len());
        for (index, user) in record.users.iter().enumerate() {
            // A user of this very record gives its login up, or it is a duplicate found above.
            let holder = stored
                .holders
                .get(&(user.customer.as_str().to_owned(), user.login.clone()))
                .filter(|holder| !record.users.iter().any(|other| other.id == **holder));
            match decide::user(stored.users.get(&key(user)), holder, user, Precondition::None) {
                Decision::Refused(refused) => errors.extend(refused.into_iter().map(|error| inside(index, error))),
                decision => decisions.push((user, decision)),
            }
        }
        if let Decision::Refused(refused) = &decision {
            errors.extend(refused.iter().cloned());
        }
        if !errors.is_empty() {
            return Imported::Refused(errors);
        }
        self.keep(customer, &decision, decisions, stored)
    }

    fn keep(
        &mut self, customer: &'a DesiredCustomer, decision: &Decision, users: Vec<(&'a DesiredUser, Decision)>,
        stored: &Stored,
    ) -> Imported {
        let (mut created, mut changed, mut unchanged) = (0, 0, 0);
        let mut count = |decision: &Decision| match decision {
            Decision::Create => created += 1,
            Decision::Change => changed += 1,
            _ => unchanged += 1,
        };
        let written = |decision: &Decision| matches!(decision, Decision::Create | Decision::Change);
        count(decision);
        if written(decision) {
            self.customers.push(customer);
        }
        let mut touched = *decision == Decision::Change;
        for (user, decision) in users {
            count(&decision);
            if written(&decision) {
                touched |= stored.customers.contains_key(customer.id.as_str());
                self.users.push(user);
                if stored.users.get(&key(user)).is_some_and(|there| there.login != user.login) {
                    self.renamed.push(user);
                }
            }
        }
        if touched {
            self.touched.push(&customer.id);
        }
        Imported::Stored { created, changed, unchanged }
    }
}

fn duplicate_logins(users: &[DesiredUser]) -> Vec<FieldError> {
    let mut first: HashMap<&str, &UserId> = HashMap::new();
    let mut errors = Vec::new();
    for (index, user) in users.iter().enumerate() {
        match first.get(user.login.as_str()) {
            Some(holder) => errors.push(decide::login_taken(&format!("users[{index}].login"), &user.login, holder)),
            None => drop(first.insert(&user.login, &user.id)),
        }
    }
    errors
}

fn inside(index: usize, error: FieldError) -> FieldError {
    FieldError { field: format!("users[{index}].{}", error.field), message: error.message }
}
