//! Everything that can go wrong with a call: the same for all operations as far as possible, then what is special.

use std::time::Duration;

use monite_sandbox::{Fault, RateLimit};
use serde_json::{Value, json};

use super::bodies;
use super::document::Operation;
use super::ledger::Ledger;
use super::stage::{Caller, NOBODY, Stage, caller};
use crate::support::direct::{Ask, Direct};
use crate::support::{Answer, builder, organization};

pub async fn all(operation: &Operation, ledger: &mut Ledger) {
    let stage = Stage::new().await;
    headers(operation, ledger, &stage).await;
    credentials(operation, ledger, &stage).await;
    ids(operation, ledger, &stage).await;
    unreadable_bodies(operation, ledger, &stage).await;
    faults(operation, ledger, &stage).await;
    too_many(operation, ledger).await;
    refusals(operation, ledger).await;
}

/// The call as it succeeds.
fn complete(operation: &Operation, stage: &Stage) -> Ask {
    let ask = stage.ask(operation);
    match bodies::good(operation, stage).swap_remove(0) {
        Some(body) => ask.json(&body),
        None => ask,
    }
}

async fn headers(operation: &Operation, ledger: &mut Ledger, stage: &Stage) {
    let mut wrong_method = complete(operation, stage);
    wrong_method.method = "TRACE".to_owned();
    let answer = stage.send(wrong_method).await;
    ledger.expect(operation, "wrong method", 405, &answer);
    assert!(answer.header("allow").is_some_and(|allow| allow.contains(&operation.method)), "{answer:?}");
    let versioned = |version: &str| complete(operation, stage).with("x-monite-version", version);
    let answer = stage.send(versioned("latest")).await;
    ledger.expect(operation, "version that is no date", 422, &answer);
    assert_eq!(answer.wrong_fields(), ["header.x-monite-version"]);
    ledger.expect(operation, "version before all", 404, &stage.send(versioned("2020-01-01")).await);
    if caller(operation) != Caller::Nobody {
        let answer = stage.send(complete(operation, stage).without("x-monite-version")).await;
        ledger.expect(operation, "no version", 400, &answer);
    }
    let answer = stage.send(complete(operation, stage).bytes(vec![b' '; 1024 * 1024 + 1])).await;
    ledger.expect(operation, "oversized body", 413, &answer);
}

async fn credentials(operation: &Operation, ledger: &mut Ledger, stage: &Stage) {
    if caller(operation) == Caller::Nobody {
        return;
    }
    let answer = stage.send(complete(operation, stage).without("authorization")).await;
    ledger.expect(operation, "no authorization", 401, &answer);
    for garbled in ["Bearer undefined", "Bearer", "Basic abc"] {
        let answer = stage.send(complete(operation, stage).with("authorization", garbled)).await;
        ledger.expect(operation, garbled, 400, &answer);
    }
    let path = operation.path.as_str();
    if caller(operation) == Caller::User {
        let answer = stage.send(complete(operation, stage).token(&stage.direct.token)).await;
        ledger.expect(operation, "partner token", 400, &answer);
    }
    let needs_no_right = path.ends_with("/my_role") || path == "/entity_users/me";
    if !needs_no_right {
        let answer = stage.send(complete(operation, stage).token(&stage.guest_token)).await;
        ledger.expect(operation, "a user without rights", 403, &answer);
        assert!(answer.message().starts_with("Action ") && answer.message().ends_with(" not allowed"), "{answer:?}");
    }
    if operation.is_inside_entity() {
        let answer = stage.send(complete(operation, stage).token(&stage.ana_token).inside(&stage.other_entity)).await;
        ledger.expect(operation, "a user in another entity", 403, &answer);
    }
    let later = Stage::new().await;
    later.direct.sandbox.advance(Duration::from_secs(1801));
    ledger.expect(operation, "expired token", 400, &later.send(complete(operation, &later)).await);
}

async fn ids(operation: &Operation, ledger: &mut Ledger, stage: &Stage) {
    let with_body = |ask: Ask| Ask { body: complete(operation, stage).body, ..ask };
    for (name, _) in operation.parameters("path") {
        let answer = stage.send(with_body(stage.ask_about(operation, |_| "not-a-uuid".to_owned()))).await;
        ledger.expect(operation, "malformed id", 422, &answer);
        assert_eq!(answer.wrong_fields(), [format!("path.{name}")], "{}", operation.id);
        let answer = stage.send(with_body(stage.ask_about(operation, |_| NOBODY.to_owned()))).await;
        ledger.expect(operation, "unknown id", 404, &answer);
    }
    if operation.is_inside_entity() {
        let missing = complete(operation, stage).without("x-monite-entity-id");
        let malformed = complete(operation, stage).inside("not-a-uuid");
        for ask in [missing, malformed] {
            let answer = stage.send(ask).await;
            ledger.expect(operation, "no entity in the header", 422, &answer);
            assert_eq!(answer.wrong_fields(), ["header.x-monite-entity-id"], "{}", operation.id);
        }
        let answer = stage.send(complete(operation, stage).inside(NOBODY)).await;
        ledger.expect(operation, "unknown entity in the header", 404, &answer);
    }
    if operation.is_list() {
        for token in ["garbage", "", "eyJhIjoxfQ"] {
            let mut ask = complete(operation, stage);
            ask.path = format!("{}?pagination_token={token}", ask.path);
            ledger.expect(operation, "bad page token", 400, &stage.send(ask).await);
        }
    }
}

async fn unreadable_bodies(operation: &Operation, ledger: &mut Ledger, stage: &Stage) {
    if operation.body().is_null() {
        return;
    }
    for body in ["{", "[]", "null", "7", "\"text\"", "{\"a\":}", "\u{feff}{}"] {
        let answer = stage.send(stage.ask(operation).bytes(body)).await;
        ledger.expect(operation, &format!("body {body}"), 422, &answer);
        assert!(answer.wrong_fields().iter().all(|field| field.starts_with("body")), "{answer:?}");
    }
    if operation.method != "PATCH" {
        let answer = stage.send(stage.ask(operation)).await;
        ledger.expect(operation, "no body", 422, &answer);
        assert_eq!(answer.wrong_fields(), ["body"]);
    }
}

async fn faults(operation: &Operation, ledger: &mut Ledger, stage: &Stage) {
    for status in [500, 429] {
        let call = format!("{} {}", operation.method, operation.path);
        stage.direct.sandbox.once(&call, Fault::Status { status, retry_after: None });
        let answer = stage.send(complete(operation, stage)).await;
        ledger.expect(operation, "status on demand", status, &answer);
    }
}

/// With one call a second, the second one is too many.
async fn too_many(operation: &Operation, ledger: &mut Ledger) {
    let direct = Direct::with(builder().rate_limit(RateLimit::PerSecond(1))).await;
    let answer =
        direct.send(Ask::new(&format!("{} {}", operation.method, operation.path.replace(['{', '}'], "")))).await;
    ledger.expect(operation, "too many calls", 429, &answer);
    let headers =
        ["retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"].map(|name| answer.header(name));
    assert_eq!(headers, [Some("1"), Some("1"), Some("0"), Some("1")]);
}

/// What only the rules of the business refuse.
async fn refusals(operation: &Operation, ledger: &mut Ledger) {
    let stage = Stage::new().await;
    let mut us = organization("Muster Inc");
    us["address"]["country"] = json!("US");
    let null_name = json!({"organization": {"legal_name": null}});
    let credentials = |grant: Value| stage.direct.credentials(grant);
    let wrong_secret = |mut body: Value| {
        body["client_secret"] = json!("wrong");
        body
    };
    let cases: Vec<(u16, Value)> = match operation.id.as_str() {
        "post_auth_token" => vec![
            (401, wrong_secret(credentials(json!({"grant_type": "client_credentials"})))),
            (400, credentials(json!({"grant_type": "entity_user"}))),
            (400, credentials(json!({"grant_type": "entity_user", "entity_user_id": NOBODY}))),
        ],
        "post_auth_revoke" => vec![
            (401, wrong_secret(credentials(json!({"token": stage.direct.token})))),
            (400, credentials(json!({"token": "unknown"}))),
        ],
        "post_entities" => vec![(400, us)],
        "patch_entities_id" | "patch_entities_me" | "patch_entity_users_my_entity" => {
            vec![(400, null_name), (400, json!({"individual": {"first_name": "A"}})), (400, json!({"address": null}))]
        }
        "post_entity_users" => vec![
            (409, json!({"login": "ana", "first_name": "Ana", "role_id": stage.role})),
            (400, json!({"login": "new", "first_name": "New", "role_id": NOBODY})),
            (400, json!({"login": "new", "first_name": "New"})),
        ],
        "patch_entity_users_id" => {
            vec![(409, json!({"login": "ana"})), (400, json!({"role_id": NOBODY})), (400, json!({"login": null}))]
        }
        "patch_entity_users_me" => vec![(400, json!({"first_name": null}))],
        "post_roles" => vec![(409, json!({"name": "admin", "permissions": {}}))],
        "patch_roles_id" => vec![(409, json!({"name": "admin"})), (400, json!({"name": null}))],
        _ => Vec::new(),
    };
    for (status, body) in cases {
        let answer = stage.send(stage.ask(operation).json(&body)).await;
        ledger.expect(operation, &format!("body {body}"), status, &answer);
    }
    if operation.id == "delete_roles_id" {
        let answer = stage.send(stage.ask_about(operation, |_| stage.role.clone())).await;
        ledger.expect(operation, "role in use", 409, &answer);
    }
    twice(operation, ledger, &stage).await;
}

/// What was deleted is gone.
async fn twice(operation: &Operation, ledger: &mut Ledger, stage: &Stage) {
    if operation.method == "DELETE" {
        let first: Answer = stage.send(stage.ask(operation)).await;
        ledger.expect(operation, "first time", 204, &first);
        ledger.expect(operation, "second time", 404, &stage.send(stage.ask(operation)).await);
    }
}
