//! Pages of the configured origins may ask for tokens; nobody else's, and nothing else.

use crate::support::{Answer, Setup, TestBridge};

async fn bridge(origins: &[&str]) -> TestBridge {
    let cors_origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
    TestBridge::with(Setup { cors_origins, ..Setup::default() }).await
}

async fn preflight(bridge: &TestBridge, path: &str, origin: &str) -> Answer {
    let call =
        bridge.anonymous("OPTIONS", path).header("origin", origin).header("access-control-request-method", "POST");
    call.header("access-control-request-headers", "authorization,content-type").send().await
}

fn allowed(answer: &Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

#[tokio::test]
async fn a_configured_origin_can_ask_and_can_read_refusals() {
    let bridge = bridge(&["https://app.example.com", "http://localhost:3000"]).await;
    for origin in ["https://app.example.com", "http://localhost:3000"] {
        let answer = preflight(&bridge, "/v1/token", origin).await;
        assert_eq!((answer.status, allowed(&answer)), (200, Some(origin)));
        assert_eq!(answer.header("access-control-allow-headers"), Some("authorization,content-type,accept"));
        assert_eq!(answer.header("access-control-allow-methods"), Some("GET,POST"));
        let refused = bridge.anonymous("GET", "/v1/token").header("origin", origin).send().await;
        assert_eq!((refused.status, allowed(&refused)), (401, Some(origin)));
        assert!(refused.header("vary").is_some_and(|vary| vary.contains("origin")), "a cache must not mix up origins");
    }
    let wrong_method = bridge.anonymous("DELETE", "/v1/token").header("origin", "https://app.example.com").send().await;
    assert_eq!((wrong_method.status, allowed(&wrong_method)), (405, Some("https://app.example.com")));
}

#[tokio::test]
async fn other_origins_and_other_routes_get_nothing() {
    let bridge = bridge(&["https://app.example.com"]).await;
    for origin in ["https://evil.example", "https://app.example.com.evil.example", "http://app.example.com", "null"] {
        assert_eq!(allowed(&preflight(&bridge, "/v1/token", origin).await), None, "{origin}");
        let session = bridge.session("acme", "ana");
        let answer = bridge.anonymous("GET", "/v1/token").bearer(&session).header("origin", origin).send().await;
        assert_eq!(allowed(&answer), None, "{origin}");
    }
    for path in ["/v1/customers", "/v1/customers/acme/users/ana/token", "/v1/stats", "/healthz"] {
        assert_eq!(allowed(&preflight(&bridge, path, "https://app.example.com").await), None, "{path}");
        let answer = bridge.call("GET", path).header("origin", "https://app.example.com").send().await;
        assert_eq!(allowed(&answer), None, "{path}");
    }
}

#[tokio::test]
async fn without_origins_there_is_no_cors_and_with_a_star_all_may_read() {
    let closed = bridge(&[]).await;
    let answer = preflight(&closed, "/v1/token", "https://app.example.com").await;
    assert_eq!((answer.status, allowed(&answer)), (405, None));
    let open = bridge(&["*"]).await;
    assert_eq!(allowed(&preflight(&open, "/v1/token", "https://any.example").await), Some("*"));
}
