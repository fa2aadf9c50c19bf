//! Logins that change hands among the users of a customer: each ends with its own entity user, under the login that it was given last.

use monite_sandbox::Fault;
use serde_json::json;

use crate::never_twice::check;
use crate::support::{Database, Dies, TestBridge, on_every_database, user_document};

on_every_database! {
    two_who_swap_their_logins_both_get_them,
    three_who_pass_theirs_on_in_a_circle_all_get_them,
    one_who_waits_for_a_login_without_a_circle_keeps_its_own_meanwhile,
    a_swap_whose_answers_are_lost_comes_to_its_end;
    on_threads:
    death_at_any_call_of_a_swap_leaves_both_with_their_own,
}

const SWAPPED: [(&str, &str); 2] = [("amy", "zoe"), ("zoe", "amy")];

/// `acme` with these users at Monite, each with its id as its login.
async fn with(on: Database, users: &[&str]) -> TestBridge {
    let bridge = TestBridge::on(on).await;
    bridge.put_customer("acme").await;
    for user in users {
        bridge.put_user("acme", user, "admin").await;
    }
    bridge.settle().await;
    bridge.sandbox.clear_journal();
    bridge
}

async fn login(bridge: &TestBridge, user: &str, login: &str) {
    let mut document = user_document(user, "admin");
    document["login"] = json!(login);
    let answer = bridge.put(&format!("/v1/customers/acme/users/{user}"), &document).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// The door lets no two have the same login at any moment, so a swap takes three steps; nobody works on them before the last.
async fn swap(bridge: &TestBridge) {
    login(bridge, "amy", "on-the-way").await;
    login(bridge, "zoe", "amy").await;
    login(bridge, "amy", "zoe").await;
}

async fn two_who_swap_their_logins_both_get_them(on: Database) {
    let bridge = with(on, &["amy", "zoe"]).await;
    swap(&bridge).await;
    bridge.settle().await;
    check(&bridge, &[("acme", &SWAPPED)]).await;
    let changes =
        bridge.sandbox.journal().into_iter().filter(|call| call.method != "GET" && call.path != "/auth/token");
    let changes: Vec<String> = changes.map(|call| call.method).collect();
    assert_eq!(
        changes, ["PATCH"; 4],
        "one refused, one out of the way, and one for each, and both keep their entity users"
    );
}

async fn three_who_pass_theirs_on_in_a_circle_all_get_them(on: Database) {
    let bridge = with(on, &["amy", "ben", "zoe"]).await;
    login(&bridge, "amy", "on-the-way").await;
    login(&bridge, "zoe", "amy").await;
    login(&bridge, "ben", "zoe").await;
    login(&bridge, "amy", "ben").await;
    bridge.settle().await;
    check(&bridge, &[("acme", &[("amy", "ben"), ("ben", "zoe"), ("zoe", "amy")])]).await;
}

/// zoe waits for amy, whose own change Monite refuses: nobody waits for zoe, so there is nothing to be gained from another login.
async fn one_who_waits_for_a_login_without_a_circle_keeps_its_own_meanwhile(on: Database) {
    let bridge = with(on, &["amy", "zoe"]).await;
    bridge.sandbox.once("PATCH /entity_users/*", Fault::Status { status: 422, retry_after: None });
    login(&bridge, "amy", "amy-2").await;
    login(&bridge, "zoe", "amy").await;
    bridge.pass().await;
    assert_eq!(bridge.get("/v1/customers/acme/users/zoe").await.state(), "retrying");
    assert_eq!(bridge.logins("acme").await, ["amy", "zoe"]);
    bridge.call("POST", "/v1/customers/acme/users/amy/retry").send().await;
    bridge.settle().await;
    check(&bridge, &[("acme", &[("amy", "amy-2"), ("zoe", "amy")])]).await;
}

async fn a_swap_whose_answers_are_lost_comes_to_its_end(on: Database) {
    for nth in 0..4 {
        let bridge = with(on, &["amy", "zoe"]).await;
        swap(&bridge).await;
        let lost = monite_sandbox::FaultRule::new("PATCH /entity_users/*", Fault::LoseAnswer).times(nth + 1);
        bridge.sandbox.fault(lost);
        bridge.settle().await;
        check(&bridge, &[("acme", &SWAPPED)]).await;
    }
}

async fn death_at_any_call_of_a_swap_leaves_both_with_their_own(on: Database) {
    for n in 0.. {
        let mut deaths = 0;
        for dies in [Dies::BeforeCall(n), Dies::AfterCall(n)] {
            let mut bridge = with(on, &["amy", "zoe"]).await;
            swap(&bridge).await;
            deaths += u32::from(bridge.work_until_death(dies).await);
            bridge.restart().await;
            bridge.settle().await;
            check(&bridge, &[("acme", &SWAPPED)]).await;
        }
        if deaths == 0 {
            assert!(n > 3, "only {n} calls");
            return;
        }
    }
}
