//! A Monite that answers by script, to see exactly what the client does with each answer.

mod document;
mod receiver;
mod script;
mod service;
mod world;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use monite::{ClientId, Credentials, ManualClock, Monite, MoniteBuilder, SecretString};
use uuid::Uuid;

pub(crate) use document::Document;
pub(crate) use receiver::Receiver;
pub(crate) use script::{Call, Reply, Script};
pub(crate) use service::ServiceTransport;
pub(crate) use world::{World, client_of, entity_role_user, organization, reader, world};

pub(crate) const CLIENT_SECRET: &str = "client-secret-0123456789";

/// A clock that stands at a full second.
pub(crate) fn clock() -> ManualClock {
    ManualClock::at("2026-11-24T09:00:00Z".parse::<Timestamp>().unwrap())
}

pub(crate) fn credentials() -> Credentials {
    Credentials::new(ClientId::from_uuid(Uuid::from_u128(7)), SecretString::from(CLIENT_SECRET))
}

/// A client of the script, with a fixed seed and no rate limit.
pub(crate) fn builder(script: &Arc<Script>, clock: &ManualClock) -> MoniteBuilder {
    Monite::builder()
        .base_url("http://monite.invalid/v1")
        .credentials(credentials())
        .transport(script.clone())
        .clock(Arc::new(clock.clone()))
        .jitter_seed(1)
        .unlimited()
}

pub(crate) fn client(script: &Arc<Script>, clock: &ManualClock) -> Monite {
    builder(script, clock).build().unwrap()
}

/// Lets every task run until it waits for something, or fails after ten seconds saying what was expected.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    if tokio::time::timeout(Duration::from_secs(10), wait).await.is_err() {
        panic!("waited 10 s for: {what}");
    }
}

/// Lets every task run until it waits for something: each step of a chain of tasks takes one turn.
pub(crate) async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}
