//! Makes tokens worthless at Monite, in the background: whoever deletes a user does not wait for it.

use std::sync::Arc;
use std::time::Duration;

use monite::{AccessToken, Clock, Monite, Priority};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// Revocations under way at the same time; the others wait their turn.
const AT_ONCE: usize = 4;

/// The first further try comes after this long, each later one after twice as long: the client has tried for a while already.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// No pause is longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// The one who revokes.
#[derive(Debug)]
pub(super) struct Revoker {
    monite: Monite,
    clock: Arc<dyn Clock>,
    turn: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Revoker {
    pub(super) fn new(monite: Monite, clock: Arc<dyn Clock>) -> Self {
        let monite = monite.with_priority(Priority::Interactive);
        Self { monite, clock, turn: Arc::new(Semaphore::new(AT_ONCE)), tasks: TaskTracker::new() }
    }

    /// Revokes them, and goes on trying until they are dead by themselves.
    pub(super) fn revoke(&self, tokens: Vec<AccessToken>) {
        for token in tokens {
            let (monite, clock, turn) = (self.monite.clone(), Arc::clone(&self.clock), Arc::clone(&self.turn));
            self.tasks.spawn(async move { until_dead(&monite, clock.as_ref(), &turn, &token).await }.in_current_span());
        }
    }

    /// Waits for those under way.
    pub(super) async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }
}

async fn until_dead(monite: &Monite, clock: &dyn Clock, turn: &Semaphore, token: &AccessToken) {
    let mut pause = FIRST_PAUSE;
    while !token.time_left(clock.now()).is_zero() {
        // The semaphore is never closed; if it were, going on unbounded beats not revoking.
        let permit = turn.acquire().await;
        let answer = monite.auth().revoke(token.secret()).await;
        drop(permit);
        match answer {
            Ok(_) => return,
            // Worthless already: that is what was wanted.
            Err(error) if error.is_token_dead() || error.is_not_found() => return,
            Err(error) if !error.is_retryable() => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "Monite refused to revoke a token; it lives on until it expires"
                );
                return;
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    ?pause,
                    "a token could not be revoked yet; tried again"
                );
            }
        }
        clock.sleep(pause.min(token.time_left(clock.now()))).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
