//! The lists of the API, as far as walking and filtering them goes.

use serde_json::{Value, json};

use crate::support::direct::{Ask, Direct};
use crate::support::{Answer, builder, organization};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Entities,
    Roles,
    EntityUsers,
    Subscriptions,
    Events,
    Deliveries,
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::Entities, Self::Roles, Self::EntityUsers, Self::Subscriptions, Self::Events, Self::Deliveries];

    pub fn path(self) -> &'static str {
        match self {
            Self::Entities => "/entities",
            Self::Roles => "/roles",
            Self::EntityUsers => "/entity_users",
            Self::Subscriptions => "/webhook_subscriptions",
            Self::Events => "/events",
            Self::Deliveries => "/webhook_deliveries",
        }
    }

    /// What `sort` may be; nothing means `created_at`.
    pub fn sorts(self) -> &'static [Option<&'static str>] {
        match self {
            Self::Entities | Self::Roles | Self::Subscriptions | Self::Events | Self::Deliveries => {
                &[None, Some("created_at"), Some("updated_at")]
            }
            Self::EntityUsers => &[None, Some("updated_at")],
        }
    }

    /// Events and deliveries come of other calls, and nobody can change or delete them.
    pub fn is_a_record(self) -> bool {
        matches!(self, Self::Events | Self::Deliveries)
    }

    /// Where a dump keeps what the rows of a list do not show, if they hide something.
    pub fn hidden_in(self) -> Option<&'static str> {
        match self {
            Self::Entities | Self::Roles | Self::EntityUsers | Self::Events => None,
            Self::Subscriptions => Some("webhook_subscription"),
            Self::Deliveries => Some("webhook_delivery"),
        }
    }
}

/// A world with one entity to work in; that entity is not a row of the list of entities.
pub struct Lists {
    pub direct: Direct,
    pub entity: String,
    pub role: String,
    made: usize,
}

impl Lists {
    pub async fn new() -> Self {
        let direct = Direct::with(builder()).await;
        let mut home = organization("Home");
        home["email"] = json!("home@example.com");
        let entity = direct.call("POST /entities", home).await.id();
        let role = json!({"name": "home", "permissions": {}});
        let role = direct.call_inside(&entity, "POST /roles", role).await.id();
        Self { direct, entity, role, made: 0 }
    }

    /// From now on changes of the home entity, of its roles and users make events. Nobody listens at that address.
    pub async fn subscribe(&self) {
        for object_type in ["entity", "role", "entity_user"] {
            self.call("POST /webhook_subscriptions", subscription(object_type)).await.id();
        }
    }

    pub async fn call(&self, call: &str, body: Value) -> Answer {
        self.direct.call_inside(&self.entity, call, body).await
    }

    /// Adds a row with `fields` on top of what it needs.
    pub async fn insert(&mut self, kind: Kind, fields: Value) -> String {
        self.made += 1;
        let number = self.made;
        let mut body = match kind {
            Kind::Events | Kind::Deliveries => return self.record(kind, number).await,
            Kind::Subscriptions => subscription("tag"),
            Kind::Entities => organization("Muster"),
            Kind::Roles => json!({"name": format!("role {number}"), "permissions": {}}),
            Kind::EntityUsers => json!({"login": format!("user {number}"), "first_name": "U", "role_id": self.role}),
        };
        body.as_object_mut().unwrap().extend(fields.as_object().cloned().unwrap_or_default());
        self.call(&format!("POST {}", kind.path()), body).await.id()
    }

    /// A change that makes an event and a delivery.
    async fn record(&self, kind: Kind, number: usize) -> String {
        match number % 3 {
            0 => self.call("POST /roles", json!({"name": format!("role {number}"), "permissions": {}})).await,
            1 => self.call(&format!("PATCH /roles/{}", self.role), json!({"name": format!("role {number}")})).await,
            _ => self.call(&format!("PATCH /entities/{}", self.entity), json!({"phone": number.to_string()})).await,
        };
        let sandbox = &self.direct.sandbox;
        let mut rows = if kind == Kind::Events { sandbox.events() } else { sandbox.deliveries() };
        rows.pop().unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// `false` where rows cannot be deleted.
    pub async fn delete(&self, kind: Kind, id: &str) -> bool {
        let can_be = kind != Kind::Entities && !kind.is_a_record();
        can_be && self.call(&format!("DELETE {}/{id}", kind.path()), Value::Null).await.status == 204
    }

    /// Changes a row, so that its `updated_at` moves.
    pub async fn touch(&mut self, kind: Kind, id: &str) {
        self.made += 1;
        let number = self.made;
        let body = match kind {
            Kind::Entities => json!({"phone": number.to_string()}),
            Kind::Roles => json!({"name": format!("role {number}")}),
            Kind::EntityUsers => json!({"phone": number.to_string()}),
            Kind::Subscriptions => json!({"event_types": [number.to_string()]}),
            Kind::Events | Kind::Deliveries => return,
        };
        assert_eq!(self.call(&format!("PATCH {}/{id}", kind.path()), body).await.status, 200);
    }

    /// One page; `query` without the leading question mark.
    pub async fn page(&self, kind: Kind, query: &str) -> Page {
        // The home entity and role are part of the furniture.
        let hide = match kind {
            Kind::Entities => "email__not_in=home%40example.com&",
            _ => "",
        };
        let call = format!("GET {}?{hide}{query}", kind.path());
        let mut answer = self.direct.send(Ask::new(&call).token(&self.direct.token).inside(&self.entity)).await;
        assert_eq!(answer.status, 200, "{call}: {answer:?}");
        let token = |name: &str| answer.body[name].as_str().map(|token| format!("pagination_token={token}"));
        let (next, prev) = (token("next_pagination_token"), token("prev_pagination_token"));
        let Value::Array(rows) = answer.body["data"].take() else { panic!("{call}: no data in {answer:?}") };
        Page { rows, next, prev }
    }
}

fn subscription(object_type: &str) -> Value {
    json!({"object_type": object_type, "url": "http://127.0.0.1:9/hook"})
}

/// Rows, and the queries that lead to the neighbours.
pub struct Page {
    pub rows: Vec<Value>,
    pub next: Option<String>,
    pub prev: Option<String>,
}
