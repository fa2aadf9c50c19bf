//! SIGTERM and Ctrl-C: ask the process to stop in good order.

use tokio_util::sync::CancellationToken;

/// Cancelled at the first SIGTERM or SIGINT; the second one ends the process as if nobody had listened.
pub(super) fn stop_requested() -> CancellationToken {
    let stop = CancellationToken::new();
    let cancel = stop.clone();
    tokio::spawn(async move {
        wait().await;
        cancel.cancel();
        wait().await;
        std::process::exit(130);
    });
    stop
}

#[cfg(unix)]
async fn wait() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = signal(SignalKind::terminate());
    let Ok(mut terminate) = terminate else {
        return interrupted().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        () = interrupted() => {}
    }
}

#[cfg(not(unix))]
async fn wait() {
    interrupted().await;
}

async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler the signal itself ends the process.
        std::future::pending::<()>().await;
    }
}
