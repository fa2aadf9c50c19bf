//! The client: handles for every resource, and the one `send` that every call passes through.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::answer::Answer;
use crate::api::{
    AsEntityUser, Auth, Entities, EntityHandle, EventHandle, SettingsOfPartner, WebhookDeliveries, WebhookSubscriptions,
};
use crate::builder::MoniteBuilder;
use crate::call_log::CallLog;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::id::{EntityId, EntityUserId, EventId};
use crate::limit::Priority;
use crate::request::Request;
use crate::token::{Minter, Scope, TokenCache, TokenVault};
use crate::wire::{Journey, Wire};

/// A token for our own call must live at least so long: longer than a call takes.
const OWN_CALL_MIN_LEFT: Duration = Duration::from_secs(30);

/// A client of Monite's API. Cheap to clone; clones share tokens, rate limit and connections.
#[derive(Clone)]
pub struct Monite {
    core: Arc<Core>,
    /// Whose token calls carry that do not say it themselves.
    scope: Scope,
    priority: Priority,
    log: Option<CallLog>,
    deadline: Option<Deadline>,
}

struct Core {
    wire: Arc<Wire>,
    minter: Minter,
    tokens: TokenCache,
}

impl Monite {
    /// Starts building a client.
    pub fn builder() -> MoniteBuilder {
        MoniteBuilder::new()
    }

    pub(crate) fn from_parts(
        wire: Wire, credentials: crate::builder::Credentials, vault: Option<Arc<dyn TokenVault>>,
    ) -> Self {
        let wire = Arc::new(wire);
        let minter = Minter::new(wire.clone(), credentials);
        let tokens = TokenCache::new(minter.clone(), vault);
        let core = Arc::new(Core { wire, minter, tokens });
        Self { core, scope: Scope::Partner, priority: Priority::default(), log: None, deadline: None }
    }

    /// The same client, whose calls wait for the rate limit with this priority.
    #[must_use]
    pub fn with_priority(&self, priority: Priority) -> Self {
        Self { priority, ..self.clone() }
    }

    /// The same client, which notes every HTTP attempt of its own calls in `log`. Token mints are shared by
    /// many calls and belong to none of them, so they are not in it.
    #[must_use]
    pub fn recording(&self, log: &CallLog) -> Self {
        Self { log: Some(log.clone()), ..self.clone() }
    }

    /// The same client, none of whose own calls leaves once `deadline` has passed: not as a first try and not as a repetition,
    /// however long it waited for its token or its turn. Such a call fails with [`Error::TooLate`], or with what became of an
    /// earlier attempt that may have been carried out. Token mints are shared by many calls and know no deadline.
    #[must_use]
    pub fn not_after(&self, deadline: &Deadline) -> Self {
        Self { deadline: Some(deadline.clone()), ..self.clone() }
    }

    /// The same client, whose calls carry the token of `user` instead of the partner's and can do what that user's role
    /// allows: `monite.acting_as(ana).entity(acme).roles()`. Each method says which permission it takes; what takes the
    /// partner token is refused with 403. For calls about the user itself see [`Monite::as_entity_user`].
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, ana, .. }| {
    /// let as_ana = monite.acting_as(ana);
    /// assert_eq!(as_ana.entity(acme).roles().list(&RoleFilter::default()).await?.data.len(), 1);
    /// assert!(as_ana.entity(acme).get().await.is_err_and(|error| error.is_permission_denied()));
    /// # Ok(()) }) }
    /// ```
    #[must_use]
    pub fn acting_as(&self, user: EntityUserId) -> Self {
        Self { scope: Scope::EntityUser(user), ..self.clone() }
    }

    /// All entities.
    pub fn entities(&self) -> Entities<'_> {
        Entities { monite: self }
    }

    /// One entity.
    pub fn entity(&self, id: EntityId) -> EntityHandle<'_> {
        EntityHandle { monite: self, id }
    }

    /// Calls in the name of one user.
    pub fn as_entity_user(&self, user: EntityUserId) -> AsEntityUser<'_> {
        AsEntityUser { monite: self, user }
    }

    /// The partner's own settings.
    pub fn settings(&self) -> SettingsOfPartner<'_> {
        SettingsOfPartner { monite: self }
    }

    /// Where Monite reports events to.
    pub fn webhook_subscriptions(&self) -> WebhookSubscriptions<'_> {
        WebhookSubscriptions { monite: self }
    }

    /// What became of reporting the events of `entity`; the same as `entity(..).webhook_deliveries()`.
    pub fn webhook_deliveries(&self, entity: EntityId) -> WebhookDeliveries<'_> {
        WebhookDeliveries { monite: self, entity }
    }

    /// One event; `entity(..).events()` lists them.
    pub fn event(&self, id: EventId) -> EventHandle<'_> {
        EventHandle { monite: self, id }
    }

    /// Tokens, past the cache.
    pub fn auth(&self) -> Auth<'_> {
        Auth { monite: self }
    }

    /// The cached tokens.
    pub fn tokens(&self) -> &TokenCache {
        &self.core.tokens
    }

    /// HTTP requests sent so far by all clones, retries and token mints included.
    pub fn calls_made(&self) -> u64 {
        self.core.wire.calls.load(Ordering::Relaxed)
    }

    /// The base URL, `/v1` included: what Monite's browser SDKs want as `apiUrl`.
    pub fn api_url(&self) -> &str {
        &self.core.wire.base_url
    }

    /// Sends any call and reads its JSON answer; the handles are the comfortable way. For operations that this crate has
    /// no handle for; which permission they take, Monite's documents say.
    ///
    /// # Errors
    /// Any [`Error`].
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, .. }| {
    /// let request = Request::get("roles.list", "/roles").on_behalf_of(acme).query([("name", "approver".to_owned())]);
    /// let page: Page<serde_json::Value> = monite.send(request).await?;
    /// assert_eq!(page.data[0]["status"], "active");
    /// # Ok(()) }) }
    /// ```
    pub async fn send<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        self.call(&request).await?.json()
    }

    /// Sends any call whose answer has no body, or none of interest.
    ///
    /// # Errors
    /// Any [`Error`].
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, ana, .. }| {
    /// let request = Request::delete("entity_users.delete", format!("/entity_users/{ana}")).on_behalf_of(acme);
    /// monite.send_for_nothing(request).await?;
    /// # Ok(()) }) }
    /// ```
    pub async fn send_for_nothing(&self, request: Request) -> Result<(), Error> {
        self.call(&request).await.map(drop)
    }

    /// Sends a call whose answer holds a secret.
    pub(crate) async fn send_for_secret<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        self.call(&request).await?.secret_json()
    }

    pub(crate) fn mint(&self) -> &Minter {
        &self.core.minter
    }

    pub(crate) fn priority(&self) -> Priority {
        self.priority
    }

    /// A refused token means that nothing was done, so any call may be repeated once with a fresh one.
    async fn call(&self, request: &Request) -> Result<Answer, Error> {
        let (wire, tokens) = (&self.core.wire, &self.core.tokens);
        let mut journey = Journey::new(self.priority, self.log.clone(), self.deadline.clone());
        let scope = match request.scope {
            Some(Scope::Partner) => self.scope,
            Some(scope) => scope,
            None => return wire.call(request, None, &[], &mut journey).await,
        };
        let token = tokens.get(scope, OWN_CALL_MIN_LEFT).await?;
        match wire.call(request, Some(&token), &[], &mut journey).await {
            Err(error) if error.is_token_dead() => {
                tokens.mark_dead(scope, &token);
                let fresh = tokens.get(scope, OWN_CALL_MIN_LEFT).await.map_err(|error| journey.was_not_made(error))?;
                wire.call(request, Some(&fresh), &[], &mut journey).await
            }
            result => result,
        }
    }
}

impl fmt::Debug for Monite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monite")
            .field("wire", &self.core.wire)
            .field("scope", &self.scope)
            .field("priority", &self.priority)
            .finish_non_exhaustive()
    }
}
