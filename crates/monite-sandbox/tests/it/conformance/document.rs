//! Monite's OpenAPI document, read from beside the checkout.

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// Where the document is, unless this variable says otherwise.
const PATH_VARIABLE: &str = "MONITE_OPENAPI";

/// The document, and the validators made from it so far.
pub struct Document {
    root: Value,
    validators: HashMap<String, Validator>,
}

/// One operation as the document declares it.
#[derive(Debug, Clone)]
pub struct Operation {
    /// As `get_entities_id`.
    pub id: String,
    pub method: String,
    /// With `{entity_id}` and the like in it.
    pub path: String,
    node: Value,
}

impl Document {
    /// `None`, and a line that says so, where there is no document: it belongs to Monite and is not part of this
    /// project.
    pub fn load() -> Option<Self> {
        let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/monite-openapi-accounts.json");
        let path = std::env::var_os(PATH_VARIABLE).map_or(beside, PathBuf::from);
        let Ok(text) = std::fs::read_to_string(&path) else {
            say(&format!(
                "SKIPPED: Monite's OpenAPI document is not at {}; set {PATH_VARIABLE} to compare with it\n",
                path.display()
            ));
            return None;
        };
        let root =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{} is not JSON: {error}", path.display()));
        Some(Self { root, validators: HashMap::new() })
    }

    /// In the document's order.
    pub fn operations(&self) -> Vec<Operation> {
        let mut operations = Vec::new();
        for (path, methods) in self.root["paths"].as_object().unwrap() {
            for (method, node) in methods.as_object().unwrap() {
                operations.push(Operation {
                    id: node["operationId"].as_str().unwrap().to_owned(),
                    method: method.to_uppercase(),
                    path: path.clone(),
                    node: node.clone(),
                });
            }
        }
        operations
    }

    /// What a value has to look like, with references followed.
    pub fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(reference) => self.resolve(self.root.pointer(&reference[1..]).unwrap()),
            None => schema,
        }
    }

    /// What is wrong with a value; nothing when it is as the schema says. Formats count.
    pub fn mistakes(&mut self, schema: &Value, value: &Value) -> Vec<String> {
        let components = &self.root["components"];
        let validator = self.validators.entry(schema.to_string()).or_insert_with(|| {
            let whole = json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "components": components,
                "allOf": [schema],
            });
            jsonschema::options().should_validate_formats(true).build(&whole).unwrap()
        });
        validator.iter_errors(value).map(|error| format!("{} at {}", error, error.instance_path())).collect()
    }

    /// A schema of the components by name.
    pub fn named(name: &str) -> Value {
        json!({"$ref": format!("#/components/schemas/{name}")})
    }
}

impl Operation {
    pub fn declared(&self) -> Vec<u16> {
        self.responses().keys().map(|status| status.parse().unwrap()).collect()
    }

    /// The declared success.
    pub fn success(&self) -> u16 {
        self.declared().into_iter().find(|status| *status < 300).unwrap()
    }

    /// The schema of the answer with `status`: `None` when the status is not declared, null when it has no body.
    pub fn response(&self, status: u16) -> Option<Value> {
        let response = self.responses().get(&status.to_string())?;
        Some(response["content"]["application/json"]["schema"].clone())
    }

    fn responses(&self) -> &Map<String, Value> {
        self.node["responses"].as_object().unwrap()
    }

    /// The schema of the request body, null without one.
    pub fn body(&self) -> &Value {
        &self.node["requestBody"]["content"]["application/json"]["schema"]
    }

    /// Names and schemas of the parameters in `place`: `path`, `query` or `header`.
    pub fn parameters(&self, place: &str) -> Vec<(&str, &Value)> {
        let all = self.node["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let here = all.iter().filter(|parameter| parameter["in"] == place);
        here.map(|parameter| (parameter["name"].as_str().unwrap(), &parameter["schema"])).collect()
    }

    pub fn is_inside_entity(&self) -> bool {
        self.parameters("header").iter().any(|(name, _)| *name == "x-monite-entity-id")
    }

    pub fn is_list(&self) -> bool {
        self.parameters("query").iter().any(|(name, _)| *name == "pagination_token")
    }
}

/// Prints where everybody sees it, the test passing or not.
pub fn say(text: &str) {
    std::io::stderr().lock().write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_wrong_answer_is_noticed() {
    let Some(mut document) = Document::load() else {
        return;
    };
    let schema = Document::named("EntityUserResponse");
    let id = "8e05bbf9-0000-4000-8000-000000000001";
    let good = json!({"id": id, "role_id": id, "login": "a", "first_name": "A", "status": "active", "email": null,
        "created_at": "2025-03-01T09:30:00.120034+00:00", "updated_at": "2025-03-01T09:30:00Z"});
    assert_eq!(document.mistakes(&schema, &good), Vec::<String>::new());
    for (field, wrong) in [
        ("id", json!("no uuid")),
        ("created_at", json!("2025-03-01 09:30")),
        ("status", json!("asleep")),
        ("email", json!("no address")),
        ("login", json!(null)),
    ] {
        let mut bad = good.clone();
        bad[field] = wrong;
        assert_eq!(document.mistakes(&schema, &bad).len(), 1, "{bad}");
    }
}
