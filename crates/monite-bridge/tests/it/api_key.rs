//! Nobody gets below `/v1` without the API key.

use http::Method;
use monite_bridge::http::{Access, routes};

use crate::support::{Setup, TestBridge};

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
            assert!(answer.json()["detail"].as_str().unwrap().contains("set MONITE_BRIDGE_API_KEY"), "{answer:?}");
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
