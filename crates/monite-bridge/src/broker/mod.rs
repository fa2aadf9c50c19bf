//! Who may have which token: entity-user tokens for the product's users, and nothing else.
//!
//! A hand-out that was made before touches no database and waits for nothing: the binding of a user to its entity user is in
//! memory, and so is the token. Whoever deletes a user or deactivates a customer commits first and calls [`Broker::forget_user`]
//! or [`Broker::forget_customer`] then; a binding is used only after a second look at the store behind its insertion, so a
//! delete that commits in between always wins. A delete through another process is learned of by looking for it again and again; memory
//! counts only while the last look is recent (`watch`).

mod binding;
mod error;
mod issued;
mod revoke;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use monite::{AccessToken, Clock, EntityId, EntityUserId, Monite, Scope};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use self::binding::{Binding, Bindings};
pub use self::error::BrokerError;
use self::issued::Issued;
use self::revoke::Revoker;
use self::watch::Watch;
use crate::domain::{CustomerId, ObjectId, SyncState, UserId};
use crate::events::Events;
use crate::store::{Store, TokenSubject};

/// Every token handed out has at least this much of its life left: Monite's React SDK reuses one for 10 minutes whatever
/// `expires_in` says (monite-behaviour, section 12), and the page needs a moment on top.
pub const MIN_LEFT: Duration = Duration::from_secs(660);

/// How often one hand-out begins again because the user changed meanwhile. Each change is one write of the product or one outcome
/// of the reconciler, so several within one hand-out are rare.
const MOST_LOOKS: u32 = 5;

/// A token for one user, with what an SDK needs before its first call.
#[derive(Debug, Clone)]
pub struct Handout {
    /// The token.
    pub token: AccessToken,
    /// Seconds it still works, rounded down.
    pub expires_in: u64,
    /// The user's entity.
    pub entity_id: EntityId,
    /// The user's entity user.
    pub entity_user_id: EntityUserId,
}

/// How many tokens were handed out, by where they came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// From memory.
    pub cached: u64,
    /// After asking the store, Monite, or both.
    pub asked: u64,
    /// Not at all.
    pub refused: u64,
}

/// Hands out tokens. Clones are the same broker.
#[derive(Debug, Clone)]
pub struct Broker {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Arc<dyn Store>,
    monite: Monite,
    clock: Arc<dyn Clock>,
    bindings: Bindings,
    issued: Issued,
    revoker: Revoker,
    watch: Watch,
    cached: AtomicU64,
    asked: AtomicU64,
    refused: AtomicU64,
}

impl Broker {
    /// A broker that asks `store` who is who and `monite` for tokens.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, monite: Monite, clock: Arc<dyn Clock>) -> Self {
        let revoker = Revoker::new(monite.clone(), Arc::clone(&clock));
        let watch = if store.is_shared() { Watch::of_others() } else { Watch::of_nobody() };
        let inner = Inner {
            store,
            monite,
            clock,
            bindings: Bindings::default(),
            issued: Issued::default(),
            revoker,
            watch,
            cached: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// A token for this user of this customer, with at least [`MIN_LEFT`] of its life left.
    ///
    /// # Errors
    /// [`BrokerError`] says why there is none, and whether it is worth asking again.
    pub async fn token_for(&self, customer: &CustomerId, user: &UserId) -> Result<Handout, BrokerError> {
        let this = &self.inner;
        if let Some(handout) = this.remembered(customer, user) {
            this.cached.fetch_add(1, Ordering::Relaxed);
            return Ok(handout);
        }
        let asked = this.ask(customer, user).await;
        let counter = if asked.is_ok() { &this.asked } else { &this.refused };
        counter.fetch_add(1, Ordering::Relaxed);
        asked
    }

    /// The user was deleted, and that is committed: nobody gets a token any more, and those out there are revoked in the background.
    pub fn forget_user(&self, customer: &CustomerId, user: &UserId) {
        let this = &self.inner;
        this.bindings.drop_user(customer, user);
        this.revoke(this.issued.take_user(customer, user));
    }

    /// The same for everybody in a customer that was deactivated.
    pub fn forget_customer(&self, customer: &CustomerId) {
        let this = &self.inner;
        this.bindings.drop_customer(customer);
        this.revoke(this.issued.take_customer(customer));
    }

    /// Follows what changes until `stop`, in this process and in others: whoever changed is looked up anew at the next hand-out, and who was
    /// deleted or deactivated through another process gets no token any more. While nobody follows, every hand-out from a
    /// [shared](Store::is_shared) database asks it.
    pub async fn follow(&self, events: &Events, stop: CancellationToken) {
        tokio::join!(self.follow_events(events, &stop), stop.run_until_cancelled(self.inner.follow_others()));
    }

    async fn follow_events(&self, events: &Events, stop: &CancellationToken) {
        let mut changes = events.listen();
        loop {
            let change = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                change = changes.recv() => change,
            };
            match change {
                Ok(event) => self.look_again(&event.object),
                // Nobody knows what was missed, so everybody is looked up anew.
                Err(RecvError::Lagged(_)) => self.inner.bindings.drop_all(),
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Looks this object up anew at the next hand-out. Revokes nothing.
    pub fn look_again(&self, object: &ObjectId) {
        self.inner.look_again(object);
    }

    /// How many tokens were handed out so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts { cached: read(&self.inner.cached), asked: read(&self.inner.asked), refused: read(&self.inner.refused) }
    }

    /// Where the browser finds Monite.
    #[must_use]
    pub fn api_url(&self) -> &str {
        self.inner.monite.api_url()
    }

    /// Waits for the revocations that are under way.
    pub async fn finish_revocations(&self) {
        self.inner.revoker.finish().await;
    }
}

impl Inner {
    /// The way without database and without waiting.
    fn remembered(&self, customer: &CustomerId, user: &UserId) -> Option<Handout> {
        if !self.watch.is_fresh(self.clock.now()) {
            return None;
        }
        let binding = self.bindings.get(customer, user)?;
        if !binding.is_of(customer, user) {
            tracing::error!(%customer, %user, "a link in memory is somebody else's; the database is asked");
            return None;
        }
        let token = self.monite.tokens().try_get(Scope::EntityUser(binding.entity_user_id), MIN_LEFT)?;
        let handout = self.handout(&binding, token, self.clock.now()).ok()?;
        self.note(customer, user, &binding, &handout.token);
        // Looked at last: whoever drops the binding does it before it takes the tokens to be revoked.
        (!binding.is_dropped()).then_some(handout)
    }

    fn look_again(&self, object: &ObjectId) {
        match object {
            ObjectId::Customer(customer) => self.bindings.drop_customer(customer),
            ObjectId::User(customer, user) => self.bindings.drop_user(customer, user),
        }
    }

    /// The way that asks, begun again when the user changed meanwhile: mostly it was its own creation, told about just now.
    async fn ask(&self, customer: &CustomerId, user: &UserId) -> Result<Handout, BrokerError> {
        for _ in 1..MOST_LOOKS {
            match self.ask_once(customer, user).await {
                Err(BrokerError::Changed) => {}
                settled => return settled,
            }
        }
        self.ask_once(customer, user).await
    }

    /// Asks the store who it is, Monite for a token, and the store once more.
    async fn ask_once(&self, customer: &CustomerId, user: &UserId) -> Result<Handout, BrokerError> {
        let (entity_id, entity_user_id) = self.subject(customer, user).await?;
        let token = match self.monite.tokens().get(Scope::EntityUser(entity_user_id), MIN_LEFT).await {
            Ok(token) => token,
            Err(error) if error.is_retryable() => return Err(error.into()),
            Err(error) => return Err(self.refused(customer, user, (entity_id, entity_user_id), error).await?),
        };
        let binding = self.bindings.insert(Binding::new(customer, user, entity_id, entity_user_id));
        self.note(customer, user, &binding, &token);
        // A delete that committed since the first look was not able to drop a binding that was not there yet.
        match self.subject(customer, user).await {
            Ok(subject) if subject == (entity_id, entity_user_id) && !binding.is_dropped() => {
                self.handout(&binding, token, self.clock.now())
            }
            outcome => {
                self.bindings.drop_user(customer, user);
                let error = outcome.err().unwrap_or(BrokerError::Changed);
                if error.means_gone() {
                    self.revoke(self.issued.take_user(customer, user));
                }
                Err(error)
            }
        }
    }

    /// Monite gives none for somebody whose deletion reached it meanwhile, or who is being written anew; then the store says more than its
    /// refusal.
    async fn refused(
        &self, customer: &CustomerId, user: &UserId, asked_for: (EntityId, EntityUserId), error: monite::Error,
    ) -> Result<BrokerError, BrokerError> {
        // Before the subject: work that ends between the two has changed that.
        let states = (self.store.customer(customer).await?, self.store.user(customer, user).await?);
        if self.subject(customer, user).await? != asked_for {
            return Ok(BrokerError::Changed);
        }
        let is_at_work = |state| matches!(state, SyncState::Pending | SyncState::Retrying);
        Ok(match states {
            // Wrong credentials have nothing to do with who it is.
            _ if matches!(error, monite::Error::Credentials { .. }) => error.into(),
            (Some(customer), Some(user)) if is_at_work(customer.sync.state) || is_at_work(user.sync.state) => {
                BrokerError::NotYet { customer: customer.sync.state, user: user.sync.state }
            }
            _ => error.into(),
        })
    }

    async fn subject(&self, customer: &CustomerId, user: &UserId) -> Result<(EntityId, EntityUserId), BrokerError> {
        match self.store.token_subject(customer, user).await? {
            TokenSubject::Ready { entity_id, entity_user_id } => Ok((entity_id, entity_user_id)),
            TokenSubject::NotYet { customer, user } => Err(BrokerError::NotYet { customer, user }),
            TokenSubject::CustomerGone => Err(BrokerError::CustomerGone),
            TokenSubject::NoSuchCustomer => Err(BrokerError::NoSuchCustomer),
            // A user whose deletion is not through yet still has a row: gone is another answer than never known.
            TokenSubject::NoSuchUser if self.store.user(customer, user).await?.is_some() => Err(BrokerError::UserGone),
            TokenSubject::NoSuchUser => Err(BrokerError::NoSuchUser),
        }
    }

    fn handout(&self, binding: &Binding, token: AccessToken, now: Timestamp) -> Result<Handout, BrokerError> {
        if token.time_left(now) < MIN_LEFT {
            return Err(match token.life() {
                life if life < MIN_LEFT => BrokerError::LifeTooShort { life },
                _ => BrokerError::Late,
            });
        }
        let expires_in = token.expires_in_secs(now);
        Ok(Handout { token, expires_in, entity_id: binding.entity_id, entity_user_id: binding.entity_user_id })
    }

    /// Remembers what was handed out, so that it can be revoked; once per token.
    fn note(&self, customer: &CustomerId, user: &UserId, binding: &Binding, token: &AccessToken) {
        if binding.is_news(token) {
            self.issued.add(customer, user, binding.entity_user_id, token, self.clock.now());
        }
    }

    fn revoke(&self, taken: Vec<issued::Taken>) {
        for one in taken {
            // What the cache holds may be newer than anything handed out; it dies with the rest.
            let held = self.monite.tokens().forget(Scope::EntityUser(one.entity_user_id));
            let mut tokens = one.tokens;
            tokens.extend(held.filter(|held| tokens.iter().all(|known| known.expose() != held.expose())));
            self.revoker.revoke(tokens);
        }
    }
}
