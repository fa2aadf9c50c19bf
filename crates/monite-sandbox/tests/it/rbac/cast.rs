//! A small world: two users of one entity, a second entity, and one role and one user made by each of three authors.

use serde_json::{Value, json};

use super::calls::Call;
use crate::support::direct::{Ask, Direct};
use crate::support::{Answer, builder, organization};

/// Who created a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    Ana,
    Bob,
    Partner,
}

/// Ana and Bob have the same role; what it allows is for each test to say.
pub struct Cast {
    direct: Direct,
    pub entity: String,
    pub other_entity: String,
    pub worker_role: String,
    pub ana: String,
    pub partner_token: String,
    pub ana_token: String,
    pub bob_token: String,
    /// By Ana, Bob and the partner.
    roles: [String; 3],
    users: [String; 3],
    subscription: String,
    event: String,
}

/// The objects that decide anything here, with all their actions.
const OBJECTS: [&str; 3] = ["entity", "entity_user", "role"];
const ACTIONS: [&str; 4] = ["create", "read", "update", "delete"];

impl Cast {
    pub async fn new() -> Self {
        let direct = Direct::with(builder()).await;
        let partner_token = direct.token.clone();
        let hook = json!({"object_type": "entity", "url": "https://example.com/hook"});
        let subscription = direct.call("POST /webhook_subscriptions", hook).await.id();
        let entity = direct.call("POST /entities", organization("A")).await.id();
        let other_entity = direct.call("POST /entities", organization("B")).await.id();
        let events = direct.call_inside(&entity, "GET /events", Value::Null).await;
        let event = events.column("id").swap_remove(0);
        let maker = json!({"name": "worker", "permissions": {"objects": [
            {"object_type": "role", "actions": [{"action_name": "create"}]},
            {"object_type": "entity_user", "actions": [{"action_name": "create"}]},
        ]}});
        let worker_role = direct.call_inside(&entity, "POST /roles", maker).await.id();
        let mut cast = Self {
            direct,
            entity,
            other_entity,
            worker_role,
            ana: String::new(),
            partner_token,
            ana_token: String::new(),
            bob_token: String::new(),
            roles: Default::default(),
            users: Default::default(),
            subscription,
            event,
        };
        cast.ana = cast.make_user(&cast.partner_token, "ana").await;
        let bob = cast.make_user(&cast.partner_token, "bob").await;
        cast.ana_token = cast.token_of(&cast.ana).await;
        cast.bob_token = cast.token_of(&bob).await;
        for (index, author) in [Author::Ana, Author::Bob, Author::Partner].into_iter().enumerate() {
            let token = match author {
                Author::Ana => &cast.ana_token,
                Author::Bob => &cast.bob_token,
                Author::Partner => &cast.partner_token,
            };
            let role = json!({"name": format!("by {author:?}"), "permissions": {}});
            let role = cast.ask(token, "POST /roles", &cast.entity, &role).await.id();
            let user = cast.make_user(token, &format!("by {author:?}")).await;
            (cast.roles[index], cast.users[index]) = (role, user);
        }
        cast
    }

    async fn make_user(&self, token: &str, login: &str) -> String {
        let body = json!({"login": login, "first_name": login, "role_id": self.worker_role});
        self.ask(token, "POST /entity_users", &self.entity, &body).await.id()
    }

    async fn token_of(&self, user: &str) -> String {
        self.direct.token_for(json!({"grant_type": "entity_user", "entity_user_id": user})).await
    }

    /// Gives Ana and Bob this right, such as `read for role`, and no other.
    pub async fn allow_only(&self, right: &str, permission: &str) {
        let (action, object) = right.split_once(" for ").unwrap();
        let actions = json!([{"action_name": action, "permission": permission}]);
        self.permit(json!([{"object_type": object, "actions": actions}])).await;
    }

    /// Gives Ana and Bob every right but this one.
    pub async fn allow_all_but(&self, right: Option<&str>) {
        let object = |object: &str| {
            let allowed = |action: &&str| Some(&*format!("{action} for {object}")) != right;
            let actions: Vec<Value> =
                ACTIONS.iter().filter(|action| allowed(action)).map(|action| json!({"action_name": action})).collect();
            json!({"object_type": object, "actions": actions})
        };
        self.permit(json!(OBJECTS.map(object))).await;
    }

    pub async fn permit(&self, objects: Value) {
        let patch = json!({"permissions": {"objects": objects}});
        let call = format!("PATCH /roles/{}", self.worker_role);
        assert_eq!(self.ask(&self.partner_token, &call, &self.entity, &patch).await.status, 200);
    }

    /// One operation on a thing of `author`, in `entity`.
    pub async fn send(&self, call: &Call, token: &str, author: Author, entity: &str) -> Answer {
        let path = call
            .call
            .replace("{entity_id}", entity)
            .replace("{role_id}", &self.roles[author as usize])
            .replace("{entity_user_id}", &self.users[author as usize])
            .replace("{webhook_subscription_id}", &self.subscription)
            .replace("{event_id}", &self.event);
        let body = call.body.replace("{worker_role}", &self.worker_role);
        let body = if body.is_empty() { Value::Null } else { serde_json::from_str(&body).unwrap() };
        self.ask(token, &path, entity, &body).await
    }

    /// The thing of `author` that a list of `call` should hold.
    pub fn id_in(&self, call: &Call, author: Author) -> &str {
        let things = if call.call.ends_with("users") { &self.users } else { &self.roles };
        &things[author as usize]
    }

    /// Any call; an empty token or entity is left out.
    pub async fn ask(&self, token: &str, call: &str, entity: &str, body: &Value) -> Answer {
        let mut ask = Ask::new(call);
        if !token.is_empty() {
            ask = ask.token(token);
        }
        if !entity.is_empty() {
            ask = ask.inside(entity);
        }
        self.direct.send(if body.is_null() { ask } else { ask.json(body) }).await
    }

    pub fn state(&self) -> Value {
        self.direct.sandbox.state()
    }
}
