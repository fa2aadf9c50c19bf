//! What goes out on its own: webhooks, and what is remembered of them.

use serde_json::{Value, json};

use super::document::Document;
use crate::support::direct::Direct;
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::{builder, organization};

#[tokio::test]
async fn webhooks_and_their_deliveries_are_as_the_document_says() {
    let Some(mut document) = Document::load() else {
        return;
    };
    let (direct, receiver) = (Direct::with(builder()).await, Receiver::start().await);
    for object_type in ["entity", "role", "entity_user", "entity_settings", "partner_settings"] {
        let subscription = json!({"object_type": object_type, "url": receiver.url});
        direct.call("POST /webhook_subscriptions", subscription).await.id();
    }
    receiver.next(&[Behaviour::Answer(200), Behaviour::Answer(500)]);
    let entity = direct.call("POST /entities", organization("Muster GmbH")).await.id();
    let role = json!({"name": "clerk", "permissions": {}});
    let role = direct.call_inside(&entity, "POST /roles", role).await.id();
    direct.sandbox.deliver_webhooks().await.unwrap();
    let user = json!({"login": "ana", "first_name": "Ana", "role_id": role});
    let user = direct.call_inside(&entity, "POST /entity_users", user).await.id();
    direct.call_inside(&entity, &format!("DELETE /entity_users/{user}"), Value::Null).await;
    direct.call(&format!("PATCH /entities/{entity}/settings"), json!({"language": "de"})).await;
    direct.call("PATCH /settings", json!({"mail": {"from_name": "Muster"}})).await;

    // By now one was answered, one refused, and the others are still to come.
    let deliveries = direct.call_inside(&entity, "GET /webhook_deliveries", Value::Null).await;
    let schema = Document::named("WebhookDeliveryPaginationResource");
    assert_eq!(document.mistakes(&schema, &deliveries.body), Vec::<String>::new());
    let outcomes: Vec<&Value> =
        deliveries.body["data"].as_array().unwrap().iter().map(|row| &row["was_successful"]).collect();
    assert!(outcomes.contains(&&json!(true)) && outcomes.contains(&&json!(null)), "{outcomes:?}");

    direct.sandbox.deliver_webhooks().await.unwrap();
    let received = receiver.received();
    assert!(received.len() > 5, "one webhook of every kind and a second try: {received:?}");
    for one in received {
        let mistakes = document.mistakes(&Document::named("EventResourceForWebhookClient"), &one.json());
        assert_eq!(mistakes, Vec::<String>::new(), "{}", one.json());
    }
}
