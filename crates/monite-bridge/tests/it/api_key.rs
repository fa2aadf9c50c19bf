//! Nobody gets below `/v1` without an API key, and nobody further than its scopes.

use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use monite_bridge::api_key::{ApiKey, ApiKeyId, Scope, Scopes};
use monite_bridge::http::{Access, routes};
use secrecy::ExposeSecret as _;

use crate::support::{Answer, Database, Setup, TestBridge, on_every_database};

on_every_database! {
    a_revoked_key_opens_nothing_from_the_next_call_on_at_every_process,
    the_use_of_a_key_is_written_down_once_a_minute,
}

/// Every route with its parameters filled in.
fn paths(wanted: impl Fn(Access) -> bool) -> Vec<(Method, String)> {
    let concrete = |path: &str| path.replace("{customer}", "acme").replace("{user}", "ana");
    routes()
        .into_iter()
        .filter(|route| wanted(route.access))
        .map(|route| (route.method, concrete(route.path)))
        .collect()
}

#[tokio::test]
async fn a_missing_or_wrong_key_opens_no_route() {
    let bridge = TestBridge::start().await;
    let guarded = paths(|access| matches!(access, Access::Key(_)));
    assert!(guarded.len() > 15, "{guarded:?}");
    for (method, path) in guarded {
        let missing = bridge.anonymous(method.as_str(), &path).send().await;
        assert_eq!((missing.status, missing.problem()), (401, "unauthorized".to_owned()), "{method} {path}");
        assert_eq!(missing.header("www-authenticate"), Some("Bearer realm=\"monite-bridge\""));
        let wrong = bridge.anonymous(method.as_str(), &path).bearer("another").send().await;
        assert_eq!((wrong.status, wrong.problem()), (401, "unauthorized".to_owned()), "{method} {path}");
        assert_eq!(wrong.header("www-authenticate"), Some("Bearer realm=\"monite-bridge\", error=\"invalid_token\""));
    }
    assert_eq!(bridge.sandbox.total_calls(), 0);
}

#[tokio::test]
async fn a_session_is_no_api_key() {
    let bridge = TestBridge::start().await;
    let session = bridge.session("acme", "ana");
    for (method, path) in paths(|access| matches!(access, Access::Key(_))) {
        let answer = bridge.anonymous(method.as_str(), &path).bearer(&session).send().await;
        assert_eq!(answer.status, 401, "{method} {path}");
    }
}

#[tokio::test]
async fn without_a_configured_key_everything_is_refused_and_the_answer_says_what_to_do() {
    let bridge = TestBridge::with(Setup { api_key: None, ..Setup::default() }).await;
    for (method, path) in paths(|access| matches!(access, Access::Key(_))) {
        for answer in [
            bridge.anonymous(method.as_str(), &path).send().await,
            bridge.anonymous(method.as_str(), &path).header("authorization", "Bearer ").send().await,
            bridge.call(method.as_str(), &path).send().await,
        ] {
            assert_eq!(answer.status, 401, "{method} {path}");
            assert!(answer.json()["detail"].as_str().unwrap().contains("`monite-bridge keys "), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn what_is_open_tells_nothing_about_customers() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("acme").await;
    bridge.put_user("acme", "ana", "admin").await;
    bridge.settle().await;
    for (method, path) in paths(|access| access == Access::Open) {
        let answer = bridge.anonymous(method.as_str(), &path).send().await;
        assert_eq!(answer.status, 200, "{method} {path}");
        assert!(!answer.text().contains("acme") && !answer.text().contains("ana@"), "{path}: {}", answer.text());
    }
}

/// A key in the database, and its text.
async fn made(bridge: &TestBridge, scopes: &[Scope], expires_at: Option<Timestamp>) -> (ApiKeyId, String) {
    let (kept, key) = ApiKey::make("a test", Scopes::of(scopes), bridge.clock_now(), expires_at).unwrap();
    bridge.store.put_api_key(&kept).await.unwrap();
    (kept.id, key.expose_secret().to_owned())
}

async fn ask(bridge: &TestBridge, method: &str, path: &str, key: &str) -> Answer {
    bridge.anonymous(method, path).bearer(key).send().await
}

#[tokio::test]
async fn a_key_opens_the_routes_of_its_scopes_and_no_other() {
    let bridge = TestBridge::start().await;
    for given in Scope::ALL {
        let (id, key) = made(&bridge, &[given], None).await;
        for needed in Scope::ALL {
            for (method, path) in paths(|access| access == Access::Key(needed)) {
                if path == "/v1/events" && given == needed {
                    continue; // It never ends.
                }
                let answer = ask(&bridge, method.as_str(), &path, &key).await;
                let is_refused = (answer.status, answer.header("www-authenticate").is_some()) == (403, true);
                assert_eq!(is_refused, given != needed, "{given:?} at {method} {path}: {answer:?}");
                if is_refused {
                    assert_eq!(answer.problem(), "missing-scope");
                    let said = answer.json()["detail"].as_str().unwrap().to_owned();
                    assert!(said.contains(id.as_str()) && said.contains(needed.as_str()), "{said}");
                    let challenge = format!("error=\"insufficient_scope\", scope=\"{}\"", needed.as_str());
                    assert!(answer.header("www-authenticate").unwrap().ends_with(&challenge), "{answer:?}");
                }
                assert_ne!(answer.status, 401, "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn who_knows_an_id_but_not_the_secret_learns_nothing() {
    let bridge = TestBridge::start().await;
    let (id, key) = made(&bridge, &[Scope::Read], None).await;
    let unknown = ask(&bridge, "GET", "/v1/stats", &format!("mbk_AAAAAAAAAAAA_{}", "x".repeat(43))).await;
    bridge.store.revoke_api_key(&id, bridge.clock_now()).await.unwrap();
    let wrong_secret = format!("{id}_{}", "x".repeat(43));
    let of_other = made(&bridge, &[Scope::Write], None).await.1.split_off(17);
    for guess in [
        id.to_string(),
        format!("{id}_"),
        wrong_secret,
        format!("{id}_{of_other}"),
        format!("{key}x"),
        key[..59].to_owned(),
    ] {
        let answer = ask(&bridge, "GET", "/v1/stats", &guess).await;
        assert_eq!(
            (answer.status, answer.json()["detail"].clone()),
            (401, unknown.json()["detail"].clone()),
            "{guess}"
        );
    }
}

#[tokio::test]
async fn an_expired_key_opens_nothing_and_says_since_when() {
    let bridge = TestBridge::start().await;
    let expires_at = bridge.clock_now() + Duration::from_secs(60);
    let (_, key) = made(&bridge, &[Scope::Read, Scope::Token], Some(expires_at)).await;
    let token = "/v1/customers/acme/users/ana/token";
    assert_eq!(ask(&bridge, "GET", "/v1/stats", &key).await.status, 200);
    assert_eq!(ask(&bridge, "POST", token, &key).await.status, 404);
    bridge.advance(60);
    for (method, path) in [("GET", "/v1/stats"), ("POST", token)] {
        let answer = ask(&bridge, method, path, &key).await;
        assert_eq!(answer.status, 401);
        let said = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(said.contains(&format!("expired at {expires_at}")), "{said}");
    }
}

async fn a_revoked_key_opens_nothing_from_the_next_call_on_at_every_process(on: Database) {
    let bridge = TestBridge::with(Setup { database: on, ..Setup::default() }).await;
    let elsewhere = monite_bridge::store::open(&bridge.database_url()).await.unwrap();
    let (id, key) = made(&bridge, &Scope::ALL, None).await;
    let token = "/v1/customers/acme/users/ana/token";
    assert_eq!(ask(&bridge, "POST", token, &key).await.status, 404, "nobody is called ana");
    assert_eq!(ask(&bridge, "GET", "/v1/stats", &key).await.status, 200);
    let gone = elsewhere.revoke_api_key(&id, bridge.clock_now()).await.unwrap().unwrap();
    assert!(!gone.is_alive(bridge.clock_now()));
    assert_eq!(ask(&bridge, "GET", "/v1/stats", &key).await.status, 401);
    assert_eq!(ask(&bridge, "POST", token, &key).await.status, 401, "what was seen of it counts there, too");

    // Where only tokens are asked for, what was read counts for a second.
    let (id, key) = made(&bridge, &[Scope::Token], None).await;
    assert_eq!(ask(&bridge, "POST", token, &key).await.status, 404);
    elsewhere.revoke_api_key(&id, bridge.clock_now()).await.unwrap();
    bridge.clock.advance(Duration::from_millis(999));
    assert_eq!(ask(&bridge, "POST", token, &key).await.status, 404, "no database is asked");
    bridge.clock.advance(Duration::from_millis(1));
    assert_eq!(ask(&bridge, "POST", token, &key).await.status, 401);
    // Twice is the same as once.
    let again = elsewhere.revoke_api_key(&id, bridge.clock_now()).await.unwrap().unwrap();
    assert_eq!(again.revoked_at, Some(bridge.clock_now() - Duration::from_secs(1)));
}

async fn the_use_of_a_key_is_written_down_once_a_minute(on: Database) {
    let bridge = TestBridge::with(Setup { database: on, ..Setup::default() }).await;
    let (id, key) = made(&bridge, &[Scope::Read], None).await;
    let used_at = async || bridge.store.api_key(&id).await.unwrap().unwrap().last_used_at;
    assert_eq!(used_at().await, None);
    let begin = bridge.clock_now();
    for (second, noted) in [(0, 0), (59, 0), (60, 60), (70, 60), (120, 120)] {
        bridge.advance(second - (bridge.clock_now().duration_since(begin).as_secs() as u64));
        // Somebody else's key is no use of this one, and a refusal for lack of a scope is.
        ask(&bridge, "PUT", "/v1/customers/acme", &key).await;
        let expected = Some(begin + Duration::from_secs(noted));
        let is_noted = async {
            while used_at().await != expected {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), is_noted).await.expect("the use is never written down");
    }
    bridge.store.used_api_key(&id, begin).await.unwrap();
    assert_eq!(used_at().await, Some(begin + Duration::from_secs(120)), "it does not go back");
}

#[tokio::test]
async fn without_a_database_a_key_is_not_taken_for_unknown() {
    let bridge = TestBridge::start().await;
    let (_, key) = made(&bridge, &[Scope::Read], None).await;
    bridge.store.close().await;
    let answer = ask(&bridge, "GET", "/v1/roles", &key).await;
    assert_eq!((answer.status, answer.problem()), (503, "shutting-down".to_owned()), "{answer:?}");
    let answer = ask(&bridge, "GET", "/v1/stats", "another").await;
    assert_eq!(answer.status, 401);
}
