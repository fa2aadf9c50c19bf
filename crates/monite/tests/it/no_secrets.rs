//! No secret in any `Debug`, error, record or address.

use monite::{CallLog, EntityUserId, Scope, SecretString, TransportKind};
use serde_json::json;
use uuid::Uuid;

use crate::support::{CLIENT_SECRET, Reply, Script, builder, client, clock, credentials};

const TOKEN: &str = "eyJ0eXAiOiJKV1Qi-the-token";

fn check(what: &str, text: &str) {
    assert!(!text.contains(CLIENT_SECRET), "client secret in {what}: {text}");
    assert!(!text.contains(TOKEN), "token in {what}: {text}");
}

#[tokio::test]
async fn debug_shows_none() {
    let script = Script::new(|_| Reply::token(TOKEN, 1800));
    let clock = clock();
    check("builder", &format!("{:?}", builder(&script, &clock)));
    check("credentials", &format!("{:?}", credentials()));
    let monite = client(&script, &clock);
    let user = EntityUserId::from_uuid(Uuid::from_u128(1));
    let token = monite.tokens().get(Scope::EntityUser(user), Default::default()).await.unwrap();
    assert_eq!(token.expose(), TOKEN);
    check("token", &format!("{token:?} {token:#?}"));
    check("slot", &format!("{:?}", monite.tokens().slot(Scope::EntityUser(user))));
    check("client", &format!("{monite:?} {:?} {:?} {:?}", monite.tokens(), monite.auth(), monite.entities()));
    let request = monite::Request::post("x", "/x").json(&json!({"client_secret": CLIENT_SECRET}));
    check("request", &format!("{request:?}"));
}

#[tokio::test]
async fn errors_show_none_even_when_the_server_sends_them_back() {
    let echo = |status| {
        let body = format!("you sent {CLIENT_SECRET} and {TOKEN}");
        let detail = json!({"detail": [{"loc": ["body"], "msg": body, "type": "x"}]}).to_string();
        [
            Reply::Answer(status, Vec::new(), body.clone()),
            Reply::Answer(status, Vec::new(), detail),
            Reply::error(status, &body),
        ]
    };
    for status in [400, 401, 422, 500] {
        for shape in 0..3 {
            let script = Script::new(move |_| echo(status).into_iter().nth(shape).unwrap());
            let clock = clock();
            clock.auto_advance(true);
            let monite = client(&script, &clock);
            let error = monite.auth().revoke(&SecretString::from(TOKEN)).await.unwrap_err();
            check("revoke", &format!("{error} {error:?}"));
        }
    }
    for shape in 0..3 {
        let script = Script::new(move |call| match call.line.as_str() {
            "POST /auth/token" => Reply::token(TOKEN, 1800),
            _ => echo(409).into_iter().nth(shape).unwrap(),
        });
        let log = CallLog::new();
        let monite = client(&script, &clock()).recording(&log);
        let error = monite.entities().list(&Default::default()).await.unwrap_err();
        // The client secret is not part of this call, so only the token can come back.
        let error = format!("{error} {error:?} {:?}", log.records()).replace(CLIENT_SECRET, "");
        check("call", &error);
    }
}

#[tokio::test]
async fn an_unreadable_token_answer_is_not_quoted() {
    for body in [json!(TOKEN), json!({"access_token": TOKEN, "expires_in": TOKEN}), json!({"access_token": [TOKEN]})] {
        let script = Script::new(move |_| Reply::json(200, body.clone()));
        let error = client(&script, &clock()).entities().list(&Default::default()).await.unwrap_err();
        let source = std::error::Error::source(&error).map(ToString::to_string);
        check("token answer", &format!("{error} {error:?} {source:?}"));
    }
}

#[tokio::test]
async fn the_authorization_header_is_marked_sensitive() {
    let script = Script::with_tokens(|call| {
        assert!(call.headers["authorization"].is_sensitive());
        Reply::Lost(TransportKind::Cut)
    });
    let clock = clock();
    clock.auto_advance(true);
    client(&script, &clock).entities().list(&Default::default()).await.unwrap_err();
}
