//! The handle to a running sandbox.

mod webhooks;

pub use self::webhooks::{StillDelivering, Webhook};

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use jiff::Timestamp;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::app::App;
use crate::builder::Builder;
use crate::dump::DumpError;
use crate::fault::{Fault, FaultRule};
use crate::http;
use crate::journal::JournalEntry;
use crate::quirks::UnknownQuirk;
use crate::ratelimit::{RateAlgorithm, RateLimit};
use crate::snapshots::SnapshotError;

/// A local Monite, and every string one can pull on it. Stops when dropped.
pub struct Sandbox {
    app: Arc<App>,
    base_url: String,
    stop: CancellationToken,
    server: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Starts describing a sandbox.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn new(
        app: Arc<App>, base_url: String, stop: CancellationToken, server: Option<JoinHandle<()>>,
    ) -> Self {
        Self { app, base_url, stop, server }
    }

    /// Where the API is, `/v1` included. Without a socket an address that leads nowhere.
    pub fn base_url(&self) -> String {
        self.base_url.clone()
    }

    /// The one client id this Monite knows.
    pub fn client_id(&self) -> &str {
        &self.app.credentials.client_id
    }

    /// The secret that belongs to it.
    pub fn client_secret(&self) -> &str {
        &self.app.credentials.client_secret
    }

    /// The whole application, `/v1` and `/_sandbox`, for calls without a socket. A response with the extension
    /// [`Cut`](crate::Cut) stands for a connection that was cut, a body that ends in an error for one cut in the middle.
    pub fn router(&self) -> Router {
        http::router(self.app.clone())
    }

    /// Moves the sandbox's clock forward. Tokens age, and the next second of the rate limit begins.
    pub fn advance(&self, by: Duration) {
        // Nobody waits for the data file here; it is written in order all the same.
        drop(self.app.advance(by));
    }

    /// The time by the sandbox's clock.
    pub fn now(&self) -> Timestamp {
        self.app.now()
    }

    /// Adds a fault behind those already there.
    pub fn fault(&self, rule: FaultRule) {
        self.app.faults().add(rule);
    }

    /// The next call of `"METHOD /path"` goes wrong, the ones after it do not.
    pub fn once(&self, call: &str, fault: Fault) {
        self.fault(FaultRule::new(call, fault).times(1));
    }

    /// Replaces all faults.
    ///
    /// # Panics
    ///
    /// When a probability is outside 0 to 1 or a status outside 200 to 599: a mistake in the test that calls this.
    pub fn set_faults(&self, rules: Vec<FaultRule>) {
        if let Err(mistake) = self.app.faults().replace(rules) {
            panic!("a fault rule makes no sense: {mistake}");
        }
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.app.faults().clear();
    }

    /// All faults, with how often each has fired.
    pub fn faults(&self) -> Vec<FaultRule> {
        self.app.faults().rules()
    }

    /// Faults that were to fire a number of times and have some of them left.
    pub fn unused_faults(&self) -> Vec<FaultRule> {
        let left = |rule: &FaultRule| rule.times.is_some_and(|times| rule.hits < times);
        self.faults().into_iter().filter(left).collect()
    }

    /// The limit of calls in force, and how it is counted.
    pub fn rate_limit(&self) -> (RateLimit, RateAlgorithm) {
        let meter = self.app.meter();
        (meter.limit(), meter.algorithm())
    }

    /// Changes the limit and how it is counted, from the next call on. The count starts afresh.
    pub fn set_rate_limit(&self, limit: RateLimit, algorithm: RateAlgorithm) {
        self.app.meter().change(limit, algorithm);
    }

    /// Chooses the outcome of a point that Monite's documents leave open; see `GET /_sandbox/quirks`.
    ///
    /// # Errors
    ///
    /// When there is no such point or no such outcome.
    pub fn set_quirk(&self, name: &str, option: &str) -> Result<(), UnknownQuirk> {
        self.app.world_mut().quirks.set(name, option)
    }

    /// Every undocumented point with its value, default, options and meaning.
    pub fn quirks(&self) -> Value {
        self.app.world().quirks.to_json()
    }

    /// As `GET /_sandbox/state`: everything as Monite renders it, deleted rows too.
    pub fn state(&self) -> Value {
        self.app.world().to_json()
    }

    /// All entities, oldest first.
    pub fn entities(&self) -> Vec<Value> {
        self.app.world().entities_json()
    }

    /// The roles of an entity that are not deleted, oldest first.
    pub fn roles(&self, entity_id: &str) -> Vec<Value> {
        Uuid::try_parse(entity_id).map(|id| self.app.world().roles_json(id)).unwrap_or_default()
    }

    /// The users of an entity who are not deleted, oldest first.
    pub fn entity_users(&self, entity_id: &str) -> Vec<Value> {
        Uuid::try_parse(entity_id).map(|id| self.app.world().entity_users_json(id)).unwrap_or_default()
    }

    /// The logins of an entity's users who are not deleted, oldest first.
    pub fn logins(&self, entity_id: &str) -> Vec<String> {
        let login = |user: &Value| user["login"].as_str().map(str::to_owned);
        self.entity_users(entity_id).iter().filter_map(login).collect()
    }

    /// The latest 10,000 requests, oldest first.
    pub fn journal(&self) -> Vec<JournalEntry> {
        self.app.journal().entries().collect()
    }

    /// How often `"METHOD /template"` was called, for example `"GET /entities/{entity_id}"`.
    pub fn calls(&self, call: &str) -> u64 {
        self.app.journal().calls(call)
    }

    /// How many calls were received under `/v1`.
    pub fn total_calls(&self) -> u64 {
        self.app.journal().total()
    }

    /// Forgets all requests and counts.
    pub fn clear_journal(&self) {
        self.app.journal().clear();
    }

    /// Back to an empty world: no data, tokens, faults, journal or clock offset, quirks as at the start. Credentials stay.
    pub fn reset(&self) {
        // Nobody waits for the data file here; it is written in order all the same.
        drop(self.app.reset());
    }

    /// Everything the sandbox holds as one JSON document, as `GET /_sandbox/dump`. It holds the secrets of webhook
    /// subscriptions and no other.
    pub fn dump(&self) -> String {
        self.app.dump()
    }

    /// Puts the world of a [`Sandbox::dump`] in the place of this one: data, tokens, quirks, the clock's offset. Faults,
    /// rate limit, journal and snapshots stay.
    ///
    /// # Errors
    ///
    /// When the document is not a dump; nothing has changed then.
    pub fn load(&self, dump: &str) -> Result<(), DumpError> {
        // Nobody waits for the data file here; it is written in order all the same.
        self.app.load(dump).map(drop)
    }

    /// Takes a snapshot, or takes it anew. It stays in memory until it is forgotten; 16 have room.
    ///
    /// # Errors
    ///
    /// When the name cannot stand in a path, or there is no room.
    pub fn snapshot(&self, name: &str) -> Result<(), SnapshotError> {
        self.app.take_snapshot(name).map(drop)
    }

    /// Back to a snapshot, which stays to come back to again. As [`Sandbox::load`].
    ///
    /// # Errors
    ///
    /// When there is no such snapshot.
    pub fn restore(&self, name: &str) -> Result<(), SnapshotError> {
        let document = self.app.snapshots().document(name)?;
        self.load(&document).map_err(|error| SnapshotError::Broken(error.to_string()))
    }

    /// Forgets a snapshot.
    ///
    /// # Errors
    ///
    /// When there is no such snapshot.
    pub fn forget_snapshot(&self, name: &str) -> Result<(), SnapshotError> {
        self.app.snapshots().forget(name)
    }

    /// The names of the snapshots, in order.
    pub fn snapshots(&self) -> Vec<String> {
        self.app.snapshots().list().map(|snapshot| snapshot.name().to_owned()).collect()
    }

    /// Stops accepting and waits (at most five seconds) for requests in hand.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        self.app.courier.shut_down().await;
        if let Some(server) = self.server.take() {
            // A server task that panicked has stopped as well.
            let _ = server.await;
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
