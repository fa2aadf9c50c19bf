//! The client against Monite's OpenAPI document: no operation is left out.

use std::collections::{BTreeMap, BTreeSet};

use monite::CallRecord;
use serde_json::Value;

use super::walk;
use crate::support::{Document, world};

/// The template that a path was made from: the one with the most words in common, for `/entity_users/me` is also
/// an `/entity_users/{id}` by shape.
fn template<'a>(operations: &'a BTreeMap<(String, String), &Value>, call: &CallRecord) -> Option<&'a str> {
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
    let Some(document) = Document::load() else { return };
    let operations = document.operations();
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
    let left_out: Vec<_> = operations.keys().filter(|operation| !methods.contains_key(operation)).collect();
    assert!(left_out.is_empty(), "no method of the client has succeeded with {left_out:?}");
    for (operation, names) in &methods {
        let by = names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        println!(
            "{:55} {:50} {by}",
            format!("{} {}", operation.0, operation.1),
            operations[operation]["operationId"].as_str().unwrap()
        );
        assert_eq!(names.len(), 1, "{operation:?} has several names in errors and logs");
    }
    let distinct: BTreeSet<_> = methods.values().flatten().collect();
    assert_eq!(distinct.len(), operations.len(), "two operations share a name");
}
