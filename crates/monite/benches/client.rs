//! What the client itself costs: one created entity, from the typed document to the typed answer, without a network.
//!
//! `cargo bench -p monite --bench client`
//!
//! Ours is the whole way of a call: token, limiter, retry budget, request, answer. The limit writes the same request by hand, hands it to
//! the same canned transport and reads the same answer. On a socket the transport costs 20 to 50 us more, for both.

// A benchmark that cannot be set up has nobody to tell but the person who started it.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::join_all;
use monite::{
    Address, CallLog, Credentials, Entity, EntityType, Monite, NewEntity, Organization, SecretString, Transport,
    TransportError,
};
use side_by_side::{Aim, Contender, Effort, Table, measure};

const TOKEN: &str =
    r#"{"access_token":"uF1xTgAh2mB0p9KqLwZ4sVnYtR7cD3eJ6iO8aXyHbQkMvNfG","token_type":"Bearer","expires_in":86400}"#;

const ENTITY: &str = r#"{"id":"6c1f0a0e-6f0b-4a53-9a7e-2a1f3f0a9d11","created_at":"2026-03-01T09:30:00.000000+00:00","updated_at":"2026-03-01T09:30:00.000003+00:00","type":"organization","status":"active","email":"accounts@example.com","phone":"+49 30 1234567","website":null,"tax_id":"DE123456789","registration_number":null,"registration_authority":null,"logo":null,"address":{"country":"DE","city":"Berlin","line1":"Musterweg 1","line2":null,"postal_code":"10115","state":null},"organization":{"legal_name":"Muster GmbH","legal_entity_id":null,"business_structure":null,"directors_provided":null,"executives_provided":null,"owners_provided":null,"representative_provided":null}}"#;

/// Calls on their way at once, as in a bulk run.
const AT_ONCE: usize = 32;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let transport: Arc<dyn Transport> = Arc::new(Canned);
    let client_id = uuid::Uuid::nil().to_string();
    let monite = Monite::builder()
        .base_url("http://monite.invalid/v1")
        .credentials(Credentials::parse(&client_id, SecretString::from("client secret")).unwrap())
        .transport(Arc::clone(&transport))
        .unlimited()
        .build()
        .unwrap();
    let document = document();
    let log = CallLog::default();
    let recording = monite.recording(&log);
    let create = |monite: &Monite| {
        let (monite, document, runtime) = (monite.clone(), &document, &runtime);
        move |times: u64| {
            runtime.block_on(async {
                for _ in 0..times {
                    monite.entities().create(document).await.unwrap();
                }
            });
        }
    };
    let at_once = |times: u64| {
        runtime.block_on(async {
            for _ in 0..times.div_ceil(AT_ONCE as u64) {
                let calls = (0..AT_ONCE).map(|_| async { monite.entities().create(&document).await.unwrap() });
                join_all(calls).await;
            }
        });
    };
    let by_hand = |times: u64| {
        runtime.block_on(async {
            for _ in 0..times {
                create_by_hand(transport.as_ref(), &document).await;
            }
        });
    };
    let [one, noted, many, limit] = measure(
        Effort::IN_PROCESS,
        [
            Contender::by_wall(create(&monite)),
            Contender::by_wall(create(&recording)),
            Contender::by_wall(at_once),
            Contender::by_wall(by_hand),
        ],
    );
    let table = Table::begin("client: CPU of one POST /entities, without a network");
    table.cost("one after the other", one, limit, Aim::None);
    table.cost("one after the other, each noted in a call log", noted, limit, Aim::None);
    table.cost("32 at once", many, limit, Aim::None);
}

fn document() -> NewEntity {
    NewEntity {
        entity_type: EntityType::Organization,
        email: "accounts@example.com".into(),
        address: Address {
            country: "DE".into(),
            city: "Berlin".into(),
            line1: "Musterweg 1".into(),
            line2: None,
            postal_code: "10115".into(),
            state: None,
        },
        organization: Some(Organization { legal_name: "Muster GmbH".into(), ..Default::default() }),
        individual: None,
        phone: Some("+49 30 1234567".into()),
        website: None,
        tax_id: Some("DE123456789".into()),
        registration_number: None,
        registration_authority: None,
    }
}

/// The same request and the same reading without any client.
async fn create_by_hand(transport: &dyn Transport, document: &NewEntity) -> Entity {
    let request = http::Request::post("http://monite.invalid/v1/entities")
        .header("authorization", "Bearer uF1xTgAh2mB0p9KqLwZ4sVnYtR7cD3eJ6iO8aXyHbQkMvNfG")
        .header("content-type", "application/json")
        .header("x-monite-version", monite::API_VERSION)
        .body(Bytes::from(serde_json::to_vec(document).unwrap()))
        .unwrap();
    let answer = transport.send(request).await.unwrap();
    assert!(answer.status().is_success());
    serde_json::from_slice(answer.body()).unwrap()
}

/// Answers at once, and always the same.
#[derive(Debug)]
struct Canned;

#[async_trait]
impl Transport for Canned {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let body = if request.uri().path().ends_with("/auth/token") { TOKEN } else { ENTITY };
        let answer =
            http::Response::builder().header("x-request-id", "9f1c6a52").header("content-type", "application/json");
        Ok(answer.body(Bytes::from_static(body.as_bytes())).unwrap())
    }
}
