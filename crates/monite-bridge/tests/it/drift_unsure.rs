//! What a sweep is not sure of it leaves alone: a list that failed, was short or lags never means "gone", what nobody knows is never
//! touched, and what is newer is never overwritten.

use std::time::Duration;

use monite::{Action, ObjectType, Permissions};
use monite_bridge::config::Drift;
use monite_bridge::domain::Seen;
use monite_bridge::domain::role::RoleTemplates;
use monite_bridge::reconcile::Sweeper;
use monite_bridge::reconcile::sweep::{Pace, Swept};
use monite_bridge::store::{AsRead, Change, Consequence, Sighting, WorkerId};
use monite_sandbox::{Fault, FaultRule};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::drift::{changes, settled, settled_on};
use crate::support::{Database, Dies, TestBridge, customer_document, on_every_database, user_document};

on_every_database! {
    a_newer_outcome_is_never_overwritten,
}

const UNAVAILABLE: Fault = Fault::Status { status: 503, retry_after: None };
const NOT_FOUND: Fault = Fault::Status { status: 404, retry_after: None };

#[tokio::test]
async fn lists_that_fail_mean_nothing() {
    for list in ["GET /entities*", "GET /roles*", "GET /entity_users*"] {
        for fault in [UNAVAILABLE, NOT_FOUND, Fault::CloseBefore, Fault::CutBody] {
            let bridge = settled(Drift::Enforce).await;
            bridge.sandbox.set_faults(vec![FaultRule::new(list, fault)]);
            bridge.sweeper.sweep(&CancellationToken::new()).await.unwrap();
            bridge.sandbox.clear_faults();
            bridge.settle().await;
            assert_eq!(changes(&bridge), [], "{list} with {fault:?}");
        }
    }
}

/// The list does not show ana yet, but she answers when she is asked for.
#[tokio::test]
async fn a_user_that_a_list_lacks_but_that_is_there_is_left_alone() {
    let (bridge, sweeper) = with_ana_about_to_show().await;
    let ended = sweeper.sweep(&CancellationToken::new()).await.unwrap();
    assert!(matches!(&ended, Swept::Everything(tally) if (tally.users, tally.drifted) == (0, 0)), "{ended:?}");
    let asked = bridge.sandbox.journal().into_iter().filter(|call| call.path.starts_with("/entity_users/"));
    assert_eq!(asked.count(), 1, "she was asked for");
    bridge.settle().await;
    assert_eq!(changes(&bridge), []);
}

/// The same, and Monite fails to say whether she is there: that is not a no.
#[tokio::test]
async fn a_user_that_a_list_lacks_and_that_cannot_be_asked_for_is_left_alone() {
    let (bridge, sweeper) = with_ana_about_to_show().await;
    bridge.sandbox.set_faults(vec![FaultRule::new("GET /entity_users/*", UNAVAILABLE)]);
    let ended = sweeper.sweep(&CancellationToken::new()).await.unwrap();
    bridge.sandbox.clear_faults();
    assert!(matches!(ended, Swept::Stopped(_)), "{ended:?}");
    bridge.settle().await;
    assert_eq!(changes(&bridge), []);
}

/// Ana is in no list for a minute after she was created, and that is over right after the list of users: the sweeper makes one call
/// a second, and the third is for that list.
async fn with_ana_about_to_show() -> (TestBridge, Sweeper) {
    let bridge = TestBridge::with(crate::support::Setup { quirk: None, ..Default::default() }).await;
    bridge.sandbox.once("POST /entity_users", Fault::Stale(Duration::from_secs(60)));
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    bridge.settle().await;
    bridge.clock.advance(Duration::from_millis(57_500));
    bridge.sandbox.clear_journal();
    let mut workshop = bridge.reconciler.workshop().clone();
    workshop.clock = bridge.hasty_clock();
    let sweeper = Sweeper::new(workshop, WorkerId("hasty".to_owned()), Drift::Enforce, Pace::share_of(Some(1), 1.0));
    (bridge, sweeper)
}

/// Created and changed a moment ago: what lists show of it is old.
#[tokio::test]
async fn what_is_fresh_is_not_judged_by_lists_that_lag() {
    let bridge = settled(Drift::Enforce).await;
    let lags = Fault::Stale(Duration::from_secs(9));
    bridge.sandbox.fault(FaultRule::new("POST /ent*", lags).times(2));
    bridge.sandbox.fault(FaultRule::new("PATCH /entities/*", lags).times(1));
    bridge.put_customer("beta").await;
    bridge.put_user("beta", "bea", "admin").await;
    bridge.put_user("acme", "cem", "admin").await;
    let mut document = customer_document("acme");
    document["phone"] = json!("+49 30 1");
    bridge.put("/v1/customers/acme", &document).await;
    bridge.settle().await;
    bridge.sandbox.clear_journal();
    bridge.advance(1);
    let tally = bridge.sweep().await;
    assert_eq!((tally.drifted, tally.missing), (0, 0), "{tally:?}");
    bridge.settle().await;
    assert_eq!(changes(&bridge), []);
    assert_eq!(bridge.logins("acme").await.len(), 3);
    bridge.advance(60);
    let tally = bridge.sweep().await;
    assert_eq!((tally.entities, tally.drifted, tally.missing), (2, 0, 0), "{tally:?}");
}

/// The same for users: cem was created and ana changed, and lists show neither yet.
#[tokio::test]
async fn users_that_are_fresh_are_not_judged_by_lists_that_lag() {
    let bridge = settled(Drift::Enforce).await;
    let lags = Fault::Stale(Duration::from_secs(9));
    bridge.sandbox.fault(FaultRule::new("POST|PATCH /entity_users*", lags).times(2));
    bridge.put_user("acme", "cem", "admin").await;
    let mut ana = user_document("ana", "admin");
    ana["first_name"] = json!("Anna");
    bridge.put("/v1/customers/acme/users/ana", &ana).await;
    bridge.settle().await;
    assert_eq!(changes(&bridge).len(), 2, "both are at Monite");
    bridge.advance(1);
    let tally = bridge.sweep().await;
    assert_eq!((tally.users, tally.drifted), (2, 0), "{tally:?}");
    bridge.advance(60);
    let tally = bridge.sweep().await;
    assert_eq!((tally.users, tally.drifted), (3, 0), "{tally:?}");
}

/// A role that only a new user needed: the customer itself was not worked on, and yet its list of roles may lag.
#[tokio::test]
async fn a_role_that_is_fresh_is_not_judged_by_lists_that_lag() {
    let bridge = settled(Drift::Enforce).await;
    bridge.sandbox.fault(FaultRule::new("POST /roles", Fault::Stale(Duration::from_secs(9))).times(1));
    bridge.put_user("acme", "vic", "viewer").await;
    bridge.settle().await;
    bridge.advance(1);
    assert_eq!(bridge.sweep().await.drifted, 0);
    bridge.settle().await;
    assert_eq!(changes(&bridge).len(), 2, "the role and vic, once each");
}

#[tokio::test]
async fn strangers_are_counted_and_never_touched() {
    let bridge = settled(Drift::Enforce).await;
    let monite = bridge.reconciler.workshop().monite.clone();
    let stranger = monite.entities().create(&serde_json::from_value(customer_document("acme")).unwrap()).await.unwrap();
    let entity = monite.entity(bridge.entity_id("acme").await.parse().unwrap());
    let role = bridge.sandbox.roles(&entity.id().to_string())[0]["id"].clone();
    let guest = json!({"login": "guest", "first_name": "Guest", "role_id": role});
    entity.users().create(&serde_json::from_value(guest).unwrap()).await.unwrap();
    bridge.sandbox.clear_journal();
    let tally = bridge.sweep().await;
    assert_eq!((tally.entities, tally.strangers, tally.drifted), (1, 1, 0), "{tally:?}");
    bridge.settle().await;
    assert_eq!(changes(&bridge), []);
    let touched = bridge.sandbox.journal().into_iter().filter(|call| call.path.contains(&stranger.id.to_string()));
    assert_eq!(touched.count(), 0);
}

/// Other credentials see other entities: nothing is there, and nothing is concluded from it.
#[tokio::test]
async fn entities_that_are_not_there_any_more_are_reported_and_nothing_else() {
    let bridge = settled(Drift::Enforce).await;
    let before = bridge.sandbox.dump();
    bridge.sandbox.reset();
    let tally = bridge.sweep().await;
    assert_eq!((tally.entities, tally.missing, tally.drifted), (0, 1, 0), "{tally:?}");
    assert_eq!(tally.look_at.iter().map(|customer| customer.as_str()).collect::<Vec<_>>(), ["acme"]);
    let stats = bridge.get("/v1/stats").await.json();
    assert_eq!(stats["last_sweep"]["tally"]["missing"], 1, "{stats}");
    bridge.settle().await;
    assert_eq!(bridge.sandbox.entities(), [] as [Value; 0]);
    bridge.sandbox.load(&before).unwrap();
    bridge.settle().await;
    assert_eq!(bridge.get("/v1/customers/acme").await.state(), "in_sync");
    assert_eq!(changes(&bridge), []);
}

/// The bridge itself changes the customer between the sweep's look and its note: the note is dropped.
async fn a_newer_outcome_is_never_overwritten(on: Database) {
    let bridge = settled_on(on, Drift::Enforce).await;
    let id = "acme".parse().unwrap();
    let read = bridge.store.peek(&id, 0).await.unwrap().unwrap();
    let Seen::Present(mut old) = read.customer.entity.clone() else { panic!("acme is at Monite") };
    old.confirmed.phone = Some("+49 30 old".to_owned());
    let sighting = Sighting {
        read: AsRead::Customer(read.customer, read.roles),
        changes: vec![Change::Entity(Seen::Present(old))],
        then: Consequence::Due,
    };
    let mut document = customer_document("acme");
    document["phone"] = json!("+49 30 new");
    bridge.put("/v1/customers/acme", &document).await;
    bridge.settle().await;
    assert!(!bridge.store.note_seen(sighting, bridge.clock_now()).await.unwrap());
    bridge.sandbox.clear_journal();
    bridge.settle().await;
    assert_eq!(changes(&bridge), []);
    assert_eq!(bridge.get("/v1/customers/acme").await.state(), "in_sync");
}

/// A list that ends early, or a part of which comes out of an old cache. What it lacks is asked for one by one, and is there.
#[tokio::test]
async fn a_short_list_never_means_gone() {
    for list in ["pagination_token=", "id__in=", "/entity_users?", "/roles?", "/entities?"] {
        let bridge = crate::sweep::crowd().await;
        bridge.fuse.light(Dies::NotAndListsAreEmpty(list));
        let tally = bridge.sweep().await;
        bridge.fuse.put_out();
        assert_eq!((tally.drifted, tally.missing, tally.failed), (0, 0, 0), "{list}: {tally:?}");
        bridge.settle().await;
        assert_eq!(changes(&bridge), [], "{list}");
    }
}

/// A list lacks a role, and Monite fails to say whether it is there.
#[tokio::test]
async fn a_role_that_a_list_lacks_and_that_cannot_be_asked_for_is_left_alone() {
    let bridge = settled(Drift::Enforce).await;
    bridge.fuse.light(Dies::NotAndListsAreEmpty("/roles?"));
    bridge.sandbox.set_faults(vec![FaultRule::new("GET /roles/*", UNAVAILABLE)]);
    let ended = bridge.sweeper.sweep(&CancellationToken::new()).await.unwrap();
    bridge.fuse.put_out();
    bridge.sandbox.clear_faults();
    assert!(matches!(ended, Swept::Stopped(_)), "{ended:?}");
    bridge.settle().await;
    assert_eq!(changes(&bridge), []);
}

/// The template changed a moment ago, the role with it, and lists still show the role as it was.
#[tokio::test]
async fn a_role_that_was_just_changed_is_not_judged_by_lists_that_lag() {
    let mut bridge = settled(Drift::Report).await;
    bridge.sandbox.fault(FaultRule::new("PATCH /roles/*", Fault::Stale(Duration::from_secs(9))).times(1));
    let presets = RoleTemplates::presets();
    let narrower = presets.iter().cloned().map(|mut template| {
        if template.name.as_str() == "payer" {
            template.permissions = Permissions::new().allow(ObjectType::Tag, Action::Read).unwrap();
        }
        template
    });
    bridge.restart_with(narrower.collect()).await;
    bridge.settle().await;
    assert_eq!(changes(&bridge).len(), 1, "the role is at Monite");
    bridge.advance(1);
    assert_eq!(bridge.sweep().await.drifted, 0);
    bridge.advance(60);
    assert_eq!(bridge.sweep().await.drifted, 0);
}
