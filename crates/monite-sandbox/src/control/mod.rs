//! `/_sandbox`: faults, rate limit, clock, state, journal, quirks and reset, for people and tests. Not part of Monite.

mod answer;
mod limit;
mod snapshots;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::answer::{Refused, kept, read};
use crate::app::{Admin, App};
use crate::fault::FaultRule;

/// Requests shown when nothing else is asked.
const SHOWN: usize = 100;

/// Who is on the other side of the socket; missing without one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

pub(crate) fn router(app: &Arc<App>) -> Router<Arc<App>> {
    if app.admin == Admin::Nobody {
        return Router::new();
    }
    Router::new()
        .route("/_sandbox/faults", get(faults).put(put_faults).delete(delete_faults))
        .route("/_sandbox/rate-limit", get(limit::show).put(limit::change))
        .route("/_sandbox/clock", get(clock).post(advance))
        .route("/_sandbox/reset", post(reset))
        .route(
            "/_sandbox/dump",
            get(snapshots::dump).put(snapshots::load).layer(DefaultBodyLimit::max(snapshots::LARGEST_DUMP)),
        )
        .route("/_sandbox/snapshots", get(snapshots::list))
        .route("/_sandbox/snapshots/{name}", put(snapshots::take).post(snapshots::restore).delete(snapshots::forget))
        .route("/_sandbox/state", get(state))
        .route("/_sandbox/requests", get(requests))
        .route("/_sandbox/not-imitated", get(not_imitated))
        .route("/_sandbox/quirks", get(quirks).put(put_quirks))
        .route_layer(middleware::from_fn_with_state(app.clone(), only_from_here))
}

/// Lets only loopback clients through, unless everybody may. Calls without a socket come from the own process.
async fn only_from_here(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let is_near = request.extensions().get::<Peer>().is_none_or(|peer| peer.0.ip().to_canonical().is_loopback());
    if is_near || app.admin == Admin::Everybody {
        next.run(request).await
    } else {
        Refused::forbidden("the control routes answer loopback clients only").into_response()
    }
}

async fn faults(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({"rules": app.faults().rules()}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    rules: Vec<FaultRule>,
}

async fn put_faults(State(app): State<Arc<App>>, body: Bytes) -> Result<Json<Value>, Refused> {
    let Rules { rules } = read(&body)?;
    let mut faults = app.faults();
    faults.replace(rules).map_err(Refused::misread)?;
    Ok(Json(json!({"rules": faults.rules()})))
}

async fn delete_faults(State(app): State<Arc<App>>) -> Json<Value> {
    app.faults().clear();
    Json(json!({"rules": []}))
}

async fn clock(State(app): State<Arc<App>>) -> Json<Value> {
    Json(time(&app))
}

/// `now` in RFC 3339, the offset in seconds.
fn time(app: &App) -> Value {
    let micros = app.clock.offset_micros();
    let whole = micros % 1_000_000 == 0;
    let offset = if whole {
        json!(micros / 1_000_000)
    } else {
        json!(Duration::from_micros(micros.unsigned_abs()).as_secs_f64())
    };
    json!({"now": app.now(), "offset_seconds": offset})
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: f64,
}

async fn advance(State(app): State<Arc<App>>, body: Bytes) -> Result<Json<Value>, Refused> {
    let Advance { advance_seconds } = read(&body)?;
    let by = Duration::try_from_secs_f64(advance_seconds)
        .map_err(|_| Refused::misread("advance_seconds must not be negative: time only moves forward"))?;
    kept(app.advance(by)).await?;
    Ok(Json(time(&app)))
}

async fn reset(State(app): State<Arc<App>>) -> Result<StatusCode, Refused> {
    kept(app.reset()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn state(State(app): State<Arc<App>>) -> Json<Value> {
    Json(app.world().to_json())
}

#[derive(Deserialize)]
struct Shown {
    limit: Option<usize>,
}

async fn requests(State(app): State<Arc<App>>, Query(shown): Query<Shown>) -> Json<Value> {
    let journal = app.journal();
    let latest: Vec<_> = journal.entries().rev().take(shown.limit.unwrap_or(SHOWN)).collect();
    let counts: Map<String, Value> = journal.counts().map(|(call, count)| (call, json!(count))).collect();
    let by_status: Map<String, Value> = journal.by_status().map(|(status, count)| (status, json!(count))).collect();
    Json(json!({"total": journal.total(), "counts": counts, "by_status": by_status, "requests": latest}))
}

async fn quirks(State(app): State<Arc<App>>) -> Json<Value> {
    Json(app.world().quirks.to_json())
}

async fn not_imitated() -> Json<Value> {
    Json(crate::http::not_imitated::to_json())
}

async fn put_quirks(State(app): State<Arc<App>>, body: Bytes) -> Result<Json<Value>, Refused> {
    let document: Map<String, Value> = read(&body)?;
    let mut world = app.world_mut();
    world.quirks.apply(&document).map_err(Refused::misread)?;
    Ok(Json(world.quirks.to_json()))
}
