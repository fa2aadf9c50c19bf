//! Answers that do not arrive: connections cut before the head, or in the middle of the body.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::stream;
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, StatusCode};

/// A response extension saying that the connection must be cut instead of sending the response. Whoever drives the
/// router without a socket turns it into a transport error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut;

/// A response that must never be sent.
pub(crate) fn cut() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.extensions_mut().insert(Cut);
    response
}

/// The first half of a body; the other one never leaves.
#[derive(Debug, Clone)]
pub(crate) struct Half {
    bytes: Bytes,
    whole: usize,
}

/// What a reader without a socket meets where the body breaks off.
#[derive(Debug, thiserror::Error)]
#[error("the connection was cut in the middle of the body")]
struct BrokeOff;

impl Half {
    pub(crate) fn of(body: &[u8]) -> Self {
        Self { bytes: Bytes::copy_from_slice(&body[..body.len() / 2]), whole: body.len() }
    }

    /// Promises the whole body and holds half of it, then an error. The half also stays with the response, for
    /// [`Half::before_the_cut`].
    pub(crate) fn instead_of(self, mut response: Response) -> Response {
        if self.whole > 0 {
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(self.whole));
            *response.body_mut() = Body::from_stream(stream::iter([Ok(self.bytes.clone()), Err(BrokeOff)]));
            response.extensions_mut().insert(self);
        }
        response
    }

    /// A body for a socket: the half, and once that is handed over, the sign that the line may be cut as soon as
    /// everything has left. (A body error would make the server drop what is still in its buffer.)
    pub(crate) fn before_the_cut(self, cut: Arc<AtomicBool>) -> Body {
        let mut half = Some(self.bytes);
        Body::from_stream(stream::poll_fn(move |_| match half.take() {
            Some(half) => Poll::Ready(Some(Ok::<_, Infallible>(half))),
            None => {
                cut.store(true, Ordering::Relaxed);
                // Nobody wakes this: the flush that comes next ends the connection.
                Poll::Pending
            }
        }))
    }
}
