//! One budget for everything: logins first, first come first served within a priority, a pause is a pause for all.
//! How much of the limit is used, and that it is never passed, is simulated beside the code in `limit/`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use monite::limit::Permit;
use monite::{Clock, Limiter, ManualClock, Priority, RateSignal, WindowLimiter};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::support::{Reply, Script, builder, clock, eventually, settle};

const LIMIT: u32 = 30;

fn limiter(clock: &ManualClock) -> Arc<WindowLimiter> {
    Arc::new(WindowLimiter::new(LIMIT, Arc::new(clock.clone())))
}

/// Takes a permit as soon as it can and writes down who got it.
fn queue_up(
    limiter: &Arc<WindowLimiter>, priority: Priority, name: &str, got: &Arc<Mutex<Vec<String>>>,
) -> JoinHandle<Permit> {
    let (limiter, name, got) = (limiter.clone(), name.to_owned(), got.clone());
    tokio::spawn(async move {
        let permit = limiter.acquire(priority).await;
        got.lock().unwrap().push(name);
        permit
    })
}

#[tokio::test]
async fn logins_go_first_then_interactive_then_bulk_each_in_order() {
    let clock = clock();
    let (limiter, got) = (limiter(&clock), Arc::default());
    let first = queue_up(&limiter, Priority::Bulk, "first", &got);
    eventually("the first to go", || first.is_finished()).await;
    let mut rest = Vec::new();
    for (priority, name) in [
        (Priority::Bulk, "bulk 1"),
        (Priority::Interactive, "interactive 1"),
        (Priority::Bulk, "bulk 2"),
        (Priority::Login, "login 1"),
        (Priority::Interactive, "interactive 2"),
        (Priority::Login, "login 2"),
    ] {
        rest.push(queue_up(&limiter, priority, name, &got));
        settle().await;
    }
    for _ in 0..rest.len() {
        assert!(clock.advance_to_next(), "somebody waits for the pace");
        settle().await;
    }
    let expected = ["first", "login 1", "login 2", "interactive 1", "interactive 2", "bulk 1", "bulk 2"];
    assert_eq!(*got.lock().unwrap(), expected);
}

#[tokio::test]
async fn slow_answers_to_bulk_work_never_lock_logins_out() {
    let clock = clock();
    let (limiter, got) = (limiter(&clock), Arc::default());
    let bulk: Vec<_> = (0..100).map(|n| queue_up(&limiter, Priority::Bulk, &format!("bulk {n}"), &got)).collect();
    settle().await;
    while clock.advance_to_next() {
        settle().await;
    }
    let out = bulk.iter().filter(|task| task.is_finished()).count();
    assert_eq!(out, 27, "bulk work may have 27 of 30 unanswered at most");
    let login = queue_up(&limiter, Priority::Login, "login", &got);
    settle().await;
    assert!(login.is_finished(), "a login goes at once");
}

#[tokio::test]
async fn bulk_work_makes_room_while_people_log_in_and_takes_it_back_after() {
    let clock = clock();
    clock.auto_advance(true);
    let limiter = limiter(&clock);
    let bulk_in_three_seconds = async || {
        let start = clock.now();
        let mut sent = 0;
        while clock.now().duration_since(start).as_millis() < 3000 {
            limiter.acquire(Priority::Bulk).await.answered();
            sent += 1;
        }
        sent
    };
    let alone = bulk_in_three_seconds().await;
    assert!((85..=87).contains(&alone), "{alone} in 3 s instead of 28.5 a second");
    limiter.acquire(Priority::Login).await.answered();
    let beside_logins = bulk_in_three_seconds().await;
    assert!((79..=82).contains(&beside_logins), "{beside_logins} in 3 s instead of 27 a second: three stay free");
    clock.advance(Duration::from_secs(5));
    let after = bulk_in_three_seconds().await;
    assert!((85..=87).contains(&after), "{after} in 3 s instead of 28.5 a second");
}

#[tokio::test]
async fn a_cancelled_wait_leaks_nothing() {
    let clock = clock();
    let (limiter, got) = (limiter(&clock), Arc::default());
    let holder = queue_up(&limiter, Priority::Login, "holder", &got);
    eventually("the first to go", || holder.is_finished()).await;
    let doomed: Vec<_> = (0..10).map(|_| queue_up(&limiter, Priority::Login, "doomed", &got)).collect();
    let heir = queue_up(&limiter, Priority::Login, "heir", &got);
    settle().await;
    for task in &doomed {
        task.abort();
    }
    settle().await;
    assert!(clock.advance_to_next());
    eventually("the heir to go, ten cancelled before it", || heir.is_finished()).await;
    assert_eq!(*got.lock().unwrap(), ["holder", "heir"]);
    assert_eq!(clock.sleepers(), 0);
}

#[tokio::test]
async fn a_429_pauses_everyone_until_retry_after() {
    let clock = clock();
    let (limiter, got) = (limiter(&clock), Arc::default());
    limiter.observe(&RateSignal { status: 429, retry_after: Some(Duration::from_secs(3)), ..Default::default() });
    assert_eq!(limiter.pause_left(), Duration::from_secs(3));
    let login = queue_up(&limiter, Priority::Login, "login", &got);
    clock.wait_for_sleepers(1).await;
    clock.advance(Duration::from_millis(2_999));
    settle().await;
    assert!(!login.is_finished());
    clock.advance(Duration::from_millis(1));
    eventually("the pause to end", || login.is_finished()).await;
}

#[tokio::test]
async fn a_lower_limit_in_the_headers_is_taken_over_a_higher_one_is_not() {
    for (stated, least, most) in [(5, 6, 9), (300, 55, 60)] {
        let clock = clock();
        clock.auto_advance(true);
        let limiter = limiter(&clock);
        let start = clock.now();
        limiter.observe(&RateSignal { status: 200, limit: Some(stated), ..Default::default() });
        let mut sent = 0;
        while clock.now().duration_since(start).as_secs() < 2 {
            limiter.acquire(Priority::Bulk).await.answered();
            sent += 1;
        }
        assert!((least..=most).contains(&sent), "{sent} in 2 s with {stated} stated");
    }
}

#[tokio::test]
async fn mints_and_retries_pass_the_same_limiter() {
    #[derive(Debug, Default)]
    struct Counting(Mutex<Vec<Priority>>, Mutex<Vec<RateSignal>>);
    #[async_trait::async_trait]
    impl Limiter for Counting {
        async fn acquire(&self, priority: Priority) -> Permit {
            self.0.lock().unwrap().push(priority);
            Permit::free()
        }
        fn observe(&self, signal: &RateSignal) {
            self.1.lock().unwrap().push(*signal);
        }
    }
    let script = Script::with_tokens(|call| match call.nth {
        0 => Reply::error(503, "down"),
        _ => Reply::json(200, json!({"data": []}))
            .with_header("ratelimit-limit", "30")
            .with_header("ratelimit-remaining", "29")
            .with_header("ratelimit-reset", "1"),
    });
    let clock = clock();
    clock.auto_advance(true);
    let limiter = Arc::new(Counting::default());
    let monite = builder(&script, &clock).limiter(limiter.clone()).build().unwrap();
    monite.with_priority(Priority::Bulk).entities().list(&Default::default()).await.unwrap();
    assert_eq!(*limiter.0.lock().unwrap(), [Priority::Interactive, Priority::Bulk, Priority::Bulk]);
    let seen = limiter.1.lock().unwrap();
    assert_eq!(seen.iter().map(|signal| signal.status).collect::<Vec<_>>(), [200, 503, 200]);
    let last = RateSignal {
        status: 200,
        retry_after: None,
        limit: Some(30),
        remaining: Some(29),
        reset: Some(Duration::from_secs(1)),
    };
    assert_eq!(seen[2], last);
}

#[tokio::test]
async fn the_reset_header_may_be_seconds_or_a_point_in_time() {
    let clock = clock();
    let start: Timestamp = clock.now();
    let epoch = (start.as_second() + 20).to_string();
    let script = Script::with_tokens(move |call| match call.nth {
        0 => Reply::json(429, json!({"message": "API rate limit exceeded"})).with_header("ratelimit-reset", &epoch),
        _ => Reply::json(200, json!({"data": []})),
    });
    let limiter = limiter(&clock);
    let monite = builder(&script, &clock).limiter(limiter.clone()).build().unwrap();
    let call = tokio::spawn(async move { monite.entities().list(&Default::default()).await.map(|_| ()) });
    while !call.is_finished() {
        settle().await;
        clock.advance_to_next();
    }
    call.await.unwrap().unwrap();
    assert!(clock.now().duration_since(start).as_secs() >= 20, "waited for the reset");
}

/// Simulated time: every wait moves the clock by itself.
fn advancing() -> ManualClock {
    let clock = clock();
    clock.auto_advance(true);
    clock
}

#[tokio::test]
async fn with_ten_thousand_bulk_calls_in_line_a_login_waits_less_than_a_fifth_of_a_second() {
    let clock = clock();
    let (limiter, got) = (limiter(&clock), Arc::default());
    let call = || {
        let limiter = limiter.clone();
        tokio::spawn(async move { limiter.acquire(Priority::Bulk).await.answered() })
    };
    let bulk: Vec<_> = (0..10_000).map(|_| call()).collect();
    settle().await;
    let mut longest = Duration::ZERO;
    for round in 0..40 {
        let login = queue_up(&limiter, Priority::Login, &format!("login {round}"), &got);
        settle().await;
        let asked = clock.now();
        while !login.is_finished() {
            assert!(clock.advance_to_next(), "somebody waits for the pace");
            settle().await;
        }
        longest = longest.max(clock.now().duration_since(asked).try_into().unwrap());
        login.await.unwrap().answered();
        for _ in 0..round {
            clock.advance_to_next();
            settle().await;
        }
    }
    assert!(bulk.iter().any(|task| !task.is_finished()), "the backlog was there all the time");
    assert!(longest < Duration::from_millis(200), "a login waited {longest:?}");
}

#[tokio::test]
async fn nobody_starves_however_many_log_in() {
    let clock = clock();
    let (limiter, got) = (limiter(&clock), Arc::<Mutex<Vec<String>>>::default());
    for (priority, name) in [
        (Priority::Login, "login"),
        (Priority::Interactive, "interactive"),
        (Priority::Bulk, "bulk"),
        (Priority::Background, "background"),
    ] {
        for _ in 0..400 {
            let (limiter, got) = (limiter.clone(), got.clone());
            tokio::spawn(async move {
                let permit = limiter.acquire(priority).await;
                got.lock().unwrap().push(name.to_owned());
                permit.answered();
            });
        }
    }
    settle().await;
    while got.lock().unwrap().len() < 300 {
        assert!(clock.advance_to_next(), "somebody waits for the pace");
        settle().await;
    }
    let count = |name: &str| got.lock().unwrap().iter().take(300).filter(|one| *one == name).count();
    let counts = ["login", "interactive", "bulk", "background"].map(count);
    assert!(counts[0] >= 180, "logins are first: {counts:?}");
    assert!(counts[1] >= 45 && counts[2] >= 24 && counts[3] >= 8, "everybody gets a part: {counts:?}");
}

#[tokio::test]
async fn an_empty_limit_that_our_own_calls_do_not_explain_holds_back_until_the_reset() {
    let empty =
        RateSignal { status: 200, remaining: Some(0), reset: Some(Duration::from_secs(2)), ..RateSignal::default() };
    let clock = advancing();
    let limiter = limiter(&clock);
    limiter.acquire(Priority::Bulk).await.answered();
    limiter.observe(&empty);
    let asked = clock.now();
    limiter.acquire(Priority::Login).await.answered();
    assert_eq!(clock.now().duration_since(asked).as_millis(), 2000, "somebody else uses the limit, too");
    for _ in 0..40 {
        limiter.acquire(Priority::Bulk).await.answered();
    }
    limiter.observe(&empty);
    let asked = clock.now();
    limiter.acquire(Priority::Bulk).await.answered();
    assert!(clock.now().duration_since(asked).as_millis() < 100, "our own calls emptied it: the window knows better");
}

#[tokio::test]
async fn a_lower_limit_is_given_up_when_no_answer_repeats_it() {
    let clock = advancing();
    let limiter = limiter(&clock);
    limiter.observe(&RateSignal { status: 200, limit: Some(10), ..RateSignal::default() });
    limiter.observe(&RateSignal { status: 200, limit: Some(30), ..RateSignal::default() });
    assert_eq!(limiter.usage().stated, Some(10), "limits differ from call to call; the lowest counts");
    clock.advance(Duration::from_secs(10));
    assert_eq!(limiter.usage().stated, None);
}

#[tokio::test]
async fn nothing_goes_out_before_a_share_is_granted_and_after_it_has_ended() {
    use monite::limit::Share;
    let clock = clock();
    let limiter = Arc::new(WindowLimiter::with_share(Share::none(LIMIT), Arc::new(clock.clone())));
    let got = Arc::default();
    let waits = queue_up(&limiter, Priority::Login, "early", &got);
    clock.advance(Duration::from_secs(60));
    settle().await;
    assert!(!waits.is_finished(), "no share, no call");
    let now = clock.now();
    let share = |seconds: u64| Share { from: now, until: now + Duration::from_secs(seconds), ..Share::whole(LIMIT) };
    limiter.set_share(share(2));
    eventually("the share to be used", || waits.is_finished()).await;
    clock.advance(Duration::from_secs(2));
    let late = queue_up(&limiter, Priority::Login, "late", &got);
    clock.advance(Duration::from_secs(60));
    settle().await;
    assert!(!late.is_finished(), "the share has ended");
    let now = clock.now();
    limiter.set_share(Share { from: now + Duration::from_secs(1), until: Timestamp::MAX, ..Share::whole(LIMIT) });
    settle().await;
    assert!(!late.is_finished(), "a clock that was set back does not prolong it");
}
