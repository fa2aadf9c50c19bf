//! Links to what exists at Monite, but not here: what they make of a row, and that none is taken from anybody.

use std::collections::BTreeMap;

use monite::Permissions;

use super::stamps::{bridge, named};
use super::*;
use crate::domain::RoleLink;
use crate::domain::role::RoleName;
use crate::store::{Adopted, Adoption, UserAdoption};

/// Customer and entity, without users.
fn adoption(customer: &str, number: u32, document: &CustomerDocument) -> Adoption {
    let Seen::Present(entity) = entity(number, document) else { unreachable!("it is made to be present") };
    Adoption {
        customer: customer_id(customer),
        entity,
        roles: BTreeMap::new(),
        users: Vec::new(),
        stamped_by: Some(bridge("ours")),
    }
}

fn user(id: &str, number: u32, document: &UserDocument) -> UserAdoption {
    let Seen::Present(link) = entity_user(number, document) else { unreachable!("it is made to be present") };
    UserAdoption { id: user_id(id), link, document: document.clone() }
}

pub(crate) async fn what_is_not_known_here_is_as_monite_shows_it(database: &impl Database) {
    let desk = named(database).await;
    let role = RoleName::from_stored("viewer");
    let link =
        RoleLink { id: "00000000-0000-4000-a000-000000000001".parse().unwrap(), confirmed: Permissions::default() };
    let acme = Adoption {
        users: vec![user("ana", 7, &person("ana")), user("ben", 8, &person("ben"))],
        roles: BTreeMap::from([(role.clone(), link.clone())]),
        ..adoption("acme", 1, &document("1"))
    };
    assert_eq!(desk.adopt(&acme, at(3)).await.unwrap(), Adopted::Linked { users: 2 });
    let customer = desk.see("acme").await;
    assert_eq!((&customer.document, &customer.entity), (&document("1"), &Seen::Present(acme.entity.clone())));
    assert_eq!((customer.sync.state, customer.sync.synced_at), (SyncState::InSync, Some(at(3))));
    assert_eq!(customer.sync.synced_generation, Some(customer.sync.generation));
    let ana = desk.see_person("acme", "ana").await.unwrap();
    assert_eq!((&ana.document, &ana.entity_user), (&person("ana"), &entity_user(7, &person("ana"))));
    assert_eq!((ana.sync.state, ana.sync.synced_generation), (SyncState::InSync, Some(Generation(1))));
    let visit = desk.peek(&customer_id("acme"), 9).await.unwrap().unwrap();
    assert_eq!((visit.roles, visit.roles_listed), (BTreeMap::from([(role, Seen::Present(link))]), true));
    let nothing = (desk.next_due().await.unwrap(), desk.next_stamp().await.unwrap());
    assert_eq!(nothing, (None, None), "the stamp there says just this");
    let same = desk.put_customer(&customer_id("acme"), &document("1"), Precondition::None, at(4)).await.unwrap();
    assert!(matches!(same, Written::Unchanged(_)), "{same:?}");
    assert_eq!(desk.adopt(&acme, at(5)).await.unwrap(), Adopted::Already);

    // Deactivated is what its entity is.
    let mut left = adoption("left", 2, &document("2"));
    left.entity.active = false;
    assert_eq!(desk.adopt(&left, at(6)).await.unwrap(), Adopted::Linked { users: 0 });
    let left = desk.see("left").await;
    assert_eq!((left.wish, left.sync.state), (crate::store::Wish::Gone, SyncState::Deactivated));
    assert_eq!(desk.next_due().await.unwrap(), None);
}

pub(crate) async fn what_is_known_keeps_its_document_and_is_made_equal(database: &impl Database) {
    let desk = named(database).await;
    desk.put("acme", &document("new"), at(0)).await;
    desk.put_person("acme", "ana", &person_named("ana", "Anna"), at(0)).await;
    desk.put_person("acme", "new", &person("new"), at(0)).await;
    let acme = Adoption { users: vec![user("ana", 7, &person("ana"))], ..adoption("acme", 1, &document("1")) };
    let worker = desk.claim_one(at(1)).await;
    assert_eq!(desk.adopt(&acme, at(60)).await.unwrap(), Adopted::InHand);
    assert_eq!(desk.adopt(&acme, at(61)).await.unwrap(), Adopted::Linked { users: 1 });
    let late = desk.record(&worker, vec![Change::RolesListed]).await.unwrap();
    assert_eq!(late, Fenced::LeaseLost, "it read the customer without an entity");

    let lease = desk.claim_one(at(61)).await;
    let visit = desk.visit(&lease, at(61)).await;
    assert!(visit.customer_due);
    assert_eq!((&visit.customer.document, &visit.customer.entity), (&document("new"), &entity(1, &document("1"))));
    let users: Vec<_> =
        visit.users.iter().map(|user| (user.id.as_str(), user.entity_user.present().is_some())).collect();
    assert_eq!(users, [("ana", true), ("new", false)]);
    assert_eq!(visit.users[0].document, person_named("ana", "Anna"));
}

pub(crate) async fn a_link_is_never_stolen(database: &impl Database) {
    let desk = named(database).await;
    desk.settled("acme", 1, at(0)).await;
    desk.put("bolt", &document("1"), at(0)).await;
    let one = adoption("bolt", 1, &document("1"));
    assert_eq!(desk.adopt(&one, at(1)).await.unwrap(), Adopted::Taken(customer_id("acme")));
    let new = adoption("new", 1, &document("1"));
    assert_eq!(desk.adopt(&new, at(1)).await.unwrap(), Adopted::Taken(customer_id("acme")));
    assert_eq!(desk.customer(&customer_id("new")).await.unwrap(), None, "nothing is left of it");
    let other = adoption("acme", 2, &document("1"));
    assert_eq!(desk.adopt(&other, at(1)).await.unwrap(), Adopted::Elsewhere(entity_id(1)));
    let lease = desk.claim_one(at(1)).await;
    desk.finished(&lease, vec![Change::Entity(attempted(&document("1"), at(1)))]).await;
    let unsettled = adoption("bolt", 2, &document("1"));
    assert_eq!(desk.adopt(&unsettled, at(99)).await.unwrap(), Adopted::Unsettled);
}

pub(crate) async fn an_entity_adopted_from_two_sides_is_linked_once(database: &impl Database) {
    let desk = named(database).await;
    let other = database.open().await;
    for number in 0..8 {
        let (mine, theirs) = (format!("a{number}"), format!("b{number}"));
        let document = document("1");
        let (mine, theirs) = (adoption(&mine, number, &document), adoption(&theirs, number, &document));
        let (one, two) = tokio::join!(desk.adopt(&mine, at(1)), other.adopt(&theirs, at(1)));
        let linked = [&one, &two].into_iter().filter(|told| matches!(told, Ok(Adopted::Linked { .. }))).count();
        assert_eq!(linked, 1, "{one:?} {two:?}");
        let owners = desk.owners(&[entity_id(number)]).await.unwrap();
        assert_eq!(owners.len(), 1);
        // The same customer, a moment later, from both sides.
        let owner = if one.is_ok_and(|told| matches!(told, Adopted::Linked { .. })) { &mine } else { &theirs };
        let again = tokio::join!(desk.adopt(owner, at(2)), other.adopt(owner, at(2)));
        assert_eq!((again.0.unwrap(), again.1.unwrap()), (Adopted::Already, Adopted::Already));
    }
    let fresh = adoption("fresh", 99, &document("1"));
    let (one, two) = tokio::join!(desk.adopt(&fresh, at(1)), other.adopt(&fresh, at(1)));
    let mut told = [format!("{:?}", one.unwrap()), format!("{:?}", two.unwrap())];
    told.sort();
    assert_eq!(told, ["Already", "Linked { users: 0 }"]);
}

pub(crate) async fn a_user_that_cannot_be_linked_is_left_out_and_stamped_anew(database: &impl Database) {
    let desk = named(database).await;
    desk.put("acme", &document("1"), at(0)).await;
    desk.put_person("acme", "ben", &person("ana"), at(0)).await;
    let acme = Adoption {
        users: vec![
            user("ana", 7, &person("ana")), // ben has her login by now
            user("cat", 8, &person("cat")),
            user("dan", 8, &person("dan")), // cat's entity user
            user("eve", 9, &person("cat")), // cat's login
        ],
        ..adoption("acme", 1, &document("1"))
    };
    assert_eq!(desk.adopt(&acme, at(1)).await.unwrap(), Adopted::Linked { users: 1 });
    let there: Vec<_> = desk.users(&customer_id("acme"), None, 9).await.unwrap();
    let there: Vec<_> = there.iter().map(|user| (user.id.as_str(), user.entity_user.present().is_some())).collect();
    assert_eq!(there, [("ben", false), ("cat", true)]);
    assert_eq!(desk.next_stamp().await.unwrap(), Some(Timestamp::UNIX_EPOCH), "the stamp there says more than this");
}

pub(crate) async fn a_stamp_of_another_bridge_is_written_anew(database: &impl Database) {
    let desk = named(database).await;
    for (number, by) in [(1, None), (2, Some(bridge("lost"))), (3, Some(bridge("ours")))] {
        let one = Adoption { stamped_by: by, ..adoption(&format!("c{number}"), number, &document("1")) };
        assert_eq!(desk.adopt(&one, at(1)).await.unwrap(), Adopted::Linked { users: 0 });
    }
    let due = desk.claim_stamps(&worker("w"), at(1), LEASE, 9, None).await.unwrap();
    assert_eq!(due.iter().map(|lease| lease.customer.as_str()).collect::<Vec<_>>(), ["c1", "c2"]);
}

pub(crate) async fn a_lost_name_is_taken_only_while_nothing_is_linked(database: &impl Database) {
    let desk = named(database).await;
    assert!(!desk.has_links().await.unwrap());
    desk.put("acme", &document("1"), at(0)).await;
    assert!(desk.take_bridge_name(&bridge("lost")).await.unwrap());
    assert_eq!(desk.bridge().await.unwrap(), bridge("lost"));
    // An entity that may exist counts as one.
    let lease = desk.claim_one(at(0)).await;
    desk.finished(&lease, vec![Change::Entity(attempted(&document("1"), at(0)))]).await;
    assert!(desk.has_links().await.unwrap());
    assert!(!desk.take_bridge_name(&bridge("other")).await.unwrap());
    assert_eq!(desk.bridge().await.unwrap(), bridge("lost"));
}

pub(crate) async fn customers_without_an_entity_come_in_pages(database: &impl Database) {
    let desk = named(database).await;
    desk.settled("acme", 1, at(0)).await;
    for id in ["d", "b", "c", "gone"] {
        desk.put(id, &document(id), at(0)).await;
    }
    desk.drop_customer("gone", at(1)).await;
    let page = async |after: Option<&CustomerId>| desk.unlinked(after, 2).await.unwrap();
    let first = page(None).await;
    assert_eq!(first.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!(&first[1].1, document("c").as_entity());
    let second = page(Some(&first[1].0)).await;
    assert_eq!(second.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["d"]);
}
