//! A bridge moves to another database, of whichever kind, and goes on where it was.

use std::sync::Arc;
use std::time::Duration;

use monite::ManualClock;
use monite_bridge::api_key::{ApiKey, Scope, Scopes};
use monite_bridge::budget::ledger::{Beat, ReplicaId};
use monite_bridge::domain::CustomerId;
use monite_bridge::store::saved::{Portable, Restore, Restored, Saved, SavedCounts};
use monite_bridge::store::{self, StoreError, WorkerId};
use monite_bridge::transfer::{self, TransferError};
use monite_sandbox::Fault;
use serde_json::json;
use tokio::io::AsyncReadExt as _;

use crate::support::{Database, Place, TestBridge, customer_document, user_document};

const BOTH: [Database; 2] = [Database::Sqlite, Database::Postgres];

const HOUR: Duration = Duration::from_secs(3600);

/// More than one page of each.
const MANY: usize = 520;

/// Every state that a row can be in: in sync, deactivated, refused, not yet tried, a create and a change without an answer, a customer that
/// a dead worker did not give back; and `many` more customers, each with a user.
async fn populated(database: Database, many: usize) -> TestBridge {
    let bridge = TestBridge::on(database).await;
    for id in ["acme", "left", "twin"] {
        bridge.put_customer(id).await;
        bridge.put_user(id, "ana", "admin").await;
    }
    bridge.settle().await;
    bridge.put_customer("zett").await;
    bridge.put_user("zett", "ana", "admin").await;
    bridge.sandbox.once("POST /entity_users", Fault::Status { status: 422, retry_after: None });
    bridge.settle().await;
    bridge.delete("/v1/customers/left").await;
    bridge.settle().await;
    bridge.sandbox.once("POST /entities", Fault::LoseAnswer);
    bridge.put_customer("lost").await;
    bridge.pass().await;
    let sealed: Vec<u8> = (0..=255).collect();
    bridge.store.put_secret("credentials", &sealed, bridge.clock_now()).await.unwrap();
    for (scopes, expires_at) in
        [(Scopes::of(&[Scope::Read]), None), (Scopes::of(&Scope::ALL), Some(bridge.clock_now() + HOUR))]
    {
        let (key, _) = ApiKey::make("a test", scopes, bridge.clock_now(), expires_at).unwrap();
        bridge.store.put_api_key(&key).await.unwrap();
        bridge.store.used_api_key(&key.id, bridge.clock_now()).await.unwrap();
        bridge.store.revoke_api_key(&key.id, bridge.clock_now()).await.unwrap();
    }
    // Written again while a worker has it in hand, which then dies; its lease ends.
    change_phone_of_twin(&bridge, "+49 30 1").await;
    let (worker, now, twin) = (WorkerId("dies".to_owned()), bridge.clock_now(), CustomerId::parse("twin").unwrap());
    bridge.store.claim_due(&worker, now, Duration::from_secs(15), 1, Some(&twin)).await.unwrap();
    change_phone_of_twin(&bridge, "+49 30 2").await;
    bridge.clock.advance(Duration::from_secs(15));
    let line = |number: usize| {
        let (mut record, mut user) = (customer_document(&format!("n{number}")), user_document("ana", "admin"));
        (record["id"], user["id"]) = (json!(format!("n{number}")), json!("ana"));
        record["organization"]["legal_name"] = json!("山田 \"&\" Söhne \\ \u{1F4A5}");
        record["users"] = json!([user]);
        format!("{record}\n")
    };
    let results = bridge.import(&(0..many).map(line).collect::<String>()).await;
    assert!(results.iter().all(|line| line["status"] != "refused"), "{results:#?}");
    bridge
}

async fn change_phone_of_twin(bridge: &TestBridge, phone: &str) {
    let answer = bridge.call("PATCH", "/v1/customers/twin").json(&json!({"phone": phone})).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_is_the_same_to_the_byte_wherever_it_moves() {
    for from in BOTH {
        let bridge = populated(from, MANY).await;
        let state = written_out(&bridge.database_url(), &bridge.clock).await;
        for word in [
            "\"rejected\"",
            "\"deactivated\"",
            "\"unknown\"",
            "\"gone\"",
            "doubt_until",
            "left_until",
            "sealed",
            "digest",
        ] {
            assert!(state.contains(word), "{from:?}: no {word}");
        }
        for to in BOTH {
            let place = Place::create(to).await;
            let counts = brought_in(&place.url(), &state).await.unwrap();
            assert_eq!(
                (counts.customers, counts.secrets, counts.api_keys),
                (MANY as u64 + 5, 1, 2),
                "{from:?} to {to:?}"
            );
            let again = written_out(&place.url(), &bridge.clock).await;
            assert!(again == state, "{from:?} to {to:?}: {}", first_difference(&state, &again));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bridge_goes_on_where_it_was() {
    for (from, to) in [(Database::Sqlite, Database::Postgres), (Database::Postgres, Database::Sqlite)] {
        let mut bridge = populated(from, 3).await;
        let state = written_out(&bridge.database_url(), &bridge.clock).await;
        let (before, name) = (bridge.store.stats().await.unwrap(), bridge.store.bridge().await.unwrap());
        let acme = bridge.entity_id("acme").await;
        let place = Place::create(to).await;
        brought_in(&place.url(), &state).await.unwrap();
        bridge.move_into(place).await;
        assert_eq!((bridge.store.stats().await.unwrap(), bridge.store.bridge().await.unwrap()), (before, name));
        assert_eq!(bridge.token("acme", "ana").await.status, 200);
        bridge.settle().await;
        assert_eq!(bridge.entity_id("acme").await, acme);
        assert_eq!(
            bridge.sandbox.entities().len(),
            3 + 5,
            "the create without an answer was found, none is there twice"
        );
        let twin = bridge.sandbox.entities().into_iter().find(|one| one["phone"] == "+49 30 2");
        assert!(twin.is_some(), "the change without an answer was looked at, and the last one won");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_that_is_not_whole_leaves_the_database_empty() {
    let bridge = populated(Database::Sqlite, 3).await;
    let state = written_out(&bridge.database_url(), &bridge.clock).await;
    let lines: Vec<&str> = state.lines().collect();
    let without = |line: usize| {
        lines.iter().enumerate().filter(|(at, _)| *at != line).map(|(_, line)| format!("{line}\n")).collect::<String>()
    };
    let last = lines.len() - 1;
    let broken = [
        ("no last line", without(last)),
        ("cut in the last line", state[..state.len() - 1].to_owned()),
        ("cut in the middle", state[..state.len() / 2].to_owned()),
        ("a record is missing", without(last - 1)),
        ("no first line", without(0)),
        ("of a later form", state.replacen(":2}", ":3}", 1)),
        ("not of this program", "hello\n".to_owned()),
        ("nothing", String::new()),
        ("something follows", format!("{state}x\n")),
        ("a field nobody knows", state.replacen("{\"customer\":{", "{\"customer\":{\"colour\":1,", 1)),
        ("a state nobody knows", state.replacen("\"state\":\"pending\"", "\"state\":\"tired\"", 1)),
        ("a document that is none", state.replacen("\"document\":\"{", "\"document\":\"{{", 1)),
        ("a record twice", state.replacen(lines[10], &format!("{}\n{}", lines[10], lines[10]), 1)),
    ];
    for on in BOTH {
        let place = Place::create(on).await;
        for (what, text) in &broken {
            let refused = brought_in(&place.url(), text).await;
            let is_fine = matches!(refused, Err(TransferError::Unusable { .. } | TransferError::Store(_)));
            assert!(is_fine, "{on:?}, {what}: {refused:?}");
            let store = store::open(&place.url()).await.unwrap();
            let stats = store.stats().await.unwrap();
            assert!(stats.customers.is_empty() && stats.users.is_empty(), "{on:?}, {what}: {stats:?}");
            assert_eq!(store.secret("credentials").await.unwrap(), None, "{on:?}, {what}");
            store.close().await;
        }
        brought_in(&place.url(), &state).await.unwrap();
        assert!(written_out(&place.url(), &bridge.clock).await == state, "{on:?}");
    }
}

/// A run that ended in the middle: nobody else opens the database, and the next run begins anew. The old one, should it still be there,
/// stores nothing any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_import_is_noticed_and_begun_again() {
    let bridge = populated(Database::Postgres, MANY).await;
    let state = written_out(&bridge.database_url(), &bridge.clock).await;
    let records = |from: usize, to: usize| -> Vec<Saved> {
        state.lines().skip(1 + from).take(to - from).map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    for on in BOTH {
        let place = Place::create(on).await;
        let old = store::open_portable(&place.url()).await.unwrap();
        let run = "old".to_owned();
        assert_eq!(old.restore(&Restore::Begin { run: run.clone() }).await.unwrap(), Restored::Done);
        let page = Restore::Page { run: run.clone(), records: records(0, 600) };
        assert_eq!(old.restore(&page).await.unwrap(), Restored::Done);
        let refused = store::open(&place.url()).await.map(drop).unwrap_err();
        assert!(matches!(&refused, StoreError::Open { reason, .. } if reason.contains("import-state")), "{refused}");

        brought_in(&place.url(), &state).await.unwrap();
        for late in [
            Restore::Page { run: run.clone(), records: records(600, 601) },
            Restore::Clear { run: run.clone() },
            Restore::End { run, counts: SavedCounts::default() },
        ] {
            assert_eq!(old.restore(&late).await.unwrap(), Restored::Overtaken, "{on:?}: {late:?}");
        }
        old.close().await;
        assert!(written_out(&place.url(), &bridge.clock).await == state, "{on:?}");
        store::open(&place.url()).await.unwrap().close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_goes_into_an_empty_database_only() {
    for on in BOTH {
        let bridge = TestBridge::on(on).await;
        // It has a name and knows its role templates: that is nothing yet.
        let state = written_out(&bridge.database_url(), &bridge.clock).await;
        brought_in(&bridge.database_url(), &state).await.unwrap();
        bridge.put_customer("acme").await;
        let refused = brought_in(&bridge.database_url(), &state).await;
        assert!(matches!(refused, Err(TransferError::NotEmpty)), "{on:?}: {refused:?}");
        assert_eq!(bridge.get("/v1/customers/acme").await.status, 200);

        let bridge = TestBridge::on(on).await;
        bridge.store.put_secret("credentials", b"sealed", bridge.clock_now()).await.unwrap();
        let refused = brought_in(&bridge.database_url(), &state).await;
        assert!(matches!(refused, Err(TransferError::NotEmpty)), "{on:?}: {refused:?}");
        assert!(bridge.store.secret("credentials").await.unwrap().is_some());

        let bridge = TestBridge::on(on).await;
        let (key, _) = ApiKey::make("a test", Scopes::of(&[Scope::Read]), bridge.clock_now(), None).unwrap();
        bridge.store.put_api_key(&key).await.unwrap();
        let refused = brought_in(&bridge.database_url(), &state).await;
        assert!(matches!(refused, Err(TransferError::NotEmpty)), "{on:?}: {refused:?}");
        assert_eq!(bridge.store.api_keys().await.unwrap(), [key]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_out_while_somebody_is_at_work() {
    for on in BOTH {
        let bridge = TestBridge::on(on).await;
        for id in ["acme", "beta"] {
            bridge.put_customer(id).await;
        }
        let minute = Duration::from_secs(60);
        let worker = WorkerId("w".to_owned());
        bridge.store.claim_due(&worker, bridge.clock_now(), minute, 1, None).await.unwrap();
        let refused = try_to_write_out(&bridge.database_url(), &bridge.clock).await;
        assert!(matches!(&refused, Err(TransferError::AtWork(who)) if who == &["w"]), "{on:?}: {refused:?}");
        bridge.clock.advance(minute);

        // One that holds no customer, but lives: it may take one at any moment.
        let store = store::open(&bridge.database_url()).await.unwrap();
        // Heartbeats go by the clock of the database.
        let now = store.time().await.unwrap().unwrap_or(bridge.clock_now());
        store.beat(&beat_of("lives"), now).await.unwrap();
        let refused = try_to_write_out(&bridge.database_url(), &bridge.clock).await;
        assert!(matches!(&refused, Err(TransferError::AtWork(who)) if who == &["lives"]), "{on:?}: {refused:?}");
        store.leave(&ReplicaId("lives".to_owned())).await.unwrap();
        try_to_write_out(&bridge.database_url(), &bridge.clock).await.unwrap();

        // Somebody writes in the middle: the text gets no last line.
        let store = store::open_portable(&bridge.database_url()).await.unwrap();
        let (mut from, mut to) = tokio::io::duplex(8);
        let reading = async {
            let mut text = vec![from.read_u8().await.unwrap()];
            bridge.put_customer("corp").await;
            from.read_to_end(&mut text).await.unwrap();
            String::from_utf8(text).unwrap()
        };
        let clock = bridge.clock.clone();
        let writing = async move {
            let outcome = transfer::export(store.as_ref(), &clock, &mut to).await;
            drop(to);
            store.close().await;
            outcome
        };
        let (text, outcome) = tokio::join!(reading, writing);
        assert!(matches!(outcome, Err(TransferError::Changed)), "{on:?}: {outcome:?}");
        assert!(!text.contains("{\"end\""), "{text}");
    }
}

fn beat_of(process: &str) -> Beat {
    Beat {
        id: ReplicaId(process.to_owned()),
        rate: 30,
        wants: 30,
        uses: 0,
        delay: Duration::ZERO,
        down_since: None,
        paused_until: None,
        stated: None,
        insists: None,
    }
}

async fn try_to_write_out(url: &str, clock: &ManualClock) -> Result<String, TransferError> {
    let store = store::open_portable(url).await.unwrap();
    let mut text = Vec::new();
    let outcome = transfer::export(store.as_ref(), clock, &mut text).await;
    store.close().await;
    outcome.map(|_| String::from_utf8(text).unwrap())
}

async fn written_out(url: &str, clock: &ManualClock) -> String {
    try_to_write_out(url, clock).await.unwrap()
}

async fn brought_in(url: &str, text: &str) -> Result<SavedCounts, TransferError> {
    let store: Arc<dyn Portable> = store::open_portable(url).await.unwrap();
    let run = uuid::Uuid::new_v4().to_string();
    let outcome = transfer::import(store.as_ref(), &run, &mut text.as_bytes()).await;
    store.close().await;
    outcome
}

fn first_difference(one: &str, other: &str) -> String {
    let different = one.lines().zip(other.lines()).find(|(one, other)| one != other);
    different.map_or_else(|| "one is longer".to_owned(), |(one, other)| format!("{one}\n{other}"))
}
