//! A client that says little and reads well: status and JSON of every call.

pub mod chance;
pub mod direct;
pub mod receiver;

use std::time::Duration;

use jiff::Timestamp;
use monite_sandbox::{Builder, ManualClock, RateLimit, Sandbox};
use reqwest::Method;
use serde_json::{Value, json};

/// The version every call names unless told otherwise.
pub const VERSION: &str = "2024-05-25";

/// A sandbox without rate limit, ids from a seed, and its clock standing still.
pub fn builder() -> Builder {
    let start: Timestamp = "2026-03-01T09:30:00Z".parse().unwrap();
    Sandbox::builder().rate_limit(RateLimit::Off).seed(7).clock(std::sync::Arc::new(ManualClock::at(start)))
}

/// The same, with tokens that outlive every test that moves the clock.
pub fn patient() -> Builder {
    builder().token_ttl(Duration::from_secs(365 * 24 * 3600))
}

/// Looks again and again until `done`, for ten seconds at most, then says what it is still waiting for.
pub async fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(10), async {
        let mut ticks = tokio::time::interval(Duration::from_millis(5));
        while !done() {
            ticks.tick().await;
        }
    });
    assert!(waited.await.is_ok(), "still waiting for {what}");
}

/// A client over a real socket.
pub struct Api {
    pub sandbox: Sandbox,
    pub http: reqwest::Client,
    pub token: String,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn id(&self) -> String {
        self.body["id"].as_str().unwrap_or_else(|| panic!("no id in {self:?}")).to_owned()
    }

    /// `error.message` of a refusal.
    pub fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_else(|| panic!("no error in {self:?}"))
    }

    /// Where a 422 points, as `body.address.city`, in the order given.
    pub fn wrong_fields(&self) -> Vec<String> {
        assert_eq!(self.status, 422, "{self:?}");
        let place = |error: &Value| {
            let steps = error["loc"].as_array().unwrap().iter();
            let step = |step: &Value| step.as_str().map_or_else(|| step.to_string(), str::to_owned);
            steps.map(step).collect::<Vec<_>>().join(".")
        };
        self.body["detail"].as_array().unwrap().iter().map(place).collect()
    }

    /// A field of every row of a list.
    pub fn column(&self, name: &str) -> Vec<String> {
        assert_eq!(self.status, 200, "{self:?}");
        self.body["data"].as_array().unwrap().iter().map(|row| row[name].as_str().unwrap().to_owned()).collect()
    }
}

impl Api {
    pub async fn start() -> Self {
        Self::with(builder()).await
    }

    /// Starts the sandbox and fetches a partner token.
    pub async fn with(builder: Builder) -> Self {
        let sandbox = builder.start().await.unwrap();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        let mut api = Self { sandbox, http, token: String::new() };
        api.token = api.partner_token().await;
        api
    }

    pub async fn partner_token(&self) -> String {
        self.token_for(json!({"grant_type": "client_credentials"})).await
    }

    pub async fn user_token(&self, user: &str) -> String {
        self.token_for(json!({"grant_type": "entity_user", "entity_user_id": user})).await
    }

    pub async fn token_for(&self, grant: Value) -> String {
        let answer = self.post("/auth/token", self.with_credentials(grant)).await;
        answer.body["access_token"].as_str().unwrap_or_else(|| panic!("no token: {answer:?}")).to_owned()
    }

    pub fn with_credentials(&self, mut body: Value) -> Value {
        body["client_id"] = json!(self.sandbox.client_id());
        body["client_secret"] = json!(self.sandbox.client_secret());
        body
    }

    /// A request with all usual headers; `call` is `"METHOD /path"`.
    pub fn request(&self, call: &str) -> reqwest::RequestBuilder {
        self.request_as(&self.token, call)
    }

    /// The same with another token.
    pub fn request_as(&self, token: &str, call: &str) -> reqwest::RequestBuilder {
        let (method, path) = call.split_once(' ').unwrap();
        let url = format!("{}{path}", self.sandbox.base_url());
        let request = self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), url);
        request.header("x-monite-version", VERSION).bearer_auth(token)
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(&format!("GET {path}"))).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        send(self.request(&format!("POST {path}")).body(body.to_string())).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        send(self.request(&format!("PATCH {path}")).body(body.to_string())).await
    }

    /// As [`Api::request`], inside an entity.
    pub fn inside(&self, entity: &str, call: &str) -> reqwest::RequestBuilder {
        self.request(call).header("x-monite-entity-id", entity)
    }

    pub async fn inside_json(&self, entity: &str, call: &str, body: Value) -> Answer {
        send(self.inside(entity, call).body(body.to_string())).await
    }

    pub async fn entity(&self) -> String {
        self.post("/entities", organization("Muster GmbH")).await.id()
    }

    /// A role that allows `permissions`, written `entity_user: read create, role: read*` (`*`: only own).
    pub async fn role(&self, entity: &str, name: &str, permissions: &str) -> String {
        let body = json!({"name": name, "permissions": matrix(permissions)});
        self.inside_json(entity, "POST /roles", body).await.id()
    }

    pub async fn user(&self, entity: &str, login: &str, role: &str) -> String {
        let body = json!({"login": login, "first_name": login, "role_id": role});
        self.inside_json(entity, "POST /entity_users", body).await.id()
    }

    /// Calls a control route.
    pub async fn control(&self, call: &str, body: Option<Value>) -> Answer {
        let (method, path) = call.split_once(' ').unwrap();
        let base = self.sandbox.base_url();
        let url = format!("{}/_sandbox{path}", base.strip_suffix("/v1").unwrap());
        let request = self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), url);
        send(request.body(body.map(|body| body.to_string()).unwrap_or_default())).await
    }
}

pub async fn send(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap_or_else(|error| panic!("no answer: {error:?}"));
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON, status {status}: {text}"))
    };
    Answer { status, headers, body }
}

pub fn organization(legal_name: &str) -> Value {
    json!({
        "type": "organization",
        "email": "ap@example.com",
        "address": {"country": "DE", "city": "Berlin", "line1": "Musterweg 1", "postal_code": "10115"},
        "organization": {"legal_name": legal_name},
    })
}

pub fn matrix(permissions: &str) -> Value {
    let object = |entry: &str| {
        let (object, actions) = entry.split_once(':').unwrap();
        let action = |action: &str| match action.strip_suffix('*') {
            Some(own) => json!({"action_name": own, "permission": "allowed_for_own"}),
            None => json!({"action_name": action, "permission": "allowed"}),
        };
        let actions: Vec<Value> = actions.split_whitespace().map(action).collect();
        json!({"object_type": object.trim(), "actions": actions})
    };
    let entries = permissions.split(',').filter(|entry| !entry.trim().is_empty());
    json!({"objects": entries.map(object).collect::<Vec<_>>()})
}
