//! What a call costs the sandbox: `GET /entities/{id}`, pages of `GET /entities` and `POST /entities`, with few entities and
//! with many.
//!
//! `cargo bench -p monite-sandbox --bench http`
//!
//! Ours is the whole sandbox: journal, faults, rate limit, versions, tokens, rules. The limit is a handler on bare axum over a
//! `RwLock<HashMap>` that looks a token up, and parses or renders the same JSON. The rows over sockets show CPU time of the server's
//! thread for one call, HTTP and system calls included; the aim is theirs. The rows in process leave HTTP and sockets out, so the
//! same difference is a larger part of less. "flat" compares the sandbox with itself, full and nearly empty.

// A benchmark that cannot be set up has nobody to tell but the person who started it.
#![allow(clippy::unwrap_used)]

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, RwLock};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use monite_sandbox::{RateLimit, Sandbox};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use side_by_side::{Aim, Call, Effort, Server, Table, in_process, measure, over_sockets, times};
use tower::ServiceExt as _;
use uuid::Uuid;

const VERSION: &str = "2024-05-25";

fn main() {
    let few = Arena::with(times(1_000));
    let many = Arena::with(times(100_000));
    over_sockets_table(&few, &many);
    in_process_table(&few, &many);
    pages_table(&few, &many);
}

fn over_sockets_table(few: &Arena, many: &Arena) {
    let table = Table::begin("sandbox: CPU time of the server for one call, over sockets");
    let [few_ours, few_limit, many_ours, many_limit] = measure(
        Effort::SERVER,
        [
            over_sockets(&few.ours.server, &few.ours.reads),
            over_sockets(&few.limit.server, &few.limit.reads),
            over_sockets(&many.ours.server, &many.ours.reads),
            over_sockets(&many.limit.server, &many.limit.reads),
        ],
    );
    table.cost("GET /entities/{id}, 1k entities", few_ours, few_limit, Aim::AtMost(1.6));
    table.cost("GET /entities/{id}, 100k entities", many_ours, many_limit, Aim::AtMost(1.6));
    table.cost("GET /entities/{id}, flat: 100k beside 1k", many_ours, few_ours, Aim::None);
    let [ours, limit] = measure(
        Effort::SERVER,
        [over_sockets(&many.ours.server, &many.ours.creates), over_sockets(&many.limit.server, &many.limit.creates)],
    );
    table.cost("POST /entities, 100k entities and growing", ours, limit, Aim::AtMost(1.6));
}

fn in_process_table(few: &Arena, many: &Arena) {
    let table = Table::begin("sandbox: time for one call, in process");
    let [few_ours, few_limit, many_ours, many_limit] = measure(
        Effort::IN_PROCESS,
        [
            in_process(&few.ours.router, &few.ours.reads),
            in_process(&few.limit.router, &few.limit.reads),
            in_process(&many.ours.router, &many.ours.reads),
            in_process(&many.limit.router, &many.limit.reads),
        ],
    );
    table.cost("GET /entities/{id}, 1k entities", few_ours, few_limit, Aim::None);
    table.cost("GET /entities/{id}, 100k entities", many_ours, many_limit, Aim::None);
    table.cost("GET /entities/{id}, flat: 100k beside 1k", many_ours, few_ours, Aim::None);
    let [few_ours, few_limit, many_ours, many_limit] = measure(
        Effort { rounds: 20, ..Effort::IN_PROCESS },
        [
            in_process(&few.ours.router, &few.ours.creates),
            in_process(&few.limit.router, &few.limit.creates),
            in_process(&many.ours.router, &many.ours.creates),
            in_process(&many.limit.router, &many.limit.creates),
        ],
    );
    table.cost("POST /entities, from 1k entities", few_ours, few_limit, Aim::None);
    table.cost("POST /entities, from 100k entities", many_ours, many_limit, Aim::None);
    table.cost("POST /entities, flat: 100k beside 1k", many_ours, few_ours, Aim::None);
}

/// Pages of ten, which a bare map could only give by looking at everything; so only the sandbox stands beside itself.
fn pages_table(few: &Arena, many: &Arena) {
    let table = Table::begin("sandbox: time for one page of ten entities, in process");
    for (what, query) in [
        ("GET /entities", "limit=10"),
        ("GET /entities?email=", "limit=10&email=accounts-7@example.com"),
        ("GET /entities?status=, by latest change", "limit=10&status=active&sort=updated_at&order=desc"),
    ] {
        let (few_pages, many_pages) = (few.ours.pages(query), many.ours.pages(query));
        let [few, many] = measure(
            Effort::IN_PROCESS,
            [in_process(&few.ours.router, &few_pages), in_process(&many.ours.router, &many_pages)],
        );
        table.cost(&format!("{what}, flat: 100k beside 1k"), many, few, Aim::AtMost(1.5));
    }
}

/// A sandbox and its limit, equally full.
struct Arena {
    ours: Side,
    limit: Side,
}

/// A server, the same as a router, and calls to it.
struct Side {
    server: Server,
    router: Router,
    reads: Vec<Call>,
    creates: Vec<Call>,
    token: String,
}

impl Arena {
    fn with(entities: usize) -> Self {
        let (server, sandbox) = Server::start(|| async {
            let sandbox = Sandbox::builder().rate_limit(RateLimit::Off).seed(7).start().await.unwrap();
            (sandbox.base_url().strip_suffix("/v1").unwrap().strip_prefix("http://").unwrap().parse().unwrap(), sandbox)
        });
        let router = sandbox.router();
        let credentials = json!({
            "grant_type": "client_credentials",
            "client_id": sandbox.client_id(), "client_secret": sandbox.client_secret(),
        });
        // Its server thread goes on until the process ends.
        std::mem::forget(sandbox);
        let token = answer(&router, &call("POST", "/auth/token", "none").json(credentials.to_string()));
        let token = token["access_token"].as_str().unwrap();
        let ours = Side::fill(server, router, token, entities);
        let router = bare(token);
        let limit = Side::fill(Server::of(router.clone()), router, token, entities);
        Self { ours, limit }
    }
}

impl Side {
    fn fill(server: Server, router: Router, token: &str, entities: usize) -> Self {
        let creates: Vec<Call> =
            (0..64).map(|number| call("POST", "/entities", token).json(entity(number).to_string())).collect();
        let ids: Vec<String> = (0..entities)
            .map(|number| answer(&router, &creates[number % creates.len()])["id"].as_str().unwrap().to_owned())
            .collect();
        // Neighbours in memory would be unlike calls for one customer after the other.
        let far = |number: usize| &ids[number * 7919 % ids.len()];
        let reads = (0..ids.len().min(10_000)).map(|number| call("GET", &format!("/entities/{}", far(number)), token));
        Self { reads: reads.collect(), server, router, creates, token: token.to_owned() }
    }

    /// The first three pages, as far as there are so many.
    fn pages(&self, query: &str) -> Vec<Call> {
        let page = |query: &str| call("GET", &format!("/entities?{query}"), &self.token);
        let mut pages = vec![page(query)];
        for _ in 0..2 {
            let answered = answer(&self.router, &pages[pages.len() - 1]);
            let Some(token) = answered["next_pagination_token"].as_str() else {
                break;
            };
            pages.push(page(&format!("pagination_token={token}")));
        }
        pages
    }
}

fn call(method: &'static str, path: &str, token: &str) -> Call {
    Call::new(method, format!("/v1{path}")).bearer(token).header("x-monite-version", VERSION)
}

fn entity(number: usize) -> Value {
    json!({
        "type": "organization",
        "email": format!("accounts-{number}@example.com"),
        "phone": "+49 30 1234567",
        "tax_id": "DE123456789",
        "address": {"country": "DE", "city": "Berlin", "line1": "Musterweg 1", "postal_code": "10115"},
        "organization": {"legal_name": format!("Muster {number} GmbH")},
    })
}

fn answer(router: &Router, call: &Call) -> Value {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let body = runtime.block_on(async {
        let answer = router.clone().oneshot(call.to_request()).await.unwrap();
        axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap()
    });
    serde_json::from_slice(&body).unwrap()
}

/// The least that holds entities.
struct Bare {
    tokens: HashSet<String>,
    entities: RwLock<HashMap<Uuid, Entity>>,
}

#[derive(Clone, Serialize)]
struct Entity {
    id: Uuid,
    created_at: &'static str,
    updated_at: &'static str,
    status: &'static str,
    #[serde(flatten)]
    details: Details,
}

#[derive(Clone, Serialize, Deserialize)]
struct Details {
    #[serde(rename = "type")]
    kind: String,
    email: String,
    phone: Option<String>,
    website: Option<String>,
    tax_id: Option<String>,
    registration_number: Option<String>,
    registration_authority: Option<String>,
    address: Address,
    organization: Organization,
}

#[derive(Clone, Serialize, Deserialize)]
struct Address {
    country: String,
    city: String,
    line1: String,
    line2: Option<String>,
    postal_code: String,
    state: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Organization {
    legal_name: String,
    legal_entity_id: Option<String>,
    business_structure: Option<String>,
}

fn bare(token: &str) -> Router {
    let bare = Bare { tokens: HashSet::from([format!("Bearer {token}")]), entities: RwLock::default() };
    Router::new()
        .route("/v1/entities/{entity_id}", get(read))
        .route("/v1/entities", post(create))
        .with_state(Arc::new(bare))
}

async fn read(State(bare): State<Arc<Bare>>, Path(id): Path<Uuid>, headers: HeaderMap) -> Response {
    if !bare.knows(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match bare.entities.read().unwrap().get(&id) {
        Some(entity) => Json(entity).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn create(State(bare): State<Arc<Bare>>, headers: HeaderMap, body: Bytes) -> Response {
    if !bare.knows(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Ok(details) = serde_json::from_slice::<Details>(&body) else {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    };
    let at = "2026-03-01T09:30:00.000000+00:00";
    let entity = Entity { id: Uuid::new_v4(), created_at: at, updated_at: at, status: "active", details };
    let answer = (StatusCode::CREATED, Json(&entity)).into_response();
    bare.entities.write().unwrap().insert(entity.id, entity);
    answer
}

impl Bare {
    fn knows(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        given.is_some_and(|given| self.tokens.contains(given))
    }
}
