//! The whole world as a document, and worlds to come back to.

use std::time::Duration;

use monite_sandbox::{DumpError, SnapshotError};
use serde_json::{Value, json};

use crate::storage::{fill, kept};
use crate::support::{Api, builder, send};

fn parsed(dump: &str) -> Value {
    serde_json::from_str(dump).unwrap_or_else(|error| panic!("{error}: {dump}"))
}

/// What a dump says, apart from when it was taken and how often the data was loaded.
fn content(dump: &str) -> Value {
    let mut document = parsed(dump);
    document["taken_at"].take();
    document["rows"]["setting"]["starts"].take();
    document
}

#[tokio::test]
async fn a_dump_loaded_elsewhere_is_the_same_world() {
    let api = Api::start().await;
    let (entity, user) = fill(&api).await;
    let user_token = api.user_token(&user).await;
    let revoked = api.partner_token().await;
    api.post("/auth/revoke", api.with_credentials(json!({"token": revoked}))).await;
    api.sandbox.advance(Duration::from_secs(60));
    api.sandbox.set_quirk("missing_entity", "400").unwrap();
    let dump = api.sandbox.dump();

    let mut other = Api::start().await;
    other.entity().await;
    other.sandbox.load(&dump).unwrap();
    other.token.clone_from(&api.token);
    assert_eq!(other.sandbox.state(), api.sandbox.state());
    assert_eq!(other.sandbox.now(), api.sandbox.now(), "the clock is as far ahead");
    assert_eq!(content(&other.sandbox.dump()), content(&dump));
    // Tokens, names, roles in use and quirks: all that is not in the state.
    assert_eq!(send(other.request_as(&user_token, "GET /entity_users/me")).await.body["login"], "ana");
    assert_eq!(send(other.request_as(&revoked, "GET /entities")).await.status, 400);
    let again = json!({"name": "clerk", "permissions": {}});
    assert_eq!(other.inside_json(&entity, "POST /roles", again).await.status, 409);
    let role = other.sandbox.roles(&entity)[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(send(other.inside(&entity, &format!("DELETE /roles/{role}"))).await.status, 409);
    assert_eq!(other.get(&format!("/entities/{user}")).await.status, 400, "the quirk came along");
    assert_eq!(other.get("/entities?status=inactive").await.column("email"), ["i@example.com"]);
}

#[tokio::test]
async fn a_dump_holds_every_row_that_storage_keeps() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sandbox.db");
    let api = kept(&path).await;
    let (_, user) = fill(&api).await;
    api.user_token(&user).await;
    let dump = parsed(&api.sandbox.dump());
    api.sandbox.shutdown().await;
    let mut dumped: Vec<(String, String)> = Vec::new();
    for (kind, rows) in dump["rows"].as_object().unwrap() {
        dumped.extend(rows.as_object().unwrap().keys().map(|id| (kind.clone(), id.clone())));
    }
    for row in rows_of(&path).await {
        assert!(dumped.contains(&row), "{row:?} is not in the dump");
    }
}

async fn rows_of(path: &std::path::Path) -> Vec<(String, String)> {
    use sqlx::ConnectOptions;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).disable_statement_logging();
    let mut connection = options.connect().await.unwrap();
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT kind, id FROM rows").fetch_all(&mut connection).await.unwrap();
    assert!(rows.len() > 5, "{rows:?}");
    rows
}

#[tokio::test]
async fn what_is_not_a_dump_changes_nothing() {
    let api = Api::start().await;
    let entity = api.entity().await;
    api.role(&entity, "clerk", "").await;
    let (state, good) = (api.sandbox.state(), parsed(&api.sandbox.dump()));
    let bad = |change: &dyn Fn(&mut Value)| {
        let mut document = good.clone();
        change(&mut document);
        document.to_string()
    };
    let stranger = "00000000-0000-4000-8000-000000000000";
    let documents = [
        String::new(),
        "[]".to_owned(),
        bad(&|document| document["format"] = json!("monite-sandbox 0")),
        bad(&|document| document["more"] = json!(1)),
        bad(&|document| document["clock_offset_micros"] = json!(-1)),
        bad(&|document| document["quirks"]["missing_entity"] = json!("418")),
        bad(&|document| document["quirks"]["missing_unicorn"] = json!("404")),
        bad(&|document| document["rows"]["unicorn"] = json!({"1": {}})),
        bad(&|document| document["rows"]["setting"]["unicorn"] = json!(1)),
        bad(&|document| document["rows"]["entity"][&entity]["entity"]["status"] = json!("asleep")),
        bad(&|document| document["rows"]["entity"][stranger] = document["rows"]["entity"][&entity].clone()),
        bad(&|document| document["rows"]["entity"] = json!({})),
        bad(&|document| {
            document["rows"]["token"] =
                json!({"xyz": {"user": null, "expires_at": "2026-03-01T09:30:00Z", "serial": 1}})
        }),
    ];
    for document in documents {
        let answer = send(api.http.put(control(&api, "/dump")).body(document.clone())).await;
        assert_eq!(answer.status, 400, "{document}");
        assert!(!answer.message().is_empty());
        assert!(api.sandbox.load(&document).is_err());
    }
    assert_eq!(api.sandbox.state(), state);
    assert_eq!(api.get("/entities").await.status, 200, "tokens are still good");
    let error = api.sandbox.load("{}").unwrap_err();
    assert!(matches!(error, DumpError::Shape(_)), "{error:?}");
}

fn control(api: &Api, path: &str) -> String {
    format!("{}/_sandbox{path}", api.sandbox.base_url().strip_suffix("/v1").unwrap())
}

#[tokio::test]
async fn snapshots_are_taken_restored_and_forgotten_over_http() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let taken = api.control("PUT /snapshots/one", None).await;
    assert_eq!((taken.status, &taken.body["snapshots"][0]["name"]), (201, &json!("one")));
    assert_eq!(taken.body["snapshots"][0]["entities"], 1);
    api.entity().await;
    api.patch(&format!("/entities/{entity}"), json!({"phone": "1"})).await;
    for _ in 0..2 {
        assert_eq!(api.control("POST /snapshots/one", None).await.status, 204);
        assert_eq!(api.get("/entities").await.column("id"), [&*entity]);
        assert_eq!(api.get(&format!("/entities/{entity}")).await.body["phone"], Value::Null);
        api.entity().await;
    }
    assert_eq!(api.control("PUT /snapshots/one", None).await.status, 200, "taken anew");
    api.control("POST /reset", None).await;
    assert_eq!(api.sandbox.snapshots(), ["one"], "a reset forgets no snapshot");
    assert_eq!(api.control("POST /snapshots/one", None).await.status, 204);
    assert_eq!(api.sandbox.entities().len(), 2);
    assert_eq!(api.control("GET /snapshots", None).await.body["snapshots"][0]["entities"], 2);
    assert_eq!(api.control("DELETE /snapshots/one", None).await.status, 204);
    for call in ["POST /snapshots/one", "DELETE /snapshots/one"] {
        assert_eq!(api.control(call, None).await.status, 404, "{call}");
    }
    assert_eq!(api.control("PUT /snapshots/a%20b", None).await.status, 400);
    assert_eq!(api.sandbox.restore("one"), Err(SnapshotError::Unknown("one".to_owned())));
}

#[tokio::test]
async fn the_same_calls_after_a_restore_give_the_same_ids() {
    let api = Api::start().await;
    api.entity().await;
    api.sandbox.snapshot("start").unwrap();
    let mut histories = Vec::new();
    for _ in 0..2 {
        api.sandbox.restore("start").unwrap();
        histories.push((api.entity().await, api.entity().await));
    }
    assert_eq!(histories[0], histories[1]);
}

#[tokio::test]
async fn a_restored_world_is_what_the_file_holds() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sandbox.db");
    let api = kept(&path).await;
    fill(&api).await;
    api.sandbox.advance(Duration::from_secs(5));
    api.control("PUT /snapshots/full", None).await;
    let (state, now) = (api.sandbox.state(), api.sandbox.now());
    api.entity().await;
    api.sandbox.advance(Duration::from_secs(5));
    assert_eq!(api.control("POST /snapshots/full", None).await.status, 204);

    // A copy taken after the answer is what a kill leaves behind.
    let copy = dir.path().join("copy.db");
    std::fs::copy(&path, &copy).unwrap();
    std::fs::copy(dir.path().join("sandbox.db-wal"), dir.path().join("copy.db-wal")).unwrap();
    let after_kill = kept(&copy).await;
    assert_eq!(after_kill.sandbox.state(), state);
    assert_eq!(after_kill.sandbox.now(), now);
}

#[tokio::test]
async fn a_dump_holds_no_secret_of_the_partner() {
    let api = Api::with(builder()).await;
    let (_, user) = fill(&api).await;
    let user_token = api.user_token(&user).await;
    let dump = api.control("GET /dump", None).await.body.to_string();
    for secret in [api.sandbox.client_secret(), &api.token, &user_token] {
        assert!(!dump.contains(secret), "{dump}");
    }
}
