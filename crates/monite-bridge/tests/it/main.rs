//! What the bridge promises, one file per promise.
// An unwrap in a helper is an assertion; clippy knows tests by their attribute only.
#![allow(missing_docs, clippy::unwrap_used)]

mod adopt;
mod api_key;
mod budget;
mod comings_and_goings;
mod command_line;
mod conditions;
mod cors;
mod documents;
mod drift;
mod drift_unsure;
mod equal;
mod export;
mod import;
mod issuers;
mod lag;
mod late;
mod never_twice;
mod openapi;
mod outage;
mod prefer_wait;
mod problems;
mod quirks;
mod replicas;
mod replicas_tokens;
mod reports;
mod serving;
mod sessions;
mod stamps;
mod support;
mod sweep;
mod tokens;
mod tokens_end;
mod webhooks;
