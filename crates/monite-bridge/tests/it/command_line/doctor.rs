//! `doctor`: finds what is wrong, and changes nothing.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use monite_bridge::store::seal::MasterKey;
use serde_json::Value;

use super::support::{CLIENT_ID, CLIENT_SECRET, MASTER_KEY, Place, sandbox};
use crate::support::{Database, on_every_database};
use crate::tls::{Pair, pair, pair_until};

on_every_database! {
    ; on_threads:
    tables_of_another_version_are_told_and_left_alone,
}

const MASTER: &str = "MONITE_BRIDGE_MASTER_KEY";
const NEW_KEY: &str = "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";

/// What is said of the one check of this name.
fn told<'a>(report: &'a Value, name: &str) -> &'a str {
    let checks = report["checks"].as_array().unwrap().iter();
    let told: Vec<&str> =
        checks.filter(|check| check["name"] == name).map(|check| check["found"].as_str().unwrap()).collect();
    assert_eq!(told.len(), 1, "{report}");
    told[0]
}

fn doctor(place: &Place, code: i32) -> Value {
    place.run(&["doctor", "--json"]).code(code).json()
}

fn health<'a>(report: &'a Value, name: &str) -> Vec<&'a str> {
    let checks = report["checks"].as_array().unwrap().iter();
    checks.filter(|check| check["name"] == name).map(|check| check["health"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_bridge_is_called_so_and_what_is_wrong_is_named() {
    let sandbox = sandbox().await;
    let place = Place::against(&sandbox.base_url());
    let fresh = place.run(&["doctor", "--json"]).code(0).json();
    assert_eq!(health(&fresh, "database"), ["warning"], "{fresh}");
    assert!(!place.path("monite-bridge.db").exists(), "it creates nothing");

    place.run(&["status"]).code(0);
    let healthy = place.run(&["doctor", "--json"]).code(0).json();
    for name in ["configuration", "database", "master key", "API keys", "credentials", "Monite", "clock", "sessions"] {
        assert_eq!(health(&healthy, name), ["ok"], "{name}: {healthy}");
    }
    assert_eq!(sandbox.calls("POST /auth/revoke"), 1, "the token is worthless again");

    place.run(&["keys", "create", "--name", "billing", "--scopes", "read"]).code(0);
    let beside = place.run(&["doctor", "--json"]).code(0).json();
    assert_eq!(health(&beside, "API keys"), ["warning"], "the bootstrap key is still on: {beside}");

    sandbox.once("GET /entities", monite_sandbox::Fault::Status { status: 403, retry_after: None });
    let refused = place.run(&["doctor", "--json"]).code(1).json();
    assert_eq!(health(&refused, "Monite"), ["failed"], "{refused}");

    let nobody = place.without("MONITE_CLIENT_ID").without("MONITE_CLIENT_SECRET");
    let refused = nobody.run(&["doctor", "--json"]).code(1).json();
    assert_eq!(health(&refused, "credentials"), ["failed"], "{refused}");
    nobody.write(
        "monite-bridge.db",
        "this is no database, only a long enough text to be told from one by its first bytes",
    );
    let broken = nobody.run(&["doctor", "--json"]).code(1).json();
    assert_eq!(health(&broken, "database"), ["failed"], "{broken}");
    nobody.write("monite-bridge.toml", "[server]\nlisten_on = \"127.0.0.1:1\"\n");
    nobody.run(&["doctor"]).code(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_opens_nothing_or_should_not_seal_any_more_is_named() {
    let sandbox = sandbox().await;
    let place = Place::against(&sandbox.base_url()).without("MONITE_CLIENT_ID").without("MONITE_CLIENT_SECRET");
    let place = place.with(MASTER, MASTER_KEY);
    place.run_with(&["credentials", "set", "--client-id", CLIENT_ID], CLIENT_SECRET).code(0);
    assert_eq!(health(&doctor(&place, 0), "master key"), ["ok"]);
    let old = MasterKey::from_base64(MASTER_KEY).unwrap().id().to_string();

    let place = place.with(MASTER, NEW_KEY);
    let wrong = doctor(&place, 1);
    assert_eq!(health(&wrong, "master key"), ["failed"], "{wrong}");
    assert!(told(&wrong, "master key").contains(&format!("is sealed under key {old}")), "{wrong}");

    let place = place.with(MASTER, &format!("{NEW_KEY},{MASTER_KEY}"));
    let half = doctor(&place, 0);
    assert_eq!(health(&half, "master key"), ["warning"], "{half}");
    assert!(told(&half, "master key").contains(&old), "{half}");
    place.run(&["credentials", "rotate-key"]).code(0);
    assert_eq!(health(&doctor(&place, 0), "master key"), ["ok"]);

    let none = doctor(&place.without(MASTER), 1);
    assert_eq!(health(&none, "master key"), ["failed"], "{none}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_nobody_could_verify_are_named() {
    let sandbox = sandbox().await;
    let place = Place::against(&sandbox.base_url());
    place.run(&["status"]).code(0);
    let nobody = free_port();
    let place = place
        .with("MONITE_BRIDGE__SESSION__JWKS_URL", &format!("http://127.0.0.1:{nobody}/jwks.json"))
        .with("MONITE_BRIDGE__SESSION__ISSUER", "https://issuer.example.com")
        .with("MONITE_BRIDGE__SESSION__AUDIENCE", "bridge");
    let silent = doctor(&place, 1);
    assert_eq!(health(&silent, "sessions"), ["failed"], "{silent}");
    assert!(told(&silent, "sessions").contains("no key that can be used"), "{silent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_ended_is_named() {
    let sandbox = sandbox().await;
    let place = Place::against(&sandbox.base_url())
        .with("MONITE_BRIDGE__SERVER__TLS_CERT", "cert.pem")
        .with("MONITE_BRIDGE__SERVER__TLS_KEY", "key.pem");
    let write = |pair: Pair| {
        place.write("cert.pem", &pair.cert);
        place.write("key.pem", &pair.key);
    };
    write(pair());
    let fine = doctor(&place, 0);
    assert!(told(&fine, "certificate").contains("ends 2100-01-01"), "{fine}");
    write(pair_until(2020));
    let ended = doctor(&place, 1);
    assert_eq!(health(&ended, "certificate"), ["failed"], "{ended}");
    place.write("key.pem", "nothing");
    let broken = doctor(&place, 1);
    assert_eq!(health(&broken, "certificate"), ["failed"], "{broken}");
}

/// Monite says with every answer what time it is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_wrong_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = Place::against(&format!("http://{}/v1", listener.local_addr().unwrap()));
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut head = [0; 4096];
            let _ = connection.read(&mut head).unwrap();
            let answer = "HTTP/1.1 503 Service Unavailable\r\nDate: Wed, 01 Jan 2025 00:00:00 GMT\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            connection.write_all(answer.as_bytes()).unwrap();
        }
    });
    place.run(&["status"]).code(0);
    let wrong = doctor(&place, 1);
    assert_eq!(health(&wrong, "Monite"), ["failed"], "{wrong}");
    assert_eq!(health(&wrong, "clock"), ["failed"], "{wrong}");
    assert!(told(&wrong, "clock").contains("ahead of Monite's"), "{wrong}");
}

async fn tables_of_another_version_are_told_and_left_alone(on: Database) {
    let sandbox = sandbox().await;
    let database = crate::support::Place::create(on).await;
    let place = Place::against(&sandbox.base_url()).with("MONITE_BRIDGE__DATABASE__URL", &database.url());
    place.run(&["status"]).code(0);
    let fine = doctor(&place, 0);
    assert_eq!(health(&fine, "database"), ["ok"], "{fine}");
    database.run_sql("INSERT INTO _sqlx_migrations VALUES (99, 'tomorrow', CURRENT_TIMESTAMP, TRUE, '', 0)").await;
    let newer = doctor(&place, 1);
    assert_eq!(health(&newer, "database"), ["failed"], "{newer}");
    assert!(told(&newer, "database").contains("tables 99"), "{newer}");
    database.run_sql("DELETE FROM _sqlx_migrations WHERE version >= 9").await;
    let older = doctor(&place, 0);
    assert_eq!(health(&older, "database"), ["warning"], "{older}");
    assert!(told(&older, "database").contains("of version 8"), "it was not brought up: {older}");
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
