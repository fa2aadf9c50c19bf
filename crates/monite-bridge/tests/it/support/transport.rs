//! The sandbox in the same process as a transport.

use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use monite::{Transport, TransportError, TransportKind};
use monite_sandbox::Cut;
use tokio::sync::{Notify, watch};
use tower::ServiceExt as _;

/// The moment at which a process is to die: the call it is about to make, or has just had carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dies {
    /// The call never leaves.
    BeforeCall(u32),
    /// Monite carries the call out; the answer never arrives.
    AfterCall(u32),
    /// Monite carries out this call (method and path under `/v1`); the answer never arrives.
    AfterThe(&'static str),
    /// Not the whole process: this one call panics, once.
    Panics(u32),
    /// Nobody: but every list whose path and query contain this comes back empty, as from a proxy that answers out of an old cache.
    NotAndListsAreEmpty(&'static str),
    /// Monite carries the call out; its answer arrives when the process is thawed.
    Freezes(u32),
}

/// Makes a process stop dead at one of its calls: that call never comes back, whatever waits for it waits for ever.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fuse(Arc<Burning>);

#[derive(Debug, Default)]
struct Burning {
    dies: Mutex<Option<(Dies, u32)>>,
    dead: Notify,
    frozen: watch::Sender<bool>,
}

impl Fuse {
    /// From now on calls are counted, from 0.
    pub(crate) fn light(&self, dies: Dies) {
        *self.0.dies.lock().unwrap() = Some((dies, 0));
    }

    /// No call kills any more: a new process.
    pub(crate) fn put_out(&self) {
        *self.0.dies.lock().unwrap() = None;
    }

    /// Returns once the process is dead, or frozen.
    pub(crate) async fn burned(&self) {
        self.0.dead.notified().await;
    }

    /// Lets a frozen process go on.
    pub(crate) fn thaw(&self) {
        self.0.frozen.send_replace(false);
    }

    /// Returns once the process runs: at once, unless it is frozen.
    pub(super) async fn running(&self) {
        let mut frozen = self.0.frozen.subscribe();
        frozen.wait_for(|frozen| !frozen).await.unwrap();
    }

    fn next_call(&self, request: &http::Request<Bytes>) -> Option<Dies> {
        let mut dies = self.0.dies.lock().unwrap();
        let (dies, made) = dies.as_mut()?;
        *made += 1;
        Some(*dies).filter(|dies| match dies {
            Dies::BeforeCall(n) | Dies::AfterCall(n) => *made > *n,
            Dies::AfterThe(call) => call.split_once(" /").is_some_and(|(method, path)| {
                request.method() == method && request.uri().path() == format!("/v1/{path}")
            }),
            Dies::Panics(n) | Dies::Freezes(n) => *made == *n + 1,
            Dies::NotAndListsAreEmpty(part) => request.uri().to_string().contains(part),
        })
    }

    async fn die(&self) -> ! {
        self.0.dead.notify_one();
        std::future::pending().await
    }
}

/// Carries requests into a router without a socket. A response marked [`Cut`] never arrives.
pub(crate) struct InProcess {
    router: axum::Router,
    fuse: Fuse,
}

impl InProcess {
    pub(crate) fn new(router: axum::Router, fuse: Fuse) -> Self {
        Self { router, fuse }
    }
}

#[async_trait]
impl Transport for InProcess {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let end = self.fuse.next_call(&request);
        match end {
            Some(Dies::BeforeCall(_)) => self.fuse.die().await,
            Some(Dies::Panics(_)) => panic!("on demand"),
            Some(Dies::NotAndListsAreEmpty(_)) => {
                return Ok(http::Response::new(Bytes::from_static(br#"{"data":[]}"#)));
            }
            Some(Dies::AfterCall(_) | Dies::AfterThe(_) | Dies::Freezes(_)) | None => {}
        }
        let response = match self.router.clone().oneshot(request.map(Body::from)).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        match end {
            Some(Dies::Freezes(_)) => {
                self.fuse.0.frozen.send_replace(true);
                self.fuse.0.dead.notify_one();
                self.fuse.running().await;
            }
            Some(_) => self.fuse.die().await,
            None => {}
        }
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
