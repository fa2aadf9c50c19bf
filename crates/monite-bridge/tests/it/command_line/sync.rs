//! `plan`, `sync`, `status`, `why`, `retry`, `token` against a pretend Monite.

use insta::{assert_snapshot, with_settings};
use monite_sandbox::Fault;
use serde_json::json;

use super::support::{Place, TWO, filters, sandbox};

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_tells_what_would_be_done_and_does_nothing() {
    let sandbox = sandbox().await;
    let place = Place::against(&sandbox.base_url());
    place.run_with(&["import", "-"], TWO).code(0);
    with_settings!({filters => filters()}, {
        assert_snapshot!("plan_of_new_customers", place.run(&["plan"]).code(0).stdout);
    });
    assert_eq!(sandbox.total_calls(), 0, "a plan calls nothing");

    place.run(&["sync"]).code(0);
    assert_eq!(place.run(&["plan"]).code(0).stdout, "nothing to do: Monite holds what is desired\n");
    place.run_with(&["import", "-"], &TWO.replace("Berlin", "Bonn").replace("\"viewer\"", "\"payer\"")).code(0);
    with_settings!({filters => filters()}, {
        assert_snapshot!("plan_of_changes", place.run(&["plan", "--customer", "acme"]).code(0).stdout);
    });
    let plan = place.run(&["plan", "--json"]).code(0).json();
    assert_eq!(plan["by_action"], json!({"create_role": 1, "patch_entity": 1, "patch_user": 1}));
    assert_eq!(
        plan["customers"][0]["actions"][0]["changes"],
        json!([{"field": "address.city", "from": "Berlin", "to": "Bonn"}])
    );
    place.run(&["plan", "--customer", "nobody"]).code(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_brings_everything_there_once_and_a_change_as_one_patch() {
    let sandbox = sandbox().await;
    let place = Place::against(&sandbox.base_url());
    place.run_with(&["import", "-"], TWO).code(0);
    let ran = place.run(&["sync"]).code(0);
    assert_eq!(
        ran.stdout,
        "customers 2 in_sync   users 2 in_sync   failing 0   stamped 2 of 2   13 calls at Monite, 4 of them for stamps\n"
    );
    let calls = |call: &str| sandbox.calls(call);
    assert_eq!(calls("GET /entities"), 1, "the very first run looks for a bridge that was here before");
    assert_eq!(
        (calls("POST /entities"), calls("GET /roles"), calls("POST /roles"), calls("POST /entity_users")),
        (2, 1, 2, 2)
    );

    place.run_with(&["import", "-"], TWO).code(0);
    let again = place.run(&["sync", "--json"]).code(0).json();
    assert_eq!((&again["calls"], &again["failing"]), (&json!(0), &json!(0)), "the same documents cost no call");

    place.run_with(&["import", "-"], &TWO.replace("Berlin", "Bonn")).code(0);
    sandbox.clear_journal();
    place.run(&["sync", "--customer", "acme"]).code(0);
    let bodies: Vec<_> =
        sandbox.journal().into_iter().filter(|entry| entry.method == "PATCH").map(|entry| entry.body).collect();
    assert_eq!(bodies, [Some(json!({"address": {"city": "Bonn"}}))]);
    place.run(&["sync", "--customer", "nobody"]).code(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_kept_with_its_reason_until_somebody_retries() {
    let sandbox = sandbox().await;
    let place = Place::against(&sandbox.base_url());
    place.run_with(&["import", "-"], TWO).code(0);
    sandbox.once("POST /entity_users", Fault::Status { status: 400, retry_after: None });
    let ran = place.run(&["sync", "--once"]).code(1);
    assert!(ran.stdout.contains("users 1 in_sync, 1 rejected   failing 1"), "{ran:#?}");
    with_settings!({filters => filters()}, {
        assert_snapshot!("status_of_what_fails", place.run(&["status", "--failing"]).code(0).stdout);
        assert_snapshot!("why_of_a_rejected_user", place.run(&["why", "acme/ana"]).code(0).stdout);
    });
    let status = place.run(&["status", "--failing", "--json"]).code(0).json();
    assert_eq!((&status["users"]["rejected"], &status["failing"]), (&json!(1), &json!(1)));
    let failing = &status["objects"][0];
    assert_eq!(
        (&failing["customer"], &failing["user"], &failing["last_error"]["status"]),
        (&json!("acme"), &json!("ana"), &json!(400))
    );
    assert!(failing["last_error"]["request_id"].is_string(), "{failing}");

    place.run(&["retry", "acme/nobody"]).code(1);
    assert_eq!(place.run(&["retry", "--all", "--json"]).code(0).json(), json!({"retried": 1}));
    place.run(&["sync"]).code(0);
    assert!(place.run(&["retry", "acme"]).code(0).stdout.starts_with("nothing fails there"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_waits_for_what_is_tried_again_by_itself() {
    let sandbox = sandbox().await;
    let place = Place::against(&sandbox.base_url());
    place.run_with(&["import", "-"], TWO).code(0);
    sandbox.once("POST /entities", Fault::LoseAnswer);
    place.run(&["sync"]).code(0);
    assert_eq!(sandbox.entities().len(), 2, "the answer was lost, the work was not: no second entity");
}

/// A thousandth of ten thousand calls a second is one each tenth of a second.
#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_looks_at_everything_within_its_share_of_the_configured_rate() {
    let sandbox = sandbox().await;
    let place = Place::against(&sandbox.base_url());
    place.write("monite-bridge.toml", "[sync]\nsweep_share = 0.001\n");
    place.run_with(&["import", "-"], TWO).code(0);
    place.run(&["sync"]).code(0);
    sandbox.clear_journal();
    let ran = place.run(&["sync", "--sweep"]).code(0);
    // What has just been brought there is not judged yet, so no roles are asked for.
    assert!(ran.stderr.contains("swept: entities 2   roles 0   users 2   drifted 0   strangers 0\n"), "{ran:#?}");
    let looks: Vec<_> = sandbox.journal().into_iter().filter(|call| call.method == "GET").collect();
    assert!(looks.len() >= 4, "{looks:#?}");
    for pair in looks.windows(2) {
        let apart = pair[1].at.duration_since(pair[0].at).as_millis();
        // A call that was slow to leave shortens the way to the next one.
        assert!(apart >= 60, "{} came {apart} ms after {}", pair[1].path, pair[0].path);
    }
    let again = place.run(&["sync", "--sweep", "--json"]).code(0).json();
    assert_eq!((&again["sweep"]["entities"], &again["sweep"]["drifted"]), (&json!(2), &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn users_whose_customer_was_refused_are_not_waited_for() {
    let sandbox = sandbox().await;
    let place = Place::against(&sandbox.base_url());
    place.run_with(&["import", "-"], TWO).code(0);
    sandbox.once("POST /entities", Fault::Status { status: 400, retry_after: None });
    let ran = place.run(&["sync", "--customer", "acme"]).code(1);
    assert!(ran.stdout.contains("1 rejected   users 2 pending   failing 1"), "{ran:#?}");
    let why = place.run(&["why", "acme/ana", "--json"]).code(0).json();
    assert_eq!(
        why["next"],
        "It waits for the entity of its customer acme, which is rejected: see `monite-bridge why acme`."
    );
    place.run(&["retry", "acme"]).code(0);
    place.run(&["sync"]).code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn why_tells_all_that_is_known() {
    let sandbox = sandbox().await;
    let place = Place::against(&sandbox.base_url());
    place.run_with(&["import", "-"], TWO).code(0);
    place.run(&["sync"]).code(0);
    place.run_with(&["import", "-"], &TWO.replace("Berlin", "Bonn")).code(0);
    with_settings!({filters => filters()}, {
        assert_snapshot!("why_of_a_changed_customer", place.run(&["why", "acme"]).code(0).stdout);
    });
    let why = place.run(&["why", "acme/ana", "--json"]).code(0).json();
    assert_eq!(
        (&why["state"], &why["generation"], &why["synced_generation"]),
        (&json!("in_sync"), &json!(1), &json!(1))
    );
    assert_eq!(
        (&why["desired"]["role"], &why["confirmed"]["login"]),
        (&json!("admin"), &json!("ana@acme.example.com"))
    );
    assert!(why["entity_user_id"].is_string() && why["calls"][0]["request_id"].is_string(), "{why}");
    let ran = place.run(&["why", "nobody"]).code(1);
    assert!(ran.stderr.contains("there is no customer nobody"), "{ran:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_handed_out_for_a_user_that_is_there() {
    let sandbox = sandbox().await;
    let place = Place::against(&sandbox.base_url());
    place.run_with(&["import", "-"], TWO).code(0);
    let ran = place.run(&["token", "acme", "ana"]).code(1);
    assert!(ran.stderr.contains("why acme/ana"), "{ran:#?}");
    place.run(&["sync"]).code(0);
    let token = place.run(&["token", "acme", "ana"]).code(0).json();
    assert_eq!((&token["token_type"], &token["api_url"]), (&json!("Bearer"), &json!(sandbox.base_url())));
    assert!(token["expires_in"].as_u64().unwrap() >= 660, "{}", token["expires_in"]);
    assert!(!token["access_token"].as_str().unwrap().is_empty());
}
