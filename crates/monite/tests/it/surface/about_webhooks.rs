//! Subscriptions, events, deliveries, and what arrives.

use futures::TryStreamExt;
use monite::webhook::{KeyBytes, SignedContent, Verifier};
use monite::{
    EntityId, Event, EventAction, EventFilter, ExposeSecret, Field, NewWebhookSubscription, Subject, WebhookDelivery,
    WebhookDeliveryFilter, WebhookObjectType, WebhookSubscription, WebhookSubscriptionFilter, WebhookSubscriptionId,
    WebhookSubscriptionPatch, WebhookSubscriptionStatus,
};
use monite_sandbox::Sandbox;

use super::{Walk, denied, missing, only, refused, stranger};
use crate::support::{Receiver, entity_role_user, organization};

pub(super) async fn subscriptions(walk: &Walk<'_>) {
    let hooks = walk.monite.webhook_subscriptions();
    let new = NewWebhookSubscription::to_all(WebhookObjectType::Role, "https://muster.example/hooks");
    let made = hooks.create(&new).await.unwrap();
    let id = made.subscription.id;
    let insecure = NewWebhookSubscription { url: "http://muster.example".to_owned(), ..new.clone() };
    assert_eq!(refused(hooks.create(&insecure).await).fields()[0].dotted(), "url");
    let unknown = NewWebhookSubscription { object_type: "unicorn".into(), ..new.clone() };
    assert_eq!(refused(hooks.create(&unknown).await).fields()[0].dotted(), "object_type");

    assert_eq!(hooks.get(id).await.unwrap(), made.subscription);
    let about = WebhookSubscriptionFilter::about;
    assert_eq!(only(hooks.list(&about(WebhookObjectType::Role)).await.unwrap().data), made.subscription);
    assert!(hooks.list(&about(WebhookObjectType::Tag)).await.unwrap().data.is_empty());
    let all: Vec<WebhookSubscription> = hooks.stream(WebhookSubscriptionFilter::default()).try_collect().await.unwrap();
    assert_eq!(only(all), made.subscription);
    refused(hooks.list_next("nonsense").await);

    let only = vec![EventAction::Deleted];
    let patch = WebhookSubscriptionPatch { event_types: Field::Set(only.clone()), ..Default::default() };
    assert_eq!(hooks.update(id, &patch).await.unwrap().event_types, only);
    assert_eq!(hooks.disable(id).await.unwrap().status, WebhookSubscriptionStatus::Disabled);
    assert_eq!(hooks.enable(id).await.unwrap().status, WebhookSubscriptionStatus::Enabled);
    let again = hooks.regenerate_secret(id).await.unwrap();
    assert_ne!(again.secret.expose_secret(), made.secret.expose_secret());

    let nobody = stranger::<WebhookSubscriptionId>();
    missing(hooks.get(nobody).await);
    missing(hooks.update(nobody, &patch).await);
    missing(hooks.enable(nobody).await);
    missing(hooks.disable(nobody).await);
    missing(hooks.regenerate_secret(nobody).await);
    missing(hooks.delete(nobody).await);
    hooks.delete(id).await.unwrap();
    missing(hooks.get(id).await);
}

pub(super) async fn events_and_deliveries(walk: &Walk<'_>) {
    let (monite, sandbox) = (&walk.monite, &walk.world.sandbox);
    let receiver = Receiver::start().await;
    let new = NewWebhookSubscription::to_all(WebhookObjectType::Entity, receiver.url.clone());
    let made = monite.webhook_subscriptions().create(&new).await.unwrap();
    let entity = monite.entities().create(&organization()).await.unwrap().id;
    sandbox.deliver_webhooks().await.unwrap();

    let [delivered] = &receiver.take()[..] else { panic!("one delivery was expected") };
    let secrets = ["whsec_the_next_one".into(), made.secret.clone()];
    let verdict = verifier(sandbox).verify(&delivered.body, &delivered.signature, &secrets, sandbox.now());
    let event = verdict.unwrap();
    assert_eq!((event.subject(), &event.action), (Subject::Entity(entity), &EventAction::Created));
    assert_eq!(event.webhook_subscription_id, Some(made.subscription.id));

    // Asked for afterwards it is the same, but for the way it came.
    let events = monite.entity(entity).events();
    let mut recorded = monite.event(event.id).get().await.unwrap();
    recorded.webhook_subscription_id = event.webhook_subscription_id;
    assert_eq!(recorded, event);
    let since = EventFilter { object_type: Some(WebhookObjectType::Entity), ..Default::default() };
    assert_eq!(events.list(&since).await.unwrap().data[0].id, event.id);
    let all: Vec<Event> = events.stream(EventFilter::default()).try_collect().await.unwrap();
    assert_eq!(all.len(), 1);
    refused(events.list_next("nonsense").await);
    missing(monite.event(stranger()).get().await);

    let deliveries = monite.webhook_deliveries(entity);
    let of_event = WebhookDeliveryFilter::of_event(event.id);
    let delivery = deliveries.list(&of_event).await.unwrap().data.remove(0);
    assert_eq!((delivery.event_id, delivery.was_successful), (event.id, Some(true)));
    assert_eq!((delivery.requests_made_count, delivery.response_status_code), (1, Some(200)));
    let all: Vec<WebhookDelivery> = deliveries.stream(WebhookDeliveryFilter::default()).try_collect().await.unwrap();
    assert_eq!(all, [delivery]);
    refused(deliveries.list_next("nonsense").await);

    let nobody = monite.entity(stranger::<EntityId>());
    let error = refused(nobody.events().list(&EventFilter::default()).await);
    assert!(error.is_not_found() || error.is_permission_denied(), "{error:?}");
    let (_, _, ana) = entity_role_user(monite).await;
    denied(monite.acting_as(ana.id).event(event.id).get().await);
    monite.webhook_subscriptions().delete(made.subscription.id).await.unwrap();
}

/// Checks signatures the way this sandbox makes them: the default way, unless a point is settled otherwise.
fn verifier(sandbox: &Sandbox) -> Verifier {
    let quirks = sandbox.quirks();
    let mut verifier = Verifier::new();
    if quirks["webhook_key"]["value"] == "stripped" {
        verifier = verifier.key_bytes(KeyBytes::AfterPrefix);
    }
    if quirks["webhook_signed_text"]["value"] == "body" {
        verifier = verifier.signed_content(SignedContent::Body);
    }
    verifier
}
