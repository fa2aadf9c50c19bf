//! `doctor`: finds what is wrong, and changes nothing.

use serde_json::Value;

use super::support::{Place, sandbox};

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
