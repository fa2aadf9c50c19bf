//! `/_sandbox`: faults, rate limit, clock, state, journal, quirks and reset, for people and tests. Not part of Monite.

mod answer;
mod faults;
mod guard;
mod journal;
mod limit;
mod page;
mod snapshots;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::middleware;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::answer::{Refused, kept, read};
use crate::app::{Admin, App};

/// Who is on the other side of the socket; missing without one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

pub(crate) fn router(app: &Arc<App>) -> Router<Arc<App>> {
    if app.admin == Admin::Nobody {
        return Router::new();
    }
    Router::new()
        .route("/_sandbox", get(page::html))
        .route("/_sandbox/", get(page::html))
        .route("/_sandbox/page.css", get(page::style))
        .route("/_sandbox/page.js", get(page::script))
        .route("/_sandbox/icon.svg", get(page::icon))
        .route("/_sandbox/overview", get(page::overview))
        .route("/_sandbox/faults", get(faults::list).put(faults::replace).post(faults::add).delete(faults::clear))
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
        .route("/_sandbox/requests", get(journal::requests))
        .route("/_sandbox/not-imitated", get(not_imitated))
        .route("/_sandbox/quirks", get(quirks).put(put_quirks))
        .route_layer(middleware::from_fn_with_state(app.clone(), guard::guard))
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
