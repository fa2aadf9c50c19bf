//! Nothing accepted is lost: when the process dies, when it closes, when two of them use the same database, and when
//! another's write fails.

use futures::future::join_all;

use super::*;

pub(crate) async fn nothing_answered_is_lost_when_the_process_dies(database: &impl Database) {
    let dying = Desk::of(database).await;
    let acme = dying.put("acme", &document("1"), at(0)).await;
    let ana = dying.put_person("acme", "ana", &person("ana"), at(0)).await;
    let lease = dying.claim_one(at(0)).await;
    dying.recorded(&lease, vec![Change::Entity(attempted(&document("1"), at(1)))]).await;
    // Never closed: whoever opens the database next finds it as after a kill.
    let next = Desk::of(database).await;
    std::mem::forget(dying);
    let found = next.see("acme").await;
    assert_eq!((found.document, found.entity), (acme.document, attempted(&document("1"), at(1))));
    assert_eq!(next.see_person("acme", "ana").await, Some(ana));
    assert_eq!(next.due(at(60)).await, ["acme"], "its lease has ended");
}

pub(crate) async fn two_processes_use_one_database_at_the_same_time(database: &impl Database) {
    let (one, two) = (Desk::of(database).await, Desk::of(database).await);
    let writes = (0..100).map(|number| {
        let desk = if number % 2 == 0 { &one } else { &two };
        async move { desk.put(&format!("c{number:03}"), &document("1"), at(0)).await }
    });
    assert_eq!(join_all(writes).await.len(), 100);
    let all = super::super::CustomerFilter { state: None, after: None, limit: 1000 };
    assert_eq!(one.customers(&all).await.unwrap().len(), 100);
    assert_eq!(two.customers(&all).await.unwrap().len(), 100);
    let changed = two.put("c000", &document("2"), at(1)).await;
    assert_eq!(one.see("c000").await, changed);
}

pub(crate) async fn one_object_written_from_all_sides_counts_every_change(database: &impl Database) {
    let (one, two) = (Desk::of(database).await, Desk::of(database).await);
    let writes = (0..40).map(|number| {
        let desk = if number % 2 == 0 { &one } else { &two };
        let phone = number.to_string();
        async move { desk.put("acme", &document(&phone), at(0)).await.sync.generation.0 }
    });
    let mut generations = join_all(writes).await;
    generations.sort_unstable();
    assert_eq!(generations, (1..=40).collect::<Vec<_>>(), "each write saw the one before it");
}

/// Two handles with all their connections open, so that what is asked for at once happens at once.
async fn two_at_work(database: &impl Database) -> (Desk, Desk) {
    let (one, two) = (Desk::of(database).await, Desk::of(database).await);
    for desk in [&one, &two] {
        join_all((0..16).map(|_| desk.stats())).await.into_iter().for_each(|stats| drop(stats.unwrap()));
    }
    (one, two)
}

pub(crate) async fn of_many_who_saw_the_same_exactly_one_wins(database: &impl Database) {
    let (one, two) = two_at_work(database).await;
    let everybody_at_once = async |when: Precondition, second: i64| {
        let writes = (0..16).map(|number| {
            let desk = if number % 2 == 0 { &one } else { &two };
            let phone = format!("{second} {number}");
            async move {
                let written = desk.put_customer(&customer_id("acme"), &document(&phone), when, at(second)).await;
                matches!(written.unwrap(), Written::Created(_) | Written::Changed(_))
            }
        });
        join_all(writes).await.into_iter().filter(|won| *won).count()
    };
    assert_eq!(everybody_at_once(Precondition::Missing, 0).await, 1, "one creates it");
    for generation in 1..=5 {
        let when = Precondition::Generation(Generation(generation));
        assert_eq!(everybody_at_once(when, generation).await, 1, "one changes generation {generation}");
    }
    assert_eq!(one.see("acme").await.sync.generation, Generation(6));
}

pub(crate) async fn a_login_wanted_by_many_at_once_goes_to_one(database: &impl Database) {
    let (one, two) = two_at_work(database).await;
    one.put("acme", &document("1"), at(0)).await;
    let writes = (0..16).map(|number| {
        let desk = if number % 2 == 0 { &one } else { &two };
        async move {
            let id = user_id(&format!("u{number}"));
            desk.put_user(&customer_id("acme"), &id, &person("same"), Precondition::None, at(0)).await.unwrap()
        }
    });
    let written = join_all(writes).await;
    let created = written.iter().filter(|written| matches!(written, Written::Created(_))).count();
    let refused = written.iter().filter(|written| matches!(written, Written::Refused(_))).count();
    assert_eq!((created, refused), (1, 15), "{written:?}");
}

pub(crate) async fn a_failing_write_takes_no_other_down(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.settled("owner", 1, at(0)).await;
    desk.put("thief", &document("1"), at(0)).await;
    let lease = desk.claim_one(at(0)).await;
    // All of them wait for the writer together, so that most share a commit with the one that fails.
    let good = join_all((0..50).map(|number| {
        let desk = &desk;
        async move { desk.put(&format!("c{number:02}"), &document("1"), at(1)).await.sync.generation }
    }));
    let bad = join_all((0..3).map(|_| desk.record(&lease, vec![Change::Entity(entity(1, &document("1")))])));
    let (good, bad) = tokio::join!(good, bad);
    assert!(good.iter().all(|generation| *generation == Generation::FIRST), "none ran twice: {good:?}");
    assert!(bad.iter().all(Result::is_err), "{bad:?}");
    assert_eq!(desk.see("c49").await.sync.generation, Generation::FIRST);
}

pub(crate) async fn closing_finishes_what_was_asked_for(database: &impl Database) {
    let desk = Desk::of(database).await;
    let writes = join_all((0..30).map(|number| {
        let store = desk.0.clone();
        let (id, document) = (customer_id(&format!("c{number:02}")), document("1"));
        async move { store.put_customer(&id, &document, Precondition::None, at(0)).await }
    }));
    let (answers, ()) = tokio::join!(writes, desk.close());
    let accepted = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!(answers.iter().all(|answer| matches!(answer, Ok(_) | Err(StoreError::Closed))), "{answers:?}");
    for closed in [
        desk.customer(&customer_id("c00")).await.err(),
        desk.put_secret("a", b"a", at(0)).await.err(),
        desk.ping().await.err(),
    ] {
        assert!(matches!(closed, Some(StoreError::Closed)), "{closed:?}");
    }
    let after = Desk::of(database).await;
    let all = super::super::CustomerFilter { state: None, after: None, limit: 1000 };
    assert_eq!(after.customers(&all).await.unwrap().len(), accepted);
    after.ping().await.unwrap();
}
