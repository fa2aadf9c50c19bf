//! What tests look at and pull on beside the API.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use sqlx::Connection as _;
use tower::ServiceExt as _;

use super::clocks::AdvancingClock;
use super::{Answer, Place, TestBridge};

impl TestBridge {
    /// What Monite answers to a GET with a token that was handed out.
    pub(crate) async fn ask_monite(&self, path: &str, token: &Value) -> Value {
        assert!(token["access_token"].is_string(), "no token to ask with: {token}");
        let request = http::Request::get(path)
            .header("authorization", format!("Bearer {}", token["access_token"].as_str().unwrap()))
            .header("x-monite-version", monite::API_VERSION)
            .header("x-monite-entity-id", token["entity_id"].as_str().unwrap())
            .body(axum::body::Body::empty());
        let response = self.sandbox.router().oneshot(request.unwrap()).await;
        Answer::read(response.unwrap_or_else(|never| match never {})).await.json()
    }

    /// Whether Monite still takes a token that was handed out.
    pub(crate) async fn is_alive(&self, token: &Value) -> bool {
        self.ask_monite("/v1/entity_users/me", token).await["id"] == token["entity_user_id"]
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// The time of everything, for somebody whose waits move it.
    pub(crate) fn hasty_clock(&self) -> Arc<dyn monite::Clock> {
        Arc::new(AdvancingClock(self.clock.clone()))
    }

    /// Gives tasks in the background their turns: early refreshes, followers of events.
    pub(crate) async fn let_background_work_run(&self) {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    /// Takes a table away under the running bridge on SQLite: every query that needs it fails from now on.
    pub(crate) async fn lose_table(&self, table: &str) {
        lose_table_in(&self.place, table).await;
    }
}

/// The same for a database that is not a test bridge's.
pub(crate) async fn lose_table_in(place: &Place, table: &str) {
    let mut connection = sqlx::SqliteConnection::connect(&place.url()).await.unwrap();
    let sql = format!("ALTER TABLE {table} RENAME TO lost_{table}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
