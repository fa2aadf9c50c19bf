//! What cannot be used ends with 2 before anything is done, and says what to do next.

use serde_json::json;

use super::support::{CLIENT_ID, CLIENT_SECRET, MASTER_KEY, Place};

#[test]
fn wrong_arguments_end_with_2() {
    let place = Place::empty(&[]);
    let table: [&[&str]; 8] = [
        &[],
        &["keys"],
        &["why"],
        &["why", "a/b/c"],
        &["retry"],
        &["retry", "acme", "--all"],
        &["import"],
        &["demo", "--rate-limit", "0"],
    ];
    for args in table {
        let ran = place.run(args).code(2);
        assert!(ran.stdout.is_empty() && !ran.stderr.is_empty(), "{args:?}: {ran:#?}");
    }
    let error = place.run(&["--json", "import"]).code(2).error();
    assert!(error["message"].as_str().unwrap().contains("FILE"), "{error}");
    assert!(error["next"].as_str().unwrap().contains("--help"), "{error}");
}

#[test]
fn help_is_a_result() {
    let place = Place::empty(&[]);
    let ran = place.run(&["--help"]).code(0);
    for command in [
        "demo",
        "serve",
        "sandbox",
        "init",
        "credentials",
        "import",
        "plan",
        "sync",
        "status",
        "why",
        "retry",
        "token",
        "webhooks",
        "openapi",
    ] {
        assert!(ran.stdout.contains(&format!("\n  {command}")), "{command} is not in the help:\n{}", ran.stdout);
    }
}

#[test]
fn a_wrong_configuration_ends_with_2_and_names_the_key() {
    let place = Place::empty(&[("MONITE_BRIDGE__MONITE__RATE_LIMIT", "0")]);
    place.write("monite-bridge.toml", "[sync]\nworkers = \"many\"\n");
    for command in ["status", "serve", "sync", "plan"] {
        let ran = place.run(&[command]).code(2);
        assert!(ran.stderr.contains("monite.rate_limit") && ran.stderr.contains("sync.workers"), "{ran:#?}");
    }
    let error = place.run(&["status", "--json"]).code(2).error();
    let keys: Vec<&str> =
        error["problems"].as_array().unwrap().iter().map(|problem| problem["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["monite.rate_limit", "sync.workers"]);
    let ran = Place::empty(&[]).run(&["status", "--config", "elsewhere.toml"]).code(2);
    assert!(ran.stderr.contains("elsewhere.toml") && ran.stderr.contains("monite-bridge init"), "{ran:#?}");
    assert!(!place.path("monite-bridge.db").exists(), "nothing is to be done under a wrong configuration");
}

#[test]
fn without_credentials_what_needs_monite_does_not_start() {
    let place = Place::empty(&[("MONITE_BRIDGE__SERVER__LISTEN", "127.0.0.1:0")]);
    for args in [&["serve"][..], &["sync"], &["token", "acme", "ana"], &["credentials", "show"]] {
        let ran = place.run(args).code(2);
        assert!(ran.stderr.contains("MONITE_CLIENT_ID") && ran.stderr.contains("credentials set"), "{ran:#?}");
    }
}

#[test]
fn init_writes_a_file_that_loads_and_overwrites_none() {
    let place = Place::empty(&[]);
    let ran = place.run(&["init"]).code(0);
    assert!(ran.stdout.starts_with("wrote monite-bridge.toml\n"), "{ran:#?}");
    place.run(&["status"]).code(0);
    place.write("monite-bridge.toml", "# mine\n");
    let ran = place.run(&["init"]).code(2);
    assert!(ran.stderr.contains("--force"), "{ran:#?}");
    assert_eq!(std::fs::read_to_string(place.path("monite-bridge.toml")).unwrap(), "# mine\n");
    assert_eq!(place.run(&["init", "--force", "--json"]).code(0).json(), json!({"wrote": "monite-bridge.toml"}));
    assert!(std::fs::read_to_string(place.path("monite-bridge.toml")).unwrap().contains("[monite]"));
}

#[test]
fn a_secret_is_stored_under_a_master_key_or_not_at_all() {
    let set = ["credentials", "set", "--client-id", CLIENT_ID];
    let place = Place::empty(&[]);
    let ran = place.run_with(&set, CLIENT_SECRET).code(2);
    assert!(ran.stderr.contains("openssl rand -base64 32"), "{ran:#?}");
    assert!(!place.path("monite-bridge.db").exists());

    let place = Place::empty(&[("MONITE_BRIDGE_MASTER_KEY", MASTER_KEY)]);
    place.run_with(&["credentials", "set", "--client-id", "not-a-uuid"], CLIENT_SECRET).code(2);
    place.run_with(&set, "\n").code(2);
    place.run_with(&set, &format!("{CLIENT_SECRET}\n")).code(0);
    let shown = place.run(&["credentials", "show", "--json"]).code(0).json();
    assert_eq!((&shown["client_id"], &shown["source"]), (&json!(CLIENT_ID), &json!("database")));
    let place = place.without("MONITE_BRIDGE_MASTER_KEY");
    let ran = place.run(&["sync"]).code(2);
    assert!(ran.stderr.contains("MONITE_BRIDGE_MASTER_KEY_FILE"), "a stored secret and no key: {ran:#?}");
    for file in ["monite-bridge.db", "monite-bridge.db-wal"] {
        let bytes = std::fs::read(place.path(file)).unwrap_or_default();
        let found = bytes.windows(CLIENT_SECRET.len()).any(|window| window == CLIENT_SECRET.as_bytes());
        assert!(!found, "the secret stands in {file}");
    }
}

#[test]
fn openapi_prints_the_document() {
    let document = Place::empty(&[]).run(&["openapi"]).code(0).json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    assert!(document["paths"]["/v1/customers/{customer}"]["put"].is_object());
}
