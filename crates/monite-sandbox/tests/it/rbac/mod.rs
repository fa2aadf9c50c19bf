//! Who may call what: every operation, by every kind of caller.
//!
//! `calls` lists the operations and what a user needs for each, `cast` the people and things of one small world. Each
//! test here is one kind of caller, asked of all operations.

mod calls;
mod cast;

use serde_json::{Value, json};

use self::calls::{CALLS, Call, Need};
use self::cast::{Author, Cast};
use crate::conformance::document::Document;
use crate::support::Answer;

/// What a cell of the table expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Success,
    /// 403, and the text names this right.
    Denied(&'static str),
    /// 403 for another reason.
    Forbidden,
    /// 400 because only users can ask that.
    UserOnly,
}

fn check(call: &Call, who: &str, answer: &Answer, expected: Expected) {
    let of = format!("{} by {who}", call.call);
    match expected {
        Expected::Success => assert_eq!(answer.status, call.success, "{of}: {answer:?}"),
        Expected::Denied(right) => {
            let said = format!("Action {right} not allowed");
            assert_eq!((answer.status, answer.message()), (403, &*said), "{of}");
        }
        Expected::Forbidden => assert_eq!(answer.status, 403, "{of}: {answer:?}"),
        Expected::UserOnly => assert_eq!(answer.status, 400, "{of}: {answer:?}"),
    }
    if expected != Expected::Success {
        assert!(answer.body.get("data").is_none(), "{of}: a refusal shows nothing");
    }
}

#[test]
fn the_table_has_every_operation_of_monites_document() {
    let Some(document) = Document::load() else {
        return;
    };
    let mut declared: Vec<String> =
        document.operations().iter().map(|operation| format!("{} {}", operation.method, operation.path)).collect();
    // The secret in the body decides there, whoever asks.
    declared.retain(|call| !call.contains("/auth/"));
    let mut tabled: Vec<String> = CALLS.iter().map(|call| call.call.to_owned()).collect();
    declared.sort();
    tabled.sort();
    assert_eq!(tabled, declared);
}

#[tokio::test]
async fn the_partner_may_do_everything_but_be_somebody() {
    for call in CALLS {
        let cast = Cast::new().await;
        let expected = match call.need {
            Need::Myself | Need::MyEntity(_) => Expected::UserOnly,
            _ => Expected::Success,
        };
        let answer = cast.send(call, &cast.partner_token, Author::Bob, &cast.entity).await;
        check(call, "the partner", &answer, expected);
    }
}

#[tokio::test]
async fn a_user_with_the_one_right_that_is_needed_gets_through() {
    for call in CALLS {
        let cast = Cast::new().await;
        let expected = match call.need {
            Need::Partner(right) => Expected::Denied(right),
            _ => Expected::Success,
        };
        if let Some(right) = call.right() {
            cast.allow_only(right, "allowed").await;
        } else {
            cast.allow_all_but(None).await;
        }
        let answer = cast.send(call, &cast.ana_token, Author::Bob, &cast.entity).await;
        check(call, "a user with the right", &answer, expected);
    }
}

#[tokio::test]
async fn a_user_with_every_right_but_that_one_is_told_which_is_missing() {
    for call in CALLS {
        let cast = Cast::new().await;
        cast.allow_all_but(call.right()).await;
        let expected = match call.need {
            Need::Partner(right) => Expected::Denied(right),
            Need::Myself => Expected::Success,
            Need::MyEntity(right)
            | Need::Entity(right)
            | Need::List(right)
            | Need::One(right)
            | Need::Create(right) => Expected::Denied(right),
        };
        let answer = cast.send(call, &cast.ana_token, Author::Ana, &cast.entity).await;
        check(call, "a user without the right", &answer, expected);
    }
}

#[tokio::test]
async fn allowed_for_own_reaches_what_the_user_created_and_nothing_else() {
    for call in CALLS {
        let Some(right) = call.right() else {
            continue;
        };
        for author in [Author::Ana, Author::Bob, Author::Partner] {
            let cast = Cast::new().await;
            cast.allow_only(right, "allowed_for_own").await;
            let answer = cast.send(call, &cast.ana_token, author, &cast.entity).await;
            let expected = match call.need {
                Need::List(_) | Need::Create(_) => Expected::Success,
                Need::One(_) if author == Author::Ana => Expected::Success,
                // What the partner created is nobody's own, the entity above all.
                _ => Expected::Denied(right),
            };
            check(call, &format!("a user, on something of {author:?}"), &answer, expected);
            if let Need::List(_) = call.need {
                let own = cast.id_in(call, Author::Ana);
                assert_eq!(answer.column("id"), [own], "{}: filtered to own", call.call);
            }
        }
    }
}

#[tokio::test]
async fn what_a_user_creates_is_its_own() {
    for (create, show, body) in [
        ("POST /roles", "GET /roles/{role_id}", json!({"name": "new", "permissions": {}})),
        ("POST /entity_users", "GET /entity_users/{entity_user_id}", json!({"login": "new", "first_name": "N"})),
    ] {
        let cast = Cast::new().await;
        let mut body = body;
        if create.ends_with("users") {
            body["role_id"] = json!(cast.worker_role);
        }
        let made = cast.ask(&cast.ana_token, create, &cast.entity, &body).await.id();
        let object = if create.ends_with("users") { "entity_user" } else { "role" };
        cast.permit(json!([{"object_type": object, "actions":
            [{"action_name": "read", "permission": "allowed_for_own"}]}]))
            .await;
        let path = show.split_once('{').unwrap().0.to_owned() + &made;
        assert_eq!(cast.ask(&cast.ana_token, &path, &cast.entity, &Value::Null).await.status, 200, "{create}");
        assert_eq!(cast.ask(&cast.bob_token, &path, &cast.entity, &Value::Null).await.status, 403, "{create}");
    }
}

#[tokio::test]
async fn no_right_reaches_into_another_entity() {
    for call in CALLS {
        let cast = Cast::new().await;
        cast.allow_all_but(None).await;
        let before = cast.state();
        let answer = cast.send(call, &cast.ana_token, Author::Ana, &cast.other_entity).await;
        match call.need {
            Need::Partner(right) => check(call, "a user, elsewhere", &answer, Expected::Denied(right)),
            // About the caller whatever the header says.
            Need::Myself | Need::MyEntity(_) => check(call, "a user, elsewhere", &answer, Expected::Success),
            _ => check(call, "a user, elsewhere", &answer, Expected::Forbidden),
        }
        if !matches!(call.need, Need::Myself | Need::MyEntity(_)) {
            assert_eq!(cast.state(), before, "{}: nothing changed", call.call);
        }
    }
}

#[tokio::test]
async fn a_deactivated_entity_shuts_out_its_users_and_nobody_else() {
    for call in CALLS {
        let cast = Cast::new().await;
        cast.allow_all_but(None).await;
        cast.ask(&cast.partner_token, &format!("POST /entities/{}/deactivate", cast.entity), "", &Value::Null).await;
        let by_user = cast.send(call, &cast.ana_token, Author::Ana, &cast.entity).await;
        check(call, "a user of an inactive entity", &by_user, Expected::Forbidden);
        let by_partner = cast.send(call, &cast.partner_token, Author::Ana, &cast.entity).await;
        let expected = match call.need {
            Need::Myself | Need::MyEntity(_) => Expected::UserOnly,
            _ => Expected::Success,
        };
        check(call, "the partner, on an inactive entity", &by_partner, expected);
    }
}

#[tokio::test]
async fn a_deleted_user_and_a_dead_token_get_nothing() {
    for call in CALLS {
        let cast = Cast::new().await;
        cast.allow_all_but(None).await;
        cast.ask(&cast.partner_token, &format!("DELETE /entity_users/{}", cast.ana), &cast.entity, &Value::Null).await;
        let before = cast.state();
        for (token, status) in [(&*cast.ana_token, 400), ("dead", 400), ("", 401)] {
            let answer = cast.send(call, token, Author::Ana, &cast.entity).await;
            assert_eq!(answer.status, status, "{} with {token:.8}: {answer:?}", call.call);
            assert!(answer.body["error"]["message"].is_string(), "{}", call.call);
        }
        assert_eq!(cast.state(), before, "{}: nothing changed", call.call);
    }
}
