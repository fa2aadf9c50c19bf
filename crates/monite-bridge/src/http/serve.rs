//! The listening side: accepts until told to stop, then finishes what is in hand, within a bound.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use monite::Clock;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{Patience, Serving};
use super::connections::Full;
use super::peer::Peer;
use super::tls::Tls;
use super::{App, Door, router};

/// Requests in hand are given this long to finish after the stop; the whole process has 10 s.
const FINISH_WITHIN: Duration = Duration::from_secs(8);

/// When the system has no room for one more connection, some have to end first.
const NO_ROOM: Duration = Duration::from_millis(200);

/// Where connections come in.
#[derive(Debug)]
pub struct Entrance {
    listener: TcpListener,
    tls: Option<Tls>,
    patience: Patience,
}

impl From<TcpListener> for Entrance {
    fn from(listener: TcpListener) -> Self {
        Self { listener, tls: None, patience: Patience::default() }
    }
}

impl Entrance {
    /// With TLS of our own.
    #[must_use]
    pub fn with_tls(self, tls: Option<Tls>) -> Self {
        Self { tls, ..self }
    }

    /// With other bounds than the usual ones.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }
}

/// Serves the API until `app.stopping` is cancelled.
pub async fn serve(entrance: impl Into<Entrance>, app: App) {
    let Entrance { listener, tls, patience } = entrance.into();
    let (stopping, clock) = (app.stopping.clone(), Arc::clone(&app.clock));
    let (broker, events) = (app.broker.clone(), app.events.clone());
    let beside = TaskTracker::new();
    beside.spawn({
        let (broker, stopping) = (broker.clone(), stopping.clone());
        async move { broker.follow(&events, stopping).await }
    });
    if let Some(sessions) = app.sessions.clone() {
        let stopping = stopping.clone();
        beside.spawn(async move { sessions.follow(stopping).await });
    }
    if let Some(tls) = tls.clone() {
        let stopping = stopping.clone();
        let clock = Arc::clone(&clock);
        beside.spawn(async move { tls.follow(clock.as_ref(), &stopping).await });
    }
    let (door, audit) = (Arc::clone(&app.door), app.audit.clone());
    let serving = Serving { router: router(app), tls, patience, stopping: stopping.clone() };
    accept(listener, &door, clock.as_ref(), serving).await;
    stopping.cancel();
    beside.close();
    // They end with `stopping`.
    beside.wait().await;
    // Within the time that the caller gives everything.
    audit.flush().await;
}

async fn accept(listener: TcpListener, door: &Door, clock: &dyn Clock, serving: Serving) {
    let serving = Arc::new(serving);
    let (at_work, cut_off, complaints) = (TaskTracker::new(), CancellationToken::new(), Complaints::default());
    loop {
        let accepted = tokio::select! {
            biased;
            () = serving.stopping.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (socket, peer) = match accepted {
            Ok((socket, address)) => (socket, Peer(address.ip().to_canonical())),
            Err(error) => {
                not_accepted(&error).await;
                continue;
            }
        };
        let admitted = match door.connections.admit(peer.0, !door.proxies.has(peer.0)) {
            Ok(admitted) => admitted,
            Err(full) => {
                complaints.of(full, peer, clock.now());
                continue;
            }
        };
        let (serving, cut_off) = (Arc::clone(&serving), cut_off.clone());
        at_work.spawn(async move {
            send_at_once(&socket);
            cut_off.run_until_cancelled(serving.serve(socket, peer)).await;
            drop(admitted);
        });
    }
    drop(listener);
    at_work.close();
    if tokio::time::timeout(FINISH_WITHIN, at_work.wait()).await.is_err() {
        tracing::warn!("requests were cut off: they did not finish within {} s of the stop", FINISH_WITHIN.as_secs());
        cut_off.cancel();
        at_work.wait().await;
    }
}

/// Small answers must not wait for more to send.
fn send_at_once(socket: &TcpStream) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch off Nagle's algorithm");
    }
}

/// The other side may be gone already, which is nothing to us. Anything else is a lack of ours, mostly of open files.
async fn not_accepted(error: &std::io::Error) {
    if !matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset)
    {
        tracing::error!(error = error as &dyn std::error::Error, "a connection cannot be accepted");
        tokio::time::sleep(NO_ROOM).await;
    }
}

/// Says that there is no room, but not for each connection.
#[derive(Default)]
struct Complaints {
    next: AtomicI64,
}

impl Complaints {
    /// One line in so many seconds.
    const EVERY: i64 = 60;

    fn of(&self, full: Full, peer: Peer, now: Timestamp) {
        let now = now.as_second();
        if now < self.next.load(Ordering::Relaxed) {
            return;
        }
        self.next.store(now + Self::EVERY, Ordering::Relaxed);
        match full {
            Full::Everybody => {
                tracing::warn!("connections are refused: there are server.max_connections already");
            }
            Full::Address => tracing::warn!(
                address = %peer.0,
                "connections are refused: this address holds half of server.max_connections; a proxy belongs in server.trusted_proxies"
            ),
        }
    }
}
