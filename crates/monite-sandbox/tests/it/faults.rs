//! Faults: what they do to calls, over a real socket.

use std::time::Duration;

use monite_sandbox::{Fault, FaultRule};
use serde_json::json;

use crate::support::{Api, builder, organization, send, wait_for};

#[tokio::test]
async fn a_lost_answer_leaves_the_work_done() {
    let api = Api::start().await;
    api.sandbox.once("POST /entities", Fault::LoseAnswer);
    let request = api.request("POST /entities").body(organization("A").to_string());
    let error = request.send().await.expect_err("the answer must get lost");
    assert!(error.is_request() && error.status().is_none(), "{error:?}");
    assert_eq!(api.sandbox.entities().len(), 1);
    assert_eq!(api.sandbox.unused_faults(), []);
    let entry = api.sandbox.journal().pop().unwrap();
    assert_eq!((entry.status, entry.fault.as_deref()), (None, Some("close after")));
}

#[tokio::test]
async fn a_connection_cut_before_leaves_nothing_done() {
    let api = Api::start().await;
    api.sandbox.once("POST /entities", Fault::CloseBefore);
    let request = api.request("POST /entities").body(organization("A").to_string());
    let error = request.send().await.expect_err("there must be no answer");
    assert!(error.status().is_none(), "{error:?}");
    assert_eq!(api.sandbox.entities().len(), 0);
    assert_eq!(api.post("/entities", organization("A")).await.status, 201, "the next call is fine");
}

#[tokio::test]
async fn a_status_is_answered_in_monites_shape_and_nothing_is_done() {
    let api = Api::start().await;
    for (status, body) in [
        (429, json!({"message": "API rate limit exceeded"})),
        (413, json!({"message": "Request size limit exceeded"})),
        (503, json!({"error": {"message": "Service Unavailable"}})),
        (500, json!({"error": {"message": "Internal Server Error"}})),
    ] {
        api.sandbox.once("POST /entities", Fault::Status { status, retry_after: Some(3) });
        let answer = api.post("/entities", organization("A")).await;
        assert_eq!((answer.status, &answer.body), (status, &body));
        assert_eq!(answer.header("retry-after"), Some("3"));
        assert!(answer.header("x-request-id").is_some());
    }
    api.sandbox.once("POST /entities", Fault::Status { status: 422, retry_after: None });
    assert_eq!(api.post("/entities", organization("A")).await.wrong_fields(), ["body"]);
    assert_eq!(api.sandbox.entities().len(), 0);
}

#[tokio::test]
async fn a_delayed_call_is_done_even_if_the_client_hangs_up() {
    let api = Api::start().await;
    api.sandbox.once("POST /entities", Fault::Delay(Duration::from_millis(300)));
    let request = api.request("POST /entities").body(organization("A").to_string());
    let error = request.timeout(Duration::from_millis(50)).send().await.expect_err("the client must give up first");
    assert!(error.is_timeout());
    assert_eq!(api.sandbox.entities().len(), 0);
    wait_for("the delayed entity", || api.sandbox.entities().len() == 1).await;
}

#[tokio::test]
async fn one_seed_is_one_history() {
    let history = async |seed| {
        let api = Api::start().await;
        let rule = FaultRule::new("POST|PATCH /entities*", Fault::Status { status: 503, retry_after: None });
        api.sandbox.fault(rule.probability(0.4, seed));
        let mut statuses = Vec::new();
        for number in 0..30 {
            statuses.push(api.post("/entities", organization(&format!("E{number}"))).await.status);
        }
        statuses
    };
    let first = history(1).await;
    assert_eq!(first, history(1).await);
    assert_ne!(first, history(2).await);
    assert!(first.contains(&503) && first.contains(&201), "{first:?}");
}

#[tokio::test]
async fn rules_are_set_counted_and_cleared_over_http() {
    let api = Api::with(builder().seed(1)).await;
    let rules = json!({"rules": [
        {"method": "POST|PATCH", "path": "/entities*", "times": 2, "seed": 0, "hits": 0, "action": {"status": 429, "retry_after": 1}},
    ]});
    assert_eq!(api.control("PUT /faults", Some(rules.clone())).await.body, rules);
    for expected in [429, 429, 201] {
        assert_eq!(api.post("/entities", organization("A")).await.status, expected);
    }
    assert_eq!(api.get("/entities").await.status, 200, "another method is not hit");
    assert_eq!(api.control("GET /faults", None).await.body["rules"][0]["hits"], 2);
    for bad in [json!({"rules": [{"action": {"explode": true}}]}), json!([]), json!({"rules": [], "more": 1})] {
        assert_eq!(api.control("PUT /faults", Some(bad.clone())).await.status, 400, "{bad}");
    }
    assert_eq!(api.control("DELETE /faults", None).await.body, json!({"rules": []}));
    assert_eq!(api.sandbox.faults(), []);
}

#[tokio::test]
async fn without_a_socket_a_cut_is_an_extension_of_the_response() {
    use tower::ServiceExt;
    let sandbox = builder().in_process().await.unwrap();
    sandbox.once("GET /entities", Fault::CloseBefore);
    let get = || axum::http::Request::get("/v1/entities").body(axum::body::Body::empty()).unwrap();
    let response = sandbox.router().oneshot(get()).await.unwrap();
    assert!(response.extensions().get::<monite_sandbox::Cut>().is_some());
    let response = sandbox.router().oneshot(get()).await.unwrap();
    assert!(response.extensions().get::<monite_sandbox::Cut>().is_none());
    assert_eq!(sandbox.base_url(), "http://sandbox.invalid/v1");
}

#[tokio::test]
async fn faults_leave_the_control_routes_and_preflights_alone() {
    let api = Api::start().await;
    api.sandbox.fault(FaultRule::new("*", Fault::CloseBefore));
    assert_eq!(api.control("GET /state", None).await.status, 200);
    assert_eq!(send(api.request("OPTIONS /entities")).await.status, 204);
    assert_eq!(api.control("GET /nowhere", None).await.message(), "Not Found");
    assert_eq!(api.sandbox.faults()[0].hits, 0);
}

#[tokio::test]
async fn a_body_cut_in_the_middle_promises_all_of_it_and_brings_half() {
    let api = Api::start().await;
    for number in 0..100 {
        api.post("/entities", organization(&format!("E{number}"))).await;
    }
    let whole = api.get("/entities").await.body.to_string().len();
    api.sandbox.once("GET /entities", Fault::CutBody);
    let address = api.sandbox.base_url().replace("http://", "").replace("/v1", "");
    let mut line = tokio::net::TcpStream::connect(&address).await.unwrap();
    let request = format!(
        "GET /v1/entities HTTP/1.1\r\nhost: {address}\r\nx-monite-version: 2024-05-25\r\nauthorization: Bearer {}\r\n\r\n",
        api.token
    );
    tokio::io::AsyncWriteExt::write_all(&mut line, request.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    // The end comes as an end, not as a reset that could take bytes along.
    tokio::io::AsyncReadExt::read_to_end(&mut line, &mut received).await.unwrap();
    let received = String::from_utf8(received).unwrap();
    let (head, body) = received.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert!(head.contains(&format!("content-length: {whole}")), "{head}");
    assert_eq!(body.len(), whole / 2);
    assert!(body.starts_with(r#"{"data":[{"#), "{body}");
}

#[tokio::test]
async fn what_a_body_cut_in_the_middle_answered_was_done() {
    let api = Api::start().await;
    api.sandbox.once("POST /entities", Fault::CutBody);
    let response = api.request("POST /entities").body(organization("A").to_string()).send().await.unwrap();
    assert_eq!(response.status(), 201, "the head arrives");
    let error = response.bytes().await.expect_err("half of the body must be missing");
    assert!(error.is_body() || error.is_decode(), "{error:?}");
    assert_eq!(api.sandbox.entities().len(), 1);
    let entry = api.sandbox.journal().pop().unwrap();
    assert_eq!((entry.status, entry.fault.as_deref()), (Some(201), Some("close middle")));
    assert_eq!(api.post("/entities", organization("B")).await.status, 201, "the next call is fine");
}

#[tokio::test]
async fn without_a_socket_half_a_body_ends_in_an_error() {
    use futures::StreamExt;
    use tower::ServiceExt;
    let sandbox = builder().in_process().await.unwrap();
    sandbox.once("GET /entities", Fault::CutBody);
    let request = axum::http::Request::get("/v1/entities").body(axum::body::Body::empty()).unwrap();
    let response = sandbox.router().oneshot(request).await.unwrap();
    let promised: usize = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
    let chunks: Vec<_> = response.into_body().into_data_stream().collect().await;
    assert_eq!((chunks.len(), chunks[0].as_ref().unwrap().len()), (2, promised / 2));
    assert!(chunks[1].is_err());
}

#[tokio::test]
async fn a_fault_changes_the_limit_from_its_call_on() {
    let api = Api::start().await;
    let limit = json!({"rules": [{"path": "/roles*", "times": 1, "action": {"rate_limit": 1}}]});
    assert_eq!(api.control("PUT /faults", Some(limit)).await.status, 200);
    assert_eq!(api.get("/entities").await.header("ratelimit-limit"), None);
    assert_eq!(api.get("/roles").await.header("ratelimit-limit"), Some("1"));
    assert_eq!(api.get("/entities").await.status, 429);
    api.sandbox.once("GET /entities", Fault::RateLimit(monite_sandbox::RateLimit::Off));
    for _ in 0..5 {
        assert_eq!(api.get("/entities").await.status, 200);
    }
}
