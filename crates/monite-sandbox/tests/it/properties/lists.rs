//! The lists of the API, as far as walking and filtering them goes.

use serde_json::{Value, json};

use crate::support::direct::{Ask, Direct};
use crate::support::{Answer, builder, organization};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Entities,
    Roles,
    EntityUsers,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Entities, Self::Roles, Self::EntityUsers];

    pub fn path(self) -> &'static str {
        match self {
            Self::Entities => "/entities",
            Self::Roles => "/roles",
            Self::EntityUsers => "/entity_users",
        }
    }

    /// What `sort` may be; nothing means `created_at`.
    pub fn sorts(self) -> &'static [Option<&'static str>] {
        match self {
            Self::Entities | Self::Roles => &[None, Some("created_at"), Some("updated_at")],
            Self::EntityUsers => &[None, Some("updated_at")],
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

    pub async fn call(&self, call: &str, body: Value) -> Answer {
        self.direct.call_inside(&self.entity, call, body).await
    }

    /// Adds a row with `fields` on top of what it needs.
    pub async fn insert(&mut self, kind: Kind, fields: Value) -> String {
        self.made += 1;
        let number = self.made;
        let mut body = match kind {
            Kind::Entities => organization("Muster"),
            Kind::Roles => json!({"name": format!("role {number}"), "permissions": {}}),
            Kind::EntityUsers => json!({"login": format!("user {number}"), "first_name": "U", "role_id": self.role}),
        };
        body.as_object_mut().unwrap().extend(fields.as_object().cloned().unwrap_or_default());
        self.call(&format!("POST {}", kind.path()), body).await.id()
    }

    /// `false` where rows cannot be deleted.
    pub async fn delete(&self, kind: Kind, id: &str) -> bool {
        kind != Kind::Entities && self.call(&format!("DELETE {}/{id}", kind.path()), Value::Null).await.status == 204
    }

    /// Changes a row, so that its `updated_at` moves.
    pub async fn touch(&mut self, kind: Kind, id: &str) {
        self.made += 1;
        let number = self.made;
        let body = match kind {
            Kind::Entities => json!({"phone": number.to_string()}),
            Kind::Roles => json!({"name": format!("role {number}")}),
            Kind::EntityUsers => json!({"phone": number.to_string()}),
        };
        assert_eq!(self.call(&format!("PATCH {}/{id}", kind.path()), body).await.status, 200);
    }

    /// One page; `query` without the leading question mark.
    pub async fn page(&self, kind: Kind, query: &str) -> Page {
        // The home entity and role are part of the furniture.
        let hide = match kind {
            Kind::Entities => "email__not_in=home%40example.com&",
            Kind::Roles | Kind::EntityUsers => "",
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

/// Rows, and the queries that lead to the neighbours.
pub struct Page {
    pub rows: Vec<Value>,
    pub next: Option<String>,
    pub prev: Option<String>,
}
