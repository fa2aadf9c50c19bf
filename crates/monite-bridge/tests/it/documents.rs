//! Customers and users as documents: written, changed, read, deleted, and guarded against lost updates.

use serde_json::Value;

use crate::support::TestBridge;

#[tokio::test]
async fn a_customer_and_a_user_reach_monite() {
    let bridge = TestBridge::start().await;
    let created = bridge.put_customer("acme").await;
    assert_eq!((created.status, created.header("etag"), created.state()), (201, Some("\"1\""), "pending".to_owned()));
    bridge.put_user("acme", "ana", "admin").await;
    bridge.settle().await;

    let customer = bridge.get("/v1/customers/acme").await.json();
    assert_eq!(customer["id"], "acme");
    assert_eq!(customer["organization"]["legal_name"], "acme GmbH");
    assert_eq!(customer["sync"]["state"], "in_sync");
    assert_eq!(customer["sync"]["synced_generation"], 1);
    assert_eq!(customer["sync"]["last_error"], Value::Null);
    assert_eq!(customer["sync"]["entity_id"], bridge.sandbox.entities()[0]["id"]);
    assert_eq!(bridge.get("/v1/customers/acme/users/ana").await.state(), "in_sync");
    assert_eq!(bridge.logins("acme").await, ["ana"]);
}
