//! What the product deletes is deleted at Monite, once, also when a visit is under way.

use super::super::{RetryScope, Wish};
use super::*;

pub(crate) async fn a_customer_that_never_reached_monite_is_deactivated_at_once(database: &impl Database) {
    let desk = Desk::of(database).await;
    assert_eq!(desk.delete_customer(&customer_id("acme"), Precondition::None, at(0)).await.unwrap(), None);
    desk.put("acme", &document("1"), at(0)).await;
    let gone = desk.drop_customer("acme", at(1)).await;
    assert_eq!((gone.wish, gone.sync.state, gone.sync.next_attempt_at), (Wish::Gone, SyncState::Deactivated, None));
    assert_eq!(gone.sync.generation, Generation(2));
    let again = desk.delete_customer(&customer_id("acme"), Precondition::None, at(2)).await.unwrap();
    assert_eq!(again, Some(Written::Unchanged(gone)));
    assert_eq!(desk.due(at(9)).await, Vec::<String>::new());
}

pub(crate) async fn a_deleted_customer_comes_back_with_the_same_entity(database: &impl Database) {
    let desk = Desk::of(database).await;
    let before = desk.settled("acme", 1, at(0)).await;
    desk.settled_person("acme", "ana", 1, at(0)).await;
    let gone = desk.drop_customer("acme", at(1)).await;
    assert_eq!((gone.sync.state, &gone.entity), (SyncState::Pending, &before.entity));
    let lease = desk.claim_one(at(1)).await;
    assert!(desk.visit(&lease, at(1)).await.customer_due);
    let deactivated = Progress { state: SyncState::Deactivated, ..done(2, at(1)) };
    desk.finished(&lease, vec![Change::CustomerDone(deactivated)]).await;
    assert_eq!(desk.see("acme").await.sync.state, SyncState::Deactivated);
    assert_eq!(desk.due(at(2)).await, Vec::<String>::new());

    let back = desk.put("acme", &document("+49 1"), at(3)).await; // the same document as before
    assert_eq!((back.wish, back.sync.state), (Wish::Present, SyncState::Pending));
    assert_eq!((back.sync.generation, back.entity), (Generation(3), before.entity));
    assert_eq!(desk.due(at(3)).await, ["acme"]);
    assert!(desk.see_person("acme", "ana").await.is_some());
}

pub(crate) async fn a_user_of_a_deleted_customer_waits_for_its_return(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.settled("acme", 1, at(0)).await;
    desk.drop_customer("acme", at(1)).await;
    let lease = desk.claim_one(at(1)).await;
    let deactivated = Progress { state: SyncState::Deactivated, ..done(2, at(1)) };
    desk.finished(&lease, vec![Change::CustomerDone(deactivated)]).await;

    let ana = desk.put_person("acme", "ana", &person("ana"), at(2)).await;
    assert_eq!((ana.sync.state, ana.sync.next_attempt_at), (SyncState::Deactivated, None));
    assert_eq!(desk.due(at(100)).await, Vec::<String>::new(), "nothing can be done for her");
    desk.put("acme", &document("+49 1"), at(101)).await;
    let ana = desk.see_person("acme", "ana").await.unwrap();
    assert_eq!((ana.sync.state, ana.sync.next_attempt_at), (SyncState::Pending, Some(at(101))));
    let lease = desk.claim_one(at(101)).await;
    assert_eq!(desk.visit(&lease, at(101)).await.users.len(), 1);
}

pub(crate) async fn users_that_were_not_at_monite_rest_with_their_customer(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.settled("acme", 1, at(0)).await;
    desk.settled_person("acme", "there", 1, at(0)).await;
    for user in ["new", "tried", "refused", "leaving"] {
        desk.put_person("acme", user, &person(user), at(1)).await;
    }
    let lease = desk.claim_one(at(1)).await;
    let changes = vec![
        Change::UserDone(user_id("tried"), retrying(1, at(1), 30)),
        Change::UserDone(user_id("refused"), rejected(1, at(1))),
    ];
    desk.recorded(&lease, changes).await;
    desk.drop_person("acme", "leaving", false, at(2)).await;
    desk.drop_customer("acme", at(2)).await;
    let states = async |expected: [SyncState; 5]| {
        let mut found = Vec::new();
        for user in ["there", "new", "tried", "refused", "leaving"] {
            found.push(desk.see_person("acme", user).await.unwrap().sync.state);
        }
        assert_eq!(found, expected);
    };
    use SyncState::{Deactivated, InSync, Pending, Rejected};
    states([InSync, Deactivated, Deactivated, Rejected, Pending]).await;
    // The visit that was under way ends with a failure: she would be tried again if her customer were there.
    desk.finished(&lease, vec![Change::UserDone(user_id("new"), retrying(1, at(3), 30))]).await;
    states([InSync, Deactivated, Deactivated, Rejected, Pending]).await;
    let users = desk.stats().await.unwrap().users;
    assert_eq!(users[&Deactivated], 2);

    let record = json!({"id": "acme", "type": "organization", "email": "ap@example.com", "organization": {"legal_name": "Back"},
        "address": {"country": "DE", "city": "Bonn", "line1": "Weg 1", "postal_code": "53111"}});
    let record = crate::domain::document::parse_record(&record, &crate::domain::role::RoleTemplates::presets());
    desk.import(&[record.unwrap()], at(4)).await.unwrap();
    states([InSync, Pending, Pending, Rejected, Pending]).await;
    assert_eq!(desk.see_person("acme", "new").await.unwrap().sync.next_attempt_at, Some(at(4)));
}

pub(crate) async fn a_retry_lets_users_of_a_deleted_customer_rest(database: &impl Database) {
    let desk = Desk::of(database).await;
    let one = RetryScope::One("one".parse().unwrap());
    for (customer, entity, scope) in [("all", 1, RetryScope::All), ("one", 2, one)] {
        desk.settled(customer, entity, at(0)).await;
        desk.put_person(customer, "refused", &person("refused"), at(1)).await;
        let lease = desk.claim_one(at(1)).await;
        desk.finished(&lease, vec![Change::UserDone(user_id("refused"), rejected(1, at(1)))]).await;
        desk.drop_customer(customer, at(2)).await;
        let lease = desk.claim_one(at(2)).await;
        let deactivated = Progress { state: SyncState::Deactivated, ..done(2, at(2)) };
        desk.finished(&lease, vec![Change::CustomerDone(deactivated)]).await;
        assert_eq!(desk.retry(&scope, at(3)).await.unwrap(), 1);
        let refused = desk.see_person(customer, "refused").await.unwrap().sync;
        assert_eq!((refused.state, refused.next_attempt_at), (SyncState::Deactivated, None), "{scope:?}");
        assert_eq!(desk.next_due().await.unwrap(), None, "{scope:?}");
    }
}

pub(crate) async fn users_of_a_deleted_customer_can_still_be_deleted(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.settled("acme", 1, at(0)).await;
    desk.settled_person("acme", "ana", 1, at(0)).await;
    desk.drop_customer("acme", at(1)).await;
    let lease = desk.claim_one(at(1)).await;
    let deactivated = Progress { state: SyncState::Deactivated, ..done(2, at(1)) };
    desk.finished(&lease, vec![Change::CustomerDone(deactivated)]).await;
    desk.drop_person("acme", "ana", false, at(2)).await;
    assert_eq!(desk.due(at(2)).await, ["acme"]);
}

pub(crate) async fn a_user_that_never_reached_monite_goes_away_at_once(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.settled("acme", 1, at(0)).await;
    desk.put_person("acme", "ana", &person("ana"), at(0)).await;
    let gone = desk.drop_person("acme", "ana", false, at(1)).await;
    assert_eq!((gone.wish, gone.sync.state, gone.sync.next_attempt_at), (Wish::Gone, SyncState::Deactivated, None));
    assert_eq!(desk.see_person("acme", "ana").await, None);
    assert_eq!(desk.due(at(2)).await, Vec::<String>::new());
    let again =
        desk.delete_user(&customer_id("acme"), &user_id("ana"), Precondition::None, false, at(2)).await.unwrap();
    assert_eq!(again, None);
}

pub(crate) async fn a_user_at_monite_is_deleted_there_first(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.settled("acme", 1, at(0)).await;
    desk.settled_person("acme", "ana", 7, at(0)).await;
    let gone = desk.drop_person("acme", "ana", false, at(1)).await;
    assert_eq!((gone.wish, gone.sync.state, gone.sync.generation), (Wish::Gone, SyncState::Pending, Generation(2)));
    let twice =
        desk.delete_user(&customer_id("acme"), &user_id("ana"), Precondition::None, false, at(1)).await.unwrap();
    assert_eq!(twice, None);

    let lease = desk.claim_one(at(1)).await;
    let visit = desk.visit(&lease, at(1)).await;
    assert!(!visit.customer_due);
    assert_eq!(visit.users[0].entity_user.present().unwrap().id, entity_user_id(7));
    desk.finished(&lease, vec![Change::UserGone(user_id("ana"), Generation(2))]).await;
    assert_eq!(desk.see_person("acme", "ana").await, None);
    assert_eq!(desk.due(at(9)).await, Vec::<String>::new());
}

pub(crate) async fn a_user_written_again_during_its_deletion_is_created_anew(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.settled("acme", 1, at(0)).await;
    desk.settled_person("acme", "ana", 7, at(0)).await;
    desk.drop_person("acme", "ana", false, at(1)).await;
    let lease = desk.claim_one(at(1)).await;
    let back = desk
        .put_user(&customer_id("acme"), &user_id("ana"), &person("ana"), Precondition::Missing, at(2))
        .await
        .unwrap();
    assert!(matches!(back, Written::Created(_)), "a deleted user is not there: {back:?}");
    desk.finished(&lease, vec![Change::UserGone(user_id("ana"), Generation(2))]).await;

    let ana = desk.see_person("acme", "ana").await.expect("she is wanted again");
    assert_eq!((ana.wish, ana.sync.state, ana.sync.generation), (Wish::Present, SyncState::Pending, Generation(3)));
    assert_eq!(ana.entity_user, Seen::Absent);
    assert_eq!(desk.due(at(2)).await, ["acme"]);
}

pub(crate) async fn a_user_to_be_kept_at_monite_is_only_forgotten(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.settled("acme", 1, at(0)).await;
    desk.settled_person("acme", "ana", 7, at(0)).await;
    desk.drop_person("acme", "ana", true, at(1)).await;
    assert_eq!(desk.see_person("acme", "ana").await, None);
    assert_eq!(desk.due(at(9)).await, Vec::<String>::new());
}

/// The visit has read the user and may be creating it right now: what it finds out must have a row to land in.
pub(crate) async fn a_user_deleted_while_a_visit_creates_it_is_deleted_afterwards(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.settled("acme", 1, at(0)).await;
    desk.put_person("acme", "ana", &person("ana"), at(1)).await;
    let lease = desk.claim_one(at(1)).await;
    desk.drop_person("acme", "ana", false, at(2)).await;
    let changes = vec![
        Change::User(user_id("ana"), entity_user(7, &person("ana"))),
        Change::UserDone(user_id("ana"), done(1, at(3))),
    ];
    desk.finished(&lease, changes).await;

    let lease = desk.claim_one(at(3)).await;
    let visit = desk.visit(&lease, at(3)).await;
    assert_eq!((visit.users[0].wish, visit.users[0].sync.state), (Wish::Gone, SyncState::Pending));
    assert_eq!(visit.users[0].entity_user.present().unwrap().id, entity_user_id(7));
}

pub(crate) async fn a_user_to_be_kept_goes_when_the_visit_under_way_ends(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.settled("acme", 1, at(0)).await;
    desk.put_person("acme", "ana", &person("ana"), at(1)).await;
    let lease = desk.claim_one(at(1)).await;
    desk.drop_person("acme", "ana", true, at(2)).await;
    let again = desk.delete_user(&customer_id("acme"), &user_id("ana"), Precondition::None, true, at(2)).await.unwrap();
    assert_eq!(again, None);
    let changes = vec![
        Change::User(user_id("ana"), entity_user(7, &person("ana"))),
        Change::UserDone(user_id("ana"), done(1, at(3))),
    ];
    desk.finished(&lease, changes).await;
    assert_eq!(desk.see_person("acme", "ana").await, None);
    assert_eq!(desk.due(at(9)).await, Vec::<String>::new());
}

pub(crate) async fn an_entity_that_appears_under_a_deleted_customer_is_due(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.put("acme", &document("1"), at(0)).await;
    let lease = desk.claim_one(at(0)).await;
    assert_eq!(desk.drop_customer("acme", at(1)).await.sync.state, SyncState::Deactivated);
    desk.recorded(&lease, vec![Change::Entity(attempted(&document("1"), at(2)))]).await;
    // The worker dies here. The lease ends, and there may be an entity to deactivate.
    let lease = desk.claim_one(at(60)).await;
    let visit = desk.visit(&lease, at(60)).await;
    assert!(visit.customer_due);
    assert_eq!((visit.customer.wish, visit.customer.sync.state), (Wish::Gone, SyncState::Pending));
    let Seen::Unknown(attempt) = attempted(&document("1"), at(2)) else { unreachable!("it says so") };
    let lands_by = at(60) + crate::domain::LANDS_WITHIN_UNSEEN;
    assert_eq!(visit.customer.entity, Seen::Unknown(Attempt { lands_by, ..attempt }));
}
