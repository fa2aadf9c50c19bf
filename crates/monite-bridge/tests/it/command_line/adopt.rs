//! `adopt` against a pretend Monite, after the database file is gone.

use std::time::Duration;

use insta::{assert_snapshot, with_settings};
use monite_sandbox::{Fault, FaultRule};
use serde_json::json;

use super::support::{Place, TWO, filters, sandbox};

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_deleted_comes_back_from_monite() {
    let sandbox = sandbox().await;
    let place = Place::against(&sandbox.base_url());
    place.run_with(&["import", "-"], TWO).code(0);
    place.run(&["sync"]).code(0);
    lose(&place);
    sandbox.clear_journal();

    with_settings!({filters => filters()}, {
        assert_snapshot!("adopt_of_a_lost_database", place.run(&["adopt", "--dry-run"]).code(0).stdout);
    });
    let status = place.run(&["status", "--json"]).code(0).json();
    assert_eq!(status["stamps"], json!({"linked": 0, "stamped": 0}), "a dry run links nothing");

    // Whoever forgets it, or imports first, creates nothing twice.
    place.run_with(&["import", "-"], TWO).code(0);
    for command in ["sync", "serve"] {
        let refused = place.run(&[command]).code(2);
        assert!(refused.stderr.contains("Run `monite-bridge adopt` first"), "{refused:#?}");
    }

    let told = place.run(&["adopt", "--json"]).code(0).json();
    assert_eq!((&told["linked"], &told["users_linked"], &told["failed"]), (&json!(2), &json!(2), &json!(0)));
    place.run_with(&["import", "-"], TWO).code(0);
    let ran = place.run(&["sync"]).code(0);
    assert_eq!(ran.stdout, "customers 2 in_sync   users 2 in_sync   failing 0   stamped 2 of 2   0 calls at Monite\n");
    let made = ["POST /entities", "POST /roles", "POST /entity_users"].map(|call| sandbox.calls(call));
    assert_eq!(made, [0, 0, 0]);
}

/// Not knowing is no reason to begin: neither when Monite does not answer, nor when it does so after the service has started.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_created_before_monite_has_said_whether_another_bridge_was_there() {
    let sandbox = sandbox().await;
    let place = Place::against(&sandbox.base_url());
    place.run_with(&["import", "-"], TWO).code(0);
    place.run(&["sync"]).code(0);
    lose(&place);
    place.run_with(&["import", "-"], TWO).code(0);

    sandbox.fault(FaultRule::new("GET /entities", Fault::Status { status: 503, retry_after: None }));
    let once = place.run(&["sync", "--once"]).code(1);
    assert!(once.stderr.contains("nothing was done"), "{once:#?}");
    sandbox.clear_faults();

    sandbox.fault(FaultRule::new("GET /entities", Fault::Delay(Duration::from_secs(6))));
    let late = place.run(&["serve"]).code(2);
    assert!(late.stdout.contains("listening on"), "it started while Monite was silent: {late:#?}");
    assert!(late.stderr.contains("Run `monite-bridge adopt` first"), "{late:#?}");
    assert_eq!(sandbox.entities().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_bridge_on_the_account_says_so_at_its_first_start() {
    let sandbox = sandbox().await;
    let (one, other) = (Place::against(&sandbox.base_url()), Place::against(&sandbox.base_url()));
    one.run_with(&["import", "-"], TWO).code(0);
    one.run(&["sync"]).code(0);
    let third = r#"{"id":"third","type":"organization","email":"ap@third.example","address":{"country":"DE","city":"Bonn","line1":"Weg 3","postal_code":"53111"},"organization":{"legal_name":"Third GmbH"}}"#;
    other.run_with(&["import", "-"], third).code(0);
    other.run(&["sync"]).code(2);
    assert_eq!(sandbox.entities().len(), 2);
    other.run(&["sync", "--new-bridge"]).code(0);
    assert_eq!(sandbox.entities().len(), 3);
    other.run(&["sync"]).code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_somebody_elses_is_not_linked_even_when_told_to() {
    let sandbox = sandbox().await;
    let place = Place::against(&sandbox.base_url());
    place.run_with(&["import", "-"], TWO).code(0);
    place.run(&["sync"]).code(0);
    let stamped = place.run(&["why", "acme", "--json"]).code(0).json()["entity_id"].as_str().unwrap().to_owned();
    // Another customer that looks like acme, and a bridge that has links of its own: acme's entity is not for it.
    let other =
        TWO.lines().next().unwrap().replace("\"id\":\"acme\"", "\"id\":\"other\"").replace("Acme GmbH", "Acme AG");
    place.run_with(&["import", "-"], &other).code(0);
    let told = place.run(&["adopt", "--json"]).code(0).json();
    assert_eq!((&told["linked_before"], &told["matches"]), (&json!(2), &json!([])));
    let ran = place.run(&["adopt", "--link", &format!("other={stamped}")]).code(1);
    assert!(ran.stdout.contains("it is stamped by the bridge") && ran.stdout.contains("not linked"), "{ran:#?}");
    place.run(&["adopt", "--link", "nobody=00000000-0000-4000-8000-000000000001"]).code(1);
    place.run(&["adopt", "--link", "acme"]).code(2);
}

/// Whoever ends without a word is counted as alive for seconds: `export` would be refused, and the next command have less of the rate.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_takes_leave_also_when_it_is_refused() {
    let sandbox = sandbox().await;
    let place = Place::against(&sandbox.base_url());
    place.run_with(&["import", "-"], TWO).code(0);
    place.run(&["sync"]).code(0);
    lose(&place);
    place.run_with(&["import", "-"], TWO).code(0);
    for (command, code) in
        [(&["sync"][..], 2), (&["serve"], 2), (&["sync", "--customer", "nobody"], 1), (&["adopt"], 0)]
    {
        place.run(command).code(code);
        let left = place.run(&["export", "state.ndjson"]);
        assert_eq!(left.code, 0, "after {command:?}: {left:#?}");
    }
}

fn lose(place: &Place) {
    for file in ["monite-bridge.db", "monite-bridge.db-wal", "monite-bridge.db-shm"] {
        // The files beside it are there only sometimes.
        let _ = std::fs::remove_file(place.path(file));
    }
    assert!(!place.path("monite-bridge.db").exists());
}
