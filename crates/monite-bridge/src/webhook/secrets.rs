//! What subscriptions sign with, sealed in the store under the master key: one sealed list for each kind of object.

use jiff::Timestamp;
use monite::{WebhookObjectType, WebhookSubscriptionId};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::store::seal::{SealError, Sealer};
use crate::store::{Store, StoreError};

/// What events are asked for: what the bridge keeps equal.
pub const WATCHED: [WebhookObjectType; 3] =
    [WebhookObjectType::Entity, WebhookObjectType::EntityUser, WebhookObjectType::Role];

/// One subscription's secret. `Debug` does not show it.
#[derive(Debug, Clone)]
pub struct Signer {
    /// The subscription at Monite.
    pub subscription: WebhookSubscriptionId,
    /// What it signs with.
    pub secret: SecretString,
    /// Until when it counts, when it was replaced or ended; deliveries that are under way come still.
    pub until: Option<Timestamp>,
}

impl Signer {
    /// Whether deliveries signed with it are taken at `now`.
    #[must_use]
    pub fn counts_at(&self, now: Timestamp) -> bool {
        // An empty key would let anybody sign.
        self.until.is_none_or(|until| now < until) && !self.secret.expose_secret().is_empty()
    }
}

/// Why secrets cannot be read or stored.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// They are stored sealed only.
    #[error(
        "webhook secrets are stored sealed only, and there is no key to seal them with: make one with \
         `openssl rand -base64 32`, keep it safe, and set it as MONITE_BRIDGE_MASTER_KEY"
    )]
    NoKeyToSeal,
    /// Sealed, and no key here.
    #[error(
        "the webhook secrets in the database are sealed and there is no key to open them: \
         set MONITE_BRIDGE_MASTER_KEY or MONITE_BRIDGE_MASTER_KEY_FILE to the key they were stored with"
    )]
    NoKeyToOpen,
    /// It opened, and holds something else.
    #[error(
        "the webhook secrets in the database do not read as such: run `monite-bridge webhooks subscribe` with the version that stored them"
    )]
    Unreadable,
    /// It does not open.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The secrets for events about `object_type`, those that do not count any more too.
///
/// # Errors
/// [`SecretsError`]
pub async fn load(
    store: &dyn Store, sealer: Option<&Sealer>, object_type: &WebhookObjectType,
) -> Result<Vec<Signer>, SecretsError> {
    let name = name(object_type);
    let Some(sealed) = store.secret(&name).await? else { return Ok(Vec::new()) };
    let sealer = sealer.ok_or(SecretsError::NoKeyToOpen)?;
    let opened = sealer.open(&name, &sealed)?;
    let kept: Vec<Kept> = serde_json::from_str(opened.expose_secret()).map_err(|_| SecretsError::Unreadable)?;
    Ok(kept.into_iter().map(Signer::from).collect())
}

/// Seals these in place of what was there.
///
/// # Errors
/// [`SecretsError`]: nothing was stored, as far as is known.
pub async fn save(
    store: &dyn Store, sealer: &Sealer, object_type: &WebhookObjectType, signers: &[Signer], now: Timestamp,
) -> Result<(), SecretsError> {
    let name = name(object_type);
    let kept: Vec<Kept> = signers.iter().map(Kept::from).collect();
    let text = Zeroizing::new(serde_json::to_string(&kept).expect("texts and times have no failing serializer"));
    let sealed = sealer.seal(&name, &SecretString::from(text.as_str()));
    Ok(store.put_secret(&name, &sealed, now).await?)
}

fn name(object_type: &WebhookObjectType) -> String {
    format!("monite.webhook.{object_type}")
}

/// What is sealed, as JSON.
#[derive(Serialize, Deserialize)]
struct Kept {
    subscription: WebhookSubscriptionId,
    secret: String,
    until: Option<Timestamp>,
}

impl From<&Signer> for Kept {
    fn from(signer: &Signer) -> Self {
        let secret = signer.secret.expose_secret().to_owned();
        Self { subscription: signer.subscription, secret, until: signer.until }
    }
}

impl From<Kept> for Signer {
    fn from(mut kept: Kept) -> Self {
        let secret = SecretString::from(std::mem::take(&mut kept.secret));
        Self { subscription: kept.subscription, secret, until: kept.until }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}
