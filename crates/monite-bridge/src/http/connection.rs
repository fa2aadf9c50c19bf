//! One connection: hands shaken, requests read within bounds, an end when nothing comes any more.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::peer::Peer;
use super::tls::{Tls, is_ordinary};

/// How long the other side may take. The defaults suit everybody; tests have less patience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// From the connection to the end of the handshake of TLS.
    pub handshake: Duration,
    /// From the first to the last byte of a request's head. HTTP/1.1 only: over HTTP/2 an unfinished head is no request, and `idle` counts.
    pub head: Duration,
    /// Without a request in hand.
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        // Two slow round trips of a telephone, several times over.
        let handshake = Duration::from_secs(10);
        // A head is one packet, or a few. Between requests it is as long as a browser is given to ask for the next.
        let (head, idle) = (Duration::from_secs(20), Duration::from_secs(60));
        Self { handshake, head, idle }
    }
}

/// The longest head of a request in bytes: the longest session (16 KiB), and as much again for all that browsers and proxies add.
const HEAD_BYTES: usize = 32 * 1024;

/// The most header lines of a request.
const HEADER_LINES: usize = 100;

/// Requests at once on one connection of HTTP/2.
const STREAMS: u32 = 64;

/// A connection that was told to end and does not is cut off.
const LINGER: Duration = Duration::from_secs(5);

/// What connections have in common.
pub(super) struct Serving {
    pub(super) router: Router,
    pub(super) tls: Option<Tls>,
    pub(super) patience: Patience,
    pub(super) stopping: CancellationToken,
}

impl Serving {
    /// Serves one connection to its end.
    pub(super) async fn serve(&self, socket: TcpStream, peer: Peer) {
        let Some(tls) = &self.tls else { return self.http1(socket, peer).await };
        let shaken = tokio::select! {
            biased;
            () = self.stopping.cancelled() => return,
            shaken = tokio::time::timeout(self.patience.handshake, tls.acceptor().accept(socket)) => shaken,
        };
        match shaken {
            Ok(Ok(socket)) if socket.get_ref().1.alpn_protocol() == Some(b"h2") => self.http2(socket, peer).await,
            Ok(Ok(socket)) => self.http1(socket, peer).await,
            Ok(Err(error)) if is_ordinary(&error) => tracing::debug!(%error, "a handshake of TLS failed"),
            Ok(Err(error)) => tracing::info!(%error, "a handshake of TLS failed"),
            Err(_) => tracing::debug!("a handshake of TLS did not end in time"),
        }
    }

    async fn http1(&self, socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: Peer) {
        let (activity, watching) = watch::channel(0);
        let router = self.router.clone();
        let service = service_fn(move |request| answer(router.clone(), activity.clone(), peer, request));
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(self.patience.head);
        builder.max_header_size(HEAD_BYTES).max_headers(HEADER_LINES);
        let connection = builder.serve_connection(TokioIo::new(socket), service);
        self.drive(connection, http1::Connection::graceful_shutdown, watching).await;
    }

    async fn http2(&self, socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: Peer) {
        let (activity, watching) = watch::channel(0);
        let router = self.router.clone();
        let service = service_fn(move |request| answer(router.clone(), activity.clone(), peer, request));
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new()).keep_alive_interval(self.patience.idle);
        builder.max_header_list_size(HEAD_BYTES as u32).max_concurrent_streams(STREAMS);
        let connection = builder.serve_connection(TokioIo::new(socket), service);
        self.drive(connection, http2::Connection::graceful_shutdown, watching).await;
    }

    /// Until the other side ends it, or nothing comes any more, or the process stops; in hand is finished first.
    async fn drive<C: Future<Output = Result<(), hyper::Error>>>(
        &self, connection: C, end: fn(Pin<&mut C>), watching: watch::Receiver<usize>,
    ) {
        let mut connection = pin!(connection);
        tokio::select! {
            biased;
            ended = connection.as_mut() => return note(ended),
            () = self.stopping.cancelled() => {
                end(connection.as_mut());
                // Bounded by the end of the whole server.
                return note(connection.await);
            }
            () = idle_for(self.patience.idle, watching) => {}
        }
        end(connection.as_mut());
        if let Ok(ended) = tokio::time::timeout(LINGER, connection).await {
            note(ended);
        }
    }
}

fn note(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection ended");
    }
}

/// Returns once nothing was in hand for so long.
async fn idle_for(patience: Duration, mut in_hand: watch::Receiver<usize>) {
    loop {
        if in_hand.wait_for(|count| *count == 0).await.is_err() {
            // Nobody can ask any more; the connection itself ends.
            return std::future::pending().await;
        }
        let again = in_hand.wait_for(|count| *count > 0);
        if tokio::time::timeout(patience, again).await.is_err() {
            return;
        }
    }
}

async fn answer(
    router: Router, activity: watch::Sender<usize>, peer: Peer, mut request: Request<Incoming>,
) -> Result<Response<Counted>, std::convert::Infallible> {
    let in_hand = InHand::begin(activity);
    request.extensions_mut().insert(peer);
    let answer = router.oneshot(request.map(Body::new)).await?;
    Ok(answer.map(|body| Counted { body, _in_hand: in_hand }))
}

/// A request that is not answered to its last byte.
struct InHand(watch::Sender<usize>);

impl InHand {
    fn begin(activity: watch::Sender<usize>) -> Self {
        activity.send_modify(|count| *count += 1);
        Self(activity)
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// The body of an answer, in hand until it ends.
struct Counted {
    body: Body,
    _in_hand: InHand,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
