//! `/healthz`: the process lives. `/readyz`: it can do its work.

use axum::extract::State;

use super::Shared;
use super::problem::{Kind, Problem};

pub(super) async fn healthz() -> &'static str {
    "ok"
}

pub(super) async fn readyz(State(app): State<Shared>) -> Result<&'static str, Problem> {
    if app.stopping.is_cancelled() {
        return Err(Problem::new(Kind::ShuttingDown, "Send requests elsewhere.").retry_after(1));
    }
    app.store.ping().await?;
    Ok("ready")
}
