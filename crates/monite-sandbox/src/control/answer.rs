//! What control routes have in common: bodies read by hand, and refusals.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

use crate::storage::Commit;

/// Why a control route did nothing.
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

impl Refused {
    pub(super) fn misread(why: impl ToString) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: why.to_string() }
    }

    pub(super) fn forbidden(why: &str) -> Self {
        Self { status: StatusCode::FORBIDDEN, message: why.to_owned() }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.status, Json(json!({"error": {"message": self.message}}))).into_response()
    }
}

/// Reads a JSON body whatever its content type: these routes are called by hand.
pub(super) fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(Refused::misread)
}

/// Waits until a change is in the data file, if there is one.
pub(super) async fn kept(commit: Option<Commit>) -> Result<(), Refused> {
    let Some(commit) = commit else {
        return Ok(());
    };
    match commit.await {
        Ok(Ok(())) => Ok(()),
        _ => Err(Refused {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            message: "the data file could not be written".to_owned(),
        }),
    }
}
