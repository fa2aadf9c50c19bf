//! Webhook subscriptions, and what reaches their receivers.

use serde_json::json;

use crate::support::Api;
use crate::support::receiver::Receiver;

#[tokio::test]
async fn a_change_reaches_the_subscriber_signed() {
    let (api, receiver) = (Api::start().await, Receiver::start().await);
    let (subscription, secret) = api.subscribe("entity", &receiver.url).await;
    let entity = api.entity().await;
    api.sandbox.deliver_webhooks().await.unwrap();

    let [received] = &receiver.received()[..] else { panic!("{:?}", receiver.received()) };
    assert!(received.is_signed_with(&secret));
    assert_eq!(received.signed_at(), api.sandbox.now().as_second());
    assert_eq!(received.header("content-type"), "application/json");
    let event = api.sandbox.events().pop().unwrap();
    assert_eq!(
        received.json(),
        json!({
            "id": event["id"], "created_at": event["created_at"], "action": "entity.created",
            "api_version": "2024-05-25", "description": "entity has been created", "entity_id": entity,
            "object": {"id": entity}, "object_type": "entity", "webhook_subscription_id": subscription,
        })
    );
}
