//! A stream reads every page and says so when it could not.

use futures::{StreamExt, TryStreamExt};
use monite::{EntityFilter, EntityId, EntityUserFilter, Error};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Reply, Script, client, clock};

fn user(n: usize) -> Value {
    json!({
        "id": Uuid::from_u128(n as u128), "login": format!("user-{n}"), "role_id": Uuid::from_u128(99), "status": "active",
        "created_at": "2025-03-01T09:30:00Z", "updated_at": "2025-03-01T09:30:00Z", "first_name": "A",
    })
}

fn users(monite: &monite::Monite) -> impl futures::Stream<Item = Result<monite::EntityUser, Error>> + use<> {
    let filter = EntityUserFilter { limit: Some(2), login: Some("x".to_owned()), ..Default::default() };
    monite.entity(EntityId::from_uuid(Uuid::from_u128(5))).users().stream(filter)
}

#[tokio::test]
async fn a_stream_reads_all_pages_even_empty_ones() {
    let script = Script::with_tokens(|call| match call.query.as_str() {
        "login=x&limit=2" => Reply::json(200, json!({"data": [user(1), user(2)], "next_pagination_token": "a/b="})),
        "pagination_token=a%2Fb%3D" => Reply::json(200, json!({"data": [], "next_pagination_token": "c"})),
        "pagination_token=c" => Reply::json(200, json!({"data": [user(3)], "next_pagination_token": null})),
        other => panic!("unexpected query {other}"),
    });
    let monite = client(&script, &clock());
    let logins: Vec<String> = users(&monite).map_ok(|user| user.login).try_collect().await.unwrap();
    assert_eq!(logins, ["user-1", "user-2", "user-3"]);
}

#[tokio::test]
async fn a_page_that_fails_ends_the_stream_with_the_error() {
    let script = Script::with_tokens(|call| match call.query.as_str() {
        "login=x&limit=2" => Reply::json(200, json!({"data": [user(1)], "next_pagination_token": "a"})),
        _ => Reply::error(400, "Invalid pagination token"),
    });
    let monite = client(&script, &clock());
    let rows: Vec<_> = users(&monite).collect().await;
    assert_eq!(rows.len(), 2);
    assert!(rows[0].is_ok());
    assert_eq!(rows[1].as_ref().unwrap_err().status(), Some(400));
}

#[tokio::test]
async fn a_server_that_repeats_its_page_token_does_not_catch_us() {
    let script = Script::with_tokens(|_| Reply::json(200, json!({"data": [user(1)], "next_pagination_token": "same"})));
    let rows: Vec<_> = users(&client(&script, &clock())).collect().await;
    assert!(rows.last().unwrap().is_err());
    assert_eq!(script.count("GET /entity_users"), 2);
}

#[tokio::test]
async fn a_list_without_data_is_an_error_not_an_empty_list() {
    for body in [json!({}), json!({"data": null}), json!([]), json!({"data": [{"id": 1}]})] {
        let script = Script::with_tokens(move |_| Reply::json(200, body.clone()));
        let error = client(&script, &clock()).entities().list(&EntityFilter::default()).await.unwrap_err();
        assert!(matches!(error, Error::Decode { .. }), "{error:?}");
    }
}
