//! The secrets in memory. They are read again when a signature is unknown, so that a subscription made beside a running service
//! works at once, and now and then, so that one that was ended ends here, too.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use monite::Clock;
use secrecy::SecretString;

use super::secrets::{self, SecretsError, Signer, WATCHED};
use crate::store::seal::Sealer;
use crate::store::{Store, StoreError};

/// Anybody can send an unknown signature, so the store is asked for new secrets no more often than this.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(3);

/// How long secrets count without another look.
const GOOD_FOR: Duration = Duration::from_secs(60);

/// Reads secrets as they are needed.
#[derive(Debug)]
pub struct Keyring {
    store: Arc<dyn Store>,
    sealer: Option<Sealer>,
    clock: Arc<dyn Clock>,
    held: RwLock<Held>,
    /// One look at a time: the others wait for what it finds.
    looking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default, Clone)]
struct Held {
    signers: Arc<Vec<Signer>>,
    read_at: Option<Timestamp>,
}

impl Held {
    fn is_within(&self, span: Duration, now: Timestamp) -> bool {
        self.read_at.is_some_and(|at| now.duration_since(at).unsigned_abs() < span)
    }

    fn secrets(&self, now: Timestamp) -> Vec<SecretString> {
        self.signers.iter().filter(|signer| signer.counts_at(now)).map(|signer| signer.secret.clone()).collect()
    }
}

impl Keyring {
    /// Empty until the first look.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, sealer: Option<Sealer>, clock: Arc<dyn Clock>) -> Self {
        Self { store, sealer, clock, held: RwLock::default(), looking: tokio::sync::Mutex::default() }
    }

    /// The secrets that count at `now`.
    ///
    /// # Errors
    /// [`StoreError`] when none were ever read; those that were count on while the store fails.
    pub async fn secrets(&self, now: Timestamp) -> Result<Vec<SecretString>, StoreError> {
        match self.read_unless_within(GOOD_FOR).await {
            Err(error) if self.held().read_at.is_some() => {
                tracing::warn!(error = &error as &dyn std::error::Error, "webhook secrets cannot be read anew");
                Ok(self.held().secrets(now))
            }
            Err(error) => Err(error),
            Ok(_) => Ok(self.held().secrets(now)),
        }
    }

    /// Those that the store holds now; `None`: it was asked a moment ago.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn newer_secrets(&self, now: Timestamp) -> Result<Option<Vec<SecretString>>, StoreError> {
        let is_newer = self.read_unless_within(LOOK_AGAIN_AFTER).await?;
        Ok(is_newer.then(|| self.held().secrets(now)))
    }

    /// Whether it was read.
    async fn read_unless_within(&self, span: Duration) -> Result<bool, StoreError> {
        let now = self.clock.now();
        if self.held().is_within(span, now) {
            return Ok(false);
        }
        let _one = self.looking.lock().await;
        // Somebody else may have read it meanwhile: that is as good.
        if self.held().is_within(span, now) {
            return Ok(true);
        }
        let signers = Arc::new(self.read().await?);
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Held { signers, read_at: Some(now) };
        Ok(true)
    }

    async fn read(&self) -> Result<Vec<Signer>, StoreError> {
        let mut all = Vec::new();
        for object_type in WATCHED {
            match secrets::load(self.store.as_ref(), self.sealer.as_ref(), &object_type).await {
                Ok(signers) => all.extend(signers),
                Err(SecretsError::Store(error)) => return Err(error),
                // The others still count.
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "webhooks about {object_type} are refused"
                    );
                }
            }
        }
        Ok(all)
    }

    fn held(&self) -> Held {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
