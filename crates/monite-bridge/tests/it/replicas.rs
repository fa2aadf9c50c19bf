//! Several processes on one PostgreSQL database: work is shared, the death of one holds nobody up for long, and one that was away too
//! long writes nothing.

use monite_bridge::store::Fenced;
use tokio_util::sync::CancellationToken;

use crate::never_twice::{check, populate};
use crate::support::{Database, Dies, Replica, TestBridge};

const CUSTOMERS: usize = 12;

/// A bridge with customers that are due, and two more processes on its database.
async fn three() -> (TestBridge, Replica, Replica) {
    let bridge = TestBridge::on(Database::Postgres).await;
    let (one, two) = (bridge.replica("one").await, bridge.replica("two").await);
    (bridge, one, two)
}

/// Somebody who visited what another had in hand would make calls that are made already, or even entities.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_share_the_work_and_no_call_is_made_twice() {
    let (bridge, one, two) = three().await;
    for number in 0..CUSTOMERS {
        bridge.put_customer(&format!("c{number}")).await;
        bridge.put_user(&format!("c{number}"), "ana", "admin").await;
    }
    tokio::join!(bridge.pass(), one.pass(), two.pass());
    bridge.settle().await;
    for (call, expected) in [
        ("POST /entities", CUSTOMERS),
        ("POST /roles", CUSTOMERS),
        ("POST /entity_users", CUSTOMERS),
        ("GET /entities", 0),
    ] {
        assert_eq!(bridge.sandbox.calls(call), expected as u64, "{call}");
    }
    let names: Vec<String> = (0..CUSTOMERS).map(|number| format!("c{number}")).collect();
    let expected: Vec<(&str, &[(&str, &str)])> =
        names.iter().map(|name| (name.as_str(), [("ana", "ana")].as_slice())).collect();
    check(&bridge, &expected).await;
}

/// Each death at another call; what the dead one had in hand comes back when its lease ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_one_dies_the_others_finish_its_work() {
    for (step, dies) in
        [(0, Dies::BeforeCall(0)), (1, Dies::AfterCall(3)), (2, Dies::AfterCall(11)), (3, Dies::BeforeCall(20))]
    {
        let (bridge, one, two) = three().await;
        populate(&bridge).await;
        one.fuse.light(dies);
        let death = async {
            tokio::select! {
                () = one.pass() => {}
                () = one.fuse.burned() => {}
            }
        };
        tokio::join!(death, two.pass());
        drop(one);
        bridge.settle().await;
        assert!(bridge.store.next_due().await.unwrap().is_none(), "step {step}");
        let everybody: &[(&str, &str)] = &[("ana", "ana"), ("ben", "ben"), ("cem", "cem")];
        check(&bridge, &["acme", "beta", "corp", "twin-1", "twin-2"].map(|id| (id, everybody))).await;
    }
}

/// Frozen while it waits for an answer, past the end of its lease, and thawed when another has done the work: it writes nothing, it calls
/// nothing. At step 0 it waits for the token that its first call needs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_comes_back_after_its_lease_writes_nothing_and_calls_nothing() {
    for step in 0..=4 {
        let (bridge, one, two) = three().await;
        bridge.put_customer("acme").await;
        bridge.put_user("acme", "ana", "admin").await;
        one.fuse.light(Dies::Freezes(step));
        let stop = CancellationToken::new();
        let frozen = tokio::spawn({
            let (reconciler, stop) = (one.reconciler.clone(), stop.clone());
            async move { reconciler.pass(None, &stop).await }
        });
        one.fuse.burned().await;
        let lease = bridge.store.next_due().await.unwrap().expect("its lease ends");
        bridge.clock.advance(lease.duration_since(bridge.clock_now()).try_into().unwrap());
        two.pass().await;
        bridge.settle().await;
        let before = (bridge.sandbox.journal().len(), seen(&bridge).await);
        one.fuse.thaw();
        frozen.await.unwrap().unwrap();
        let journal = bridge.sandbox.journal();
        let calls: Vec<String> =
            journal.iter().map(|call| format!("{} {} {:?}", call.method, call.path, call.status)).collect();
        assert_eq!(calls.len(), before.0, "step {step}: it went on calling: {calls:#?}");
        assert_eq!(seen(&bridge).await, before.1, "step {step}: it wrote");
        check(&bridge, &[("acme", &[("ana", "ana")])]).await;
    }
}

/// All that a visit could have changed.
async fn seen(bridge: &TestBridge) -> (serde_json::Value, serde_json::Value) {
    let customer = bridge.get("/v1/customers/acme").await.json();
    (customer, bridge.get("/v1/customers/acme/users/ana").await.json())
}

/// The old holder of a lease that another has claimed since is refused by the very statement that would write.
#[tokio::test]
async fn a_fence_is_checked_by_the_database() {
    let (bridge, one, two) = three().await;
    bridge.put_customer("acme").await;
    let now = bridge.clock_now();
    let second = std::time::Duration::from_secs(1);
    let worker = |name: &str| monite_bridge::store::WorkerId(name.to_owned());
    let old = one.store.claim_due(&worker("one"), now, second, 9, None).await.unwrap();
    let new = two.store.claim_due(&worker("two"), now + second, second, 9, None).await.unwrap();
    assert_eq!((old.len(), new.len()), (1, 1));
    let changes = || vec![monite_bridge::store::Change::RolesListed];
    // Both at once: whichever comes first, only one may write.
    let (late, right) = tokio::join!(one.store.record(&old[0], changes()), two.store.record(&new[0], changes()));
    assert_eq!((late.unwrap(), right.unwrap()), (Fenced::LeaseLost, Fenced::Recorded));
    assert_eq!(one.store.finish(&old[0], Vec::new()).await.unwrap(), Fenced::LeaseLost);
}
