//! Tokens that were handed out and still live: what has to be revoked when a user or a customer goes.
//!
//! In memory only: a user's token is never written down. What another process handed out is out of reach here; that one revokes it when it
//! learns of the end.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use monite::{AccessToken, EntityUserId};

use crate::domain::{CustomerId, UserId};

/// Tokens remembered at most, about 1 KiB each.
const MAX_TOKENS: usize = 100_000;

/// Dead tokens are looked for when so many are held, then whenever that has doubled.
const FIRST_SWEEP: usize = 1024;

/// Live tokens, by customer and user.
#[derive(Debug, Default)]
pub(super) struct Issued(Mutex<Ledger>);

#[derive(Debug, Default)]
struct Ledger {
    /// In order, so that a run from a seed revokes in the same one each time.
    customers: BTreeMap<CustomerId, BTreeMap<UserId, Vec<Taken>>>,
    count: usize,
    sweep_at: usize,
}

/// Live tokens of one entity user.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub(super) entity_user_id: EntityUserId,
    pub(super) tokens: Vec<AccessToken>,
}

impl Issued {
    /// Notes a token that is about to be handed out.
    pub(super) fn add(
        &self, customer: &CustomerId, user: &UserId, entity_user_id: EntityUserId, token: &AccessToken, now: Timestamp,
    ) {
        let mut ledger = self.lock();
        ledger.make_room(now);
        if ledger.count >= MAX_TOKENS {
            tracing::warn!(%customer, "too many live tokens to remember them all; this one cannot be revoked early");
            return;
        }
        ledger.count += 1;
        let users = ledger.customers.entry(customer.clone()).or_default();
        let of_user = users.entry(user.clone()).or_default();
        // A user created anew is another entity user; what the old one got may still live.
        match of_user.iter_mut().find(|one| one.entity_user_id == entity_user_id) {
            Some(one) => one.tokens.push(token.clone()),
            None => of_user.push(Taken { entity_user_id, tokens: vec![token.clone()] }),
        }
    }

    /// Takes what one user got.
    pub(super) fn take_user(&self, customer: &CustomerId, user: &UserId) -> Vec<Taken> {
        let mut ledger = self.lock();
        let taken = ledger.customers.get_mut(customer).and_then(|users| users.remove(user)).unwrap_or_default();
        ledger.count -= count(&taken);
        taken
    }

    /// Everybody who got any.
    pub(super) fn everybody(&self) -> Vec<(CustomerId, UserId)> {
        let ledger = self.lock();
        let users =
            ledger.customers.iter().flat_map(|(customer, users)| users.keys().map(move |user| (customer, user)));
        users.map(|(customer, user)| (customer.clone(), user.clone())).collect()
    }

    /// Whether one user got any.
    pub(super) fn has(&self, customer: &CustomerId, user: &UserId) -> bool {
        self.lock().customers.get(customer).is_some_and(|users| users.contains_key(user))
    }

    /// Takes what one user got as another entity user than this.
    pub(super) fn take_others(&self, customer: &CustomerId, user: &UserId, now_is: EntityUserId) -> Vec<Taken> {
        let mut ledger = self.lock();
        let Some(of_user) = ledger.customers.get_mut(customer).and_then(|users| users.get_mut(user)) else {
            return Vec::new();
        };
        let taken: Vec<Taken> = of_user.extract_if(.., |one| one.entity_user_id != now_is).collect();
        ledger.count -= count(&taken);
        taken
    }

    /// Takes what all users of a customer got.
    pub(super) fn take_customer(&self, customer: &CustomerId) -> Vec<Taken> {
        let mut ledger = self.lock();
        let users = ledger.customers.remove(customer).unwrap_or_default();
        let taken: Vec<Taken> = users.into_values().flatten().collect();
        ledger.count -= count(&taken);
        taken
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    /// Lets go of dead tokens once there are twice as many as lived after the last look: memory follows the live ones.
    fn make_room(&mut self, now: Timestamp) {
        if self.count < self.sweep_at.max(FIRST_SWEEP) {
            return;
        }
        for users in self.customers.values_mut() {
            for of_user in users.values_mut() {
                for one in of_user.iter_mut() {
                    one.tokens.retain(|token| !token.time_left(now).is_zero());
                }
                of_user.retain(|one| !one.tokens.is_empty());
            }
            users.retain(|_, of_user| !of_user.is_empty());
        }
        self.customers.retain(|_, users| !users.is_empty());
        self.count = self.customers.values().flat_map(BTreeMap::values).map(|taken| count(taken)).sum();
        self.sweep_at = (self.count * 2).min(MAX_TOKENS);
    }
}

fn count(taken: &[Taken]) -> usize {
    taken.iter().map(|one| one.tokens.len()).sum()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secrecy::SecretString;

    use super::*;

    fn token(life: u64) -> AccessToken {
        let born = Timestamp::UNIX_EPOCH;
        AccessToken::new(SecretString::from("token"), "Bearer", born, born + Duration::from_secs(life))
    }

    fn ids(customer: &str, user: &str) -> (CustomerId, UserId) {
        (CustomerId::parse(customer).unwrap(), UserId::parse(user).unwrap())
    }

    #[test]
    fn each_is_taken_once() {
        let issued = Issued::default();
        let id = EntityUserId::from_uuid(uuid::Uuid::nil());
        let now = Timestamp::UNIX_EPOCH;
        for (customer, user) in [("acme", "ana"), ("acme", "ana"), ("acme", "ben"), ("beta", "ana")] {
            let (customer, user) = ids(customer, user);
            issued.add(&customer, &user, id, &token(1800), now);
        }
        let (acme, ana) = ids("acme", "ana");
        assert_eq!(count(&issued.take_user(&acme, &ana)), 2);
        assert_eq!(count(&issued.take_user(&acme, &ana)), 0);
        assert_eq!(count(&issued.take_customer(&acme)), 1);
        assert_eq!(count(&issued.take_customer(&acme)), 0);
        assert_eq!(issued.lock().count, 1, "beta's is still there");
    }

    #[test]
    fn what_the_user_got_before_it_was_created_anew_can_be_taken_alone() {
        let issued = Issued::default();
        let now = Timestamp::UNIX_EPOCH;
        let (acme, ana) = ids("acme", "ana");
        let [old, new] = [1, 2].map(|id| EntityUserId::from_uuid(uuid::Uuid::from_u128(id)));
        issued.add(&acme, &ana, old, &token(1800), now);
        issued.add(&acme, &ana, new, &token(1800), now);
        let taken = issued.take_others(&acme, &ana, new);
        assert_eq!(taken.iter().map(|one| one.entity_user_id).collect::<Vec<_>>(), [old]);
        assert!(issued.has(&acme, &ana) && issued.lock().count == 1);
    }

    #[test]
    fn dead_tokens_make_room() {
        let issued = Issued::default();
        let id = EntityUserId::from_uuid(uuid::Uuid::nil());
        let (acme, ana) = ids("acme", "ana");
        for _ in 0..FIRST_SWEEP {
            issued.add(&acme, &ana, id, &token(10), Timestamp::UNIX_EPOCH);
        }
        issued.add(&acme, &ana, id, &token(1800), Timestamp::UNIX_EPOCH + Duration::from_secs(11));
        assert_eq!(issued.lock().count, 1);
    }
}
