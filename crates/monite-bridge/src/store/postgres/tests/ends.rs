//! Who may have no token any more is told to every replica, each once and none left out.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::super::Store as _;
use super::super::super::conformance::{Database as _, Desk, at, customer_id, document, person, user_id};
use super::PostgresDatabase;
use crate::domain::ObjectId;
use crate::store::TokenEnd;

const USERS: usize = 24;
const BOUND: Duration = Duration::from_secs(30);

/// Numbers that became visible out of order would be passed over by a reader that comes in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletions_at_the_same_time_are_all_told_in_one_order() {
    let database = PostgresDatabase::create().await;
    let desk = Desk::of(&database).await;
    let (one, two) = (database.store().await, database.store().await);
    for number in 0..USERS {
        let customer = format!("c{number}");
        desk.put(&customer, &document("1"), at(0)).await;
        desk.put_person(&customer, "ana", &person("ana"), at(0)).await;
    }
    let begin = one.token_ends(None).await.unwrap();
    assert_eq!(begin.ended, None, "nobody knows what was before");
    let deleting = (0..USERS).map(|number| {
        let desk = Desk(std::sync::Arc::clone(&desk.0));
        tokio::spawn(async move { desk.drop_person(&format!("c{number}"), "ana", false, at(1)).await })
    });
    let deleting: Vec<_> = deleting.collect();
    // A reader that never rests comes in between all of them.
    let told = |from: i64, store: crate::store::postgres::PostgresStore| async move {
        let (mut seen, mut told) = (from, Vec::new());
        while told.len() < USERS {
            let ends = store.token_ends(Some(seen)).await.unwrap();
            seen = ends.upto;
            told.extend(ends.ended.expect("nothing is missing"));
            tokio::task::yield_now().await;
        }
        told
    };
    let both = async { tokio::join!(told(begin.upto, one), told(begin.upto, two)) };
    let (first, second) =
        tokio::time::timeout(BOUND, both).await.unwrap_or_else(|_| panic!("waited {BOUND:?} for them"));
    for deleted in deleting {
        deleted.await.unwrap();
    }
    assert_eq!(first, second);
    let expected = (0..USERS).map(|number| TokenEnd {
        object: ObjectId::User(customer_id(&format!("c{number}")), user_id("ana")),
        gone: true,
    });
    assert_eq!(first.into_iter().collect::<BTreeSet<_>>(), expected.collect());
}
