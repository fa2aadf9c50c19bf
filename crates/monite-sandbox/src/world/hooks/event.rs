//! Events: that something happened to an object. A pointer, not its state.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::object::{Happening, WebhookObject};
use crate::quirks::{Point, Quirks};
use crate::world::stamp::Stamp;

/// One event as it was recorded. How it is spelled is decided when it is shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) id: Uuid,
    pub(crate) created_at: Stamp,
    pub(crate) object_type: WebhookObject,
    pub(crate) event: Happening,
    /// The entity it happened in; for partner settings a stand-in.
    pub(crate) entity_id: Uuid,
    pub(crate) object_id: Uuid,
    pub(crate) api_version: String,
}

/// An event as Monite renders it; in a list without, in a webhook with the subscription.
#[derive(Debug, Serialize)]
pub(crate) struct EventView<'a> {
    id: Uuid,
    created_at: Stamp,
    action: String,
    api_version: &'a str,
    description: String,
    entity_id: Uuid,
    object: Value,
    object_type: WebhookObject,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_subscription_id: Option<Uuid>,
}

impl Event {
    pub(crate) fn view(&self, quirks: &Quirks) -> EventView<'_> {
        EventView {
            id: self.id,
            created_at: self.created_at,
            action: self.action(quirks),
            api_version: &self.api_version,
            description: format!("{} has been {}", self.object_type.name(), self.event.name()),
            entity_id: self.entity_id,
            object: json!({"id": self.object_id}),
            object_type: self.object_type,
            webhook_subscription_id: None,
        }
    }

    pub(super) fn view_for(&self, subscription: Uuid, quirks: &Quirks) -> EventView<'_> {
        EventView { webhook_subscription_id: Some(subscription), ..self.view(quirks) }
    }

    fn action(&self, quirks: &Quirks) -> String {
        let (object, event) = (self.object_type.name(), self.event.name());
        if quirks.is(Point::WebhookAction, "bare") { event.to_owned() } else { format!("{object}.{event}") }
    }

    /// Is this the action a filter names? With or without the object in front, since Monite's own spelling is unknown.
    pub(super) fn is_called(&self, action: &str) -> bool {
        let bare = action.strip_prefix(self.object_type.name()).and_then(|rest| rest.strip_prefix('.'));
        bare.unwrap_or(action) == self.event.name()
    }
}
