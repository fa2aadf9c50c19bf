//! A product's webhook endpoint: remembers what it was sent and answers 200.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use monite::webhook::SIGNATURE_HEADER;
use tokio::task::AbortHandle;

/// Body and signature of one delivery, as they came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) body: Bytes,
    pub(crate) signature: String,
}

type Inbox = Arc<Mutex<Vec<Received>>>;

/// Listens on a free port until dropped.
pub(crate) struct Receiver {
    pub(crate) url: String,
    inbox: Inbox,
    server: AbortHandle,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let inbox = Inbox::default();
        let router = Router::new().fallback(take).with_state(inbox.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await }).abort_handle();
        Self { url, inbox, server }
    }

    /// What has come since the last time.
    pub(crate) fn take(&self) -> Vec<Received> {
        std::mem::take(&mut *self.inbox.lock().unwrap())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(State(inbox): State<Inbox>, headers: HeaderMap, body: Bytes) {
    let signature = headers[SIGNATURE_HEADER].to_str().unwrap().to_owned();
    inbox.lock().unwrap().push(Received { body, signature });
}
