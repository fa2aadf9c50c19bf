//! Customers that somebody waits for right now: their visits go first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::CustomerId;

/// Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Awaited {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// How many wait for each.
    customers: Mutex<BTreeMap<CustomerId, usize>>,
    came: Notify,
}

/// Somebody who waits, until it is dropped.
#[derive(Debug)]
pub struct Waiting {
    inner: Arc<Inner>,
    customer: CustomerId,
}

impl Awaited {
    /// From now on somebody waits for this customer or one of its users.
    #[must_use]
    pub fn enter(&self, customer: &CustomerId) -> Waiting {
        *self.inner.customers().entry(customer.clone()).or_default() += 1;
        self.inner.came.notify_one();
        Waiting { inner: Arc::clone(&self.inner), customer: customer.clone() }
    }

    /// Whether somebody waits for it.
    #[must_use]
    pub fn contains(&self, customer: &CustomerId) -> bool {
        self.inner.customers().contains_key(customer)
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<CustomerId> {
        self.inner.customers().keys().cloned().collect()
    }

    /// Returns when somebody new waits.
    pub async fn somebody_came(&self) {
        self.inner.came.notified().await;
    }
}

impl Inner {
    fn customers(&self) -> MutexGuard<'_, BTreeMap<CustomerId, usize>> {
        self.customers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut customers = self.inner.customers();
        if let Some(count) = customers.get_mut(&self.customer) {
            *count -= 1;
            if *count == 0 {
                customers.remove(&self.customer);
            }
        }
    }
}
