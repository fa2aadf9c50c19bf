//! Every operation of Monite's OpenAPI document, in success and in failure; every answer is held against the
//! document's schema for its status.

mod bodies;
mod deliveries;
pub mod document;
mod failures;
mod generate;
mod ledger;
mod mutate;
mod oracle;
mod requests;
mod stage;

use self::document::{Document, Operation};
use self::ledger::Ledger;
use self::stage::Stage;
use crate::support::direct::Ask;

#[tokio::test]
async fn every_operation_answers_as_the_document_says() {
    let Some(document) = Document::load() else {
        return;
    };
    let operations = document.operations();
    let mut ledger = Ledger::new(document);
    for operation in &operations {
        successes(operation, &mut ledger).await;
        queries(operation, &mut ledger).await;
        failures::all(operation, &mut ledger).await;
    }
    ledger.close(&operations);
}

/// Each body, or the call alone, on a world of its own.
async fn successes(operation: &Operation, ledger: &mut Ledger) {
    let variants = bodies::good(operation, &Stage::new().await).len();
    for variant in 0..variants {
        let stage = Stage::new().await;
        let mut ask = stage.ask(operation);
        if let Some(body) = bodies::good(operation, &stage).swap_remove(variant) {
            ask = ask.json(&body);
        }
        let answer = stage.send(ask).await;
        ledger.expect(operation, "success", operation.success(), &answer);
        assert_eq!(
            answer.body.is_null(),
            operation.success() == 204,
            "{}: a body exactly where one is due",
            operation.id
        );
        let rows = answer.body["data"].as_array();
        assert!(rows.is_none_or(|rows| !rows.is_empty()), "{}: without rows nothing is said about them", operation.id);
    }
}

/// Each query parameter of the document alone, with a value that fits its schema and with one that does not.
async fn queries(operation: &Operation, ledger: &mut Ledger) {
    let stage = Stage::new().await;
    for (name, schema) in operation.parameters("query") {
        for (value, fits) in bodies::query_values(ledger.document(), name, schema, &stage) {
            let mut ask = stage.ask(operation);
            let query = url::form_urlencoded::Serializer::new(String::new()).append_pair(name, &value).finish();
            ask.path = format!("{}?{query}", ask.path);
            let answer = stage.send(ask).await;
            let expected = if fits { 200 } else { 422 };
            ledger.expect(operation, &format!("{name}={value}"), expected, &answer);
            if !fits {
                let wrong = answer.wrong_fields();
                assert!(
                    wrong.len() == 1 && wrong[0].starts_with(&format!("query.{name}")),
                    "{name}={value}: {wrong:?}"
                );
            }
        }
    }
}

/// The call with nothing but what it needs, without a body.
fn bare(operation: &Operation, path: &str) -> Ask {
    Ask::new(&format!("{} {path}", operation.method))
}
