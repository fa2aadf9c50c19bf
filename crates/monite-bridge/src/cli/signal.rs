//! SIGTERM and Ctrl-C: ask the process to stop in good order.

use tokio_util::sync::CancellationToken;

/// What a shell reports for a process that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Cancelled at the first SIGTERM or SIGINT; the second one ends the process as if nobody had listened. Listens from the
/// moment it returns.
pub(super) fn stop_requested() -> CancellationToken {
    let stop = CancellationToken::new();
    let (cancel, mut signals) = (stop.clone(), Signals::new());
    tokio::spawn(async move {
        signals.next().await;
        cancel.cancel();
        signals.next().await;
        std::process::exit(INTERRUPTED);
    });
    stop
}

#[cfg(unix)]
struct Signals(Vec<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        // A signal that cannot be listened to ends the process by itself, as it always did.
        Self(
            [SignalKind::terminate(), SignalKind::interrupt()]
                .into_iter()
                .filter_map(|kind| signal(kind).ok())
                .collect(),
        )
    }

    async fn next(&mut self) {
        if self.0.is_empty() {
            return std::future::pending().await;
        }
        let waiting = self.0.iter_mut().map(|signal| Box::pin(signal.recv()));
        futures::future::select_all(waiting).await;
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Self {
        Self
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            // Nobody can be listened to; the signal itself ends the process.
            std::future::pending().await
        }
    }
}
