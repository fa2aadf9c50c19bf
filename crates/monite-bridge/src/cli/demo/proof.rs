//! A token for one user, handed out as a backend would get it, and what Monite says to it.

use std::time::{Duration, Instant};

use monite::limit::Permit;
use monite::{Limiter as _, Priority};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::failure::Failure;
use super::super::serve::Service;
use super::stage::Stage;
use crate::domain::{CustomerId, SyncState, UserId};
use crate::store::{CustomerFilter, User};

/// Everything is on this machine.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Customers looked through for one with a user in sync.
const LOOK_THROUGH: u32 = 100;

/// What was handed out and what `GET /entity_users/me` answered to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Proof {
    pub(super) customer: CustomerId,
    pub(super) user: UserId,
    pub(super) expires_in: u64,
    pub(super) entity_id: String,
    /// The login in the stored document.
    pub(super) expected_login: String,
    /// The login that Monite knows the bearer of the token by.
    pub(super) login: String,
    pub(super) role: String,
    /// The entity the token is good for, as Monite says.
    pub(super) entity: String,
    /// Calls at Monite that the second hand-out cost.
    pub(super) second_handout_calls: u64,
    pub(super) second_handout_micros: u64,
}

/// The answer of the bridge's token route.
#[derive(Deserialize)]
struct Handout {
    access_token: String,
    expires_in: u64,
    entity_id: String,
    api_url: String,
}

/// Issues a token for one user and tries it; `None` when no user is in sync.
pub(super) async fn prove(stage: &Stage, service: &Service) -> Result<Option<Proof>, Failure> {
    let Some(user) = somebody(stage).await? else { return Ok(None) };
    let http = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build();
    let http = http.map_err(|error| Failure::caused_by(&error, "The demo needs to open connections to 127.0.0.1."))?;
    let asking = Asking { http, stage, service };
    asking.about(&user).await.map(Some).map_err(|error| {
        Failure::caused_by(
            &error,
            "The demo's own calls failed; is a firewall or a proxy between two ports of 127.0.0.1?",
        )
    })
}

/// The first user that is in sync.
async fn somebody(stage: &Stage) -> Result<Option<User>, Failure> {
    let store = &stage.bridge.store;
    let filter = CustomerFilter { state: Some(SyncState::InSync), limit: LOOK_THROUGH, ..CustomerFilter::default() };
    for customer in store.customers(&filter).await? {
        let users = store.users(&customer.id, None, 1).await?;
        if let Some(user) = users.into_iter().find(|user| user.sync.state == SyncState::InSync) {
            return Ok(Some(user));
        }
    }
    Ok(None)
}

/// Why one of the demo's own calls failed.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("no good answer")]
    Http(#[from] reqwest::Error),
    #[error("an answer that cannot be read")]
    Json(#[from] serde_json::Error),
}

async fn read<T: DeserializeOwned>(response: reqwest::Response) -> Result<T, AskError> {
    Ok(serde_json::from_slice(&response.bytes().await?)?)
}

struct Asking<'a> {
    http: reqwest::Client,
    stage: &'a Stage,
    service: &'a Service,
}

impl Asking<'_> {
    async fn about(&self, user: &User) -> Result<Proof, AskError> {
        let handout = self.token(user).await?;
        let me: Value = self.ask(&handout, "me").await?;
        let role: Value = self.ask(&handout, "my_role").await?;
        let entity: Value = self.ask(&handout, "my_entity").await?;
        let (calls, started) = (self.stage.sandbox.total_calls(), Instant::now());
        self.token(user).await?;
        let micros = started.elapsed().as_micros().try_into().unwrap_or(u64::MAX);
        let text = |value: &Value| value.as_str().unwrap_or("(nothing)").to_owned();
        Ok(Proof {
            customer: user.customer.clone(),
            user: user.id.clone(),
            expires_in: handout.expires_in,
            entity_id: handout.entity_id,
            expected_login: user.document.login.clone(),
            login: text(&me["login"]),
            role: text(&role["name"]),
            entity: text(&entity["id"]),
            second_handout_calls: self.stage.sandbox.total_calls() - calls,
            second_handout_micros: micros,
        })
    }

    /// As the product's backend does it.
    async fn token(&self, user: &User) -> Result<Handout, AskError> {
        let url = format!("{}/v1/customers/{}/users/{}/token", self.service.url, user.customer, user.id);
        let response = self.http.post(url).bearer_auth(self.stage.api_key()).send().await?.error_for_status()?;
        read(response).await
    }

    /// As the page in the browser does it, straight at Monite.
    async fn ask(&self, handout: &Handout, what: &str) -> Result<Value, AskError> {
        let url = format!("{}/entity_users/{what}", handout.api_url);
        let request = self.http.get(url).bearer_auth(&handout.access_token);
        let version = &self.stage.bridge.setup.config.monite.api_version;
        // These calls are counted by the same Monite, so they come out of the same budget.
        let _permit = match &self.stage.bridge.limiter {
            Some(limiter) => limiter.acquire(Priority::Interactive).await,
            None => Permit::free(),
        };
        let response = request.header("x-monite-version", version).send().await?.error_for_status()?;
        read(response).await
    }
}
