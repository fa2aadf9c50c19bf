//! Probes: webhooks and events.

use serde_json::{Value, json};

use super::lab::{Lab, UNKNOWN, status};
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::wait_for;

pub async fn observe(name: &str, lab: &Lab) -> Option<Value> {
    let seen = match name {
        "missing_webhook_subscription" => {
            status(&lab.call(&format!("GET /webhook_subscriptions/{UNKNOWN}"), Value::Null).await)
        }
        "missing_event" => status(&lab.call(&format!("GET /events/{UNKNOWN}"), Value::Null).await),
        "webhook_action" => {
            subscribe(lab, "entity", "https://example.com/hook").await;
            touch_entity(lab).await;
            json!(lab.inside("GET /events", Value::Null).await.column("action"))
        }
        "account_events" => {
            subscribe(lab, "role", "https://example.com/hook").await;
            lab.inside("POST /roles", json!({"name": "new", "permissions": {}})).await;
            json!(lab.inside("GET /events", Value::Null).await.column("action").len())
        }
        "webhook_signed_text" => {
            let (receiver, secret) = received(lab, 200).await;
            json!(receiver.received()[0].is_signed_with(&secret))
        }
        "webhook_key" => {
            let (receiver, secret) = received(lab, 200).await;
            let (sent, bare) = (&receiver.received()[0], secret.strip_prefix("whsec_").unwrap());
            assert_ne!(sent.is_signed_with(&secret), sent.is_signed_with(bare));
            json!(sent.is_signed_with(&secret))
        }
        "webhook_success" => {
            let _receiver = received(lab, 204).await;
            // The answer is written down a moment after the receiver gave it.
            let delivery = || lab.direct.sandbox.state()["webhook_deliveries"][0].clone();
            wait_for("the attempt to be written down", || delivery()["requests_made_count"] == 1).await;
            json!(delivery()["was_successful"] == true)
        }
        "partner_settings_event_entity" => {
            let receiver = Receiver::start().await;
            subscribe(lab, "partner_settings", &receiver.url).await;
            lab.call("PATCH /settings", json!({"website": "https://example.com"})).await;
            wait_for("the event of the settings", || !receiver.received().is_empty()).await;
            receiver.received()[0].json()["entity_id"].take()
        }
        _ => return None,
    };
    Some(seen)
}

async fn subscribe(lab: &Lab, object_type: &str, url: &str) -> String {
    let answer = lab.call("POST /webhook_subscriptions", json!({"object_type": object_type, "url": url})).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.body["secret"].as_str().unwrap().to_owned()
}

async fn touch_entity(lab: &Lab) {
    lab.call(&format!("PATCH /entities/{}", lab.entity), json!({"phone": "1"})).await;
}

/// A receiver that was sent one webhook and answered it with this status, and the secret it is signed with.
async fn received(lab: &Lab, answer: u16) -> (Receiver, String) {
    let receiver = Receiver::start().await;
    receiver.next(&[Behaviour::Answer(answer)]);
    let secret = subscribe(lab, "entity", &receiver.url).await;
    touch_entity(lab).await;
    wait_for("a webhook", || !receiver.received().is_empty()).await;
    (receiver, secret)
}
