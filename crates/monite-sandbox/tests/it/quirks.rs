//! Every undocumented point can be flipped.

use serde_json::json;

use crate::support::{Api, builder, organization, send};

const UNKNOWN: &str = "9d2b4c8f-2087-4738-ba91-7359683c49a4";

#[tokio::test]
async fn the_table_is_shown_and_changed_over_http() {
    let api = Api::start().await;
    let shown = api.control("GET /quirks", None).await.body;
    assert_eq!(shown["missing_entity"]["value"], "404");
    assert_eq!(shown["missing_entity"]["options"], json!(["404", "400"]));
    let changed = api.control("PUT /quirks", Some(json!({"missing_entity": 400}))).await.body;
    assert_eq!(changed["missing_entity"]["value"], "400");
    assert_eq!(api.get(&format!("/entities/{UNKNOWN}")).await.status, 400);
    assert_eq!(api.control("PUT /quirks", Some(shown)).await.status, 200, "what was read can be put back");
    assert_eq!(api.get(&format!("/entities/{UNKNOWN}")).await.status, 404);
    for bad in [json!({"missing_entity": 418}), json!({"no_such_point": "x"}), json!([])] {
        assert_eq!(api.control("PUT /quirks", Some(bad.clone())).await.status, 400, "{bad}");
    }
    assert!(api.sandbox.set_quirk("missing_entity", "418").is_err());
}

#[tokio::test]
async fn statuses_follow_the_table() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let role = api.role(&entity, "clerk", "").await;
    api.user(&entity, "ana", &role).await;
    let flip = |name: &str, option: &str| api.sandbox.set_quirk(name, option).unwrap();

    flip("duplicate_role_name", "400");
    let twice = api.inside_json(&entity, "POST /roles", json!({"name": "clerk", "permissions": {}})).await;
    assert_eq!(twice.status, 400);
    flip("duplicate_login", "400");
    let twice = json!({"login": "ana", "first_name": "A", "role_id": role});
    assert_eq!(api.inside_json(&entity, "POST /entity_users", twice).await.status, 400);
    flip("us_state", "422");
    let mut american = organization("Acme");
    american["address"]["country"] = json!("US");
    assert_eq!(api.post("/entities", american).await.wrong_fields(), ["body.address.state"]);
    flip("limit_out_of_range", "416");
    assert_eq!(api.get("/entities?limit=0").await.status, 416);
    assert_eq!(api.get("/entities?limit=ten").await.status, 422);
    flip("null_for_required", "ignore");
    let patched = api.patch(&format!("/entities/{entity}"), json!({"address": {"city": null}, "phone": "1"})).await;
    assert_eq!((patched.status, &patched.body["address"]["city"]), (200, &json!("Berlin")));
    flip("null_for_required", "422");
    let refused = api.patch(&format!("/entities/{entity}"), json!({"address": {"city": null}})).await;
    assert_eq!(refused.wrong_fields(), ["body.address.city"]);
    flip("expired_token", "401");
    assert_eq!(send(api.request_as("dead", "GET /entities")).await.status, 401);
    flip("auth_without_version", "refuse");
    let url = format!("{}/auth/token", api.sandbox.base_url());
    assert_eq!(send(api.http.post(url).body("{}")).await.status, 400);
}

#[tokio::test]
async fn a_default_role_may_come_with_the_entity() {
    let api = Api::start().await;
    api.sandbox.set_quirk("default_role", "admin").unwrap();
    let entity = api.entity().await;
    let roles = api.sandbox.roles(&entity);
    assert_eq!((roles.len(), &roles[0]["name"]), (1, &json!("admin")));
    let user = api.inside_json(&entity, "POST /entity_users", json!({"login": "ana", "first_name": "A"})).await;
    assert_eq!((user.status, &user.body["role_id"]), (200, &roles[0]["id"]));
    let again = api.inside_json(&entity, "POST /roles", json!({"name": "admin", "permissions": {}})).await;
    assert_eq!(again.status, 409);
}

#[tokio::test]
async fn permissions_may_merge_by_object() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let role = api.role(&entity, "clerk", "tag: read, role: read").await;
    api.sandbox.set_quirk("role_patch", "merge").unwrap();
    let patch = json!({"permissions": crate::support::matrix("role: delete, product: read")});
    let patched = api.inside_json(&entity, &format!("PATCH /roles/{role}"), patch).await;
    assert_eq!(patched.body["permissions"], crate::support::matrix("tag: read, role: delete, product: read"));
}

#[tokio::test]
async fn quirks_can_be_chosen_at_the_start_and_come_back_with_a_reset() {
    let api = Api::with(builder().quirk("missing_entity", "400").quirk("us_state", "422")).await;
    let missing = async |api: &Api| {
        let token = api.partner_token().await;
        send(api.request_as(&token, &format!("GET /entities/{UNKNOWN}"))).await.status
    };
    assert_eq!(missing(&api).await, 400);
    api.sandbox.set_quirk("missing_entity", "404").unwrap();
    assert_eq!(missing(&api).await, 404);
    api.sandbox.reset();
    assert_eq!(missing(&api).await, 400);
    for (name, option, said) in [
        ("missing_entitty", "400", "there is no quirk \"missing_entitty\"; the nearest name is \"missing_entity\""),
        ("us_state", "418", "the quirk \"us_state\" has no option \"418\"; it has 400, 422"),
    ] {
        let refused = builder().quirk(name, option).in_process().await.unwrap_err();
        assert_eq!(refused.to_string(), said);
    }
}
