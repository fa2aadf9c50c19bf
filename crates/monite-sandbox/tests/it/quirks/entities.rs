//! Probes: entities, their metadata and settings, and lists.

use std::time::Duration;

use serde_json::{Value, json};

use super::lab::{Lab, UNKNOWN, status};
use crate::support::organization;

pub async fn observe(name: &str, lab: &Lab) -> Option<Value> {
    let path = format!("/entities/{}", lab.entity);
    let get = format!("GET {path}");
    let patch = format!("PATCH {path}");
    let seen = match name {
        "missing_entity" => status(&lab.call(&format!("GET /entities/{UNKNOWN}"), Value::Null).await),
        "us_state" => status(&lab.call("POST /entities", with(json!({"address": american()}))).await),
        "other_profile_on_create" => {
            let individual = json!({"first_name": "A", "last_name": "B"});
            status(&lab.call("POST /entities", with(json!({"individual": individual}))).await)
        }
        "registration_without_authority" => {
            status(&lab.call("POST /entities", with(json!({"registration_number": "HRB 1"}))).await)
        }
        "null_for_required" => {
            let answer = lab.call(&patch, json!({"address": {"city": null}})).await;
            if answer.status == 200 { json!("ignored") } else { status(&answer) }
        }
        "wrong_profile" => status(&lab.call(&patch, json!({"individual": {"first_name": "A"}})).await),
        "inactive_entities_listed" => {
            lab.call(&format!("POST {path}/deactivate"), Value::Null).await;
            json!(lab.call("GET /entities", Value::Null).await.column("id").contains(&lab.entity))
        }
        "default_role" => {
            let entity = lab.call("POST /entities", organization("New")).await.id();
            json!(lab.direct.call_inside(&entity, "GET /roles", Value::Null).await.column("name"))
        }
        "metadata_of_missing_entity" => {
            let gotten = lab.call(&format!("GET /entities/{UNKNOWN}/partner_metadata"), Value::Null).await;
            let put = lab.call(&format!("PUT /entities/{UNKNOWN}/partner_metadata"), json!({"metadata": {}})).await;
            assert_eq!(gotten.status, put.status);
            status(&gotten)
        }
        "metadata_touches_entity" => {
            let before = lab.call(&get, Value::Null).await.body;
            lab.call(&format!("PUT {path}/partner_metadata"), json!({"metadata": {"a": 1}})).await;
            json!(lab.call(&get, Value::Null).await.body["updated_at"] != before["updated_at"])
        }
        "nested_settings" => {
            let patch = format!("PATCH {path}/settings");
            lab.call(&patch, json!({"document_ids": {"prefix": "X"}})).await;
            lab.call(&patch, json!({"document_ids": {"min_digits": 3}})).await.body["document_ids"]["prefix"].take()
        }
        "website_not_https" => status(&lab.call("PATCH /settings", json!({"website": "http://example.com"})).await),
        "limit_out_of_range" => status(&lab.call("GET /entities?limit=101", Value::Null).await),
        "bad_pagination_token" => status(&lab.call("GET /entities?pagination_token=x", Value::Null).await),
        "pagination_token_life" => {
            let first = lab.call("GET /entities?limit=1", Value::Null).await.body;
            let next = format!("GET /entities?pagination_token={}", first["next_pagination_token"].as_str().unwrap());
            lab.direct.sandbox.advance(Duration::from_secs(600));
            assert_eq!(lab.call(&next, Value::Null).await.status, 200);
            lab.direct.sandbox.advance(Duration::from_secs(1));
            json!([lab.call(&next, Value::Null).await.status])
        }
        _ => return None,
    };
    Some(seen)
}

/// An organization with some fields changed.
fn with(changed: Value) -> Value {
    let mut body = organization("New");
    for (name, value) in changed.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// Without the state that it needs.
fn american() -> Value {
    json!({"country": "US", "city": "New York", "line1": "1 Main St", "postal_code": "10001"})
}
