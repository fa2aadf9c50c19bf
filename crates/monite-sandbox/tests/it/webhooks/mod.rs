//! Webhooks: subscriptions, events, what reaches a receiver, and what is on record about it.

mod by_hand;
mod deliveries;
mod events;
mod restarts;
mod sending;
mod subscriptions;

use std::time::Duration;

use serde_json::Value;

use crate::support::receiver::Receiver;
use crate::support::{Api, patient, send};

/// Nobody listens there, and nobody has to be asked where it is.
const URL: &str = "https://127.0.0.1:9/hooks";

const MINUTE: Duration = Duration::from_secs(60);

/// All operations on one subscription.
const ON_ONE: [&str; 6] = [
    "GET /{id}",
    "PATCH /{id}",
    "DELETE /{id}",
    "POST /{id}/enable",
    "POST /{id}/disable",
    "POST /{id}/regenerate_secret",
];

/// One of [`ON_ONE`] for this subscription.
fn on(subscription: &str, call: &str) -> String {
    call.replace("/{id}", &format!("/webhook_subscriptions/{subscription}"))
}

/// A sandbox with one subscription to entities.
async fn subscribed() -> (Api, Receiver) {
    let (api, receiver) = (Api::with(patient()).await, Receiver::start().await);
    api.subscribe("entity", &receiver.url).await;
    (api, receiver)
}

async fn settle(api: &Api) {
    api.sandbox.deliver_webhooks().await.unwrap();
}

/// What is on record about the only delivery, as Monite shows it.
async fn record(api: &Api, entity: &str) -> Value {
    let listed = send(api.inside(entity, "GET /webhook_deliveries")).await;
    assert_eq!(listed.column("id").len(), 1, "{listed:?}");
    listed.body["data"][0].clone()
}

/// Requests made, status of the latest answer, and whether it was successful, of a record.
fn outcome(record: &Value) -> (u64, Option<u64>, Option<bool>) {
    let made = record["requests_made_count"].as_u64().unwrap();
    (made, record["response_status_code"].as_u64(), record["was_successful"].as_bool())
}
