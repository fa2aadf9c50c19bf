//! Every call says which operation of Monite it is, what it takes and what can go wrong, and shows itself at work.

use std::fs;
use std::path::{Path, PathBuf};

/// One public method and the lines of documentation above it.
struct Method {
    name: String,
    docs: String,
    fails: bool,
}

fn sources() -> Vec<PathBuf> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files: Vec<PathBuf> = fs::read_dir(src.join("api")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.push(src.join("token/cache.rs"));
    files
}

/// The methods that send something: those that are `async`, and streams.
fn methods(source: &str) -> Vec<Method> {
    let (mut docs, mut found) = (String::new(), Vec::new());
    for line in source.lines().map(str::trim) {
        if let Some(doc) = line.strip_prefix("///") {
            docs.push_str(doc.trim());
            docs.push('\n');
        } else if !line.starts_with("#[") {
            let fails = line.starts_with("pub async fn ");
            let name = line.strip_prefix("pub async fn ").or(line.strip_prefix("pub fn stream").map(|_| "stream("));
            if let Some(name) = name {
                let name = name.split('(').next().unwrap_or_default().to_owned();
                found.push(Method { name, docs: docs.clone(), fails });
            }
            docs.clear();
        }
    }
    found
}

/// `` `POST /roles` ``, with any method.
fn names_operation(docs: &str) -> bool {
    ["GET", "POST", "PATCH", "PUT", "DELETE"].iter().any(|method| docs.contains(&format!("`{method} /")))
}

#[test]
fn every_call_is_documented_and_its_example_runs() {
    let mut seen = 0;
    for path in sources() {
        for Method { name, docs, fails } in methods(&fs::read_to_string(&path).unwrap()) {
            let place = format!("{} in {}", name, path.display());
            assert!(names_operation(&docs), "{place} does not name Monite's operation");
            assert!(docs.contains("Permission: "), "{place} does not say which permission it takes");
            assert!(!fails || docs.contains("# Errors"), "{place} does not say how it fails");
            assert!(docs.contains("```\n# include!"), "{place} has no example");
            assert!(!docs.contains("no_run") && !docs.contains("ignore"), "the example of {place} does not run");
            seen += 1;
        }
    }
    assert!(seen > 40, "only {seen} calls found: did the folder move?");
}
