//! The sandbox in the same process as a transport.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use monite::{Transport, TransportError, TransportKind};
use monite_sandbox::Cut;
use tower::ServiceExt as _;

/// Carries requests into a router without a socket. A response marked [`Cut`] never arrives.
pub(super) struct InProcess(axum::Router);

impl InProcess {
    pub(super) fn new(router: axum::Router) -> Self {
        Self(router)
    }
}

#[async_trait]
impl Transport for InProcess {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let response = match self.0.clone().oneshot(request.map(Body::from)).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        if response.extensions().get::<Cut>().is_some() {
            let source = Arc::new(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
            return Err(TransportError { kind: TransportKind::Cut, source });
        }
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX)
            .await
            .map_err(|error| TransportError { kind: TransportKind::Cut, source: Arc::new(error) })?;
        Ok(http::Response::from_parts(head, body))
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InProcess")
    }
}
