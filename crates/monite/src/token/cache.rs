//! The slots of all scopes, and who fetches for whom.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;

use super::flight::Flight;
use super::slot::{Landing, Look, Takeoff, TokenSlot};
use super::vault::{self, Wanted};
use super::{AccessToken, Minter, Scope, TokenVault};
use crate::error::Error;
use crate::limit::Priority;
use crate::transport::TransportKind;

/// Locks are spread over so many shards, so that logins of different users seldom meet.
const SHARDS: usize = 16;

/// A shard looks for idle slots when it has grown to this, then whenever it has doubled.
const FIRST_SWEEP: usize = 256;

/// A mint, retries and all, that takes longer is given up: whoever waits for a login is gone by then.
const MINT_TIMEOUT: Duration = Duration::from_secs(45);

/// How often a waiter starts over because `forget` came in between.
const MAX_FORGOTTEN: usize = 5;

/// One slot per scope, one mint in flight per slot however many wait. Clones are the same cache.
///
/// Tokens are fetched early, in the background, when somebody asks for one that grows old; while that fails, the
/// old one is served as long as it lasts. A failed mint is told to everyone who waited for it and then forgotten.
#[derive(Clone)]
pub struct TokenCache {
    inner: Arc<Inner>,
}

struct Inner {
    minter: Minter,
    /// Where the partner's token is shared with other processes.
    vault: Option<Arc<dyn TokenVault>>,
    shards: [RwLock<Shard>; SHARDS],
}

struct Shard {
    slots: HashMap<Scope, Arc<TokenSlot>>,
    sweep_at: usize,
}

impl TokenCache {
    pub(crate) fn new(minter: Minter, vault: Option<Arc<dyn TokenVault>>) -> Self {
        let shards = std::array::from_fn(|_| RwLock::new(Shard { slots: HashMap::new(), sweep_at: FIRST_SWEEP }));
        Self { inner: Arc::new(Inner { minter, vault, shards }) }
    }

    /// A token with at least `min_left` of life: the cached one, or one fetched now.
    ///
    /// If Monite issues tokens that live shorter than `min_left`, the answer is one with at least half of its life.
    /// Dropping the future does not stop a mint that others wait for. Needs a Tokio runtime.
    ///
    /// `POST /auth/token`, if one has to be fetched. Permission: none; client id and secret in the body decide.
    ///
    /// # Errors
    /// Whatever the mint said; everyone who waited for the same mint gets the same error. [`Error::Credentials`] when
    /// client id or secret are wrong; `is_not_found` when there is no such user.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, ana, .. }| {
    /// use std::time::Duration;
    ///
    /// // Monite's React SDK uses a token for ten minutes, whatever it is told.
    /// let eleven_minutes = Duration::from_secs(660);
    /// let token = monite.tokens().get(Scope::EntityUser(ana), eleven_minutes).await?;
    /// let calls = monite.calls_made();
    /// assert_eq!(monite.tokens().get(Scope::EntityUser(ana), eleven_minutes).await?.life(), token.life());
    /// assert_eq!(monite.calls_made(), calls, "the second one is from memory");
    /// # Ok(()) }) }
    /// ```
    pub async fn get(&self, scope: Scope, min_left: Duration) -> Result<AccessToken, Error> {
        let slot = self.slot(scope);
        for _ in 0..MAX_FORGOTTEN {
            let flight = match self.look(&slot, min_left) {
                Found::Token(token) => return Ok(token),
                Found::Wait(flight) => flight,
            };
            match flight.landed().await {
                Some(Landing::Token(token)) => return Ok(token),
                Some(Landing::Failed(error)) => return Err(error),
                // Forgotten meanwhile, or its runtime is gone: start over.
                Some(Landing::Forgotten) | None => {}
            }
        }
        Err(gave_up("the token was forgotten again and again while it was fetched"))
    }

    /// The same without ever waiting: `None` when a token would have to be fetched first. Starts an early refresh
    /// in the background like [`TokenCache::get`].
    pub fn try_get(&self, scope: Scope, min_left: Duration) -> Option<AccessToken> {
        let slot = self.find(scope)?;
        slot.peek(self.now(), min_left)?;
        match self.look(&slot, min_left) {
            Found::Token(token) => Some(token),
            Found::Wait(_) => None,
        }
    }

    /// The place of a scope's token. It stays in the cache as long as somebody holds it.
    pub fn slot(&self, scope: Scope) -> Arc<TokenSlot> {
        if let Some(slot) = self.find(scope) {
            return slot;
        }
        let now = self.now();
        let mut shard = self.shard(scope).write().unwrap_or_else(PoisonError::into_inner);
        shard.sweep(now);
        shard.slots.entry(scope).or_insert_with(|| Arc::new(TokenSlot::new(scope))).clone()
    }

    /// Forgets a scope's token and gives it back, so that it can be revoked. A mint in flight will not put its token
    /// into the slot afterwards, and nobody gets it.
    pub fn forget(&self, scope: Scope) -> Option<AccessToken> {
        self.find(scope)?.forget()
    }

    /// How many slots there are.
    pub fn slots(&self) -> usize {
        self.inner.shards.iter().map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner).slots.len()).sum()
    }

    pub(crate) fn mark_dead(&self, scope: Scope, token: &AccessToken) {
        if let Some(slot) = self.find(scope) {
            slot.mark_dead(token);
        }
    }

    fn look(&self, slot: &Arc<TokenSlot>, min_left: Duration) -> Found {
        match slot.look(self.now(), min_left) {
            Look::Fresh(token) => Found::Token(token),
            Look::Aging(token, takeoff) => {
                if let Some(takeoff) = takeoff {
                    self.fly(takeoff, Urgency::Early, min_left);
                }
                Found::Token(token)
            }
            Look::Missing(flight, takeoff) => {
                if let Some(takeoff) = takeoff {
                    self.fly(takeoff, Urgency::Now, min_left);
                }
                Found::Wait(flight)
            }
        }
    }

    /// The mint runs in a task of its own: whoever asked first may leave without harming those who wait with it.
    fn fly(&self, takeoff: Takeoff, urgency: Urgency, min_left: Duration) {
        let cache = self.clone();
        tokio::spawn(async move {
            let scope = takeoff.scope();
            let minter = &cache.inner.minter;
            let mint = cache.obtain(takeoff.wanted(min_left), scope, priority(scope, urgency));
            let result = tokio::time::timeout(MINT_TIMEOUT, mint)
                .await
                .unwrap_or_else(|_| Err(gave_up("no token within 45 s, retries included")));
            if let (Urgency::Early, Err(error)) = (urgency, &result) {
                tracing::warn!(%error, ?scope, "early token refresh failed; the token held is still good");
            }
            takeoff.land(result, minter.chance(), cache.now());
        });
    }

    /// Users' tokens are never shared: each is for one browser, and lies in one memory only.
    async fn obtain(&self, wanted: Wanted, scope: Scope, priority: Priority) -> Result<AccessToken, Error> {
        match (&self.inner.vault, scope) {
            (Some(vault), Scope::Partner) => vault::obtain(vault.as_ref(), &self.inner.minter, &wanted, priority).await,
            _ => self.inner.minter.mint(scope, priority, None).await,
        }
    }

    fn find(&self, scope: Scope) -> Option<Arc<TokenSlot>> {
        self.shard(scope).read().unwrap_or_else(PoisonError::into_inner).slots.get(&scope).cloned()
    }

    fn shard(&self, scope: Scope) -> &RwLock<Shard> {
        let mut hasher = DefaultHasher::new();
        scope.hash(&mut hasher);
        &self.inner.shards[hasher.finish() as usize % SHARDS]
    }

    fn now(&self) -> Timestamp {
        self.inner.minter.now()
    }
}

impl Shard {
    /// Drops idle slots once the shard has doubled: memory follows the tokens that are alive. A slot that somebody
    /// holds stays, or `forget` would no longer reach the token they see.
    fn sweep(&mut self, now: Timestamp) {
        if self.slots.len() >= self.sweep_at {
            self.slots.retain(|_, slot| Arc::strong_count(slot) > 1 || !slot.is_idle(now));
            self.sweep_at = (self.slots.len() * 2).max(FIRST_SWEEP);
        }
    }
}

enum Found {
    Token(AccessToken),
    Wait(Flight),
}

#[derive(Clone, Copy)]
enum Urgency {
    Now,
    Early,
}

/// Somebody waits at the door for a user's token; the partner's only has to pass the bulk work that waits for it.
fn priority(scope: Scope, urgency: Urgency) -> Priority {
    match (scope, urgency) {
        (Scope::EntityUser(_), Urgency::Now) => Priority::Login,
        _ => Priority::Interactive,
    }
}

fn gave_up(why: &'static str) -> Error {
    let source = Arc::new(std::io::Error::new(std::io::ErrorKind::TimedOut, why));
    Error::Transport { operation: super::mint::MINT, kind: TransportKind::Timeout, source }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenCache({} slots)", self.slots())
    }
}
