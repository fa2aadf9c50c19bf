//! What was called, what came back, and whether it is as the document says.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use super::document::{Document, Operation, say};
use crate::support::Answer;

/// Declared, and never to be seen: operation, status, reason.
const NEVER: &[(&str, u16, &str)] = &[
    ("get_entities", 406, "nothing says what triggers it; no Accept header is refused"),
    ("get_roles", 406, "nothing says what triggers it; no Accept header is refused"),
    ("get_entity_users", 406, "nothing says what triggers it; no Accept header is refused"),
];

pub struct Ledger {
    document: Document,
    /// Status to number of answers, by operation.
    seen: BTreeMap<String, BTreeMap<u16, u32>>,
    mistakes: Vec<String>,
}

impl Ledger {
    pub fn new(document: Document) -> Self {
        Self { document, seen: BTreeMap::new(), mistakes: Vec::new() }
    }

    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Enters an answer that should have this status.
    pub fn expect(&mut self, operation: &Operation, what: &str, status: u16, answer: &Answer) {
        *self.seen.entry(operation.id.clone()).or_default().entry(answer.status).or_default() += 1;
        let mut complain = |mistake: String| {
            self.mistakes
                .push(format!("{}, {what}: {mistake}; the answer: {} {}", operation.id, answer.status, answer.body));
        };
        if answer.status != status {
            complain(format!("expected {status}"));
        }
        if answer.header("x-request-id").is_none() || answer.header("access-control-allow-origin") != Some("*") {
            complain("it has no x-request-id or no access-control-allow-origin".to_owned());
        }
        let Some(schema) = schema(operation, answer.status) else {
            return complain("no envelope is known for this status".to_owned());
        };
        if schema.is_null() {
            if !answer.body.is_null() {
                complain("it should have no body".to_owned());
            }
            return;
        }
        if answer.header("content-type") != Some("application/json") {
            complain("it is not application/json".to_owned());
        }
        for mistake in self.document.mistakes(&schema, &answer.body) {
            complain(mistake);
        }
    }

    /// Prints the table, and fails when something is wrong, missing, or no longer an exception.
    pub fn close(mut self, operations: &[Operation]) {
        let mut table = format!("\n{:<52} {:>6}  statuses\n", "operation", "calls");
        let mut calls = 0;
        for operation in operations {
            let empty = BTreeMap::new();
            let seen = self.seen.get(&operation.id).unwrap_or(&empty);
            let sum: u32 = seen.values().sum();
            calls += sum;
            let statuses: Vec<String> = seen.keys().map(u16::to_string).collect();
            writeln!(table, "{:<52} {sum:>6}  {}", operation.id, statuses.join(" ")).unwrap();
            let missing = operation.declared().into_iter().filter(|status| !seen.contains_key(status));
            for status in missing {
                match NEVER.iter().find(|(id, never, _)| *id == operation.id && *never == status) {
                    Some((_, _, reason)) => writeln!(table, "{:<60} never {status}: {reason}", "").unwrap(),
                    None => {
                        self.mistakes.push(format!("{}: {status} is declared and was never provoked", operation.id))
                    }
                }
            }
        }
        self.check_exceptions(operations);
        let (covered, all) = (self.seen.len(), operations.len());
        let mistakes = self.mistakes.len();
        writeln!(table, "\n{covered} of {all} operations covered; {calls} answers, {mistakes} mistakes").unwrap();
        say(&table);
        assert!(self.mistakes.is_empty(), "\n{}\n", self.mistakes.join("\n"));
    }

    /// Exceptions must not outlive what they excuse.
    fn check_exceptions(&mut self, operations: &[Operation]) {
        for (id, status, _) in NEVER {
            let declared =
                operations.iter().any(|operation| operation.id == *id && operation.declared().contains(status));
            let seen = self.seen.get(*id).is_some_and(|seen| seen.contains_key(status));
            if seen || !declared {
                self.mistakes.push(format!("{id}: {status} need not be excused any more"));
            }
        }
    }
}

/// The declared schema; where nothing is declared, the envelope that Monite's documentation describes for the status.
fn schema(operation: &Operation, status: u16) -> Option<Value> {
    operation.response(status).or_else(|| match status {
        400 | 401 | 403 | 404 | 405 | 409 | 500 => Some(Document::named("ErrorSchemaResponse")),
        422 => Some(Document::named("HTTPValidationError")),
        // The gateway's `{"message": "..."}` is all that this schema asks for.
        413 | 429 => Some(Document::named("MessageResponse")),
        _ => None,
    })
}
