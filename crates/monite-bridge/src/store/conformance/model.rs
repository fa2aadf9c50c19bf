//! Random sequences of operations against a model in memory: after each step the store and the model must agree on every
//! object, on who is due, and on who holds what.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::Wish;
use super::*;

const CUSTOMERS: [&str; 2] = ["acme", "bolt"];
const USERS: [&str; 2] = ["ana", "bob"];

/// One step. Small numbers pick among [`CUSTOMERS`], [`USERS`], documents, and the leases taken so far.
#[derive(Debug, Clone)]
enum Step {
    PutCustomer(usize, u8),
    DropCustomer(usize),
    PutUser(usize, usize, u8),
    DropUser(usize, usize, bool),
    Wait(i64),
    Claim,
    Open(usize),
    CreateEntity(usize),
    Finish(usize, Ending),
    Retry(usize),
}

/// How a visit ends, for the customer and for each user it saw.
#[derive(Debug, Clone, Copy)]
enum Ending {
    Success,
    TryAgainIn(u64),
    Refused,
    /// Nothing is said about any object.
    Silent,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (customer, user, lease) = (0..CUSTOMERS.len(), 0..USERS.len(), 0..4usize);
    let ending = prop_oneof![
        4 => Just(Ending::Success),
        1 => (1..90u64).prop_map(Ending::TryAgainIn),
        1 => Just(Ending::Refused),
        1 => Just(Ending::Silent),
    ];
    let step = prop_oneof![
        4 => (customer.clone(), 0..3u8).prop_map(|(customer, document)| Step::PutCustomer(customer, document)),
        1 => customer.clone().prop_map(Step::DropCustomer),
        4 => (customer.clone(), user.clone(), 0..3u8).prop_map(|(customer, user, login)| Step::PutUser(customer, user, login)),
        2 => (customer.clone(), user, any::<bool>()).prop_map(|(customer, user, keep)| Step::DropUser(customer, user, keep)),
        2 => (1..80i64).prop_map(Step::Wait),
        6 => Just(Step::Claim),
        4 => lease.clone().prop_map(Step::Open),
        3 => lease.clone().prop_map(Step::CreateEntity),
        6 => (lease, ending).prop_map(|(lease, ending)| Step::Finish(lease, ending)),
        1 => customer.prop_map(Step::Retry),
    ];
    proptest::collection::vec(step, 1..40)
}

pub(crate) async fn random_histories_agree_with_a_model<D: Database>(_: &D) {
    // proptest is not async: it runs on a thread of its own and enters a runtime for each history.
    let run = || {
        let config = ProptestConfig { cases: D::HISTORIES, failure_persistence: None, ..ProptestConfig::default() };
        proptest!(config, |(steps in steps())| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let database = D::create().await;
                let mut bench = Bench { desk: Desk::of(&database).await, model: Model::default(), held: Vec::new() };
                for step in &steps {
                    bench.step(step).await;
                    bench.compare(step).await;
                }
                bench.desk.close().await;
            });
        });
    };
    tokio::task::spawn_blocking(run).await.unwrap();
}

/// What is expected of one customer or user.
#[derive(Debug, Clone, PartialEq)]
struct Object {
    document: u8,
    wish: Wish,
    generation: i64,
    state: SyncState,
    due: Option<i64>,
    at_monite: bool,
}

impl Object {
    fn new(document: u8, now: i64) -> Self {
        Self {
            document,
            wish: Wish::Present,
            generation: 1,
            state: SyncState::Pending,
            due: Some(now),
            at_monite: false,
        }
    }

    /// A write of the product; whether it was one at all.
    fn write(&mut self, document: u8, now: i64) {
        if self.wish == Wish::Present && self.document == document {
            return;
        }
        let at_monite = self.at_monite;
        *self = Self { generation: self.generation + 1, at_monite, ..Self::new(document, now) };
    }

    fn delete(&mut self, now: i64, done_at_once: bool) {
        self.wish = Wish::Gone;
        self.generation += 1;
        self.state = if done_at_once { SyncState::Deactivated } else { SyncState::Pending };
        self.due = if done_at_once { None } else { Some(now) };
    }

    fn end(&mut self, progress: &Progress) {
        if self.generation == progress.generation.0 {
            self.state = progress.state;
            self.due = progress.due_at.map(|due| due.as_second() - at(0).as_second());
        }
    }

    fn retry(&mut self, now: i64) {
        if self.state.is_failing() {
            (self.state, self.due) = (SyncState::Pending, Some(now));
        }
    }
}

#[derive(Debug)]
struct ModelCustomer {
    object: Object,
    written_at: i64,
    users: BTreeMap<usize, Object>,
    fence: i64,
    lease_until: Option<i64>,
}

impl ModelCustomer {
    fn wake(&self) -> Option<i64> {
        if self.lease_until.is_some() {
            return self.lease_until;
        }
        let counts = |user: &&Object| self.object.wish == Wish::Present || user.wish == Wish::Gone;
        let users = self.users.values().filter(counts).filter_map(|user| user.due).min();
        self.object.due.into_iter().chain(users.filter(|_| self.object.at_monite)).min()
    }
}

impl ModelCustomer {
    /// Users of a customer that is not to be there are tried at no time.
    fn rest(&mut self) {
        let open = |user: &&mut Object| {
            user.wish == Wish::Present && matches!(user.state, SyncState::Pending | SyncState::Retrying)
        };
        if self.object.wish == Wish::Gone {
            self.users
                .values_mut()
                .filter(open)
                .for_each(|user| (user.state, user.due) = (SyncState::Deactivated, None));
        }
    }

    fn take_up(&mut self, now: i64) {
        let rests = |user: &&mut Object| user.wish == Wish::Present && user.state == SyncState::Deactivated;
        self.users.values_mut().filter(rests).for_each(|user| (user.state, user.due) = (SyncState::Pending, Some(now)));
    }

    fn user_ended(&mut self, user: usize, wished: Wish, progress: Option<Progress>, ending: Ending) {
        let Some(there) = self.users.get_mut(&user) else { return };
        match (ending, wished) {
            (Ending::Success, Wish::Gone) if there.wish == Wish::Gone => drop(self.users.remove(&user)),
            (Ending::Success, Wish::Gone) => there.at_monite = false,
            _ => {
                there.at_monite |= matches!(ending, Ending::Success);
                progress.iter().for_each(|progress| there.end(progress));
            }
        }
    }
}

/// What a visit says of one user: a success creates it at Monite, or completes its deletion.
fn user_changes(user: usize, wished: Wish, progress: Option<Progress>, ending: Ending) -> Vec<Change> {
    let id = user_id(USERS[user]);
    let Some(progress) = progress else { return Vec::new() };
    match (ending, wished) {
        (Ending::Success, Wish::Gone) => vec![Change::UserGone(id, progress.generation)],
        (Ending::Success, Wish::Present) => {
            let link = entity_user(u32::try_from(user).unwrap(), &person("login"));
            vec![Change::User(id.clone(), link), Change::UserDone(id, progress)]
        }
        _ => vec![Change::UserDone(id, progress)],
    }
}

#[derive(Debug, Default)]
struct Model {
    now: i64,
    customers: BTreeMap<usize, ModelCustomer>,
}

/// A lease and what the visit under it has read.
struct Held {
    lease: Lease,
    customer: usize,
    read: Option<Read>,
}

/// The generation of the customer, and of its users with what is wished of them.
type Read = (i64, BTreeMap<usize, (i64, Wish)>);

struct Bench {
    desk: Desk,
    model: Model,
    held: Vec<Held>,
}

impl Bench {
    async fn step(&mut self, step: &Step) {
        let now = self.model.now;
        match *step {
            Step::Wait(seconds) => self.model.now += seconds,
            Step::PutCustomer(customer, document) => {
                self.desk.put(CUSTOMERS[customer], &super::document(&document.to_string()), at(now)).await;
                self.model.put_customer(customer, document);
            }
            Step::DropCustomer(customer) => self.drop_customer(customer).await,
            Step::PutUser(customer, user, login) => self.put_user(customer, user, login).await,
            Step::DropUser(customer, user, keep) => self.drop_user(customer, user, keep).await,
            Step::Claim => self.claim().await,
            Step::Open(lease) => self.open(lease).await,
            Step::CreateEntity(lease) => self.create_entity(lease).await,
            Step::Finish(lease, ending) => self.finish(lease, ending).await,
            Step::Retry(customer) => {
                let scope = super::super::RetryScope::One(CUSTOMERS[customer].parse().unwrap());
                self.desk.retry(&scope, at(now)).await.unwrap();
                if let Some(known) = self.model.customers.get_mut(&customer) {
                    known.object.retry(now);
                    known.users.values_mut().for_each(|user| user.retry(now));
                    known.rest();
                }
            }
        }
    }

    async fn drop_customer(&mut self, customer: usize) {
        let now = self.model.now;
        let dropped =
            self.desk.delete_customer(&customer_id(CUSTOMERS[customer]), Precondition::None, at(now)).await.unwrap();
        match self.model.customers.get_mut(&customer) {
            None => assert_eq!(dropped, None),
            Some(known) if known.object.wish == Wish::Gone => assert!(matches!(dropped, Some(Written::Unchanged(_)))),
            Some(known) => {
                assert!(matches!(dropped, Some(Written::Changed(_))));
                known.object.delete(now, !known.object.at_monite);
                known.written_at = now;
                known.rest();
            }
        }
    }

    async fn put_user(&mut self, customer: usize, user: usize, login: u8) {
        let now = self.model.now;
        let (customer_id, user_id) = (customer_id(CUSTOMERS[customer]), user_id(USERS[user]));
        let person = person(&format!("login{login}"));
        let written = self.desk.put_user(&customer_id, &user_id, &person, Precondition::None, at(now)).await.unwrap();
        let Some(known) = self.model.customers.get_mut(&customer) else {
            return assert_eq!(written, Written::NoSuchCustomer);
        };
        let taken =
            |(id, other): (&usize, &Object)| *id != user && other.wish == Wish::Present && other.document == login;
        if known.users.iter().any(taken) {
            return assert!(matches!(written, Written::Refused(_)), "{written:?}");
        }
        match known.users.get_mut(&user) {
            Some(there) => there.write(login, now),
            None => drop(known.users.insert(user, Object::new(login, now))),
        }
        known.rest();
    }

    async fn drop_user(&mut self, customer: usize, user: usize, keep: bool) {
        let now = self.model.now;
        let (customer_id, user_id) = (customer_id(CUSTOMERS[customer]), user_id(USERS[user]));
        let dropped = self.desk.delete_user(&customer_id, &user_id, Precondition::None, keep, at(now)).await.unwrap();
        let known = self.model.customers.get_mut(&customer);
        let Some(known) = known else { return assert_eq!(dropped, None) };
        let Some(there) = known.users.get(&user).filter(|there| there.wish == Wish::Present) else {
            return assert_eq!(dropped, None);
        };
        assert!(matches!(dropped, Some(Written::Changed(_))));
        if known.lease_until.is_none() && (keep || !there.at_monite) {
            known.users.remove(&user);
        } else if let Some(there) = known.users.get_mut(&user) {
            there.delete(now, keep);
        }
    }

    async fn claim(&mut self) {
        let now = self.model.now;
        let leases = self.desk.claim(at(now)).await;
        let mut expected = Vec::new();
        for (index, known) in &mut self.model.customers {
            if known.wake().is_some_and(|wake| wake <= now) {
                known.fence += 1;
                known.lease_until = Some(now + LEASE.as_secs() as i64);
                expected.push((CUSTOMERS[*index].to_owned(), known.fence));
            }
        }
        let mut got: Vec<_> = leases.iter().map(|lease| (lease.customer.to_string(), lease.fence)).collect();
        got.sort();
        assert_eq!(got, expected);
        self.held.extend(leases.into_iter().map(|lease| Held {
            customer: CUSTOMERS.iter().position(|id| *id == lease.customer.as_str()).unwrap(),
            lease,
            read: None,
        }));
    }

    /// One of the leases taken so far, and whether it still holds; `None` when there is none.
    fn pick(&self, index: usize) -> Option<(usize, bool)> {
        let index = self.held.len().checked_sub(1 + index % self.held.len().max(1))?;
        let held = &self.held[index];
        let known = &self.model.customers[&held.customer];
        Some((index, known.fence == held.lease.fence && known.lease_until.is_some()))
    }

    async fn open(&mut self, lease: usize) {
        let Some((index, holds)) = self.pick(lease) else { return };
        let now = self.model.now;
        let held = &mut self.held[index];
        let visit = self.desk.open(&held.lease, at(now), 100).await.unwrap();
        assert_eq!(visit.is_some(), holds);
        let Some(visit) = visit else { return };
        let known = &self.model.customers[&held.customer];
        assert_eq!(visit.customer_due, known.object.due.is_some_and(|due| due <= now));
        let due = |user: &&(&usize, &Object)| user.1.due.is_some_and(|due| due <= now);
        let mut expected: Vec<_> = known.users.iter().collect();
        expected.sort_by_key(|(id, user)| (user.wish == Wish::Present, **id));
        let expected: Vec<_> = expected.iter().filter(due).map(|(id, _)| USERS[**id]).collect();
        assert_eq!(visit.users.iter().map(|user| user.id.as_str()).collect::<Vec<_>>(), expected);
        let generations = visit.users.iter().map(|user| {
            (USERS.iter().position(|id| *id == user.id.as_str()).unwrap(), (user.sync.generation.0, user.wish))
        });
        held.read = Some((visit.customer.sync.generation.0, generations.collect()));
    }

    async fn create_entity(&mut self, lease: usize) {
        let Some((index, holds)) = self.pick(lease) else { return };
        let held = &self.held[index];
        let number = u32::try_from(held.customer).unwrap();
        let changes = vec![Change::Entity(entity(number, &document("0")))];
        let fenced = self.desk.record(&held.lease, changes).await.unwrap();
        assert_eq!(fenced == Fenced::Recorded, holds);
        if holds && let Some(known) = self.model.customers.get_mut(&held.customer) {
            if known.object.state == SyncState::Deactivated && !known.object.at_monite {
                (known.object.state, known.object.due) = (SyncState::Pending, Some(known.written_at));
            }
            known.object.at_monite = true;
        }
    }

    async fn finish(&mut self, lease: usize, ending: Ending) {
        let Some((index, holds)) = self.pick(lease) else { return };
        let now = self.model.now;
        let held = &self.held[index];
        let (customer, users) = held.read.clone().unwrap_or_default();
        let progress = |generation| match ending {
            Ending::Success => Some(done(generation, at(now))),
            Ending::TryAgainIn(seconds) => Some(retrying(generation, at(now), seconds)),
            Ending::Refused => Some(rejected(generation, at(now))),
            Ending::Silent => None,
        };
        let mut changes: Vec<Change> = progress(customer).map(Change::CustomerDone).into_iter().collect();
        for (user, (generation, wish)) in &users {
            changes.extend(user_changes(*user, *wish, progress(*generation), ending));
        }
        let fenced = self.desk.finish(&held.lease, changes).await.unwrap();
        assert_eq!(fenced == Fenced::Recorded, holds);
        if holds && let Some(known) = self.model.customers.get_mut(&held.customer) {
            progress(customer).iter().for_each(|progress| known.object.end(progress));
            for (user, (generation, wish)) in users {
                known.user_ended(user, wish, progress(generation), ending);
            }
            known.rest();
            known.users.retain(|_, user| user.state != SyncState::Deactivated || user.wish == Wish::Present);
            known.lease_until = None;
        }
    }

    async fn compare(&self, step: &Step) {
        for (index, id) in CUSTOMERS.iter().enumerate() {
            let there = self.desk.customer(&customer_id(id)).await.unwrap();
            let known = self.model.customers.get(&index);
            let found = there.map(|there| (there.wish, there.sync, there.entity.present().is_some()));
            agree(found, known.map(|known| &known.object), id, step);
            for (user, user_id) in USERS.iter().enumerate() {
                let there = self.desk.see_person(id, user_id).await;
                let found = there.map(|there| (there.wish, there.sync, there.entity_user.present().is_some()));
                agree(found, known.and_then(|known| known.users.get(&user)), user_id, step);
            }
        }
        let next = self.model.customers.values().filter_map(ModelCustomer::wake).min();
        assert_eq!(self.desk.next_due().await.unwrap(), next.map(at), "after {step:?}");
    }
}

impl Model {
    fn put_customer(&mut self, customer: usize, document: u8) {
        let now = self.now;
        match self.customers.get_mut(&customer) {
            Some(known) => {
                let (before, was) = (known.object.generation, known.object.wish);
                known.object.write(document, now);
                if was == Wish::Gone {
                    known.take_up(now);
                }
                if known.object.generation != before {
                    known.written_at = now;
                }
            }
            None => {
                let object = Object::new(document, now);
                let new =
                    ModelCustomer { object, written_at: now, users: BTreeMap::new(), fence: 0, lease_until: None };
                self.customers.insert(customer, new);
            }
        }
    }
}

fn agree(found: Option<(Wish, crate::domain::SyncStatus, bool)>, expected: Option<&Object>, id: &str, step: &Step) {
    let found =
        found.map(|(wish, sync, at_monite)| (wish, sync.generation.0, sync.state, sync.next_attempt_at, at_monite));
    let expected =
        expected.map(|object| (object.wish, object.generation, object.state, object.due.map(at), object.at_monite));
    assert_eq!(found, expected, "{id} after {step:?}");
}
