//! What ended through other processes. Memory alone may be answered from as long as the last look is recent.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use super::{BrokerError, Inner};
use crate::domain::{CustomerId, ObjectId, UserId};
use crate::store::{StoreError, Wish};

/// A look at what ended elsewhere is trusted for so long, counted from before it was asked for; afterwards every hand-out asks the store.
/// So nobody gets a token from memory later than this after a deletion through another process.
pub(super) const TRUSTED_FOR: Duration = Duration::from_secs(3);

/// Rest after a look that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// When this process looked last.
#[derive(Debug)]
pub(super) struct Watch {
    /// Microseconds since 1970; `i64::MAX`: nobody else writes, so there is nothing to look for.
    looked_at: AtomicI64,
}

const NOTHING_TO_LOOK_FOR: i64 = i64::MAX;

impl Watch {
    /// Nobody else writes.
    pub(super) fn of_nobody() -> Self {
        Self { looked_at: AtomicI64::new(NOTHING_TO_LOOK_FOR) }
    }

    /// Others do, and nobody has looked yet.
    pub(super) fn of_others() -> Self {
        Self { looked_at: AtomicI64::new(i64::MIN) }
    }

    /// Whether memory may be trusted. A clock that was set back is as bad as no look at all.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        let looked_at = self.looked_at.load(Ordering::Acquire);
        let age = i128::from(now.as_microsecond()) - i128::from(looked_at);
        looked_at == NOTHING_TO_LOOK_FOR || (0..TRUSTED_FOR.as_micros() as i128).contains(&age)
    }

    fn looked(&self, at: Timestamp) {
        self.looked_at.store(at.as_microsecond(), Ordering::Release);
    }
}

impl Inner {
    /// Looks again and again; ends by being dropped.
    pub(super) async fn follow_others(&self) {
        if !self.store.is_shared() {
            return;
        }
        let mut seen = None;
        loop {
            let looked_at = self.clock.now();
            match self.look_at_others(seen).await {
                Ok(upto) => {
                    seen = Some(upto);
                    self.watch.looked(looked_at);
                    self.store.ends_told().await;
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "cannot learn whom other processes deleted; every hand-out asks the database meanwhile"
                    );
                    self.clock.sleep(AFTER_FAILURE).await;
                }
            }
        }
    }

    /// One look; which state it brought us to. (What this process itself wrote comes by here once more.)
    async fn look_at_others(&self, seen: Option<i64>) -> Result<i64, StoreError> {
        let ends = self.store.token_ends(seen).await?;
        match ends.ended {
            Some(ended) => {
                // First of all, so that no error among the rest leaves anybody out.
                ended.iter().for_each(|end| self.look_again(&end.object));
                for end in ended.iter().filter(|end| end.gone) {
                    self.gone_elsewhere(&end.object).await?;
                }
            }
            // Nobody knows who, so everybody is looked up anew, and whoever got a token is asked after.
            None => {
                self.bindings.drop_all();
                for (customer, user) in self.issued.everybody() {
                    self.user_gone(&customer, &user).await?;
                }
            }
        }
        Ok(ends.upto)
    }

    /// Whoever it was may be there again by now, so what was handed out is revoked only if the store says so, too.
    async fn gone_elsewhere(&self, object: &ObjectId) -> Result<(), StoreError> {
        match object {
            ObjectId::Customer(customer) => self.customer_gone(customer).await,
            ObjectId::User(customer, user) => self.user_gone(customer, user).await,
        }
    }

    async fn customer_gone(&self, customer: &CustomerId) -> Result<(), StoreError> {
        let is_there = self.store.customer(customer).await?.is_some_and(|there| there.wish == Wish::Present);
        if !is_there {
            self.revoke(self.issued.take_customer(customer));
        }
        Ok(())
    }

    async fn user_gone(&self, customer: &CustomerId, user: &UserId) -> Result<(), StoreError> {
        if !self.issued.has(customer, user) {
            return Ok(());
        }
        match self.subject(customer, user).await {
            Ok((_, now_is)) => self.revoke(self.issued.take_others(customer, user, now_is)),
            Err(BrokerError::Store(error)) => return Err(error),
            Err(_) => self.revoke(self.issued.take_user(customer, user)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_counts_for_three_seconds() {
        let at = |millis: i64| Timestamp::from_millisecond(1_000_000 + millis).unwrap();
        let watch = Watch::of_others();
        assert!(!watch.is_fresh(at(0)), "nobody has looked");
        watch.looked(at(0));
        let fresh = [-1, 0, 2_999, 3_000].map(|millis| watch.is_fresh(at(millis)));
        assert_eq!(fresh, [false, true, true, false]);
        assert!(Watch::of_nobody().is_fresh(at(0)));
    }
}
