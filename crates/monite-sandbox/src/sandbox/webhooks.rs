//! Webhooks by the Rust handle: what is on record, waiting for them, and delivering them by hand.

use std::time::Duration;

use serde_json::Value;

use super::Sandbox;
use crate::world::hooks::{Attempt, Letter};
use crate::world::stamp::Stamp;

/// How long [`Sandbox::deliver_webhooks`] waits: three receivers that do not answer, one after the other.
const PATIENCE: Duration = Duration::from_secs(30);

/// Webhooks that were due are still on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("webhooks that are due are not delivered; {pending} deliveries are still pending")]
pub struct StillDelivering {
    /// Deliveries that are neither delivered nor given up, due or not.
    pub pending: usize,
}

/// A webhook that is due, for a sandbox whose webhooks are delivered by hand.
#[derive(Debug)]
pub struct Webhook {
    letter: Letter,
    /// Which world it belongs to.
    epoch: u64,
}

impl Webhook {
    /// Where it is to be sent by `POST`, with `Content-Type: application/json`.
    pub fn url(&self) -> &str {
        &self.letter.url
    }

    /// The value of the header `Monite-Signature`.
    pub fn signature(&self) -> &str {
        &self.letter.signature
    }

    /// The body, byte for byte as it was signed.
    pub fn body(&self) -> &[u8] {
        &self.letter.body
    }
}

impl Sandbox {
    /// All webhook subscriptions, oldest first, without their secrets.
    pub fn webhook_subscriptions(&self) -> Vec<Value> {
        self.app.world().subscriptions_json()
    }

    /// Everything that was recorded because an enabled subscription wanted it, oldest first.
    pub fn events(&self) -> Vec<Value> {
        self.app.world().events_json()
    }

    /// All webhook deliveries, oldest first. Beside what Monite shows each says `webhook_subscription_id`,
    /// `next_attempt_at` (null when it is over) and `failure` (why the latest attempt got no answer).
    pub fn deliveries(&self) -> Vec<Value> {
        self.app.world().deliveries_json()
    }

    /// Waits until every webhook that is due by now has been tried. What failed is due again later:
    /// [`Sandbox::advance`] makes it so.
    ///
    /// # Errors
    ///
    /// When receivers take longer than 30 seconds altogether, or when webhooks are due that are delivered by hand.
    pub async fn deliver_webhooks(&self) -> Result<(), StillDelivering> {
        let settled = tokio::time::timeout(PATIENCE, self.app.courier.settle(&self.app)).await;
        if settled == Ok(true) { Ok(()) } else { Err(self.still_delivering()) }
    }

    fn still_delivering(&self) -> StillDelivering {
        let pending = self.deliveries().iter().filter(|row| row["was_successful"].is_null()).count();
        StillDelivering { pending }
    }

    /// For each subscription the webhook that has been due longest, in the order they became due. Takes nothing away:
    /// call [`Sandbox::webhook_answered`] for each. For
    /// [`Builder::webhooks_by_hand`](crate::Builder::webhooks_by_hand).
    pub fn due_webhooks(&self) -> Vec<Webhook> {
        let nobody = std::collections::HashSet::new();
        let errands = self.app.world().due_errands(&nobody, Stamp::from(self.app.now()));
        let letters = errands.iter().filter_map(|errand| self.app.letter(errand.delivery));
        letters.map(|(letter, epoch)| Webhook { letter, epoch }).collect()
    }

    /// Says what a receiver answered; `None`: nothing. Plans the next attempt if there has to be one.
    pub fn webhook_answered(&self, webhook: &Webhook, answer: Option<(u16, &str)>) {
        let attempt = match answer {
            Some((status, response)) => webhook.letter.answered(status, response.as_bytes()),
            None => Attempt::Failed { why: "no answer".to_owned() },
        };
        self.app.attempted(&webhook.letter, attempt, webhook.epoch);
    }
}
