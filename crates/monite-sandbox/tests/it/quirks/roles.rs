//! Probes: roles and entity users.

use serde_json::{Value, json};

use super::lab::{Lab, UNKNOWN, status};

pub async fn observe(name: &str, lab: &Lab) -> Option<Value> {
    let person = |login: &str, role: Value| json!({"login": login, "first_name": "N", "role_id": role});
    let role = |name: &str| json!({"name": name, "permissions": {}});
    let patch_role = format!("PATCH /roles/{}", lab.role);
    let seen = match name {
        "missing_role" => status(&lab.inside(&format!("GET /roles/{UNKNOWN}"), Value::Null).await),
        "missing_entity_user" => status(&lab.inside(&format!("DELETE /entity_users/{UNKNOWN}"), Value::Null).await),
        "duplicate_role_name" => status(&lab.inside("POST /roles", role("admin")).await),
        "role_name_not_ascii" => status(&lab.inside("POST /roles", role("Büro")).await),
        "duplicate_login" => status(&lab.inside("POST /entity_users", person("ana", json!(lab.role))).await),
        "invalid_role_id" => status(&lab.inside("POST /entity_users", person("new", json!(UNKNOWN))).await),
        "role_id_without_default" => status(&lab.inside("POST /entity_users", person("new", Value::Null)).await),
        "role_patch" => {
            let permissions = json!({"objects": [{"object_type": "tag", "actions": []}]});
            let patched = lab.inside(&patch_role, json!({"permissions": permissions})).await;
            json!(patched.body["permissions"]["objects"].as_array().unwrap().len())
        }
        "duplicate_permission" => {
            let permits = |permission: &str| {
                let actions = json!([{"action_name": "read", "permission": permission}]);
                json!({"object_type": "role", "actions": actions})
            };
            let objects = json!([permits("allowed"), permits("not_allowed")]);
            lab.inside(&patch_role, json!({"permissions": {"objects": objects}})).await;
            json!(lab.by(&lab.ana_token, "GET /roles").await.status)
        }
        "name_istartswith" => {
            json!(lab.inside("GET /entity_users?name__istartswith=ANA", Value::Null).await.column("login"))
        }
        _ => return None,
    };
    Some(seen)
}
