//! The journal: what was called how often, without a single secret.

use monite_sandbox::Fault;
use serde_json::json;

use crate::support::{Api, send};

#[tokio::test]
async fn calls_are_counted_by_template() {
    let api = Api::start().await;
    let one = api.entity().await;
    let two = api.entity().await;
    for id in [&one, &two, "abc"] {
        api.get(&format!("/entities/{id}")).await;
    }
    api.get("/nowhere").await;
    let sandbox = &api.sandbox;
    assert_eq!(sandbox.calls("POST /auth/token"), 1);
    assert_eq!(sandbox.calls("POST /entities"), 2);
    assert_eq!(sandbox.calls("GET /entities/{entity_id}"), 3);
    assert_eq!(sandbox.calls("GET /entities"), 0);
    assert_eq!(sandbox.total_calls(), 7);

    let page = api.control("GET /requests?limit=2", None).await.body;
    assert_eq!((&page["total"], &page["counts"]["POST /entities"]), (&json!(7), &json!(2)));
    assert_eq!(page["by_status"], json!({"200": 3, "201": 2, "404": 1, "422": 1}));
    let latest: Vec<_> = page["requests"].as_array().unwrap().iter().map(|entry| entry["path"].clone()).collect();
    assert_eq!(latest, ["/nowhere", "/entities/abc"]);

    sandbox.clear_journal();
    assert_eq!((sandbox.total_calls(), sandbox.calls("POST /entities"), sandbox.journal().len()), (0, 0, 0));
}

#[tokio::test]
async fn an_entry_tells_what_was_sent_and_what_came_back() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let body = json!({"name": "clerk", "permissions": {"objects": []}});
    let answer = api.inside_json(&entity, "POST /roles?x=1", body.clone()).await;
    let entry = api.sandbox.journal().pop().unwrap();
    assert_eq!((&*entry.method, &*entry.path, entry.query.as_deref()), ("POST", "/roles", Some("x=1")));
    assert_eq!((entry.status, entry.entity_id.as_deref()), (Some(200), Some(&*entity)));
    assert_eq!(entry.request_id.to_string(), answer.header("x-request-id").unwrap());
    assert_eq!((entry.body, entry.fault), (Some(body), None));
    assert_eq!(entry.at, api.sandbox.now());
}

#[tokio::test]
async fn no_secret_is_ever_written_down() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let role = api.role(&entity, "clerk", "").await;
    let user = api.user(&entity, "ana", &role).await;
    let token = api.user_token(&user).await;
    api.post("/auth/revoke", api.with_credentials(json!({"token": token}))).await;
    api.sandbox.once("POST /auth/token", Fault::Status { status: 500, retry_after: None });
    for _ in 0..2 {
        api.post("/auth/token", api.with_credentials(json!({"grant_type": "client_credentials"}))).await;
    }
    send(api.request(&format!("GET /entities?token={token}&access_token={}&limit=1", api.token))).await;
    let broken = format!("{{\"client_secret\":\"{}\"", api.sandbox.client_secret());
    send(api.request("POST /auth/token").body(broken)).await;

    let shown = api.control("GET /requests?limit=1000", None).await.body.to_string();
    let listed = format!("{:?}", api.sandbox.journal());
    let overview = api.control("GET /overview", None).await.body.to_string();
    for text in [shown, listed, overview, api.sandbox.state().to_string(), format!("{:?}", api.sandbox)] {
        for secret in [api.sandbox.client_secret(), &api.token, &token] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    assert_eq!(api.sandbox.journal().last().unwrap().status, Some(422));
}

#[tokio::test]
async fn the_latest_entries_stay_and_all_are_counted() {
    use tower::ServiceExt;
    let sandbox = crate::support::builder().in_process().await.unwrap();
    let router = sandbox.router();
    for number in 0..10_005 {
        let uri = format!("/v1/roles?number={number}");
        let request = axum::http::Request::get(uri).body(axum::body::Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap();
    }
    let journal = sandbox.journal();
    assert_eq!((journal.len(), sandbox.total_calls()), (10_000, 10_005));
    assert_eq!(journal[0].query.as_deref(), Some("number=5"));
}

#[tokio::test]
async fn the_journal_is_searched_by_method_path_status_and_time() {
    let api = Api::start().await;
    let entity = api.entity().await;
    api.get(&format!("/entities/{entity}")).await;
    api.get("/nowhere").await;
    api.sandbox.once("PATCH /entities*", Fault::LoseAnswer);
    let _ = api.request(&format!("PATCH /entities/{entity}")).body("{}").send().await;
    api.sandbox.advance(std::time::Duration::from_secs(60));
    api.get("/entities").await;
    let found = async |query: &str| {
        let answer = api.control(&format!("GET /requests?{query}"), None).await;
        let row =
            |row: &serde_json::Value| format!("{} {}", row["method"].as_str().unwrap(), row["path"].as_str().unwrap());
        assert_eq!((answer.status, &answer.body["total"]), (200, &json!(6)), "counts are those of all");
        answer.body["requests"].as_array().unwrap().iter().map(row).collect::<Vec<_>>()
    };
    let one = format!("/entities/{entity}");
    assert_eq!(found("method=GET").await, ["GET /entities", "GET /nowhere", &*format!("GET {one}")]);
    assert_eq!(found("method=GET|PATCH&path=/entities/*").await, [format!("PATCH {one}"), format!("GET {one}")]);
    assert_eq!(found("status=404").await, ["GET /nowhere"]);
    assert_eq!(found("status=4xx|cut").await, [format!("PATCH {one}"), "GET /nowhere".to_owned()]);
    assert_eq!(found("since=2026-03-01T09:31:00Z").await, ["GET /entities"]);
    assert_eq!(found("limit=1&path=/entities").await, ["GET /entities"]);
    assert_eq!(found("status=5xx").await, Vec::<String>::new());
    for bad in ["stauts=404", "since=yesterday", "limit=-1"] {
        assert_eq!(api.control(&format!("GET /requests?{bad}"), None).await.status, 400, "{bad}");
    }
}
