//! A record is stored whole or refused whole; what is the same costs nothing.

use super::super::{Imported, Wish};
use super::*;
use crate::domain::document::ImportRecord;

fn record(id: &str, phone: &str, users: &[(&str, &str)]) -> ImportRecord {
    ImportRecord {
        id: customer_id(id),
        customer: document(phone),
        users: users.iter().map(|(user, login)| (user_id(user), person(login))).collect(),
    }
}

fn stored(created: u32, changed: u32, unchanged: u32) -> Imported {
    Imported::Stored { created, changed, unchanged }
}

pub(crate) async fn records_are_counted_object_by_object(database: &impl Database) {
    let desk = Desk::of(database).await;
    let first = [record("acme", "1", &[("ana", "ana"), ("bob", "bob")]), record("bolt", "1", &[])];
    assert_eq!(desk.import(&first, at(0)).await.unwrap(), [stored(3, 0, 0), stored(1, 0, 0)]);
    assert_eq!(desk.import(&[], at(0)).await.unwrap(), []);
    let second = [record("acme", "2", &[("ana", "ana"), ("bob", "robert"), ("eva", "eva")]), record("bolt", "1", &[])];
    assert_eq!(desk.import(&second, at(1)).await.unwrap(), [stored(1, 2, 1), stored(0, 0, 1)]);
    assert_eq!(desk.see("acme").await.sync.generation, Generation(2));
    assert_eq!(desk.see_person("acme", "bob").await.unwrap().document, person("robert"));
    let put = desk.put("acme", &document("2"), at(2)).await;
    assert_eq!(put.sync.generation, Generation(2), "the same as a PUT of the same document");
}

pub(crate) async fn the_same_file_again_changes_and_wakes_nothing(database: &impl Database) {
    let desk = Desk::of(database).await;
    let records = [record("acme", "+49 1", &[("ana", "ana")]), record("bolt", "+49 1", &[])];
    desk.import(&records, at(0)).await.unwrap();
    for (number, id) in [(1, "acme"), (2, "bolt")] {
        desk.settled(id, number, at(0)).await;
    }
    desk.settled_person("acme", "ana", 1, at(0)).await;
    let before = (desk.see("acme").await, desk.see_person("acme", "ana").await);
    assert_eq!(desk.import(&records, at(1)).await.unwrap(), [stored(0, 0, 2), stored(0, 0, 1)]);
    assert_eq!((desk.see("acme").await, desk.see_person("acme", "ana").await), before);
    assert_eq!(desk.due(at(99)).await, Vec::<String>::new());
}

pub(crate) async fn new_and_changed_objects_are_due_at_once(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.settled("acme", 1, at(0)).await;
    desk.settled("bolt", 2, at(0)).await;
    let records =
        [record("acme", "+49 1", &[("ana", "ana")]), record("bolt", "+49 1", &[]), record("new", "1", &[("x", "x")])];
    desk.import(&records, at(1)).await.unwrap();
    let mut due = desk.due(at(1)).await;
    due.sort();
    assert_eq!(due, ["acme", "new"]);
}

pub(crate) async fn a_refused_record_leaves_nothing_behind(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.settled("acme", 1, at(0)).await;
    desk.settled_person("acme", "ana", 1, at(0)).await;
    let abroad = ImportRecord { customer: document_in("FR", "1"), ..record("acme", "1", &[("new", "new")]) };
    let records = [
        abroad,
        record("acme", "2", &[("eva", "eva"), ("zoe", "ana")]), // Ana's, and she is not in this record
        record("bolt", "1", &[("a", "same"), ("b", "same")]),
        record("cord", "1", &[("a", "a")]),
    ];
    let results = desk.import(&records, at(1)).await.unwrap();
    let fields = |result: &Imported| match result {
        Imported::Refused(errors) => errors.iter().map(|error| error.field.clone()).collect::<Vec<_>>(),
        Imported::Stored { .. } => panic!("{result:?}"),
    };
    assert_eq!(fields(&results[0]), ["address.country"]);
    assert_eq!(fields(&results[1]), ["users[1].login"]);
    assert_eq!(fields(&results[2]), ["users[1].login"]);
    assert_eq!(results[3], stored(2, 0, 0));
    assert_eq!(desk.see("acme").await.sync.generation, Generation(1));
    assert_eq!(desk.see("acme").await.document, document("+49 1"));
    for user in ["new", "eva", "zoe"] {
        assert_eq!(desk.see_person("acme", user).await, None, "{user}");
    }
    assert_eq!(desk.customer(&customer_id("bolt")).await.unwrap(), None);
}

pub(crate) async fn users_of_one_record_may_swap_logins(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.import(&[record("acme", "1", &[("ana", "x"), ("bob", "y")])], at(0)).await.unwrap();
    let swapped = [record("acme", "1", &[("ana", "y"), ("bob", "x")])];
    assert_eq!(desk.import(&swapped, at(1)).await.unwrap(), [stored(0, 2, 1)]);
    assert_eq!(desk.see_person("acme", "ana").await.unwrap().document.login, "y");
    assert_eq!(desk.see_person("acme", "bob").await.unwrap().document.login, "x");
}

pub(crate) async fn the_last_record_of_a_customer_wins(database: &impl Database) {
    let desk = Desk::of(database).await;
    let records =
        [record("acme", "1", &[("ana", "x")]), record("bolt", "1", &[]), record("acme", "2", &[("bob", "x")])];
    let results = desk.import(&records, at(0)).await.unwrap();
    assert_eq!(results[..2], [stored(2, 0, 0), stored(1, 0, 0)]);
    assert!(matches!(results[2], Imported::Refused(_)), "Ana of the first record has the login: {:?}", results[2]);
    let records = [record("acme", "3", &[]), record("acme", "4", &[]), record("acme", "4", &[])];
    let results = desk.import(&records, at(1)).await.unwrap();
    assert_eq!(results, [stored(0, 1, 0), stored(0, 1, 0), stored(0, 0, 1)]);
    assert_eq!(
        (desk.see("acme").await.document, desk.see("acme").await.sync.generation),
        (document("4"), Generation(3))
    );
}

pub(crate) async fn an_import_brings_deleted_objects_back_and_deletes_none(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.settled("acme", 1, at(0)).await;
    for (number, id) in [(1, "ana"), (2, "bob")] {
        desk.settled_person("acme", id, number, at(0)).await;
    }
    desk.drop_customer("acme", at(1)).await;
    desk.drop_person("acme", "ana", false, at(1)).await;
    assert_eq!(desk.import(&[record("acme", "+49 1", &[("ana", "ana")])], at(2)).await.unwrap(), [stored(1, 1, 0)]);
    assert_eq!((desk.see("acme").await.wish, desk.see("acme").await.sync.generation), (Wish::Present, Generation(3)));
    assert_eq!(desk.see_person("acme", "ana").await.unwrap().wish, Wish::Present);
    assert_eq!(desk.see_person("acme", "bob").await.unwrap().wish, Wish::Present, "he is not in the record");
}
