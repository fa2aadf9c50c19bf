//! `/_sandbox/dump` and `/_sandbox/snapshots`: the whole world as a document, and worlds to come back to.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::answer::{Refused, kept};
use crate::app::App;
use crate::dump::DumpError;
use crate::snapshots::SnapshotError;

/// More than the dump of a million entities.
pub(super) const LARGEST_DUMP: usize = 2 * 1024 * 1024 * 1024;

pub(super) async fn dump(State(app): State<Arc<App>>) -> Response {
    ([(CONTENT_TYPE, "application/json")], app.dump()).into_response()
}

pub(super) async fn load(State(app): State<Arc<App>>, body: Bytes) -> Result<StatusCode, Refused> {
    let document = std::str::from_utf8(&body).map_err(Refused::misread)?;
    kept(app.load(document)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn list(State(app): State<Arc<App>>) -> Json<Value> {
    Json(shown(&app))
}

pub(super) fn shown(app: &App) -> Value {
    json!({"snapshots": app.snapshots().list().collect::<Vec<_>>()})
}

pub(super) async fn take(
    State(app): State<Arc<App>>, Path(name): Path<String>,
) -> Result<(StatusCode, Json<Value>), Refused> {
    let status = if app.take_snapshot(&name)? { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(shown(&app))))
}

pub(super) async fn restore(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<StatusCode, Refused> {
    let document = app.snapshots().document(&name)?;
    kept(app.load(&document)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn forget(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<StatusCode, Refused> {
    app.snapshots().forget(&name)?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<DumpError> for Refused {
    fn from(error: DumpError) -> Self {
        // The source says which row, and what is wrong with it.
        let mut message = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            message.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        Self::misread(message)
    }
}

impl From<SnapshotError> for Refused {
    fn from(error: SnapshotError) -> Self {
        let status = match error {
            SnapshotError::Unknown(_) => StatusCode::NOT_FOUND,
            SnapshotError::Full => StatusCode::CONFLICT,
            SnapshotError::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
            SnapshotError::Name => StatusCode::BAD_REQUEST,
        };
        Self { status, message: error.to_string() }
    }
}
