//! Parameters and headers that operations share.

use serde_json::{Value, json};

use crate::domain::SyncState;

pub(super) fn all() -> Value {
    let states: Vec<&str> = SyncState::ALL.iter().map(|state| state.as_str()).collect();
    json!({
        "customer": path("customer", "The product's own id of the customer."),
        "user": path("user", "The product's own id of the user, unique within its customer."),
        "state": query("state", "Only customers in this state.", &json!({"type": "string", "enum": states})),
        "limit": query("limit", "Rows in the page.", &json!({"type": "integer", "minimum": 1, "maximum": 500, "default": 100})),
        "cursor": query("cursor", "`next_cursor` of the page before, as it was.", &json!({"type": "string"})),
        "If-Match": header("If-Match", "Write only at this generation (an `ETag`, a list of them, or `*`): guards against lost updates.", "\"3\""),
        "If-None-Match": header("If-None-Match", "`*`: write only if it is not there yet.", "*"),
        "Prefer": header(
            "Prefer",
            "`wait=N` (RFC 7240): answer when Monite has confirmed or refused it, after N seconds at the latest (60 at most).",
            "wait=10",
        ),
    })
}

pub(super) fn headers() -> Value {
    let header = |description: &str, example: &str| json!({"description": description, "schema": {"type": "string"}, "example": example});
    json!({
        "ETag": header("The generation, for `If-Match`. It does not change when only `sync` does.", "\"3\""),
        "Preference-Applied": header("The wait that was honoured.", "wait=10"),
        "Cache-Control": header("Never stored.", "no-store"),
        "Retry-After": header("Seconds after which asking again makes sense.", "1"),
        "WWW-Authenticate": header("How to authenticate.", "Bearer realm=\"monite-bridge\""),
        "Allow": header("The methods there are.", "GET,HEAD"),
        "x-request-id": header("Names the request in the bridge's log.", "5d1f0a3c-2a"),
    })
}

fn path(name: &str, description: &str) -> Value {
    json!({
        "name": name, "in": "path", "required": true, "description": description,
        "schema": {"$ref": "#/components/schemas/Id"},
    })
}

fn query(name: &str, description: &str, schema: &Value) -> Value {
    json!({"name": name, "in": "query", "required": false, "description": description, "schema": schema})
}

fn header(name: &str, description: &str, example: &str) -> Value {
    json!({"name": name, "in": "header", "required": false, "description": description, "schema": {"type": "string"}, "example": example})
}
