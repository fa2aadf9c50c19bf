//! The sandbox in the place of Monite: a process of its own that is never killed, since Monite goes on when a bridge dies.

use std::path::Path;

use serde_json::{Value, json};

use crate::http::{Answer, Request};
use crate::process::{Process, Program};
use crate::secrets::Secrets;

/// The version of the API that is asked for.
const API_VERSION: &str = "2024-05-25";

/// A running sandbox.
#[derive(Debug)]
pub(crate) struct Monite(Process);

/// Whose a token is.
#[derive(Debug, PartialEq)]
pub(crate) enum Owner {
    /// The id of the entity user.
    Is(String),
    /// Nobody's any more.
    Expired,
    /// Monite's answer, if it had one.
    Unknown(String),
}

impl Monite {
    /// Starts it with this limit of calls a second, if any.
    pub(crate) fn start(
        binary: &Path, folder: &Path, secrets: &Secrets, rate_limit: Option<u64>,
    ) -> Result<Self, String> {
        let limit = rate_limit.map_or("off".to_owned(), |limit| limit.to_string());
        let program = Program {
            binary: binary.to_owned(),
            args: ["sandbox", "--listen", "127.0.0.1:0", "--rate-limit", &limit].map(str::to_owned).into(),
            env: vec![
                ("MONITE_CLIENT_ID".to_owned(), secrets.client_id.clone()),
                ("MONITE_CLIENT_SECRET".to_owned(), secrets.client_secret.clone()),
            ],
            folder: folder.to_owned(),
            log: "sandbox.log".to_owned(),
        };
        program.start().map(Self)
    }

    /// What the bridge is configured with.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.0.host)
    }

    /// From now on this goes wrong, and nothing else.
    pub(crate) fn set_faults(&self, rules: &[Value]) -> Result<(), String> {
        self.control("PUT", "/_sandbox/faults", Some(json!({ "rules": rules }))).map(drop)
    }

    /// From now on calls are not counted any more: those that only look are not the bridge's.
    pub(crate) fn lift_limit(&self) -> Result<(), String> {
        self.control("PUT", "/_sandbox/rate-limit", Some(json!({"limit": "off"}))).map(drop)
    }

    /// Everything in it, deleted things too.
    pub(crate) fn state(&self) -> Result<Value, String> {
        self.control("GET", "/_sandbox/state", None)
    }

    /// The latest calls, and how many there were of each.
    pub(crate) fn requests(&self) -> Result<Value, String> {
        self.control("GET", "/_sandbox/requests?limit=10000", None)
    }

    /// Whose token this is.
    pub(crate) fn owner(&self, token: &str) -> Owner {
        let call = Request::new("GET", "/v1/entity_users/me").bearer(token).header("X-Monite-Version", API_VERSION);
        let answer = match call.send(&self.0.host) {
            Ok(answer) => answer,
            Err(trouble) => return Owner::Unknown(format!("{trouble:?}")),
        };
        if answer.status == 400 && answer.body.contains("expired") {
            return Owner::Expired;
        }
        let id = answer.json().and_then(|me| me["id"].as_str().map(str::to_owned));
        id.map_or_else(|| Owner::Unknown(format!("{} {}", answer.status, answer.body)), Owner::Is)
    }

    fn control(&self, method: &'static str, path: &str, body: Option<Value>) -> Result<Value, String> {
        let call = Request::new(method, path);
        let call = body.map_or(call.clone(), |body| call.json(&body));
        answered(call.send(&self.0.host).map_err(|trouble| format!("the sandbox: {path}: {trouble:?}"))?)
    }
}

fn answered(answer: Answer) -> Result<Value, String> {
    let json = answer.json().filter(|_| answer.is_success());
    json.ok_or_else(|| format!("the sandbox answered {}: {}", answer.status, answer.body))
}
