//! A small world in which every open point can be seen.

use monite_sandbox::RateLimit;
use serde_json::{Value, json};

use crate::support::direct::{Ask, Direct};
use crate::support::{Answer, builder, matrix, organization};

pub const UNKNOWN: &str = "9d2b4c8f-2087-4738-ba91-7359683c49a4";

/// One entity with two users: `ana` may do everything, `guest` nothing. A second entity is empty.
pub struct Lab {
    pub direct: Direct,
    pub entity: String,
    pub other_entity: String,
    pub role: String,
    pub ana: String,
    pub ana_token: String,
    pub guest_token: String,
}

impl Lab {
    /// With one point flipped once everything is there.
    pub async fn with(quirk: &str, option: &str) -> Self {
        let direct = Direct::with(builder().rate_limit(RateLimit::PerSecond(1000))).await;
        let entity = direct.call("POST /entities", organization("A")).await.id();
        let other_entity = direct.call("POST /entities", organization("B")).await.id();
        let role = async |name: &str, permissions: &str| {
            let body = json!({"name": name, "permissions": matrix(permissions)});
            direct.call_inside(&entity, "POST /roles", body).await.id()
        };
        let admin = role("admin", "role: read create update delete, entity_user: read create, entity: read").await;
        let guest_role = role("guest", "").await;
        let user = async |login: &str, last_name: &str, role: &str| {
            let body = json!({"login": login, "first_name": login, "last_name": last_name, "role_id": role});
            direct.call_inside(&entity, "POST /entity_users", body).await.id()
        };
        let ana = user("ana", "Zorn", &admin).await;
        let guest = user("guest", "Anaconda", &guest_role).await;
        let ana_token = direct.token_for(grant(&ana)).await;
        let guest_token = direct.token_for(grant(&guest)).await;
        direct.sandbox.set_quirk(quirk, option).unwrap();
        Self { direct, entity, other_entity, role: admin, ana, ana_token, guest_token }
    }

    /// As the partner, in no entity.
    pub async fn call(&self, call: &str, body: Value) -> Answer {
        self.direct.call(call, body).await
    }

    /// As the partner, inside the entity.
    pub async fn inside(&self, call: &str, body: Value) -> Answer {
        self.direct.call_inside(&self.entity, call, body).await
    }

    /// As somebody else, inside the entity.
    pub async fn by(&self, token: &str, call: &str) -> Answer {
        self.direct.send(Ask::new(call).token(token).inside(&self.entity)).await
    }

    pub async fn auth(&self, call: &str, body: Value) -> Answer {
        self.direct.send(Ask::new(call).json(&self.direct.credentials(body))).await
    }
}

pub fn grant(user: &str) -> Value {
    json!({"grant_type": "entity_user", "entity_user_id": user})
}

/// What a refusal looks like from outside.
pub fn status(answer: &Answer) -> Value {
    json!(answer.status)
}
