//! The product: clients that write customers and users, each its own ones, one thing after the other, and remember what was
//! accepted. A request whose bridge dies is sent again, to whichever bridge lives, until it is answered.

mod documents;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use monite_bridge::domain::{CustomerId, SyncState};
use monite_sandbox::Sandbox;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::bridge::{API_KEY, Bridge, Site};
use crate::chance::Chance;
use crate::history::History;
use crate::turnstile::{Kind, Who};

/// The ids of each customer's users.
pub const USERS: [&str; 3] = ["ana", "ben", "cem"];

/// What the product wants of one customer, by what was accepted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The product's id.
    pub id: String,
    /// The last accepted document; `None`: never written.
    pub document: Option<Value>,
    /// Whether it is to be there.
    pub is_present: bool,
    /// Its users.
    pub users: BTreeMap<String, Value>,
    /// Which bridge accepted the deletion of what is gone: of the customer (`""`) and of users.
    gone_by: BTreeMap<String, usize>,
}

impl Wanted {
    /// One that the product has not written yet.
    #[must_use]
    pub fn named(id: String) -> Self {
        Self { id, ..Self::default() }
    }
}

/// What all clients share.
#[derive(Debug)]
pub struct Market {
    /// Where the bridges are.
    pub site: Site,
    /// Monite, to check what was handed out.
    pub sandbox: Arc<Sandbox>,
    /// What happened.
    pub history: History,
    /// What must not be.
    pub broken: Mutex<Vec<String>>,
    /// Whose each entity user is that a token was handed out for.
    pub owners: Mutex<BTreeMap<String, String>>,
    /// Tokens that were handed out, with customer and user.
    pub tokens: Mutex<Vec<(String, String, Value)>>,
    /// Tokens that a bridge handed out after another one had accepted the deletion.
    pub late_handouts: Mutex<u32>,
}

impl Market {
    /// Notes that a promise was broken.
    pub fn breaks(&self, text: String) {
        self.history.note(self.site.turnstile.now(), false, &format!("BROKEN: {text}"));
        lock(&self.broken).push(text);
    }
}

/// One client.
#[derive(Debug)]
pub struct Client {
    /// What it shares with the others.
    pub market: Arc<Market>,
    /// Its number.
    pub index: usize,
    /// Its draws.
    pub chance: Chance,
    /// Its customers.
    pub customers: Vec<Wanted>,
    /// The bridge it prefers.
    pub home: usize,
}

/// An answer, and who gave it.
struct Answer {
    status: u16,
    body: Vec<u8>,
    by: usize,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    fn is_accepted(&self) -> bool {
        self.status < 300
    }
}

impl Client {
    /// Does so many things, then says what it wants.
    pub async fn live(mut self, deeds: usize) -> Vec<Wanted> {
        for deed in 0..deeds {
            let wait = match self.chance.weighted(&[5, 3, 2, 1]) {
                0 => Duration::ZERO,
                1 => self.chance.between(Duration::ZERO, Duration::from_secs(1)),
                2 => self.chance.between(Duration::ZERO, Duration::from_secs(12)),
                _ => self.chance.between(Duration::ZERO, Duration::from_secs(90)),
            };
            // Twins are born at the same moment.
            let wait = if deed == 0 && self.market.site.plan.are_twins { Duration::ZERO } else { wait };
            self.pause(wait).await;
            if deed < self.customers.len() {
                // Of a customer that nobody knows nothing can be said.
                self.put_customer(deed).await;
            } else {
                self.do_something().await;
            }
        }
        self.customers
    }

    /// Makes what is failing due again, once Monite and the network are well.
    pub async fn retry_all(mut self) -> Vec<Wanted> {
        for index in 0..self.customers.len() {
            if self.customers[index].document.is_some() {
                let path = format!("/v1/customers/{}/retry", self.customers[index].id);
                self.ask("POST", &path, None).await;
            }
        }
        self.customers
    }

    async fn pause(&self, wait: Duration) {
        let turnstile = &self.market.site.turnstile;
        turnstile.enter_after(wait, Who::Product(self.index), Kind::Idle, "thinks").await.done("");
    }

    async fn do_something(&mut self) {
        let customer = self.chance.below(self.customers.len());
        let user = self.chance.one_of(&USERS);
        match self.chance.weighted(&[5, 3, 2, 7, 3, 3, 3, 1, 10]) {
            0 => self.put_customer(customer).await,
            1 => self.patch_customer(customer).await,
            2 => {
                let known: Vec<String> = self.customers[customer].users.keys().cloned().collect();
                let user = known.get(self.chance.below(known.len())).filter(|_| self.chance.hits(0.5)).cloned();
                self.holds_token(customer, user.as_deref()).await;
                self.delete_customer(customer).await;
                self.holds_token(customer, user.as_deref()).await;
            }
            3 => self.put_user(customer, user).await,
            4 => self.patch_user(customer, user).await,
            5 => {
                let user_or_nobody = self.chance.hits(0.7).then_some(user);
                self.holds_token(customer, user_or_nobody).await;
                self.delete_user(customer, user).await;
                self.holds_token(customer, user_or_nobody).await;
            }
            6 => self.import(customer).await,
            7 => self.retry(customer).await,
            _ => {
                // Mostly for one who should get it.
                let known: Vec<String> = self.customers[customer].users.keys().cloned().collect();
                let user = match known.get(self.chance.below(known.len() + 1)) {
                    Some(known) => known.as_str(),
                    None => user,
                };
                self.ask_for_token(customer, user).await;
            }
        }
    }

    /// How likely a customer looks like the others.
    fn twins(&self) -> f64 {
        if self.market.site.plan.are_twins { 0.9 } else { 0.35 }
    }

    async fn put_customer(&mut self, customer: usize) {
        let document = documents::customer(&self.chance, &self.customers[customer].id, self.twins());
        let path = self.path(customer, None);
        let answer = self.ask("PUT", &path, Some(&document)).await;
        if answer.is_accepted() {
            self.accepted(customer, document);
        }
    }

    async fn patch_customer(&mut self, customer: usize) {
        let change = documents::change_of_customer(&self.chance);
        let path = self.path(customer, None);
        let answer = self.ask("PATCH", &path, Some(&change)).await;
        let wanted = &mut self.customers[customer];
        if answer.is_accepted() {
            let mut document = wanted.document.take().unwrap_or_default();
            documents::merge(&mut document, &change);
            wanted.document = Some(document);
            if !wanted.is_present {
                self.market.breaks(format!("a patch was accepted for {}, which was deleted", wanted.id));
            }
        }
    }

    async fn delete_customer(&mut self, customer: usize) {
        let path = self.path(customer, None);
        let answer = self.ask("DELETE", &path, None).await;
        let wanted = &mut self.customers[customer];
        if answer.is_accepted() && wanted.document.is_some() {
            wanted.is_present = false;
            wanted.gone_by.insert(String::new(), answer.by);
        }
    }

    async fn put_user(&mut self, customer: usize, user: &str) {
        let document = documents::user(&self.chance, user);
        let path = self.path(customer, Some(user));
        let answer = self.ask("PUT", &path, Some(&document)).await;
        if answer.is_accepted() {
            self.customers[customer].users.insert(user.to_owned(), document);
        }
    }

    async fn patch_user(&mut self, customer: usize, user: &str) {
        let change = documents::change_of_user(&self.chance);
        let path = self.path(customer, Some(user));
        let answer = self.ask("PATCH", &path, Some(&change)).await;
        if answer.is_accepted() {
            match self.customers[customer].users.get_mut(user) {
                Some(document) => documents::merge(document, &change),
                None => self.market.breaks(format!("a patch was accepted for {path}, which was deleted")),
            }
        }
    }

    async fn delete_user(&mut self, customer: usize, user: &str) {
        let path = self.path(customer, Some(user));
        let answer = self.ask("DELETE", &path, None).await;
        let wanted = &mut self.customers[customer];
        // Not found: an earlier one, whose answer was lost, has done it.
        if (answer.is_accepted() || answer.status == 404) && wanted.users.remove(user).is_some() {
            wanted.gone_by.insert(user.to_owned(), answer.by);
        }
    }

    async fn import(&mut self, customer: usize) {
        let mut record = documents::customer(&self.chance, &self.customers[customer].id, self.twins());
        let document = record.clone();
        let users: Vec<&str> = USERS.into_iter().filter(|_| self.chance.hits(0.5)).collect();
        let users: Vec<(&str, Value)> =
            users.into_iter().map(|user| (user, documents::user(&self.chance, user))).collect();
        record["id"] = json!(self.customers[customer].id);
        record["users"] = users
            .iter()
            .map(|(id, document)| {
                let mut document = document.clone();
                document["id"] = json!(id);
                document
            })
            .collect();
        let answer = self.ask("POST", "/v1/import", Some(&record)).await;
        if ["created", "changed", "unchanged"].contains(&answer.json()["status"].as_str().unwrap_or_default()) {
            self.accepted(customer, document);
            let users = users.into_iter().map(|(id, document)| (id.to_owned(), document));
            self.customers[customer].users.extend(users);
        }
    }

    async fn retry(&mut self, customer: usize) {
        let path = format!("{}/retry", self.path(customer, None));
        self.ask("POST", &path, None).await;
    }

    /// Asks for a token right before and right after a deletion: what is in memory by then must not be handed out.
    async fn holds_token(&mut self, customer: usize, user: Option<&str>) {
        if let Some(user) = user {
            self.ask_for_token(customer, user).await;
        }
    }

    async fn ask_for_token(&mut self, customer: usize, user: &str) {
        let path = format!("{}/token", self.path(customer, Some(user)));
        let answer = self.ask("POST", &path, None).await;
        if answer.is_accepted() {
            self.check_token(customer, user, &answer).await;
        }
    }

    async fn check_token(&self, customer: usize, user: &str, answer: &Answer) {
        let (wanted, market, token) = (&self.customers[customer], &self.market, answer.json());
        let name = format!("{}/{user}", wanted.id);
        if !wanted.is_present || !wanted.users.contains_key(user) {
            let gone_by = if wanted.is_present { wanted.gone_by.get(user) } else { wanted.gone_by.get("") };
            // What another process has in memory is not told of a deletion that this one accepted: Monite's own refusal is what
            // ends such tokens.
            if gone_by.is_none_or(|by| *by == answer.by) {
                market.breaks(format!("a token was handed out for {name}, which is gone"));
            } else {
                *lock(&market.late_handouts) += 1;
            }
            return;
        }
        if token["expires_in"].as_u64().unwrap_or_default() < 660 {
            market.breaks(format!("the token of {name} lives only for {}", token["expires_in"]));
        }
        let id = token["entity_user_id"].as_str().unwrap_or_default().to_owned();
        let owner = lock(&market.owners).entry(id.clone()).or_insert_with(|| name.clone()).clone();
        if owner != name {
            market.breaks(format!("{name} was handed out a token of {owner}'s entity user {id}"));
        }
        // A question takes a place in the budget, and where tokens expire early, answers are old or somebody meddles nobody can know.
        let plan = &market.site.plan;
        if !plan.tokens_expire && !plan.is_stale && plan.counts.is_none() && plan.meddling == 0 {
            self.must_be_worth_something(wanted, user, &token).await;
        }
        lock(&market.tokens).push((wanted.id.clone(), user.to_owned(), token));
    }

    /// A customer who is not in sync may be so in everything: deleted and written again, its entity is off until it is switched on.
    async fn must_be_worth_something(&self, wanted: &Wanted, user: &str, token: &Value) {
        let (site, what) = (&self.market.site, format!("looks at the token of {}/{user}", wanted.id));
        let turn = site.turnstile.enter(Who::Product(self.index), Kind::Read, what).await;
        let id = CustomerId::parse(&wanted.id).expect("ids of a run are plain");
        let stored = site.store.customer(&id).await.expect("nothing is wrong with the database of a run");
        let is_in_sync = stored.is_some_and(|customer| customer.sync.state == SyncState::InSync);
        let me = monite_says(&self.market.sandbox, token).await;
        turn.done("");
        if is_in_sync && me["id"] != token["entity_user_id"] {
            self.market.breaks(format!("the token of {}/{user} is worth nothing at Monite: {me}", wanted.id));
        }
    }

    fn accepted(&mut self, customer: usize, document: Value) {
        let wanted = &mut self.customers[customer];
        wanted.document = Some(document);
        wanted.is_present = true;
    }

    fn path(&self, customer: usize, user: Option<&str>) -> String {
        let customer = &self.customers[customer].id;
        match user {
            Some(user) => format!("/v1/customers/{customer}/users/{user}"),
            None => format!("/v1/customers/{customer}"),
        }
    }

    /// Asks until there is an answer.
    async fn ask(&mut self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        loop {
            let alive = self.market.site.alive();
            if alive.is_empty() {
                self.pause(Duration::from_secs(1)).await;
                continue;
            }
            let there =
                |bridge: &&Arc<Bridge>| matches!(bridge.who, Who::Bridge { instance, .. } if instance == self.home);
            let bridge = match alive.iter().find(there) {
                Some(home) if !self.chance.hits(0.15) => Arc::clone(home),
                _ => Arc::clone(&alive[self.chance.below(alive.len())]),
            };
            let answer = self.ask_bridge(&bridge, method, path, body).await;
            let told = answer.as_ref().map_or("no answer".to_owned(), |answer| answer.status.to_string());
            let sent = body.map(Value::to_string).unwrap_or_default();
            let text = format!("product {}: {method} {path} {sent} at {}: {told}", self.index, bridge.who);
            self.market.history.note(self.market.site.turnstile.now(), false, &text);
            match answer {
                Some(answer) if answer.status < 500 => return answer,
                // A token may not be there yet; a write that failed is sent again.
                Some(answer) if path.ends_with("/token") => return answer,
                _ => self.pause(Duration::from_millis(500)).await,
            }
        }
    }

    async fn ask_bridge(&self, bridge: &Bridge, method: &str, path: &str, body: Option<&Value>) -> Option<Answer> {
        let media_type = if path.ends_with("/import") { "application/x-ndjson" } else { "application/json" };
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::AUTHORIZATION, format!("Bearer {API_KEY}"))
            .header(http::header::CONTENT_TYPE, media_type)
            .body(body.map_or_else(Body::empty, |body| Body::from(format!("{body}\n"))))
            .expect("paths and methods are plain text");
        let answered = async {
            let response = match bridge.router.clone().oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            let status = response.status().as_u16();
            let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
            let Who::Bridge { instance, .. } = bridge.who else { return None };
            body.ok().map(|body| Answer { status, body: body.to_vec(), by: instance })
        };
        tokio::select! {
            biased;
            () = bridge.dead.cancelled() => None,
            answer = answered => answer,
        }
    }
}

/// What Monite answers to the question who the holder of this token is.
pub async fn monite_says(sandbox: &Sandbox, token: &Value) -> Value {
    let request = http::Request::get("/v1/entity_users/me")
        .header("authorization", format!("Bearer {}", token["access_token"].as_str().unwrap_or_default()))
        .header("x-monite-version", monite::API_VERSION)
        .header("x-monite-entity-id", token["entity_id"].as_str().unwrap_or_default())
        .body(Body::empty())
        .expect("a token is plain text");
    let response = match sandbox.router().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap_or_default();
    serde_json::from_slice(&body).unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
