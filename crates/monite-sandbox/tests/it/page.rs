//! The page for people: all from the binary, nothing but text from strangers, no secret.

use serde_json::json;

use crate::support::{Api, organization};

async fn file(api: &Api, path: &str) -> (reqwest::header::HeaderMap, String) {
    let url = format!("{}{path}", api.sandbox.base_url().strip_suffix("/v1").unwrap());
    let response = api.http.get(url).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    (response.headers().clone(), response.text().await.unwrap())
}

#[tokio::test]
async fn it_is_served_under_a_strict_policy() {
    let api = Api::start().await;
    for (path, kind) in [
        ("/_sandbox", "text/html; charset=utf-8"),
        ("/_sandbox/", "text/html; charset=utf-8"),
        ("/_sandbox/page.css", "text/css; charset=utf-8"),
        ("/_sandbox/page.js", "text/javascript; charset=utf-8"),
        ("/_sandbox/icon.svg", "image/svg+xml"),
        ("/_sandbox/overview", "application/json"),
    ] {
        let (headers, _) = file(&api, path).await;
        assert_eq!(headers["content-type"], kind, "{path}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["cross-origin-resource-policy"], "same-origin");
    }
}

#[tokio::test]
async fn it_asks_nobody_else_for_anything_and_makes_no_markup_of_data() {
    let api = Api::start().await;
    let (_, html) = file(&api, "/_sandbox").await;
    let (_, css) = file(&api, "/_sandbox/page.css").await;
    let (_, js) = file(&api, "/_sandbox/page.js").await;
    for text in [&html, &css, &js] {
        assert!(!text.contains("http://") && !text.contains("https://"), "{text}");
    }
    for forbidden in ["<style", " style=", " onclick", " onload", "javascript:"] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    assert_eq!(html.matches("<script").count(), 1);
    assert!(html.contains("<script src=\"/_sandbox/page.js\" defer></script>"));
    for forbidden in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("] {
        assert!(!js.contains(forbidden), "{forbidden}");
    }
    // Whatever a person can use has a name.
    let fields = html.matches("<input").count() + html.matches("<select").count();
    assert_eq!(fields, html.matches("<label").count(), "every field stands in a label");
    assert_eq!(html.matches("<th>").count(), 0, "every header says what it heads");
}

#[tokio::test]
async fn it_is_fed_with_the_latest_and_with_counts() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let role = api.role(&entity, "clerk", "").await;
    api.user(&entity, "ana", &role).await;
    for number in 0..12 {
        api.post("/entities", organization(&format!("<script>alert({number})</script>"))).await;
    }
    let overview = api.control("GET /overview", None).await.body;
    assert_eq!(overview["counts"]["entities"], 13);
    assert_eq!((&overview["counts"]["roles"], &overview["counts"]["entity_users"]), (&json!(1), &json!(1)));
    assert_eq!(overview["counts"]["tokens"], 1);
    let latest = overview["latest"]["entities"].as_array().unwrap();
    assert_eq!(latest.len(), 10);
    assert_eq!(latest[0]["organization"]["legal_name"], "<script>alert(11)</script>");
    assert_eq!(overview["latest"]["entity_users"][0]["login"], "ana");
    assert_eq!(overview["latest"]["roles"][0]["holders"], 1);
    assert_eq!(overview["requests"]["by_status"]["201"], 13);
    assert_eq!(overview["rate_limit"]["limit"], "off");
    assert_eq!(overview["clock"]["offset_seconds"], 0);
}

#[tokio::test]
async fn faults_can_be_added_one_by_one() {
    let api = Api::start().await;
    for status in [503, 500] {
        let rule = json!({"method": "GET", "times": 1, "action": {"status": status}});
        assert_eq!(api.control("POST /faults", Some(rule)).await.status, 200);
    }
    for status in [503, 500, 200] {
        assert_eq!(api.get("/entities").await.status, status);
    }
    for bad in [json!({"action": {"status": 99}}), json!({"probability": 2, "action": {"delay_ms": 1}}), json!({})] {
        assert_eq!(api.control("POST /faults", Some(bad.clone())).await.status, 400, "{bad}");
    }
    assert_eq!(api.sandbox.faults().len(), 2);
}

#[tokio::test]
async fn webhooks_are_shown_without_their_secrets() {
    let api = Api::start().await;
    let url = "https://user:pa55@receiver.invalid/hook?key=pa55";
    let made = api.post("/webhook_subscriptions", json!({"object_type": "entity", "url": url})).await;
    let secret = made.body["secret"].as_str().unwrap().to_owned();
    api.entity().await;
    let overview = api.control("GET /overview", None).await.body;
    let shown = &overview["latest"]["webhook_subscriptions"][0];
    assert_eq!((&shown["id"], &shown["url"]), (&made.body["id"], &json!("https://receiver.invalid/hook")));
    let delivery = &overview["latest"]["webhook_deliveries"][0];
    assert_eq!((&delivery["event"]["action"], &delivery["url"]), (&json!("entity.created"), &shown["url"]));
    assert_eq!(overview["counts"]["webhook_deliveries"], 1);
    let requests = api.control("GET /requests", None).await.body;
    for text in [overview.to_string(), requests.to_string(), api.control("GET /state", None).await.body.to_string()] {
        assert!(!text.contains(&secret), "{text}");
    }
    assert!(!overview.to_string().contains("pa55"), "{overview}");
}
