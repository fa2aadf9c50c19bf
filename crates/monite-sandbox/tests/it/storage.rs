//! `--data`: what was answered is on disk.

use std::time::Duration;

use monite_sandbox::{Fault, StartError};
use serde_json::{Value, json};

use crate::support::{Api, builder, send};

const CLIENT: (&str, &str) = ("9d2b4c8f-2087-4738-ba91-7359683c49a4", "a-secret");

pub async fn kept(path: &std::path::Path) -> Api {
    Api::with(builder().data_file(path).credentials(CLIENT.0, CLIENT.1)).await
}

/// What `run` leaves behind: everything a world can hold.
pub async fn fill(api: &Api) -> (String, String) {
    let entity = api.entity().await;
    let role = api.role(&entity, "clerk", "payable: read pay, role: read*").await;
    let user = api.user(&entity, "ana", &role).await;
    let gone = api.user(&entity, "gone", &role).await;
    send(api.inside(&entity, &format!("DELETE /entity_users/{gone}"))).await;
    let spare = api.role(&entity, "spare", "").await;
    send(api.inside(&entity, &format!("DELETE /roles/{spare}"))).await;
    api.patch(&format!("/entities/{entity}"), json!({"phone": "1"})).await;
    send(api.request(&format!("PUT /entities/{entity}/partner_metadata")).body(r#"{"metadata":{"a":[1]}}"#)).await;
    let person = json!({
        "type": "individual", "email": "i@example.com", "individual": {"first_name": "A", "last_name": "B"},
        "address": {"country": "FR", "city": "Paris", "line1": "1 rue", "postal_code": "75001"},
    });
    let person = api.post("/entities", person).await.id();
    send(api.request(&format!("POST /entities/{person}/deactivate"))).await;
    (entity, user)
}

#[tokio::test]
async fn a_restart_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sandbox.db");
    let api = kept(&path).await;
    let (entity, user) = fill(&api).await;
    let user_token = api.user_token(&user).await;
    api.sandbox.advance(Duration::from_secs(60));
    let (state, now, token) = (api.sandbox.state(), api.sandbox.now(), api.token.clone());
    let revoked = api.partner_token().await;
    api.post("/auth/revoke", api.with_credentials(json!({"token": revoked}))).await;
    api.sandbox.shutdown().await;

    let api = kept(&path).await;
    assert_eq!(api.sandbox.state(), state);
    assert_eq!(api.sandbox.now(), now, "the clock keeps its offset");
    assert_eq!(send(api.request_as(&token, "GET /entities")).await.status, 200, "tokens live on");
    assert_eq!(send(api.request_as(&user_token, "GET /entity_users/me")).await.body["login"], "ana");
    assert_eq!(send(api.request_as(&revoked, "GET /entities")).await.status, 400);
    // The indexes are there again: unique names and logins, roles in use, filters.
    let again = json!({"name": "clerk", "permissions": {}});
    assert_eq!(api.inside_json(&entity, "POST /roles", again).await.status, 409);
    let role = api.sandbox.roles(&entity)[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(send(api.inside(&entity, &format!("DELETE /roles/{role}"))).await.status, 409);
    assert_eq!(api.sandbox.logins(&entity), ["ana"]);
    assert_eq!(api.get("/entities?status=inactive").await.column("email"), ["i@example.com"]);
    // The seeded ids of another start: nothing collides.
    assert_ne!(api.entity().await, entity);
    assert_eq!(api.sandbox.entities().len(), 3);
}

#[tokio::test]
async fn what_was_answered_is_on_disk_even_if_nobody_says_goodbye() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sandbox.db");
    let api = kept(&path).await;
    fill(&api).await;
    api.sandbox.once("POST /entities", Fault::LoseAnswer);
    let lost = api.request("POST /entities").body(crate::support::organization("Lost").to_string());
    lost.send().await.expect_err("the answer must get lost");

    // A copy taken between two requests is what a kill leaves behind.
    let copy = dir.path().join("copy.db");
    std::fs::copy(&path, &copy).unwrap();
    std::fs::copy(dir.path().join("sandbox.db-wal"), dir.path().join("copy.db-wal")).unwrap();
    let after_kill = kept(&copy).await;
    let (mut found, mut expected) = (after_kill.sandbox.state(), api.sandbox.state());
    assert_eq!(found["entities"].as_array().unwrap().len(), 3);
    assert_eq!(found.take(), expected.take());
}

#[tokio::test]
async fn no_secret_is_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sandbox.db");
    let api = kept(&path).await;
    let (_, user) = fill(&api).await;
    let secrets = [api.token.clone(), api.user_token(&user).await, CLIENT.1.to_owned()];
    api.sandbox.shutdown().await;
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for secret in &secrets {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        }
    }
}

#[tokio::test]
async fn reset_empties_the_file_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sandbox.db");
    let api = kept(&path).await;
    fill(&api).await;
    assert_eq!(api.control("POST /reset", None).await.status, 204);
    api.sandbox.shutdown().await;
    let api = kept(&path).await;
    assert_eq!(api.sandbox.entities(), Vec::<Value>::new());
}

#[tokio::test]
async fn a_file_in_use_or_of_something_else_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sandbox.db");
    let api = kept(&path).await;
    let second = builder().data_file(&path).in_process().await;
    assert!(matches!(second, Err(StartError::Storage(_))), "{second:?}");
    drop(api);
    let text = dir.path().join("notes.txt");
    std::fs::write(&text, "not a database, just some notes that are long enough to be read as one").unwrap();
    let refused = builder().data_file(&text).in_process().await;
    assert!(matches!(refused, Err(StartError::Storage(_))), "{refused:?}");
}

#[tokio::test]
async fn after_a_restart_a_seed_gives_no_token_that_was_given_before() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sandbox.db");
    let mut seen = std::collections::HashSet::new();
    for _ in 0..3 {
        let api = kept(&path).await;
        assert!(seen.insert(api.token.clone()), "a revoked token would come alive again");
        api.post("/auth/revoke", api.with_credentials(json!({"token": api.token}))).await;
        api.sandbox.shutdown().await;
    }
}
