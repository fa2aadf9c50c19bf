//! Work is shared: one customer, one worker, and nobody writes with a lease that is not theirs any more.

use std::collections::BTreeSet;

use super::*;

pub(crate) async fn claims_are_exclusive_among_concurrent_workers(database: &impl Database) {
    let desk = Desk::of(database).await;
    for number in 0..60 {
        desk.put(&format!("c{number:02}"), &document("1"), at(0)).await;
    }
    let one = database.open().await;
    let workers = (0..8).map(|number| {
        let store = if number % 2 == 0 { desk.0.clone() } else { one.clone() };
        tokio::spawn(async move {
            let name = worker(&format!("w{number}"));
            let mut mine = Vec::new();
            loop {
                let claimed = store.claim_due(&name, at(0), LEASE, 7, None).await.unwrap();
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
    assert_eq!(all.len(), 60, "each once");
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>().len(), 60, "all of them");
}

pub(crate) async fn the_longest_waiting_come_first(database: &impl Database) {
    let desk = Desk::of(database).await;
    for (id, second) in [("late", 3), ("early", 1), ("future", 50), ("middle", 2)] {
        desk.put(id, &document("1"), at(second)).await;
    }
    let first = desk.claim_due(&worker("w"), at(3), LEASE, 2, None).await.unwrap();
    assert_eq!(first.iter().map(|lease| lease.customer.as_str()).collect::<Vec<_>>(), ["early", "middle"]);
    assert_eq!(first[0].until, at(63));
    assert_eq!(desk.due(at(3)).await, ["late"]);
    assert_eq!(desk.next_due().await.unwrap(), Some(at(50)));
}

pub(crate) async fn one_customer_can_be_claimed_by_name(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.put("acme", &document("1"), at(0)).await;
    desk.put("bolt", &document("1"), at(0)).await;
    let bolt = customer_id("bolt");
    let only = async |now| desk.claim_due(&worker("w"), now, LEASE, 9, Some(&bolt)).await.unwrap();
    assert_eq!(only(at(0)).await.len(), 1);
    assert_eq!(only(at(0)).await.len(), 0, "somebody has it");
    assert_eq!(desk.due(at(0)).await, ["acme"]);
}

pub(crate) async fn the_customer_of_a_dead_worker_comes_back_and_its_lease_is_worth_nothing(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.put("acme", &document("1"), at(0)).await;
    let old = desk.claim_one(at(0)).await;
    assert_eq!(desk.due(at(59)).await, Vec::<String>::new());
    assert_eq!(desk.next_due().await.unwrap(), Some(at(60)));
    let new = desk.claim_one(at(60)).await;
    assert!(new.fence > old.fence);

    let change = || vec![Change::Entity(entity(1, &document("1"))), Change::CustomerDone(done(1, at(61)))];
    assert_eq!(desk.record(&old, change()).await.unwrap(), Fenced::LeaseLost);
    assert_eq!(desk.finish(&old, change()).await.unwrap(), Fenced::LeaseLost);
    assert_eq!(desk.renew(std::slice::from_ref(&old), at(500)).await.unwrap(), []);
    assert_eq!(desk.open(&old, at(61), 9).await.unwrap(), None);
    assert_eq!(desk.see("acme").await.entity, Seen::Absent, "nothing was written");
    assert_eq!(desk.next_due().await.unwrap(), Some(at(120)));

    desk.finished(&new, change()).await;
    assert_eq!(desk.see("acme").await.sync.state, SyncState::InSync);
    assert_eq!(desk.finish(&new, change()).await.unwrap(), Fenced::LeaseLost, "it was given back");
    assert_eq!(desk.open(&new, at(61), 9).await.unwrap(), None);
}

pub(crate) async fn a_renewed_lease_lasts_longer(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.put("acme", &document("1"), at(0)).await;
    desk.put("bolt", &document("1"), at(0)).await;
    let leases = desk.claim(at(0)).await;
    desk.finished(&leases[1], Vec::new()).await;
    let renewed = desk.renew(&leases, at(100)).await.unwrap();
    assert_eq!(renewed, [Lease { until: at(100), ..leases[0].clone() }]);
    desk.recorded(&leases[0], vec![Change::RolesListed]).await; // the old value of the same lease still holds
    assert_eq!(desk.due(at(99)).await, ["bolt"]);
    assert_eq!(desk.due(at(100)).await, ["acme"]);
}

pub(crate) async fn a_write_during_a_visit_makes_the_customer_due_again(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.put("acme", &document("1"), at(0)).await;
    let lease = desk.claim_one(at(0)).await;
    desk.put("acme", &document("2"), at(1)).await;
    assert_eq!(desk.due(at(2)).await, Vec::<String>::new(), "it is in somebody's hands");
    assert_eq!(desk.next_due().await.unwrap(), Some(at(60)), "and nobody need ask before the lease ends");

    desk.finished(&lease, vec![Change::Entity(entity(1, &document("1"))), Change::CustomerDone(done(1, at(3)))]).await;
    let acme = desk.see("acme").await;
    assert_eq!((acme.sync.state, acme.sync.generation), (SyncState::Pending, Generation(2)));
    assert_eq!((acme.sync.synced_generation, acme.sync.synced_at), (Some(Generation(1)), Some(at(3))));
    let lease = desk.claim_one(at(3)).await;
    assert!(desk.visit(&lease, at(3)).await.customer_due);
    desk.finished(&lease, vec![Change::CustomerDone(done(2, at(4)))]).await;
    assert_eq!(desk.due(at(9)).await, Vec::<String>::new());
}

pub(crate) async fn a_failure_of_an_old_document_says_nothing_about_the_new_one(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.settled("acme", 1, at(0)).await;
    desk.put_person("acme", "ana", &person("ana"), at(1)).await;
    let lease = desk.claim_one(at(1)).await;
    desk.put_person("acme", "ana", &person_named("ana", "Anna"), at(2)).await;
    desk.finished(&lease, vec![Change::UserDone(user_id("ana"), rejected(1, at(3)))]).await;
    let sync = desk.see_person("acme", "ana").await.unwrap().sync;
    assert_eq!((sync.state, sync.last_error, sync.synced_generation), (SyncState::Pending, None, None));
    assert_eq!(desk.due(at(3)).await, ["acme"]);
}

pub(crate) async fn an_object_is_not_tried_before_its_time(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.put("acme", &document("1"), at(0)).await;
    let lease = desk.claim_one(at(0)).await;
    desk.finished(&lease, vec![Change::CustomerDone(retrying(1, at(0), 30))]).await;
    assert_eq!(desk.due(at(29)).await, Vec::<String>::new());
    assert_eq!(desk.next_due().await.unwrap(), Some(at(30)));
    assert_eq!(desk.due(at(30)).await, ["acme"]);
}

pub(crate) async fn users_wake_their_customer_once_its_entity_exists(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.put("acme", &document("1"), at(0)).await;
    let lease = desk.claim_one(at(0)).await;
    desk.put_person("acme", "ana", &person("ana"), at(1)).await;
    desk.finished(&lease, vec![Change::CustomerDone(rejected(1, at(2)))]).await;
    assert_eq!(desk.due(at(9)).await, Vec::<String>::new(), "nothing can be done for her yet");

    desk.put("acme", &document("2"), at(10)).await;
    let lease = desk.claim_one(at(10)).await;
    desk.finished(&lease, vec![Change::Entity(entity(1, &document("2"))), Change::CustomerDone(done(2, at(11)))]).await;
    assert_eq!(desk.next_due().await.unwrap(), Some(at(1)), "she waits since she was written");
    let lease = desk.claim_one(at(11)).await;
    desk.finished(&lease, vec![Change::UserDone(user_id("ana"), retrying(1, at(12), 8))]).await;
    assert_eq!(desk.due(at(19)).await, Vec::<String>::new());
    assert_eq!(desk.due(at(20)).await, ["acme"]);
}
