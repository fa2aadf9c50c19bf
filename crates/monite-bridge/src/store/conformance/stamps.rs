//! Links are stamped: which are due, what is in a stamp, and that no change of a link is lost.

use std::collections::BTreeSet;

use super::*;
use crate::domain::{BridgeId, Stamp};

/// Whose links are to be stamped now; they are taken.
async fn claim(desk: &Desk, now: Timestamp) -> Vec<Lease> {
    desk.claim_stamps(&worker("s"), now, LEASE, 100, None).await.unwrap()
}

/// Stamps all that is due, as Monite would confirm it.
async fn stamp_all(desk: &Desk, now: Timestamp) {
    for lease in claim(desk, now).await {
        let links = desk.links(&lease).await.unwrap().expect("the lease is held");
        desk.finished(&lease, vec![Change::Calls(None, Vec::new()), Change::Stamped { links: links.count }]).await;
    }
    assert_eq!(desk.next_stamp().await.unwrap(), None);
}

/// A database with a name.
pub(super) async fn named(database: &impl Database) -> Desk {
    let desk = Desk::of(database).await;
    desk.name_bridge(&bridge("ours")).await.unwrap();
    desk
}

pub(super) fn bridge(name: &str) -> BridgeId {
    BridgeId::parse(name).unwrap()
}

pub(crate) async fn a_database_has_one_name_whoever_gives_it(database: &impl Database) {
    let desk = Desk::of(database).await;
    let nameless = desk.bridge().await;
    assert!(matches!(nameless, Err(StoreError::Corrupt { .. })), "{nameless:?}");
    let names = (0..4).map(|number| {
        let store = desk.0.clone();
        tokio::spawn(async move { store.name_bridge(&bridge(&format!("b-{number}"))).await.unwrap() })
    });
    let names = futures::future::join_all(names).await.into_iter().map(Result::unwrap).collect::<BTreeSet<_>>();
    assert_eq!(names.len(), 1, "{names:?}");
    let other = database.open().await;
    assert_eq!(other.name_bridge(&bridge("late")).await.unwrap(), other.bridge().await.unwrap());
    assert_eq!(names.first(), Some(&other.bridge().await.unwrap()));
}

pub(crate) async fn links_are_due_to_be_stamped_from_the_first_on(database: &impl Database) {
    let desk = named(database).await;
    desk.put("acme", &document("+49 1"), at(0)).await;
    assert_eq!((desk.next_stamp().await.unwrap(), desk.see("acme").await.stamp.due_at), (None, None));
    desk.settled("acme", 1, at(0)).await;
    assert_eq!(desk.next_stamp().await.unwrap(), Some(Timestamp::UNIX_EPOCH), "as soon as nothing else is to be done");
    // Those whose login is their id are found without the stamp, and come last.
    desk.settled_person("acme", "ana", 7, at(0)).await;
    desk.put_person("acme", "ben", &person("ben@acme.example"), at(0)).await;
    let lease = desk.claim_one(at(0)).await;
    let ben = person("ben@acme.example");
    let linked = Change::User(user_id("ben"), entity_user(8, &ben));
    desk.finished(&lease, vec![linked, Change::UserDone(user_id("ben"), done(1, at(0)))]).await;

    let lease = claim(&desk, at(1)).await.remove(0);
    let links = desk.links(&lease).await.unwrap().unwrap();
    assert_eq!((links.entity, links.failed), (entity_id(1), 0));
    let users = vec![(user_id("ben"), entity_user_id(8)), (user_id("ana"), entity_user_id(7))];
    assert_eq!(links.stamp, Stamp::new(bridge("ours"), customer_id("acme"), users));
    let stats = desk.stats().await.unwrap();
    assert_eq!((stats.linked, stats.stamped), (1, 0));
    desk.finished(&lease, vec![Change::Stamped { links: links.count }]).await;
    let stats = desk.stats().await.unwrap();
    assert_eq!((stats.linked, stats.stamped), (1, 1));
    assert_eq!((claim(&desk, at(2)).await, desk.next_stamp().await.unwrap()), (Vec::new(), None));
}

pub(crate) async fn a_customer_is_stamped_or_visited_by_one(database: &impl Database) {
    let desk = named(database).await;
    for number in 0..40 {
        desk.settled(&format!("c{number:02}"), number, at(0)).await;
    }
    let other = database.open().await;
    let workers = (0..6).map(|number| {
        let store = if number % 2 == 0 { desk.0.clone() } else { other.clone() };
        tokio::spawn(async move {
            let name = worker(&format!("w{number}"));
            let mut mine = Vec::new();
            loop {
                let claimed = store.claim_stamps(&name, at(1), LEASE, 7, None).await.unwrap();
                assert!(claimed.len() <= 7);
                if claimed.is_empty() {
                    return mine;
                }
                mine.extend(claimed.into_iter().map(|lease| lease.customer));
            }
        })
    });
    let mut all = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        all.extend(worker.await.unwrap());
    }
    assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (40, 40), "each once, and all of them");
    assert_eq!(desk.next_stamp().await.unwrap(), None, "all are in somebody's hands");
    desk.put("c07", &document("2"), at(2)).await;
    assert_eq!(desk.due(at(3)).await, Vec::<String>::new(), "nor is one of them visited");
    // They come back when their leases end, and what is held since then is worth nothing any more.
    let only = customer_id("c07");
    let again = desk.claim_stamps(&worker("x"), at(61), LEASE, 9, Some(&only)).await.unwrap();
    assert_eq!((again.len(), again[0].until), (1, at(121)));
    assert_eq!(desk.claim_stamps(&worker("y"), at(61), LEASE, 9, Some(&only)).await.unwrap(), Vec::new());
    let old = Lease { fence: again[0].fence - 1, ..again[0].clone() };
    assert_eq!(desk.links(&old).await.unwrap(), None);
    assert_eq!(desk.finish(&old, vec![Change::Stamped { links: 1 }]).await.unwrap(), Fenced::LeaseLost);
    assert!(desk.see("c07").await.stamp.due_at.is_some(), "nothing was written");
}

pub(crate) async fn a_link_that_changes_while_it_is_stamped_stays_due(database: &impl Database) {
    let desk = named(database).await;
    desk.settled("acme", 1, at(0)).await;
    desk.settled_person("acme", "ana", 7, at(0)).await;
    let lease = claim(&desk, at(1)).await.remove(0);
    let links = desk.links(&lease).await.unwrap().unwrap();
    desk.recorded(&lease, vec![Change::User(user_id("ana"), Seen::Absent)]).await;
    desk.finished(&lease, vec![Change::Stamped { links: links.count }]).await;
    assert_eq!(desk.next_stamp().await.unwrap(), Some(Timestamp::UNIX_EPOCH));
    stamp_all(&desk, at(2)).await;
}

pub(crate) async fn every_way_a_link_comes_or_goes_is_stamped_and_nothing_else(database: &impl Database) {
    let desk = named(database).await;
    desk.settled("acme", 1, at(0)).await;
    desk.settled("bolt", 2, at(0)).await;
    let due = async |desk: &Desk| desk.see("acme").await.stamp.due_at.is_some();
    for (number, id) in [(7, "ana"), (8, "ben"), (9, "cat"), (10, "dan")] {
        desk.settled_person("acme", id, number, at(0)).await;
    }
    stamp_all(&desk, at(1)).await;

    // No link changes.
    desk.put("acme", &document("2"), at(2)).await;
    desk.put_person("acme", "ana", &person_named("ana", "Anna"), at(2)).await;
    desk.put_person("acme", "eve", &person("eve"), at(2)).await;
    let lease = desk.claim_one(at(2)).await;
    let again = Change::User(user_id("ana"), entity_user(7, &person_named("ana", "Anna")));
    desk.recorded(&lease, vec![Change::Entity(entity(1, &document("2"))), again]).await;
    desk.finished(&lease, vec![Change::CustomerDone(done(2, at(2))), Change::UserDone(user_id("ana"), done(2, at(2)))])
        .await;
    desk.drop_person("acme", "eve", false, at(2)).await;
    assert!(!due(&desk).await, "a link that is the same costs no stamp, and eve had none");

    // A user goes away: deleted at Monite, forgotten at once, forgotten at the end of a visit, missing at Monite.
    desk.drop_person("acme", "ana", false, at(3)).await;
    assert!(!due(&desk).await, "she is still there");
    let lease = desk.claim_one(at(3)).await;
    desk.finished(&lease, vec![Change::UserGone(user_id("ana"), Generation(3))]).await;
    assert!(due(&desk).await);
    stamp_all(&desk, at(3)).await;
    desk.drop_person("acme", "ben", true, at(4)).await;
    assert!(due(&desk).await);
    stamp_all(&desk, at(4)).await;
    desk.put("acme", &document("3"), at(5)).await;
    let lease = desk.claim_one(at(5)).await;
    desk.drop_person("acme", "cat", true, at(5)).await;
    assert!(!due(&desk).await);
    desk.finished(&lease, vec![Change::CustomerDone(done(3, at(5)))]).await;
    assert!(due(&desk).await);
    stamp_all(&desk, at(5)).await;
    desk.put("acme", &document("4"), at(6)).await;
    let lease = desk.claim_one(at(6)).await;
    desk.finished(&lease, vec![Change::User(user_id("dan"), Seen::Absent), Change::CustomerDone(done(4, at(6)))]).await;
    assert!(due(&desk).await);
    stamp_all(&desk, at(6)).await;

    // Another entity, and none any more.
    desk.put("acme", &document("5"), at(7)).await;
    let lease = desk.claim_one(at(7)).await;
    desk.recorded(&lease, vec![Change::Entity(entity(3, &document("5")))]).await;
    assert!(due(&desk).await);
    desk.finished(&lease, vec![Change::Entity(Seen::Absent), Change::CustomerDone(done(5, at(7)))]).await;
    assert_eq!((desk.see("acme").await.stamp.due_at, desk.next_stamp().await.unwrap()), (None, None));
    let stats = desk.stats().await.unwrap();
    assert_eq!((stats.linked, stats.stamped), (1, 1), "bolt's, all the time");
}

pub(crate) async fn a_stamp_that_may_still_land_is_looked_at_again(database: &impl Database) {
    let desk = named(database).await;
    desk.settled("acme", 1, at(0)).await;
    let lease = claim(&desk, at(1)).await.remove(0);
    let unsure = async |lease: &Lease| desk.links(lease).await.unwrap().unwrap().unsure_until;
    let count = desk.links(&lease).await.unwrap().unwrap().count;
    assert_eq!(unsure(&lease).await, None);
    desk.recorded(&lease, vec![Change::StampUnsure(Some(at(70)))]).await;
    assert_eq!(unsure(&lease).await, Some(at(70)));
    // The process dies without a word; whatever it sent left before its lease ended, and may land for 75 s from now.
    let lease = claim(&desk, at(61)).await.remove(0);
    assert_eq!(unsure(&lease).await, Some(at(61 + 75)));
    desk.finished(&lease, vec![Change::Stamped { links: count }]).await;
    assert_eq!(desk.next_stamp().await.unwrap(), Some(at(61 + 75)));
    let stats = desk.stats().await.unwrap();
    assert_eq!((stats.linked, stats.stamped), (1, 0), "nobody knows");
    let lease = claim(&desk, at(61 + 75)).await.remove(0);
    desk.finished(&lease, vec![Change::StampUnsure(None), Change::Stamped { links: count }]).await;
    assert_eq!(desk.next_stamp().await.unwrap(), None);
    // One who gave it back in good order said all there is to say.
    desk.settled_person("acme", "ana", 7, at(200)).await;
    let lease = claim(&desk, at(201)).await.remove(0);
    desk.finished(&lease, Vec::new()).await;
    assert_eq!(unsure(&claim(&desk, at(202)).await.remove(0)).await, None);
}

pub(crate) async fn a_stamp_that_failed_waits_and_says_why(database: &impl Database) {
    let desk = named(database).await;
    desk.settled("acme", 1, at(0)).await;
    desk.settled("bolt", 2, at(0)).await;
    let error = LastError { status: Some(413), message: "too long".to_owned(), request_id: None, at: at(1) };
    let failed = || Change::StampFailed { due_at: at(90), error: error.clone() };
    for lease in claim(&desk, at(1)).await {
        desk.finished(&lease, vec![Change::Calls(None, Vec::new()), failed()]).await;
    }
    let stamp = desk.see("acme").await.stamp;
    assert_eq!((stamp.due_at, stamp.attempts, stamp.last_error), (Some(at(90)), 1, Some(error.clone())));
    assert_eq!((claim(&desk, at(89)).await, desk.next_stamp().await.unwrap()), (Vec::new(), Some(at(90))));
    assert_eq!(desk.see("acme").await.sync.state, SyncState::InSync);
    // A changed link does not wait.
    desk.settled_person("bolt", "ana", 7, at(2)).await;
    let leases = claim(&desk, at(2)).await;
    assert_eq!(leases.iter().map(|lease| lease.customer.as_str()).collect::<Vec<_>>(), ["bolt"]);
    assert_eq!(desk.links(&leases[0]).await.unwrap().unwrap().failed, 1);
    desk.finished(&leases[0], Vec::new()).await;
    stamp_all(&desk, at(90)).await;
    let stamp = desk.see("acme").await.stamp;
    assert_eq!((stamp.due_at, stamp.attempts, stamp.last_error), (None, 0, None));
}
