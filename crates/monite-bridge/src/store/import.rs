//! What an import means, given what is stored. Pure: the databases ask what they hold and write what comes out.

use std::collections::{HashMap, HashSet};

use monite::NewEntity;

use super::decide::{self, Decision, StoredCustomer, StoredUser};
use super::desired::{DesiredCustomer, DesiredUser};
use super::{Imported, Precondition, Wish};
use crate::domain::document::{FieldError, ImportRecord};
use crate::domain::{CustomerId, UserId};

/// A customer and one of its users, or one of its logins, as text.
pub(super) type Pair = (String, String);

/// A customer and its users, ready to be written.
pub(super) struct Record {
    pub(super) customer: DesiredCustomer,
    pub(super) users: Vec<DesiredUser>,
}

/// Computes texts and hashes.
pub(super) fn prepare(records: &[ImportRecord]) -> Vec<Record> {
    let users = |record: &ImportRecord| {
        record.users.iter().map(|(id, document)| DesiredUser::new(&record.id, id, document)).collect()
    };
    records
        .iter()
        .map(|record| Record { customer: DesiredCustomer::new(&record.id, &record.customer), users: users(record) })
        .collect()
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

/// What is done with some records that follow each other.
pub(super) enum Part<'a> {
    /// One, whose customer is being erased: it is refused.
    Erased,
    /// A run, in which no customer comes twice.
    Run(&'a [Record]),
}

/// The runs between the records of these customers, which are being erased.
pub(super) fn parts<'a>(records: &'a [Record], erased: &HashSet<String>) -> Vec<Part<'a>> {
    let is_erased = |record: &Record| erased.contains(record.customer.id.as_str());
    let mut parts = Vec::new();
    for chunk in records.chunk_by(|one, other| is_erased(one) == is_erased(other)) {
        if chunk.first().is_some_and(is_erased) {
            parts.extend(chunk.iter().map(|_| Part::Erased));
        } else {
            parts.extend(runs(chunk).into_iter().map(Part::Run));
        }
    }
    parts
}

/// What is stored in the place of something desired.
#[derive(Debug, Clone)]
pub(super) enum There<T> {
    /// Nothing.
    Nothing,
    /// The same document, and it is to be there.
    Same,
    /// Something else.
    Other(T),
}

/// What is known of the customers of a run, and so which questions are left.
pub(super) struct KnownCustomers<'a> {
    records: &'a [Record],
    there: Vec<There<StoredCustomer>>,
}

impl<'a> KnownCustomers<'a> {
    /// `there` is in the order of the records.
    pub(super) fn new(records: &'a [Record], there: Vec<There<StoredCustomer>>) -> Self {
        Self { records, there }
    }

    /// Customers that get another document although their entity exists or may exist: what is at Monite must be known.
    pub(super) fn changed(&self) -> Vec<&'a CustomerId> {
        let may_exist = |there: &There<_>| matches!(there, There::Other(StoredCustomer { may_exist: true, .. }));
        let changed = self.records.iter().zip(&self.there).filter(|(_, there)| may_exist(there));
        changed.map(|(record, _)| &record.customer.id).collect()
    }

    /// Users of customers that are there, in their order. A customer that is not there has no users.
    pub(super) fn users(&self) -> Vec<&'a DesiredUser> {
        let old = self.records.iter().zip(&self.there).filter(|(_, there)| !matches!(there, There::Nothing));
        old.flat_map(|(record, _)| &record.users).collect()
    }

    /// Logins whose holder must be known: those of users that are new or other ones now. `users` is in the order of
    /// [`KnownCustomers::users`].
    pub(super) fn logins(&self, users: &[There<StoredUser>]) -> Vec<(&'a CustomerId, &'a str)> {
        let asked = self.users().into_iter().zip(users);
        let other = asked.filter(|(_, there)| !matches!(there, There::Same));
        other.map(|(user, _)| (&user.customer, user.login.as_str())).collect()
    }

    /// With the answers, all that the decisions need to know.
    pub(super) fn and(
        self, users: Vec<There<StoredUser>>, entities: HashMap<String, NewEntity>, holders: HashMap<Pair, UserId>,
    ) -> Stored {
        let mut users = users.into_iter();
        let records = self
            .records
            .iter()
            .zip(self.there)
            .map(|(record, customer)| {
                let users = match customer {
                    There::Nothing => record.users.iter().map(|_| There::Nothing).collect(),
                    _ => users.by_ref().take(record.users.len()).collect(),
                };
                StoredRecord { customer, users }
            })
            .collect();
        Stored { records, entities, holders }
    }
}

/// All that the decisions of a run need to know.
pub(super) struct Stored {
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
    /// Decides about every record, in their order.
    pub(super) fn decide<'a>(&self, records: &'a [Record]) -> (Changes<'a>, Vec<Imported>) {
        let mut changes = Changes::default();
        let results = records.iter().zip(&self.records).map(|(record, there)| changes.add(record, there, self));
        let results = results.collect();
        (changes, results)
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
pub(super) struct Changes<'a> {
    pub(super) customers: Vec<&'a DesiredCustomer>,
    pub(super) users: Vec<&'a DesiredUser>,
    /// Users whose login is another one now.
    pub(super) renamed: Vec<&'a DesiredUser>,
    /// Customers that were deleted and are to be there again.
    pub(super) back: Vec<&'a CustomerId>,
    /// Customers whose wake-up may have changed. A new one has the right one from the start.
    pub(super) touched: Vec<&'a CustomerId>,
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
