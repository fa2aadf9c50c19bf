//! Bodies and query values that fit the document, and some that do not.

use serde_json::{Value, json};

use super::document::{Document, Operation};
use super::stage::Stage;
use crate::support::{matrix, organization};

/// Bodies with which the operation succeeds, each in a world of its own; one `None` where it takes none.
pub fn good(operation: &Operation, stage: &Stage) -> Vec<Option<Value>> {
    let bodies = match operation.id.as_str() {
        "post_auth_token" => vec![
            stage.direct.credentials(json!({"grant_type": "client_credentials"})),
            stage.direct.credentials(json!({"grant_type": "client_credentials", "entity_user_id": null})),
            stage.direct.credentials(json!({"grant_type": "entity_user", "entity_user_id": stage.ana})),
        ],
        "post_auth_revoke" => vec![stage.direct.credentials(json!({"token": stage.direct.token}))],
        "post_entities" => vec![organization("Muster GmbH"), whole_organization(), whole_individual()],
        "patch_entities_id" | "patch_entities_me" | "patch_entity_users_my_entity" => vec![
            json!({}),
            json!({"phone": "+49 30 1", "tax_id": null, "website": "https://example.com/x"}),
            json!({"address": {"city": "Hamburg"}, "organization": {"legal_name": "Neu GmbH", "owners_provided": true}}),
        ],
        "put_entities_id_partner_metadata" => {
            vec![json!({"metadata": {}}), json!({"metadata": {"a": [1, {"b": null}]}})]
        }
        "patch_entities_id_settings" => vec![
            json!({}),
            json!({"language": "de", "vat_mode": "inclusive", "reminder": {"enabled": false}}),
            json!({"document_ids": {"prefix": "X", "min_digits": 7, "separator": "/"}, "payment_priority": "balanced"}),
        ],
        "post_entity_users" => vec![
            json!({"login": "carl", "first_name": "Carl", "role_id": stage.role}),
            json!({"login": "carl", "first_name": "", "last_name": null, "title": "Dr", "email": "c@example.com",
                "phone": "1", "role_id": stage.role}),
        ],
        "patch_entity_users_id" => vec![
            json!({}),
            json!({"login": "robert", "first_name": "Robert", "role_id": stage.spare_role, "email": "b@example.com"}),
            json!({"last_name": null, "title": null, "email": null, "phone": null}),
        ],
        "patch_entity_users_me" => vec![json!({}), json!({"first_name": "Ana", "phone": "2", "email": null})],
        "post_roles" => vec![
            json!({"name": "all", "permissions": {"objects": []}}),
            json!({"name": "some", "permissions": matrix("payable: read create_from_mail reopen, receipt: delete, comment: update*")}),
            json!({"name": "defaults", "permissions": {"objects": [{"object_type": "tag", "actions": [{}]}]}}),
        ],
        "patch_roles_id" => {
            vec![json!({}), json!({"name": "renamed"}), json!({"permissions": matrix("entity: read, payable: pay")})]
        }
        "patch_settings" => vec![
            json!({}),
            json!({"mail": {"from_name": "Muster"}, "receivable": {"create_without_personal_info": true}}),
            json!({"payable": {"approve_page_url": "https://example.com/a"}, "api_version": "2024-05-25"}),
        ],
        "post_webhook_subscriptions" => vec![
            json!({"object_type": "entity", "url": "https://example.com/hook"}),
            json!({"object_type": "role", "url": "https://example.com/hook", "event_types": ["created", "whatever"]}),
        ],
        "patch_webhook_subscriptions_id" => vec![
            json!({}),
            json!({"event_types": ["updated"]}),
            json!({"object_type": "role", "url": "https://example.com/other", "event_types": []}),
        ],
        id => {
            assert!(operation.body().is_null(), "{id} takes a body, and the tour has none for it");
            return vec![None];
        }
    };
    bodies.into_iter().map(Some).collect()
}

fn whole_organization() -> Value {
    json!({
        "type": "organization", "email": "ap@example.com", "phone": "+49 30 1", "website": "https://example.com",
        "tax_id": "DE123456789", "registration_number": "HRB 1", "registration_authority": "Amtsgericht",
        "address": {"country": "US", "city": "Austin", "line1": "1 Main St", "line2": "Floor 2",
            "postal_code": "78701", "state": "TX"},
        "organization": {"legal_name": "Muster GmbH", "legal_entity_id": "1", "business_structure": "single_member_llc",
            "directors_provided": true, "executives_provided": false, "owners_provided": true,
            "representative_provided": false, "unknown": "tolerated"},
    })
}

fn whole_individual() -> Value {
    json!({
        "type": "individual", "email": "i@example.com", "phone": null, "organization": null,
        "address": {"country": "IC", "city": "Las Palmas", "line1": "Calle 1", "postal_code": "35001"},
        "individual": {"first_name": "Ida", "last_name": "Muster", "title": "Dr", "date_of_birth": "1990-02-28",
            "id_number": "1", "ssn_last_4": "1234"},
    })
}

/// Values of a query parameter, and whether each fits its schema.
pub fn query_values(document: &Document, name: &str, schema: &Value, stage: &Stage) -> Vec<(String, bool)> {
    if name == "pagination_token" {
        // Tokens have a failure of their own.
        return Vec::new();
    }
    let schema = document.resolve(schema);
    let alternatives = schema["anyOf"].as_array();
    let schema = document.resolve(alternatives.and_then(|all| all.first()).unwrap_or(schema));
    let item = if schema["type"] == "array" { document.resolve(&schema["items"]) } else { schema };
    let values = |good: &[&str], bad: &[&str]| {
        let good = good.iter().map(|value| ((*value).to_owned(), true));
        good.chain(bad.iter().map(|value| ((*value).to_owned(), false))).collect()
    };
    if let Some(names) = item["enum"].as_array() {
        let names = names.iter().map(|name| (name.as_str().unwrap().to_owned(), true));
        return names.chain([("none_of_them".to_owned(), false)]).collect();
    }
    match (item["type"].as_str(), item["format"].as_str()) {
        (Some("string"), Some("uuid")) => values(&[&stage.entity], &["not-a-uuid"]),
        (Some("string"), Some("date-time")) => {
            values(&["2025-01-31T00:00:00+01:00", "2025-01-31T00:00:00Z"], &["yesterday", "2025-02-30T00:00:00Z"])
        }
        (Some("string"), None) => values(&["anything", ""], &[]),
        (Some("integer"), _) => values(&["1", "100"], &["0", "101", "many"]),
        other => panic!("no values for {name}: {other:?}"),
    }
}
