//! Every row of the table changes what a client sees: each is flipped through all its options.

use serde_json::Value;

use super::lab::Lab;
use super::{entities, roles, tokens, webhooks};
use crate::support::builder;

/// What a client sees of one point. Every row needs a probe in one of these files.
async fn observe(name: &str, option: &str) -> Value {
    let lab = Lab::with(name, option).await;
    if let Some(seen) = tokens::observe(name, &lab).await {
        return seen;
    }
    if let Some(seen) = entities::observe(name, &lab).await {
        return seen;
    }
    if let Some(seen) = roles::observe(name, &lab).await {
        return seen;
    }
    if let Some(seen) = webhooks::observe(name, &lab).await {
        return seen;
    }
    panic!("nothing shows what the quirk {name} does: write a probe for it");
}

#[tokio::test]
async fn every_row_changes_an_answer() {
    let table = builder().in_process().await.unwrap().quirks();
    let rows = table.as_object().unwrap();
    assert!(rows.len() > 40);
    for (name, row) in rows {
        let mut seen: Vec<(&str, Value)> = Vec::new();
        for option in row["options"].as_array().unwrap() {
            let option = option.as_str().unwrap();
            let new = observe(name, option).await;
            for (other, old) in &seen {
                assert_ne!(&new, old, "{name}: {option} looks like {other}");
            }
            seen.push((option, new));
        }
        // Where the default is the status of a refusal, every option that is a status is what comes.
        let is_status = |option: &str| option.parse().is_ok_and(|status: u16| (200..500).contains(&status));
        if is_status(seen[0].0) {
            for (option, what) in seen.iter().filter(|(option, _)| is_status(option)) {
                assert_eq!(what.to_string(), *option, "{name}");
            }
        }
    }
}
