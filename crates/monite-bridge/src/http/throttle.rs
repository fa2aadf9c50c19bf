//! How often sessions and addresses may ask for tokens: two sorts of buckets in front of the browser-facing route.
//!
//! A page asks about once in ten minutes, so whoever meets a limit is broken or attacks. An address is counted before its session
//! is looked at, so that guessing costs what asking costs; a session is counted once it is known to be one, so that nobody can fill the
//! memory with sessions that do not exist.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use moka::sync::Cache;

use super::connections::Connections;
use super::peer::TrustedProxies;
use super::problem::{Kind, Problem};
use super::refusals::Refusals;
use crate::config::{ServerConfig, SessionConfig};

/// Buckets of one sort kept at most, about 150 bytes each. Whose bucket makes room for another begins with a full one.
const BUCKETS: u64 = 100_000;

/// A full bucket tells nothing, and every bucket is full after two seconds.
const IDLE: Duration = Duration::from_secs(60);

/// A bucket holds what comes in within so many seconds.
const BURST_SECONDS: i64 = 2;

const SECOND: i64 = 1_000_000;

/// What stands in front of the routes besides keys and sessions.
#[derive(Debug)]
pub struct Door {
    /// Whose word counts for where a call comes from.
    pub proxies: TrustedProxies,
    /// Those who are in.
    pub connections: Arc<Connections>,
    /// Whether TLS is ours, so that browsers may be told to insist on it.
    pub(super) is_tls: bool,
    sessions: Option<Throttle>,
    addresses: Option<Throttle>,
    refused: [AtomicU64; 2],
    /// Those whose key was refused.
    pub(super) refusals: Refusals,
}

impl Door {
    /// As configured.
    #[must_use]
    pub fn new(server: &ServerConfig, session: &SessionConfig) -> Self {
        Self {
            proxies: TrustedProxies::new(server.trusted_proxies.clone()),
            connections: Connections::at_most(server.max_connections),
            is_tls: server.tls.is_some(),
            sessions: session.rate_limit.map(Throttle::new),
            addresses: session.address_rate_limit.map(Throttle::new),
            refused: Default::default(),
            refusals: Refusals::default(),
        }
    }

    /// Counts one ask of an address.
    ///
    /// # Errors
    /// A problem that says when to come back.
    pub(super) fn admit_address(&self, address: Option<IpAddr>, now: Timestamp) -> Result<(), Problem> {
        let (Some(throttle), Some(address)) = (&self.addresses, address) else { return Ok(()) };
        throttle.admit(network(address), now).map_err(|wait| {
            self.refused[0].fetch_add(1, Ordering::Relaxed);
            too_many("Too many requests for tokens come from this address.", wait)
        })
    }

    /// Counts one ask of a session that was found good.
    ///
    /// # Errors
    /// A problem that says when to come back.
    pub(super) fn admit_session(&self, session: &str, now: Timestamp) -> Result<(), Problem> {
        let Some(throttle) = &self.sessions else { return Ok(()) };
        throttle.admit(session, now).map_err(|wait| {
            self.refused[1].fetch_add(1, Ordering::Relaxed);
            let detail = "This session asks for tokens too often. One token serves for ten minutes: keep it instead of asking before each call.";
            too_many(detail, wait)
        })
    }

    /// How often an address and a session were refused.
    pub(super) fn refused(&self) -> [u64; 2] {
        self.refused.each_ref().map(|count| count.load(Ordering::Relaxed))
    }
}

fn too_many(detail: &str, wait: Duration) -> Problem {
    Problem::new(Kind::TooManyRequests, detail).retry_after(wait.as_millis().div_ceil(1000).max(1) as u64)
}

/// Whoever has one address of IPv6 has the whole /64 (RFC 6177): it counts as one.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
    }
}

/// A token bucket for each of many (GCRA: a bucket is the one time at which it will be full again). No lock is held, nothing is
/// allocated for those already known.
struct Throttle {
    buckets: Cache<u64, Arc<AtomicI64>>,
    /// Keyed by chance, so that nobody can choose whose bucket he shares.
    names: RandomState,
    /// Microseconds in which one request comes in.
    interval: i64,
}

impl Throttle {
    /// So many requests a second, and twice as many at once.
    fn new(per_second: u32) -> Self {
        Self {
            buckets: Cache::builder().max_capacity(BUCKETS).time_to_idle(IDLE).build(),
            names: RandomState::new(),
            interval: (SECOND / i64::from(per_second.max(1))).max(1),
        }
    }

    /// Takes one from the bucket of `whose`, or says how long it takes until there is one.
    fn admit(&self, whose: impl Hash, now: Timestamp) -> Result<(), Duration> {
        let bucket = self.buckets.get_with(self.names.hash_one(whose), Arc::default);
        let (now, depth) = (now.as_microsecond(), BURST_SECONDS * SECOND);
        let take = |full_at: i64| {
            // A clock that was set back must not leave anybody out for as long as it was wrong.
            let next = full_at.clamp(now, now + depth) + self.interval;
            (next - now <= depth).then_some(next)
        };
        match bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => Ok(()),
            Err(full_at) => {
                let wait = full_at.clamp(now, now + depth) + self.interval - depth - now;
                Err(Duration::from_micros(wait.unsigned_abs()))
            }
        }
    }
}

impl std::fmt::Debug for Throttle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Throttle").field("interval_micros", &self.interval).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
    }

    #[test]
    fn a_bucket_holds_two_seconds_and_fills_at_its_rate() {
        let throttle = Throttle::new(10);
        for _ in 0..20 {
            assert_eq!(throttle.admit("ana", at(0)), Ok(()));
        }
        assert_eq!(throttle.admit("ana", at(0)), Err(Duration::from_millis(100)));
        assert_eq!(throttle.admit("ana", at(99)), Err(Duration::from_millis(1)));
        assert_eq!(throttle.admit("ben", at(0)), Ok(()), "each has its own");
        assert_eq!(throttle.admit("ana", at(100)), Ok(()));
        assert_eq!(throttle.admit("ana", at(100)), Err(Duration::from_millis(100)), "a refusal costs nothing");
        for _ in 0..20 {
            assert_eq!(throttle.admit("ana", at(60_000)), Ok(()));
        }
        assert!(throttle.admit("ana", at(60_000)).is_err(), "no more than it holds");
        // The clock is set back by a minute.
        assert!(throttle.admit("ana", at(0)).is_err());
        assert_eq!(throttle.admit("ana", at(60_100)), Ok(()));
        for _ in 0..20 {
            let _ = throttle.admit("ana", at(60_100));
        }
        assert!(throttle.admit("ana", at(0)).is_err_and(|wait| wait <= Duration::from_millis(100)));
    }

    #[test]
    fn an_address_of_ipv6_is_its_network() {
        let same = |one: &str, other: &str| network(one.parse().unwrap()) == network(other.parse().unwrap());
        assert!(same("2001:db8::1", "2001:db8::ffff:1:2:3"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
    }

    #[test]
    fn memory_has_a_bound() {
        let throttle = Throttle::new(10);
        for caller in 0..BUCKETS + 10_000 {
            let _ = throttle.admit(caller, at(0));
        }
        throttle.buckets.run_pending_tasks();
        assert!(throttle.buckets.entry_count() <= BUCKETS, "{}", throttle.buckets.entry_count());
    }
}
