//! The door: whatever is thrown at it, the answer has one of Monite's three shapes, and is never a 500 or HTML.

mod bodies;
mod headers;
mod paths;
mod values;

use crate::support::Answer;

const UNKNOWN: &str = "9d2b4c8f-2087-4738-ba91-7359683c49a4";

/// One call per kind of body and id.
fn calls() -> Vec<String> {
    let with_id = [
        "PATCH /entities/{}",
        "POST /entities/{}/activate",
        "PUT /entities/{}/partner_metadata",
        "PATCH /entities/{}/settings",
        "PATCH /roles/{}",
        "DELETE /roles/{}",
        "PATCH /entity_users/{}",
        "GET /entity_users/{}",
    ];
    let plain = [
        "POST /auth/token",
        "POST /auth/revoke",
        "POST /entities",
        "GET /entities",
        "PATCH /settings",
        "POST /roles",
        "POST /entity_users",
        "PATCH /entity_users/me",
        "PATCH /entity_users/my_entity",
    ];
    with_id.iter().map(|call| call.replace("{}", UNKNOWN)).chain(plain.map(str::to_owned)).collect()
}

/// Fails unless the body is the envelope that belongs to the status.
fn check_shape(answer: &Answer, of: &str) {
    let body = &answer.body;
    match answer.status {
        200 | 201 => assert!(body.is_object(), "{of}: {answer:?}"),
        204 => assert!(body.is_null(), "{of}: {answer:?}"),
        422 => {
            let errors = body["detail"].as_array().unwrap_or_else(|| panic!("{of}: {answer:?}"));
            assert!(!errors.is_empty(), "{of}: {answer:?}");
            for error in errors {
                let complete = error["loc"].is_array() && error["msg"].is_string() && error["type"].is_string();
                assert!(complete, "{of}: {answer:?}");
            }
        }
        413 | 429 => assert!(body["message"].is_string() && body.get("error").is_none(), "{of}: {answer:?}"),
        400 | 401 | 403 | 404 | 405 | 409 => assert!(body["error"]["message"].is_string(), "{of}: {answer:?}"),
        _ => panic!("{of}: an unexpected status: {answer:?}"),
    }
    if answer.status != 204 {
        assert_eq!(answer.header("content-type"), Some("application/json"), "{of}");
    }
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{of}");
    assert!(answer.header("x-request-id").is_some(), "{of}");
}
