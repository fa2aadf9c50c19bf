//! Several processes share the partner's token: one fetches it for all, and one that was refused comes back to nobody.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use monite::error::Cause;
use monite::token::{MintDuty, Shared, Version};
use monite::{AccessToken, Clock, EntityFilter, ManualClock, Monite, RetryPolicy, Scope, TokenVault};
use tokio::sync::Semaphore;

use crate::support::{Reply, Script, builder, clock, eventually, settle};

const MINT: &str = "POST /auth/token";
const LIST: &str = "GET /entities";
const PROCESSES: usize = 20;

/// A place in memory.
struct Place {
    clock: ManualClock,
    state: Mutex<State>,
    /// How long a duty lasts.
    duty: Duration,
    /// Looks that were told to wait.
    waits: AtomicUsize,
}

#[derive(Default)]
struct State {
    token: Option<AccessToken>,
    version: i64,
    minting_until: Option<Timestamp>,
}

impl Place {
    fn new(clock: &ManualClock) -> Arc<Self> {
        Self::with_duty(clock, Duration::from_secs(5))
    }

    fn with_duty(clock: &ManualClock, duty: Duration) -> Arc<Self> {
        Arc::new(Self { clock: clock.clone(), state: Mutex::default(), duty, waits: AtomicUsize::new(0) })
    }

    fn token(&self) -> Option<String> {
        self.state.lock().unwrap().token.as_ref().map(|token| token.expose().to_owned())
    }

    fn has_duty(&self) -> bool {
        self.state.lock().unwrap().minting_until.is_some()
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Place")
    }
}

#[async_trait]
impl TokenVault for Place {
    async fn load(&self) -> Result<Shared, Cause> {
        let state = self.state.lock().unwrap();
        Ok(Shared { token: state.token.clone(), version: Version(state.version) })
    }

    async fn begin_mint(&self, seen: Version, discard: bool) -> Result<Option<MintDuty>, Cause> {
        let (mut state, now) = (self.state.lock().unwrap(), self.clock.now());
        if state.version != seen.0 || state.minting_until.is_some_and(|until| now < until) {
            return Ok(None);
        }
        let until = now + self.duty;
        (state.version, state.minting_until) = (state.version + 1, Some(until));
        if discard {
            state.token = None;
        }
        Ok(Some(MintDuty { version: Version(state.version), until }))
    }

    async fn store(&self, duty: MintDuty, token: &AccessToken) -> Result<(), Cause> {
        let mut state = self.state.lock().unwrap();
        if state.version == duty.version.0 {
            *state = State { token: Some(token.clone()), version: state.version + 1, minting_until: None };
        }
        Ok(())
    }

    async fn give_up(&self, duty: MintDuty) {
        let mut state = self.state.lock().unwrap();
        if state.version == duty.version.0 {
            (state.version, state.minting_until) = (state.version + 1, None);
        }
    }

    async fn wait(&self) {
        self.waits.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
    }
}

/// A place that cannot be reached.
#[derive(Debug)]
struct Nowhere;

#[async_trait]
impl TokenVault for Nowhere {
    async fn load(&self) -> Result<Shared, Cause> {
        Err(Arc::new(std::io::Error::other("no database")))
    }

    async fn begin_mint(&self, _: Version, _: bool) -> Result<Option<MintDuty>, Cause> {
        unreachable!("nothing was loaded")
    }

    async fn store(&self, _: MintDuty, _: &AccessToken) -> Result<(), Cause> {
        unreachable!("there was no duty")
    }

    async fn give_up(&self, _: MintDuty) {
        unreachable!("there was no duty")
    }

    async fn wait(&self) {
        unreachable!("nobody is at work")
    }
}

fn processes(script: &Arc<Script>, clock: &ManualClock, vault: &Arc<dyn TokenVault>) -> Vec<Monite> {
    let one = |_| builder(script, clock).token_vault(Arc::clone(vault)).build().unwrap();
    (0..PROCESSES).map(one).collect()
}

async fn token_of(monite: &Monite) -> String {
    monite.tokens().get(Scope::Partner, Duration::from_secs(30)).await.unwrap().expose().to_owned()
}

/// What each of them gets when all ask at once.
async fn tokens_of(all: &[Monite]) -> Vec<String> {
    let asking: Vec<_> = all.iter().cloned().map(|one| tokio::spawn(async move { token_of(&one).await })).collect();
    let mut tokens = Vec::new();
    for one in asking {
        tokens.push(one.await.unwrap());
    }
    tokens
}

#[tokio::test]
async fn one_process_fetches_the_token_for_all_at_the_start_and_when_it_expires() {
    let (script, clock) = (Script::with_tokens(|_| unreachable!()), clock());
    let place: Arc<dyn TokenVault> = Place::new(&clock);
    let all = processes(&script, &clock, &place);
    assert_eq!(tokens_of(&all).await, ["token-0"; PROCESSES]);
    clock.advance(Duration::from_secs(1800));
    assert_eq!(tokens_of(&all).await, ["token-1"; PROCESSES]);
    assert_eq!(script.count(MINT), 2);
}

/// The first who finds it old fetches the next one; it is the next one for the others, too.
#[tokio::test]
async fn an_early_refresh_by_one_is_one_for_all() {
    let (script, clock) = (Script::with_tokens(|_| unreachable!()), clock());
    let place = Place::new(&clock);
    let all = processes(&script, &clock, &(place.clone() as Arc<dyn TokenVault>));
    tokens_of(&all).await;
    clock.advance(Duration::from_secs(1800 - 170));
    assert_eq!(tokens_of(&all).await, ["token-0"; PROCESSES], "the one held is still good");
    eventually("the refresh", || place.token().as_deref() == Some("token-1")).await;
    settle().await;
    assert_eq!(tokens_of(&all).await, ["token-1"; PROCESSES]);
    assert_eq!(script.count(MINT), 2);
}

#[tokio::test]
async fn a_token_that_monite_refuses_is_taken_again_by_nobody_and_replaced_once() {
    let clock = clock();
    let gate = Arc::new(Semaphore::new(0));
    let script = {
        let gate = gate.clone();
        Script::new(move |call| match (call.line.as_str(), call.nth) {
            (MINT, 1) => Reply::token("token-1", 1800).behind(&gate),
            (MINT, nth) => Reply::token(&format!("token-{nth}"), 1800),
            _ if call.header("authorization") == Some("Bearer token-0") => Reply::error(401, "no"),
            _ => Reply::json(200, serde_json::json!({"data": []})),
        })
    };
    let place = Place::new(&clock);
    let mut all = processes(&script, &clock, &(place.clone() as Arc<dyn TokenVault>));
    let late = all.pop().unwrap();
    tokens_of(&all).await;
    let list = |one: Monite| tokio::spawn(async move { one.entities().list(&EntityFilter::default()).await });
    let calling: Vec<_> = all.iter().cloned().map(list).collect();
    eventually("everybody to be refused", || script.count(LIST) == all.len() && script.count(MINT) == 2).await;
    settle().await;
    // Who comes only now has not been refused itself.
    let late = tokio::spawn(async move { token_of(&late).await });
    settle().await;
    assert!(!late.is_finished(), "it waits for the next one");
    gate.add_permits(1);
    for one in calling {
        one.await.unwrap().unwrap();
    }
    assert_eq!(late.await.unwrap(), "token-1");
    assert_eq!(script.count(MINT), 2);
}

#[tokio::test]
async fn while_the_place_cannot_be_reached_every_process_fetches_its_own() {
    let (script, clock) = (Script::with_tokens(|_| unreachable!()), clock());
    let nowhere: Arc<dyn TokenVault> = Arc::new(Nowhere);
    let all = processes(&script, &clock, &nowhere);
    tokens_of(&all).await;
    assert_eq!(script.count(MINT), PROCESSES);
}

#[tokio::test]
async fn whoever_fails_to_fetch_it_gives_the_duty_back_at_once() {
    let clock = clock();
    let script = Script::new(|call| match call.nth {
        0 => Reply::error(400, "Invalid client credentials"),
        nth => Reply::token(&format!("token-{nth}"), 1800),
    });
    let place = Place::new(&clock);
    let all = processes(&script, &clock, &(place.clone() as Arc<dyn TokenVault>));
    let failed = all[0].tokens().get(Scope::Partner, Duration::ZERO).await.unwrap_err();
    assert!(matches!(failed, monite::Error::Credentials { .. }), "{failed}");
    assert!(!place.has_duty());
    assert_eq!(tokens_of(&all).await, ["token-1"; PROCESSES]);
    assert_eq!(script.count(MINT), 2);
}

/// One that hangs, or is dead, keeps the others waiting until its duty lapses; when it comes back it asks for nothing any more.
#[tokio::test]
async fn one_that_hangs_is_replaced_when_its_duty_lapses() {
    let clock = clock();
    let gate = Arc::new(Semaphore::new(0));
    let script = {
        let gate = gate.clone();
        Script::new(move |call| match call.nth {
            0 => Reply::error(503, "later").behind(&gate),
            nth => Reply::token(&format!("token-{nth}"), 1800),
        })
    };
    let place = Place::new(&clock);
    let vault = place.clone() as Arc<dyn TokenVault>;
    let hanging =
        builder(&script, &clock).token_vault(Arc::clone(&vault)).retry(RetryPolicy::default()).build().unwrap();
    let all = processes(&script, &clock, &vault);
    let hanging = tokio::spawn(async move { token_of(&hanging).await });
    eventually("the mint to begin", || script.count(MINT) == 1).await;
    let waiting = tokio::spawn(async move { tokens_of(&all).await });
    eventually("the others to wait", || place.waits.load(Ordering::Relaxed) >= 10 * PROCESSES).await;
    clock.advance(Duration::from_millis(4_999));
    settle().await;
    assert!(!waiting.is_finished() && script.count(MINT) == 1);
    clock.advance(Duration::from_millis(1));
    assert_eq!(waiting.await.unwrap(), ["token-1"; PROCESSES]);
    gate.add_permits(1);
    eventually("it to end its rest before the second try", || {
        clock.advance(Duration::from_millis(100));
        hanging.is_finished()
    })
    .await;
    assert_eq!(hanging.await.unwrap(), "token-1", "its second try did not leave; it took what was there");
    assert_eq!(script.count(MINT), 2);
}

/// However long each waits for its turn to call, nobody asks whose duty has lapsed: or everybody in line would ask, one after the other.
#[tokio::test]
async fn nobody_asks_monite_whose_duty_lapsed_while_it_waited_for_its_turn() {
    let (script, clock) = (Script::with_tokens(|_| unreachable!()), clock());
    let place = Place::with_duty(&clock, Duration::ZERO);
    let monite = builder(&script, &clock).token_vault(place.clone()).build().unwrap();
    let fetching = tokio::spawn(async move { token_of(&monite).await });
    settle().await;
    assert_eq!(script.count(MINT), 0, "each of its duties lapsed at once");
    fetching.abort();
}
