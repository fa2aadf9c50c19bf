//! What a sweep saw is written down where nothing has changed since, and small values are swapped by one at a time.

use super::super::{AsRead, Consequence, Sighting};
use super::*;

impl Desk {
    async fn as_read(&self) -> AsRead {
        let visit = self.peek(&customer_id("acme"), 0).await.unwrap().unwrap();
        AsRead::Customer(visit.customer, visit.roles)
    }

    async fn person_as_read(&self) -> AsRead {
        AsRead::User(self.see_person("acme", "ana").await.unwrap())
    }

    /// Somebody changed the phone at Monite, or the first name.
    async fn saw(&self, read: AsRead, then: Consequence, now: Timestamp) -> bool {
        let change = match &read {
            AsRead::Customer(..) => Change::Entity(entity(1, &document("+49 99"))),
            AsRead::User(user) => Change::User(user.id.clone(), entity_user(1, &person_named("ana", "Other"))),
        };
        self.note_seen(Sighting { read, changes: vec![change], then }, now).await.unwrap()
    }
}

fn differs(now: Timestamp) -> LastError {
    LastError { status: None, message: "phone: \"a\" -> \"b\"".to_owned(), request_id: None, at: now }
}

async fn settled(database: &impl Database) -> Desk {
    let desk = Desk::of(database).await;
    desk.settled("acme", 1, at(0)).await;
    desk.settled_person("acme", "ana", 1, at(0)).await;
    desk
}

pub(crate) async fn what_is_to_be_set_right_is_due(database: &impl Database) {
    let desk = settled(database).await;
    assert!(desk.saw(desk.as_read().await, Consequence::Due, at(5)).await);
    assert!(desk.saw(desk.person_as_read().await, Consequence::Due, at(6)).await);
    let (acme, ana) = (desk.see("acme").await, desk.see_person("acme", "ana").await.unwrap());
    assert_eq!((acme.sync.state, acme.sync.next_attempt_at), (SyncState::Pending, Some(at(5))));
    assert_eq!((ana.sync.state, ana.sync.next_attempt_at), (SyncState::Pending, Some(at(6))));
    assert_eq!(acme.entity, entity(1, &document("+49 99")));
    assert_eq!(ana.entity_user, entity_user(1, &person_named("ana", "Other")));
    assert_eq!((acme.sync.generation, acme.sync.synced_generation), (Generation(1), Some(Generation(1))));
    assert_eq!(desk.due(at(6)).await, ["acme"]);
}

pub(crate) async fn what_is_reported_waits_for_a_retry_or_a_new_document(database: &impl Database) {
    let desk = settled(database).await;
    assert!(desk.saw(desk.as_read().await, Consequence::Drifted(differs(at(5))), at(5)).await);
    assert!(desk.saw(desk.person_as_read().await, Consequence::Drifted(differs(at(5))), at(5)).await);
    let (acme, ana) = (desk.see("acme").await, desk.see_person("acme", "ana").await.unwrap());
    assert_eq!((acme.sync.state, acme.sync.last_error), (SyncState::Drifted, Some(differs(at(5)))));
    assert_eq!((ana.sync.state, ana.sync.last_error), (SyncState::Drifted, Some(differs(at(5)))));
    assert_eq!(desk.failing(None, 9).await.unwrap().len(), 2);
    assert_eq!(desk.due(at(99)).await, Vec::<String>::new());

    let again = desk.as_read().await;
    assert!(desk.saw(again, Consequence::Settled(SyncState::InSync), at(6)).await);
    let acme = desk.see("acme").await;
    assert_eq!((acme.sync.state, acme.sync.last_error), (SyncState::InSync, None));
    let scope = super::super::RetryScope::One("acme/ana".parse().unwrap());
    assert_eq!(desk.retry(&scope, at(7)).await.unwrap(), 1);
    assert_eq!(desk.due(at(7)).await, ["acme"]);
}

pub(crate) async fn a_sighting_may_only_tell_what_is_there(database: &impl Database) {
    let desk = settled(database).await;
    let before = desk.see("acme").await;
    assert!(desk.saw(desk.as_read().await, Consequence::AsItWas, at(5)).await);
    let acme = desk.see("acme").await;
    assert_eq!(acme.sync, before.sync);
    assert_ne!(acme.entity, before.entity);
    assert_eq!(desk.due(at(99)).await, Vec::<String>::new());
}

pub(crate) async fn what_is_newer_than_a_sighting_stays(database: &impl Database) {
    let desk = settled(database).await;
    let (acme, ana) = (desk.as_read().await, desk.person_as_read().await);
    let lease = desk.written_and_claimed().await;
    assert!(!desk.saw(desk.as_read().await, Consequence::Due, at(3)).await, "a visit has it in hand");
    assert!(!desk.saw(desk.person_as_read().await, Consequence::Due, at(3)).await, "a visit has it in hand");
    let changes = vec![Change::CustomerDone(done(2, at(3))), Change::UserDone(user_id("ana"), done(2, at(3)))];
    desk.finished(&lease, changes).await;
    let now = (desk.see("acme").await, desk.see_person("acme", "ana").await);
    assert!(!desk.saw(acme, Consequence::Due, at(4)).await);
    assert!(!desk.saw(ana, Consequence::Due, at(4)).await);
    assert_eq!((desk.see("acme").await, desk.see_person("acme", "ana").await), now);

    // A role is part of what was read of a customer.
    let read = desk.as_read().await;
    desk.put("acme", &document("3"), at(5)).await;
    let lease = desk.claim_one(at(5)).await;
    let role = crate::domain::role::RoleName::parse("viewer").unwrap();
    let link = crate::domain::RoleLink { id: uuid::Uuid::from_u128(7).into(), confirmed: monite::Permissions::new() };
    desk.finished(&lease, vec![Change::Role(role, Seen::Present(link)), Change::CustomerDone(done(3, at(5)))]).await;
    let AsRead::Customer(_, no_roles) = read else { panic!("a customer was read") };
    let read = AsRead::Customer(desk.see("acme").await, no_roles);
    assert!(!desk.saw(read, Consequence::Due, at(6)).await);
    assert!(desk.saw(desk.as_read().await, Consequence::Due, at(6)).await);
}

impl Desk {
    async fn written_and_claimed(&self) -> Lease {
        self.put("acme", &document("2"), at(2)).await;
        self.put_person("acme", "ana", &person_named("ana", "2"), at(2)).await;
        self.claim_one(at(2)).await
    }
}

pub(crate) async fn users_are_found_by_what_they_are_linked_to(database: &impl Database) {
    let desk = settled(database).await;
    desk.settled_person("acme", "bob", 2, at(0)).await;
    desk.settled("bolt", 2, at(0)).await;
    desk.settled_person("bolt", "ana", 1, at(0)).await;
    let ids = [1, 2, 3].map(entity_user_id);
    let mut found: Vec<_> = desk.linked_users(&customer_id("acme"), &ids).await.unwrap();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    let expected = [desk.see_person("acme", "ana").await.unwrap(), desk.see_person("acme", "bob").await.unwrap()];
    assert_eq!(found, expected);
    assert_eq!(desk.linked_users(&customer_id("acme"), &[]).await.unwrap(), []);
}

pub(crate) async fn a_setting_changes_only_from_what_it_was(database: &impl Database) {
    let desk = Desk::of(database).await;
    assert_eq!(desk.setting("sweep").await.unwrap(), None);
    assert!(!desk.swap_setting("sweep", Some("a"), "b").await.unwrap());
    assert!(desk.swap_setting("sweep", None, "a").await.unwrap());
    assert!(!desk.swap_setting("sweep", None, "b").await.unwrap());
    assert!(!desk.swap_setting("sweep", Some("c"), "b").await.unwrap());
    assert!(desk.swap_setting("sweep", Some("a"), "b").await.unwrap());
    assert_eq!(desk.setting("sweep").await.unwrap().as_deref(), Some("b"));
    // Of many who swap the same value at once, one does.
    let swaps = (0..8).map(|n| {
        let store = Arc::clone(&desk.0);
        async move { store.swap_setting("sweep", Some("b"), &format!("by {n}")).await.unwrap() }
    });
    let swapped = futures::future::join_all(swaps).await;
    assert_eq!(swapped.into_iter().filter(|swapped| *swapped).count(), 1);
}
