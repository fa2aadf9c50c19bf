//! Who may send now: one rate budget for everything, logins first.

mod delays;
mod lines;
pub mod queue;
pub mod share;
#[cfg(test)]
mod simulation;
mod window;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

pub use queue::{Queue, Turn, Usage};
pub use share::{Pacing, Share};
pub use window::WindowLimiter;

/// Requests per second Monite allows one client id by default.
pub const DEFAULT_RATE: u32 = 30;

/// Hands out the right to send one request. Every attempt asks: first tries, retries and token mints alike.
#[async_trait]
pub trait Limiter: Send + Sync + fmt::Debug {
    /// Waits for its turn. Cancelling the wait gives the place back.
    async fn acquire(&self, priority: Priority) -> Permit;

    /// Takes note of what an answer says about the limit.
    fn observe(&self, signal: &RateSignal);
}

/// Who goes first. Within a priority it is first come, first served. Lower ones that wait get a small part of the turns
/// however much comes in above them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// A person waits to be let in.
    Login,
    /// Somebody waits for this answer.
    #[default]
    Interactive,
    /// Nobody waits: synchronisation, imports.
    Bulk,
    /// What may take as long as it likes: sweeps, stamps.
    Background,
}

impl Priority {
    /// All, the first to go first.
    pub const ALL: [Self; 4] = [Self::Login, Self::Interactive, Self::Bulk, Self::Background];

    /// Nobody waits for it.
    fn is_patient(self) -> bool {
        matches!(self, Self::Bulk | Self::Background)
    }
}

/// The right to send one request. Say [`Permit::answered`] when the answer is here; a permit that is dropped
/// instead (the call was cut or cancelled) comes back later, since the server may still count the request.
pub struct Permit {
    release: Option<Box<dyn FnOnce(Release) + Send>>,
}

/// How a permit came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// The answer arrived: the server has counted the request by now.
    Answered,
    /// Nobody knows whether and when the server counts it.
    Abandoned,
}

impl Permit {
    /// A permit that calls `release` once, when it comes back.
    pub fn new(release: impl FnOnce(Release) + Send + 'static) -> Self {
        Self { release: Some(Box::new(release)) }
    }

    /// A permit that costs nothing.
    pub fn free() -> Self {
        Self { release: None }
    }

    /// The answer arrived.
    pub fn answered(mut self) {
        if let Some(release) = self.release.take() {
            release(Release::Answered);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            release(Release::Abandoned);
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permit")
    }
}

/// What one answer says about the rate limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateSignal {
    /// HTTP status; 429 means that the limit was passed.
    pub status: u16,
    /// `Retry-After`: how long to send nothing.
    pub retry_after: Option<Duration>,
    /// `RateLimit-Limit`, or `X-RateLimit-Limit-Second`: requests a second.
    pub limit: Option<u32>,
    /// `RateLimit-Remaining`, or `X-RateLimit-Remaining-Second`: what is left of this second.
    pub remaining: Option<u32>,
    /// `RateLimit-Reset`: how long until the count starts over.
    pub reset: Option<Duration>,
}

/// No limit: for a sandbox that has none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unlimited;

#[async_trait]
impl Limiter for Unlimited {
    async fn acquire(&self, _priority: Priority) -> Permit {
        Permit::free()
    }

    fn observe(&self, _signal: &RateSignal) {}
}
