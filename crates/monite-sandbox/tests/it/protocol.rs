//! What holds for every call: headers, versions, shapes of refusals, browsers.

use serde_json::{Value, json};

use crate::support::{Api, organization, send};

#[tokio::test]
async fn every_answer_carries_the_usual_headers() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let answers = [
        send(api.inside(&entity, "GET /roles")).await,
        send(api.inside(&entity, "GET /roles?limit=0")).await,
        send(api.inside(&entity, "GET /nowhere")).await,
        send(api.inside(&entity, "PUT /roles")).await,
    ];
    let mut seen = Vec::new();
    for answer in answers {
        assert_eq!(answer.header("x-monite-version"), Some("2024-05-25"));
        assert_eq!(answer.header("x-monite-entity-id"), Some(&*entity));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert!(answer.header("x-process-time").unwrap().parse::<f64>().unwrap() >= 0.0);
        let request_id = answer.header("x-request-id").unwrap().to_owned();
        assert!(!seen.contains(&request_id));
        seen.push(request_id);
    }
}

#[tokio::test]
async fn versions_are_judged_as_monite_does() {
    let api = Api::start().await;
    let with = |version: Option<&str>, path: &str| {
        let url = format!("{}{path}", api.sandbox.base_url());
        let request = api.http.get(url).bearer_auth(&api.token);
        match version {
            Some(version) => request.header("x-monite-version", version),
            None => request,
        }
    };
    let missing = send(with(None, "/entities")).await;
    assert_eq!(
        (missing.status, missing.body),
        (400, json!({"error": {"type": "missing_api_version", "message": "Missing the x-monite-version HTTP header"}}))
    );
    for served in ["2025-06-23", "2024-05-25", "2024-06-01", "2022-11-16"] {
        let answer = send(with(Some(served), "/entities")).await;
        assert_eq!((answer.status, answer.header("x-monite-version")), (200, Some(served)));
    }
    assert_eq!(send(with(Some("2022-01-01"), "/entities")).await.status, 404);
    assert_eq!(send(with(Some("latest"), "/entities")).await.wrong_fields(), ["header.x-monite-version"]);

    let url = format!("{}/auth/token", api.sandbox.base_url());
    let body = api.with_credentials(json!({"grant_type": "client_credentials"}));
    assert_eq!(send(api.http.post(url).body(body.to_string())).await.status, 200, "/auth does without");
}

#[tokio::test]
async fn what_does_not_exist_is_404_and_a_wrong_method_405() {
    let api = Api::start().await;
    for path in ["/nowhere", "/entities/", "/entities/a/b", "/roles//", "/", "/auth"] {
        let answer = api.get(path).await;
        assert_eq!((answer.status, answer.message()), (404, "Not Found"), "{path}");
    }
    for call in ["DELETE /entities", "PUT /roles", "TRACE /entities", "BREW /entities", "GET /auth/token"] {
        let answer = send(api.request(call)).await;
        assert_eq!((answer.status, answer.message()), (405, "Method Not Allowed"), "{call}");
        assert!(answer.header("allow").is_some());
    }
    let head = api.request("HEAD /entities").send().await.unwrap();
    assert_eq!(head.status(), 405);
}

#[tokio::test]
async fn what_is_not_imitated_says_so() {
    let api = Api::start().await;
    let id = "9d2b4c8f-2087-4738-ba91-7359683c49a4";
    for (method, path, row) in [
        ("GET", "/payables".to_owned(), "/payables"),
        ("POST", "/payables/1/reject".to_owned(), "/payables"),
        ("GET", "/internal/currencies".to_owned(), "/internal"),
        ("BREW", "/approval_policies".to_owned(), "/approval_policies"),
        ("PUT", format!("/entities/{id}/logo"), "/entities/{entity_id}/logo"),
    ] {
        // Neither token nor version: whoever comes here is to learn that this is not Monite.
        let url = format!("{}{path}", api.sandbox.base_url());
        let answer = send(api.http.request(reqwest::Method::from_bytes(method.as_bytes()).unwrap(), url)).await;
        assert_eq!(answer.status, 501, "{path}");
        let said = answer.message();
        assert!(said.starts_with(&format!("This sandbox does not imitate {row} (")), "{path}: {said}");
        assert!(said.contains("/_sandbox/not-imitated"), "{path}: {said}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
    }
    let listed = api.control("GET /not-imitated", None).await.body;
    let rows = listed["not_imitated"].as_array().unwrap();
    assert!(rows.len() > 50);
    for row in rows {
        let path = row["path"].as_str().unwrap().replace("{entity_id}", id);
        assert_eq!(api.get(&path).await.status, 501, "{path}");
    }
}

#[tokio::test]
async fn bodies_that_are_not_json_objects_are_422() {
    let api = Api::start().await;
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    for body in ["{\"type\": nope}", "{\"a\": 1e999}", "client_id=a", "{", "\u{feff}{}", &deep] {
        let answer = send(api.request("POST /entities").body(body.to_owned())).await;
        let [at] = &answer.wrong_fields()[..] else { panic!("one mistake in {body:.40}") };
        // The body, and the offset where it stops being JSON.
        let offset = at.strip_prefix("body.").and_then(|offset| offset.parse::<usize>().ok());
        assert!(offset.is_some_and(|offset| offset <= body.len()), "{at} in {body:.40}");
        assert_eq!(answer.body["detail"][0]["type"], "json_invalid");
    }
    for body in ["", "[]", "null", "7", "\"text\""] {
        let answer = send(api.request("POST /entities").body(body)).await;
        assert_eq!(answer.wrong_fields(), ["body"], "{body}");
    }
    let answer = send(api.request("POST /entities").body(vec![0xff, 0xfe])).await;
    assert_eq!(answer.status, 422);
}

#[tokio::test]
async fn an_oversized_body_is_413_in_the_gateways_shape() {
    let api = Api::start().await;
    let mut body = organization("A");
    body["phone"] = json!("x".repeat(2 * 1024 * 1024));
    let answer = api.post("/entities", body).await;
    assert_eq!((answer.status, answer.body), (413, json!({"message": "Request size limit exceeded"})));
}

#[tokio::test]
async fn the_entity_header_is_required_where_monite_requires_it() {
    let api = Api::start().await;
    for call in ["GET /roles", "GET /entity_users"] {
        assert_eq!(send(api.request(call)).await.wrong_fields(), ["header.x-monite-entity-id"]);
        assert_eq!(send(api.inside("abc", call)).await.wrong_fields(), ["header.x-monite-entity-id"]);
    }
    let call = "PATCH /entity_users/abc";
    let answer = send(api.request(call).body(r#"{"login": 1}"#)).await;
    assert_eq!(answer.wrong_fields(), ["path.entity_user_id", "header.x-monite-entity-id", "body.login"]);
    assert_eq!(send(api.inside("abc", "GET /entities")).await.status, 200, "ignored elsewhere");
}

#[tokio::test]
async fn browsers_may_ask_and_call_from_anywhere() {
    let api = Api::start().await;
    let url = format!("{}/entity_users/me", api.sandbox.base_url());
    let preflight = api
        .http
        .request(reqwest::Method::OPTIONS, &url)
        .header("origin", "https://app.example.com")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization,x-monite-version");
    let answer = send(preflight).await;
    assert_eq!((answer.status, answer.body), (204, Value::Null));
    let allowed = answer.headers.get("access-control-allow-headers").unwrap().to_str().unwrap();
    for header in ["authorization", "content-type", "x-monite-version", "x-monite-entity-id", "x-monite-sdk-version"] {
        assert!(allowed.contains(header), "{header}");
    }
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let methods = answer.headers.get("access-control-allow-methods").unwrap().to_str().unwrap();
        assert!(methods.contains(method), "{method}");
    }
    assert_eq!(answer.headers.get("access-control-allow-origin").unwrap(), "*");
}

#[tokio::test]
async fn one_seed_gives_the_same_ids() {
    let (one, two) = (Api::start().await, Api::start().await);
    assert_eq!(one.sandbox.client_id(), two.sandbox.client_id());
    assert_eq!(one.token, two.token);
    assert_eq!(one.entity().await, two.entity().await);
    let other = Api::with(crate::support::builder().seed(8)).await;
    assert_ne!(one.entity().await, other.entity().await);
}
