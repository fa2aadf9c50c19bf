//! `demo --exit`: the whole of it, judged by its own summary.

use serde_json::json;

use super::support::{Place, TWO};

#[test]
fn the_demo_ends_with_0_and_everything_as_it_should_be() {
    let place = Place::empty(&[]);
    let report = place.run(&["demo", "--exit", "--rate-limit", "off", "--json"]).code(0).json();
    assert_eq!(report["wrong"], json!([]));
    assert_eq!((&report["import"]["stored"], &report["import"]["lines_refused"]), (&json!(54), &json!(6)));
    let sync = &report["sync"];
    assert_eq!(
        (&sync["customers"]["in_sync"], &sync["users"]["in_sync"], &sync["failing"]),
        (&json!(54), &json!(165), &json!(0))
    );
    let calls = &sync["calls"];
    assert_eq!(calls["made"], calls["fewest"], "not one call more than needed: {calls}");
    assert_eq!((&calls["duplicates"], &calls["too_many_requests"]), (&json!(0), &json!(0)));
    let token = &report["token"];
    assert_eq!((&token["login"], &token["entity"]), (&token["expected_login"], &token["entity_id"]));
    assert_eq!(token["second_handout_calls"], 0);
    assert!(!place.path("monite-bridge.db").exists(), "the demo leaves nothing behind");
}

#[test]
fn the_demo_takes_other_customers_and_says_when_something_is_not_as_it_should_be() {
    let place = Place::empty(&[]);
    place.write("two.ndjson", TWO);
    let ran = place.run(&["demo", "--exit", "--rate-limit", "off", "--customers", "two.ndjson"]).code(0);
    assert!(ran.stdout.contains("two.ndjson: 2 customers with 2 users stored, 0 refused"), "{ran:#?}");
    assert!(ran.stdout.contains("everything is as it should be"), "{ran:#?}");
    place.write("none.ndjson", "");
    let ran = place.run(&["demo", "--exit", "--rate-limit", "off", "--customers", "none.ndjson"]).code(1);
    assert!(ran.stdout.contains("no user to issue a token for"), "{ran:#?}");
}
