//! The ledger of the rate budget: one for all processes, changed by one heartbeat at a time.

use super::*;
use crate::budget::ledger::{Beat, ReplicaId};

fn beat(id: &str, uses: u32) -> Beat {
    Beat {
        id: ReplicaId(id.to_owned()),
        rate: 30,
        wants: 30,
        uses,
        delay: Duration::from_millis(40),
        down_since: None,
        paused_until: None,
        stated: None,
        insists: None,
    }
}

pub(crate) async fn processes_divide_the_rate_and_give_it_back(database: &impl Database) {
    let (one, two) = (database.open().await, database.open().await);
    assert_eq!(one.beat(&beat("a", 0), at(0)).await.unwrap().share, 30);
    assert_eq!(two.beat(&beat("b", 0), at(1)).await.unwrap().share, 0, "nothing is free yet");
    let heard = one.beat(&beat("a", 30), at(1)).await.unwrap();
    assert_eq!((heard.share, heard.settled), (15, false), "it is to use less, and still has all in the ledger");
    assert_eq!(two.beat(&beat("b", 0), at(1)).await.unwrap().share, 0);
    assert!(one.beat(&beat("a", 15), at(2)).await.unwrap().settled);
    let heard = two.beat(&beat("b", 0), at(2)).await.unwrap();
    assert_eq!((heard.share, heard.alive, heard.delay), (15, 2, Duration::from_millis(40)));
    one.leave(&ReplicaId("a".to_owned())).await.unwrap();
    one.leave(&ReplicaId("a".to_owned())).await.unwrap();
    assert_eq!(two.beat(&beat("b", 15), at(3)).await.unwrap().share, 30);
}

pub(crate) async fn the_ledger_is_read_back_as_it_was_written(database: &impl Database) {
    let store = database.open().await;
    let mut full = beat("a", 0);
    (full.wants, full.down_since, full.paused_until, full.stated) = (7, Some(at(-9)), Some(at(60)), Some(12));
    store.beat(&full, at(0)).await.unwrap();
    let ledger = database.open().await.ledger().await.unwrap();
    assert_eq!((ledger.paused_until, ledger.stated), (Some(at(60)), Some((12, at(10)))));
    let [one] = &ledger.replicas[..] else { panic!("{ledger:?}") };
    assert_eq!((one.id.0.as_str(), one.started_at, one.heartbeat_at), ("a", at(0), at(0)));
    assert_eq!((one.rate, one.wants, one.share), (30, 7, 7));
    assert_eq!((one.delay, one.down_since), (Duration::from_millis(40), Some(at(-9))));
}

pub(crate) async fn heartbeats_from_all_sides_never_give_out_more_than_the_rate(database: &impl Database) {
    let stores = [database.open().await, database.open().await];
    let names: Vec<String> = (0..8).map(|number| format!("p{number}")).collect();
    for second in 0..4 {
        let beats = names.iter().zip(stores.iter().cycle()).map(|(name, store)| {
            // Whoever was told to use less does.
            let beat = beat(name, 0);
            async move { store.beat(&beat, at(second)).await.unwrap() }
        });
        futures::future::join_all(beats).await;
        let ledger = stores[0].ledger().await.unwrap();
        let sum: u32 = ledger.replicas.iter().map(|replica| replica.share).sum();
        assert!(sum <= 30, "{ledger:?}");
        assert_eq!(ledger.replicas.len(), 8);
    }
    let ledger = stores[0].ledger().await.unwrap();
    assert!(ledger.replicas.iter().all(|replica| matches!(replica.share, 3 | 4)), "{ledger:?}");
}
