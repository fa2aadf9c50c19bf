use std::time::Duration;

use insta::assert_snapshot;

use super::*;

fn load(text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let env = env.iter().copied().collect();
    Config::from_text(Some((Path::new("monite-bridge.toml"), text)), &env)
}

fn problems(text: &str, env: &[(&str, &str)]) -> String {
    let error = load(text, env).unwrap_err();
    let lines: Vec<String> = error.problems().iter().map(Problem::to_string).collect();
    lines.join("\n")
}

#[test]
fn the_template_says_what_happens_without_it() {
    assert_eq!(load(TEMPLATE, &[]).unwrap(), Config::default());
    assert_eq!(load("", &[]).unwrap(), Config::default());
}

#[test]
fn every_example_in_the_template_works_and_does_something() {
    let is_example = |line: &str| line.starts_with('#') && !line.starts_with("# ") && line.len() > 1;
    let lines: Vec<&str> = TEMPLATE.lines().collect();
    // Examples that touch each other belong together; one such block is tried at a time.
    let mut examples = 0;
    for start in 0..lines.len() {
        if !is_example(lines[start]) || (start > 0 && is_example(lines[start - 1])) {
            continue;
        }
        let block = lines[start..].iter().take_while(|line| is_example(line)).count();
        let text: Vec<&str> = lines
            .iter()
            .enumerate()
            .map(|(i, line)| if (start..start + block).contains(&i) { &line[1..] } else { line })
            .collect();
        let config = load(&text.join("\n"), &[]).unwrap_or_else(|e| panic!("{}: {e}", lines[start]));
        assert_ne!(config, Config::default(), "{}", lines[start]);
        examples += 1;
    }
    assert!(examples >= 4, "only {examples} examples found");
}

#[test]
fn file_and_environment_together() {
    let config = load(
        r#"
        [monite]
        base_url = "http://127.0.0.1:8700/v1/"
        rate_limit = 10
        [server]
        cors_origins = ["https://app.example.com/", "http://localhost:3000"]
        [session]
        audience = "my-app"
        leeway = 45
        [sync]
        sweep_interval = "1h 30m"
        sweep_share = 0.25
        drift = "report"
        on_user_delete = "keep"
        "#,
        &[
            ("MONITE_BRIDGE__MONITE__RATE_LIMIT", "12"),
            ("MONITE_BRIDGE__SERVER__LISTEN", "0.0.0.0:80"),
            ("MONITE_BRIDGE__SYNC__WORKERS", "3"),
            ("MONITE_BRIDGE__SESSION__HS256_SECRET_ENV", "SESSION_SECRET"),
        ],
    )
    .unwrap();
    assert_eq!(config.monite.target, MoniteTarget::BaseUrl("http://127.0.0.1:8700/v1".to_owned()));
    assert_eq!(config.monite.rate_limit, 12);
    assert_eq!(config.server.listen.to_string(), "0.0.0.0:80");
    assert_eq!(config.server.cors_origins, ["https://app.example.com", "http://localhost:3000"]);
    assert_eq!(config.session.audience, ["my-app"]);
    assert_eq!(config.session.leeway, Duration::from_secs(45));
    assert_eq!(config.session.hs256_secret_env.as_deref(), Some("SESSION_SECRET"));
    assert_eq!(config.sync.workers, 3);
    assert_eq!(config.sync.sweep_interval, Some(Duration::from_secs(5400)));
    assert_eq!(config.sync.on_user_delete, OnUserDelete::Keep);
    assert_eq!(config.sync.sweep_share, 0.25);
    assert_eq!(config.sync.drift, Drift::Report);
}

#[test]
fn lists_fit_into_a_variable() {
    let table = [
        ("https://a.example", vec!["https://a.example"]),
        ("https://a.example, https://b.example:8443", vec!["https://a.example", "https://b.example:8443"]),
        ("*", vec!["*"]),
        ("[\"https://a.example\"]", vec!["https://a.example"]),
    ];
    for (value, expected) in table {
        let config = load("", &[("MONITE_BRIDGE__SERVER__CORS_ORIGINS", value)]).unwrap();
        assert_eq!(config.server.cors_origins, expected, "{value}");
    }
}

#[test]
fn all_problems_are_reported_at_once_with_their_origin_and_what_to_do() {
    let error = load(
        r#"
        colour = "blue"
        [monite]
        environment = "sandbx"
        api_version = "latest"
        [server]
        listn = "127.0.0.1:80"
        tls_cert = "cert.pem"
        cors_origins = ["https://app.example.com/page", "app.example.com"]
        [database]
        url = "postgres://bridge:hunter2@db/bridge?sslmode=hunter2"
        [session]
        hs256_secret = "hunter2"
        jwks_url = "https://login.example.com/jwks"
        [sync]
        workers = 0
        drift = "repair"
        sweep_share = 0
        on_customer_delete = "erase"
        sweep_interval = "soon"
        "#,
        &[("MONITE_BRIDGE__MONITE__RATE_LIMIT", "many"), ("MONITE_BRIDGE__MONITE__CLIENT_SECRET", "hunter2")],
    )
    .unwrap_err();
    let text = error.to_string();
    assert!(!text.contains("hunter2"), "a secret in: {text}");
    assert_snapshot!(text);
}

#[test]
fn single_mistakes_are_named_one_by_one() {
    let table = [
        (
            "[monite]\nenvironment = \"sandbox\"\nbase_url = \"http://x/v1\"",
            "monite.base_url: environment and base_url both say where Monite is; keep one of them (in monite-bridge.toml)",
        ),
        (
            "[monite]\nbase_url = \"ftp://x\"",
            "monite.base_url: must be an http or https address such as \"http://127.0.0.1:8700/v1\", without query, fragment or password (in monite-bridge.toml)",
        ),
        (
            "[monite]\nrate_limit = -1",
            "monite.rate_limit: must be a whole number from 1 to 100000 (in monite-bridge.toml)",
        ),
        ("[monite]\napi_version = 20240525", "monite.api_version: must be a text in quotes (in monite-bridge.toml)"),
        (
            "[database]\nurl = \"\"",
            "database.url: is empty; leave the key out to get the default (in monite-bridge.toml)",
        ),
        (
            "[session]\nleeway = \"1h\"",
            "session.leeway: must be a length of time from 0s to 5m: seconds as a number, or \"30s\", \"5m\", \"1h\" (in monite-bridge.toml)",
        ),
        (
            "[session]\nuser_claim = \"org_id\"",
            "session.user_claim: customer_claim and user_claim must be two different claims (in monite-bridge.toml)",
        ),
        (
            "[session]\nhs256_secret_env = \"pa$$word\"",
            "session.hs256_secret_env: must be the name of an environment variable, such as \"SESSION_SECRET\", not the secret itself (in monite-bridge.toml)",
        ),
        ("sync = 3", "sync: is a section: write [sync] and its keys below (in monite-bridge.toml)"),
    ];
    for (text, expected) in table {
        assert_eq!(problems(text, &[]), expected, "{text}");
    }
}

#[test]
fn a_broken_file_names_the_place_but_does_not_quote_the_line() {
    let error = load("[monite]\nclient_secret = hunter2\n", &[]).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("line 2, column 17"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_file_somebody_named_must_be_there() {
    let directory = tempfile::tempdir().unwrap();
    let missing = ConfigPath::Explicit(directory.path().join("nowhere.toml"));
    let error = Config::load(&missing, &EnvVars::default()).unwrap_err();
    assert!(matches!(error, ConfigError::Missing { .. }));
    assert!(error.to_string().contains("monite-bridge init"), "{error}");

    let present = directory.path().join("here.toml");
    std::fs::write(&present, "[monite]\nrate_limit = 7\n").unwrap();
    let config = Config::load(&ConfigPath::Explicit(present), &EnvVars::default()).unwrap();
    assert_eq!(config.monite.rate_limit, 7);

    let unreadable = ConfigPath::Explicit(directory.path().to_owned());
    let error = Config::load(&unreadable, &EnvVars::default()).unwrap_err();
    assert!(matches!(error, ConfigError::Unreadable { .. }));
}

#[test]
fn what_has_no_effect_or_is_unwise_is_noted() {
    let table = [
        ("", 0),
        ("[monite]\nbase_url = \"http://localhost:8700/v1\"", 0),
        ("[monite]\nbase_url = \"https://proxy.example.com/v1\"", 0),
        ("[monite]\nbase_url = \"http://sandbox:8700/v1\"", 1),
        ("[session]\nissuer = \"x\"", 1),
        ("[session]\nissuer = \"x\"\nhs256_secret_env = \"S\"", 0),
        ("[sync]\nsweep_interval = 60", 0),
    ];
    for (text, expected) in table {
        assert_eq!(load(text, &[]).unwrap().notes().len(), expected, "{text}");
    }
}

fn roles(text: &str) -> RoleTemplates {
    load(text, &[]).unwrap().roles
}

#[test]
fn roles_are_presets_under_any_name_or_tables_of_ones_own() {
    use ::monite::{Action, ObjectType, Permission, Permissions};
    assert_eq!(roles(""), RoleTemplates::presets());
    assert_eq!(roles("[roles]"), RoleTemplates::presets());
    let configured = roles(
        r#"
        [roles.boss]
        preset = "admin"
        everywhere = true
        [roles."Accounts Payable"]
        permissions = { payable = ["read", "create"], comment = { update = "allowed_for_own", delete = "not_allowed" } }
        "#,
    );
    let names: Vec<&str> = configured.names().map(|name| name.as_str()).collect();
    assert_eq!(names, ["Accounts Payable", "boss"]);
    let [own, boss] = configured.iter().collect::<Vec<_>>().try_into().unwrap();
    assert!(boss.everywhere && !own.everywhere);
    assert_eq!(boss.permissions, crate::domain::role::Preset::Admin.permissions());
    let mut expected = Permissions::new();
    for action in [Action::Read, Action::Create] {
        expected.set(ObjectType::Payable, action, Permission::Allowed).unwrap();
    }
    expected.set(ObjectType::Comment, Action::Update, Permission::AllowedForOwn).unwrap();
    assert_eq!(own.permissions, expected);
}

#[test]
fn a_role_can_come_from_the_environment() {
    let config = load("", &[("MONITE_BRIDGE__ROLES__BOSS__PRESET", "admin")]).unwrap();
    assert_eq!(config.roles.names().map(|name| name.as_str()).collect::<Vec<_>>(), ["boss"]);
}

#[test]
fn every_mistake_in_a_role_is_named() {
    let text = r#"
        [roles.both]
        preset = "admin"
        permissions = {}
        [roles.deep]
        permissions = { payabel = ["read"], payable = ["read", "aprove", 7], tag = ["pay"], comment = { read = "yes" }, role = "all", spaceship = [] }
        [roles.neither]
        everywhere = "always"
        [roles.typo]
        preset = "amdin"
        [roles.unknown]
        preset = "viewer"
        colour = "blue"
        [roles."Führung"]
        preset = "admin"
        [roles]
        flat = "admin"
    "#;
    assert_snapshot!(load(text, &[]).unwrap_err().to_string());
    assert_eq!(
        problems("roles = 3", &[]),
        "roles: holds one section per role: write [roles.NAME] and its keys below (in monite-bridge.toml)"
    );
}
