//! What the targets of every crate are run over in its ordinary tests: the corpus, and random bytes. Each crate includes this file in its
//! tests; it is no part of what is published.

use std::path::PathBuf;

/// A target's name, and what takes its input and panics where a promise is broken.
type Target = (&'static str, fn(&[u8]));

/// The inputs worth keeping of a target.
fn corpus(name: &str) -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let files = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("no corpus for {name}: {error}"));
    let files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    assert!(!files.is_empty(), "the corpus of {name} is empty");
    files
}

/// Every input worth keeping; and each target can be built for a fuzzer.
pub(super) fn of_the_corpus(targets: &[Target]) {
    let mut broken = Vec::new();
    for (name, target) in targets {
        let binary = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../fuzz/fuzz_targets/{name}.rs"));
        assert!(binary.exists(), "no fuzz target for {name}");
        for file in corpus(name) {
            let input = std::fs::read(&file).unwrap();
            if std::panic::catch_unwind(|| target(&input)).is_err() {
                broken.push(file);
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Any bytes, and what was worth keeping with some bytes changed and the end cut off. The same in every run; `CASES=100000` looks at more.
pub(super) fn at_random(targets: &[Target]) {
    use proptest::prelude::*;
    use proptest::sample::Index;
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
    let cases = std::env::var("CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(256);
    for (name, target) in targets {
        let kept: Vec<Vec<u8>> = corpus(name).into_iter().map(|file| std::fs::read(file).unwrap()).collect();
        let changes = prop::collection::vec((any::<Index>(), any::<u8>()), 0..8);
        let changed = (prop::sample::select(kept), changes, any::<Index>()).prop_map(|(mut input, changes, end)| {
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
