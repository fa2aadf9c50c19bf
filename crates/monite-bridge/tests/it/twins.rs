//! Customers with the same details whose creates went unanswered, looked for at the same time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;
use jiff::Timestamp;
use monite::{Clock as _, Credentials, Monite, NewEntity, Transport, TransportError};
use monite_bridge::domain::{Attempt, CustomerId, LANDS_WITHIN_UNSEEN, Seen};
use monite_bridge::reconcile::observe::{Found, look_for_entity};
use monite_bridge::store::{Change, Fenced, Store, WorkerId};
use monite_sandbox::Fault;
use secrecy::SecretString;

use crate::support::{CLIENT_SECRET, Database, Fuse, InProcess, TestBridge, customer_document, on_every_database};

on_every_database! {
    a_twin_that_begins_while_another_is_looked_for_keeps_its_own,
    those_who_began_long_after_one_another_reach_for_one_entity_each,
    one_waits_until_what_a_twin_sent_can_no_longer_land,
}

/// Somebody works on this customer, and nobody knows what came of the create: only that it was about to be sent.
async fn begins(store: &dyn Store, customer: &str, sent: &NewEntity, now: Timestamp) -> Attempt<NewEntity> {
    let (worker, customer): (_, CustomerId) = (WorkerId("another".to_owned()), customer.parse().unwrap());
    let leases = store.claim_due(&worker, now, Duration::from_secs(60), 1, Some(&customer)).await.unwrap();
    let attempt = Attempt { at: now, lands_by: now + LANDS_WITHIN_UNSEEN, sent: sent.clone() };
    let noted = store.record(&leases[0], vec![Change::Entity(Seen::Unknown(attempt.clone()))]).await.unwrap();
    assert_eq!(noted, Fenced::Recorded);
    attempt
}

/// The first one began so long before the others that theirs is not looked for as far back: were each to look back to its own begin only, the
/// ranks would be counted in different lists.
async fn those_who_began_long_after_one_another_reach_for_one_entity_each(on: Database) {
    let bridge = TestBridge::on(on).await;
    let document = customer_document("twin");
    let sent: NewEntity = serde_json::from_value(document.clone()).unwrap();
    let monite = &bridge.reconciler.workshop().monite;
    let mut attempts = Vec::new();
    for (customer, later) in [("b", 0), ("a", 200), ("c", 0)] {
        bridge.put(&format!("/v1/customers/{customer}"), &document).await;
        bridge.advance(later);
        let attempt = begins(bridge.store.as_ref(), customer, &sent, bridge.clock.now()).await;
        monite.entities().create(&sent).await.unwrap();
        attempts.push((customer, attempt));
    }
    bridge.advance(300);
    let mut reached_for = BTreeMap::new();
    for (customer, attempt) in &attempts {
        let id = customer.parse().unwrap();
        let found = look_for_entity(monite, bridge.store.as_ref(), &id, attempt, bridge.clock.now()).await.unwrap();
        let Found::It(link) = found else { panic!("{customer}: {found:?}") };
        // Or it would be nobody's in the end: who is left alone looks no further back than to its own begin.
        let there = bridge.sandbox.entities().into_iter().find(|there| there["id"] == link.id.to_string()).unwrap();
        let created_at: Timestamp = there["created_at"].as_str().unwrap().parse().unwrap();
        assert!(
            created_at >= attempt.at,
            "{customer} began {} and reaches for what was created {created_at}",
            attempt.at
        );
        if let Some(other) = reached_for.insert(link.id, customer) {
            panic!("{customer} and {other} reach for the same entity");
        }
    }
    bridge.settle().await;
    assert_eq!(bridge.sandbox.entities().len(), 3);
}

/// What the other sent is not there yet: which of the two this is nobody can say.
async fn one_waits_until_what_a_twin_sent_can_no_longer_land(on: Database) {
    let bridge = TestBridge::on(on).await;
    let document = customer_document("twin");
    let sent: NewEntity = serde_json::from_value(document.clone()).unwrap();
    let monite = &bridge.reconciler.workshop().monite;
    bridge.put("/v1/customers/a", &document).await;
    bridge.put("/v1/customers/b", &document).await;
    let attempt = begins(bridge.store.as_ref(), "a", &sent, bridge.clock.now()).await;
    monite.entities().create(&sent).await.unwrap();
    bridge.advance(100);
    begins(bridge.store.as_ref(), "b", &sent, bridge.clock.now()).await;
    let look = async || {
        let (id, now) = ("a".parse().unwrap(), bridge.clock.now());
        look_for_entity(monite, bridge.store.as_ref(), &id, &attempt, now).await.unwrap()
    };
    let now = bridge.clock.now();
    let Found::NotYet(until) = look().await else { panic!("b's own may still land") };
    assert!(until > now && until <= now + Duration::from_secs(10), "b may be answered any moment: {until}");
    bridge.advance(100);
    assert!(matches!(look().await, Found::It(_)));
}

/// Monite's list of entities holds what the twin sent, but the rivals were read before it said that it would. Taken for the other's, it would
/// leave what the other sent, should that still show, or be taken by the twin as well.
async fn a_twin_that_begins_while_another_is_looked_for_keeps_its_own(on: Database) {
    let bridge = TestBridge::on(on).await;
    let document = customer_document("twin");
    // Of the first one nothing arrives, and nobody knows.
    bridge.sandbox.once("POST /entities", Fault::CloseBefore);
    bridge.put("/v1/customers/twin-1", &document).await;
    bridge.pass().await;
    let first: CustomerId = "twin-1".parse().unwrap();
    let Seen::Unknown(attempt) = bridge.store.customer(&first).await.unwrap().unwrap().entity else {
        panic!("nobody knows whether it is there")
    };
    // It is looked for when its own would show, and right before that list is answered the twin sends its create.
    bridge.advance(300);
    bridge.put("/v1/customers/twin-2", &document).await;
    let (store, direct, now) =
        (Arc::clone(&bridge.store), bridge.reconciler.workshop().monite.clone(), bridge.clock.now());
    let sent = attempt.sent.clone();
    let begins = async move {
        begins(store.as_ref(), "twin-2", &sent, now).await;
        direct.entities().create(&sent).await.unwrap();
    };
    let monite = Monite::builder()
        .base_url(bridge.sandbox.base_url())
        .credentials(Credentials::parse(bridge.sandbox.client_id(), SecretString::from(CLIENT_SECRET)).unwrap())
        .transport(Arc::new(Meanwhile {
            monite: InProcess::new(bridge.sandbox.router(), Fuse::default()),
            happens: Mutex::new(Some(Box::pin(begins))),
        }))
        .unlimited()
        .build()
        .unwrap();
    let found = look_for_entity(&monite, bridge.store.as_ref(), &first, &attempt, now).await.unwrap();
    assert!(matches!(found, Found::NotYet(_)), "{found:?}");
    // What the twin had begun is settled by whoever takes it over, and the first one gets its own.
    bridge.advance(300);
    bridge.settle().await;
    let own = [bridge.entity_id("twin-1").await, bridge.entity_id("twin-2").await];
    assert_ne!(own[0], own[1]);
    assert_eq!(bridge.sandbox.entities().len(), 2);
}

/// The way to Monite, on which something happens right before the first list of entities is asked for.
struct Meanwhile {
    monite: InProcess,
    happens: Mutex<Option<BoxFuture<'static, ()>>>,
}

impl std::fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meanwhile")
    }
}

#[async_trait]
impl Transport for Meanwhile {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let is_list = request.method() == http::Method::GET && request.uri().path().ends_with("/entities");
        let happens = if is_list { self.happens.lock().unwrap().take() } else { None };
        if let Some(happens) = happens {
            happens.await;
        }
        self.monite.send(request).await
    }
}
