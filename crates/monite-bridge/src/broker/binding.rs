//! Which entity user a user is, in memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use moka::sync::Cache;
use monite::{AccessToken, EntityId, EntityUserId};

use crate::domain::{CustomerId, UserId};

/// Customers remembered at most.
const CUSTOMERS: u64 = 100_000;

/// Users remembered per customer at most; beyond, the customer's users are looked up anew.
const USERS_PER_CUSTOMER: usize = 10_000;

/// A customer whose users did not log in for so long makes room.
const IDLE: Duration = Duration::from_secs(2 * 60 * 60);

/// A user's entity user, as the store said. It knows whose it is, so that where it was found need not be believed.
#[derive(Debug)]
pub(super) struct Binding {
    owner: (CustomerId, UserId),
    pub(super) entity_id: EntityId,
    pub(super) entity_user_id: EntityUserId,
    dropped: AtomicBool,
    /// When the token noted last expires, in microseconds: tells a new token from one that is noted already.
    noted: AtomicI64,
}

impl Binding {
    pub(super) fn new(customer: &CustomerId, user: &UserId, entity_id: EntityId, entity_user_id: EntityUserId) -> Self {
        Self {
            owner: (customer.clone(), user.clone()),
            entity_id,
            entity_user_id,
            dropped: AtomicBool::new(false),
            noted: AtomicI64::new(i64::MIN),
        }
    }

    /// Whether this user's entity user is what the store was asked for.
    pub(super) fn is_of(&self, customer: &CustomerId, user: &UserId) -> bool {
        (&self.owner.0, &self.owner.1) == (customer, user)
    }

    /// Whether somebody wants the user to be looked up anew.
    pub(super) fn is_dropped(&self) -> bool {
        self.dropped.load(Ordering::SeqCst)
    }

    /// Whether this token was not asked about before.
    pub(super) fn is_news(&self, token: &AccessToken) -> bool {
        let expires = token.expires_at().as_microsecond();
        self.noted.load(Ordering::Relaxed) != expires && self.noted.swap(expires, Ordering::SeqCst) != expires
    }
}

/// All bindings: by customer, because a customer is deactivated as a whole.
#[derive(Debug)]
pub(super) struct Bindings {
    customers: Cache<CustomerId, Arc<Users>>,
}

type Users = RwLock<HashMap<UserId, Arc<Binding>>>;

impl Default for Bindings {
    fn default() -> Self {
        Self { customers: Cache::builder().max_capacity(CUSTOMERS).time_to_idle(IDLE).build() }
    }
}

impl Bindings {
    pub(super) fn get(&self, customer: &CustomerId, user: &UserId) -> Option<Arc<Binding>> {
        let users = self.customers.get(customer)?;
        let users = users.read().unwrap_or_else(PoisonError::into_inner);
        users.get(user).cloned()
    }

    /// Remembers a binding, in the place of the one that was there.
    pub(super) fn insert(&self, binding: Binding) -> Arc<Binding> {
        let binding = Arc::new(binding);
        let (customer, user) = &binding.owner;
        let users = self.customers.get_with_by_ref(customer, Arc::default);
        let mut users = users.write().unwrap_or_else(PoisonError::into_inner);
        if users.len() >= USERS_PER_CUSTOMER {
            users.clear();
        }
        users.insert(user.clone(), Arc::clone(&binding));
        binding
    }

    pub(super) fn drop_user(&self, customer: &CustomerId, user: &UserId) {
        let Some(users) = self.customers.get(customer) else { return };
        let removed = users.write().unwrap_or_else(PoisonError::into_inner).remove(user);
        if let Some(binding) = removed {
            binding.dropped.store(true, Ordering::SeqCst);
        }
    }

    pub(super) fn drop_customer(&self, customer: &CustomerId) {
        let Some(users) = self.customers.remove(customer) else { return };
        let users = users.read().unwrap_or_else(PoisonError::into_inner);
        for binding in users.values() {
            binding.dropped.store(true, Ordering::SeqCst);
        }
    }

    pub(super) fn drop_all(&self) {
        self.customers.invalidate_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_is_found_and_believed_for_its_owner_only() {
        let bindings = Bindings::default();
        let customers = ["acme", "beta"].map(|id| CustomerId::parse(id).unwrap());
        let users = ["ana", "ben"].map(|id| UserId::parse(id).unwrap());
        let (entity, entity_user) = (uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2));
        let binding =
            Binding::new(&customers[0], &users[0], EntityId::from_uuid(entity), EntityUserId::from_uuid(entity_user));
        let binding = bindings.insert(binding);
        for (customer, user) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let (is_owner, customer, user) = ((customer, user) == (0, 0), &customers[customer], &users[user]);
            assert_eq!(bindings.get(customer, user).is_some(), is_owner, "{customer}/{user}");
            assert_eq!(binding.is_of(customer, user), is_owner, "{customer}/{user}");
        }
    }
}
