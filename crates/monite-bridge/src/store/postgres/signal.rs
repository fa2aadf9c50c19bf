//! "Something may be due", between replicas: a NOTIFY without content, as a hint. Nothing depends on it but how soon a replica looks.
//!
//! It is sent after the commit and not inside: a transaction that notifies holds a lock over the whole server while it commits, so
//! writers would wait for each other's disk. It is heard on a connection of its own, because a pooled one may be anybody's a moment later.
//! Behind a proxy that pools transactions nothing is heard at all, and the driver's timer does the work.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::connection::{Pool, Tx, script};

/// Names this program's channel; databases have their own.
const CHANNEL: &str = "monite_bridge_due";

/// Rest between two notifications: however much is written, the others are told no more often.
const AT_MOST_EVERY: Duration = Duration::from_millis(20);

/// Rest between two looks for the same reason, where a look costs a query.
const LOOK_NO_SOONER_THAN: Duration = Duration::from_millis(100);

/// Rest before the next try to listen.
const LISTEN_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// Both ends of the hint.
#[derive(Debug, Clone)]
pub(super) struct Signal {
    told: Arc<Notify>,
    heard: Arc<Notify>,
    /// The same, for whoever hands out tokens.
    heard_too: Arc<Notify>,
    listening: Arc<tokio::sync::OnceCell<()>>,
    options: Arc<PgConnectOptions>,
    closing: CancellationToken,
}

impl Signal {
    /// Listens with `options`, once somebody waits.
    pub(super) fn new(options: PgConnectOptions) -> Self {
        Self {
            told: Arc::default(),
            heard: Arc::default(),
            heard_too: Arc::default(),
            listening: Arc::default(),
            options: Arc::new(options),
            closing: CancellationToken::new(),
        }
    }

    /// Tells the others, soon.
    pub(super) fn tell(&self) {
        self.told.notify_one();
    }

    /// Starts to pass on what is told, until the store closes.
    pub(super) fn start(&self, pool: Pool) {
        let (told, closing) = (Arc::clone(&self.told), self.closing.clone());
        tokio::spawn(closing.run_until_cancelled_owned(async move {
            loop {
                told.notified().await;
                if let Err(error) = notify(&pool).await {
                    tracing::debug!(error = &error as &dyn std::error::Error, "the other replicas were not told");
                }
                tokio::time::sleep(AT_MOST_EVERY).await;
            }
        }));
    }

    /// Returns when something was heard since the last time.
    pub(super) async fn heard(&self) {
        self.listening.get_or_init(async || self.listen()).await;
        self.heard.notified().await;
    }

    /// The same for whoever hands out tokens, but not too often, and after `at_the_latest` in any case.
    pub(super) async fn heard_or(&self, at_the_latest: Duration) {
        self.listening.get_or_init(async || self.listen()).await;
        let heard = async {
            tokio::time::sleep(LOOK_NO_SOONER_THAN).await;
            self.heard_too.notified().await;
        };
        let _ = tokio::time::timeout(at_the_latest, heard).await;
    }

    /// Stops both.
    pub(super) fn close(&self) {
        self.closing.cancel();
    }

    fn listen(&self) {
        let (options, closing) = (Arc::clone(&self.options), self.closing.clone());
        let heard = [Arc::clone(&self.heard), Arc::clone(&self.heard_too)];
        tokio::spawn(closing.run_until_cancelled_owned(async move {
            loop {
                if let Err(error) = hear(&options, &heard).await {
                    tracing::debug!(error = &error as &dyn std::error::Error, "not listening; the timer does it");
                }
                tokio::time::sleep(LISTEN_AGAIN_AFTER).await;
            }
        }));
    }
}

async fn notify(pool: &Pool) -> Result<(), super::super::StoreError> {
    // A statement of its own without values goes out as it is: nothing is prepared, and no transaction is needed.
    let mut tx = Tx::bare(pool).await?;
    script(&mut tx, "notify", "-- notify\nNOTIFY monite_bridge_due").await
}

/// Listens until the connection is lost.
async fn hear(options: &PgConnectOptions, heard: &[Arc<Notify>; 2]) -> Result<(), sqlx::Error> {
    let alone = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
    let alone = alone.connect_with(options.clone()).await?;
    let mut listener = PgListener::connect_with(&alone).await?;
    listener.listen(CHANNEL).await?;
    loop {
        // Nobody knows what was said before this moment, or while the connection was lost.
        heard.iter().for_each(|heard| heard.notify_one());
        if listener.try_recv().await?.is_none() {
            return Ok(());
        }
    }
}
