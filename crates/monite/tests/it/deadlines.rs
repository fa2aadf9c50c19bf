//! No attempt leaves once its deadline has passed, whatever it waited for.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use monite::limit::Release;
use monite::{Deadline, Error, Limiter, ManualClock, Monite, Permit, Priority, RateSignal};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::support::{Reply, Script, builder, client, clock, eventually, organization};

const CREATE: &str = "POST /entities";
const LIST: &str = "GET /entities";
const LEASE: Duration = Duration::from_secs(15);

fn lease(clock: &ManualClock) -> Deadline {
    Deadline::new("the lease of acme", monite::Clock::now(clock) + LEASE)
}

async fn create(monite: Monite) -> Result<(), Error> {
    monite.entities().create(&organization()).await.map(drop)
}

fn assert_not_sent(result: Result<(), Error>) {
    let error = result.unwrap_err();
    let text = "entities.create was not sent: the lease of acme ended at 2026-11-24T09:00:15Z";
    assert_eq!(error.to_string(), text);
    assert!(error.is_too_late() && !error.may_have_applied() && !error.is_retryable(), "{error:?}");
}

/// A script whose second mint, and every further one, waits at the gate; with `expired` the first token is refused.
fn slow_mints(gate: &Arc<Semaphore>, free: usize, expired: bool) -> Arc<Script> {
    let gate = Arc::clone(gate);
    Script::new(move |call| match call.line.as_str() {
        "POST /auth/token" if call.nth >= free => Reply::token("late", 1800).behind(&gate),
        "POST /auth/token" => Reply::token("first", 1800),
        _ if expired && call.nth == 0 => Reply::error(400, "The token has been expired."),
        _ => Reply::error(409, "it was sent"),
    })
}

#[tokio::test]
async fn a_call_that_waited_too_long_for_its_token_is_not_sent() {
    for (free, expired, sent) in [(0, false, 0), (1, true, 1)] {
        let (gate, clock) = (Arc::new(Semaphore::new(0)), clock());
        let script = slow_mints(&gate, free, expired);
        let call = tokio::spawn(create(client(&script, &clock).not_after(&lease(&clock))));
        eventually("the mint that waits", || script.count("POST /auth/token") == free + 1).await;
        clock.advance(LEASE);
        gate.add_permits(1);
        assert_not_sent(call.await.unwrap());
        assert_eq!(script.count(CREATE), sent, "free {free}");
    }
}

/// Gives a turn when told to, and notes how each came back.
#[derive(Debug)]
struct Turns {
    gate: Semaphore,
    back: Arc<Mutex<Vec<Release>>>,
}

#[async_trait]
impl Limiter for Turns {
    async fn acquire(&self, _priority: Priority) -> Permit {
        self.gate.acquire().await.unwrap().forget();
        let back = Arc::clone(&self.back);
        Permit::new(move |release| back.lock().unwrap().push(release))
    }

    fn observe(&self, _signal: &RateSignal) {}
}

#[tokio::test]
async fn a_call_that_waited_too_long_for_its_turn_is_not_sent_and_gives_it_back() {
    let (turns, clock) = (Turns { gate: Semaphore::new(1), back: Arc::default() }, clock());
    let turns = Arc::new(turns);
    let script = Script::with_tokens(|_| Reply::error(409, "it was sent"));
    let monite = builder(&script, &clock).limiter(turns.clone()).build().unwrap();
    let call = tokio::spawn(create(monite.not_after(&lease(&clock))));
    eventually("the mint's turn is over", || turns.back.lock().unwrap().len() == 1).await;
    clock.advance(LEASE);
    turns.gate.add_permits(1);
    assert_not_sent(call.await.unwrap());
    assert_eq!(script.count(CREATE), 0);
    assert_eq!(*turns.back.lock().unwrap(), [Release::Answered; 2]);
}

#[tokio::test]
async fn a_repetition_that_would_come_too_late_is_not_sent() {
    let (script, clock) = (
        Script::with_tokens(|_| Reply::json(429, json!({"message": "slow"})).with_header("retry-after", "15")),
        clock(),
    );
    clock.auto_advance(true);
    assert_not_sent(create(client(&script, &clock).not_after(&lease(&clock))).await);
    assert_eq!(script.count(CREATE), 1);
}

/// What became of the attempt that left says more than that there was no time for another one.
#[tokio::test]
async fn an_attempt_that_may_have_been_carried_out_is_what_the_error_tells_of() {
    let (script, clock) =
        (Script::with_tokens(|_| Reply::error(503, "busy").with_header("retry-after", "15")), clock());
    clock.auto_advance(true);
    let error = client(&script, &clock).not_after(&lease(&clock)).entities().list(&Default::default()).await;
    let error = error.unwrap_err();
    assert_eq!((error.status(), script.count(LIST)), (Some(503), 1));
    assert!(error.may_have_applied());
}

#[tokio::test]
async fn a_deadline_that_was_moved_on_meanwhile_lets_the_call_go() {
    let (gate, clock) = (Arc::new(Semaphore::new(0)), clock());
    let (script, lease) = (slow_mints(&gate, 0, false), lease(&clock));
    let call = tokio::spawn(create(client(&script, &clock).not_after(&lease)));
    eventually("the mint that waits", || script.count("POST /auth/token") == 1).await;
    lease.move_to(lease.at() + LEASE);
    clock.advance(LEASE);
    gate.add_permits(1);
    assert_eq!(call.await.unwrap().unwrap_err().status(), Some(409));
}
