//! The listening side: accepts until told to stop, then finishes what is in hand, within a bound.

use std::time::Duration;

use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{App, router};

/// Requests in hand are given this long to finish after the stop; the whole process has 10 s.
const FINISH_WITHIN: Duration = Duration::from_secs(8);

/// Serves the API on `listener` until `app.stopping` is cancelled.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, app: App) -> std::io::Result<()> {
    let stopping = app.stopping.clone();
    let (broker, events) = (app.broker.clone(), app.events.clone());
    let follow = {
        let (broker, stopping) = (broker.clone(), stopping.clone());
        tokio::spawn(async move { broker.follow(&events, stopping).await })
    };
    let sessions = app.sessions.clone().map(|sessions| {
        let stopping = stopping.clone();
        tokio::spawn(async move { sessions.follow(stopping).await })
    });
    let listener = listener.tap_io(|socket| {
        // Small answers must not wait for more to send.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "cannot switch off Nagle's algorithm");
        }
    });
    let serving = axum::serve(listener, router(app)).with_graceful_shutdown(stopping.clone().cancelled_owned());
    let outcome = within_bound(&stopping, serving.into_future()).await;
    stopping.cancel();
    // They end with `stopping`.
    let _ = follow.await;
    if let Some(sessions) = sessions {
        let _ = sessions.await;
    }
    outcome
}

async fn within_bound(
    stopping: &CancellationToken, serving: impl Future<Output = std::io::Result<()>>,
) -> std::io::Result<()> {
    let too_late = async {
        stopping.cancelled().await;
        tokio::time::sleep(FINISH_WITHIN).await;
    };
    tokio::select! {
        biased;
        outcome = serving => outcome,
        () = too_late => {
            tracing::warn!("requests were cut off: they did not finish within {} s of the stop", FINISH_WITHIN.as_secs());
            Ok(())
        }
    }
}
