//! What entity users see and how their rights change; `rbac` asks every operation by every kind of caller.

use serde_json::json;

use crate::support::{Answer, Api, matrix, send};

/// An entity with a user, and the user's token.
struct Tenant {
    entity: String,
    role: String,
    user: String,
    token: String,
}

async fn tenant(api: &Api, permissions: &str) -> Tenant {
    let entity = api.entity().await;
    let role = api.role(&entity, "role", permissions).await;
    let user = api.user(&entity, "ana", &role).await;
    let token = api.user_token(&user).await;
    Tenant { entity, role, user, token }
}

impl Tenant {
    async fn call(&self, api: &Api, call: &str, body: serde_json::Value) -> Answer {
        let request = api.request_as(&self.token, call).header("x-monite-entity-id", &self.entity);
        send(request.body(body.to_string())).await
    }
}

#[tokio::test]
async fn a_user_sees_itself_its_entity_and_its_role() {
    let api = Api::start().await;
    let ana = tenant(&api, "entity: read update").await;
    let call = async |call: &str| send(api.request_as(&ana.token, call)).await;
    assert_eq!(call("GET /entity_users/me").await.id(), ana.user);
    assert_eq!(call("GET /entity_users/my_role").await.id(), ana.role);
    assert_eq!(call("GET /entity_users/my_entity").await.id(), ana.entity);
    assert_eq!(call("GET /entities/me").await.id(), ana.entity);
    let settings = call(&format!("GET /entities/{}/settings", ana.entity)).await;
    assert_eq!((settings.status, &settings.body["document_ids"]["min_digits"]), (200, &json!(5)));

    let patch = json!({"organization": {"legal_name": "New"}});
    let patched = send(api.request_as(&ana.token, "PATCH /entity_users/my_entity").body(patch.to_string())).await;
    assert_eq!((patched.status, &patched.body["organization"]["legal_name"]), (200, &json!("New")));
    let patch = json!({"first_name": "Ana", "login": "root", "role_id": ana.role});
    let refused = send(api.request_as(&ana.token, "PATCH /entity_users/me").body(patch.to_string())).await;
    assert_eq!(refused.wrong_fields(), ["body.login", "body.role_id"]);
    let patch = json!({"first_name": "Ana"});
    let patched = send(api.request_as(&ana.token, "PATCH /entity_users/me").body(patch.to_string())).await;
    assert_eq!((patched.status, &patched.body["first_name"]), (200, &json!("Ana")));
}

#[tokio::test]
async fn a_changed_role_acts_on_tokens_that_are_out() {
    let api = Api::start().await;
    let ana = tenant(&api, "").await;
    assert_eq!(ana.call(&api, "GET /roles", json!({})).await.status, 403);
    let patch = json!({"permissions": matrix("role: read")});
    api.inside_json(&ana.entity, &format!("PATCH /roles/{}", ana.role), patch).await;
    assert_eq!(ana.call(&api, "GET /roles", json!({})).await.status, 200);
    let other = api.role(&ana.entity, "other", "").await;
    let patch = json!({"role_id": other});
    api.inside_json(&ana.entity, &format!("PATCH /entity_users/{}", ana.user), patch).await;
    assert_eq!(ana.call(&api, "GET /roles", json!({})).await.status, 403);
}

#[tokio::test]
async fn allowed_for_own_reaches_only_what_the_user_created() {
    let api = Api::start().await;
    let rights = "role: create read* update* delete*, entity_user: read*";
    let ana = tenant(&api, rights).await;
    let own = ana.call(&api, "POST /roles", json!({"name": "own", "permissions": {}})).await.id();
    assert_eq!(ana.call(&api, "GET /roles", json!({})).await.column("id"), [own.as_str()]);
    assert_eq!(ana.call(&api, &format!("GET /roles/{own}"), json!({})).await.status, 200);
    assert_eq!(ana.call(&api, &format!("DELETE /roles/{own}"), json!({})).await.status, 204);
    let foreign = ana.call(&api, &format!("PATCH /roles/{}", ana.role), json!({"name": "x"})).await;
    assert_eq!((foreign.status, foreign.message()), (403, "Action update for role not allowed"));
    assert_eq!(ana.call(&api, "GET /entity_users", json!({})).await.column("id"), Vec::<String>::new());
}

#[tokio::test]
async fn nothing_of_another_entity_can_be_seen_or_touched() {
    let api = Api::start().await;
    let all = "role: create read update delete, entity_user: create read update delete, entity: read update";
    let (ana, bob) = (tenant(&api, all).await, tenant(&api, all).await);
    let before = api.sandbox.state();
    // With the other entity in the header or path.
    for call in ["GET /roles".to_owned(), "GET /entity_users".to_owned(), format!("DELETE /roles/{}", bob.role)] {
        let request = api.request_as(&ana.token, &call).header("x-monite-entity-id", &bob.entity);
        assert_eq!(send(request).await.status, 403, "{call}");
    }
    let settings = send(api.request_as(&ana.token, &format!("GET /entities/{}/settings", bob.entity))).await;
    assert_eq!(settings.status, 403);
    // With its own entity in the header and the other's ids, as a user and as the partner.
    for token in [&ana.token, &api.token] {
        for call in [
            format!("GET /roles/{}", bob.role),
            format!("PATCH /roles/{}", bob.role),
            format!("DELETE /roles/{}", bob.role),
            format!("GET /entity_users/{}", bob.user),
            format!("PATCH /entity_users/{}", bob.user),
            format!("DELETE /entity_users/{}", bob.user),
        ] {
            let request = api.request_as(token, &call).header("x-monite-entity-id", &ana.entity).body("{}");
            assert_eq!(send(request).await.status, 404, "{call}");
        }
    }
    assert_eq!(api.sandbox.state(), before);
    // The partner with an entity that is not there.
    let unknown = "9d2b4c8f-2087-4738-ba91-7359683c49a4";
    let answer = send(api.inside(unknown, "GET /roles")).await;
    assert_eq!((answer.status, answer.message()), (404, &*format!("There is no entity by provided id: {unknown}")));
}

#[tokio::test]
async fn checks_come_in_the_documented_order() {
    let api = Api::start().await;
    let ana = tenant(&api, "").await;
    let unknown = "9d2b4c8f-2087-4738-ba91-7359683c49a4";
    let path = format!("PATCH /roles/{unknown}");
    let wrong = json!({"name": 1}).to_string();
    let as_ana = || api.request_as(&ana.token, &path).header("x-monite-entity-id", &ana.entity);
    let dead = api.request_as("dead", &path).header("x-monite-entity-id", &ana.entity).body(wrong.clone());
    assert_eq!(send(dead).await.status, 400, "token before body");
    assert_eq!(send(as_ana().body(wrong)).await.status, 422, "body before permission");
    assert_eq!(send(as_ana().body("{}")).await.status, 403, "permission before existence");
    assert_eq!(
        send(api.inside(&ana.entity, &path).body(r#"{"name":null}"#)).await.status,
        404,
        "existence before business"
    );
}
