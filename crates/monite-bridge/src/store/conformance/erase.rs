//! Erasures: begun once, fenced, and nothing but ids is kept.

use monite::EntityId;

use super::*;
use crate::store::{Erasure, TokenEnds};

fn eraser() -> WorkerId {
    worker(&format!("{}test", Erasure::WORKER))
}

async fn taken(desk: &Desk, id: &str, now: Timestamp) -> Option<Lease> {
    desk.claim_erasure(&eraser(), &customer_id(id), now, LEASE).await.unwrap()
}

pub(crate) async fn an_erasure_goes_on_until_it_is_purged_and_keeps_ids_only(database: &impl Database) {
    let desk = Desk::of(database).await;
    let acme = customer_id("acme");
    assert_eq!(desk.begin_erasure(&acme, at(0)).await.unwrap(), None, "never known");
    desk.settled("acme", 1, at(0)).await;
    desk.settled_person("acme", "ana", 2, at(0)).await;
    desk.settled("beta", 3, at(0)).await;
    assert_eq!(taken(&desk, "acme", at(1)).await, None, "it is not being erased");
    let begun = desk.begin_erasure(&acme, at(1)).await.unwrap().unwrap();
    let expected =
        Erasure { customer: acme.clone(), entity: None, begun_at: at(1), purged_at: None, finished_at: None };
    assert_eq!(begun, expected);
    assert_eq!(desk.begin_erasure(&acme, at(2)).await.unwrap().as_ref(), Some(&begun), "twice is the same as once");
    assert_eq!(desk.see("acme").await.wish, crate::store::Wish::Gone);

    let lease = taken(&desk, "acme", at(3)).await.unwrap();
    assert_eq!(taken(&desk, "acme", at(4)).await, None, "one at a time");
    let stale = Lease { fence: lease.fence - 1, ..lease.clone() };
    assert_eq!(desk.purge(&stale, None, at(5)).await.unwrap(), Fenced::LeaseLost);
    assert_eq!(desk.purge(&lease, Some(entity_id(1)), at(5)).await.unwrap(), Fenced::Recorded);
    assert_eq!(desk.customer(&acme).await.unwrap(), None);
    assert_eq!(desk.see_person("acme", "ana").await, None);
    assert_eq!(desk.owners(&[entity_id(1)]).await.unwrap(), std::collections::BTreeMap::<EntityId, CustomerId>::new());
    assert_eq!(desk.purge(&lease, None, at(6)).await.unwrap(), Fenced::LeaseLost, "once");
    desk.finish_erasure(&acme, at(7)).await.unwrap();
    desk.finish_erasure(&acme, at(8)).await.unwrap();
    let done = Erasure { entity: Some(entity_id(1)), purged_at: Some(at(5)), finished_at: Some(at(7)), ..begun };
    assert_eq!(Desk::of(database).await.erasure(&acme).await.unwrap(), Some(done.clone()), "at every process");
    assert_eq!(desk.begin_erasure(&acme, at(9)).await.unwrap(), Some(done), "there is nothing to begin");
    assert_eq!(desk.see("beta").await.wish, crate::store::Wish::Present);
}

pub(crate) async fn a_customer_that_is_being_erased_cannot_be_written(database: &impl Database) {
    let desk = Desk::of(database).await;
    let acme = customer_id("acme");
    desk.settled("acme", 1, at(0)).await;
    desk.begin_erasure(&acme, at(1)).await.unwrap();
    let put = desk.put_customer(&acme, &document("+49 2"), Precondition::None, at(2)).await.unwrap();
    assert_eq!(put, Written::BeingErased);
    let put = desk.put_user(&acme, &user_id("ana"), &person("ana"), Precondition::None, at(2)).await.unwrap();
    assert_eq!(put, Written::BeingErased);
    let lease = taken(&desk, "acme", at(3)).await.unwrap();
    assert_eq!(desk.purge(&lease, None, at(4)).await.unwrap(), Fenced::Recorded);
    // From then on the id is free, and leases of before open nothing of the new one.
    desk.put("acme", &document("+49 3"), at(5)).await;
    let new = desk.claim_one(at(5)).await;
    assert!(new.fence > lease.fence, "{new:?} {lease:?}");
    assert_eq!(desk.record(&lease, Vec::new()).await.unwrap(), Fenced::LeaseLost);
}

pub(crate) async fn whose_tokens_end_is_told_when_an_erasure_begins(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.settled("acme", 1, at(0)).await;
    desk.settled_person("acme", "ana", 2, at(0)).await;
    let TokenEnds { upto, .. } = desk.token_ends(None).await.unwrap();
    desk.begin_erasure(&customer_id("acme"), at(1)).await.unwrap();
    let told = desk.token_ends(Some(upto)).await.unwrap();
    assert!(format!("{told:?}").contains("acme"), "{told:?}");
}
