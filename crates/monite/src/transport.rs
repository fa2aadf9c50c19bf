//! Request in, response out. The only file that names reqwest.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use crate::error::{Cause, Error};

/// Carries one request to Monite and one answer back: a socket, or a server in the same process.
#[async_trait]
pub trait Transport: Send + Sync + fmt::Debug {
    /// Sends one request, once. Redirects are answers, not orders.
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError>;
}

/// No answer arrived.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{kind}")]
pub struct TransportError {
    /// How far the request came.
    pub kind: TransportKind,
    /// What was seen.
    #[source]
    pub source: Cause,
}

/// How far a request without an answer came. `Connect` and `Held` mean that Monite cannot have seen it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransportKind {
    /// No connection: nothing was sent.
    Connect,
    /// Sent, perhaps in part; no answer in time.
    Timeout,
    /// The connection broke before the answer was complete.
    Cut,
    /// A [`crate::Gate`] held it back: nothing was sent.
    Held,
    /// Anything else.
    Other,
}

impl TransportKind {
    /// Monite cannot have seen the request.
    pub fn was_not_sent(self) -> bool {
        matches!(self, Self::Connect | Self::Held)
    }
}

impl fmt::Display for TransportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "could not connect",
            Self::Timeout => "no answer in time",
            Self::Cut => "the connection was cut before the answer",
            Self::Held => "it was not sent",
            Self::Other => "the transport failed",
        })
    }
}

/// Longest answer read. A page of 100 roles with full matrices is under 1 MiB.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// How long to wait for a TCP and TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// HTTP over sockets, with pooled connections.
#[derive(Clone, Debug)]
pub struct ReqwestTransport {
    http: reqwest::Client,
}

impl ReqwestTransport {
    /// `request_timeout` covers everything from the connection to the last byte of the answer.
    ///
    /// # Errors
    /// When no TLS stack can be set up.
    pub fn new(request_timeout: Duration) -> Result<Self, Error> {
        Self::build(reqwest::Client::builder(), request_timeout)
    }

    /// The same without any proxy from the environment: for a server on this machine.
    ///
    /// # Errors
    /// As [`ReqwestTransport::new`].
    pub fn local(request_timeout: Duration) -> Result<Self, Error> {
        Self::build(reqwest::Client::builder().no_proxy(), request_timeout)
    }

    fn build(builder: reqwest::ClientBuilder, request_timeout: Duration) -> Result<Self, Error> {
        let http = builder
            .connect_timeout(CONNECT_TIMEOUT.min(request_timeout))
            .timeout(request_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("monite-rust/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Error::invalid(format!("cannot set up HTTP: {error}")))?;
        Ok(Self { http })
    }
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let request = reqwest::Request::try_from(request).map_err(failed)?;
        let mut answer = self.http.execute(request).await.map_err(failed)?;
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(too_long());
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = http::Response::new(body.freeze());
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}

fn failed(error: reqwest::Error) -> TransportError {
    let kind = if error.is_connect() {
        TransportKind::Connect
    } else if error.is_timeout() {
        TransportKind::Timeout
    } else if error.is_request() || error.is_body() || error.is_decode() {
        TransportKind::Cut
    } else {
        TransportKind::Other
    };
    // The URL holds no secret, but it is the caller's business, not the error's.
    TransportError { kind, source: std::sync::Arc::new(error.without_url()) }
}

fn too_long() -> TransportError {
    let source = std::io::Error::other(format!("the answer is longer than {MAX_ANSWER_BYTES} bytes"));
    TransportError { kind: TransportKind::Other, source: std::sync::Arc::new(source) }
}
