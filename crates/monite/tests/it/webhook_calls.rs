//! Subscriptions, deliveries, events and settings: what goes out, what comes back, and what may be sent again.

use futures::TryStreamExt;
use monite::{
    EntityId, EntitySettingsPatch, EventAction, EventFilter, Field, Monite, NewWebhookSubscription, Order,
    PartnerSettingsPatch, Reminder, TransportKind, WebhookDeliveryFilter, WebhookObjectType, WebhookSubscriptionFilter,
    WebhookSubscriptionId, WebhookSubscriptionPatch, WebhookSubscriptionStatus,
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Call, Reply, Script, client, clock};

const SECRET: &str = "whsec_0123456789";

fn acme() -> EntityId {
    EntityId::from_uuid(Uuid::from_u128(0xE))
}

fn id() -> WebhookSubscriptionId {
    WebhookSubscriptionId::from_uuid(Uuid::from_u128(0xAA))
}

fn subscription() -> Value {
    json!({"id": id(), "event_types": ["created", "rotated"], "object_type": "unicorn", "url": "https://x.example/hook",
           "status": "sleeping", "colour": "red"})
}

fn with_secret() -> Value {
    let mut wire = subscription();
    wire["secret"] = json!(SECRET);
    wire
}

fn event() -> Value {
    json!({"id": Uuid::from_u128(1), "created_at": "2025-03-01T09:30:00.120+00:00", "action": "role.deleted",
           "api_version": "2030-01-01", "description": "role has been deleted", "entity_id": acme(),
           "object": {"id": Uuid::from_u128(2)}, "object_type": "role", "weather": "rain"})
}

fn delivery() -> Value {
    json!({"id": Uuid::from_u128(3), "event_id": Uuid::from_u128(1), "url": "https://x.example/hook",
           "requests_made_count": 2, "response": null, "response_status_code": 503, "was_successful": null, "more": 1})
}

/// Answers every call of this file.
fn answer(call: &Call) -> Reply {
    match call.line.as_str() {
        "POST /webhook_subscriptions" => Reply::json(201, with_secret()),
        "GET /webhook_subscriptions" => Reply::json(200, json!({"data": [subscription()]})),
        line if line.ends_with("/regenerate_secret") => Reply::json(200, with_secret()),
        line if line.starts_with("DELETE ") => Reply::Answer(204, vec![], String::new()),
        line if line.contains("/webhook_subscriptions/") => Reply::json(200, subscription()),
        "GET /webhook_deliveries" => Reply::json(200, json!({"data": [delivery()]})),
        "GET /events" => Reply::json(200, json!({"data": [event()]})),
        line if line.starts_with("GET /events/") => Reply::json(200, event()),
        line if line.ends_with("/settings") => Reply::json(200, json!({"vat_mode": "sometimes", "mood": "good"})),
        line => panic!("{line}"),
    }
}

fn new() -> NewWebhookSubscription {
    NewWebhookSubscription {
        object_type: WebhookObjectType::EntityUser,
        url: "https://x.example/hook".to_owned(),
        event_types: vec![EventAction::Created],
    }
}

#[tokio::test]
async fn every_call_is_where_monite_wants_it() {
    let script = Script::with_tokens(answer);
    let monite = client(&script, &clock());
    let hooks = monite.webhook_subscriptions();
    hooks.create(&new()).await.unwrap();
    hooks.create(&NewWebhookSubscription::to_all(WebhookObjectType::Role, "https://y.example")).await.unwrap();
    hooks.list(&WebhookSubscriptionFilter::about(WebhookObjectType::Role)).await.unwrap();
    hooks.list_next("token").await.unwrap();
    hooks.get(id()).await.unwrap();
    let patch = WebhookSubscriptionPatch { event_types: Field::Set(vec![]), ..Default::default() };
    hooks.update(id(), &patch).await.unwrap();
    hooks.enable(id()).await.unwrap();
    hooks.disable(id()).await.unwrap();
    hooks.regenerate_secret(id()).await.unwrap();
    hooks.delete(id()).await.unwrap();
    let entity = monite.entity(acme());
    let filter = WebhookDeliveryFilter {
        object_type: Some(WebhookObjectType::Entity),
        event_action: Some("entity.updated".to_owned()),
        order: Some(Order::Desc),
        ..WebhookDeliveryFilter::of_event(Uuid::from_u128(1).into())
    };
    entity.webhook_deliveries().list(&filter).await.unwrap();
    monite.webhook_deliveries(acme()).list_next("token").await.unwrap();
    entity.events().list(&EventFilter::since("2025-03-01T09:30:00Z".parse().unwrap())).await.unwrap();
    entity.events().list_next("token").await.unwrap();
    monite.event(Uuid::from_u128(1).into()).get().await.unwrap();
    entity.settings().get().await.unwrap();
    let patch = EntitySettingsPatch {
        reminder: Field::Set(Reminder { enabled: Some(false), ..Default::default() }),
        language: Field::Clear,
        ..Default::default()
    };
    entity.settings().update(&patch).await.unwrap();
    monite.settings().get().await.unwrap();
    let patch = PartnerSettingsPatch { default_role: Field::Set(json!({"name": "x"})), ..Default::default() };
    monite.settings().update(&patch).await.unwrap();

    let told = |call: &Call| {
        let on_behalf = call.header("x-monite-entity-id").map(|_| " for the entity").unwrap_or_default();
        let query = if call.query.is_empty() { String::new() } else { format!("?{}", call.query) };
        let body = if call.body.is_null() { String::new() } else { format!(" {}", call.body) };
        format!("{}{query}{on_behalf}{body}", call.line)
    };
    let lines: Vec<String> = script.calls().iter().skip(1).map(told).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    POST /webhook_subscriptions {"event_types":["created"],"object_type":"entity_user","url":"https://x.example/hook"}
    POST /webhook_subscriptions {"object_type":"role","url":"https://y.example"}
    GET /webhook_subscriptions?object_type=role
    GET /webhook_subscriptions?pagination_token=token
    GET /webhook_subscriptions/00000000-0000-0000-0000-0000000000aa
    PATCH /webhook_subscriptions/00000000-0000-0000-0000-0000000000aa {"event_types":[]}
    POST /webhook_subscriptions/00000000-0000-0000-0000-0000000000aa/enable
    POST /webhook_subscriptions/00000000-0000-0000-0000-0000000000aa/disable
    POST /webhook_subscriptions/00000000-0000-0000-0000-0000000000aa/regenerate_secret
    DELETE /webhook_subscriptions/00000000-0000-0000-0000-0000000000aa
    GET /webhook_deliveries?event_id=00000000-0000-0000-0000-000000000001&object_type=entity&event_action=entity.updated&order=desc for the entity
    GET /webhook_deliveries?pagination_token=token for the entity
    GET /events?created_at__gte=2025-03-01T09%3A30%3A00Z for the entity
    GET /events?pagination_token=token for the entity
    GET /events/00000000-0000-0000-0000-000000000001
    GET /entities/00000000-0000-0000-0000-00000000000e/settings
    PATCH /entities/00000000-0000-0000-0000-00000000000e/settings {"language":null,"reminder":{"enabled":false}}
    GET /settings
    PATCH /settings {"default_role":{"name":"x"}}
    "#);
}

#[tokio::test]
async fn what_monite_adds_tomorrow_breaks_nothing() {
    let script = Script::with_tokens(answer);
    let monite = client(&script, &clock());
    let hook = monite.webhook_subscriptions().get(id()).await.unwrap();
    assert_eq!((hook.object_type.as_str(), hook.status.as_str()), ("unicorn", "sleeping"));
    assert_ne!(hook.status, WebhookSubscriptionStatus::Enabled);
    assert_eq!(hook.event_types, [EventAction::Created, EventAction::Other("rotated".to_owned())]);
    let events: Vec<_> = monite.entity(acme()).events().stream(EventFilter::default()).try_collect().await.unwrap();
    assert_eq!((events.len(), &events[0].action), (1, &EventAction::Deleted));
    assert_eq!((events[0].webhook_subscription_id, events[0].api_version.as_deref()), (None, Some("2030-01-01")));
    let deliveries = monite.entity(acme()).webhook_deliveries().stream(WebhookDeliveryFilter::default());
    let deliveries: Vec<_> = deliveries.try_collect().await.unwrap();
    assert_eq!((deliveries[0].response_status_code, deliveries[0].was_successful), (Some(503), None));
    let settings = monite.entity(acme()).settings().get().await.unwrap();
    assert_eq!((settings.vat_mode.unwrap().as_str(), &settings.other["mood"]), ("sometimes", &json!("good")));
    assert_eq!(monite.settings().get().await.unwrap().other["mood"], json!("good"));
    let hooks: Vec<_> =
        monite.webhook_subscriptions().stream(WebhookSubscriptionFilter::default()).try_collect().await.unwrap();
    assert_eq!(hooks, [hook]);
}

#[tokio::test]
async fn a_secret_comes_back_once_and_shows_nowhere() {
    let script = Script::with_tokens(answer);
    let monite = client(&script, &clock());
    let made = monite.webhook_subscriptions().create(&new()).await.unwrap();
    assert_eq!(made.secret.expose_secret(), SECRET);
    assert_eq!(made.subscription.id, id());
    let debug = format!("{made:?}");
    assert!(!debug.contains(SECRET) && debug.contains("[redacted]"), "{debug}");
    assert_eq!(monite.webhook_subscriptions().regenerate_secret(id()).await.unwrap().secret.expose_secret(), SECRET);

    // An answer that cannot be read is not quoted: its secret may be in any part of it.
    let script = Script::with_tokens(|_| {
        let mut wire = with_secret();
        wire["event_types"] = json!(SECRET);
        Reply::json(201, wire)
    });
    let error = client(&script, &clock()).webhook_subscriptions().create(&new()).await.unwrap_err();
    let mut words = format!("{error} {error:?}");
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        words.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    assert!(!words.contains(SECRET) && words.contains("webhook_subscriptions.create"), "{words}");
    assert!(error.may_have_applied());
}

/// Every call that changes something, and whether it goes out again when its answer was lost.
#[tokio::test]
async fn what_is_sent_again_after_a_lost_answer() {
    type Try = for<'a> fn(&'a Monite) -> futures::future::BoxFuture<'a, bool>;
    let table: &[(&str, Try, usize)] = &[
        ("create", |monite| Box::pin(async { monite.webhook_subscriptions().create(&new()).await.is_ok() }), 1),
        (
            "regenerate",
            |monite| Box::pin(async { monite.webhook_subscriptions().regenerate_secret(id()).await.is_ok() }),
            1,
        ),
        ("enable", |monite| Box::pin(async { monite.webhook_subscriptions().enable(id()).await.is_ok() }), 2),
        ("disable", |monite| Box::pin(async { monite.webhook_subscriptions().disable(id()).await.is_ok() }), 2),
        (
            "update",
            |monite| Box::pin(async { monite.webhook_subscriptions().update(id(), &Default::default()).await.is_ok() }),
            2,
        ),
        ("delete", |monite| Box::pin(async { monite.webhook_subscriptions().delete(id()).await.is_ok() }), 2),
        ("event", |monite| Box::pin(async { monite.event(Uuid::from_u128(1).into()).get().await.is_ok() }), 2),
        ("settings", |monite| Box::pin(async { monite.settings().update(&Default::default()).await.is_ok() }), 2),
        (
            "entity settings",
            |monite| Box::pin(async { monite.entity(acme()).settings().update(&Default::default()).await.is_ok() }),
            2,
        ),
    ];
    for (name, call, sent) in table {
        let script = Script::with_tokens(|call| match call.nth {
            0 => Reply::Lost(TransportKind::Cut),
            _ if call.line.starts_with("DELETE") => Reply::error(404, "not found"),
            _ => answer(call),
        });
        let clock = clock();
        clock.auto_advance(true);
        let done = call(&client(&script, &clock)).await;
        assert_eq!((script.calls().len() - 1, done), (*sent, *sent > 1), "{name}");
    }
}
