//! Every undocumented point can be flipped: over HTTP, at the start, and with an effect.

mod effects;
mod entities;
mod lab;
mod roles;
mod tokens;
mod webhooks;

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

#[tokio::test]
async fn a_refusal_that_becomes_422_names_its_field() {
    let api = Api::start().await;
    let entity = api.entity().await;
    for quirk in ["us_state", "null_for_required", "registration_without_authority", "website_not_https"] {
        api.sandbox.set_quirk(quirk, "422").unwrap();
    }
    let mut american = organization("Acme");
    american["address"]["country"] = json!("US");
    assert_eq!(api.post("/entities", american).await.wrong_fields(), ["body.address.state"]);
    let path = format!("/entities/{entity}");
    let cases = [
        (&*path, json!({"address": {"city": null}}), "body.address.city"),
        (&path, json!({"registration_number": "HRB 1"}), "body.registration_authority"),
        ("/settings", json!({"website": "http://example.com"}), "body.website"),
    ];
    for (path, patch, field) in cases {
        assert_eq!(api.patch(path, patch).await.wrong_fields(), [field]);
    }
}

#[tokio::test]
async fn what_becomes_another_refusal_waits_until_nothing_else_is_wrong() {
    let api = Api::start().await;
    let entity = api.entity().await;
    for (quirk, option) in [("role_name_not_ascii", "400"), ("limit_out_of_range", "416")] {
        api.sandbox.set_quirk(quirk, option).unwrap();
    }
    let both = api.inside_json(&entity, "POST /roles", json!({"name": "Büro", "permissions": 7})).await;
    assert_eq!(both.wrong_fields(), ["body.permissions"]);
    let one = api.inside_json(&entity, "POST /roles", json!({"name": "Büro", "permissions": {}})).await;
    assert_eq!((one.status, one.message()), (400, "Value error, name must be ASCII"));
    assert_eq!(api.get("/entities?limit=0&order=up").await.wrong_fields(), ["query.order"]);
    assert_eq!(api.get("/entities?limit=ten").await.wrong_fields(), ["query.limit"]);
    assert_eq!(api.get("/entities?limit=0").await.status, 416);
}
