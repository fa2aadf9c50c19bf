//! No web page can use the control routes behind its reader's back.

use monite_sandbox::Fault;
use serde_json::json;

use crate::support::{Answer, Api, builder, send};

/// Every control route that changes something, with a body that it would take.
fn changes() -> Vec<(&'static str, &'static str, String)> {
    let body = |value: serde_json::Value| value.to_string();
    vec![
        ("PUT", "/faults", body(json!({"rules": []}))),
        ("POST", "/faults", body(json!({"action": {"delay_ms": 1}}))),
        ("DELETE", "/faults", String::new()),
        ("PUT", "/rate-limit", body(json!({"limit": 1}))),
        ("POST", "/clock", body(json!({"advance_seconds": 60}))),
        ("POST", "/reset", String::new()),
        ("PUT", "/dump", String::new()),
        ("PUT", "/snapshots/x", String::new()),
        ("POST", "/snapshots/kept", String::new()),
        ("DELETE", "/snapshots/kept", String::new()),
        ("PUT", "/quirks", body(json!({"missing_entity": "400"}))),
    ]
}

fn request(api: &Api, method: &str, path: &str) -> reqwest::RequestBuilder {
    let url = format!("{}/_sandbox{path}", api.sandbox.base_url().strip_suffix("/v1").unwrap());
    api.http.request(method.parse().unwrap(), url)
}

fn host(api: &Api) -> String {
    api.sandbox.base_url().replace("http://", "").replace("/v1", "")
}

async fn all_that_can_change(api: &Api) -> String {
    let mut all =
        vec![api.sandbox.state(), json!(api.sandbox.faults()), api.sandbox.quirks(), json!(api.sandbox.now())];
    all.push(json!(api.sandbox.snapshots()));
    all.push(api.control("GET /rate-limit", None).await.body);
    json!(all).to_string()
}

async fn start() -> Api {
    let api = Api::start().await;
    api.entity().await;
    api.sandbox.snapshot("kept").unwrap();
    api.entity().await;
    api.sandbox.once("GET /nothing", Fault::CloseBefore);
    api
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let api = start().await;
    let before = all_that_can_change(&api).await;
    for (method, path, body) in changes() {
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "http://localhost:3000"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let answer = send(request(&api, method, path).header(name, value).body(body.clone())).await;
            assert_eq!(answer.status, 403, "{method} {path} {name}: {value}");
            assert_eq!(answer.header("access-control-allow-origin"), None);
        }
    }
    assert_eq!(all_that_can_change(&api).await, before);
}

#[tokio::test]
async fn the_sandboxs_own_page_and_clients_without_a_page_may() {
    let api = start().await;
    let own = format!("http://{}", host(&api));
    for (origin, site) in [(Some(&own), Some("same-origin")), (None, Some("none")), (None, None)] {
        let mut sent = request(&api, "POST", "/clock").body(r#"{"advance_seconds": 1}"#);
        if let Some(origin) = origin {
            sent = sent.header("origin", origin);
        }
        if let Some(site) = site {
            sent = sent.header("sec-fetch-site", site);
        }
        assert_eq!(send(sent).await.status, 200, "{origin:?} {site:?}");
    }
}

#[tokio::test]
async fn a_name_that_was_made_to_point_here_reads_and_changes_nothing() {
    let api = start().await;
    let before = all_that_can_change(&api).await;
    let port = host(&api).rsplit(':').next().unwrap().to_owned();
    let rebound = format!("evil.example:{port}");
    for (method, path, body) in changes() {
        // To the browser it is the same origin.
        let sent = request(&api, method, path).header("host", &rebound).header("origin", format!("http://{rebound}"));
        let answer = send(sent.header("sec-fetch-site", "same-origin").body(body)).await;
        assert_eq!(answer.status, 403, "{method} {path}");
    }
    for path in ["", "/", "/overview", "/state", "/requests", "/dump", "/quirks", "/faults", "/clock", "/snapshots"] {
        let answer = send(request(&api, "GET", path).header("host", &rebound)).await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(answer.message().contains("--admin-host"), "it says what to do");
    }
    assert_eq!(all_that_can_change(&api).await, before);
}

#[tokio::test]
async fn a_configured_name_is_the_sandboxs_own() {
    let api = Api::with(builder().admin_host("sandbox.test")).await;
    let status = async |host: &str| -> Answer { send(request(&api, "GET", "/clock").header("host", host)).await };
    assert_eq!(status("sandbox.test:8700").await.status, 200);
    assert_eq!(status("other.test:8700").await.status, 403);
}

#[tokio::test]
async fn control_routes_answer_nobody_across_origins() {
    let api = start().await;
    let preflight = request(&api, "OPTIONS", "/reset")
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "POST");
    let answer = preflight.send().await.unwrap();
    assert!(answer.headers().get("access-control-allow-origin").is_none(), "{answer:?}");
    assert!(!answer.status().is_success());
}
