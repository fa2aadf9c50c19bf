//! What an operator wants to know of webhooks: whether any are subscribed to, and whether any come.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::{Store, StoreError};

/// The setting it is kept under.
const NAME: &str = "webhooks";

/// That one came is written down so often at most.
pub(super) const NOTED_EVERY: Duration = Duration::from_secs(60);

/// Others may write at the same time; whoever loses so often leaves it.
const TRIES: u32 = 5;

/// What is known of webhooks, over all processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// Subscriptions that `webhooks subscribe` left at Monite; somebody may have ended them there.
    pub subscriptions: u64,
    /// When the last delivery came that Monite signed, to the minute.
    pub last_delivery_at: Option<Timestamp>,
}

/// What is known; `None` where webhooks were never used.
///
/// # Errors
/// [`StoreError`]
pub async fn read(store: &dyn Store) -> Result<Option<Standing>, StoreError> {
    Ok(store.setting(NAME).await?.map(|text| parse(&text)))
}

/// What cannot be read is written anew: it is for people, and nothing follows from it.
fn parse(text: &str) -> Standing {
    serde_json::from_str(text).unwrap_or_default()
}

pub(super) async fn note_subscriptions(store: &dyn Store, count: u64) -> Result<(), StoreError> {
    change(store, |standing| standing.subscriptions = count).await
}

pub(super) async fn note_delivery(store: &dyn Store, at: Timestamp) -> Result<(), StoreError> {
    change(store, |standing| standing.last_delivery_at = standing.last_delivery_at.max(Some(at))).await
}

async fn change(store: &dyn Store, change: impl Fn(&mut Standing)) -> Result<(), StoreError> {
    for _ in 0..TRIES {
        let was = store.setting(NAME).await?;
        let mut standing = was.as_deref().map(parse).unwrap_or_default();
        change(&mut standing);
        let becomes = serde_json::to_string(&standing).expect("a number and a time have no failing serializer");
        if was.as_deref() == Some(becomes.as_str()) || store.swap_setting(NAME, was.as_deref(), &becomes).await? {
            break;
        }
    }
    Ok(())
}
