//! The OpenAPI 3.1 document: kept by hand, held against the router by a test.

mod operations;
mod parameters;
mod schemas;

use axum::Json;
use serde_json::{Map, Value, json};

use self::operations::{Answer, Operation, operations};
use super::problem::{self, Kind};
use super::router::{Access, routes};

/// `GET /openapi.json`.
pub(super) async fn serve() -> Json<Value> {
    Json(document())
}

/// The document, as `monite-bridge openapi` prints it too.
#[must_use]
pub fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "monite-bridge",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The server side of a Monite integration. The product says what its customers and users should be; the bridge \
                            makes Monite equal to it, and hands out tokens for users.\n\nEvery error is `application/problem+json` (RFC 9457); \
                            its `type` tells programs what happened, `detail` tells people, `errors` names wrong fields.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "this bridge"}],
        "tags": [
            {"name": "customers", "description": "What the product's customers should be at Monite: one entity each."},
            {"name": "users", "description": "The customers' users: one entity user each, with a role template's role."},
            {"name": "tokens", "description": "Entity-user tokens for Monite's SDKs, with at least 660 s of life left."},
            {"name": "operations", "description": "Counts, changes as they happen, health."},
        ],
        "paths": paths(),
        "components": {
            "securitySchemes": security_schemes(),
            "parameters": parameters::all(),
            "headers": parameters::headers(),
            "schemas": schemas::all(),
        },
    })
}

fn security_schemes() -> Value {
    json!({
        "apiKey": {
            "type": "http", "scheme": "bearer",
            "description": "An API key of the bridge. Each operation names the scope it needs (read, write, token, admin); the key of \
                            MONITE_BRIDGE_API_KEY has them all.",
        },
        "moniteSignature": {
            "type": "apiKey", "in": "header", "name": "Monite-Signature",
            "description": "`t=<unix seconds>,v1=<64 lowercase hex>`: HMAC-SHA256 over `<t>.<body>` with the secret of a subscription that \
                            `monite-bridge webhooks subscribe` made; `t` within five minutes of now.",
        },
        "session": {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "The product's own session token, with the customer's and the user's id in the configured claims: signed with a \
                            shared secret (HS256) or with one of the issuer's keys (RS256, ES256, EdDSA).",
        },
    })
}

fn paths() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations() {
        let item = paths.entry(operation.path).or_insert_with(|| json!({}));
        item[operation.method] = describe(&operation);
    }
    Value::Object(paths)
}

fn describe(operation: &Operation) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "security": security(operation),
        "responses": responses(operation),
    });
    if !operation.parameters.is_empty() {
        let refs = operation.parameters.iter().map(|name| json!({"$ref": format!("#/components/parameters/{name}")}));
        described["parameters"] = Value::Array(refs.collect());
    }
    if let Some((media_types, schema)) = &operation.body {
        let content: Map<String, Value> = media_types
            .iter()
            .map(|media_type| ((*media_type).to_owned(), json!({"schema": reference(schema)})))
            .collect();
        described["requestBody"] = json!({"required": true, "content": content});
    }
    described
}

fn access_of(operation: &Operation) -> Option<Access> {
    let found = routes()
        .into_iter()
        .find(|route| route.path == operation.path && route.method.as_str().eq_ignore_ascii_case(operation.method));
    found.map(|route| route.access)
}

fn security(operation: &Operation) -> Value {
    match access_of(operation) {
        Some(Access::Key(scope)) => json!([{"apiKey": [scope.as_str()]}]),
        Some(Access::Session) => json!([{"session": []}]),
        Some(Access::Webhook) => json!([{"moniteSignature": []}]),
        Some(Access::Open) | None => json!([]),
    }
}

fn responses(operation: &Operation) -> Value {
    let mut responses: Map<String, Value> = Map::new();
    for answer in &operation.answers {
        responses.insert(answer.status.to_string(), success(answer));
    }
    let mut kinds: Vec<Kind> = operation.problems.to_vec();
    match access_of(operation) {
        Some(Access::Key(_)) => kinds.extend([Kind::Unauthorized, Kind::Forbidden]),
        Some(Access::Session) => kinds.push(Kind::InvalidSession),
        Some(Access::Webhook) => kinds.push(Kind::InvalidSignature),
        Some(Access::Open) | None => {}
    }
    kinds.extend([Kind::Internal, Kind::TimedOut]);
    let mut by_status: std::collections::BTreeMap<u16, Vec<Kind>> = std::collections::BTreeMap::new();
    for kind in kinds {
        by_status.entry(kind.status().as_u16()).or_default().push(kind);
    }
    for (status, kinds) in by_status {
        responses.insert(status.to_string(), failure(status, &kinds));
    }
    Value::Object(responses)
}

fn success(answer: &Answer) -> Value {
    let mut described = json!({"description": answer.description});
    if let Some((media_type, schema)) = &answer.content {
        described["content"] = json!({*media_type: {"schema": reference(schema)}});
    }
    let headers = answer.headers.iter().copied().chain(["x-request-id"]);
    let headers: Map<String, Value> =
        headers.map(|name| (name.to_owned(), json!({"$ref": format!("#/components/headers/{name}")}))).collect();
    described["headers"] = Value::Object(headers);
    described
}

fn failure(status: u16, kinds: &[Kind]) -> Value {
    let lines: Vec<String> = kinds.iter().map(|kind| format!("`{}`: {}", kind.urn(), kind.title())).collect();
    let mut headers = vec!["x-request-id"];
    match status {
        401 => headers.push("WWW-Authenticate"),
        405 => headers.push("Allow"),
        412 => headers.push("ETag"),
        409 | 429 | 503 => headers.push("Retry-After"),
        _ => {}
    }
    let headers: Map<String, Value> = headers
        .into_iter()
        .map(|name| (name.to_owned(), json!({"$ref": format!("#/components/headers/{name}")})))
        .collect();
    json!({
        "description": lines.join("\n\n"),
        "headers": headers,
        "content": {problem::CONTENT_TYPE: {"schema": reference("Problem")}},
    })
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}
