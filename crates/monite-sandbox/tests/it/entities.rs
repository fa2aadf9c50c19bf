//! Entities: creating, reading, patching, switching off, and their metadata.

use serde_json::{Value, json};

use crate::support::{Api, organization, send};

#[tokio::test]
async fn a_new_entity_looks_as_monite_renders_it() {
    let api = Api::start().await;
    let answer = api.post("/entities", organization("Muster GmbH")).await;
    assert_eq!(answer.status, 201);
    let mut entity = answer.body.clone();
    entity["id"] = json!("[ID]");
    assert_eq!(
        entity,
        json!({
            "id": "[ID]",
            "created_at": "2026-03-01T09:30:00.000000+00:00",
            "updated_at": "2026-03-01T09:30:00.000003+00:00",
            "type": "organization",
            "status": "active",
            "email": "ap@example.com",
            "phone": null,
            "website": null,
            "tax_id": null,
            "registration_number": null,
            "registration_authority": null,
            "logo": null,
            "address": {"country": "DE", "city": "Berlin", "line1": "Musterweg 1", "line2": null, "postal_code": "10115", "state": null},
            "organization": {
                "legal_name": "Muster GmbH", "legal_entity_id": null, "business_structure": null,
                "directors_provided": null, "executives_provided": null, "owners_provided": null,
                "representative_provided": null,
            },
        })
    );
    assert_eq!(api.get(&format!("/entities/{}", answer.id())).await.body, answer.body);
    assert_eq!(api.sandbox.entities(), [answer.body]);
}

#[tokio::test]
async fn creating_twice_makes_two_entities() {
    let api = Api::start().await;
    let (one, two) = (api.entity().await, api.entity().await);
    assert_ne!(one, two);
    assert_eq!(api.get("/entities").await.column("id"), [one, two]);
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    let api = Api::start().await;
    let body = json!({
        "type": "organization",
        "email": "nobody",
        "address": {"country": "Germany", "city": "", "line1": 7, "zip": "10115"},
        "phone": "",
        "website": "example.com",
        "organization": {"legal_entity_id": "x".repeat(21), "anything": "goes"},
        "individual": {"first_name": "A", "last_name": "B", "date_of_birth": "2023-02-30"},
        "surprise": true,
    });
    let answer = api.post("/entities", body).await;
    assert_eq!(
        answer.wrong_fields(),
        [
            "body.email",
            "body.address.country",
            "body.address.city",
            "body.address.line1",
            "body.address.postal_code",
            "body.address.zip",
            "body.phone",
            "body.website",
            "body.organization.legal_name",
            "body.organization.legal_entity_id",
            "body.individual.date_of_birth",
            "body.surprise",
        ]
    );
    assert_eq!(api.post("/entities", json!({})).await.wrong_fields(), ["body.type", "body.email", "body.address"]);
    let mut missing = organization("A");
    missing.as_object_mut().unwrap().remove("organization");
    assert_eq!(api.post("/entities", missing.clone()).await.wrong_fields(), ["body.organization"]);
    missing["individual"] = json!({"first_name": "A", "last_name": "B"});
    assert_eq!(api.post("/entities", missing).await.wrong_fields(), ["body.individual", "body.organization"]);
    assert_eq!(api.sandbox.entities(), Vec::<Value>::new());
}

#[tokio::test]
async fn a_patch_changes_only_what_it_names() {
    let api = Api::start().await;
    let mut body = organization("Muster GmbH");
    body["phone"] = json!("+49 30 1");
    body["address"]["line2"] = json!("3. OG");
    let before = api.post("/entities", body).await;
    let path = format!("/entities/{}", before.id());

    let patch = json!({"phone": null, "address": {"city": "Köln"}, "organization": {"legal_entity_id": "L1"}});
    let answer = api.patch(&path, patch).await;
    assert_eq!(answer.status, 200);
    let mut expected = before.body.clone();
    expected["phone"] = Value::Null;
    expected["address"]["city"] = json!("Köln");
    expected["organization"]["legal_entity_id"] = json!("L1");
    expected["updated_at"] = answer.body["updated_at"].clone();
    assert_eq!(answer.body, expected);
    assert!(answer.body["updated_at"].as_str() > before.body["updated_at"].as_str());
}

#[tokio::test]
async fn a_patch_that_changes_nothing_leaves_updated_at_alone() {
    let api = Api::start().await;
    let before = api.post("/entities", organization("A")).await;
    let path = format!("/entities/{}", before.id());
    for same in [json!({}), json!({"email": "ap@example.com"}), json!({"address": {}}), json!({"tax_id": null})] {
        let answer = api.patch(&path, same).await;
        assert_eq!((answer.status, &answer.body), (200, &before.body));
    }
    let no_body = send(api.request(&format!("PATCH {path}")).header("content-type", "application/json")).await;
    assert_eq!((no_body.status, &no_body.body), (200, &before.body));
}

#[tokio::test]
async fn a_patch_is_refused_as_a_whole() {
    let api = Api::start().await;
    let before = api.post("/entities", organization("A")).await;
    let path = format!("/entities/{}", before.id());
    let country = api.patch(&path, json!({"phone": "1", "address": {"country": "FR"}, "type": "individual"})).await;
    assert_eq!(country.wrong_fields(), ["body.address.country", "body.type"]);
    for (patch, message) in [
        (json!({"phone": "1", "address": null}), "address cannot be null"),
        (json!({"phone": "1", "address": {"city": null}}), "address.city cannot be null"),
        (json!({"phone": "1", "organization": {"legal_name": null}}), "organization.legal_name cannot be null"),
        (json!({"phone": "1", "individual": {"first_name": "A"}}), "individual does not match the type of the entity"),
    ] {
        let answer = api.patch(&path, patch).await;
        assert_eq!((answer.status, answer.message()), (400, message));
    }
    assert_eq!(api.get(&path).await.body, before.body);
}

#[tokio::test]
async fn an_american_address_needs_a_state() {
    let api = Api::start().await;
    let mut body = organization("Acme Inc");
    body["address"]["country"] = json!("US");
    assert_eq!(api.post("/entities", body.clone()).await.status, 400);
    body["address"]["state"] = json!("California");
    assert_eq!(api.post("/entities", body.clone()).await.status, 400);
    body["address"]["state"] = json!("CA");
    let entity = api.post("/entities", body).await;
    assert_eq!(entity.status, 201);
    let path = format!("/entities/{}", entity.id());
    assert_eq!(api.patch(&path, json!({"address": {"state": null}})).await.status, 400);
}

#[tokio::test]
async fn deactivating_is_idempotent_and_reversible() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let switch = async |to: &str| send(api.request(&format!("POST /entities/{entity}/{to}"))).await.body;
    let off = switch("deactivate").await;
    assert_eq!(off["status"], "inactive");
    assert_eq!(switch("deactivate").await, off);
    assert_eq!(api.get("/entities?status=active").await.column("id"), Vec::<String>::new());
    assert_eq!(api.get("/entities").await.column("id"), [entity.as_str()]);
    assert_eq!(switch("activate").await["status"], "active");
}

#[tokio::test]
async fn metadata_is_null_then_replaced_as_a_whole() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let path = format!("/entities/{entity}/partner_metadata");
    let updated_at = api.sandbox.entities()[0]["updated_at"].clone();
    assert_eq!(api.get(&path).await.body, json!({"metadata": null}));
    let put = async |body: Value| send(api.request(&format!("PUT {path}")).body(body.to_string())).await;
    let first = json!({"metadata": {"id": "acme", "deep": [{"a": 1}]}});
    assert_eq!(put(first.clone()).await.body, first);
    assert_eq!(put(json!({"metadata": {"id": "b"}})).await.status, 200);
    assert_eq!(api.get(&path).await.body, json!({"metadata": {"id": "b"}}));
    assert_eq!(put(json!({"metadata": []})).await.wrong_fields(), ["body.metadata"]);
    assert_eq!(api.sandbox.entities()[0]["updated_at"], updated_at);
}

#[tokio::test]
async fn an_unknown_entity_is_404_and_a_malformed_id_422() {
    let api = Api::start().await;
    let id = "9d2b4c8f-2087-4738-ba91-7359683c49a4";
    for path in ["", "/partner_metadata", "/settings"] {
        let answer = api.get(&format!("/entities/{id}{path}")).await;
        assert_eq!((answer.status, answer.message()), (404, &*format!("There is no entity by provided id: {id}")));
        let answer = api.get(&format!("/entities/abc{path}")).await;
        assert_eq!(answer.wrong_fields(), ["path.entity_id"]);
    }
    let answer = api.patch("/entities/abc", json!({"nonsense": 1})).await;
    assert_eq!(answer.wrong_fields(), ["path.entity_id", "body.nonsense"]);
}
