use std::path::Path;

use super::*;
use crate::config::{Config, EnvVars};

/// What a `[session]` becomes, or what is wrong with it.
fn read(text: &str) -> Result<SessionConfig, String> {
    let file = format!("[session]\n{text}");
    let config = Config::from_text(Some((Path::new("f"), &file)), &EnvVars::default());
    config.map(|config| config.session).map_err(|error| {
        let lines: Vec<String> = error.problems().iter().map(ToString::to_string).collect();
        lines.join("\n")
    })
}

/// Issuer, keys, audience, claims.
fn shown(text: &str) -> String {
    let config = read(text).unwrap();
    format!(
        "{} {} {:?} {}/{}",
        config.issuer.as_deref().unwrap_or("-"),
        config.jwks_url.as_deref().unwrap_or("-"),
        config.audience,
        config.customer_claim,
        config.user_claim
    )
}

#[test]
fn a_preset_fills_in_what_is_known_of_its_issuer() {
    for (text, expected) in [
        (
            "preset = 'clerk'\nissuer = 'https://clerk.example.com/'",
            "https://clerk.example.com https://clerk.example.com/.well-known/jwks.json [] o.id/sub",
        ),
        (
            "preset = 'auth0'\nissuer = 'https://acme.eu.auth0.com'\naudience = 'https://api.acme.example'",
            "https://acme.eu.auth0.com/ https://acme.eu.auth0.com/.well-known/jwks.json [\"https://api.acme.example\"] org_id/sub",
        ),
        (
            "preset = 'workos'\njwks_url = 'https://api.workos.com/sso/jwks/client_1'\nissuer = 'https://api.workos.com/'",
            "https://api.workos.com/ https://api.workos.com/sso/jwks/client_1 [] org_id/sub",
        ),
        (
            "preset = 'supabase'\nissuer = 'https://p.supabase.co/auth/v1'",
            "https://p.supabase.co/auth/v1 https://p.supabase.co/auth/v1/.well-known/jwks.json [\"authenticated\"] app_metadata.org_id/sub",
        ),
        (
            "preset = 'keycloak'\nissuer = 'https://id.example.com/realms/acme'",
            "https://id.example.com/realms/acme https://id.example.com/realms/acme/protocol/openid-connect/certs [] organization/sub",
        ),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn what_is_configured_wins_over_the_preset() {
    let text = "preset = 'supabase'\nissuer = 'https://p.supabase.co/auth/v1'\naudience = ['mine']\ncustomer_claim = 'org'\n\
                user_claim = 'email'\njwks_url = 'https://keys.example.com/'";
    assert_eq!(shown(text), "https://p.supabase.co/auth/v1 https://keys.example.com/ [\"mine\"] org/email");
    // Older projects of Supabase sign with a shared secret.
    let shared = read("preset = 'supabase'\nhs256_secret_env = 'S'").unwrap();
    assert_eq!((shared.jwks_url, shared.hs256_secret_env.as_deref()), (None, Some("S")));
    assert_eq!(read("preset = 'clerk'\njwks_file = 'keys.json'").unwrap().jwks_url, None);
}

#[test]
fn what_a_preset_needs_is_asked_for() {
    for (text, expected) in [
        (
            "preset = 'clerk'",
            "session.preset: the keys are found at the issuer: set session.issuer, such as \"https://clerk.example.com\" (in f)",
        ),
        (
            "preset = 'workos'\nissuer = 'https://api.workos.com'",
            "session.preset: with \"workos\" the keys have an address for each client id: set session.jwks_url = \"https://api.workos.com/sso/jwks/CLIENT_ID\" (in f)",
        ),
        (
            "preset = 'keycloak'\nissuer = 'id.example.com'",
            "session.issuer: must be an address such as \"https://login.example.com/realms/REALM\" (in f)",
        ),
        (
            "preset = 'clerk'\nissuer = 'http://clerk.example.com'",
            "session.issuer: must be an address such as \"https://clerk.example.com\" (in f)",
        ),
        (
            "preset = 'auth0'\nissuer = 'https://acme.auth0.com/'",
            "session.preset: with \"auth0\" set session.audience to the identifier of your API: without it every token of the tenant would do (in f)",
        ),
        (
            "preset = 'supabase'\nissuer = 'https://p.supabase.co/auth/v1'\ncustomer_claim = 'user_metadata.org'",
            "session.customer_claim: users can write user_metadata themselves; take a claim that only your backend writes, such as app_metadata.org_id (in f)",
        ),
        (
            "preset = 'okta'",
            "session.preset: \"okta\" is not known; accepted: \"clerk\", \"auth0\", \"workos\", \"supabase\", \"keycloak\" (in f)",
        ),
        (
            "jwks_url = 'https://a.example/'\nhs256_secret_env = 'S'",
            "session.jwks_url: jwks_url, jwks_file and hs256_secret_env each say how sessions are signed; keep one of them (in f)",
        ),
    ] {
        assert_eq!(read(text).unwrap_err(), expected, "{text}");
    }
}

#[test]
fn issuers_are_asked_where_nobody_on_the_way_can_answer_for_them() {
    for good in
        ["https://id.example.com/keys?v=1", "http://127.0.0.1:8080/keys", "http://localhost/keys", "http://[::1]/keys"]
    {
        assert!(read(&format!("jwks_url = '{good}'")).is_ok(), "{good}");
    }
    let expected = "must be an https address (http only on this machine) without fragment or password (in f)";
    for bad in [
        "http://id.example.com/keys",
        "http://localhost.example.com/keys",
        "http://0.0.0.0/keys",
        "https://ana:hunter2@id.example.com/keys",
        "https://id.example.com/keys#a",
        "file:///etc/passwd",
        "id.example.com/keys",
    ] {
        for key in ["jwks_url", "introspection_url"] {
            let text = format!("{key} = '{bad}'\nintrospection_client_id = 'c'");
            let problems = read(&text).unwrap_err();
            assert!(problems.contains(&format!("session.{key}: {expected}")), "{bad}: {problems}");
            assert!(!problems.contains("hunter2"), "{problems}");
        }
    }
}

#[test]
fn introspection_needs_an_address_and_a_client() {
    let found = |text: &str| read(text).map(|config| config.introspection);
    let expected = |url: &str, seconds| {
        let remember = Duration::from_secs(seconds);
        Ok(Some(IntrospectionConfig { url: url.to_owned(), client_id: "c".to_owned(), remember }))
    };
    assert_eq!(found(""), Ok(None));
    let both = "introspection_url = 'https://id.example.com/i'\nintrospection_client_id = 'c'";
    assert_eq!(found(both), expected("https://id.example.com/i", 30));
    assert_eq!(found(&format!("{both}\nintrospection_remember = '2m'")), expected("https://id.example.com/i", 120));
    assert_eq!(found(&format!("{both}\nintrospection_remember = 0")), expected("https://id.example.com/i", 0));
    let keycloak = "preset = 'keycloak'\nissuer = 'https://id.example.com/realms/acme'";
    assert_eq!(found(keycloak), Ok(None));
    let known = "https://id.example.com/realms/acme/protocol/openid-connect/token/introspect";
    assert_eq!(found(&format!("{keycloak}\nintrospection_client_id = 'c'")), expected(known, 30));
    for (text, problem) in [
        (
            "introspection_url = 'https://id.example.com/i'",
            "session.introspection_url: says where to ask, but not who; set session.introspection_client_id (in f)",
        ),
        (
            "introspection_client_id = 'c'",
            "session.introspection_client_id: says who asks, but not where; set session.introspection_url (in f)",
        ),
        (
            "introspection_secret = 'hunter2'",
            "session.introspection_secret: secrets never go into the configuration; set the environment variable MONITE_BRIDGE_INTROSPECTION_SECRET (in f)",
        ),
        (
            "introspection_remember = '6m'",
            "session.introspection_remember: must be a length of time from 0s to 5m: seconds as a number, or \"30s\", \"5m\", \"1h\" (in f)",
        ),
    ] {
        assert_eq!(found(text), Err(problem.to_owned()), "{text}");
    }
}

#[test]
fn sessions_that_anybody_could_bring_are_noted() {
    for (text, expected) in [
        ("jwks_url = 'https://id.example.com/'", 1),
        ("jwks_url = 'https://id.example.com/'\naudience = 'a'", 0),
        ("preset = 'clerk'\nissuer = 'https://clerk.example.com'", 1),
        ("preset = 'clerk'\nissuer = 'https://clerk.example.com'\nauthorized_parties = 'https://a.example.com'", 0),
        ("preset = 'clerk'\nissuer = 'https://clerk.example.com'\naudience = 'a'", 0),
        ("preset = 'keycloak'\nissuer = 'https://id.example.com/realms/acme'", 1),
        ("hs256_secret_env = 'S'", 0),
    ] {
        let config = Config { session: read(text).unwrap(), ..Config::default() };
        assert_eq!(config.notes().len(), expected, "{text}");
    }
}
