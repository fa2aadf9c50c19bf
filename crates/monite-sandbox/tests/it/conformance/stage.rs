//! A small world in which every operation can succeed, and how to call each one there.

use serde_json::{Value, json};

use super::bare;
use super::document::Operation;
use crate::support::direct::{Ask, Direct};
use crate::support::{Answer, builder, matrix, organization};

/// An id that nothing has.
pub const NOBODY: &str = "00000000-0000-4000-8000-00000000dead";

/// One world; calls that destroy something get one of their own.
pub struct Stage {
    pub direct: Direct,
    pub entity: String,
    /// A second entity, an individual; nothing else is there.
    pub other_entity: String,
    /// Held by `ana`.
    pub role: String,
    /// Held by nobody.
    pub spare_role: String,
    /// May do everything. Behind `ana_token`.
    pub ana: String,
    pub ana_token: String,
    /// May do nothing. Behind `guest_token`.
    pub guest_token: String,
    /// Nobody's token.
    pub bob: String,
    pub subscription: String,
    pub event: String,
}

/// Which token a call needs to succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// The body proves who calls.
    Nobody,
    Partner,
    User,
}

pub fn caller(operation: &Operation) -> Caller {
    if operation.path.starts_with("/auth/") {
        Caller::Nobody
    } else if operation.path.ends_with("/me") || operation.path.contains("/my_") {
        Caller::User
    } else {
        Caller::Partner
    }
}

impl Stage {
    pub async fn new() -> Self {
        let direct = Direct::with(builder()).await;
        let subscription = json!({"object_type": "entity", "url": "http://127.0.0.1:9/hook"});
        let subscription = direct.call("POST /webhook_subscriptions", subscription).await.id();
        let entity = direct.call("POST /entities", organization("Muster GmbH")).await.id();
        let other_entity = direct.call("POST /entities", individual()).await.id();
        let everything =
            matrix("entity: read update, role: create read update delete, entity_user: create read update delete");
        let role = make(&direct, &entity, "POST /roles", json!({"name": "admin", "permissions": everything})).await;
        let guest = make(&direct, &entity, "POST /roles", json!({"name": "guest", "permissions": {}})).await;
        let spare_role = make(
            &direct,
            &entity,
            "POST /roles",
            json!({"name": "spare", "permissions": matrix("payable: read pay, tag: update*")}),
        )
        .await;
        let person = async |login: &str, role: &str| {
            make(&direct, &entity, "POST /entity_users", json!({"login": login, "first_name": login, "role_id": role}))
                .await
        };
        let (ana, guest, bob) = (person("ana", &role).await, person("guest", &guest).await, person("bob", &role).await);
        let ana_token = direct.token_for(json!({"grant_type": "entity_user", "entity_user_id": ana})).await;
        let guest_token = direct.token_for(json!({"grant_type": "entity_user", "entity_user_id": guest})).await;
        let events = direct.call_inside(&entity, "GET /events", Value::Null).await;
        let event = events.body["data"][0]["id"].as_str().unwrap().to_owned();
        Self { direct, entity, other_entity, role, spare_role, ana, ana_token, guest_token, bob, subscription, event }
    }

    pub async fn send(&self, ask: Ask) -> Answer {
        self.direct.send(ask).await
    }

    /// The call with everything it needs to succeed, the body apart.
    pub fn ask(&self, operation: &Operation) -> Ask {
        self.ask_about(operation, |name| self.id(name).to_owned())
    }

    /// The same with other ids in the path.
    pub fn ask_about(&self, operation: &Operation, id: impl Fn(&str) -> String) -> Ask {
        let mut path = operation.path.clone();
        for (name, _) in operation.parameters("path") {
            path = path.replace(&format!("{{{name}}}"), &id(name));
        }
        let mut ask = bare(operation, &path);
        if operation.is_inside_entity() {
            ask = ask.inside(&self.entity);
        }
        match caller(operation) {
            Caller::Nobody => ask,
            Caller::Partner => ask.token(&self.direct.token),
            Caller::User => ask.token(&self.ana_token),
        }
    }

    fn id(&self, name: &str) -> &str {
        match name {
            "entity_id" => &self.entity,
            "role_id" => &self.spare_role,
            "entity_user_id" => &self.bob,
            "webhook_subscription_id" => &self.subscription,
            "event_id" => &self.event,
            other => panic!("the stage knows no {other}"),
        }
    }
}

fn individual() -> Value {
    json!({
        "type": "individual", "email": "i@example.com", "individual": {"first_name": "Ida", "last_name": "Muster"},
        "address": {"country": "FR", "city": "Paris", "line1": "1 rue", "postal_code": "75001"},
    })
}

async fn make(direct: &Direct, entity: &str, call: &str, body: Value) -> String {
    direct.call_inside(entity, call, body).await.id()
}
