//! The links stand at Monite, too: each entity's partner metadata says which customer it belongs to and which entity user is whose.

use std::time::Duration;

use monite::Deadline;
use monite_sandbox::{Fault, FaultRule};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use monite_bridge::domain::{CustomerId, Stamp, Stamped, UserId};
use monite_bridge::reconcile::stamp::{StampCounts, stamp};
use monite_bridge::reconcile::visit::Ended;
use monite_bridge::store::{Change, Fenced, WorkerId};

use crate::support::{Database, Dies, Setup, TestBridge, customer_document, on_every_database, user_document};

on_every_database! {
    links_are_stamped_once_when_all_of_them_are_there,
    what_changes_no_link_costs_no_stamp,
    a_user_that_is_only_forgotten_is_not_in_the_stamp_any_more,
    what_others_keep_in_the_metadata_is_kept,
    creates_come_before_stamps,
    the_entity_of_a_deleted_customer_is_stamped_as_well,
    a_stamp_whose_answer_was_lost_is_seen_and_not_written_again,
    a_stamp_that_lands_late_does_not_stay_over_a_newer_one,
    nor_does_one_that_a_process_had_on_its_way_when_it_died,
    a_stamp_that_fails_leaves_the_customer_in_sync_and_says_why,
    a_worker_that_lost_its_lease_stamps_nothing,
    one_frozen_after_its_look_puts_no_old_stamp_over_a_newer_one,
    a_link_that_changes_while_it_is_stamped_is_stamped_again,
    stats_and_metrics_count_stamps,
    an_entity_stamped_by_another_bridge_is_not_taken_for_ours,
    what_is_stamped_by_another_bridge_does_not_settle_a_create,
    an_entity_stamped_for_this_customer_is_it_among_all_that_look_the_same,
    what_an_outage_holds_back_is_no_attempt,
    a_bridge_that_is_never_idle_stamps_all_the_same,
    a_stamp_that_hangs_keeps_nobody_waiting,
}

const GET: &str = "GET /entities/{entity_id}/partner_metadata";
const PUT: &str = "PUT /entities/{entity_id}/partner_metadata";

/// What the client does not try again by itself.
const REFUSED: Fault = Fault::Status { status: 413, retry_after: None };

async fn links_are_stamped_once_when_all_of_them_are_there(on: Database) {
    let bridge = TestBridge::on(on).await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    bridge.put_user("acme", "ben", "payer").await;
    bridge.settle().await;
    assert_eq!((bridge.sandbox.calls(GET), bridge.sandbox.calls(PUT)), (1, 1), "three links, one stamp");
    let stamp = stamp_of(&bridge, "acme").await;
    assert_eq!((stamp.customer.as_str(), stamp.users_left_out), ("acme", 0));
    assert_eq!(stamp.bridge, bridge.store.bridge().await.unwrap());
    for user in ["ana", "ben"] {
        let linked =
            bridge.get(&format!("/v1/customers/acme/users/{user}")).await.json()["sync"]["entity_user_id"].clone();
        assert_eq!(json!(stamp.users[&UserId::parse(user).unwrap()]), linked);
    }
    assert_eq!(stamped(&bridge).await, (1, 1));
}

async fn what_changes_no_link_costs_no_stamp(on: Database) {
    let bridge = TestBridge::on(on).await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    bridge.settle().await;
    let mut ana = user_document("ana", "payer");
    ana["login"] = json!("ana-2");
    bridge.put("/v1/customers/acme/users/ana", &ana).await;
    bridge.call("PATCH", "/v1/customers/acme").json(&json!({"phone": "+49 30 1"})).send().await;
    bridge.settle().await;
    assert_eq!((bridge.sandbox.calls(GET), bridge.sandbox.calls(PUT)), (1, 1), "a login is not in a stamp");
    // A user more, a user less: each is a changed link.
    bridge.put_user("acme", "ben", "admin").await;
    bridge.settle().await;
    bridge.delete("/v1/customers/acme/users/ana").await;
    bridge.settle().await;
    assert_eq!(bridge.sandbox.calls(PUT), 3);
    let stamp = stamp_of(&bridge, "acme").await;
    assert_eq!(stamp.users.keys().map(UserId::as_str).collect::<Vec<_>>(), ["ben"]);
}

async fn a_user_that_is_only_forgotten_is_not_in_the_stamp_any_more(on: Database) {
    let setup = Setup { on_user_delete: monite_bridge::config::OnUserDelete::Keep, database: on, ..Setup::default() };
    let bridge = TestBridge::with(setup).await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    bridge.settle().await;
    bridge.delete("/v1/customers/acme/users/ana").await;
    bridge.settle().await;
    assert!(stamp_of(&bridge, "acme").await.users.is_empty());
    assert_eq!(bridge.logins("acme").await, ["ana"], "and Monite keeps it");
}

async fn what_others_keep_in_the_metadata_is_kept(on: Database) {
    let bridge = TestBridge::on(on).await;
    bridge.put_customer("acme").await;
    bridge.pass().await;
    let theirs: Map<String, Value> = serde_json::from_value(json!({"crm": {"id": 7}, "note": null})).unwrap();
    put_metadata(&bridge, "acme", &theirs).await;
    bridge.put_user("acme", "ana", "admin").await;
    bridge.settle().await;
    let metadata = metadata_of(&bridge, "acme").await;
    assert_eq!((&metadata["crm"], &metadata["note"], metadata.len()), (&json!({"id": 7}), &Value::Null, 3));
}

/// One worker and three customers: no stamp goes out before everything else is done.
async fn creates_come_before_stamps(on: Database) {
    let bridge = TestBridge::with(Setup { workers: 1, database: on, ..Setup::default() }).await;
    for id in ["acme", "beta", "corp"] {
        bridge.put_customer(id).await;
        bridge.put_user(id, "ana", "admin").await;
    }
    bridge.settle().await;
    let calls: Vec<bool> =
        bridge.sandbox.journal().iter().map(|call| call.path.ends_with("/partner_metadata")).collect();
    let first = calls.iter().position(|is_stamp| *is_stamp).unwrap();
    assert_eq!(calls.len() - first, 6, "three stamps of two calls at the very end: {calls:?}");
}

async fn the_entity_of_a_deleted_customer_is_stamped_as_well(on: Database) {
    let bridge = TestBridge::on(on).await;
    bridge.sandbox.once("PUT /entities/*/partner_metadata", REFUSED);
    bridge.put_customer("acme").await;
    bridge.pass().await;
    assert_eq!(stamped(&bridge).await, (1, 0), "the first attempt failed");
    bridge.delete("/v1/customers/acme").await;
    bridge.settle().await;
    assert_eq!(bridge.get("/v1/customers/acme").await.state(), "deactivated");
    assert_eq!(stamp_of(&bridge, "acme").await.customer.as_str(), "acme");
    assert_eq!(stamped(&bridge).await, (1, 1));
}

async fn a_stamp_whose_answer_was_lost_is_seen_and_not_written_again(on: Database) {
    let mut bridge = TestBridge::on(on).await;
    bridge.put_customer("acme").await;
    // Token, entity, look, stamp.
    assert!(bridge.work_until_death(Dies::AfterCall(3)).await);
    bridge.restart().await;
    bridge.settle().await;
    // Seen, and looked at once more when nothing of the dead process can land any more.
    assert_eq!((bridge.sandbox.calls(GET), bridge.sandbox.calls(PUT)), (3, 1));
    assert_eq!(stamped(&bridge).await, (1, 1));
}

/// Monite answers the second attempt, and does the first one after both it and the stamp that came next.
async fn a_stamp_that_lands_late_does_not_stay_over_a_newer_one(on: Database) {
    let bridge = TestBridge::on(on).await;
    bridge.sandbox.once("PUT /entities/*/partner_metadata", Fault::CloseBefore);
    bridge.put_customer("acme").await;
    bridge.pass().await;
    let late = metadata_of(&bridge, "acme").await;
    assert_eq!(bridge.sandbox.calls(PUT), 2, "it was sent again at once");
    bridge.put_user("acme", "ana", "admin").await;
    bridge.pass().await;
    the_late_one_is_put_right(&bridge, &late).await;
}

async fn nor_does_one_that_a_process_had_on_its_way_when_it_died(on: Database) {
    let mut bridge = TestBridge::on(on).await;
    bridge.put_customer("acme").await;
    // Token, entity, look; the stamp is sent, and Monite takes its time.
    assert!(bridge.work_until_death(Dies::BeforeCall(3)).await);
    bridge.restart().await;
    let stamp = Stamp::new(bridge.store.bridge().await.unwrap(), CustomerId::parse("acme").unwrap(), []);
    let late = stamp.put_into(&Map::new()).unwrap();
    bridge.put_user("acme", "ana", "admin").await;
    // Its lease ends.
    bridge.advance(20);
    bridge.pass().await;
    the_late_one_is_put_right(&bridge, &late).await;
}

async fn the_late_one_is_put_right(bridge: &TestBridge, late: &Map<String, Value>) {
    assert_eq!(stamp_of(bridge, "acme").await.users.len(), 1, "the newer one is there");
    assert_eq!(stamped(bridge).await, (1, 0), "but may not stay");
    put_metadata(bridge, "acme", late).await;
    bridge.settle().await;
    assert_eq!(stamp_of(bridge, "acme").await.users.len(), 1);
    assert_eq!(stamped(bridge).await, (1, 1));
}

async fn a_stamp_that_fails_leaves_the_customer_in_sync_and_says_why(on: Database) {
    for status in [404, 413] {
        fails_for_an_hour(on, status).await;
    }
}

async fn fails_for_an_hour(on: Database, status: u16) {
    let bridge = TestBridge::on(on).await;
    bridge.sandbox.once("PUT /entities/*/partner_metadata", Fault::Status { status, retry_after: None });
    bridge.put_customer("acme").await;
    bridge.pass().await;
    assert_eq!(bridge.get("/v1/customers/acme").await.state(), "in_sync");
    let customer = bridge.store.customer(&CustomerId::parse("acme").unwrap()).await.unwrap().unwrap();
    assert_eq!((customer.stamp.attempts, customer.stamp.last_error.unwrap().status), (1, Some(status)));
    let again = customer.stamp.due_at.unwrap().duration_since(bridge.clock_now());
    assert_eq!(again.as_secs(), 3600, "nobody waits for one that Monite refuses");
    bridge.settle().await;
    assert_eq!(stamped(&bridge).await, (1, 1));
}

/// Another worker has taken the customer over between the look and the write.
async fn a_worker_that_lost_its_lease_stamps_nothing(on: Database) {
    let mut bridge = TestBridge::on(on).await;
    bridge.put_customer("acme").await;
    bridge.work_until_death(Dies::BeforeCall(2)).await;
    assert_eq!(bridge.sandbox.calls(PUT) + bridge.sandbox.calls(GET), 0, "it died before the stamp's first call");
    let (now, lease) = (bridge.clock_now(), Duration::from_secs(60));
    let mine = |name: &str| WorkerId(name.to_owned());
    // The dead worker's lease ends; one that is frozen takes the stamp, then another.
    bridge.clock.advance(Duration::from_secs(20));
    bridge.store.claim_due(&mine("tidies"), now + Duration::from_secs(20), lease, 1, None).await.unwrap();
    bridge.clock.advance(lease);
    let then = bridge.clock_now();
    let frozen = bridge.store.claim_stamps(&mine("frozen"), then, lease, 1, None).await.unwrap().remove(0);
    assert!(bridge.store.claim_stamps(&mine("other"), then, lease, 1, None).await.unwrap().is_empty(), "it is taken");
    bridge.clock.advance(lease);
    let later = bridge.clock_now();
    let other = bridge.store.claim_stamps(&mine("other"), later, lease, 1, None).await.unwrap().remove(0);
    assert_eq!(bridge.store.links(&frozen).await.unwrap(), None);
    let stamped_by_frozen = bridge.store.finish(&frozen, vec![Change::Stamped { links: 1 }]).await.unwrap();
    assert_eq!(stamped_by_frozen, Fenced::LeaseLost);
    let counts = StampCounts::default();
    let workshop = bridge.reconciler.workshop();
    stamp(workshop, &frozen, &far(), &counts, &CancellationToken::new()).await.unwrap();
    assert_eq!((counts.calls(), stamped(&bridge).await), (0, (1, 0)));
    stamp(workshop, &other, &far(), &counts, &CancellationToken::new()).await.unwrap();
    assert_eq!((counts.calls(), stamped(&bridge).await), (2, (1, 1)));
}

/// The fence is asked once more just before the write: a worker that was frozen since it read the links and the metadata would put both
/// back as they were.
async fn one_frozen_after_its_look_puts_no_old_stamp_over_a_newer_one(on: Database) {
    let bridge = TestBridge::on(on).await;
    let frozen = bridge.replica("frozen").await;
    bridge.put_customer("acme").await;
    bridge.sandbox.once("PUT /entities/*/partner_metadata", REFUSED);
    bridge.pass().await;
    let hour = Duration::from_secs(3600);
    bridge.clock.advance(hour);
    let (now, worker) = (bridge.clock_now(), WorkerId("frozen".to_owned()));
    let lease = frozen.store.claim_stamps(&worker, now, hour, 1, None).await.unwrap().remove(0);
    // Its first call is for a token, the second is the look.
    frozen.fuse.light(Dies::Freezes(1));
    let reconciler = frozen.reconciler.clone();
    let stamping = tokio::spawn(async move {
        let counts = StampCounts::default();
        stamp(reconciler.workshop(), &lease, &far(), &counts, &CancellationToken::new()).await.unwrap();
        counts.calls()
    });
    frozen.fuse.burned().await;
    bridge.clock.advance(hour);
    bridge.put_user("acme", "ana", "admin").await;
    bridge.settle().await;
    assert_eq!(stamp_of(&bridge, "acme").await.users.len(), 1, "another has stamped more");
    frozen.fuse.thaw();
    assert_eq!(stamping.await.unwrap(), 1, "its look was its last call");
    assert_eq!(stamp_of(&bridge, "acme").await.users.len(), 1, "and stays");
}

/// A link that changes between the look at the store and the end of the stamp is not lost: the stamp is due again.
async fn a_link_that_changes_while_it_is_stamped_is_stamped_again(on: Database) {
    let bridge = TestBridge::on(on).await;
    bridge.put_customer("acme").await;
    bridge.settle().await;
    bridge.put_user("acme", "ana", "admin").await;
    // Visited, but not stamped.
    bridge.sandbox.once("PUT /entities/*/partner_metadata", REFUSED);
    bridge.pass().await;
    let (now, lease) = (bridge.clock_now() + Duration::from_secs(3600), Duration::from_secs(60));
    let lease = bridge.store.claim_stamps(&WorkerId("slow".to_owned()), now, lease, 1, None).await.unwrap().remove(0);
    let links = bridge.store.links(&lease).await.unwrap().unwrap();
    let forgotten = bridge
        .store
        .record(&lease, vec![Change::User(UserId::parse("ana").unwrap(), monite_bridge::domain::Seen::Absent)]);
    assert_eq!(forgotten.await.unwrap(), Fenced::Recorded);
    let done = bridge.store.finish(&lease, vec![Change::Stamped { links: links.count }]).await.unwrap();
    assert_eq!(done, Fenced::Recorded);
    assert_eq!(stamped(&bridge).await, (1, 0));
}

async fn stats_and_metrics_count_stamps(on: Database) {
    let bridge = TestBridge::on(on).await;
    bridge.put("/v1/customers/acme", &customer_document("acme")).await;
    bridge.put_customer("beta").await;
    bridge.sandbox.once("PUT /entities/*/partner_metadata", REFUSED);
    bridge.pass().await;
    assert_eq!(bridge.get("/v1/stats").await.json()["stamps"], json!({"linked": 2, "stamped": 1}));
    let metrics = bridge.anonymous("GET", "/metrics").send().await;
    let metrics = metrics.text();
    assert!(metrics.contains("monite_bridge_entities_linked 2\n"), "{metrics}");
    assert!(metrics.contains("monite_bridge_entities_stamped 1\n"), "{metrics}");
}

/// The answer to a create is lost, and an entity that looks the same stands there, made just now by another bridge.
async fn an_entity_stamped_by_another_bridge_is_not_taken_for_ours(on: Database) {
    for stamp in [
        json!({"v": 1, "bridge": "another-bridge", "customer": "acme", "users": {}}),
        json!({"v": 1, "bridge": "OURS", "customer": "beta", "users": {}}),
        json!({"v": 99, "form": "that nobody knows yet"}),
    ] {
        let bridge = TestBridge::on(on).await;
        let ours = bridge.store.bridge().await.unwrap();
        let stamp: Value = serde_json::from_str(&stamp.to_string().replace("OURS", ours.as_str())).unwrap();
        bridge.put_customer("acme").await;
        let theirs = made_by_somebody(&bridge, "acme", &stamp).await;
        bridge.sandbox.once("POST /entities", Fault::LoseAnswer);
        bridge.settle().await;
        assert_ne!(bridge.entity_id("acme").await, theirs, "{stamp}");
        assert_eq!(bridge.sandbox.entities().len(), 2, "theirs and ours");
    }
}

/// The create never arrived, and all that looks like it is somebody else's: ours is made once it can no longer land.
async fn what_is_stamped_by_another_bridge_does_not_settle_a_create(on: Database) {
    let bridge = TestBridge::on(on).await;
    bridge.put_customer("acme").await;
    let stamp = json!({"v": 1, "bridge": "another-bridge", "customer": "acme", "users": {}});
    let theirs = made_by_somebody(&bridge, "acme", &stamp).await;
    bridge.sandbox.once("POST /entities", Fault::CloseBefore);
    bridge.settle().await;
    assert_ne!(bridge.entity_id("acme").await, theirs);
    assert_eq!(bridge.sandbox.entities().len(), 2);
}

/// The database was brought back from a backup made while the create was under way; Monite has the stamp since.
async fn an_entity_stamped_for_this_customer_is_it_among_all_that_look_the_same(on: Database) {
    let bridge = TestBridge::on(on).await;
    bridge.sandbox.once("POST /entities", Fault::LoseAnswer);
    bridge.put_customer("acme").await;
    bridge.pass().await;
    let ours = bridge.store.bridge().await.unwrap();
    let stamp = json!({"v": 1, "bridge": ours, "customer": "acme", "users": {}});
    let stamped = made_by_somebody(&bridge, "acme", &stamp).await;
    bridge.settle().await;
    assert_eq!(bridge.entity_id("acme").await, stamped);
}

/// Monite goes away between the moment a stamp is taken and its first call.
async fn what_an_outage_holds_back_is_no_attempt(on: Database) {
    let bridge = TestBridge::with(Setup { breaker: true, database: on, ..Setup::default() }).await;
    bridge.put_customer("acme").await;
    bridge.sandbox.once("PUT /entities/*/partner_metadata", REFUSED);
    bridge.pass().await;
    bridge.advance(3600);
    let (now, minute, worker) = (bridge.clock_now(), Duration::from_secs(60), WorkerId("slow".to_owned()));
    let lease = bridge.store.claim_stamps(&worker, now, minute, 1, None).await.unwrap().remove(0);
    bridge.sandbox.fault(FaultRule::new("* *", Fault::Status { status: 503, retry_after: None }));
    for id in ["beta", "corp", "dora", "ella"] {
        bridge.put_customer(id).await;
    }
    bridge.pass().await;
    assert!(bridge.reconciler.workshop().outage.since().is_some(), "nobody noticed");
    let counts = StampCounts::default();
    let workshop = bridge.reconciler.workshop();
    let ended = stamp(workshop, &lease, &far(), &counts, &CancellationToken::new()).await.unwrap();
    let acme = bridge.store.customer(&CustomerId::parse("acme").unwrap()).await.unwrap().unwrap();
    let tried = (counts.calls(), acme.stamp.attempts, acme.stamp.last_error.and_then(|error| error.status));
    assert_eq!((ended, tried), (Ended::GivenBack, (0, 1, Some(413))), "only the first attempt was one");
    bridge.sandbox.clear_faults();
    bridge.advance(31);
    bridge.settle().await;
    assert_eq!(stamped(&bridge).await, (5, 5));
}

/// One worker and always somebody else who is due: the stamps come a few at a time, and come.
async fn a_bridge_that_is_never_idle_stamps_all_the_same(on: Database) {
    let bridge = TestBridge::with(Setup { workers: 1, database: on, ..Setup::default() }).await;
    for number in 0..100 {
        bridge.put_customer(&format!("c{number:03}")).await;
    }
    bridge.settle().await;
    let calls = bridge.sandbox.journal();
    let stamps: Vec<usize> = (0..calls.len()).filter(|n| calls[*n].path.ends_with("/partner_metadata")).collect();
    let last_create = calls.iter().rposition(|call| call.method == "POST" && call.path == "/entities").unwrap();
    let early = stamps.iter().filter(|stamp| **stamp < last_create).count();
    assert!((4..=8).contains(&early), "{early} calls for stamps before the last create");
    assert_eq!(stamped(&bridge).await, (100, 100));
}

/// One worker, and a stamp that Monite does not answer.
async fn a_stamp_that_hangs_keeps_nobody_waiting(on: Database) {
    let bridge = TestBridge::with(Setup { workers: 1, database: on, ..Setup::default() }).await;
    let replica = bridge.replica("one").await;
    bridge.put_customer("acme").await;
    // Token, entity, and the stamp's look.
    replica.fuse.light(Dies::Freezes(2));
    let (reconciler, stop) = (replica.reconciler.clone(), CancellationToken::new());
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { reconciler.run(stop).await }
    });
    replica.fuse.burned().await;
    assert_eq!((bridge.sandbox.calls(GET), bridge.sandbox.calls(PUT)), (1, 0));
    bridge.put_customer("beta").await;
    replica.reconciler.wake();
    let visited = async {
        while bridge.sandbox.entities().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), visited).await.expect("beta was not visited within 30 s");
    replica.fuse.thaw();
    stop.cancel();
    running.await.unwrap();
}

/// The end of a lease as a process sees it whose clock has stopped: only the fence can tell it.
fn far() -> Deadline {
    Deadline::new("a lease", "2999-01-01T00:00:00Z".parse().unwrap())
}

/// An entity that looks like this customer's, with this stamp.
async fn made_by_somebody(bridge: &TestBridge, customer: &str, stamp: &Value) -> String {
    let monite = &bridge.reconciler.workshop().monite;
    let made = monite.entities().create(&serde_json::from_value(customer_document(customer)).unwrap()).await.unwrap();
    let metadata = Map::from_iter([(Stamp::KEY.to_owned(), stamp.clone())]);
    monite.entity(made.id).metadata().put(&metadata).await.unwrap();
    made.id.to_string()
}

async fn stamped(bridge: &TestBridge) -> (u64, u64) {
    let stats = bridge.store.stats().await.unwrap();
    (stats.linked, stats.stamped)
}

async fn stamp_of(bridge: &TestBridge, customer: &str) -> Stamp {
    match Stamped::read(&metadata_of(bridge, customer).await) {
        Stamped::By(stamp) => stamp,
        other => panic!("{customer} is not stamped: {other:?}"),
    }
}

/// Read past the counted calls.
async fn metadata_of(bridge: &TestBridge, customer: &str) -> Map<String, Value> {
    let entity = bridge.entity_id(customer).await.parse().unwrap();
    bridge.reconciler.workshop().monite.entity(entity).metadata().get().await.unwrap()
}

async fn put_metadata(bridge: &TestBridge, customer: &str, metadata: &Map<String, Value>) {
    let entity = bridge.entity_id(customer).await.parse().unwrap();
    bridge.reconciler.workshop().monite.entity(entity).metadata().put(metadata).await.unwrap();
}
