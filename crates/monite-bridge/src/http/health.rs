//! `/healthz`: the process lives. `/readyz`: it can do its work. While Monite is down it can: writes are accepted and cached
//! tokens served; then it says so beside.

use axum::extract::State;

use super::Shared;
use super::problem::{Kind, Problem};

pub(super) async fn healthz() -> &'static str {
    "ok"
}

pub(super) async fn readyz(State(app): State<Shared>) -> Result<String, Problem> {
    if app.stopping.is_cancelled() {
        return Err(Problem::new(Kind::ShuttingDown, "Send requests elsewhere.").retry_after(1));
    }
    app.store.ping().await?;
    let outage = &app.reconciler.workshop().outage;
    Ok(outage.since().map_or("ready".to_owned(), |since| format!("ready; Monite does not answer since {since:.0}")))
}
