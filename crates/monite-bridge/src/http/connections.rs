//! How many connections there are, and whose: none is taken in beyond what the process and one address may hold.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::throttle::network;

/// Counts connections.
#[derive(Debug)]
pub struct Connections {
    most: u32,
    most_of_one: u32,
    open: Mutex<Open>,
    refused: [AtomicU64; 2],
}

#[derive(Debug, Default)]
struct Open {
    all: u32,
    /// Those with connections only, so no more than there are connections.
    by_address: HashMap<IpAddr, u32>,
}

/// Why there is no room for one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// For nobody.
    Everybody,
    /// For this address.
    Address,
}

impl Connections {
    /// At most so many; one address may hold half of them, so that the other half can still be reached.
    #[must_use]
    pub fn at_most(most: u32) -> Arc<Self> {
        Arc::new(Self { most, most_of_one: most.div_ceil(2), open: Mutex::default(), refused: Default::default() })
    }

    /// Takes one in. `counts` is false for proxies that speak for many.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr, counts: bool) -> Result<Admitted, Full> {
        let of = counts.then(|| network(address));
        let mut open = self.open();
        if open.all >= self.most {
            self.refused[0].fetch_add(1, Ordering::Relaxed);
            return Err(Full::Everybody);
        }
        if let Some(of) = of {
            let held = open.by_address.entry(of).or_default();
            if *held >= self.most_of_one {
                self.refused[1].fetch_add(1, Ordering::Relaxed);
                return Err(Full::Address);
            }
            *held += 1;
        }
        open.all += 1;
        Ok(Admitted { connections: Arc::clone(self), of })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.open().all
    }

    /// How many were refused because of all, and because of one address.
    #[must_use]
    pub fn refused(&self) -> [u64; 2] {
        self.refused.each_ref().map(|count| count.load(Ordering::Relaxed))
    }
}

/// One connection; its end makes room.
#[derive(Debug)]
pub(super) struct Admitted {
    connections: Arc<Connections>,
    of: Option<IpAddr>,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        open.all -= 1;
        let Some(of) = self.of else { return };
        if let Some(held) = open.by_address.get_mut(&of) {
            *held -= 1;
            if *held == 0 {
                open.by_address.remove(&of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_holds_half_and_an_end_makes_room() {
        let connections = Connections::at_most(4);
        let admit = |address: &str, counts| connections.admit(address.parse().unwrap(), counts);
        let (first, _second) = (admit("192.0.2.1", true).unwrap(), admit("192.0.2.1", true).unwrap());
        assert_eq!(admit("192.0.2.1", true).unwrap_err(), Full::Address);
        let (_third, fourth) = (admit("192.0.2.2", true).unwrap(), admit("192.0.2.1", false).unwrap());
        assert_eq!(admit("192.0.2.3", true).unwrap_err(), Full::Everybody);
        drop(fourth);
        assert_eq!(admit("192.0.2.1", true).unwrap_err(), Full::Address);
        drop(first);
        let again = admit("192.0.2.1", true).unwrap();
        assert_eq!((connections.count(), connections.refused()), (3, [1, 2]));
        drop(again);
        assert_eq!(connections.open().by_address.len(), 2);
    }
}
