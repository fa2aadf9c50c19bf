//! What the product writes is kept, in order, and costs nothing when it is the same.

use super::*;

pub(crate) async fn what_was_written_is_read_back_to_the_letter(database: &impl Database) {
    let desk = Desk::of(database).await;
    let written = desk.put("acme", &document("+49 221 1"), at(0)).await;
    assert_eq!(desk.see("acme").await, written);
    assert_eq!(written.document, document("+49 221 1"));
    assert_eq!((written.sync.state, written.sync.generation), (SyncState::Pending, Generation::FIRST));
    assert_eq!(written.sync.next_attempt_at, Some(at(0)));
    let ana = desk.put_person("acme", "ana", &person_named("ana@example.com", "Ana \"Ñ\" 'x'"), at(1)).await;
    assert_eq!(desk.see_person("acme", "ana").await, Some(ana.clone()));
    assert_eq!(ana.document, person_named("ana@example.com", "Ana \"Ñ\" 'x'"));
    assert_eq!(desk.customer(&customer_id("ACME")).await.unwrap(), None, "ids are case-sensitive");
}

pub(crate) async fn the_same_document_again_writes_nothing(database: &impl Database) {
    let desk = Desk::of(database).await;
    let before = desk.settled("acme", 1, at(0)).await;
    let user_before = desk.settled_person("acme", "ana", 1, at(0)).await;
    let again = desk.put_customer(&customer_id("acme"), &document("+49 1"), Precondition::None, at(9)).await.unwrap();
    assert_eq!(again, Written::Unchanged(before.clone()));
    let again =
        desk.put_user(&customer_id("acme"), &user_id("ana"), &person("ana"), Precondition::None, at(9)).await.unwrap();
    assert_eq!(again, Written::Unchanged(user_before));
    assert_eq!(desk.see("acme").await, before);
    assert_eq!(desk.due(at(1000)).await, Vec::<String>::new());
}

pub(crate) async fn another_document_is_a_new_generation_that_is_due_at_once(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.put("acme", &document("1"), at(0)).await;
    let lease = desk.claim_one(at(0)).await;
    desk.finished(&lease, vec![Change::CustomerDone(retrying(1, at(1), 500))]).await;
    let failing = desk.see("acme").await.sync;
    assert_eq!((failing.state, failing.attempts), (SyncState::Retrying, 3));
    assert_eq!(failing.last_error.unwrap().message, "no \u{1F4A5}");

    let written = desk.put_customer(&customer_id("acme"), &document("2"), Precondition::None, at(2)).await.unwrap();
    let Written::Changed(changed) = written else { panic!("{written:?}") };
    assert_eq!(changed.document, document("2"));
    let sync = changed.sync;
    assert_eq!(
        (sync.state, sync.generation, sync.attempts, sync.last_error),
        (SyncState::Pending, Generation(2), 0, None)
    );
    assert_eq!(desk.due(at(2)).await, ["acme"]);
}

pub(crate) async fn preconditions_guard_against_lost_updates(database: &impl Database) {
    let desk = Desk::of(database).await;
    let acme = customer_id("acme");
    let put = async |phone: &str, when| desk.put_customer(&acme, &document(phone), when, at(0)).await.unwrap();
    assert_eq!(put("1", Precondition::Exists).await, Written::Failed(None));
    assert_eq!(put("1", Precondition::Generation(Generation(1))).await, Written::Failed(None));
    assert!(matches!(put("1", Precondition::Missing).await, Written::Created(_)));
    assert_eq!(put("2", Precondition::Missing).await, Written::Failed(Some(Generation(1))));
    assert!(matches!(put("2", Precondition::Generation(Generation(1))).await, Written::Changed(_)));
    assert_eq!(put("3", Precondition::Generation(Generation(1))).await, Written::Failed(Some(Generation(2))));
    assert!(matches!(put("3", Precondition::Exists).await, Written::Changed(_)));
    assert_eq!(desk.see("acme").await.document, document("3"));

    let stale = Precondition::Generation(Generation(1));
    assert_eq!(desk.delete_customer(&acme, stale, at(1)).await.unwrap(), Some(Written::Failed(Some(Generation(3)))));
    desk.put_person("acme", "ana", &person("ana"), at(1)).await;
    let wrong = Precondition::Generation(Generation(7));
    let put = desk.put_user(&acme, &user_id("ana"), &person("ana2"), wrong, at(1)).await.unwrap();
    assert_eq!(put, Written::Failed(Some(Generation(1))));
    let deleted = desk.delete_user(&acme, &user_id("ana"), wrong, false, at(1)).await.unwrap();
    assert_eq!(deleted, Some(Written::Failed(Some(Generation(1)))));
}

pub(crate) async fn a_user_needs_its_customer(database: &impl Database) {
    let desk = Desk::of(database).await;
    let put =
        desk.put_user(&customer_id("acme"), &user_id("ana"), &person("ana"), Precondition::None, at(0)).await.unwrap();
    assert_eq!(put, Written::NoSuchCustomer);
    assert_eq!(desk.see_person("acme", "ana").await, None);
}

pub(crate) async fn a_login_belongs_to_one_user_of_a_customer(database: &impl Database) {
    let desk = Desk::of(database).await;
    for customer in ["acme", "bolt"] {
        desk.put(customer, &document("1"), at(0)).await;
        desk.put_person(customer, "ana", &person("ana@example.com"), at(0)).await; // another customer may have it too
    }
    let taken = desk
        .put_user(&customer_id("acme"), &user_id("eva"), &person("ana@example.com"), Precondition::None, at(1))
        .await
        .unwrap();
    let Written::Refused(errors) = taken else { panic!("{taken:?}") };
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].field, "login");
    assert!(errors[0].message.contains("\"ana\""), "it names who has it: {}", errors[0].message);
    assert_eq!(desk.see_person("acme", "eva").await, None);
    // Ana may keep it in a changed document.
    assert_eq!(
        desk.put_person("acme", "ana", &person_named("ana@example.com", "Anna"), at(1)).await.sync.generation.0,
        2
    );
}

pub(crate) async fn the_login_of_a_deleted_user_is_free(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.settled("acme", 1, at(0)).await;
    desk.settled_person("acme", "ana", 1, at(0)).await;
    desk.drop_person("acme", "ana", false, at(1)).await; // still to be deleted at Monite
    desk.put_person("acme", "eva", &person("ana"), at(2)).await;
    let back =
        desk.put_user(&customer_id("acme"), &user_id("ana"), &person("ana"), Precondition::None, at(3)).await.unwrap();
    assert!(matches!(back, Written::Refused(_)), "by now it is Eva's: {back:?}");
}

pub(crate) async fn what_monite_can_never_change_is_refused(database: &impl Database) {
    let desk = Desk::of(database).await;
    let acme = customer_id("acme");
    let put = async |country: &str, now| {
        desk.put_customer(&acme, &document_in(country, "1"), Precondition::None, now).await.unwrap()
    };
    assert!(matches!(put("DE", at(0)).await, Written::Created(_)));
    assert!(matches!(put("AT", at(1)).await, Written::Changed(_)), "nothing is at Monite yet");

    let lease = desk.claim_one(at(2)).await;
    desk.recorded(&lease, vec![Change::Entity(attempted(&document_in("AT", "1"), at(2)))]).await;
    let refused = put("DE", at(3)).await;
    let Written::Refused(errors) = &refused else { panic!("an attempt may have landed: {refused:?}") };
    assert_eq!(errors[0].field, "address.country");

    desk.finished(&lease, vec![Change::Entity(entity(1, &document_in("AT", "1")))]).await;
    assert!(matches!(put("DE", at(4)).await, Written::Refused(_)));
    assert!(matches!(put("AT", at(4)).await, Written::Unchanged(_)));
    desk.drop_customer("acme", at(5)).await;
    assert!(matches!(put("DE", at(6)).await, Written::Refused(_)), "it would come back with the same entity");
    assert_eq!(desk.see("acme").await.document, document_in("AT", "1"));
}
