//! The subscriptions at Monite, and the secrets that it signs with.

use super::*;

on_every_database! {
    subscribing_twice_changes_nothing_and_makes_good_what_is_wrong,
    secrets_are_sealed_and_those_of_another_key_count_for_nothing,
    both_secrets_count_while_one_is_replaced,
    two_that_subscribe_at_once_make_no_twins,
}

/// And until then the database is not asked at every wrong signature.
#[tokio::test]
async fn a_subscription_made_beside_a_running_service_counts_seconds_later() {
    let bridge = TestBridge::with(setup(Database::Sqlite, Drift::Enforce)).await;
    let body = event(&uuid::Uuid::new_v4().to_string(), "entity", &Value::Null);
    let wrong = sign(&body, &SecretString::from("whsec_x"), bridge.clock_now()).unwrap();
    assert_eq!(send(&bridge, &wrong, body.clone()).await.status, 401);
    subscribe(&bridge).await;
    let key = secret(&bridge).await;
    let signed = || sign(&body, &key, bridge.clock_now()).unwrap();
    assert_eq!(send(&bridge, &signed(), body.clone()).await.status, 401, "it looked a moment ago");
    bridge.advance(3);
    assert_eq!(send(&bridge, &signed(), body.clone()).await.status, 200);
    // A subscription that was ended elsewhere ends here, too, once its grace is over.
    assert_eq!(unsubscribe(&bridge).await, 3);
    bridge.clock.advance(GRACE);
    assert_eq!(send(&bridge, &signed(), body.clone()).await.status, 401);
}

async fn both_secrets_count_while_one_is_replaced(on: Database) {
    let bridge = subscribed(on).await;
    let old = secret(&bridge).await;
    assert_eq!(unsubscribe(&bridge).await, 3);
    assert_eq!(subscribe(&bridge).await, [Outcome::Created; 3]);
    let new = secret(&bridge).await;
    assert_ne!(old.expose_secret(), new.expose_secret());
    let answer = async |key: &SecretString| {
        let body = event(&bridge.entity_id("acme").await, "entity", &Value::Null);
        send(&bridge, &sign(&body, key, bridge.clock_now()).unwrap(), body).await.status
    };
    bridge.advance(3);
    assert_eq!([answer(&old).await, answer(&new).await], [200, 200]);
    bridge.clock.advance(GRACE);
    assert_eq!([answer(&old).await, answer(&new).await], [401, 200]);
}

async fn subscribing_twice_changes_nothing_and_makes_good_what_is_wrong(on: Database) {
    let bridge = subscribed(on).await;
    assert_eq!(subscribe(&bridge).await, [Outcome::Kept; 3]);
    assert_eq!(changes(&bridge), [], "nothing is sent");
    let monite = bridge.reconciler.workshop().monite.clone();
    let hooks = monite.webhook_subscriptions();
    let of = |n: usize| bridge.sandbox.webhook_subscriptions()[n]["id"].as_str().unwrap().parse().unwrap();
    hooks.disable(of(0)).await.unwrap();
    hooks
        .update(of(1), &serde_json::from_value(json!({"url": "https://elsewhere.example.com/x"})).unwrap())
        .await
        .unwrap();
    hooks.update(of(2), &serde_json::from_value(json!({"event_types": ["deleted"]})).unwrap()).await.unwrap();
    let twin = serde_json::from_value(json!({"object_type": "role", "url": URL})).unwrap();
    hooks.create(&twin).await.unwrap();
    let of_others =
        serde_json::from_value(json!({"object_type": "role", "url": "https://other.example.com/x"})).unwrap();
    let of_others = hooks.create(&of_others).await.unwrap().subscription.id;
    use Outcome::{Changed, Ended, Kept};
    assert_eq!(subscribe(&bridge).await, [Changed, Changed, Changed, Ended]);
    assert_eq!(subscribe(&bridge).await, [Kept; 3]);
    let there = bridge.sandbox.webhook_subscriptions();
    assert_eq!(there.len(), 4, "{there:?}");
    assert!(there.iter().all(|one| one["status"] == "enabled"), "{there:?}");
    assert_eq!(unsubscribe(&bridge).await, 3);
    assert_eq!(bridge.sandbox.webhook_subscriptions()[0]["id"], of_others.to_string(), "somebody else's stays");
}

async fn secrets_are_sealed_and_those_of_another_key_count_for_nothing(on: Database) {
    let mut bridge = subscribed(on).await;
    let secret = secret(&bridge).await;
    for object_type in WATCHED {
        let sealed = bridge.store.secret(&format!("monite.webhook.{object_type}")).await.unwrap().unwrap();
        assert!(!sealed.windows(5).any(|bytes| bytes == b"whsec"), "in plain text");
    }
    // The database is lost: the subscriptions are found by their address, and sign with another secret from now on.
    bridge.lose_database().await;
    assert_eq!(subscribe(&bridge).await, [Outcome::TakenOver; 3]);
    let now = bridge.clock_now();
    let body = event(&uuid::Uuid::new_v4().to_string(), "entity", &Value::Null);
    assert_eq!(send(&bridge, &sign(&body, &secret, now).unwrap(), body.clone()).await.status, 401);
    let anew = self::secret(&bridge).await;
    assert_eq!(send(&bridge, &sign(&body, &anew, now).unwrap(), body.clone()).await.status, 200);
    // Somebody with another key neither reads nor replaces them, and takes nothing for signed.
    let (other, monite) = (Sealer::new(MasterKey::generate()), bridge.reconciler.workshop().monite.clone());
    let desk = Desk { monite: &monite, store: bridge.store.as_ref(), sealer: &other, now };
    bridge.sandbox.clear_journal();
    assert!(desk.subscribe(URL).await.is_err());
    assert_eq!(bridge.sandbox.total_calls(), 0, "before Monite is called");
}

async fn two_that_subscribe_at_once_make_no_twins(on: Database) {
    let bridge = TestBridge::with(setup(on, Drift::Enforce)).await;
    let other = bridge.replica("other").await;
    let (monite, now) = (bridge.reconciler.workshop().monite.clone(), bridge.clock_now());
    let sealer = Sealer::new(key());
    let desks = [&bridge.store, &other.store].map(|store| Desk {
        monite: &monite,
        store: store.as_ref(),
        sealer: &sealer,
        now,
    });
    let (one, two) = tokio::join!(desks[0].subscribe(URL), desks[1].subscribe(URL));
    let (done, refused) = if one.is_ok() { (one, two) } else { (two, one) };
    assert_eq!(done.unwrap().len(), 3);
    assert!(matches!(refused, Err(SubscribeError::Busy { .. })), "{refused:?}");
    assert_eq!(bridge.sandbox.webhook_subscriptions().len(), 3);
    assert_eq!(subscribe(&bridge).await, [Outcome::Kept; 3]);

    // One that died in the middle is waited for, and no longer than it can have lasted; one that failed is not.
    let stuck = json!({"by": uuid::Uuid::nil(), "until": now + Duration::from_secs(300)}).to_string();
    let was = bridge.store.setting("webhooks.turn").await.unwrap();
    assert!(bridge.store.swap_setting("webhooks.turn", was.as_deref(), &stuck).await.unwrap());
    assert!(matches!(desks[0].unsubscribe(None).await, Err(SubscribeError::Busy { .. })));
    bridge.advance(300);
    bridge.sandbox.once("GET /webhook_subscriptions", Fault::Status { status: 403, retry_after: None });
    let desk = Desk { now: bridge.clock_now(), ..desks[0] };
    assert!(matches!(desk.unsubscribe(None).await, Err(SubscribeError::Monite(_))));
    assert_eq!(unsubscribe(&bridge).await, 3);
    assert!(bridge.sandbox.webhook_subscriptions().is_empty());
}
