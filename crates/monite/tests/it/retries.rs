//! Again only where it can help and cannot harm; a lost answer on a create comes to the caller, who must look first.

use std::sync::Arc;
use std::time::Duration;

use monite::{CallLog, EntityId, Error, Monite, NewEntity, RetryPolicy, RoleId, TransportKind};
use serde_json::json;
use uuid::Uuid;

use crate::support::{Reply, Script, builder, client, clock};

const CREATE: &str = "POST /entities";
const LIST: &str = "GET /entities";

fn new_entity() -> NewEntity {
    serde_json::from_value(json!({
        "type": "individual", "email": "ana@example.com", "individual": {"first_name": "Ana", "last_name": "Sol"},
        "address": {"country": "ES", "city": "Bilbao", "line1": "Calle 1", "postal_code": "48001"},
    }))
    .unwrap()
}

/// Waits cost no time: a call that is repeated although it must not be shows in the count.
fn patient_client(script: &Arc<Script>) -> Monite {
    let clock = clock();
    clock.auto_advance(true);
    client(script, &clock)
}

#[tokio::test]
async fn a_lost_answer_on_a_create_is_never_sent_again() {
    type Failure = fn() -> Reply;
    let failures: [Failure; 8] = [
        || Reply::Lost(TransportKind::Cut),
        || Reply::Lost(TransportKind::Timeout),
        || Reply::Lost(TransportKind::Other),
        || Reply::error(408, "slow"),
        || Reply::error(500, "oops"),
        || Reply::error(502, "bad gateway"),
        || Reply::error(503, "busy").with_header("retry-after", "1"),
        || Reply::error(504, "gone"),
    ];
    for failure in failures {
        let script = Script::with_tokens(move |_| failure());
        let error = patient_client(&script).entities().create(&new_entity()).await.unwrap_err();
        assert!(error.may_have_applied(), "{error}");
        assert_eq!(script.count(CREATE), 1, "{error}");
    }
}

#[tokio::test]
async fn an_unreadable_answer_to_a_create_may_have_applied() {
    let script = Script::with_tokens(|_| Reply::json(201, json!({"surprise": true})));
    let error = patient_client(&script).entities().create(&new_entity()).await.unwrap_err();
    assert!(matches!(&error, Error::Decode { status: 201, .. }), "{error:?}");
    assert!(error.may_have_applied() && !error.is_retryable());
    assert_eq!(error.request_id().unwrap().as_str(), "request-1");
    assert_eq!(script.count(CREATE), 1);
}

#[tokio::test]
async fn a_create_that_cannot_have_arrived_is_sent_again() {
    let script = Script::with_tokens(|call| match call.nth {
        0 => Reply::Lost(TransportKind::Connect),
        1 => Reply::json(429, json!({"message": "API rate limit exceeded"})).with_header("retry-after", "1"),
        _ => Reply::error(409, "exists"),
    });
    let error = patient_client(&script).entities().create(&new_entity()).await.unwrap_err();
    assert_eq!(error.status(), Some(409));
    assert_eq!(script.count(CREATE), 3);
}

#[tokio::test]
async fn an_attempt_that_may_have_been_carried_out_is_what_the_error_tells_of_when_no_further_one_gets_through() {
    let script = Script::with_tokens(|call| match call.nth {
        0 => Reply::Lost(TransportKind::Timeout),
        _ => Reply::Lost(TransportKind::Connect),
    });
    let clock = clock();
    clock.auto_advance(true);
    let error = client(&script, &clock).entities().list(&Default::default()).await.unwrap_err();
    assert!(error.may_have_applied(), "{error:?}");
    assert!(script.count("GET /entities") > 1);
}

#[tokio::test]
async fn a_read_is_repeated_with_growing_waits_and_then_given_up() {
    let script = Script::with_tokens(|_| Reply::error(503, "down"));
    let clock = clock();
    clock.auto_advance(true);
    let log = CallLog::new();
    let monite = builder(&script, &clock).build().unwrap().recording(&log);
    let error = monite.entities().list(&Default::default()).await.unwrap_err();
    assert_eq!((error.status(), script.count(LIST)), (Some(503), 4));
    let records = log.records();
    assert_eq!(records.len(), 4, "the mint is nobody's call");
    for (n, pair) in records.windows(2).enumerate() {
        let waited = pair[1].at.duration_since(pair[0].at).as_millis();
        assert!(waited <= 500 << n, "wait {n} was {waited} ms");
    }
    assert_eq!(records[0].status, Some(503));
    assert_eq!(records[0].request_id.as_deref(), Some("request-1"));
    assert_eq!(records[0].error.as_deref(), Some("Monite answered 503 to entities.list: down"));
    assert_eq!(monite.calls_made(), 5);
}

#[tokio::test]
async fn retry_after_is_obeyed_to_the_second() {
    let soon = "Tue, 24 Nov 2026 09:00:07 GMT";
    for (asked, seconds) in [("7", 7), (soon, 7), ("0", 0)] {
        let script = Script::with_tokens(move |call| match call.nth {
            0 => Reply::json(429, json!({"message": "API rate limit exceeded"})).with_header("retry-after", asked),
            _ => Reply::json(200, json!({"data": []})),
        });
        let clock = clock();
        let monite = client(&script, &clock);
        let call = tokio::spawn(async move { monite.entities().list(&Default::default()).await });
        if seconds > 0 {
            clock.wait_for_sleepers(1).await;
            clock.advance(Duration::from_millis(seconds * 1000 - 1));
            assert_eq!((script.count(LIST), clock.sleepers()), (1, 1), "not a moment too soon");
            clock.advance(Duration::from_millis(1));
        }
        call.await.unwrap().unwrap();
        assert_eq!(script.count(LIST), 2);
    }
}

#[tokio::test]
async fn a_wait_of_minutes_is_the_callers_to_plan() {
    let script = Script::with_tokens(|_| Reply::json(429, json!({"message": "no"})).with_header("retry-after", "600"));
    let error = patient_client(&script).entities().list(&Default::default()).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(600)));
    assert_eq!(script.count(LIST), 1);
}

#[tokio::test]
async fn a_refusal_is_never_repeated() {
    for status in [400, 404, 409, 413, 422] {
        let script = Script::with_tokens(move |_| Reply::error(status, "no"));
        let error = patient_client(&script).entities().list(&Default::default()).await.unwrap_err();
        assert!(!error.is_retryable(), "{error}");
        assert_eq!(script.count(LIST), 1, "{error}");
    }
}

#[tokio::test]
async fn a_delete_whose_answer_was_lost_is_done_when_nothing_is_left() {
    let (entity, role) = (EntityId::from_uuid(Uuid::from_u128(1)), RoleId::from_uuid(Uuid::from_u128(2)));
    for status in [404, 400] {
        let script = Script::with_tokens(move |call| match call.nth {
            0 => Reply::Lost(TransportKind::Cut),
            _ => Reply::error(status, "Role not found"),
        });
        patient_client(&script).entity(entity).roles().delete(role).await.unwrap();
    }
    let script = Script::with_tokens(|_| Reply::error(404, "Role not found"));
    let error = patient_client(&script).entity(entity).roles().delete(role).await.unwrap_err();
    assert!(error.is_not_found(), "a first delete that finds nothing says so");
}

#[tokio::test]
async fn a_lost_delete_is_remembered_over_a_new_token() {
    let (entity, role) = (EntityId::from_uuid(Uuid::from_u128(1)), RoleId::from_uuid(Uuid::from_u128(2)));
    let script = Script::with_tokens(|call| match call.nth {
        0 => Reply::Lost(TransportKind::Cut),
        1 => Reply::error(400, "The token has been expired."),
        _ => Reply::error(404, "Role not found"),
    });
    patient_client(&script).entity(entity).roles().delete(role).await.unwrap();
}

#[tokio::test]
async fn an_outage_is_not_amplified() {
    let script = Script::with_tokens(|_| Reply::error(503, "down"));
    let clock = clock();
    clock.auto_advance(true);
    let monite =
        builder(&script, &clock).retry(RetryPolicy { max_attempts: 10, ..Default::default() }).build().unwrap();
    for _ in 0..500 {
        monite.entities().list(&Default::default()).await.unwrap_err();
    }
    let sent = script.count(LIST);
    assert!((550..=562).contains(&sent), "{sent} requests for 500 calls");
}

#[tokio::test]
async fn every_error_shape_is_read() {
    let cases: [(u16, &str, &str); 7] = [
        (400, r#"{"error":{"message":"No such thing"}}"#, "No such thing"),
        (400, r#"{"error":{"type":"missing_api_version","message":"Missing the header"}}"#, "Missing the header"),
        (400, r#"{"error":"plain"}"#, "plain"),
        (413, r#"{"message":"Request size limit exceeded"}"#, "Request size limit exceeded"),
        (404, "", "Not Found"),
        (418, "<html>\n\u{1b}[31mteapot</html>", "<html>  [31mteapot</html>"),
        (404, r#"{"detail":"Not Found"}"#, "Not Found"),
    ];
    for (status, body, words) in cases {
        let script = Script::with_tokens(move |_| Reply::Answer(status, Vec::new(), body.to_owned()));
        let error = patient_client(&script).entities().list(&Default::default()).await.unwrap_err();
        assert_eq!(error.to_string(), format!("Monite answered {status} to entities.list: {words}"));
    }
    let long = "x".repeat(5000);
    let script = Script::with_tokens(move |_| Reply::Answer(400, Vec::new(), long.clone()));
    let error = patient_client(&script).entities().list(&Default::default()).await.unwrap_err();
    assert!(error.to_string().len() < 600, "{error}");
}

#[tokio::test]
async fn a_422_names_every_wrong_field() {
    let script = Script::with_tokens(|_| {
        Reply::json(
            422,
            json!({"detail": [
                {"loc": ["body", "address", "city"], "msg": "Field required", "type": "missing", "input": {}},
                {"loc": ["body", "users", 3, "login"], "msg": "Too long", "type": "string_too_long"},
                {"loc": ["header", "x-monite-entity-id"], "msg": "Field required", "type": "missing"},
            ]}),
        )
    });
    let error = patient_client(&script).entities().create(&new_entity()).await.unwrap_err();
    let fields: Vec<_> = error.fields().iter().map(|field| (field.dotted(), field.kind.as_str())).collect();
    let expected = [("address.city", "missing"), ("users.3.login", "string_too_long")];
    assert_eq!(fields[..2], expected.map(|(path, kind)| (path.to_owned(), kind)));
    assert_eq!(fields[2].0, "header.x-monite-entity-id");
    assert!(error.to_string().contains("address.city: Field required; users.3.login: Too long"), "{error}");
}
