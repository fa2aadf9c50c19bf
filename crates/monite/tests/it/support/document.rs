//! Monite's OpenAPI document, read from beside the checkout: it belongs to Monite and is not part of this project.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

/// Where the document is, unless this variable says otherwise.
const PATH_VARIABLE: &str = "MONITE_OPENAPI";

/// The document.
pub(crate) struct Document {
    root: Value,
}

impl Document {
    /// `None`, and a line that says so, where there is no document.
    pub(crate) fn load() -> Option<Self> {
        let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/monite-openapi-accounts.json");
        let path = std::env::var_os(PATH_VARIABLE).map_or(beside, PathBuf::from);
        let Ok(text) = std::fs::read_to_string(&path) else {
            // Past the capture of the test harness, so that a green run does not hide it.
            let mut terminal = std::io::stderr();
            writeln!(terminal, "SKIPPED: Monite's OpenAPI document is not at {}; set {PATH_VARIABLE}", path.display())
                .unwrap();
            return None;
        };
        Some(Self { root: serde_json::from_str(&text).unwrap() })
    }

    /// `(method, template)` to the operation.
    pub(crate) fn operations(&self) -> BTreeMap<(String, String), &Value> {
        let mut operations = BTreeMap::new();
        for (path, methods) in self.root["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                operations.insert((method.to_uppercase(), path.clone()), operation);
            }
        }
        operations
    }

    /// The names of an operation's query parameters.
    pub(crate) fn query(&self, method: &str, path: &str) -> Vec<String> {
        let operations = self.operations();
        let operation = operations[&(method.to_owned(), path.to_owned())];
        let parameters = operation["parameters"].as_array().unwrap().iter();
        let mut names: Vec<String> = parameters
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }

    /// The values of an enum.
    pub(crate) fn names(&self, schema: &str) -> Vec<String> {
        serde_json::from_value(self.root["components"]["schemas"][schema]["enum"].clone()).unwrap()
    }

    /// The object types that a permission can be about.
    pub(crate) fn objects_of_the_matrix(&self) -> Vec<String> {
        let mapping = &self.root["components"]["schemas"]["RootSchema-Input"]["discriminator"]["mapping"];
        mapping.as_object().unwrap().keys().cloned().collect()
    }

    /// A value with everything in it that the schema of this name has.
    pub(crate) fn sample(&self, schema: &str) -> Value {
        self.full(&self.root["components"]["schemas"][schema])
    }

    fn full(&self, schema: &Value) -> Value {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.full(self.root.pointer(&reference[1..]).unwrap());
        }
        for choice in ["anyOf", "oneOf", "allOf"] {
            if let Some(first) = schema[choice].as_array().and_then(|choices| choices.first()) {
                return self.full(first);
            }
        }
        if let Some(first) = schema["enum"].as_array().and_then(|names| names.first()) {
            return first.clone();
        }
        match schema["type"].as_str() {
            Some("string") => json!(text(schema["format"].as_str())),
            Some("integer") => json!(1),
            Some("number") => json!(1.5),
            Some("boolean") => json!(true),
            Some("array") => json!([self.full(&schema["items"])]),
            Some("object") if schema["properties"].is_object() => self.all_of(&schema["properties"]),
            _ => json!({"anything": 1}),
        }
    }

    fn all_of(&self, properties: &Value) -> Value {
        let fields = properties.as_object().unwrap().iter();
        Value::Object(fields.map(|(name, schema)| (name.clone(), self.full(schema))).collect::<Map<_, _>>())
    }
}

fn text(format: Option<&str>) -> &'static str {
    match format {
        Some("uuid") => "8e05bbf9-0000-4000-8000-000000000001",
        Some("date-time") => "2025-03-01T09:30:00Z",
        Some("date") => "1980-02-29",
        Some("email") => "ap@example.com",
        Some("uri") => "https://example.com/",
        _ => "text",
    }
}
