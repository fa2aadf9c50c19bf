//! `GET /v1/stats`: counts by state, and what the last sweep saw.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::Shared;
use super::problem::Problem;
use crate::domain::SyncState;
use crate::reconcile::sweep;

pub(super) async fn stats(State(app): State<Shared>) -> Result<Json<Value>, Problem> {
    let stats = app.store.stats().await?;
    Ok(Json(json!({
        "customers": by_state(&stats.customers),
        "users": by_state(&stats.users),
        "stamps": {"linked": stats.linked, "stamped": stats.stamped},
        "next_due": stats.next_due,
        "last_sweep": sweep::last(app.store.as_ref()).await?,
    })))
}

/// Every state, those without any objects too: who reads it need not know them all.
fn by_state(counts: &BTreeMap<SyncState, u64>) -> Value {
    let all = SyncState::ALL.iter().map(|state| {
        let count = counts.get(state).copied().unwrap_or_default();
        (state.as_str().to_owned(), Value::from(count))
    });
    Value::Object(all.collect::<Map<_, _>>())
}
