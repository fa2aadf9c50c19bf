//! Values at the edge: numbers, dates, lengths, ids, queries.

use serde_json::{Value, json};

use super::check_shape;
use crate::support::direct::{Ask, Direct};
use crate::support::{builder, organization};

#[tokio::test]
async fn values_at_the_edge_are_named_or_taken() {
    let direct = Direct::with(builder()).await;
    let entity = direct.call("POST /entities", organization("A")).await.id();
    let role = direct.call_inside(&entity, "POST /roles", json!({"name": "r", "permissions": {}})).await.id();
    let settings = format!("PATCH /entities/{entity}/settings");
    let min_digits = |number: &str| format!(r#"{{"document_ids": {{"min_digits": {number}}}}}"#);
    let rate = |number: &str| {
        format!(
            r#"{{"currency": {{"default": "EUR", "exchange_rates": [{{"base":"USD","to":"EUR","rate":{number}}}]}}}}"#
        )
    };
    let born = |date: &str| {
        let mut body = organization("unused");
        body["type"] = json!("individual");
        body.as_object_mut().unwrap().remove("organization");
        body["individual"] = json!({"first_name": "A", "last_name": "B", "date_of_birth": date});
        body.to_string()
    };
    let login = |login: &str| json!({"login": login, "first_name": "", "role_id": role}).to_string();
    let cases: Vec<(&str, String, u16)> = vec![
        (&settings, min_digits("25"), 200),
        (&settings, min_digits("5.0"), 200),
        (&settings, min_digits("5.5"), 422),
        (&settings, min_digits("-0"), 422),
        (&settings, min_digits("99999999999999999999"), 422),
        (&settings, min_digits("1e30"), 422),
        (&settings, min_digits("true"), 422),
        (&settings, rate("0.98"), 200),
        (&settings, rate("1e-300"), 200),
        (&settings, rate("1e300"), 200),
        (&settings, rate("0"), 422),
        (&settings, rate("-1"), 422),
        ("POST /entities", born("2000-02-29"), 201),
        ("POST /entities", born("2001-02-29"), 422),
        ("POST /entities", born("2000-00-10"), 422),
        ("POST /entities", born("2000-13-10"), 422),
        ("POST /entities", born("2000-01-32"), 422),
        ("POST /entities", born("0000-01-01"), 422),
        ("POST /entities", born("20000-01-01"), 422),
        ("POST /entities", born("2000-01-01T00:00:00Z"), 422),
        ("POST /entities", born("yesterday"), 422),
        ("POST /entity_users", login(&"ü".repeat(255)), 200),
        ("POST /entity_users", login(&"ü".repeat(256)), 422),
        ("POST /entity_users", login("with \u{0} in it"), 200),
        ("POST /entity_users", login("🙂"), 200),
        ("POST /entity_users", login(""), 200),
    ];
    for (call, body, status) in cases {
        let ask = Ask::new(call).token(&direct.token).inside(&entity).bytes(body.clone());
        let answer = direct.send(ask).await;
        check_shape(&answer, &body);
        assert_eq!(answer.status, status, "{call} {body}: {answer:?}");
    }
}

#[tokio::test]
async fn bad_ids_and_queries_are_422_wherever_they_are() {
    let direct = Direct::with(builder()).await;
    let entity = direct.call("POST /entities", organization("A")).await.id();
    let bad_ids =
        ["1", "abc", "9d2b4c8f-2087-4738-ba91", "9d2b4c8f-2087-4738-ba91-7359683c49ag", "%00", "%20", "🙂", ".."];
    for id in bad_ids {
        let raw = id.replace('🙂', "%F0%9F%99%82");
        for (call, name) in [
            (format!("GET /entities/{raw}"), "path.entity_id"),
            (format!("PATCH /entities/{raw}/settings"), "path.entity_id"),
            (format!("DELETE /roles/{raw}"), "path.role_id"),
            (format!("GET /entity_users/{raw}"), "path.entity_user_id"),
        ] {
            let answer = direct.call_inside(&entity, &call, Value::Null).await;
            assert_eq!(answer.wrong_fields(), [name], "{call}");
        }
        let answer = direct.call_inside(&entity, &format!("GET /roles?id__in={raw}"), Value::Null).await;
        assert_eq!(answer.wrong_fields(), ["query.id__in.0"], "{id}");
        if id.is_ascii() && !id.starts_with('%') {
            let answer = direct.call_inside(id, "GET /roles", Value::Null).await;
            assert_eq!(answer.wrong_fields(), ["header.x-monite-entity-id"], "{id}");
        }
    }
    let queries = [
        ("limit=0", 422),
        ("limit=101", 422),
        ("limit=-1", 422),
        ("limit=1.5", 422),
        ("limit=99999999999999999999999", 422),
        ("limit=", 422),
        ("limit=100", 200),
        ("limit=0&limit=1", 200),
        ("order=up", 422),
        ("sort=name", 422),
        ("created_at__gte=2024-02-30T00:00:00Z", 422),
        ("created_at__gte=2024-01-01T25:00:00Z", 422),
        ("created_at__gte=2024-01-01", 422),
        ("created_at__gte=99999-01-01T00:00:00Z", 422),
        ("created_at__lt=-000001-01-01T00:00:00Z", 422),
        ("created_at__gte=2024-01-01T00:00:00%2B01:00", 200),
        ("created_at__gt=9999-12-30T21:59:59.999999Z", 200),
        ("pagination_token=", 400),
        ("pagination_token=%00", 400),
        ("pagination_token=e30", 400),
        ("nobody_knows=this", 200),
        ("%ff=%fe", 200),
        ("&&=&", 200),
        ("email__in=%", 200),
    ];
    for (query, status) in queries {
        let answer = direct.call(&format!("GET /entities?{query}"), Value::Null).await;
        check_shape(&answer, query);
        assert_eq!(answer.status, status, "{query}: {answer:?}");
    }
}
