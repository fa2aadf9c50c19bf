//! The threat model names tests, and each of them exists; and what can be seen in the source is tested here.

use std::path::Path;

const PAGE: &str = include_str!("../../../../docs/threat-model.md");

/// All Rust below this directory, build output left out.
fn sources(directory: &Path, all: &mut String) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            sources(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_test_that_is_named_exists() {
    let mut all = String::new();
    sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")), &mut all);
    let words = PAGE.split('`').skip(1).step_by(2);
    // Names of tests are sentences; configuration keys and routes are not.
    let named: Vec<&str> = words.filter(|word| word.matches('_').count() > 2 && !word.contains('.')).collect();
    assert!(named.len() > 20, "{named:?}");
    let missing: Vec<&&str> = named.iter().filter(|name| !all.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "docs/threat-model.md names tests that are not there: {missing:?}");
}

/// So nothing that anybody sends can become a command, and a unit may forbid it.
#[test]
fn no_other_program_is_ever_started() {
    for library in ["monite", "monite-bridge", "monite-sandbox"] {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(library).join("src");
        let mut all = String::new();
        sources(&source, &mut all);
        assert!(all.len() > 10_000, "{} was not read", source.display());
        for way in ["process::Command", "Command::new", "fork(", "execv"] {
            assert!(!all.contains(way), "{library} has `{way}`");
        }
    }
}
