//! What became of reporting an event.

use serde::{Deserialize, Serialize};

use crate::id::{EventId, WebhookDeliveryId};

/// One event's way to one subscription. Monite keeps these for three months.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WebhookDelivery {
    /// Monite's id.
    pub id: WebhookDeliveryId,
    /// What was to be reported.
    pub event_id: EventId,
    /// Where to.
    pub url: String,
    /// Tries so far.
    pub requests_made_count: u32,
    /// What the last try was answered, if anything.
    #[serde(default)]
    pub response: Option<String>,
    /// Status of that answer.
    #[serde(default)]
    pub response_status_code: Option<u16>,
    /// Whether it arrived in the end; `None` while Monite is still trying.
    #[serde(default)]
    pub was_successful: Option<bool>,
}
