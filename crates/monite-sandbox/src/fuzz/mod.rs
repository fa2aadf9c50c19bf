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
mod tests {
    use super::*;

    /// Holds for checkouts of the whole workspace; the corpus is no part of the published crate.
    #[test]
    fn nothing_in_the_corpus_breaks_a_promise() {
        let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
        let mut broken = Vec::new();
        for (name, target) in TARGETS {
            let binary = corpus.join(format!("../fuzz_targets/{name}.rs"));
            assert!(binary.exists(), "no fuzz target for {name}");
            let files = std::fs::read_dir(corpus.join(name));
            let files = files.unwrap_or_else(|error| panic!("no corpus for {name}: {error}"));
            let files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
            assert!(!files.is_empty(), "the corpus of {name} is empty");
            for file in files {
                let input = std::fs::read(&file).unwrap();
                if std::panic::catch_unwind(|| target(&input)).is_err() {
                    broken.push(file);
                }
            }
        }
        assert!(broken.is_empty(), "{broken:#?}");
    }

    /// Any bytes, and what was worth keeping with some bytes changed and the end cut off.
    #[test]
    fn nothing_random_breaks_a_promise() {
        use proptest::prelude::*;
        use proptest::sample::Index;
        use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
        // The same in every run; `CASES=100000` looks at more.
        let cases = std::env::var("CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(256);
        let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
        for (name, target) in TARGETS {
            let files = std::fs::read_dir(corpus.join(name)).unwrap();
            let kept: Vec<Vec<u8>> = files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
            let changes = prop::collection::vec((any::<Index>(), any::<u8>()), 0..8);
            let changed =
                (prop::sample::select(kept), changes, any::<Index>()).prop_map(|(mut input, changes, end)| {
                    let length = input.len();
                    if length > 0 {
                        changes.iter().for_each(|(at, byte)| input[at.index(length)] = *byte);
                        // Half of them stay whole.
                        input.truncate(end.index(2 * length) + 1);
                    }
                    input
                });
            let inputs = prop_oneof![prop::collection::vec(any::<u8>(), 0..600), changed];
            let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
            let config = Config { cases, failure_persistence: None, ..Config::default() };
            let outcome = TestRunner::new_with_rng(config, rng).run(&inputs, |input| {
                target(&input);
                Ok(())
            });
            outcome.unwrap_or_else(|broken| panic!("{name}: {broken}"));
        }
    }
}
