//! A gate may hold calls back: they fail at once, wait for nobody, and are not tried again.

use std::sync::{Arc, Mutex};

use monite::gate::{Ending, Held, Pass, Subject};
use monite::limit::Permit;
use monite::{Gate, Limiter, Priority, RateSignal, TransportKind};
use serde_json::json;

use crate::support::{Reply, Script, builder, clock};

/// Writes down what it is asked and told.
#[derive(Debug, Default)]
struct Book {
    shut: Mutex<bool>,
    subjects: Mutex<Vec<Subject>>,
    endings: Mutex<Vec<Ending>>,
}

impl Gate for Book {
    fn check(&self) -> Result<(), Held> {
        if *self.shut.lock().unwrap() { Err(Held("closed for today".to_owned())) } else { Ok(()) }
    }

    fn enter(&self, about: Subject) -> Result<Pass, Held> {
        self.check()?;
        self.subjects.lock().unwrap().push(about);
        Ok(Pass::Ordinary)
    }

    fn left(&self, _pass: Pass, _about: Subject, ending: Ending) {
        self.endings.lock().unwrap().push(ending);
    }
}

#[derive(Debug, Default)]
struct Counting(Mutex<u32>);

#[async_trait::async_trait]
impl Limiter for Counting {
    async fn acquire(&self, _priority: Priority) -> Permit {
        *self.0.lock().unwrap() += 1;
        Permit::free()
    }
    fn observe(&self, _signal: &RateSignal) {}
}

#[tokio::test]
async fn what_is_held_back_fails_at_once_and_waits_for_nobody() {
    let script = Script::with_tokens(|_| Reply::json(200, json!({"data": []})));
    let (clock, gate, limiter) = (clock(), Arc::new(Book::default()), Arc::new(Counting::default()));
    let monite = builder(&script, &clock).gate(gate.clone()).limiter(limiter.clone()).build().unwrap();
    *gate.shut.lock().unwrap() = true;
    let error = monite.entities().list(&Default::default()).await.unwrap_err();
    assert!(error.is_held() && error.is_retryable() && !error.may_have_applied(), "{error:?}");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "closed for today");
    assert_eq!((*limiter.0.lock().unwrap(), monite.calls_made()), (0, 0));
    *gate.shut.lock().unwrap() = false;
    monite.entities().list(&Default::default()).await.unwrap();
}

#[tokio::test]
async fn an_attempt_that_may_have_been_carried_out_is_what_the_error_tells_of_when_the_next_one_is_held() {
    let gate = Arc::new(Book::default());
    let shuts = Arc::clone(&gate);
    let script = Script::with_tokens(move |_| {
        *shuts.shut.lock().unwrap() = true;
        Reply::Lost(TransportKind::Timeout)
    });
    let clock = clock();
    clock.auto_advance(true);
    let monite = builder(&script, &clock).gate(gate.clone()).build().unwrap();
    let one = monite.entity(monite::EntityId::from(uuid::Uuid::from_u128(1)));
    let error = one.deactivate().await.unwrap_err();
    assert!(error.may_have_applied() && !error.is_held(), "{error:?}");
    assert_eq!(gate.endings.lock().unwrap().len(), 2, "the mint and one attempt");
    *gate.shut.lock().unwrap() = false;
    let error = monite.entities().list(&Default::default()).await.unwrap_err();
    assert!(error.is_held(), "what only asks has nothing else to tell: {error:?}");
}

#[tokio::test]
async fn the_gate_hears_once_how_every_attempt_ended() {
    let script = Script::with_tokens(|call| match call.nth {
        0 => Reply::Lost(TransportKind::Timeout),
        1 => Reply::error(503, "down"),
        _ => Reply::json(200, json!({"data": []})),
    });
    let (clock, gate) = (clock(), Arc::new(Book::default()));
    clock.auto_advance(true);
    let monite = builder(&script, &clock).gate(gate.clone()).build().unwrap();
    monite.entities().list(&Default::default()).await.unwrap();
    let mint = Ending::Answered(200);
    let expected = [mint, Ending::Lost(TransportKind::Timeout), Ending::Answered(503), Ending::Answered(200)];
    assert_eq!(*gate.endings.lock().unwrap(), expected);
}

#[tokio::test]
async fn calls_about_one_entity_have_one_subject_and_others_differ() {
    let script = Script::with_tokens(|_| Reply::error(404, "no"));
    let (clock, gate) = (clock(), Arc::new(Book::default()));
    let monite = builder(&script, &clock).gate(gate.clone()).build().unwrap();
    let entity = |number: u128| monite::EntityId::from(uuid::Uuid::from_u128(number));
    for number in [1, 2] {
        let one = monite.entity(entity(number));
        let _ = one.get().await;
        let _ = one.deactivate().await;
    }
    let subjects = gate.subjects.lock().unwrap();
    let [mint, get_one, off_one, get_two, off_two] = subjects[..] else { panic!("{subjects:?}") };
    assert_eq!((get_one, get_two), (off_one, off_two));
    assert_ne!(get_one, get_two);
    assert_eq!(mint, Subject::Everything, "without the partner's token there is no call at all");
}

#[tokio::test]
async fn a_caller_who_goes_away_is_told_to_the_gate() {
    let never = Arc::new(tokio::sync::Semaphore::new(0));
    let script = Script::with_tokens(move |_| Reply::error(500, "never answered").behind(&never));
    let (clock, gate) = (clock(), Arc::new(Book::default()));
    let monite = builder(&script, &clock).gate(gate.clone()).build().unwrap();
    let call = tokio::spawn(async move { monite.entities().list(&Default::default()).await.map(|_| ()) });
    crate::support::eventually("the call to be out", || gate.subjects.lock().unwrap().len() == 2).await;
    call.abort();
    crate::support::eventually("the gate to hear of it", || gate.endings.lock().unwrap().len() == 2).await;
    assert_eq!(gate.endings.lock().unwrap()[1], Ending::Cancelled);
}
