//! `GET /v1/events`: changes of state as they happen, as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use futures::Stream;
use futures::stream::unfold;
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::Shared;
use crate::domain::{ObjectId, SyncState};
use crate::events::Event;

/// A comment this often keeps proxies from cutting a quiet stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) async fn stream(State(app): State<Shared>) -> Sse<impl Stream<Item = Result<Sent, Infallible>>> {
    let listening = app.events.listen();
    let stream = unfold((app, listening), |(app, mut listening)| async move {
        let sent = next(&app, &mut listening).await?;
        Some((Ok(sent), (app, listening)))
    });
    Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

/// The next thing to tell; `None` ends the stream.
async fn next(app: &Shared, listening: &mut Receiver<Event>) -> Option<Sent> {
    loop {
        let event = tokio::select! {
            biased;
            () = app.stopping.cancelled() => return None,
            event = listening.recv() => event,
        };
        match event {
            Ok(event) => {
                if let Some(sent) = describe(app, &event.object).await {
                    return Some(sent);
                }
            }
            Err(RecvError::Lagged(lost)) => {
                return Some(Sent::default().event("lagged").data(json!({"lost": lost}).to_string()));
            }
            Err(RecvError::Closed) => return None,
        }
    }
}

/// An event says who changed; the store says what it is now.
async fn describe(app: &Shared, object: &ObjectId) -> Option<Sent> {
    let told = match object {
        ObjectId::Customer(customer) => {
            let state = app.store.customer(customer).await.ok()??.sync.state;
            json!({"customer": customer, "state": state})
        }
        ObjectId::User(customer, user) => {
            // A user whose deletion is through has no row any more.
            let state =
                app.store.user(customer, user).await.ok()?.map_or(SyncState::Deactivated, |user| user.sync.state);
            json!({"customer": customer, "user": user, "state": state})
        }
    };
    Some(Sent::default().event("state").data(told.to_string()))
}
