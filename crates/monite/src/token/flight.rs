//! A mint on its way, for all who wait for it. They are told in the order in which they came, so that a run with a seed is the
//! same each time (the channels that could do this tell theirs in a random order).

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::slot::Landing;

/// One mint. Clones are the same one.
#[derive(Clone, Default)]
pub(super) struct Flight(Arc<Inner>);

#[derive(Default)]
struct Inner {
    end: Mutex<End>,
    bell: Notify,
}

#[derive(Clone, Default)]
enum End {
    #[default]
    OnItsWay,
    /// `None`: whoever minted is gone.
    Over(Option<Landing>),
}

impl Flight {
    /// It is over, like this.
    pub(super) fn end(&self, landing: Option<Landing>) {
        *self.0.end.lock().unwrap_or_else(PoisonError::into_inner) = End::Over(landing);
        self.0.bell.notify_waiters();
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.now(), End::Over(_))
    }

    /// How it ends; `None` when whoever minted is gone.
    pub(super) async fn landed(&self) -> Option<Landing> {
        // Listens before it looks, so that an end in between is heard.
        let bell = self.0.bell.notified();
        match self.now() {
            End::Over(landing) => return landing,
            End::OnItsWay => bell.await,
        }
        match self.now() {
            End::Over(landing) => landing,
            End::OnItsWay => None,
        }
    }

    fn now(&self) -> End {
        self.0.end.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
