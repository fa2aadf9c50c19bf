//! Where several processes share the partner's token, so that one of them fetches it for all.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::freshness::required;
use super::{AccessToken, Minter, Scope};
use crate::deadline::Deadline;
use crate::error::{Cause, Error};
use crate::limit::Priority;

/// A place that all processes of one partner see. However many of them need a token at once, one fetches it and the others take it from
/// here; when the one dies meanwhile, or does not get its turn, another has its duty after a time that the vault sets. While the vault
/// fails, every process fetches for itself: a token too many harms nobody, and none stops everything.
///
/// The token is a secret that can do everything: keep it sealed. It belongs to one client id at one base URL.
#[async_trait]
pub trait TokenVault: Send + Sync + fmt::Debug {
    /// What lies there now.
    async fn load(&self) -> Result<Shared, Cause>;

    /// Takes the duty to fetch a token for all. `None` when another process has it, or when the place is not any more as it was `seen`.
    /// With `discard` nobody is to get the token that was seen there any more: Monite refused it, or it was given up.
    async fn begin_mint(&self, seen: Version, discard: bool) -> Result<Option<MintDuty>, Cause>;

    /// Fulfils the duty. One that has lapsed meanwhile changes nothing.
    async fn store(&self, duty: MintDuty, token: &AccessToken) -> Result<(), Cause>;

    /// Gives the duty back without a token. Should that fail, the duty lapses by itself.
    async fn give_up(&self, duty: MintDuty);

    /// Returns when it is worth looking again, soon in any case.
    async fn wait(&self);
}

/// What lies in a [`TokenVault`].
#[derive(Clone, Debug)]
pub struct Shared {
    /// The latest token, good or not.
    pub token: Option<AccessToken>,
    /// Which state of the place this is.
    pub version: Version,
}

/// A state of a [`TokenVault`]; every change makes another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(pub i64);

/// The duty to fetch a token for all. At most one exists that has not lapsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MintDuty {
    /// Which state of the place the duty is.
    pub version: Version,
    /// When it lapses: nothing is asked of Monite for it from then on.
    pub until: Timestamp,
}

/// Which token is good enough for the one who asks.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// The one that Monite refused last, or that was given up: its text does not help, wherever it comes from.
    pub(super) dead: Option<AccessToken>,
    /// The one to be replaced: a new one lives longer.
    pub(super) held: Option<AccessToken>,
    /// How much of its life must be left.
    pub(super) min_left: Duration,
}

impl Wanted {
    fn is(&self, token: &AccessToken, now: Timestamp) -> bool {
        let left = token.time_left(now);
        !left.is_zero()
            && left >= required(token.life(), self.min_left)
            && !self.is_dead(token)
            && self.held.as_ref().is_none_or(|held| held.expires_at() < token.expires_at())
    }

    fn is_dead(&self, token: &AccessToken) -> bool {
        self.dead.as_ref().is_some_and(|dead| dead.expose() == token.expose())
    }
}

/// The partner's token: the shared one, or one that is fetched now, by this process or another. Whoever waits for it has a bound of its own.
pub(super) async fn obtain(
    vault: &dyn TokenVault, minter: &Minter, wanted: &Wanted, priority: Priority,
) -> Result<AccessToken, Error> {
    loop {
        let step = match look(vault, wanted, minter.now()).await {
            Ok(step) => step,
            Err(cause) => {
                warn(&cause, "the partner token cannot be shared right now");
                return minter.mint(Scope::Partner, priority, None).await;
            }
        };
        match step {
            Step::Take(token) => return Ok(token),
            Step::Wait => vault.wait().await,
            Step::Mint(duty) => match mint_for_all(vault, minter, duty, priority).await {
                // It did not get its turn in time: by now another process may be at it.
                Err(error) if error.is_too_late() => vault.wait().await,
                // One whose retries took long: the others did not wait for it.
                Err(error) => return there(vault, wanted, minter.now()).await.ok_or(error),
                minted => return minted,
            },
        }
    }
}

/// What comes next.
enum Step {
    Take(AccessToken),
    Mint(MintDuty),
    Wait,
}

async fn look(vault: &dyn TokenVault, wanted: &Wanted, now: Timestamp) -> Result<Step, Cause> {
    let Shared { token, version } = vault.load().await?;
    let discard = match token {
        Some(token) if wanted.is(&token, now) => return Ok(Step::Take(token)),
        Some(token) => wanted.is_dead(&token),
        None => false,
    };
    Ok(vault.begin_mint(version, discard).await?.map_or(Step::Wait, Step::Mint))
}

async fn there(vault: &dyn TokenVault, wanted: &Wanted, now: Timestamp) -> Option<AccessToken> {
    vault.load().await.ok()?.token.filter(|token| wanted.is(token, now))
}

async fn mint_for_all(
    vault: &dyn TokenVault, minter: &Minter, duty: MintDuty, priority: Priority,
) -> Result<AccessToken, Error> {
    let deadline = Deadline::new("the duty to fetch the partner token for all", duty.until);
    let minted = minter.mint(Scope::Partner, priority, Some(deadline)).await;
    match &minted {
        Ok(token) => {
            if let Err(cause) = vault.store(duty, token).await {
                warn(&cause, "the partner token could not be shared");
            }
        }
        Err(_) => vault.give_up(duty).await,
    }
    minted
}

fn warn(cause: &Cause, what: &'static str) {
    tracing::warn!(error = &**cause as &dyn std::error::Error, "{what}");
}
