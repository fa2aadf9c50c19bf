//! `/_sandbox/rate-limit`: how many calls a second, counted how.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Refused, read};
use crate::app::App;
use crate::ratelimit::{RateAlgorithm, RateLimit};

pub(super) async fn show(State(app): State<Arc<App>>) -> Json<Value> {
    Json(shown(&app))
}

/// The limit in force, and how many calls it would let in now.
pub(super) fn shown(app: &App) -> Value {
    let mut meter = app.meter();
    let remaining = meter.quota(app.now()).map(|quota| quota.remaining);
    json!({"limit": meter.limit(), "algorithm": meter.algorithm(), "remaining": remaining})
}

/// What is left out stays as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    limit: Option<RateLimit>,
    algorithm: Option<RateAlgorithm>,
}

pub(super) async fn change(State(app): State<Arc<App>>, body: Bytes) -> Result<Json<Value>, Refused> {
    let Change { limit, algorithm } = read(&body)?;
    {
        let mut meter = app.meter();
        let (limit, algorithm) = (limit.unwrap_or(meter.limit()), algorithm.unwrap_or(meter.algorithm()));
        meter.change(limit, algorithm);
    }
    Ok(Json(shown(&app)))
}
