//! Tenant proof: whoever asks for a token gets one of exactly the (customer, user) of its session, or none, whatever happens meanwhile.
//!
//! Two processes on one database, 500 customers whose users have the same ids and the same logins, 256 callers at once, and all the
//! while users are deleted and created anew, customers deactivated and brought back, documents and roles changed, tokens expire. Every
//! token is shown to Monite, which says whose it is. What is drawn comes from a seed; which task comes first does not, so a failure
//! prints its seed and may need some runs.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use jiff::Timestamp;
use monite::Clock as _;
use monite_bridge::store::seal::MasterKey;
use rand::rngs::SmallRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{Answer, Database, Replica, Setup, TestBridge, customer_document, on_every_database};

on_every_database! {
    ; on_threads:
    nobody_ever_gets_a_token_of_somebody_else,
}

const CUSTOMERS: usize = 500;
/// In every restless customer, the first one in all others, too; the login is the id.
const USERS: [&str; 2] = ["ana", "ben"];
/// The first so many customers are changed all the time, and half of the questions are about them. Nobody touches the others.
const RESTLESS: usize = 40;
const CALLERS: usize = 256;
const QUESTIONS: usize = 16;
const CHURNERS: usize = 16;
/// So many questions apart, time moves by up to [`MOST_SECONDS`].
const A_TICK: u64 = 32;
const MOST_SECONDS: u64 = 30;
/// What the contract allows another process to lag behind.
const LAG: Duration = Duration::from_secs(3);

/// `TENANTS_SEED` looks at another one.
fn seed() -> u64 {
    std::env::var("TENANTS_SEED").map_or(1, |seed| seed.parse().expect("TENANTS_SEED is a number"))
}

/// What one customer or one user went through, as far as its product was answered.
#[derive(Debug, Clone, Copy, Default)]
struct Past {
    /// Changes begun so far.
    changes: u64,
    /// The last one is a deletion: when it had been answered, and by which process.
    gone: Option<(Timestamp, usize)>,
}

#[derive(Debug, Default)]
struct Pasts {
    customer: Past,
    users: [Past; USERS.len()],
}

/// What all tasks share.
struct Stage {
    bridge: TestBridge,
    other: Replica,
    doors: [Router; 2],
    pasts: Vec<Mutex<Pasts>>,
    /// One change of a customer at a time, so that what it went through has an order.
    turns: Vec<tokio::sync::Mutex<()>>,
    /// Whose each token is that anybody ever got.
    owners: Mutex<HashMap<String, (usize, usize)>>,
    questions: AtomicU64,
    callers_left: AtomicU64,
    over: AtomicBool,
    tally: Tally,
}

/// How often what happened: a proof in which nothing did proves nothing.
#[derive(Debug, Default)]
struct Tally {
    handed_out: AtomicU64,
    of_restless: AtomicU64,
    refused_as_gone: AtomicU64,
    late: AtomicU64,
    changes: AtomicU64,
}

impl Stage {
    async fn set(on: Database) -> Self {
        let master_key = Some(MasterKey::generate());
        let bridge = TestBridge::with(Setup { database: on, master_key, ..Setup::default() }).await;
        let lines: Vec<String> = (0..CUSTOMERS).map(|number| line(number).to_string()).collect();
        let results = bridge.import(&lines.join("\n")).await;
        assert_eq!(results.len(), CUSTOMERS);
        bridge.settle().await;
        let other = bridge.replica("other").await;
        Self {
            doors: [bridge.doors(), bridge.doors_of(&other)],
            bridge,
            other,
            pasts: (0..CUSTOMERS).map(|_| Mutex::default()).collect(),
            turns: (0..CUSTOMERS).map(|_| tokio::sync::Mutex::default()).collect(),
            owners: Mutex::default(),
            questions: AtomicU64::new(0),
            callers_left: AtomicU64::new(CALLERS as u64),
            over: AtomicBool::new(false),
            tally: Tally::default(),
        }
    }

    fn now(&self) -> Timestamp {
        self.bridge.clock.now()
    }

    fn past(&self, customer: usize, user: usize) -> [Past; 2] {
        let pasts = self.pasts[customer].lock().unwrap();
        [pasts.customer, pasts.users[user]]
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Asks one process with a session of this user, and has Monite say whose the token is.
    async fn ask(&self, customer: usize, user: usize, process: usize) -> Answer {
        let (before, began) = (self.past(customer, user), self.now());
        // Good for more than an hour, and the same for a while, as a product's sessions are.
        let until = (began.as_second() / 1800 + 4) * 1800;
        let session = TestBridge::signed(&json!({"org_id": name(customer), "sub": USERS[user], "exp": until}));
        let call = self.bridge.anonymous("GET", "/v1/token").bearer(&session);
        let answer = call.send_to(&self.doors[process]).await;
        let who = format!("{}/{} at process {process}, seed {}", name(customer), USERS[user], seed());
        if answer.status != 200 {
            let gone = before.iter().any(|past| past.gone.is_some());
            self.tally.refused_as_gone.fetch_add(u64::from(gone), Ordering::Relaxed);
            assert!([403, 404, 409, 503].contains(&answer.status), "{who}: {answer:?}");
            // The time of everything moves while a token is fetched, so that one comes too late now and then.
            let excused = customer < RESTLESS || answer.status == 503;
            self.tally.late.fetch_add(u64::from(answer.status == 503), Ordering::Relaxed);
            assert!(excused, "{who} is refused, though nobody touched it: {answer:?}");
            return answer;
        }
        self.tally.handed_out.fetch_add(1, Ordering::Relaxed);
        self.tally.of_restless.fetch_add(u64::from(customer < RESTLESS), Ordering::Relaxed);
        let after = self.past(customer, user);
        for (before, after) in before.iter().zip(&after) {
            let Some((answered, by)) = before.gone.filter(|_| before.changes == after.changes) else { continue };
            let late = by != process && began < answered + LAG;
            assert!(late, "{who}: a token at {began}, deleted through process {by} at {answered}");
        }
        self.check(customer, user, &answer.json(), &who, began).await;
        answer
    }

    async fn check(&self, customer: usize, user: usize, token: &Value, who: &str, began: Timestamp) {
        let text = token["access_token"].as_str().unwrap().to_owned();
        let owner = *self.owners.lock().unwrap().entry(text).or_insert((customer, user));
        assert_eq!(owner, (customer, user), "{who} got a token that somebody else got before");
        let me = self.bridge.ask_monite("/v1/entity_users/me", token).await;
        let entity = self.bridge.ask_monite("/v1/entity_users/my_entity", token).await;
        if me["id"].is_null() || entity["id"].is_null() {
            // The clock runs ahead of what is revoked because of earlier changes, so a token of a restless user may be dead at once.
            assert!(customer < RESTLESS, "{who} got a token at {began} that is dead: {me}, {entity}");
            return;
        }
        assert_eq!(me["last_name"], format!("{} of {}", USERS[user], name(customer)), "{who}: {me}");
        assert_eq!(entity["organization"]["legal_name"], format!("{} GmbH", name(customer)), "{who}: {entity}");
        assert_eq!((&me["id"], &entity["id"]), (&token["entity_user_id"], &token["entity_id"]), "{who}");
    }

    /// One product's call about a customer, or about one of its users.
    async fn change(&self, customer: usize, user: Option<usize>, what: Change, process: usize) {
        let path = match user {
            None => format!("/v1/customers/{}", name(customer)),
            Some(user) => format!("/v1/customers/{}/users/{}", name(customer), USERS[user]),
        };
        let (method, document) = match what {
            Change::Delete => ("DELETE", None),
            Change::Put(document) => ("PUT", Some(document)),
        };
        self.note(customer, user, |past| {
            past.changes += 1;
            past.gone = past.gone.filter(|_| method == "DELETE");
        });
        let send = || {
            let call = self.bridge.call(method, &path);
            let call = match &document {
                None => call,
                Some(document) => call.json(document),
            };
            call.send_to(&self.doors[process])
        };
        let mut answer = send().await;
        let mut again = false;
        // The database has a handful of connections for all of this; nothing is known then, and a product asks again.
        while answer.status == 503 {
            again = true;
            answer = send().await;
        }
        // A second deletion finds nobody; a user cannot be written while its customer is deactivated.
        let accepted = answer.status < 300 || (again && method == "DELETE" && answer.status == 404);
        assert!(accepted || [404, 409].contains(&answer.status), "{method} {path}: {answer:?}");
        let now = self.now();
        self.note(customer, user, |past| {
            if accepted && method == "DELETE" {
                past.gone = past.gone.or(Some((now, process)));
            }
        });
        self.tally.changes.fetch_add(u64::from(accepted), Ordering::Relaxed);
    }

    fn note(&self, customer: usize, user: Option<usize>, note: impl FnOnce(&mut Past)) {
        let mut pasts = self.pasts[customer].lock().unwrap();
        note(match user {
            None => &mut pasts.customer,
            Some(user) => &mut pasts.users[user],
        });
    }

    /// Asks as many users as it has questions.
    async fn call(&self, number: usize) {
        let mut dice = SmallRng::seed_from_u64(seed() << 16 | number as u64);
        for _ in 0..QUESTIONS {
            let among = if dice.random_ratio(1, 2) { RESTLESS } else { CUSTOMERS };
            let customer = dice.random_range(0..among);
            self.ask(customer, dice.random_range(0..users_of(customer)), dice.random_range(0..2)).await;
            if self.questions.fetch_add(1, Ordering::SeqCst).is_multiple_of(A_TICK) {
                self.bridge.clock.advance(Duration::from_secs(dice.random_range(1..=MOST_SECONDS)));
            }
        }
        if self.callers_left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.over.store(true, Ordering::SeqCst);
        }
    }

    /// Changes one thing after the other until all have asked.
    async fn churn(&self, number: usize) {
        let mut dice = SmallRng::seed_from_u64(seed() << 16 | (CALLERS + number) as u64);
        while !self.is_over() {
            let customer = dice.random_range(0..RESTLESS);
            let _turn = self.turns[customer].lock().await;
            let (user, process, salt) = (dice.random_range(0..USERS.len()), dice.random_range(0..2), dice.next_u32());
            let (deleted, user) = match dice.random_range(0..10) {
                0..5 => (self.past(customer, user)[1].gone.is_none(), Some(user)),
                5..8 => (false, Some(user)),
                8 => (self.past(customer, user)[0].gone.is_none(), None),
                _ => (false, None),
            };
            let change = match user {
                _ if deleted => Change::Delete,
                Some(user) => Change::Put(user_of(customer, user, salt)),
                None => Change::Put(customer_of(customer, salt)),
            };
            self.change(customer, user, change, process).await;
            // Whoever has just been told of the deletion is the first who must not get one any more.
            self.ask(customer, user.unwrap_or_default(), process).await;
            tokio::task::yield_now().await;
        }
    }

    async fn work(&self, process: usize) {
        while !self.is_over() {
            let reconciler = [&self.bridge.reconciler, &self.other.reconciler][process];
            // Without a connection to the database it does nothing for once.
            drop(reconciler.pass(None, &CancellationToken::new()).await);
            tokio::task::yield_now().await;
        }
    }
}

enum Change {
    Delete,
    Put(Value),
}

fn name(customer: usize) -> String {
    format!("c{customer}")
}

/// The city differs with the salt; the name says who it is.
fn customer_of(customer: usize, salt: u32) -> Value {
    let mut document = customer_document(&name(customer));
    document["address"]["city"] = json!(format!("City {}", salt % 4));
    document
}

/// First name and role differ with the salt; the last name says who it is, for the login does not.
fn user_of(customer: usize, user: usize, salt: u32) -> Value {
    let role = if salt.is_multiple_of(2) { "viewer" } else { "admin" };
    json!({
        "login": USERS[user],
        "first_name": format!("Name{}", salt % 3),
        "last_name": format!("{} of {}", USERS[user], name(customer)),
        "email": format!("{}@example.com", USERS[user]),
        "role": role,
    })
}

fn users_of(customer: usize) -> usize {
    if customer < RESTLESS { USERS.len() } else { 1 }
}

fn line(customer: usize) -> Value {
    let users = (0..users_of(customer)).map(|user| {
        let mut document = user_of(customer, user, 0);
        document["id"] = json!(USERS[user]);
        document
    });
    let mut document = customer_of(customer, 0);
    document["id"] = json!(name(customer));
    document["users"] = users.collect();
    document
}

async fn nobody_ever_gets_a_token_of_somebody_else(on: Database) {
    let stage = Arc::new(Stage::set(on).await);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..CALLERS {
        let stage = Arc::clone(&stage);
        tasks.spawn(async move { stage.call(number).await });
    }
    for number in 0..CHURNERS {
        let stage = Arc::clone(&stage);
        tasks.spawn(async move { stage.churn(number).await });
    }
    for process in 0..2 {
        let stage = Arc::clone(&stage);
        tasks.spawn(async move { stage.work(process).await });
    }
    while let Some(ended) = tasks.join_next().await {
        // The first mistake ends all: the others wait for callers that are no more.
        ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    }
    let at_the_end = format!("seed {}, {:?}", seed(), stage.tally);
    let late = stage.tally.late.load(Ordering::Relaxed);
    assert!(late < (CALLERS * QUESTIONS / 10) as u64, "too many got none in time: {at_the_end}");
    let tally = [&stage.tally.of_restless, &stage.tally.refused_as_gone, &stage.tally.changes];
    assert!(tally.iter().all(|count| count.load(Ordering::Relaxed) > 100), "too little happened: {at_the_end}");
    stage.bridge.settle().await;
    stage.bridge.clock.advance(LAG);
    for (customer, user) in (0..RESTLESS).flat_map(|customer| (0..USERS.len()).map(move |user| (customer, user))) {
        let gone = stage.past(customer, user).iter().any(|past| past.gone.is_some());
        for process in 0..2 {
            let answer = stage.ask(customer, user, process).await;
            assert_eq!(answer.status != 200, gone, "{}/{}: {answer:?}", name(customer), USERS[user]);
        }
    }
}
