//! Entry points for fuzzing: each takes any bytes and panics when a promise is broken. `fuzz/` runs them by the
//! million; the tests at the end run them over the inputs that were found worth keeping.

mod bodies;
mod documents;
mod queries;
mod request;

/// Panics when a promise is broken.
type Target = fn(&[u8]);

/// Every target by the name it has under `fuzz/`.
const TARGETS: &[(&str, Target)] = &[
    ("token_body", bodies::token),
    ("revoke_body", bodies::revoke),
    ("entity_create", bodies::entity_create),
    ("entity_patch", bodies::entity_patch),
    ("role_create", bodies::role_create),
    ("role_patch", bodies::role_patch),
    ("entity_user_create", bodies::entity_user_create),
    ("entity_user_patch", bodies::entity_user_patch),
    ("metadata", bodies::metadata),
    ("entity_settings", bodies::entity_settings),
    ("partner_settings", bodies::partner_settings),
    ("webhook_create", bodies::webhook_create),
    ("webhook_patch", bodies::webhook_patch),
    ("entity_query", queries::entities),
    ("role_query", queries::roles),
    ("entity_user_query", queries::entity_users),
    ("webhook_queries", queries::webhooks),
    ("page_token", queries::page_token),
    ("headers", queries::headers),
    ("fault_rules", documents::fault_rules),
    ("quirks", documents::quirks),
    ("dump", documents::dump),
    ("request", request::serve),
];

/// Runs one target.
///
/// # Panics
///
/// When there is no such target, or when the target found a broken promise.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    let (_, target) = target.unwrap_or_else(|| panic!("no fuzz target is called {name}"));
    target(data);
}

#[cfg(test)]
#[path = "../../../../fuzz/inputs.rs"]
mod inputs;

/// They hold for checkouts of the whole workspace.
#[cfg(test)]
mod tests {
    use super::{TARGETS, inputs};

    #[test]
    fn nothing_in_the_corpus_breaks_a_promise() {
        inputs::of_the_corpus(TARGETS);
    }

    #[test]
    fn nothing_random_breaks_a_promise() {
        inputs::at_random(TARGETS);
    }
}
