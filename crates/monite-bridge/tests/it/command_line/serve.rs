//! `serve` beside a separate `sandbox` process: it starts, works, sees what other commands do, and ends in good order.

use std::time::Duration;

use serde_json::Value;

use super::support::{API_KEY, CLIENT_ID, CLIENT_SECRET, Place, TWO};

/// The contract: a service that is told to stop is gone within ten seconds.
const STOPS_WITHIN: Duration = Duration::from_secs(10);

/// Polls of [`converged`], one each tenth of a second.
const LOOKS: u32 = 600;

#[tokio::test(flavor = "multi_thread")]
async fn serve_works_off_what_other_commands_bring_and_ends_with_0_on_sigterm() {
    let monite = Place::empty(&[("MONITE_CLIENT_ID", CLIENT_ID), ("MONITE_CLIENT_SECRET", CLIENT_SECRET)]);
    let sandbox = monite.start(&["sandbox", "--listen", "127.0.0.1:0", "--rate-limit", "off"]);
    let place = Place::against(&sandbox.url);
    let bridge = place.start(&["serve"]);
    place.run_with(&["import", "-"], TWO).code(0);
    converged(&bridge.url, 2, 2).await;

    let started = std::time::Instant::now();
    let (code, log) = bridge.terminate();
    assert_eq!(code, 0, "{log}");
    assert!(started.elapsed() < STOPS_WITHIN, "it took {:?}", started.elapsed());
    assert!(!log.contains(CLIENT_SECRET) && !log.contains(API_KEY), "a secret in the log");

    // Started again it has nothing to do: nothing was lost.
    let bridge = place.start(&["serve"]);
    converged(&bridge.url, 2, 2).await;
    assert_eq!(place.run(&["plan"]).code(0).stdout, "nothing to do: Monite holds what is desired\n");
    bridge.kill();
    assert_eq!(place.run(&["plan"]).code(0).stdout, "nothing to do: Monite holds what is desired\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_starts_and_stops_while_monite_cannot_be_reached() {
    // Nothing listens on port 1.
    let place = Place::against("http://127.0.0.1:1/v1");
    let bridge = place.start(&["serve"]);
    place.run_with(&["import", "-"], TWO).code(0);
    for _ in 0..LOOKS {
        let stats = stats(&bridge.url).await;
        if stats["customers"]["retrying"] == 2 {
            let (code, log) = bridge.terminate();
            assert_eq!(code, 0, "{log}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("waited for two customers to be retrying: {}", stats(&bridge.url).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_refused() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let place = Place::empty(&[
        ("MONITE_BRIDGE__SERVER__LISTEN", address.as_str()),
        ("MONITE_CLIENT_ID", CLIENT_ID),
        ("MONITE_CLIENT_SECRET", CLIENT_SECRET),
    ]);
    let ran = place.run(&["serve"]).code(2);
    assert!(ran.stderr.contains(&address) && ran.stderr.contains("server.listen"), "{ran:#?}");
}

async fn converged(url: &str, customers: u64, users: u64) {
    for _ in 0..LOOKS {
        let stats = stats(url).await;
        if stats["customers"]["in_sync"] == customers && stats["users"]["in_sync"] == users {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("waited for {customers} customers and {users} users in sync: {}", stats(url).await);
}

async fn stats(url: &str) -> Value {
    let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).no_proxy().build().unwrap();
    let answer = http.get(format!("{url}/v1/stats")).bearer_auth(API_KEY).send().await.unwrap();
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}
