//! Roles: names, the permission matrix as sent, and the ones nobody may delete.

use serde_json::{Value, json};

use crate::support::{Api, matrix, send};

#[tokio::test]
async fn a_role_comes_back_as_it_was_sent() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let permissions = json!({"objects": [
        {"object_type": "payable", "actions": [{"action_name": "pay", "permission": "allowed"}]},
        {"object_type": "comment", "actions": [
            {"action_name": "update", "permission": "allowed_for_own"},
            {"action_name": "read", "permission": "not_allowed"},
        ]},
        {"object_type": "comment", "actions": []},
    ]});
    let body = json!({"name": "clerk", "permissions": permissions});
    let created = api.inside_json(&entity, "POST /roles", body).await;
    assert_eq!(created.status, 200);
    assert_eq!(created.body["permissions"], permissions);
    assert_eq!((&created.body["name"], &created.body["status"]), (&json!("clerk"), &json!("active")));
    assert!(created.body["updated_at"].as_str() > created.body["created_at"].as_str());
    let path = format!("GET /roles/{}", created.id());
    assert_eq!(send(api.inside(&entity, &path)).await.body, created.body);
}

#[tokio::test]
async fn what_an_action_leaves_out_is_filled_in() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let body = json!({"name": "r", "permissions": {"objects": [{"object_type": "tag", "actions": [{}]}, {"object_type": "role"}]}});
    let created = api.inside_json(&entity, "POST /roles", body).await;
    assert_eq!(
        created.body["permissions"]["objects"],
        json!([
            {"object_type": "tag", "actions": [{"action_name": "read", "permission": "allowed"}]},
            {"object_type": "role", "actions": []},
        ])
    );
    let body = json!({"name": "nothing", "permissions": {}});
    assert_eq!(api.inside_json(&entity, "POST /roles", body).await.body["permissions"], json!({"objects": []}));
}

#[tokio::test]
async fn a_matrix_that_does_not_exist_is_refused() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let cases = [
        (json!({"name": "", "permissions": {}}), vec!["body.name"]),
        (json!({"name": "Bücher", "permissions": {}}), vec!["body.name"]),
        (json!({"name": "r"}), vec!["body.permissions"]),
        (json!({"name": "r", "permissions": {"objects": null}}), vec!["body.permissions.objects"]),
        (
            json!({"name": "r", "permissions": {"objects": [
                {"object_type": "role", "actions": [{"action_name": "pay"}, {"permission": "maybe"}]},
                {"object_type": "spaceship", "actions": [{"action_name": "fly"}]},
                {"actions": []},
            ], "extra": 1}, "also": 2}),
            vec![
                "body.permissions.objects.0.actions.0.action_name",
                "body.permissions.objects.0.actions.1.permission",
                "body.permissions.objects.1.object_type",
                "body.permissions.objects.2.object_type",
                "body.permissions.extra",
                "body.also",
            ],
        ),
        (
            json!({"name": "r", "permissions": {"objects": [
                {"object_type": "payable", "actions": [{"action_name": "pay", "note": 1}]},
                {"object_type": "tag", "actions": [{"action_name": "read", "note": 1}]},
            ]}}),
            vec!["body.permissions.objects.0.actions.0.note"],
        ),
    ];
    for (body, wrong) in cases {
        assert_eq!(api.inside_json(&entity, "POST /roles", body).await.wrong_fields(), wrong);
    }
    assert_eq!(api.sandbox.roles(&entity), Vec::<Value>::new());
}

#[tokio::test]
async fn names_are_unique_within_an_entity_until_deleted() {
    let api = Api::start().await;
    let (entity, other) = (api.entity().await, api.entity().await);
    let role = api.role(&entity, "clerk", "").await;
    let again = json!({"name": "clerk", "permissions": {}});
    let refused = api.inside_json(&entity, "POST /roles", again.clone()).await;
    assert_eq!((refused.status, refused.message()), (409, "Role with name \"clerk\" already exists"));
    assert_eq!(api.inside_json(&other, "POST /roles", again.clone()).await.status, 200);
    api.role(&entity, "Clerk", "").await;
    let rename = api.inside_json(&entity, &format!("PATCH /roles/{role}"), json!({"name": "Clerk"})).await;
    assert_eq!(rename.status, 409);
    assert_eq!(send(api.inside(&entity, &format!("DELETE /roles/{role}"))).await.status, 204);
    assert_eq!(api.inside_json(&entity, "POST /roles", again).await.status, 200);
}

#[tokio::test]
async fn a_patch_replaces_the_whole_permission_tree() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let role = api.role(&entity, "clerk", "payable: read pay, tag: read").await;
    let path = format!("PATCH /roles/{role}");
    let patched = api.inside_json(&entity, &path, json!({"permissions": matrix("role: read")})).await;
    assert_eq!((patched.status, &patched.body["name"]), (200, &json!("clerk")));
    assert_eq!(patched.body["permissions"], matrix("role: read"));
    let same = api.inside_json(&entity, &path, json!({"name": "clerk"})).await;
    assert_eq!(same.body, patched.body, "nothing changed, so updated_at stays");
    for null in [json!({"name": null}), json!({"permissions": null})] {
        assert_eq!(api.inside_json(&entity, &path, null).await.status, 400);
    }
}

#[tokio::test]
async fn a_role_in_use_cannot_be_deleted() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let (role, spare) = (api.role(&entity, "clerk", "").await, api.role(&entity, "spare", "").await);
    let user = api.user(&entity, "ana", &role).await;
    let delete = async |role: &str| send(api.inside(&entity, &format!("DELETE /roles/{role}"))).await;
    assert_eq!(delete(&role).await.status, 409);
    let moved = api.inside_json(&entity, &format!("PATCH /entity_users/{user}"), json!({"role_id": spare})).await;
    assert_eq!(moved.status, 200);
    assert_eq!(delete(&role).await.status, 204);
    assert_eq!(delete(&spare).await.status, 409);
    assert_eq!(send(api.inside(&entity, &format!("DELETE /entity_users/{user}"))).await.status, 204);
    assert_eq!(delete(&spare).await.status, 204);

    let gone = delete(&role).await;
    assert_eq!((gone.status, gone.message()), (404, &*format!("There is no role by provided id: {role}")));
    assert_eq!(send(api.inside(&entity, "GET /roles")).await.column("id"), Vec::<String>::new());
    let deleted = &api.sandbox.state()["roles"][0];
    assert_eq!((&deleted["status"], &deleted["entity_id"]), (&json!("deleted"), &json!(entity)));
}

#[tokio::test]
async fn roles_are_found_by_name_and_by_id() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let (one, two) = (api.role(&entity, "one", "").await, api.role(&entity, "two", "").await);
    let list = async |query: &str| send(api.inside(&entity, &format!("GET /roles?{query}"))).await.column("id");
    assert_eq!(list("name=two").await, [two.as_str()]);
    assert_eq!(list("name=Two").await, Vec::<String>::new());
    assert_eq!(list("name=two&sort=updated_at").await, [two.as_str()]);
    assert_eq!(list(&format!("id__in={two}&id__in={one}")).await, [one.as_str(), two.as_str()]);
    assert_eq!(list("sort=updated_at&order=desc").await, [two.as_str(), one.as_str()]);
    assert_eq!(list("created_at=2026-03-01T09:30:00Z").await, Vec::<String>::new());
    let created = api.sandbox.roles(&entity)[0]["created_at"].as_str().unwrap().replace('+', "%2B");
    assert_eq!(list(&format!("created_at={created}")).await, [one.as_str()]);
    assert_eq!(list(&format!("created_at__gt={created}")).await, [two]);
    assert_eq!(list(&format!("created_at__lte={created}")).await, [one]);
}
