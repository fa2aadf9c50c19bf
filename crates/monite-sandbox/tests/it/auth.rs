//! Tokens: getting, ageing, revoking.

use std::time::Duration;

use serde_json::json;

use crate::support::{Api, organization, send};

const DEAD: &str = "The token has been revoked, expired or not found.";

#[tokio::test]
async fn a_token_lives_for_its_ttl_and_then_is_answered_with_400() {
    let api = Api::start().await;
    let answer = api.post("/auth/token", api.with_credentials(json!({"grant_type": "client_credentials"}))).await;
    assert_eq!((answer.status, &answer.body["token_type"]), (200, &json!("Bearer")));
    assert_eq!(answer.body["expires_in"], 1800);

    api.sandbox.advance(Duration::from_secs(1799));
    assert_eq!(api.get("/entities").await.status, 200);
    api.sandbox.advance(Duration::from_secs(1));
    let expired = api.get("/entities").await;
    assert_eq!((expired.status, expired.message()), (400, "The token has been expired."));
}

#[tokio::test]
async fn earlier_tokens_stay_valid_when_a_new_one_is_issued() {
    let api = Api::start().await;
    assert_ne!(api.partner_token().await, api.token);
    assert_eq!(api.get("/entities").await.status, 200);
}

#[tokio::test]
async fn wrong_credentials_are_401_and_malformed_ones_422() {
    let api = Api::start().await;
    let mut body = api.with_credentials(json!({"grant_type": "client_credentials"}));
    body["client_secret"] = json!("wrong");
    let refused = api.post("/auth/token", body.clone()).await;
    assert_eq!((refused.status, refused.message()), (401, "Invalid client_id or client_secret"));
    body["client_id"] = json!("9d2b4c8f-2087-4738-ba91-7359683c49a4");
    assert_eq!(api.post("/auth/token", body).await.status, 401);

    let malformed = json!({"client_id": "x", "grant_type": "password", "scope": "all"});
    let answer = api.post("/auth/token", malformed).await;
    assert_eq!(answer.wrong_fields(), ["body.grant_type", "body.client_id", "body.client_secret", "body.scope"]);
}

#[tokio::test]
async fn revoking_ends_a_token_at_once() {
    let api = Api::start().await;
    let victim = api.partner_token().await;
    let revoke = api.with_credentials(json!({"token": victim}));
    let answer = api.post("/auth/revoke", revoke.clone()).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body["message"].is_string());
    let refused = send(api.request_as(&victim, "GET /entities")).await;
    assert_eq!((refused.status, refused.message()), (400, DEAD));
    let again = api.post("/auth/revoke", revoke).await;
    assert_eq!((again.status, again.message()), (400, DEAD));
    assert_eq!(api.get("/entities").await.status, 200, "other tokens live on");
}

#[tokio::test]
async fn a_call_without_a_token_is_401_and_with_a_garbled_one_400() {
    let api = Api::start().await;
    let url = format!("{}/entities", api.sandbox.base_url());
    let bare = || api.http.get(&url).header("x-monite-version", "2024-05-25");
    assert_eq!(send(bare()).await.status, 401);
    for garbled in ["Bearer undefined", "Basic abc", "Bearer", "garbage"] {
        let answer = send(bare().header("authorization", garbled)).await;
        assert_eq!((answer.status, answer.message()), (400, DEAD), "{garbled}");
    }
}

#[tokio::test]
async fn user_tokens_are_issued_for_living_users_of_active_entities() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let role = api.role(&entity, "clerk", "entity: read").await;
    let user = api.user(&entity, "ana", &role).await;
    let ask = async |user: Option<&str>| {
        let grant = json!({"grant_type": "entity_user", "entity_user_id": user});
        api.post("/auth/token", api.with_credentials(grant)).await
    };
    assert_eq!(ask(Some(&user)).await.status, 200);
    assert_eq!(ask(None).await.status, 400);
    let unknown = "9d2b4c8f-2087-4738-ba91-7359683c49a4";
    let answer = ask(Some(unknown)).await;
    assert_eq!(answer.message(), format!("There is no entity user by provided id: {unknown}"));

    assert_eq!(api.post(&format!("/entities/{entity}/deactivate"), json!({})).await.status, 200);
    assert_eq!(ask(Some(&user)).await.status, 400);
    assert_eq!(api.post(&format!("/entities/{entity}/activate"), json!({})).await.status, 200);

    let token = api.user_token(&user).await;
    let me = || api.request_as(&token, "GET /entity_users/me");
    assert_eq!(send(me()).await.body["login"], "ana");
    assert_eq!(send(api.inside(&entity, &format!("DELETE /entity_users/{user}"))).await.status, 204);
    let dead = send(me()).await;
    assert_eq!((dead.status, dead.message()), (400, DEAD));
    assert_eq!(ask(Some(&user)).await.status, 400);
}

#[tokio::test]
async fn all_tokens_can_be_made_to_expire_at_once() {
    let api = Api::start().await;
    api.sandbox.once("GET /entities", monite_sandbox::Fault::ExpireTokens);
    let expired = api.get("/entities").await;
    assert_eq!((expired.status, expired.message()), (400, "The token has been expired."));
    let mut api = api;
    api.token = api.partner_token().await;
    assert_eq!(api.post("/entities", organization("A")).await.status, 201);
}
