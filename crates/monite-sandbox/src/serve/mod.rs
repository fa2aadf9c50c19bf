//! The socket: accepts connections, and cuts those whose answer must get lost.

mod line;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use self::line::Line;
use crate::control::Peer;
use crate::http::cut::{Cut, Half};

/// How long open requests may take to finish after the server was told to stop.
const FAREWELL: Duration = Duration::from_secs(5);

/// How long to rest when accepting fails, which it does when the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop`, then lets requests in hand finish.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                connections.spawn(converse(stream, peer, router.clone(), stop.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(FAREWELL, connections.wait()).await.is_err() {
        tracing::warn!("stopped with requests still open");
    }
}

/// The connection is to be dropped without another byte.
#[derive(Debug, thiserror::Error)]
#[error("the connection was cut on demand")]
struct CutConnection;

async fn converse(stream: TcpStream, peer: SocketAddr, router: Router, stop: CancellationToken) {
    // Answers are small and waited for.
    let _ = stream.set_nodelay(true);
    let (line, cut) = Line::new(stream);
    let service = service_fn(move |request: Request<Incoming>| answer(request, peer, router.clone(), cut.clone()));
    let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(line), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %peer, "connection ended early");
    }
}

/// An error from here makes hyper drop the connection before it writes a head.
async fn answer(
    request: Request<Incoming>, peer: SocketAddr, router: Router, cut: Arc<AtomicBool>,
) -> Result<axum::response::Response, CutConnection> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(Peer(peer));
    let mut response = router.oneshot(request).await.unwrap_or_else(|never: Infallible| match never {});
    if let Some(half) = response.extensions_mut().remove::<Half>() {
        *response.body_mut() = half.before_the_cut(cut);
    }
    if response.extensions().get::<Cut>().is_some() { Err(CutConnection) } else { Ok(response) }
}
