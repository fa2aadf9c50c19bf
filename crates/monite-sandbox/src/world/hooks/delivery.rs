//! Deliveries: what was tried to tell one subscription about one event.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::retry::wait_after;
use crate::world::stamp::Stamp;

/// One row per event and subscription. As long as an attempt is ahead, the row itself is the work to be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Delivery {
    pub(crate) id: Uuid,
    pub(crate) event_id: Uuid,
    pub(crate) subscription_id: Uuid,
    pub(crate) created_at: Stamp,
    pub(crate) updated_at: Stamp,
    /// Where the latest attempt went, or the next one will go.
    pub(crate) url: String,
    pub(crate) requests_made_count: u32,
    /// The beginning of the latest answer.
    pub(crate) response: Option<String>,
    pub(crate) response_status_code: Option<u16>,
    /// `None` while attempts are ahead.
    pub(crate) was_successful: Option<bool>,
    /// When the next attempt is due; `None` when it is over.
    pub(crate) next_attempt_at: Option<Stamp>,
    /// Why the latest attempt got no answer.
    pub(crate) failure: Option<String>,
}

/// What came of one request to a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attempt {
    Answered { status: u16, response: String, delivered: bool },
    Failed { why: String },
}

/// A delivery as Monite renders it.
#[derive(Debug, Serialize)]
pub(crate) struct DeliveryView<'a> {
    id: Uuid,
    event_id: Uuid,
    requests_made_count: u32,
    response: Option<&'a str>,
    response_status_code: Option<u16>,
    url: &'a str,
    was_successful: Option<bool>,
}

impl Delivery {
    pub(crate) fn view(&self) -> DeliveryView<'_> {
        DeliveryView {
            id: self.id,
            event_id: self.event_id,
            requests_made_count: self.requests_made_count,
            response: self.response.as_deref(),
            response_status_code: self.response_status_code,
            url: &self.url,
            was_successful: self.was_successful,
        }
    }

    /// Writes an attempt down and plans the next one, if one is called for. A delivery that was called off while its
    /// request was on the way stays over.
    pub(super) fn attempted(&mut self, attempt: Attempt, now: Stamp, scale: f64) {
        self.requests_made_count = self.requests_made_count.saturating_add(1);
        let delivered = match attempt {
            Attempt::Answered { status, response, delivered } => {
                (self.response, self.response_status_code, self.failure) = (Some(response), Some(status), None);
                delivered
            }
            Attempt::Failed { why } => {
                (self.response, self.response_status_code, self.failure) = (None, None, Some(why));
                false
            }
        };
        let was_called_off = self.next_attempt_at.is_none();
        let wait = if delivered || was_called_off { None } else { wait_after(self.requests_made_count, scale) };
        self.next_attempt_at = wait.map(|micros| now.plus_micros(micros));
        self.was_successful = if self.next_attempt_at.is_some() { None } else { Some(delivered) };
    }

    /// No further attempt.
    pub(super) fn call_off(&mut self) {
        if self.next_attempt_at.take().is_some() {
            self.was_successful = Some(false);
        }
    }
}
