//! Many records at once: what is the same is recognised by its hash and never written, the rest travels in one statement each.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::super::{Imported, Precondition, StoreError, Wish};
use super::decide::{self, Decision, StoredCustomer, StoredUser};
use super::desired::{DesiredCustomer, DesiredUser, free_logins, write_customers, write_users};
use super::known::{self, There};
use super::stored::{self, Pair};
use super::writer::Write;
use super::{rest, wake};
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
    let results = records.iter().zip(&stored.records).map(|(record, there)| changes.add(record, there, &stored));
    let results = results.collect();
    write_customers(tx, &changes.customers, now).await?;
    if !changes.back.is_empty() {
        rest::take_up(tx, &super::rows::to_json(&changes.back), now).await?;
    }
    free_logins(tx, &changes.renamed).await?;
    write_users(tx, &changes.users, now).await?;
    if !changes.touched.is_empty() {
        wake::settle(tx, &super::rows::to_json(&changes.touched)).await?;
    }
    Ok(results)
}

/// All that the decisions of a run need to know.
struct Stored {
    /// One for each record, in their order.
    records: Vec<StoredRecord>,
    /// What is at Monite of customers whose document is another one now.
    entities: HashMap<String, NewEntity>,
    /// Who has the logins of users that are new or other ones now.
    holders: HashMap<Pair, UserId>,
}

/// What is stored in the place of one record.
struct StoredRecord {
    customer: There<StoredCustomer>,
    /// One for each user of the record, in their order.
    users: Vec<There<StoredUser>>,
}

impl Stored {
    async fn read(tx: &mut SqliteConnection, records: &[Record]) -> Result<Self, StoreError> {
        let customers: Vec<&DesiredCustomer> = records.iter().map(|record| &record.customer).collect();
        let there = known::customers(tx, &customers).await?;
        let changed: Vec<&CustomerId> = customers
            .iter()
            .zip(&there)
            .filter(|(_, there)| matches!(there, There::Other(stored) if stored.may_exist))
            .map(|(desired, _)| &desired.id)
            .collect();
        let entities = stored::known_entities(tx, &changed).await?;
        // A customer that is not there has no users.
        let old = records.iter().zip(&there).filter(|(_, there)| !matches!(there, There::Nothing));
        let listed: Vec<&DesiredUser> = old.flat_map(|(record, _)| &record.users).collect();
        let users = known::users(tx, &listed).await?;
        let other = listed.iter().zip(&users).filter(|(_, there)| !matches!(there, There::Same));
        let logins: Vec<(&CustomerId, &str)> = other.map(|(user, _)| (&user.customer, user.login.as_str())).collect();
        let holders = stored::login_holders(tx, &logins).await?;
        let mut users = users.into_iter();
        let records = records
            .iter()
            .zip(there)
            .map(|(record, customer)| {
                let users = match customer {
                    There::Nothing => record.users.iter().map(|_| There::Nothing).collect(),
                    _ => users.by_ref().take(record.users.len()).collect(),
                };
                StoredRecord { customer, users }
            })
            .collect();
        Ok(Self { records, entities, holders })
    }

    /// Another user that has the login. A user of this very record gives its login up, or it is a duplicate found elsewhere.
    fn holder(&self, user: &DesiredUser, record: &Record) -> Option<&UserId> {
        if self.holders.is_empty() {
            return None;
        }
        let login = (user.customer.as_str().to_owned(), user.login.clone());
        self.holders.get(&login).filter(|holder| !record.users.iter().any(|other| other.id == **holder))
    }
}

/// What a run writes.
#[derive(Default)]
struct Changes<'a> {
    customers: Vec<&'a DesiredCustomer>,
    users: Vec<&'a DesiredUser>,
    /// Users whose login is another one now.
    renamed: Vec<&'a DesiredUser>,
    /// Customers that were deleted and are to be there again.
    back: Vec<&'a CustomerId>,
    /// Customers whose wake-up may have changed. A new one has the right one from the start.
    touched: Vec<&'a CustomerId>,
}

impl<'a> Changes<'a> {
    /// Decides about one record; a refused one adds nothing.
    fn add(&mut self, record: &'a Record, there: &StoredRecord, stored: &Stored) -> Imported {
        let mut errors = duplicate_logins(&record.users);
        let customer = decide_customer(&record.customer, &there.customer, stored);
        let mut users = Vec::with_capacity(record.users.len());
        for (index, (user, there)) in record.users.iter().zip(&there.users).enumerate() {
            match decide_user(user, there, stored, record) {
                Decision::Refused(refused) => errors.extend(refused.into_iter().map(|error| inside(index, error))),
                decision => users.push((user, decision, there)),
            }
        }
        if let Decision::Refused(refused) = &customer {
            errors.extend(refused.iter().cloned());
        }
        if !errors.is_empty() {
            return Imported::Refused(errors);
        }
        let is_new = matches!(there.customer, There::Nothing);
        if matches!(&there.customer, There::Other(there) if there.wish == Wish::Gone) {
            self.back.push(&record.customer.id);
        }
        self.keep(&record.customer, &customer, is_new, users)
    }

    fn keep(
        &mut self, customer: &'a DesiredCustomer, decision: &Decision, is_new: bool,
        users: Vec<(&'a DesiredUser, Decision, &There<StoredUser>)>,
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
        for (user, decision, there) in users {
            count(&decision);
            if written(&decision) {
                touched |= !is_new;
                self.users.push(user);
                if matches!(there, There::Other(there) if there.login != user.login) {
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

fn decide_customer(desired: &DesiredCustomer, there: &There<StoredCustomer>, stored: &Stored) -> Decision {
    match there {
        There::Nothing => Decision::Create,
        There::Same => Decision::Same,
        There::Other(there) => {
            decide::customer(Some(there), stored.entities.get(desired.id.as_str()), desired, Precondition::None)
        }
    }
}

fn decide_user(desired: &DesiredUser, there: &There<StoredUser>, stored: &Stored, record: &Record) -> Decision {
    let there = match there {
        There::Nothing => None,
        There::Same => return Decision::Same,
        There::Other(there) => Some(there),
    };
    decide::user(there, stored.holder(desired, record), desired, Precondition::None)
}

fn duplicate_logins(users: &[DesiredUser]) -> Vec<FieldError> {
    if users.len() < 2 {
        return Vec::new();
    }
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
