//! What differs between the versions that `x-monite-version` may name.

use serde_json::{Value, json};

use crate::support::{Answer, Api, organization, send};

async fn at(api: &Api, version: &str, call: &str, entity: Option<&str>, body: Value) -> Answer {
    let (method, path) = call.split_once(' ').unwrap();
    let url = format!("{}{path}", api.sandbox.base_url());
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = api.http.request(method, url).bearer_auth(&api.token).header("x-monite-version", version);
    if let Some(entity) = entity {
        request = request.header("x-monite-entity-id", entity);
    }
    let answer = send(if body.is_null() { request } else { request.body(body.to_string()) }).await;
    assert_eq!(answer.header("x-monite-version"), Some(version), "the asked version comes back");
    answer
}

#[tokio::test]
async fn creating_an_entity_was_200_and_its_country_germany() {
    let api = Api::start().await;
    let mut body = organization("A");
    for (version, status) in [
        ("2022-11-16", 200),
        ("2023-06-04", 200),
        ("2023-08-31", 200),
        ("2023-09-01", 201),
        ("2024-05-25", 201),
        ("2025-06-23", 201),
        ("2999-12-31", 201),
    ] {
        assert_eq!(at(&api, version, "POST /entities", None, body.clone()).await.status, status, "{version}");
    }
    body["address"].as_object_mut().unwrap().remove("country");
    let old = at(&api, "2023-06-04", "POST /entities", None, body.clone()).await;
    assert_eq!((old.status, &old.body["address"]["country"]), (200, &json!("DE")));
    let new = at(&api, "2023-09-01", "POST /entities", None, body).await;
    assert_eq!(new.wrong_fields(), ["body.address.country"]);
}

#[tokio::test]
async fn entity_users_carried_their_role_and_picture() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let role = api.role(&entity, "clerk", "role: read").await;
    let user = api.user(&entity, "ana", &role).await;
    let path = format!("/entity_users/{user}");
    let role_body = send(api.inside(&entity, &format!("GET /roles/{role}"))).await.body;
    for (call, body) in [
        (format!("GET {path}"), Value::Null),
        (format!("PATCH {path}"), json!({"phone": "1"})),
        ("POST /entity_users".to_owned(), json!({"login": "bob", "first_name": "B", "role_id": role})),
        ("GET /entity_users".to_owned(), Value::Null),
    ] {
        let shown = at(&api, "2023-08-31", &call, Some(&entity), body).await;
        assert_eq!(shown.status, 200, "{call}");
        let user = shown.body.get("data").map_or(&shown.body, |rows| &rows[0]);
        assert_eq!((user.get("role"), user.get("userpic")), (Some(&role_body), Some(&Value::Null)), "{call}");
        assert_eq!((user.get("role_id"), user.get("userpic_file_id")), (None, None), "{call}");
    }
    let shown = at(&api, "2023-09-01", &format!("GET {path}"), Some(&entity), Value::Null).await.body;
    assert_eq!((shown.get("role_id"), shown.get("userpic_file_id")), (Some(&json!(role)), Some(&Value::Null)));
    assert_eq!((shown.get("role"), shown.get("userpic")), (None, None));
}

#[tokio::test]
async fn entity_data_could_be_empty_and_long() {
    let api = Api::start().await;
    let mut body = organization("");
    body["tax_id"] = json!("");
    body["address"]["city"] = json!("x".repeat(101));
    body["address"]["line2"] = json!("");
    let old = at(&api, "2024-01-30", "POST /entities", None, body.clone()).await;
    assert_eq!((old.status, &old.body["tax_id"]), (201, &json!("")));
    let path = format!("PATCH /entities/{}", old.id());
    let patch = json!({"phone": "", "address": {"line1": ""}, "organization": {"legal_entity_id": ""}});
    assert_eq!(at(&api, "2023-09-01", &path, None, patch.clone()).await.status, 200);

    let mut fields = at(&api, "2024-01-31", "POST /entities", None, body).await.wrong_fields();
    fields.sort();
    assert_eq!(fields, ["body.address.city", "body.address.line2", "body.organization.legal_name", "body.tax_id"]);
    let mut fields = at(&api, "2024-01-31", &path, None, patch).await.wrong_fields();
    fields.sort();
    assert_eq!(fields, ["body.address.line1", "body.organization.legal_entity_id", "body.phone"]);
}

#[tokio::test]
async fn subscriptions_were_called_settings() {
    let api = Api::start().await;
    let unknown = "9d2b4c8f-2087-4738-ba91-7359683c49a4";
    for rest in ["".to_owned(), format!("/{unknown}")] {
        let (old_name, new_name) =
            (format!("GET /webhook_settings{rest}"), format!("GET /webhook_subscriptions{rest}"));
        let old = at(&api, "2024-01-30", &old_name, None, Value::Null).await;
        let new = at(&api, "2024-01-31", &new_name, None, Value::Null).await;
        assert_eq!((old.status, &old.body), (new.status, &new.body), "{rest}");
        let elsewhere = [
            at(&api, "2024-01-31", &old_name, None, Value::Null).await,
            at(&api, "2024-01-30", &new_name, None, Value::Null).await,
        ];
        for answer in elsewhere {
            assert_eq!((answer.status, answer.message()), (404, "Not Found"), "{rest}");
        }
    }
}

#[tokio::test]
async fn partner_settings_had_accounting() {
    let api = Api::start().await;
    let patch = json!({"accounting": {"provider": "x"}});
    let new = at(&api, "2024-05-25", "PATCH /settings", None, patch.clone()).await;
    assert_eq!((new.status, new.body.get("accounting")), (200, None), "a key nobody knows");
    let old = at(&api, "2024-05-24", "GET /settings", None, Value::Null).await;
    assert_eq!(old.body.get("accounting"), Some(&Value::Null));
    let old = at(&api, "2024-05-24", "PATCH /settings", None, patch).await;
    assert_eq!((old.status, &old.body["accounting"]), (200, &json!({"provider": "x"})));
    assert_eq!(at(&api, "2024-05-25", "GET /settings", None, Value::Null).await.body.get("accounting"), None);
}
