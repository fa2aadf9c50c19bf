//! The control routes: clock, state, reset, and who may use them.

use std::time::Duration;

use serde_json::json;

use crate::support::{Api, builder, organization};

#[tokio::test]
async fn the_clock_moves_forward_only() {
    let api = Api::start().await;
    let before = api.control("GET /clock", None).await.body;
    assert_eq!(before, json!({"now": "2026-03-01T09:30:00Z", "offset_seconds": 0}));
    let after = api.control("POST /clock", Some(json!({"advance_seconds": 60}))).await.body;
    assert_eq!(after, json!({"now": "2026-03-01T09:31:00Z", "offset_seconds": 60}));
    api.sandbox.advance(Duration::from_millis(500));
    assert_eq!(api.control("GET /clock", None).await.body["offset_seconds"], json!(60.5));
    for bad in [json!({"advance_seconds": -1}), json!({"advance": 1}), json!({"advance_seconds": "x"}), json!(1)] {
        assert_eq!(api.control("POST /clock", Some(bad.clone())).await.status, 400, "{bad}");
    }
    let entity = api.post("/entities", organization("A")).await;
    assert_eq!(entity.body["created_at"], "2026-03-01T09:31:00.500000+00:00");
}

#[tokio::test]
async fn state_shows_everything_and_reset_removes_it() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let role = api.role(&entity, "clerk", "").await;
    let user = api.user(&entity, "ana", &role).await;
    let put = api.request(&format!("PUT /entities/{entity}/partner_metadata")).body(r#"{"metadata":{"id":"acme"}}"#);
    crate::support::send(put).await;
    let state = api.control("GET /state", None).await.body;
    assert_eq!(state, api.sandbox.state());
    assert_eq!(state["entities"][0]["id"], json!(entity));
    assert_eq!((&state["roles"][0]["id"], &state["roles"][0]["entity_id"]), (&json!(role), &json!(entity)));
    assert_eq!(
        (&state["entity_users"][0]["id"], &state["entity_users"][0]["entity_id"]),
        (&json!(user), &json!(entity))
    );
    assert_eq!(state["partner_metadata"], json!({&entity: {"id": "acme"}}));

    assert_eq!(api.control("POST /reset", None).await.status, 204);
    assert_eq!(api.sandbox.state(), crate::support::builder().in_process().await.unwrap().state(), "as it began");
    assert_eq!(api.sandbox.state()["entities"], json!([]));
    assert_eq!(api.sandbox.total_calls(), 0);
    assert_eq!(api.get("/entities").await.status, 400, "tokens are gone too");
    let mut api = api;
    api.token = api.partner_token().await;
    assert_eq!(api.entity().await, entity, "the seed starts over");
}

#[tokio::test]
async fn the_control_routes_can_be_switched_off() {
    let api = Api::with(builder().admin(false)).await;
    for call in ["GET /state", "POST /reset", "PUT /faults"] {
        assert_eq!(api.control(call, None).await.status, 404, "{call}");
    }
}

#[tokio::test]
async fn a_stopped_sandbox_answers_no_more() {
    let api = Api::start().await;
    let url = format!("{}/entities", api.sandbox.base_url());
    let Api { sandbox, .. } = api;
    sandbox.shutdown().await;
    // A client of its own: one that called before may find its old connection reset instead of nobody listening.
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
    let error = http.get(url).send().await.expect_err("nobody listens");
    assert!(error.is_connect(), "{error:?}");
}
