//! Questions of people and of the broker.

use super::super::{CustomerFilter, RetryScope, TokenSubject};
use super::*;
use crate::domain::ObjectId;

pub(crate) async fn listings_come_in_pages_in_the_order_of_ids(database: &impl Database) {
    let desk = Desk::of(database).await;
    for (number, id) in ["B", "a", "c", "a2", "~", "0"].into_iter().enumerate() {
        if id == "c" {
            desk.settled(id, number as u32 + 1, at(0)).await;
        } else {
            desk.put(id, &document("1"), at(0)).await;
        }
    }
    let page = async |state, after: Option<&str>, limit| {
        let filter = CustomerFilter { state, after: after.map(customer_id), limit };
        let found = desk.customers(&filter).await.unwrap();
        found.into_iter().map(|customer| customer.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(page(None, None, 4).await, ["0", "B", "a", "a2"]);
    assert_eq!(page(None, Some("a2"), 4).await, ["c", "~"]);
    assert_eq!(page(Some(SyncState::Pending), Some("a"), 9).await, ["a2", "~"]);
    assert_eq!(page(Some(SyncState::InSync), None, 9).await, ["c"]);
    assert_eq!(page(Some(SyncState::Rejected), None, 9).await, Vec::<String>::new());

    for id in ["zoe", "ana", "bob"] {
        desk.put_person("c", id, &person(id), at(0)).await;
        desk.put_person("a", id, &person(id), at(0)).await;
    }
    let names = async |after: Option<&str>| {
        let found = desk.users(&customer_id("c"), after.map(user_id).as_ref(), 2).await.unwrap();
        found.into_iter().map(|user| user.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!((names(None).await, names(Some("bob")).await), (vec!["ana".into(), "bob".into()], vec!["zoe".into()]));
}

/// Two customers and two users that fail, one of each that does not.
async fn failing_desk(database: &impl Database) -> Desk {
    let desk = Desk::of(database).await;
    desk.settled("good", 1, at(0)).await;
    desk.settled_person("good", "fine", 1, at(0)).await;
    desk.put_person("good", "bad", &person("bad"), at(0)).await;
    desk.put_person("good", "worse", &person("worse"), at(0)).await;
    let lease = desk.claim_one(at(0)).await;
    let changes = vec![
        Change::UserDone(user_id("bad"), retrying(1, at(0), 500)),
        Change::UserDone(user_id("worse"), rejected(1, at(0))),
    ];
    desk.finished(&lease, changes).await;
    for id in ["poor", "awful"] {
        desk.put(id, &document("1"), at(0)).await;
        let lease = desk.claim_one(at(0)).await;
        desk.finished(&lease, vec![Change::CustomerDone(rejected(1, at(0)))]).await;
    }
    desk
}

pub(crate) async fn failing_objects_are_listed_with_their_reason(database: &impl Database) {
    let desk = failing_desk(database).await;
    let names = async |after: Option<&str>, limit| {
        let after = after.map(|after| after.parse::<ObjectId>().unwrap());
        let found = desk.failing(after.as_ref(), limit).await.unwrap();
        found.iter().map(|failing| failing.object.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(None, 9).await, ["awful", "poor", "good/bad", "good/worse"]);
    assert_eq!(names(None, 1).await, ["awful"]);
    assert_eq!(names(Some("awful"), 2).await, ["poor", "good/bad"]);
    assert_eq!(names(Some("good/bad"), 9).await, ["good/worse"]);
    let first = desk.failing(None, 1).await.unwrap().remove(0);
    assert_eq!(first.sync, desk.see("awful").await.sync);
    assert_eq!(first.sync.last_error.unwrap().status, Some(503));
}

pub(crate) async fn counts_are_by_state(database: &impl Database) {
    let desk = failing_desk(database).await;
    let stats = desk.stats().await.unwrap();
    let pairs = |counts: std::collections::BTreeMap<SyncState, u64>| counts.into_iter().collect::<Vec<_>>();
    assert_eq!(pairs(stats.customers), [(SyncState::InSync, 1), (SyncState::Rejected, 2)]);
    assert_eq!(pairs(stats.users), [(SyncState::InSync, 1), (SyncState::Retrying, 1), (SyncState::Rejected, 1)]);
    assert_eq!(stats.next_due, Some(at(500)));
}

pub(crate) async fn a_retry_makes_failing_objects_due_now(database: &impl Database) {
    let desk = failing_desk(database).await;
    let one = |object: &str| RetryScope::One(object.parse().unwrap());
    for nothing in ["good/fine", "nobody", "good/nobody"] {
        assert_eq!(desk.retry(&one(nothing), at(1)).await.unwrap(), 0, "{nothing}");
    }
    assert_eq!(desk.due(at(1)).await, Vec::<String>::new());
    assert_eq!(desk.retry(&one("good/worse"), at(1)).await.unwrap(), 1);
    let worse = desk.see_person("good", "worse").await.unwrap().sync;
    assert_eq!((worse.state, worse.attempts, worse.next_attempt_at), (SyncState::Pending, 0, Some(at(1))));
    assert!(worse.last_error.is_some(), "what went wrong can still be read");
    let lease = desk.claim_one(at(1)).await;
    desk.finished(&lease, vec![Change::UserDone(user_id("worse"), rejected(1, at(1)))]).await;

    assert_eq!(desk.retry(&one("good"), at(2)).await.unwrap(), 2, "the customer's failing users too");
    assert_eq!(desk.retry(&one("poor"), at(3)).await.unwrap(), 1);
    assert_eq!(desk.due(at(3)).await, ["good", "poor"]);
}

pub(crate) async fn a_retry_of_all_leaves_the_others_alone(database: &impl Database) {
    let desk = failing_desk(database).await;
    let fine = desk.see_person("good", "fine").await;
    assert_eq!(desk.retry(&RetryScope::All, at(1)).await.unwrap(), 4);
    assert_eq!(desk.see_person("good", "fine").await, fine);
    let mut due = desk.due(at(1)).await;
    due.sort();
    assert_eq!(due, ["awful", "good", "poor"]);
    assert_eq!(desk.retry(&RetryScope::All, at(2)).await.unwrap(), 0);
}

pub(crate) async fn a_token_is_for_a_present_user_of_a_present_customer(database: &impl Database) {
    let desk = Desk::of(database).await;
    let subject =
        async |customer: &str, user: &str| desk.token_subject(&customer_id(customer), &user_id(user)).await.unwrap();
    assert_eq!(subject("acme", "ana").await, TokenSubject::NoSuchCustomer);
    desk.settled("acme", 1, at(0)).await;
    desk.settled("bolt", 2, at(0)).await;
    assert_eq!(subject("acme", "ana").await, TokenSubject::NoSuchUser);
    desk.put_person("acme", "ana", &person("ana"), at(0)).await;
    let not_yet = TokenSubject::NotYet { customer: SyncState::InSync, user: SyncState::Pending };
    assert_eq!(subject("acme", "ana").await, not_yet);
    desk.settled_person("acme", "ana", 7, at(0)).await;
    let ready = TokenSubject::Ready { entity_id: entity_id(1), entity_user_id: entity_user_id(7) };
    assert_eq!(subject("acme", "ana").await, ready);
    assert_eq!(subject("bolt", "ana").await, TokenSubject::NoSuchUser, "she is a user of another customer");
    desk.put_person("acme", "ana", &person_named("ana", "Anna"), at(1)).await;
    assert_eq!(subject("acme", "ana").await, ready, "a change under way takes no token away");

    desk.drop_customer("acme", at(2)).await;
    assert_eq!(subject("acme", "ana").await, TokenSubject::CustomerGone);
    let lease = desk.claim_one(at(2)).await;
    let inactive = EntityLink { id: entity_id(1), confirmed: document("+49 1").as_entity().clone(), active: false };
    desk.finished(&lease, vec![Change::Entity(Seen::Present(inactive))]).await;
    desk.put("acme", &document("+49 1"), at(3)).await;
    assert!(matches!(subject("acme", "ana").await, TokenSubject::NotYet { .. }), "not active again yet");
    desk.drop_person("acme", "ana", false, at(4)).await;
    assert_eq!(subject("acme", "ana").await, TokenSubject::NoSuchUser);
}

pub(crate) async fn a_sealed_secret_is_kept_under_its_name(database: &impl Database) {
    let desk = Desk::of(database).await;
    assert_eq!(desk.secret("a").await.unwrap(), None);
    desk.put_secret("a", &[0, 255, 1], at(0)).await.unwrap();
    desk.put_secret("b", b"other", at(0)).await.unwrap();
    desk.put_secret("a", &[9], at(1)).await.unwrap();
    assert_eq!(desk.secret("a").await.unwrap(), Some(vec![9]));
    assert_eq!(desk.secret("b").await.unwrap(), Some(b"other".to_vec()));
}
