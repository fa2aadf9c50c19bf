//! The page at `/_sandbox` for people, and the one document it is fed with. Everything is in the binary; the page asks
//! nobody else for anything.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};

use super::{limit, snapshots, time};
use crate::app::App;

/// Rows of each kind that the page shows.
const LATEST: usize = 10;

pub(super) async fn html() -> Response {
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], include_str!("page/page.html")).into_response()
}

pub(super) async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("page/page.css")).into_response()
}

pub(super) async fn script() -> Response {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("page/page.js")).into_response()
}

pub(super) async fn icon() -> Response {
    ([(CONTENT_TYPE, "image/svg+xml")], include_str!("page/icon.svg")).into_response()
}

/// What the page shows, apart from quirks and the journal. No secret is in it.
pub(super) async fn overview(State(app): State<Arc<App>>) -> Json<Value> {
    let (counts, latest) = {
        let world = app.world();
        (world.counts(), world.latest(LATEST))
    };
    let by_status: Map<String, Value> =
        app.journal().by_status().map(|(status, count)| (status, json!(count))).collect();
    let total = app.journal().total();
    Json(json!({
        "clock": time(&app),
        "rate_limit": limit::shown(&app),
        "counts": counts,
        "latest": latest,
        "requests": {"total": total, "by_status": by_status},
        "faults": app.faults().rules(),
        "snapshots": snapshots::shown(&app)["snapshots"],
    }))
}
