//! State changes as they happen: who waits for an object, or caches something about it, hears of it here.
//!
//! An event says "look again at this one" and nothing else, so losing one (a slow listener) costs a look and no truth.

use tokio::sync::broadcast;

use crate::domain::ObjectId;

/// Events a listener may lag behind before it loses the oldest.
const BACKLOG: usize = 4096;

/// One object changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Which one.
    pub object: ObjectId,
}

/// The hub: cheap to clone, every clone is the same hub.
#[derive(Debug, Clone)]
pub struct Events(broadcast::Sender<Event>);

impl Default for Events {
    fn default() -> Self {
        Self(broadcast::channel(BACKLOG).0)
    }
}

impl Events {
    /// Tells everyone who listens; nobody listening is fine.
    pub fn publish(&self, event: Event) {
        // An error says that nobody listens.
        let _ = self.0.send(event);
    }

    /// Everything published from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Event> {
        self.0.subscribe()
    }
}
