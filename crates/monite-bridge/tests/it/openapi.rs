//! The OpenAPI document and the router say the same.

use std::collections::BTreeSet;

use monite_bridge::http::openapi::document;
use monite_bridge::http::{Access, routes};
use serde_json::Value;

use crate::support::TestBridge;

fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &'_ Value)| -> Vec<(String, String)> {
        item.as_object().unwrap().keys().map(|method| (method.clone(), path.clone())).collect()
    };
    let names: Vec<(String, String)> = paths.iter().flat_map(of_path).collect();
    names
        .into_iter()
        .map(|(method, path)| {
            let operation = &document["paths"][&path][&method];
            (method, path, operation)
        })
        .collect()
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let document = document();
    let described: BTreeSet<(String, String)> =
        operations(&document).into_iter().map(|(method, path, _)| (method.to_uppercase(), path)).collect();
    let served: BTreeSet<(String, String)> =
        routes().into_iter().map(|route| (route.method.to_string(), route.path.to_owned())).collect();
    assert_eq!(described, served);
}

#[test]
fn every_operation_names_its_key_and_its_refusals() {
    let document = document();
    for (method, path, operation) in operations(&document) {
        let route = routes()
            .into_iter()
            .find(|route| route.path == path && route.method.as_str().eq_ignore_ascii_case(&method));
        let refusals = &operation["responses"]["401"];
        match route.unwrap().access {
            Access::Key(scope) => assert_eq!(operation["security"][0]["apiKey"][0], scope.as_str()),
            Access::Session => assert!(operation["security"][0]["session"].is_array()),
            Access::Webhook => assert!(operation["security"][0]["moniteSignature"].is_array()),
            Access::Open => assert!(refusals.is_null(), "{method} {path}"),
        }
        assert!(operation["responses"].get("500").is_some(), "{method} {path}");
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with('2')), "{method} {path}");
        let in_path = path.matches('{').count();
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let named = parameters.iter().filter(|one| {
            ["customer", "user"].iter().any(|name| one["$ref"] == format!("#/components/parameters/{name}"))
        });
        assert_eq!(named.count(), in_path, "{method} {path}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 100);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            references.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}

#[tokio::test]
async fn it_is_served_as_it_is_printed() {
    let bridge = TestBridge::start().await;
    assert_eq!(bridge.anonymous("GET", "/openapi.json").send().await.json(), document());
}

/// Read the difference before accepting it: this is what other programs are built against.
#[test]
fn the_document_changes_only_on_purpose() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&document()).unwrap());
}
