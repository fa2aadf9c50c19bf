//! The bridge's HTTP API as the product uses it, through whichever door is open.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::documents;
use crate::fleet::{Doors, REACHED_WITHIN};
use crate::http::{Answer, Request, Trouble};
use crate::ledger::Write;
use crate::product::customer_id;

/// A door that was found closed is looked for again after this.
const KNOCK_AGAIN: Duration = Duration::from_millis(5);

/// After an answer was lost the product waits a moment. A database server may still commit what a killed bridge has sent it, and
/// a write that comes after must be the later one.
const BREATH: Duration = Duration::from_millis(200);

/// The bridge, wherever it is right now.
#[derive(Debug, Clone)]
pub(crate) struct Bridge {
    pub(crate) doors: Arc<Doors>,
    pub(crate) api_key: String,
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// It was done, and this is the document that was shown.
    Done(Option<Value>),
    /// There is nothing there to be read or written.
    NothingThere,
    /// Nobody knows.
    Lost,
}

/// A token as it was handed out.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) access_token: String,
    pub(crate) entity_user_id: String,
}

impl Bridge {
    /// Writes; with `waits` the answer may take until Monite has it, for a second.
    pub(crate) fn write(&self, customer: &str, write: &Write, waits: bool, door: u64) -> Result<Outcome, String> {
        let (of_customer, user) = (format!("/v1/customers/{customer}"), |user: &str| user_path(customer, user));
        const MERGE_PATCH: &str = "application/merge-patch+json";
        let call = match write {
            Write::Put(document) => Request::new("PUT", of_customer).json(document),
            Write::Patch(change) => Request::new("PATCH", of_customer).body(MERGE_PATCH, change.to_string()),
            Write::Delete => Request::new("DELETE", of_customer),
            Write::PutUser(id, document) => Request::new("PUT", user(id)).json(document),
            Write::PatchUser(id, change) => Request::new("PATCH", user(id)).body(MERGE_PATCH, change.to_string()),
            Write::DeleteUser(id) => Request::new("DELETE", user(id)),
            Write::Import(document, users) => Request::new("POST", "/v1/import")
                .body("application/x-ndjson", documents::line(customer, document, users)),
        };
        let call = if waits { call.header("Prefer", "wait=1") } else { call };
        outcome(&call, self.send(&call, door)?)
    }

    /// Imports one line for each; the customers whose line was answered as stored.
    pub(crate) fn import(&self, lines: &BTreeMap<usize, Write>, door: u64) -> Result<BTreeSet<String>, String> {
        let text = lines.iter().filter_map(|(customer, write)| match write {
            Write::Import(document, users) => Some(documents::line(&customer_id(*customer), document, users)),
            _ => None,
        });
        let call = Request::new("POST", "/v1/import").body("application/x-ndjson", text.collect());
        let Some(answer) = self.send(&call, door)? else { return Ok(BTreeSet::new()) };
        if !answer.is_success() {
            return outcome(&call, Some(answer)).map(|_| BTreeSet::new());
        }
        // A last line without its end was cut.
        let whole = answer.body.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let results = whole.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut stored = BTreeSet::new();
        for result in results {
            match result["status"].as_str() {
                Some("created" | "changed" | "unchanged") => stored.extend(result["id"].as_str().map(str::to_owned)),
                // The database failed: stored or not, as when the line is cut.
                Some("failed") => {}
                _ => return Err(format!("an import line was refused: {result}")),
            }
        }
        Ok(stored)
    }

    /// The document of a customer.
    pub(crate) fn customer(&self, customer: &str, door: u64) -> Result<Outcome, String> {
        let call = Request::new("GET", format!("/v1/customers/{customer}"));
        outcome(&call, self.send(&call, door)?)
    }

    /// A customer, or one of its users, with everything that is shown; `None` when it is not there.
    pub(crate) fn view(&self, customer: &str, user: Option<&str>) -> Result<Option<Value>, String> {
        let path = user.map_or(format!("/v1/customers/{customer}"), |user| user_path(customer, user));
        let call = Request::new("GET", path.clone());
        match self.send(&call, 0)? {
            Some(answer) if answer.status == 404 => Ok(None),
            answer => self.answered(&path, answer).map(Some),
        }
    }

    /// Counts by state.
    pub(crate) fn stats(&self, door: u64) -> Result<Option<Value>, String> {
        let answer = self.send(&Request::new("GET", "/v1/stats"), door)?;
        Ok(answer.filter(Answer::is_success).and_then(|answer| answer.json()))
    }

    /// A token for a user, if there is one to be had.
    pub(crate) fn token(&self, customer: &str, user: &str, door: u64) -> Result<Option<Token>, String> {
        let call = Request::new("POST", format!("{}/token", user_path(customer, user)));
        let answer = self.send(&call, door)?.filter(Answer::is_success);
        Ok(answer.and_then(|answer| {
            let told = answer.json()?;
            let text = |name: &str| told[name].as_str().map(str::to_owned);
            Some(Token { access_token: text("access_token")?, entity_user_id: text("entity_user_id")? })
        }))
    }

    fn answered(&self, path: &str, answer: Option<Answer>) -> Result<Value, String> {
        let answer = answer.ok_or_else(|| format!("{path}: no answer"))?;
        let json = answer.json().filter(|_| answer.is_success());
        json.ok_or_else(|| format!("{path} answered {}: {}", answer.status, answer.body))
    }

    /// `None`: it was sent, and no answer came.
    fn send(&self, call: &Request, door: u64) -> Result<Option<Answer>, String> {
        let call = call.clone().bearer(&self.api_key);
        let started = Instant::now();
        loop {
            match call.send(&self.doors.one(door)?) {
                Ok(answer) => return Ok(Some(answer)),
                Err(Trouble::NotSent(why)) if started.elapsed() > REACHED_WITHIN => {
                    return Err(format!("no bridge could be reached for {REACHED_WITHIN:?}: {why}"));
                }
                Err(Trouble::NotSent(_)) => std::thread::sleep(KNOCK_AGAIN),
                Err(Trouble::Lost(_)) => {
                    std::thread::sleep(BREATH);
                    return Ok(None);
                }
            }
        }
    }
}

fn user_path(customer: &str, user: &str) -> String {
    format!("/v1/customers/{customer}/users/{user}")
}

/// What an answer says about what was asked.
fn outcome(call: &Request, answer: Option<Answer>) -> Result<Outcome, String> {
    let Some(answer) = answer else { return Ok(Outcome::Lost) };
    match answer.status {
        // The status has arrived, so it holds, even if what it shows is cut.
        200..300 => Ok(Outcome::Done(answer.json().map(|view| document_of(&view)))),
        // Gone for good, or deleted and not to be brought back by a patch.
        404 | 409 => Ok(Outcome::NothingThere),
        // The bridge could not say whether its database has it.
        500..600 => Ok(Outcome::Lost),
        status => Err(format!("{} {} answered {status}: {}", call.method, call.path, answer.body)),
    }
}

/// The product's part of what is shown.
pub(crate) fn document_of(view: &Value) -> Value {
    let mut fields = view.as_object().cloned().unwrap_or_default();
    fields.remove("id");
    fields.remove("sync");
    Value::Object(fields)
}
