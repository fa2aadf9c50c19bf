//! Events: something happened to an object at Monite.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::webhook_kinds::{EventAction, WebhookObjectType};
use crate::id::{EntityId, EntityUserId, EventId, RoleId, WebhookSubscriptionId};

/// Something happened. A pointer, not a state: read the object afresh. Order and exactly-once are not promised, so keep
/// the ids of those already handled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Wire")]
#[non_exhaustive]
pub struct Event {
    /// Monite's id; the same in every delivery of it.
    pub id: EventId,
    /// When it happened.
    pub created_at: Option<Timestamp>,
    /// What happened, without the object's name in front.
    pub action: EventAction,
    /// The API version the event was made with.
    pub api_version: Option<String>,
    /// The same in words.
    pub description: String,
    /// Whose object it is; no entity at all, such as the nil UUID, for [`WebhookObjectType::PartnerSettings`].
    pub entity_id: EntityId,
    /// What it happened to.
    pub object_type: WebhookObjectType,
    /// What Monite says about the object: at least its id, for most.
    pub object: Value,
    /// Which subscription reported it; `None` in [`crate::api::Events`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_subscription_id: Option<WebhookSubscriptionId>,
}

/// What an event asks to look at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// The entity itself.
    Entity(EntityId),
    /// One of its users.
    EntityUser(EntityId, EntityUserId),
    /// One of its roles.
    Role(EntityId, RoleId),
    /// Its settings.
    EntitySettings(EntityId),
    /// The partner's settings.
    PartnerSettings,
    /// Something of this entity that this crate has no handle for, or an object without a readable id.
    Other(EntityId),
}

impl Event {
    /// The id of the object, if the event names one. Ids are UUIDs in practice, but nobody promises it.
    pub fn object_id(&self) -> Option<&str> {
        self.object.get("id").and_then(Value::as_str)
    }

    /// What to look at again.
    pub fn subject(&self) -> Subject {
        let entity = self.entity_id;
        let id = self.object_id();
        let found = match self.object_type {
            WebhookObjectType::Entity => Some(Subject::Entity(entity)),
            WebhookObjectType::EntitySettings => Some(Subject::EntitySettings(entity)),
            WebhookObjectType::PartnerSettings => Some(Subject::PartnerSettings),
            WebhookObjectType::EntityUser => {
                id.and_then(|id| id.parse().ok()).map(|id| Subject::EntityUser(entity, id))
            }
            WebhookObjectType::Role => id.and_then(|id| id.parse().ok()).map(|id| Subject::Role(entity, id)),
            _ => None,
        };
        found.unwrap_or(Subject::Other(entity))
    }
}

/// The event before its action is read, which needs the object's name.
#[derive(Deserialize)]
struct Wire {
    id: EventId,
    #[serde(default)]
    created_at: Option<Timestamp>,
    action: String,
    #[serde(default)]
    api_version: Option<String>,
    #[serde(default)]
    description: Option<String>,
    /// Always there by Monite's schema, but not everything that happens belongs to an entity.
    #[serde(default)]
    entity_id: Option<EntityId>,
    object_type: WebhookObjectType,
    #[serde(default)]
    object: Value,
    #[serde(default)]
    webhook_subscription_id: Option<WebhookSubscriptionId>,
}

impl From<Wire> for Event {
    fn from(wire: Wire) -> Self {
        Self {
            id: wire.id,
            created_at: wire.created_at,
            action: EventAction::of(&wire.object_type, &wire.action),
            api_version: wire.api_version,
            description: wire.description.unwrap_or_default(),
            entity_id: wire.entity_id.unwrap_or(EntityId::from_uuid(Uuid::nil())),
            object_type: wire.object_type,
            object: wire.object,
            webhook_subscription_id: wire.webhook_subscription_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ENTITY: &str = "8e05bbf9-0000-4000-8000-00000000000e";
    const OBJECT: &str = "8e05bbf9-0000-4000-8000-000000000007";

    fn event(object_type: &str, object: Value) -> Event {
        serde_json::from_value(json!({
            "id": "8e05bbf9-0000-4000-8000-000000000001", "created_at": null, "action": format!("{object_type}.updated"),
            "api_version": null, "description": "x", "entity_id": ENTITY, "object": object, "object_type": object_type,
            "hologram": 1,
        }))
        .unwrap()
    }

    #[test]
    fn what_to_look_at_again() {
        let (entity, this): (EntityId, Value) = (ENTITY.parse().unwrap(), json!({"id": OBJECT}));
        let table = [
            ("entity", this.clone(), Subject::Entity(entity)),
            ("entity", Value::Null, Subject::Entity(entity)),
            ("entity_user", this.clone(), Subject::EntityUser(entity, OBJECT.parse().unwrap())),
            ("entity_user", json!({"id": 7}), Subject::Other(entity)),
            ("entity_user", json!("x"), Subject::Other(entity)),
            ("role", this.clone(), Subject::Role(entity, OBJECT.parse().unwrap())),
            ("role", json!({"id": "not-a-uuid"}), Subject::Other(entity)),
            ("entity_settings", Value::Null, Subject::EntitySettings(entity)),
            ("partner_settings", Value::Null, Subject::PartnerSettings),
            ("unicorn", this, Subject::Other(entity)),
        ];
        for (object_type, object, expected) in table {
            let event = event(object_type, object.clone());
            assert_eq!(event.subject(), expected, "{object_type} {object}");
            assert_eq!(event.action, EventAction::Updated);
        }
    }

    #[test]
    fn an_event_of_no_entity_is_read() {
        for entity in [json!(null), json!("00000000-0000-0000-0000-000000000000")] {
            let event: Event = serde_json::from_value(json!({
                "id": OBJECT, "action": "updated", "object_type": "partner_settings", "entity_id": entity,
            }))
            .unwrap();
            assert!(event.entity_id.as_uuid().is_nil());
            assert_eq!(event.subject(), Subject::PartnerSettings);
        }
    }

    #[test]
    fn an_event_survives_being_stored() {
        let event = event("unicorn", json!({"id": OBJECT, "deep": [1]}));
        let stored = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&stored).unwrap(), event);
        assert_eq!(event.object_id(), Some(OBJECT));
    }
}
