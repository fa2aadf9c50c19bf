//! What a visit reads is one moment; what it found out lands whole or not at all.

use monite::{Action, ObjectType, Permissions, RoleId};

use super::super::Wish;
use super::*;
use crate::domain::role::RoleName;
use crate::domain::sync::CALLS_KEPT;
use crate::domain::{Call, RoleLink};

fn role_id(number: u32) -> RoleId {
    format!("00000000-0000-4000-a000-{number:012}").parse().unwrap()
}

fn role(name: &str) -> RoleName {
    RoleName::from_stored(name)
}

fn may_read(objects: &[ObjectType]) -> Permissions {
    objects.iter().fold(Permissions::new(), |held, object| held.allow(*object, Action::Read).unwrap())
}

fn role_link(number: u32, objects: &[ObjectType]) -> Seen<RoleLink> {
    Seen::Present(RoleLink { id: role_id(number), confirmed: may_read(objects) })
}

pub(crate) async fn a_visit_shows_what_is_due_deletions_first(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.settled("acme", 1, at(0)).await;
    for (number, id) in [(1, "zoe"), (2, "bob"), (3, "eva")] {
        desk.settled_person("acme", id, number, at(0)).await;
    }
    for id in ["dan", "ana"] {
        desk.put_person("acme", id, &person(id), at(5)).await;
    }
    desk.put_person("acme", "later", &person("later"), at(50)).await;
    desk.drop_person("acme", "zoe", false, at(5)).await;
    let lease = desk.claim_one(at(6)).await;
    let visit = desk.visit(&lease, at(6)).await;
    assert_eq!(visit.users.iter().map(|user| user.id.as_str()).collect::<Vec<_>>(), ["zoe", "ana", "dan"]);
    assert_eq!(visit.users[0].wish, Wish::Gone);
    assert!(!visit.customer_due);
    assert_eq!(visit.customer, desk.see("acme").await);
    assert_eq!(desk.open(&lease, at(6), 2).await.unwrap().unwrap().users.len(), 2);
}

pub(crate) async fn a_peek_shows_what_is_not_settled_due_or_not(database: &impl Database) {
    let desk = Desk::of(database).await;
    assert_eq!(desk.peek(&customer_id("acme"), 9).await.unwrap(), None);
    desk.settled("acme", 1, at(0)).await;
    desk.settled_person("acme", "ana", 1, at(0)).await;
    desk.settled_person("acme", "zoe", 2, at(0)).await;
    let peek = async || desk.peek(&customer_id("acme"), 9).await.unwrap().unwrap();
    assert_eq!((peek().await.customer_due, peek().await.users.len()), (false, 0));

    desk.put_person("acme", "bob", &person("bob"), at(1)).await;
    let lease = desk.claim_one(at(1)).await;
    desk.finished(&lease, vec![Change::UserDone(user_id("bob"), rejected(1, at(1)))]).await;
    desk.drop_person("acme", "zoe", false, at(2)).await;
    desk.put("acme", &document("2"), at(2)).await;
    let seen = peek().await;
    assert!(seen.customer_due);
    assert_eq!(seen.users.iter().map(|user| user.id.as_str()).collect::<Vec<_>>(), ["zoe", "bob"]);
}

pub(crate) async fn an_unknown_outcome_survives_with_what_was_sent(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.put("acme", &document("1"), at(0)).await;
    desk.put_person("acme", "ana", &person("ana"), at(0)).await;
    let lease = desk.claim_one(at(0)).await;
    let sent = attempted(&document("1"), at(1));
    desk.recorded(&lease, vec![Change::Entity(sent.clone())]).await;
    desk.put("acme", &document("2"), at(2)).await; // what was sent is not what is desired by now
    let other = Desk::of(database).await;
    assert_eq!(other.see("acme").await.entity, sent);
    let user =
        Seen::Unknown(Attempt { at: at(3), lands_by: at(23), sent: person("ana").to_entity_user(Some(role_id(5))) });
    let roles = Seen::Unknown(Attempt { at: at(3), lands_by: at(24), sent: () });
    desk.finished(
        &lease,
        vec![Change::User(user_id("ana"), user.clone()), Change::Role(role("viewer"), roles.clone())],
    )
    .await;
    let lease = desk.claim_one(at(60)).await;
    let visit = desk.visit(&lease, at(60)).await;
    assert_eq!(visit.users[0].entity_user, user);
    assert_eq!(visit.roles[&role("viewer")], roles);
    assert_eq!(visit.customer.entity, sent);

    let Seen::Unknown(attempt) = sent else { panic!("it was attempted: {sent:?}") };
    let expected = vec![(customer_id("acme"), attempt)];
    assert_eq!(desk.unsettled("ap@example.com").await.unwrap(), expected);
    assert_eq!(desk.unsettled("else@example.com").await.unwrap(), []);
    desk.finished(&lease, vec![Change::Entity(entity(1, &document("1")))]).await;
    assert_eq!(desk.unsettled("ap@example.com").await.unwrap(), [], "it is settled now");
}

pub(crate) async fn links_are_found_by_monites_ids(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.settled("acme", 1, at(0)).await;
    desk.settled_person("acme", "ana", 7, at(0)).await;
    let owners = desk.owners(&[entity_id(1), entity_id(2)]).await.unwrap();
    assert_eq!(owners.into_iter().collect::<Vec<_>>(), [(entity_id(1), customer_id("acme"))]);
    let holders = desk.user_owners(&customer_id("acme"), &[entity_user_id(7), entity_user_id(8)]).await.unwrap();
    assert_eq!(holders.into_iter().collect::<Vec<_>>(), [(entity_user_id(7), user_id("ana"))]);
    assert!(desk.user_owners(&customer_id("bolt"), &[entity_user_id(7)]).await.unwrap().is_empty());
}

pub(crate) async fn an_entity_belongs_to_one_customer_and_changes_land_together(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.settled("acme", 1, at(0)).await;
    desk.put("bolt", &document("1"), at(0)).await;
    let lease = desk.claim_one(at(0)).await;
    let changes = vec![
        Change::Calls(None, vec![call(1)]),
        Change::CustomerDone(done(1, at(1))),
        Change::Entity(entity(1, &document("1"))), // that is acme's
    ];
    let refused = desk.record(&lease, changes).await;
    assert!(matches!(refused, Err(StoreError::Database { .. })), "{refused:?}");
    let bolt = desk.see("bolt").await;
    assert_eq!((bolt.sync.state, bolt.entity, bolt.calls), (SyncState::Pending, Seen::Absent, Vec::new()));
    assert_eq!(desk.see("acme").await.entity, entity(1, &document("+49 1")));
    desk.recorded(&lease, vec![Change::Entity(entity(2, &document("1")))]).await;
}

pub(crate) async fn roles_are_known_by_template(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.put("acme", &document("1"), at(0)).await;
    let lease = desk.claim_one(at(0)).await;
    assert!(!desk.visit(&lease, at(0)).await.roles_listed);
    desk.recorded(
        &lease,
        vec![
            Change::Entity(entity(1, &document("1"))),
            Change::RolesListed,
            Change::Role(role("admin"), role_link(1, &[ObjectType::Payable])),
            Change::Role(role("viewer"), role_link(2, &[ObjectType::Payable])),
        ],
    )
    .await;
    desk.recorded(
        &lease,
        vec![
            Change::Role(role("viewer"), role_link(2, &[ObjectType::Payable, ObjectType::Role])),
            Change::Role(role("admin"), Seen::Absent),
        ],
    )
    .await;
    let visit = desk.visit(&lease, at(0)).await;
    assert!(visit.roles_listed);
    let expected = [(role("viewer"), role_link(2, &[ObjectType::Payable, ObjectType::Role]))];
    assert_eq!(visit.roles.into_iter().collect::<Vec<_>>(), expected);
}

pub(crate) async fn what_was_inside_another_entity_is_forgotten(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.settled("acme", 1, at(0)).await;
    desk.settled_person("acme", "ana", 7, at(0)).await;
    desk.put("acme", &document("2"), at(1)).await;
    let lease = desk.claim_one(at(1)).await;
    desk.recorded(&lease, vec![Change::RolesListed, Change::Role(role("viewer"), role_link(1, &[]))]).await;
    let same = Change::Entity(entity(1, &document("2")));
    desk.recorded(&lease, vec![same]).await;
    assert_eq!(desk.visit(&lease, at(1)).await.roles.len(), 1);
    desk.recorded(&lease, vec![Change::Entity(entity(2, &document("2")))]).await;
    let visit = desk.visit(&lease, at(1)).await;
    assert_eq!((visit.roles.len(), visit.roles_listed), (0, false));
    assert_eq!(visit.users.len(), 1, "she is to be created in the new one");
    assert_eq!((&visit.users[0].entity_user, visit.users[0].sync.state), (&Seen::Absent, SyncState::Pending));
}

fn call(number: i64) -> Call {
    Call {
        at: at(number),
        method: "PATCH".to_owned(),
        path: format!("/entities/{number}"),
        status: Some(200),
        request_id: Some(format!("r-{number}")),
    }
}

pub(crate) async fn the_latest_calls_are_kept_newest_first(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.put("acme", &document("1"), at(0)).await;
    desk.put_person("acme", "ana", &person("ana"), at(0)).await;
    let lease = desk.claim_one(at(0)).await;
    desk.recorded(&lease, vec![Change::Calls(None, vec![call(1), call(2)])]).await;
    desk.recorded(&lease, vec![Change::Calls(None, vec![call(3)]), Change::Calls(Some(user_id("ana")), vec![call(9)])])
        .await;
    assert_eq!(desk.see("acme").await.calls, [call(3), call(2), call(1)]);
    assert_eq!(desk.see_person("acme", "ana").await.unwrap().calls, [call(9)]);
    let many: Vec<Call> = (10..40).map(call).collect();
    desk.recorded(&lease, vec![Change::Calls(None, many)]).await;
    let kept = desk.see("acme").await.calls;
    assert_eq!((kept.len(), kept[0].clone(), kept[7].clone()), (CALLS_KEPT, call(39), call(32)));
}

pub(crate) async fn changed_templates_make_every_entity_due_once(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.settled("acme", 1, at(0)).await;
    desk.settled("bolt", 2, at(0)).await;
    desk.drop_customer("bolt", at(1)).await;
    let lease = desk.claim_one(at(1)).await;
    desk.finished(&lease, vec![Change::CustomerDone(Progress { state: SyncState::Deactivated, ..done(2, at(1)) })])
        .await;
    desk.put("new", &document("1"), at(1000)).await;
    assert!(desk.adopt_templates("one", at(2)).await.unwrap());
    assert!(!desk.adopt_templates("one", at(3)).await.unwrap());
    let lease = desk.claim_one(at(3)).await;
    assert_eq!(lease.customer.as_str(), "acme");
    let visit = desk.visit(&lease, at(3)).await;
    assert!(visit.customer_due);
    assert_eq!(visit.customer.sync.state, SyncState::InSync);
    assert!(desk.adopt_templates("two", at(4)).await.unwrap());
    desk.finished(&lease, Vec::new()).await;
    assert_eq!(desk.due(at(4)).await, ["acme"]);
}

pub(crate) async fn role_progress_counts_entities_and_users(database: &impl Database) {
    use crate::domain::role::RoleTemplates;
    let desk = Desk::of(database).await;
    let templates = RoleTemplates::presets();
    let viewer = templates.get(&role("viewer")).unwrap();
    for (number, id) in [(1, "acme"), (2, "bolt"), (3, "cord")] {
        desk.settled(id, number, at(0)).await;
        desk.put_person(id, "ana", &person("ana"), at(0)).await;
        let lease = desk.claim_one(at(0)).await;
        let confirmed = if number == 3 { may_read(&[ObjectType::Payable]) } else { viewer.permissions.clone() };
        let link = Seen::Present(RoleLink { id: role_id(number), confirmed });
        desk.finished(
            &lease,
            vec![Change::Role(role("viewer"), link), Change::UserDone(user_id("ana"), done(1, at(0)))],
        )
        .await;
    }
    desk.drop_person("acme", "ana", false, at(1)).await;
    let progress = desk.role_progress(&templates).await.unwrap();
    assert_eq!(progress.len(), templates.names().count());
    let of = |name: &str| {
        let found = progress.iter().find(|progress| progress.role == role(name)).unwrap();
        (found.entities, found.current, found.users)
    };
    assert_eq!((of("viewer"), of("admin")), ((3, 2, 2), (0, 0, 0)));
}
