//! `/_sandbox/faults`: what goes wrong with which calls.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Refused, read};
use crate::app::App;
use crate::fault::FaultRule;

pub(super) async fn list(State(app): State<Arc<App>>) -> Json<Value> {
    Json(shown(&app))
}

fn shown(app: &App) -> Value {
    json!({"rules": app.faults().rules()})
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    rules: Vec<FaultRule>,
}

/// Replaces all rules, or none.
pub(super) async fn replace(State(app): State<Arc<App>>, body: Bytes) -> Result<Json<Value>, Refused> {
    let Rules { rules } = read(&body)?;
    app.faults().replace(rules).map_err(Refused::misread)?;
    Ok(Json(shown(&app)))
}

/// Adds one rule behind the others.
pub(super) async fn add(State(app): State<Arc<App>>, body: Bytes) -> Result<Json<Value>, Refused> {
    let rule: FaultRule = read(&body)?;
    app.faults().add_checked(rule).map_err(Refused::misread)?;
    Ok(Json(shown(&app)))
}

pub(super) async fn clear(State(app): State<Arc<App>>) -> Json<Value> {
    app.faults().clear();
    Json(shown(&app))
}
