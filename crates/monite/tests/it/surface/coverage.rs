//! The client against Monite's OpenAPI document: no operation is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

use monite::CallRecord;
use serde_json::Value;

use super::walk;
use crate::support::world;

/// Where the document is, unless this variable says otherwise. It belongs to Monite and is not part of this project.
const PATH_VARIABLE: &str = "MONITE_OPENAPI";

fn document() -> Option<Value> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/monite-openapi-accounts.json");
    let path = std::env::var_os(PATH_VARIABLE).map_or(beside, PathBuf::from);
    let Ok(text) = std::fs::read_to_string(&path) else {
        // Past the capture of the test harness, so that a green run does not hide it.
        let mut terminal = std::io::stderr();
        writeln!(terminal, "SKIPPED: Monite's OpenAPI document is not at {}; set {PATH_VARIABLE}", path.display())
            .unwrap();
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

/// `(method, template)` to the name of the operation.
fn operations(document: &Value) -> BTreeMap<(String, String), String> {
    let mut operations = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap().to_owned();
            operations.insert((method.to_uppercase(), path.clone()), name);
        }
    }
    operations
}

/// The template that a path was made from: the one with the most words in common, for `/entity_users/me` is also
/// an `/entity_users/{id}` by shape.
fn template<'a>(operations: &'a BTreeMap<(String, String), String>, call: &CallRecord) -> Option<&'a str> {
    let words: Vec<&str> = call.path.split('/').collect();
    let fit = |template: &str| {
        let steps: Vec<&str> = template.split('/').collect();
        let same = |(step, word): (&&str, &&str)| step == word || step.starts_with('{');
        let fits = steps.len() == words.len() && steps.iter().zip(&words).all(same);
        fits.then(|| steps.iter().filter(|step| !step.starts_with('{')).count())
    };
    let of_method = operations.keys().filter(|(method, _)| *method == call.method);
    let fitting = of_method.filter_map(|(_, template)| fit(template).map(|words| (words, template.as_str())));
    fitting.max().map(|(_, template)| template)
}

#[tokio::test]
async fn every_operation_of_the_document_is_a_method_that_works() {
    let Some(document) = document() else { return };
    let operations = operations(&document);
    let world = world().await;
    let mut calls = walk(&world).await;
    // Tokens are shared by many calls, so they are in nobody's log; the server has seen them.
    for (operation, path) in [("auth.token", "/auth/token"), ("auth.revoke", "/auth/revoke")] {
        assert!(world.sandbox.calls(&format!("POST {path}")) > 0, "{path}");
        calls.push(CallRecord {
            operation: operation.to_owned(),
            path: path.to_owned(),
            method: "POST".to_owned(),
            status: Some(200),
            ..calls[0].clone()
        });
    }
    let mut methods: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for call in calls {
        let template = template(&operations, &call).unwrap_or_else(|| panic!("not in the document: {call:?}"));
        let operation = (call.method.clone(), template.to_owned());
        if call.status.is_some_and(|status| (200..300).contains(&status)) {
            methods.entry(operation).or_default().insert(call.operation);
        }
    }
    let left_out: Vec<_> = operations.iter().filter(|(operation, _)| !methods.contains_key(operation)).collect();
    assert!(left_out.is_empty(), "no method of the client has succeeded with {left_out:?}");
    for (operation, names) in &methods {
        let by = names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        println!("{:55} {:50} {by}", format!("{} {}", operation.0, operation.1), operations[operation]);
        assert_eq!(names.len(), 1, "{operation:?} has several names in errors and logs");
    }
    let distinct: BTreeSet<_> = methods.values().flatten().collect();
    assert_eq!(distinct.len(), operations.len(), "two operations share a name");
}
