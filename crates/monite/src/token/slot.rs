//! The place of one token: what is held, what is on its way, and the decisions about both.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::flight::Flight;
use super::freshness::{refresh_when_left, required};
use super::vault::Wanted;
use super::{AccessToken, Scope};
use crate::clock::later;
use crate::error::Error;

/// A failed early refresh is not tried again sooner. The token is still good; Monite has other worries.
const QUIET_AFTER_FAILURE: Duration = Duration::from_secs(10);

/// The place of one scope's token. Its lock is held for a few instructions only, never across a wait.
pub struct TokenSlot {
    scope: Scope,
    state: Mutex<State>,
}

struct State {
    held: Option<Held>,
    /// The partner's that was given up last: it is not to come back from where it is shared. Users' tokens are not shared.
    dead: Option<AccessToken>,
    /// The mint on its way, if there is one.
    flight: Option<Flight>,
    /// Goes up with every `forget`: a mint that began before must not land after.
    epoch: u64,
    no_early_refresh_before: Timestamp,
}

struct Held {
    token: AccessToken,
    /// Random in `0..1`, drawn when the token came: spreads the early refreshes.
    spread: f64,
}

/// How a mint ended, for all who waited.
#[derive(Clone)]
pub(super) enum Landing {
    /// A fresh token.
    Token(AccessToken),
    /// No token.
    Failed(Error),
    /// `forget` came in between: what was minted is thrown away, whoever still wants a token starts over.
    Forgotten,
}

/// What a look into the slot finds.
pub(super) enum Look {
    /// Good, nothing to do.
    Fresh(AccessToken),
    /// Good, and time to fetch the next one.
    Aging(AccessToken, Option<Takeoff>),
    /// Nothing good enough: wait for the mint, which the caller has to start if it got the takeoff.
    Missing(Flight, Option<Takeoff>),
}

/// The duty to mint. Exactly one exists per flight; dropping it ends the flight, so that nobody waits for ever.
pub(super) struct Takeoff {
    slot: std::sync::Arc<TokenSlot>,
    epoch: u64,
    dead: Option<AccessToken>,
    held: Option<AccessToken>,
    flight: Flight,
}

impl TokenSlot {
    pub(super) fn new(scope: Scope) -> Self {
        let state = State { held: None, dead: None, flight: None, epoch: 0, no_early_refresh_before: Timestamp::MIN };
        Self { scope, state: Mutex::new(state) }
    }

    /// Whose token this is the place of.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// The token, if it still has `min_left`. Never waits, fetches nothing.
    ///
    /// Monite may issue tokens that live shorter than `min_left`; those count as long as half of their life is left.
    pub fn peek(&self, now: Timestamp, min_left: Duration) -> Option<AccessToken> {
        let state = self.lock();
        state.held.as_ref().filter(|held| held.is_good(now, min_left)).map(|held| held.token.clone())
    }

    /// The token or the way to it.
    pub(super) fn look(self: &std::sync::Arc<Self>, now: Timestamp, min_left: Duration) -> Look {
        let mut state = self.lock();
        let good = state.held.as_ref().filter(|held| held.is_good(now, min_left));
        match good.map(|held| (held.token.clone(), held.is_aging(self.scope, now, min_left))) {
            Some((token, false)) => Look::Fresh(token),
            Some((token, true)) => {
                let may_start = state.flight.is_none() && now >= state.no_early_refresh_before;
                let takeoff = may_start.then(|| self.take_off(&mut state).1);
                Look::Aging(token, takeoff)
            }
            None => match &state.flight {
                Some(flight) => Look::Missing(flight.clone(), None),
                None => {
                    let (flight, takeoff) = self.take_off(&mut state);
                    Look::Missing(flight, Some(takeoff))
                }
            },
        }
    }

    /// Empties the slot and gives what it held. A mint in flight will not fill it again.
    pub(super) fn forget(&self) -> Option<AccessToken> {
        let mut state = self.lock();
        state.epoch += 1;
        state.flight = None;
        self.give_up(&mut state)
    }

    /// Drops `token` if it is still the one held: a newer one is none of the caller's business.
    pub(super) fn mark_dead(&self, token: &AccessToken) {
        let mut state = self.lock();
        if state.held.as_ref().is_some_and(|held| held.token.is_same(token)) {
            self.give_up(&mut state);
        }
    }

    /// Neither a living token nor a mint on its way.
    pub(super) fn is_idle(&self, now: Timestamp) -> bool {
        let state = self.lock();
        let alive = state.held.as_ref().is_some_and(|held| !held.token.time_left(now).is_zero());
        !alive && state.flight.is_none()
    }

    fn take_off(self: &std::sync::Arc<Self>, state: &mut State) -> (Flight, Takeoff) {
        let flight = Flight::default();
        state.flight = Some(flight.clone());
        let held = state.held.as_ref().map(|held| held.token.clone());
        (flight.clone(), Takeoff { slot: self.clone(), epoch: state.epoch, dead: state.dead.clone(), held, flight })
    }

    fn give_up(&self, state: &mut State) -> Option<AccessToken> {
        let token = state.held.take()?.token;
        if self.scope == Scope::Partner {
            state.dead = Some(token.clone());
        }
        Some(token)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Takeoff {
    /// Which token would do, should there be one already.
    pub(super) fn wanted(&self, min_left: Duration) -> Wanted {
        Wanted { dead: self.dead.clone(), held: self.held.clone(), min_left }
    }

    pub(super) fn scope(&self) -> Scope {
        self.slot.scope
    }

    /// Ends the flight: stores the token unless it was forgotten meanwhile, and tells all who wait.
    pub(super) fn land(self, result: Result<AccessToken, Error>, spread: f64, now: Timestamp) {
        let mut state = self.slot.lock();
        let landing = if state.epoch != self.epoch {
            Landing::Forgotten
        } else {
            match result {
                Ok(token) => {
                    state.held = Some(Held { token: token.clone(), spread });
                    Landing::Token(token)
                }
                Err(error) => {
                    state.no_early_refresh_before = later(now, QUIET_AFTER_FAILURE);
                    Landing::Failed(error)
                }
            }
        };
        self.close(&mut state);
        drop(state);
        self.flight.end(Some(landing));
    }

    /// An epoch has one flight at a time, so this cannot end another one's.
    fn close(&self, state: &mut State) {
        if state.epoch == self.epoch {
            state.flight = None;
        }
    }
}

impl Drop for Takeoff {
    fn drop(&mut self) {
        let mut state = self.slot.lock();
        if !self.flight.is_over() {
            self.close(&mut state);
            self.flight.end(None);
        }
    }
}

impl Held {
    fn is_good(&self, now: Timestamp, min_left: Duration) -> bool {
        let left = self.token.time_left(now);
        !left.is_zero() && left >= required(self.token.life(), min_left)
    }

    fn is_aging(&self, scope: Scope, now: Timestamp, min_left: Duration) -> bool {
        self.token.time_left(now) < refresh_when_left(scope, self.token.life(), min_left, self.spread)
    }
}

impl fmt::Debug for TokenSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("TokenSlot")
            .field("scope", &self.scope)
            .field("held", &state.held.as_ref().map(|held| &held.token))
            .field("in_flight", &state.flight.is_some())
            .finish()
    }
}
