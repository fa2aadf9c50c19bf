//! Probes: credentials, tokens, headers, and what a caller may do.

use http::HeaderValue;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::lab::{Lab, UNKNOWN, grant, status};
use crate::support::direct::Ask;

pub async fn observe(name: &str, lab: &Lab) -> Option<Value> {
    let seen = match name {
        "bad_credentials" => {
            let body = json!({"client_id": UNKNOWN, "client_secret": "x", "grant_type": "client_credentials"});
            status(&lab.direct.send(Ask::new("POST /auth/token").json(&body)).await)
        }
        "grant_without_entity_user" => {
            status(&lab.auth("POST /auth/token", json!({"grant_type": "entity_user"})).await)
        }
        "grant_for_unknown_entity_user" => status(&lab.auth("POST /auth/token", grant(UNKNOWN)).await),
        "revoke_unknown_token" => status(&lab.auth("POST /auth/revoke", json!({"token": "x"})).await),
        "entity_user_token_ttl" => lab.auth("POST /auth/token", grant(&lab.ana)).await.body["expires_in"].take(),
        "auth_without_version" => {
            let body = lab.direct.credentials(json!({"grant_type": "client_credentials"}));
            let ask = Ask::new("POST /auth/token").without("x-monite-version").json(&body);
            json!(lab.direct.send(ask).await.status)
        }
        "no_authorization" => status(&lab.direct.send(Ask::new("GET /entities")).await),
        "garbled_authorization" => {
            let mut ask = Ask::new("GET /entities");
            ask.headers.insert(AUTHORIZATION, HeaderValue::from_static("Basic abc"));
            status(&lab.direct.send(ask).await)
        }
        "expired_token" => status(&lab.by("dead", "GET /roles").await),
        "echoed_version" => {
            let ask = Ask::new("GET /entities").token(&lab.direct.token).with("x-monite-version", "2024-06-01");
            json!(lab.direct.send(ask).await.header("x-monite-version"))
        }
        "unreadable_version" => {
            let ask = Ask::new("GET /entities").token(&lab.direct.token).with("x-monite-version", "latest");
            let answer = lab.direct.send(ask).await;
            assert_eq!(answer.status, 422);
            json!(answer.body.is_array())
        }
        "rate_limit_reset" => {
            let answer = lab.call("GET /entities", Value::Null).await;
            let reset: i64 = answer.header("ratelimit-reset").unwrap().parse().unwrap();
            let now = lab.direct.sandbox.now().as_second();
            assert!(reset <= 2 || (now..now + 3).contains(&reset), "{reset}");
            json!(reset > 1_000_000)
        }
        "permission_denied" => status(&lab.by(&lab.guest_token, "GET /roles").await),
        "me_with_partner_token" => status(&lab.inside("GET /entity_users/me", Value::Null).await),
        "unknown_entity_header" => status(&lab.direct.call_inside(UNKNOWN, "GET /roles", Value::Null).await),
        "foreign_entity" => {
            let ask = Ask::new("GET /roles").token(&lab.ana_token).inside(&lab.other_entity);
            status(&lab.direct.send(ask).await)
        }
        "inactive_entity_user_token" => {
            lab.call(&format!("POST /entities/{}/deactivate", lab.entity), Value::Null).await;
            let issued = lab.auth("POST /auth/token", grant(&lab.ana)).await.status;
            json!([lab.by(&lab.ana_token, "GET /entity_users/me").await.status, issued])
        }
        "deleted_user_token" => {
            lab.inside(&format!("DELETE /entity_users/{}", lab.ana), Value::Null).await;
            json!(lab.by(&lab.ana_token, "GET /entity_users/me").await.status)
        }
        _ => return None,
    };
    Some(seen)
}
