//! Monite's webhooks: who may say that something changed, and what follows from it: "look again at this one", and nothing else.
//!
//! Nothing of an event is believed but its pointer. A look compares Monite itself with what is known, as a sweep does; so losing
//! events, getting them twice or in any order costs speed or a look, and never truth.
//!
//! - [`secrets`]: what subscriptions sign with, sealed in the store; - [`keyring`]: the same in memory, kept up to date
//! - `seen`: which events were here already
//! - [`subscribe`]: sets the subscriptions up at Monite, one at a time (`turn`); [`standing`]: what an operator wants to know

pub mod keyring;
pub mod secrets;
mod seen;
pub mod standing;
pub mod subscribe;
mod turn;

use std::error::Error;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use monite::webhook::{self, WebhookError};
use monite::{Clock, EntityId, Event, Subject};

use self::keyring::Keyring;
use self::seen::Seen;
use crate::reconcile::sweep::{Dirty, Marked, Spot};
use crate::store::seal::Sealer;
use crate::store::{Store, StoreError};

/// Longest body taken, in bytes. An event is a pointer of less than 1 KiB.
pub const MAX_BODY: usize = webhook::DEFAULT_MAX_BODY;

/// How far the time of a delivery may be from ours, both ways.
pub const TOLERANCE: Duration = webhook::DEFAULT_TOLERANCE;

/// Anybody can send a delivery that is refused, so the log tells of one a minute.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// Takes deliveries.
#[derive(Debug)]
pub struct Webhooks {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    keyring: Keyring,
    seen: Mutex<Seen>,
    dirty: Dirty,
    complained: Mutex<Option<Timestamp>>,
    /// When the last delivery came, and when that was last written down, in microseconds since 1970; 0: never.
    last: AtomicI64,
    noted: AtomicI64,
    counts: Counters,
}

/// What became of a delivery that Monite signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// What it is about will be looked at.
    Accepted,
    /// It is about nothing that the bridge looks after.
    Ignored,
    /// The same event was here before.
    Repeated,
    /// So much waits to be looked at that this is left to the sweep.
    Dropped,
}

/// Why a delivery was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Monite did not sign it, not with a secret that is stored here, or not lately. Which of these is for the log only.
    #[error("the delivery is not signed by Monite")]
    Signature,
    /// Rightly signed, but no JSON.
    #[error("the delivery is no JSON")]
    NotJson,
    /// Rightly signed, but no event.
    #[error("the delivery is no event")]
    NotAnEvent,
    /// The secrets could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug, Default)]
struct Counters {
    accepted: AtomicU64,
    ignored: AtomicU64,
    repeated: AtomicU64,
    dropped: AtomicU64,
    refused: AtomicU64,
}

/// Deliveries since the process began, by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// [`Received::Accepted`]
    pub accepted: u64,
    /// [`Received::Ignored`]
    pub ignored: u64,
    /// [`Received::Repeated`]
    pub repeated: u64,
    /// [`Received::Dropped`]
    pub dropped: u64,
    /// [`Refused`]
    pub refused: u64,
}

impl Webhooks {
    /// Marks in `dirty` what signed events are about. `sealer` opens the secrets; without it everything is refused.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, sealer: Option<Sealer>, clock: Arc<dyn Clock>, dirty: Dirty) -> Self {
        let keyring = Keyring::new(Arc::clone(&store), sealer, Arc::clone(&clock));
        let (seen, complained) = (Mutex::default(), Mutex::default());
        let (last, noted) = (AtomicI64::new(0), AtomicI64::new(0));
        Self { store, clock, keyring, seen, dirty, complained, last, noted, counts: Counters::default() }
    }

    /// Takes one delivery: `signature` is the value of [`webhook::SIGNATURE_HEADER`], `body` what came, to the byte.
    ///
    /// # Errors
    /// [`Refused`]; nothing is looked at then.
    pub async fn receive(&self, signature: &str, body: &[u8]) -> Result<Received, Refused> {
        let received = match self.verify(signature, body).await {
            Ok(event) => {
                self.note_delivery().await;
                Ok(self.take(&event).await)
            }
            Err(refused) => Err(refused),
        };
        let counter = match &received {
            Ok(Received::Accepted) => &self.counts.accepted,
            Ok(Received::Ignored) => &self.counts.ignored,
            Ok(Received::Repeated) => &self.counts.repeated,
            Ok(Received::Dropped) => &self.counts.dropped,
            Err(_) => &self.counts.refused,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        received
    }

    /// When the last delivery came that Monite signed, to this process.
    #[must_use]
    pub fn last_delivery_at(&self) -> Option<Timestamp> {
        let last = self.last.load(Ordering::Relaxed);
        (last != 0).then(|| Timestamp::from_microsecond(last).unwrap_or(Timestamp::MAX))
    }

    /// Once a minute for all to see, too.
    async fn note_delivery(&self) {
        let now = self.clock.now();
        self.last.store(now.as_microsecond(), Ordering::Relaxed);
        let noted = self.noted.load(Ordering::Relaxed);
        let is_due = (now.as_microsecond() - noted).unsigned_abs() >= standing::NOTED_EVERY.as_micros() as u64;
        if !is_due || self.noted.swap(now.as_microsecond(), Ordering::Relaxed) != noted {
            return;
        }
        if let Err(error) = standing::note_delivery(self.store.as_ref(), now).await {
            tracing::warn!(error = &error as &dyn Error, "that a webhook came could not be written down");
        }
    }

    /// One that cannot be a delivery, before its body was read.
    pub fn refuse_unread(&self) {
        self.counts.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// What became of deliveries so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counters { accepted, ignored, repeated, dropped, refused } = &self.counts;
        Counts {
            accepted: read(accepted),
            ignored: read(ignored),
            repeated: read(repeated),
            dropped: read(dropped),
            refused: read(refused),
        }
    }

    /// What waits to be looked at.
    #[must_use]
    pub fn dirty(&self) -> &Dirty {
        &self.dirty
    }

    async fn verify(&self, signature: &str, body: &[u8]) -> Result<Event, Refused> {
        let now = self.clock.now();
        let check = |secrets: &[_]| webhook::verify(body, signature, secrets, TOLERANCE, now);
        let mut checked = check(&self.keyring.secrets(now).await?);
        if matches!(checked, Err(WebhookError::NoSecret | WebhookError::NoSecretMatched { .. }))
            && let Some(secrets) = self.keyring.newer_secrets(now).await?
        {
            checked = check(&secrets);
        }
        checked.map_err(|error| self.refuse(&error, now))
    }

    fn refuse(&self, error: &WebhookError, now: Timestamp) -> Refused {
        let mut complained = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = complained.is_none_or(|at| now.duration_since(at).unsigned_abs() >= COMPLAIN_EVERY);
        if is_time {
            *complained = Some(now);
            tracing::warn!(error = error as &dyn Error, "a webhook was refused; at most one a minute is told of here");
        }
        match error {
            WebhookError::Unreadable { source } if source.is_data() => Refused::NotAnEvent,
            WebhookError::Unreadable { .. } => Refused::NotJson,
            _ => Refused::Signature,
        }
    }

    async fn take(&self, event: &Event) -> Received {
        let Some((entity, spot)) = spot_of(event) else { return Received::Ignored };
        let now = self.clock.now();
        if self.seen().contains(&event.id, now) {
            return Received::Repeated;
        }
        // When the store does not say whose it is, the look will ask again.
        if self.store.owners(&[entity]).await.is_ok_and(|owners| owners.is_empty()) {
            return Received::Ignored;
        }
        if !self.seen().insert(event.id, now) {
            return Received::Repeated;
        }
        match self.dirty.mark(entity, spot, now) {
            Marked::Waits => Received::Accepted,
            Marked::Dropped => Received::Dropped,
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where an event points to. `None`: nothing that the bridge looks after.
fn spot_of(event: &Event) -> Option<(EntityId, Spot)> {
    match event.subject() {
        Subject::Entity(entity) | Subject::Role(entity, _) => Some((entity, Spot::Itself)),
        Subject::EntityUser(entity, user) => Some((entity, Spot::User(user))),
        // Of which user or role is not said.
        Subject::Other(entity) => match event.object_type {
            monite::WebhookObjectType::EntityUser => Some((entity, Spot::AllUsers)),
            monite::WebhookObjectType::Role => Some((entity, Spot::Itself)),
            _ => None,
        },
        _ => None,
    }
}
