//! `why`: all that is known of one object: desired, confirmed, what differs, the latest calls, and what to do next.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::advice::next_step;
use super::failure::{Exit, Failure};
use super::output::{Output, Style};
use super::plan::USERS_SHOWN;
use super::steps::{Step, describe, steps};
use super::words;
use crate::assemble::Setup;
use crate::domain::{Call, ObjectId, Seen, SyncState, SyncStatus};
use crate::store::{Customer, StampStatus, Store, User, Wish};

/// Show everything known of one customer or user, and what to do next
#[derive(Debug, clap::Args)]
pub(super) struct Why {
    #[arg(value_name = "CUSTOMER[/USER]")]
    object: ObjectId,
}

/// There is no such object; says how to find the right id.
pub(super) fn unknown(object: &ObjectId) -> Failure {
    let (what, next) = match object {
        ObjectId::Customer(_) => (
            "customer",
            "Ids are case-sensitive. `monite-bridge import FILE` or PUT /v1/customers/{customer} brings a customer in; GET /v1/customers lists them.",
        ),
        ObjectId::User(..) => {
            ("user", "Ids are case-sensitive. GET /v1/customers/{customer}/users lists the users of a customer.")
        }
    };
    Failure::failed(format!("there is no {what} {object} here"), next)
}

impl Why {
    pub(super) async fn run(&self, setup: &Setup, output: &Output) -> Result<Exit, Failure> {
        let store = setup.open_store().await?;
        let account = self.look(setup, store.as_ref()).await?.ok_or_else(|| unknown(&self.object))?;
        output.result(&tell(&account, output.style(), setup.now()), &account);
        Ok(Exit::Done)
    }

    async fn look(&self, setup: &Setup, store: &dyn Store) -> Result<Option<Account>, Failure> {
        let mut account = match &self.object {
            ObjectId::Customer(id) => store.customer(id).await?.map(|customer| of_customer(customer, setup.now())),
            ObjectId::User(customer, id) => store.user(customer, id).await?.map(|user| of_user(user, setup.now())),
        };
        if let (Some(account), Some(visit)) = (&mut account, store.peek(self.object.customer(), USERS_SHOWN).await?) {
            account.plan = steps(&visit, &setup.templates, setup.policy());
            if account.is_user
                && account.state == SyncState::Pending.as_str()
                && visit.customer.entity.present().is_none()
            {
                account.next = behind_its_customer(&visit.customer);
            }
            // A user's own steps, and those of its customer that come before them.
            let customer = self.object.customer().as_str();
            account.plan.retain(|step| step.object == account.object || (step.object == customer && account.is_user));
        }
        Ok(account)
    }
}

fn behind_its_customer(customer: &Customer) -> String {
    let Customer { id, sync, .. } = customer;
    format!("It waits for the entity of its customer {id}, which is {}: see `monite-bridge why {id}`.", sync.state)
}

/// What is known of one object.
#[derive(Debug, Serialize)]
struct Account {
    object: String,
    #[serde(skip)]
    is_user: bool,
    /// `present` or `gone`.
    wish: &'static str,
    state: &'static str,
    generation: i64,
    synced_generation: Option<i64>,
    synced_at: Option<Timestamp>,
    attempts: u32,
    next_attempt_at: Option<Timestamp>,
    last_error: Option<crate::domain::LastError>,
    /// What Monite calls it.
    #[serde(flatten)]
    link: Link,
    desired: Value,
    /// What Monite last confirmed.
    confirmed: Option<Value>,
    plan: Vec<Step>,
    /// Whether the links stand in the entity's metadata, too; of a customer only.
    #[serde(skip_serializing_if = "Option::is_none")]
    stamp: Option<Stamp>,
    /// Newest first.
    calls: Vec<Call>,
    next: String,
}

/// How far stamping a customer's links has come.
#[derive(Debug, Serialize)]
struct Stamp {
    stamped: bool,
    attempts: u32,
    last_error: Option<crate::domain::LastError>,
}

impl Stamp {
    fn of(customer: &Customer) -> Self {
        let StampStatus { due_at, attempts, last_error } = customer.stamp.clone();
        Self { stamped: customer.entity.present().is_some() && due_at.is_none(), attempts, last_error }
    }
}

/// Monite's id of the object, under the name the HTTP API uses for it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Link {
    EntityId(Option<String>),
    EntityUserId(Option<String>),
}

impl Link {
    fn words(&self) -> String {
        match self {
            Self::EntityId(Some(id)) => format!("entity {id}"),
            Self::EntityUserId(Some(id)) => format!("entity user {id}"),
            Self::EntityId(None) => "no entity known at Monite".to_owned(),
            Self::EntityUserId(None) => "no entity user known at Monite".to_owned(),
        }
    }
}

fn of_customer(customer: Customer, now: Timestamp) -> Account {
    let object = customer.id.to_string();
    let confirmed = customer.entity.present().map(|link| json!(link.confirmed));
    let link = Link::EntityId(customer.entity.present().map(|link| link.id.to_string()));
    let waiting = waiting(&customer.entity);
    let stamp = Some(Stamp::of(&customer));
    let basis =
        Basis { wish: customer.wish, sync: customer.sync, desired: customer.document.to_json(), calls: customer.calls };
    Account { stamp, ..account(object, false, basis, link, confirmed, waiting, now) }
}

fn of_user(user: User, now: Timestamp) -> Account {
    let object = ObjectId::User(user.customer, user.id).to_string();
    let confirmed = user.entity_user.present().map(|link| json!(link.confirmed));
    let link = Link::EntityUserId(user.entity_user.present().map(|link| link.id.to_string()));
    let waiting = waiting(&user.entity_user);
    let basis = Basis { wish: user.wish, sync: user.sync, desired: user.document.to_json(), calls: user.calls };
    account(object, true, basis, link, confirmed, waiting, now)
}

/// A create whose answer nobody saw, in words.
fn waiting<T, A>(seen: &Seen<T, A>) -> Option<String> {
    match seen {
        Seen::Unknown(attempt) => Some(format!(
            "A create went out at {} and its answer was lost; it is looked for at Monite before another one is sent (it may land until {}). ",
            words::time(attempt.at),
            words::time(attempt.lands_by),
        )),
        Seen::Absent | Seen::Present(_) => None,
    }
}

struct Basis {
    wish: Wish,
    sync: SyncStatus,
    desired: Value,
    calls: Vec<Call>,
}

fn account(
    object: String, is_user: bool, basis: Basis, link: Link, confirmed: Option<Value>, waiting: Option<String>,
    now: Timestamp,
) -> Account {
    let Basis { wish, sync, desired, calls } = basis;
    let next = format!("{}{}", waiting.unwrap_or_default(), next_step(&object, &sync, now));
    Account {
        object,
        is_user,
        wish: match wish {
            Wish::Present => "present",
            Wish::Gone => "gone",
        },
        state: sync.state.as_str(),
        generation: sync.generation.0,
        synced_generation: sync.synced_generation.map(|generation| generation.0),
        synced_at: sync.synced_at,
        attempts: sync.attempts,
        next_attempt_at: sync.next_attempt_at,
        last_error: sync.last_error,
        link,
        desired,
        confirmed,
        plan: Vec::new(),
        stamp: None,
        calls,
        next,
    }
}

fn tell(account: &Account, style: Style, now: Timestamp) -> String {
    let mut parts = vec![headline(account, style, now)];
    let mut section = |title: &str, text: String| {
        if !text.is_empty() {
            parts.push(format!("{}\n{}", style.bold(title), words::indent(&text, 2)));
        }
    };
    if let Some(error) = &account.last_error {
        section("last error", super::status::reason(error));
    }
    section(
        "what is to be done at Monite",
        account.plan.iter().map(|step| describe(step, style)).collect::<Vec<_>>().join("\n"),
    );
    if let Some(error) = account.stamp.as_ref().and_then(|stamp| stamp.last_error.as_ref()) {
        section("its links could not be stamped", super::status::reason(error));
    }
    section("latest calls, newest first", account.calls.iter().map(describe_call).collect::<Vec<_>>().join("\n"));
    section("desired", format!("{:#}", account.desired));
    if let Some(confirmed) = &account.confirmed {
        section("last confirmed by Monite", format!("{confirmed:#}"));
    }
    section("next", account.next.clone());
    parts.join("\n\n")
}

fn headline(account: &Account, style: Style, now: Timestamp) -> String {
    let deleted = if account.wish == "gone" { ", deleted by the product" } else { "" };
    let synced = match (account.synced_generation, account.synced_at) {
        (Some(generation), Some(at)) => {
            format!("Monite confirmed generation {generation} {}", words::relative(at, now))
        }
        _ => "Monite has confirmed none".to_owned(),
    };
    let attempts = match account.attempts {
        0 => String::new(),
        n => format!("\n{}", words::count(n.into(), "failed attempt")),
    };
    let next = account
        .next_attempt_at
        .map_or(String::new(), |at| format!("\nnext attempt {} ({})", words::time(at), words::relative(at, now)));
    format!(
        "{}: {}{deleted}\ngeneration {}; {synced}\n{}{attempts}{next}",
        style.bold(&account.object),
        account.state,
        account.generation,
        account.link.words(),
    )
}

fn describe_call(call: &Call) -> String {
    let answer = call.status.map_or("no answer".to_owned(), |status| status.to_string());
    let request = call.request_id.as_ref().map_or(String::new(), |id| format!("  request id {id}"));
    format!("{}  {} {}  {answer}{request}", words::time(call.at), call.method, call.path)
}
