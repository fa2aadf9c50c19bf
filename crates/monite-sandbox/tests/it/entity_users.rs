//! Entity users: logins, roles, what comes back and what does not.

use serde_json::{Value, json};

use crate::support::{Api, send};

const UNKNOWN: &str = "9d2b4c8f-2087-4738-ba91-7359683c49a4";

#[tokio::test]
async fn a_user_comes_back_without_its_title() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let role = api.role(&entity, "clerk", "").await;
    let body = json!({
        "login": "user_2abc", "first_name": "Casey", "last_name": "Peters", "title": "CFO", "phone": "",
        "email": "c.peters@example.com", "role_id": role,
    });
    let created = api.inside_json(&entity, "POST /entity_users", body).await;
    assert_eq!(created.status, 200);
    let mut shown = created.body.clone();
    for name in ["id", "created_at", "updated_at"] {
        assert!(shown.as_object_mut().unwrap().remove(name).unwrap().is_string(), "{name}");
    }
    assert_eq!(
        shown,
        json!({
            "login": "user_2abc", "role_id": role, "status": "active", "first_name": "Casey", "last_name": "Peters",
            "email": "c.peters@example.com", "phone": "", "userpic_file_id": null,
        })
    );
    let path = format!("GET /entity_users/{}", created.id());
    assert_eq!(send(api.inside(&entity, &path)).await.body, created.body);
    assert_eq!(api.sandbox.logins(&entity), ["user_2abc"]);
}

#[tokio::test]
async fn logins_are_unique_within_an_entity_until_deleted() {
    let api = Api::start().await;
    let (entity, other) = (api.entity().await, api.entity().await);
    let role = api.role(&entity, "clerk", "").await;
    let role_there = api.role(&other, "clerk", "").await;
    let ana = api.user(&entity, "ana", &role).await;
    let again = json!({"login": "ana", "first_name": "Ana", "role_id": role});
    let refused = api.inside_json(&entity, "POST /entity_users", again.clone()).await;
    assert_eq!((refused.status, refused.message()), (409, "Entity user with login \"ana\" already exists"));
    api.user(&other, "ana", &role_there).await;
    let bob = api.user(&entity, "bob", &role).await;
    let rename = json!({"login": "ana"});
    assert_eq!(api.inside_json(&entity, &format!("PATCH /entity_users/{bob}"), rename).await.status, 409);
    assert_eq!(api.sandbox.logins(&entity), ["ana", "bob"]);

    assert_eq!(send(api.inside(&entity, &format!("DELETE /entity_users/{ana}"))).await.status, 204);
    let second = api.inside_json(&entity, "POST /entity_users", again).await;
    assert_eq!(second.status, 200);
    assert_ne!(second.id(), ana);
    let listed = send(api.inside(&entity, "GET /entity_users?login=ana")).await;
    assert_eq!(listed.column("id"), [second.id()]);
}

#[tokio::test]
async fn a_renamed_login_is_free_again() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let role = api.role(&entity, "clerk", "").await;
    let ana = api.user(&entity, "ana", &role).await;
    let renamed = api.inside_json(&entity, &format!("PATCH /entity_users/{ana}"), json!({"login": "anna"})).await;
    assert_eq!(renamed.body["login"], "anna");
    api.user(&entity, "ana", &role).await;
    assert_eq!(send(api.inside(&entity, "GET /entity_users?login=anna")).await.column("id"), [ana]);
}

#[tokio::test]
async fn the_role_must_exist_in_the_same_entity() {
    let api = Api::start().await;
    let (entity, other) = (api.entity().await, api.entity().await);
    let foreign = api.role(&other, "clerk", "").await;
    let own = api.role(&entity, "clerk", "").await;
    let user = api.user(&entity, "ana", &own).await;
    for role in [UNKNOWN, &foreign] {
        let message = format!("There is no role by provided id: {role}");
        let body = json!({"login": "bob", "first_name": "B", "role_id": role});
        let refused = api.inside_json(&entity, "POST /entity_users", body).await;
        assert_eq!((refused.status, refused.message()), (400, &*message));
        let patch = json!({"role_id": role});
        let refused = api.inside_json(&entity, &format!("PATCH /entity_users/{user}"), patch).await;
        assert_eq!((refused.status, refused.message()), (400, &*message));
    }
    let without = json!({"login": "bob", "first_name": "B"});
    assert_eq!(api.inside_json(&entity, "POST /entity_users", without).await.status, 400);
    assert_eq!(api.sandbox.logins(&entity), ["ana"]);
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_refuses_null_where_null_is_never_shown() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let role = api.role(&entity, "clerk", "").await;
    let user = api.user(&entity, "ana", &role).await;
    let path = format!("PATCH /entity_users/{user}");
    let patched = api.inside_json(&entity, &path, json!({"last_name": "Lopez", "email": "a@example.com"})).await;
    assert_eq!((&patched.body["last_name"], &patched.body["first_name"]), (&json!("Lopez"), &json!("ana")));
    let cleared = api.inside_json(&entity, &path, json!({"last_name": null})).await;
    assert_eq!((&cleared.body["last_name"], &cleared.body["email"]), (&Value::Null, &json!("a@example.com")));
    for field in ["login", "first_name", "role_id"] {
        let refused = api.inside_json(&entity, &path, json!({field: null})).await;
        assert_eq!((refused.status, refused.message()), (400, &*format!("{field} cannot be null")));
    }
    let wrong = json!({"login": "x".repeat(256), "email": "", "role_id": "admin", "id": user});
    let refused = api.inside_json(&entity, &path, wrong).await;
    assert_eq!(refused.wrong_fields(), ["body.login", "body.role_id", "body.email", "body.id"]);
}

#[tokio::test]
async fn a_deleted_user_is_gone_for_everybody() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let role = api.role(&entity, "clerk", "").await;
    let user = api.user(&entity, "ana", &role).await;
    let delete = async || send(api.inside(&entity, &format!("DELETE /entity_users/{user}"))).await;
    assert_eq!(delete().await.status, 204);
    assert_eq!(delete().await.status, 404);
    let missing = send(api.inside(&entity, &format!("GET /entity_users/{user}"))).await;
    assert_eq!((missing.status, missing.message()), (404, &*format!("There is no entity user by provided id: {user}")));
    assert_eq!(send(api.inside(&entity, "GET /entity_users")).await.column("id"), Vec::<String>::new());
    assert_eq!(api.sandbox.state()["entity_users"][0]["status"], "deleted");
}

#[tokio::test]
async fn users_are_found_by_every_filter() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let (clerk, boss) = (api.role(&entity, "clerk", "").await, api.role(&entity, "boss", "").await);
    let ana = api.user(&entity, "ana", &clerk).await;
    let bob = api.user(&entity, "bob", &boss).await;
    let body = json!({"first_name": "Zoë", "last_name": "Anders"});
    assert_eq!(api.inside_json(&entity, &format!("PATCH /entity_users/{bob}"), body).await.status, 200);
    let list =
        async |query: &str| send(api.inside(&entity, &format!("GET /entity_users?{query}"))).await.column("login");
    for (query, expected) in [
        ("", vec!["ana", "bob"]),
        ("order=desc", vec!["bob", "ana"]),
        ("sort=updated_at&order=desc", vec!["bob", "ana"]),
        ("login=bob", vec!["bob"]),
        (&*format!("role_id={clerk}"), vec!["ana"]),
        (&*format!("role_id__in={clerk}&role_id__in={boss}"), vec!["ana", "bob"]),
        (&*format!("id__in={ana}"), vec!["ana"]),
        (&*format!("id__not_in={ana}"), vec!["bob"]),
        ("first_name=Zo%C3%AB", vec!["bob"]),
        ("name__istartswith=AN", vec!["ana", "bob"]),
        ("name__istartswith=zo", vec!["bob"]),
        ("status=active&login=ana", vec!["ana"]),
        ("status=deleted", vec![]),
        ("unknown=ignored", vec!["ana", "bob"]),
    ] {
        assert_eq!(list(query).await, expected, "{query}");
    }
    let refused = send(api.inside(&entity, "GET /entity_users?sort=created_at&role_id=x&order=up")).await;
    assert_eq!(refused.wrong_fields(), ["query.order", "query.sort", "query.role_id"]);
}

#[tokio::test]
async fn a_deleted_user_whose_token_lives_on_takes_no_login_back() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let role = api.role(&entity, "clerk", "").await;
    let gone = api.user(&entity, "ana", &role).await;
    let token = api.user_token(&gone).await;
    api.sandbox.set_quirk("deleted_user_token", "alive").unwrap();
    send(api.inside(&entity, &format!("DELETE /entity_users/{gone}"))).await;
    let rename = async |name: &str| {
        let body = json!({"first_name": name}).to_string();
        send(api.request_as(&token, "PATCH /entity_users/me").body(body)).await.status
    };
    assert_eq!(rename("Ana").await, 200);
    api.user(&entity, "ana", &role).await;
    assert_eq!(rename("Anna").await, 200, "the new ana is no conflict for one who is gone");
    assert_eq!(api.sandbox.logins(&entity), ["ana"]);
}
