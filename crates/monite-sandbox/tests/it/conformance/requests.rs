//! The document the other way round: bodies drawn from its schemas are accepted or refused by a known rule, and
//! bodies with one mistake are refused with that mistake named.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::document::{Document, Operation, say};
use super::oracle::{Verdict, judge};
use super::stage::Stage;
use super::{generate, mutate};
use crate::support::Answer;
use crate::support::chance::{draw, runner, runtime};

/// Bodies drawn per operation.
const BODIES: u32 = 40;

/// Bodies that are then broken in every way.
const BROKEN_BODIES: u32 = 6;

fn with_body(document: &Document) -> Vec<Operation> {
    document.operations().into_iter().filter(|operation| !operation.body().is_null()).collect()
}

async fn ask(stage: &Stage, operation: &Operation, body: &Value) -> Answer {
    stage.send(stage.ask(operation).json(body)).await
}

/// The order of mistakes is not promised.
fn sorted(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Invalid(mut fields) => {
            fields.sort();
            Verdict::Invalid(fields)
        }
        other => other,
    }
}

/// Most drawn ids and profiles lead nowhere; these lead somewhere more often than not.
fn at_home(operation: &Operation, mut body: Value, stage: &Stage, turn: u32) -> Value {
    if turn.is_multiple_of(4) {
        return body;
    }
    if operation.path.starts_with("/auth/") {
        body = stage.direct.credentials(body);
        let (name, ours) = match operation.id.as_str() {
            "post_auth_token" => ("entity_user_id", &stage.ana),
            _ => ("token", &stage.direct.token),
        };
        body[name] = ours.clone().into();
    }
    if operation.path.starts_with("/entity_users") && (operation.method == "POST" || body["role_id"].is_string()) {
        body["role_id"] = stage.role.clone().into();
    }
    if operation.id == "post_entities" {
        let (own, other) = if body["organization"].is_null() {
            ("individual", "organization")
        } else {
            ("organization", "individual")
        };
        body["type"] = own.into();
        body.as_object_mut().unwrap().remove(other);
        if body[own].is_null() {
            body[own] = json!({"first_name": "A", "last_name": "B"});
        }
        if body["address"]["country"] == "US" {
            body["address"]["state"] = "TX".into();
        }
    }
    if operation.method == "PATCH" && turn % 4 != 1 {
        drop_nulls(&mut body);
        body.as_object_mut().unwrap().remove("individual");
    }
    body
}

/// Null is what most updates are refused for.
fn drop_nulls(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.retain(|_, field| !field.is_null());
        fields.values_mut().for_each(drop_nulls);
    }
}

#[test]
fn bodies_that_fit_are_accepted_or_refused_by_a_known_rule() {
    let Some(mut document) = Document::load() else {
        return;
    };
    let (mut runner, runtime) = (runner(BODIES), runtime());
    let mut outcomes: BTreeMap<String, BTreeMap<u16, u32>> = BTreeMap::new();
    for operation in with_body(&document) {
        let bodies = generate::fitting(&document, operation.body());
        for turn in 0..runner.config().cases {
            let stage = runtime.block_on(Stage::new());
            let body = at_home(&operation, draw(&mut runner, &bodies), &stage, turn);
            assert_eq!(document.mistakes(operation.body(), &body), Vec::<String>::new(), "the drawn body fits: {body}");
            let answer = runtime.block_on(ask(&stage, &operation, &body));
            *outcomes.entry(operation.id.clone()).or_default().entry(answer.status).or_default() += 1;
            let verdict = match answer.status {
                status if status == operation.success() => Verdict::Accepted,
                422 => Verdict::Invalid(answer.wrong_fields()),
                status => Verdict::Refused(status),
            };
            let (expected, verdict) = (sorted(judge(&operation.id, &body, &stage)), sorted(verdict));
            let fits = match expected {
                Verdict::AcceptedOr400 => matches!(verdict, Verdict::Accepted | Verdict::Refused(400)),
                _ => verdict == expected,
            };
            assert!(fits, "{} with {body}: expected {expected:?}, got {answer:?}", operation.id);
            let mistakes = operation.response(answer.status).filter(|schema| !schema.is_null());
            let mistakes = mistakes.map(|schema| document.mistakes(&schema, &answer.body)).unwrap_or_default();
            assert_eq!(mistakes, Vec::<String>::new(), "{} with {body} answers {}", operation.id, answer.body);
        }
    }
    for (operation, by_status) in &outcomes {
        assert!(by_status.keys().any(|status| *status < 300), "{operation}: none of the drawn bodies was accepted");
    }
    say(&format!("drawn bodies by operation and status: {outcomes:?}\n"));
}

#[test]
fn a_body_with_one_mistake_is_refused_with_that_mistake_named() {
    let Some(document) = Document::load() else {
        return;
    };
    let (mut runner, runtime) = (runner(BROKEN_BODIES), runtime());
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for operation in with_body(&document) {
        let bodies = generate::fitting(&document, operation.body());
        let stage = runtime.block_on(Stage::new());
        let before = stage.direct.sandbox.state();
        let mut bases = 0;
        // Some drawn bodies have mistakes that only the rules see; they would hide the one that is made.
        for _ in 0..runner.config().cases * 20 {
            let body = at_home(&operation, draw(&mut runner, &bodies), &stage, 1);
            if matches!(judge(&operation.id, &body, &stage), Verdict::Invalid(_)) {
                continue;
            }
            for broken in mutate::all(&document, operation.body(), &body) {
                let answer = runtime.block_on(ask(&stage, &operation, &broken.value));
                let (what, at) = (broken.what, &broken.at);
                assert_eq!(answer.status, 422, "{}: {what} at {at} in {}: {answer:?}", operation.id, broken.value);
                assert_eq!(answer.wrong_fields(), [at.as_str()], "{}: {what} in {}", operation.id, broken.value);
                *counts.entry(what).or_default() += 1;
            }
            bases += 1;
            if bases == runner.config().cases {
                break;
            }
        }
        assert!(bases > 0, "{}: no body to break", operation.id);
        assert_eq!(stage.direct.sandbox.state(), before, "{}: what was refused changed nothing", operation.id);
    }
    say(&format!("broken bodies by mistake: {counts:?}\n"));
    assert!(counts.len() > 8, "{counts:?}");
}
