//! Webhook subscriptions: who wants to be told about what.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::object::WebhookObject;
use crate::rules::Patch;
use crate::world::stamp::Stamp;

/// One receiver for one kind of object. Unlike everything else in the world a deleted one is really gone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Subscription {
    pub(crate) id: Uuid,
    pub(crate) created_at: Stamp,
    pub(crate) updated_at: Stamp,
    pub(crate) object_type: WebhookObject,
    /// Bare names such as `created`; empty means all.
    pub(crate) event_types: Vec<String>,
    pub(crate) url: String,
    pub(crate) status: SubscriptionStatus,
    /// Signs what is sent. The data file has to hold it as it is: a digest cannot sign.
    #[serde(with = "secret")]
    pub(crate) secret: SecretString,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SubscriptionStatus {
    Enabled,
    Disabled,
}

/// A create request that passed the schema.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SubscriptionDraft {
    pub(crate) object_type: WebhookObject,
    pub(crate) event_types: Vec<String>,
    pub(crate) url: String,
}

/// An update request that passed the schema.
#[derive(Debug, Default)]
pub(crate) struct SubscriptionPatch {
    pub(crate) object_type: Patch<WebhookObject>,
    pub(crate) event_types: Patch<Vec<String>>,
    pub(crate) url: Patch<String>,
}

/// A subscription as Monite renders it: without dates, and with the secret only where it was just made.
#[derive(Debug, Serialize)]
pub(crate) struct SubscriptionView<'a> {
    id: Uuid,
    event_types: &'a [String],
    object_type: WebhookObject,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
    status: SubscriptionStatus,
    url: &'a str,
}

impl Subscription {
    /// Is it to be told about this event?
    pub(super) fn wants(&self, object: WebhookObject, event: &str) -> bool {
        self.status == SubscriptionStatus::Enabled
            && self.object_type == object
            && (self.event_types.is_empty() || self.event_types.iter().any(|wanted| wanted == event))
    }

    pub(crate) fn view(&self) -> SubscriptionView<'_> {
        SubscriptionView {
            id: self.id,
            event_types: &self.event_types,
            object_type: self.object_type,
            secret: None,
            status: self.status,
            url: &self.url,
        }
    }

    /// For the two answers that tell the secret: creation and [`World::regenerate_secret`].
    ///
    /// [`World::regenerate_secret`]: crate::world::World::regenerate_secret
    pub(crate) fn view_with_secret(&self) -> SubscriptionView<'_> {
        SubscriptionView { secret: Some(self.secret.expose_secret()), ..self.view() }
    }
}

mod secret {
    use super::{Deserialize, Deserializer, ExposeSecret, SecretString, Serializer};

    pub(super) fn serialize<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose_secret())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
        String::deserialize(deserializer).map(SecretString::from)
    }
}
