//! The operations, and what an entity user needs for each.

/// One operation.
#[derive(Debug)]
pub struct Call {
    /// As in Monite's document.
    pub call: &'static str,
    pub need: Need,
    pub success: u16,
    /// A body that is accepted; empty for none.
    pub body: &'static str,
}

/// What a user needs. A right is written as refusals write it: `read for role`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing helps; the text names this right all the same.
    Partner(&'static str),
    /// To be an entity user at all.
    Myself,
    /// The right, for the user's own entity, which is not named.
    MyEntity(&'static str),
    /// The right, for the user's own entity, named in the path.
    Entity(&'static str),
    List(&'static str),
    /// The right, for one role or user.
    One(&'static str),
    Create(&'static str),
}

impl Call {
    /// The right that roles can give or withhold.
    pub fn right(&self) -> Option<&'static str> {
        match self.need {
            Need::Partner(_) | Need::Myself => None,
            Need::MyEntity(right)
            | Need::Entity(right)
            | Need::List(right)
            | Need::One(right)
            | Need::Create(right) => Some(right),
        }
    }
}

const fn call(call: &'static str, need: Need, success: u16, body: &'static str) -> Call {
    Call { call, need, success, body }
}

use Need::{Create, Entity, List, MyEntity, Myself, One, Partner};

const ENTITY: &str = r#"{"type": "organization", "email": "a@example.com", "organization": {"legal_name": "A"},
    "address": {"country": "DE", "city": "Berlin", "line1": "A 1", "postal_code": "10115"}}"#;
const HOOK: &str = r#"{"object_type": "entity", "url": "https://example.com/hook"}"#;

#[rustfmt::skip]
pub const CALLS: &[Call] = &[
    call("POST /entities", Partner("create for entity"), 201, ENTITY),
    call("GET /entities", Partner("read for entity"), 200, ""),
    call("GET /entities/me", MyEntity("read for entity"), 200, ""),
    call("PATCH /entities/me", MyEntity("update for entity"), 200, r#"{"phone": "1"}"#),
    call("GET /entities/{entity_id}", Partner("read for entity"), 200, ""),
    call("PATCH /entities/{entity_id}", Partner("update for entity"), 200, r#"{"phone": "1"}"#),
    call("POST /entities/{entity_id}/activate", Partner("update for entity"), 200, ""),
    call("POST /entities/{entity_id}/deactivate", Partner("update for entity"), 200, ""),
    call("GET /entities/{entity_id}/partner_metadata", Partner("read for entity"), 200, ""),
    call("PUT /entities/{entity_id}/partner_metadata", Partner("update for entity"), 200, r#"{"metadata": {"a": 1}}"#),
    call("GET /entities/{entity_id}/settings", Entity("read for entity"), 200, ""),
    call("PATCH /entities/{entity_id}/settings", Entity("update for entity"), 200, r#"{"language": "de"}"#),
    call("GET /roles", List("read for role"), 200, ""),
    call("POST /roles", Create("create for role"), 200, r#"{"name": "new", "permissions": {}}"#),
    call("GET /roles/{role_id}", One("read for role"), 200, ""),
    call("PATCH /roles/{role_id}", One("update for role"), 200, r#"{"name": "renamed"}"#),
    call("DELETE /roles/{role_id}", One("delete for role"), 204, ""),
    call("GET /entity_users", List("read for entity_user"), 200, ""),
    call("POST /entity_users", Create("create for entity_user"), 200,
        r#"{"login": "new", "first_name": "N", "role_id": "{worker_role}"}"#),
    call("GET /entity_users/me", Myself, 200, ""),
    call("PATCH /entity_users/me", Myself, 200, r#"{"phone": "1"}"#),
    call("GET /entity_users/my_entity", MyEntity("read for entity"), 200, ""),
    call("PATCH /entity_users/my_entity", MyEntity("update for entity"), 200, r#"{"phone": "1"}"#),
    call("GET /entity_users/my_role", Myself, 200, ""),
    call("GET /entity_users/{entity_user_id}", One("read for entity_user"), 200, ""),
    call("PATCH /entity_users/{entity_user_id}", One("update for entity_user"), 200, r#"{"phone": "1"}"#),
    call("DELETE /entity_users/{entity_user_id}", One("delete for entity_user"), 204, ""),
    call("GET /settings", Partner("read for partner_settings"), 200, ""),
    call("PATCH /settings", Partner("update for partner_settings"), 200, r#"{"website": "https://example.com"}"#),
    call("GET /events", Partner("read for event"), 200, ""),
    call("GET /events/{event_id}", Partner("read for event"), 200, ""),
    call("GET /webhook_deliveries", Partner("read for webhook_delivery"), 200, ""),
    call("GET /webhook_subscriptions", Partner("read for webhook_subscription"), 200, ""),
    call("POST /webhook_subscriptions", Partner("create for webhook_subscription"), 201, HOOK),
    call("GET /webhook_subscriptions/{webhook_subscription_id}", Partner("read for webhook_subscription"), 200, ""),
    call("PATCH /webhook_subscriptions/{webhook_subscription_id}", Partner("update for webhook_subscription"), 200,
        r#"{"event_types": ["created"]}"#),
    call("DELETE /webhook_subscriptions/{webhook_subscription_id}", Partner("delete for webhook_subscription"), 204, ""),
    call("POST /webhook_subscriptions/{webhook_subscription_id}/enable", Partner("update for webhook_subscription"),
        200, ""),
    call("POST /webhook_subscriptions/{webhook_subscription_id}/disable", Partner("update for webhook_subscription"),
        200, ""),
    call("POST /webhook_subscriptions/{webhook_subscription_id}/regenerate_secret",
        Partner("update for webhook_subscription"), 200, ""),
];
