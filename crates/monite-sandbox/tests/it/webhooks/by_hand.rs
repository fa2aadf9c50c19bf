//! Webhooks without a socket: the test carries them itself, so that one seed makes one history.

use std::time::Duration;

use monite_sandbox::{Sandbox, Webhook, WebhookUrls};
use serde_json::{Value, json};

use super::URL;
use crate::support::direct::Direct;
use crate::support::{Api, patient};

async fn by_hand() -> Direct {
    let direct = Direct::with(patient().webhooks_by_hand()).await;
    for object in ["entity", "role"] {
        direct.call("POST /webhook_subscriptions", json!({"object_type": object, "url": URL})).await;
    }
    direct
}

fn action(webhook: &Webhook) -> String {
    let body: Value = serde_json::from_slice(webhook.body()).unwrap();
    body["action"].as_str().unwrap().to_owned()
}

/// Everything that is on record about deliveries, one line each.
fn record(sandbox: &Sandbox) -> Vec<String> {
    let line = |row: Value| {
        format!("{} {} {}", row["requests_made_count"], row["response_status_code"], row["was_successful"])
    };
    sandbox.deliveries().into_iter().map(line).collect()
}

#[tokio::test]
async fn nothing_is_sent_until_somebody_carries_it() {
    let direct = by_hand().await;
    let entity = direct.call("POST /entities", crate::support::organization("A")).await.id();
    direct.call(&format!("PATCH /entities/{entity}"), json!({"phone": "1"})).await;
    direct.call_inside(&entity, "POST /roles", json!({"name": "clerk", "permissions": {}})).await;
    let due = direct.sandbox.due_webhooks();
    assert_eq!(due.iter().map(action).collect::<Vec<_>>(), ["entity.created", "role.created"], "one for each");
    assert_eq!(due[0].url(), URL);
    assert!(due[0].signature().starts_with(&format!("t={},v1=", direct.sandbox.now().as_second())));
    let error = direct.sandbox.deliver_webhooks().await.unwrap_err();
    assert_eq!(error.pending, 3, "it would wait for ever");

    direct.sandbox.webhook_answered(&due[0], Some((200, "ok")));
    direct.sandbox.webhook_answered(&due[1], None);
    direct.sandbox.webhook_answered(&due[0], Some((500, "told twice")));
    let due = direct.sandbox.due_webhooks();
    assert_eq!(due.iter().map(action).collect::<Vec<_>>(), ["entity.updated"]);
    direct.sandbox.webhook_answered(&due[0], Some((503, "later")));
    assert_eq!(record(&direct.sandbox), ["1 200 true", "1 503 null", "1 null null"]);
    assert!(direct.sandbox.due_webhooks().is_empty());
    direct.sandbox.deliver_webhooks().await.unwrap();
    direct.sandbox.advance(Duration::from_secs(60));
    for webhook in direct.sandbox.due_webhooks() {
        direct.sandbox.webhook_answered(&webhook, Some((204, "")));
    }
    assert_eq!(record(&direct.sandbox), ["1 200 true", "2 204 true", "2 204 true"]);
}

#[tokio::test]
async fn one_seed_makes_one_history() {
    let mut histories = Vec::new();
    for _ in 0..2 {
        let direct = by_hand().await;
        for name in ["A", "B"] {
            direct.call("POST /entities", crate::support::organization(name)).await;
            for webhook in direct.sandbox.due_webhooks() {
                direct.sandbox.webhook_answered(&webhook, (name == "B").then_some((200, "ok")));
            }
        }
        histories.push((direct.sandbox.dump(), format!("{:?}", direct.sandbox.due_webhooks())));
    }
    assert!(histories[0] == histories[1] && histories[0].0.contains("whsec_"));
}

#[tokio::test]
async fn an_answer_to_a_world_that_is_gone_changes_nothing() {
    let direct = by_hand().await;
    direct.call("POST /entities", crate::support::organization("A")).await;
    let (due, dump) = (direct.sandbox.due_webhooks(), direct.sandbox.dump());
    direct.sandbox.load(&dump).unwrap();
    direct.sandbox.webhook_answered(&due[0], Some((200, "ok")));
    assert_eq!(record(&direct.sandbox), ["0 null null"]);
}

#[tokio::test]
async fn a_world_from_a_less_strict_sandbox_is_not_sent_to_where_this_one_may_not() {
    let far = "http://hooks.example.com/";
    let lax = Direct::with(patient().webhooks_by_hand().webhook_urls(WebhookUrls::Any)).await;
    lax.call("POST /webhook_subscriptions", json!({"object_type": "entity", "url": far})).await;
    lax.call("POST /entities", crate::support::organization("A")).await;
    let strict = Api::with(patient()).await;
    strict.sandbox.load(&lax.sandbox.dump()).unwrap();
    strict.sandbox.deliver_webhooks().await.unwrap();
    let delivery = strict.sandbox.deliveries().pop().unwrap();
    assert_eq!(delivery["failure"], json!("webhooks of this sandbox do not go to such an address"));
    assert_eq!(record(&strict.sandbox), ["1 null null"]);
}
