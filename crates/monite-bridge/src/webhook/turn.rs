//! One at a time sets subscriptions up or ends them, of all that work on one database.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::subscribe::SubscribeError;
use crate::store::{Store, StoreError};

/// The setting it is kept under.
const NAME: &str = "webhooks.turn";

/// Whoever takes longer is dead: a handful of calls, each with its retries.
const LASTS: Duration = Duration::from_secs(300);

#[derive(Debug, Serialize, Deserialize)]
struct Held {
    by: uuid::Uuid,
    until: Timestamp,
}

/// The right to call Monite about subscriptions.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    store: &'a dyn Store,
    text: String,
}

impl<'a> Turn<'a> {
    /// # Errors
    /// [`SubscribeError::Busy`] while somebody has it.
    pub(super) async fn take(store: &'a dyn Store, now: Timestamp) -> Result<Self, SubscribeError> {
        let was = store.setting(NAME).await?;
        let held = was.as_deref().and_then(|text| serde_json::from_str::<Held>(text).ok());
        // One that lasts longer than any comes from a clock that was wrong.
        if let Some(held) = held.filter(|held| now < held.until && held.until <= now + LASTS) {
            return Err(SubscribeError::Busy { until: held.until });
        }
        let held = Held { by: uuid::Uuid::new_v4(), until: now + LASTS };
        let text = serde_json::to_string(&held).expect("an id and a time have no failing serializer");
        match store.swap_setting(NAME, was.as_deref(), &text).await? {
            true => Ok(Self { store, text }),
            false => Err(SubscribeError::Busy { until: held.until }),
        }
    }

    /// Lets the next one in, unless somebody came because this one took too long.
    pub(super) async fn end(self) -> Result<(), StoreError> {
        self.store.swap_setting(NAME, Some(&self.text), "null").await.map(drop)
    }
}
