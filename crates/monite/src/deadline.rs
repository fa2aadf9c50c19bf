//! Until when calls may still go out.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

use crate::error::Error;

/// The end of whatever gives a right to call, such as a lease on the thing the calls are about. It is looked at immediately
/// before each attempt leaves, when token and turn are there: waiting for either can take longer than the right lasts, and a
/// process can be stopped meanwhile. Clones are the same deadline.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
/// # fn main() { example(async |World { monite, acme, .. }| {
/// use monite::Deadline;
///
/// let lease = Deadline::new("the lease of acme", "2001-01-01T00:00:00Z".parse()?);
/// let error = monite.not_after(&lease).entity(acme).get().await.unwrap_err();
/// assert_eq!(error.to_string(), "entities.get was not sent: the lease of acme ended at 2001-01-01T00:00:00Z");
/// assert!(error.is_too_late() && !error.may_have_applied());
///
/// lease.move_to("2999-01-01T00:00:00Z".parse()?); // renewed
/// assert_eq!(monite.not_after(&lease).entity(acme).get().await?.id, acme);
/// # Ok(()) }) }
/// ```
#[derive(Clone)]
pub struct Deadline {
    inner: Arc<Inner>,
}

struct Inner {
    /// What ends, for the error.
    of: String,
    /// Microseconds since 1970.
    at: AtomicI64,
}

impl Deadline {
    /// `of` says what ends, for people: `the lease of acme`.
    pub fn new(of: impl Into<String>, at: Timestamp) -> Self {
        Self { inner: Arc::new(Inner { of: of.into(), at: AtomicI64::new(at.as_microsecond()) }) }
    }

    /// From now on it is then.
    pub fn move_to(&self, at: Timestamp) {
        self.inner.at.store(at.as_microsecond(), Ordering::Relaxed);
    }

    /// When it is.
    pub fn at(&self) -> Timestamp {
        let at = self.inner.at.load(Ordering::Relaxed);
        // Only the very ends of time do not survive the way to microseconds and back.
        Timestamp::from_microsecond(at).unwrap_or(if at < 0 { Timestamp::MIN } else { Timestamp::MAX })
    }

    /// The error of a call that would leave at `now` although it is over.
    pub(crate) fn check(&self, now: Timestamp, operation: &'static str) -> Result<(), Error> {
        let ended_at = self.at();
        if now < ended_at {
            return Ok(());
        }
        Err(Error::TooLate { operation, of: self.inner.of.clone(), ended_at })
    }
}

impl fmt::Debug for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Deadline({} ends at {})", self.inner.of, self.at())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_time_stay_ends() {
        for at in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
            assert_eq!(Deadline::new("it", at).at(), at);
        }
    }
}
