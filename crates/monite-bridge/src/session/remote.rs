//! Keys by URL: fetched at the start and every ten minutes, and when a session names a key that is not there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use monite::Clock;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::flights::Flights;
use super::keys::{BadKeySet, KeySet};
use super::source::Current;
use super::web::{Web, WebError};

/// Keys are fetched again after so long, so that one taken back ends within it.
const REFRESH: Duration = Duration::from_secs(10 * 60);

/// The same while the issuer does not answer.
const RETRY: Duration = Duration::from_secs(30);

/// Sessions with unknown keys make the issuer be asked this often at most: anybody can send one.
const ASK_AT_MOST_EVERY: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub(super) struct Remote {
    url: Url,
    web: Web,
    clock: Arc<dyn Clock>,
    pub(super) current: Current,
    asking: Flights<(), ()>,
    record: Mutex<Record>,
    asks: AtomicU64,
    failures: AtomicU64,
}

#[derive(Debug, Default)]
struct Record {
    last_ask: Option<Timestamp>,
    /// Since when the issuer gives no keys.
    down_since: Option<Timestamp>,
}

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Web(#[from] WebError),
    #[error("its answer is no set of keys")]
    BadKeySet(#[from] BadKeySet),
}

impl Remote {
    pub(super) fn new(url: Url, web: Web, clock: Arc<dyn Clock>) -> Self {
        Self {
            url,
            web,
            clock,
            current: Current::default(),
            asking: Flights::default(),
            record: Mutex::default(),
            asks: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    /// Keeps the keys fresh until `stopping`.
    pub(super) async fn follow(self: &Arc<Self>, stopping: CancellationToken) {
        let refreshing = async {
            loop {
                self.ask(|_| true).await;
                let wait = if self.down_since().is_some() { RETRY } else { REFRESH };
                self.clock.sleep(wait).await;
            }
        };
        tokio::select! {
            biased;
            () = stopping.cancelled() => {}
            () = refreshing => {}
        }
    }

    /// Asks because a session names a key that is not there; not if that was done just now.
    pub(super) async fn look_again(self: &Arc<Self>) {
        self.ask(|wait| wait.is_zero()).await;
    }

    /// Since when the issuer gives no keys; `None`: it does, or was not asked yet.
    pub(super) fn down_since(&self) -> Option<Timestamp> {
        self.record().down_since
    }

    /// When a session with an unknown key would make the issuer be asked again.
    pub(super) fn may_ask_in(&self) -> Duration {
        let Some(last) = self.record().last_ask else { return Duration::ZERO };
        let since = self.clock.now().duration_since(last).max(SignedDuration::ZERO);
        ASK_AT_MOST_EVERY.saturating_sub(since.unsigned_abs())
    }

    /// How often the issuer was asked, and how often in vain.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.asks.load(Ordering::Relaxed), self.failures.load(Ordering::Relaxed))
    }

    /// Waits for the ask under way, or asks if `may`, which is told how long the limit for sessions still holds.
    async fn ask(self: &Arc<Self>, may: impl FnOnce(Duration) -> bool) {
        let remote = Arc::clone(self);
        let asked = self.asking.join((), || {
            // Decided where only one can: of many sessions with unknown keys the first one uses the limit up.
            may(self.may_ask_in()).then_some(async move { remote.fetch().await })
        });
        // Broken off is no answer either; whoever needs the keys sees that they are not there.
        let _ = asked.await;
    }

    async fn fetch(&self) {
        let now = self.clock.now();
        self.record().last_ask = Some(now);
        self.asks.fetch_add(1, Ordering::Relaxed);
        match self.get().await {
            Ok(keys) => {
                self.current.put(keys, &self.url);
                if let Some(since) = self.record().down_since.take() {
                    tracing::info!(%since, url = %self.url, "the issuer gives its keys again");
                }
            }
            Err(error) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                let down_since = {
                    let mut record = self.record();
                    let before = record.down_since;
                    record.down_since = before.or(Some(now));
                    before
                };
                self.complain(down_since.is_none(), &error);
            }
        }
    }

    /// Once per outage; what follows is told by a metric.
    fn complain(&self, is_news: bool, error: &FetchError) {
        let error = error as &dyn std::error::Error;
        if !is_news {
            tracing::debug!(error, "the issuer still gives no keys");
        } else if self.current.number() == 0 {
            tracing::warn!(error, url = %self.url, "the issuer gives no keys: no session can be accepted until it does");
        } else {
            tracing::warn!(error, url = %self.url, "the issuer gives no keys: those it gave before are kept");
        }
    }

    async fn get(&self) -> Result<KeySet, FetchError> {
        let document = self.web.get(&self.url, self.clock.as_ref()).await?;
        Ok(KeySet::parse(&document)?)
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
