//! Webhook subscriptions: where Monite reports what happens to one kind of object.

use std::fmt;

use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize};

use super::field::Field;
use super::open_enum::open_enum;
use super::webhook_kinds::{EventAction, WebhookObjectType};
use crate::id::WebhookSubscriptionId;

/// Body of `POST /webhook_subscriptions`. One kind of object each; the same address may serve many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewWebhookSubscription {
    /// What to be told about.
    pub object_type: WebhookObjectType,
    /// Where to: HTTPS, reachable from the internet without a redirect, 1 to 2083 characters.
    pub url: String,
    /// Which events, by their bare names; empty means all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub event_types: Vec<EventAction>,
}

impl NewWebhookSubscription {
    /// Every event of `object_type`, reported to `url`.
    pub fn to_all(object_type: WebhookObjectType, url: impl Into<String>) -> Self {
        Self { object_type, url: url.into(), event_types: Vec::new() }
    }
}

/// A webhook subscription as Monite renders it. It has no time of creation although lists can be sorted by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WebhookSubscription {
    /// Monite's id.
    pub id: WebhookSubscriptionId,
    /// What it reports.
    pub object_type: WebhookObjectType,
    /// Which events; empty means all of them.
    #[serde(default)]
    pub event_types: Vec<EventAction>,
    /// Where to.
    pub url: String,
    /// Whether it reports at present.
    pub status: WebhookSubscriptionStatus,
}

/// A subscription with the secret that signs its deliveries. Monite shows it once, when it is made: store it.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct WebhookSubscriptionWithSecret {
    /// The subscription.
    #[serde(flatten)]
    pub subscription: WebhookSubscription,
    /// What [`crate::webhook::verify`] needs. `Debug` does not show it.
    #[serde(deserialize_with = "secret")]
    pub secret: SecretString,
}

impl fmt::Debug for WebhookSubscriptionWithSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSubscriptionWithSecret")
            .field("subscription", &self.subscription)
            .field("secret", &"[redacted]")
            .finish()
    }
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}

/// Body of `PATCH /webhook_subscriptions/{id}`. Nothing here can be cleared: Monite's effect of a null is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WebhookSubscriptionPatch {
    /// What to be told about.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub object_type: Field<WebhookObjectType>,
    /// Where to.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub url: Field<String>,
    /// Which events; an empty list means all of them.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub event_types: Field<Vec<EventAction>>,
}

impl WebhookSubscriptionPatch {
    /// True when nothing would change: such a patch need not be sent.
    pub fn is_empty(&self) -> bool {
        self.object_type.is_keep() && self.url.is_keep() && self.event_types.is_keep()
    }
}

open_enum! {
    /// Whether a subscription reports at present. Both are listed.
    WebhookSubscriptionStatus {
        /// It does.
        Enabled = "enabled",
        /// It does not; what happens meanwhile is not reported later.
        Disabled = "disabled",
    }
}
