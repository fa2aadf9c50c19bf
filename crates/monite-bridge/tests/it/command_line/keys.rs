//! `keys`: made, shown once, used, listed, revoked.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::{API_KEY, Place, sandbox};

async fn stats(url: &str, key: &str) -> u16 {
    let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).no_proxy().build().unwrap();
    let answer = http.get(format!("{url}/v1/stats")).bearer_auth(key).send().await.unwrap();
    answer.status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_once_opens_a_running_service_and_is_taken_back_beside_it() {
    let sandbox = sandbox().await;
    let place = Place::against(&sandbox.base_url());
    let bridge = place.start(&["serve"]);
    let made = place
        .run(&["keys", "create", "--name", "billing", "--scopes", "read,token", "--expires", "90d", "--json"])
        .code(0)
        .json();
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert!(key.starts_with(&format!("{id}_")) && id.starts_with("mbk_"), "{made}");
    assert_eq!(
        (&made["name"], &made["scopes"], &made["state"]),
        (&json!("billing"), &json!(["read", "token"]), &json!("good"))
    );
    assert_eq!(stats(&bridge.url, key).await, 200);
    assert_eq!(stats(&bridge.url, API_KEY).await, 200, "the bootstrap key, until it is switched off");

    let listed = place.run(&["keys", "list"]).code(0).stdout;
    assert!(listed.contains(id) && listed.contains("billing") && listed.contains("read,token"), "{listed}");
    let secret = key.rsplit('_').next().unwrap();
    assert!(!listed.contains(secret), "{listed}");
    let database =
        ["monite-bridge.db", "monite-bridge.db-wal"].map(|name| std::fs::read(place.path(name)).unwrap_or_default());
    let holds = |needle: &[u8]| database.concat().windows(needle.len()).any(|bytes| bytes == needle);
    assert!(holds(id.as_bytes()) && !holds(secret.as_bytes()));

    // Whoever pastes the whole key gets it revoked, and does not see it again.
    let revoked = place.run(&["keys", "revoke", key]).code(0).stdout;
    assert!(
        revoked.contains(&format!("the key {id} (billing) is revoked since 20")) && !revoked.contains(secret),
        "{revoked}"
    );
    assert_eq!(stats(&bridge.url, key).await, 401);
    let listed = place.run(&["keys", "list", "--json"]).code(0).json();
    assert_eq!(listed["keys"][0]["state"], "revoked", "{listed}");
    assert_ne!(listed["keys"][0]["last_used_at"], Value::Null, "{listed}");
    let (_, log) = bridge.terminate();
    assert!(!log.contains(secret), "{log}");
}

#[test]
fn what_cannot_be_made_or_revoked_is_named() {
    let place = Place::against("http://127.0.0.1:9/v1");
    let refuses = |args: &[&str], says: &str| {
        let ran = place.run(args).code(2);
        assert!(ran.stderr.contains(says), "{ran:#?}");
        ran
    };
    refuses(&["keys", "create", "--name", "a", "--scopes", "read,all"], "\"all\" is no scope");
    refuses(&["keys", "create", "--name", " ", "--scopes", "read"], "1 to 100 characters");
    refuses(&["keys", "create", "--name", "a", "--scopes", "read", "--expires", "soon"], "not a time such as 90d");
    refuses(&["keys", "revoke", "mbk_AAAAAAAAAAAA"], "there is no key mbk_AAAAAAAAAAAA");
    let ran = refuses(&["keys", "revoke", "mbk_AAAAAAAAAAAA_s3cr3t"], "not the id of an API key");
    assert!(!ran.stderr.contains("s3cr3t"), "{ran:#?}");
    let none = place.run(&["keys", "list"]).code(0).stdout;
    assert!(none.contains("no keys yet"), "{none}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bootstrap_key_can_be_switched_off_and_a_start_says_that_it_is_on() {
    let sandbox = sandbox().await;
    let place = Place::against(&sandbox.base_url());
    let bridge = place.start(&["serve"]);
    let (_, log) = bridge.terminate();
    assert!(!log.contains("bootstrap_key"), "there is no other key yet: {log}");
    let made = place.run(&["keys", "create", "--name", "a", "--scopes", "read", "--json"]).code(0).json();
    let bridge = place.start(&["serve"]);
    let (_, log) = bridge.terminate();
    assert!(log.contains("set server.bootstrap_key = false"), "{log}");
    place.write("monite-bridge.toml", "[server]\nbootstrap_key = false\n");
    let bridge = place.start(&["serve"]);
    assert_eq!(stats(&bridge.url, API_KEY).await, 401);
    assert_eq!(stats(&bridge.url, made["key"].as_str().unwrap()).await, 200);
    let (_, log) = bridge.terminate();
    assert!(!log.contains("bootstrap_key"), "{log}");
}
