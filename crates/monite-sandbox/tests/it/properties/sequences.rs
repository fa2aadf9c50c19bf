//! Any sequence of operations leaves the state that the rules say, also over a restart.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::Value;

use super::play::Play;
use super::steps::{Step, steps};
use crate::support::builder;
use crate::support::chance::{runner, runtime};
use crate::support::direct::Direct;

const CLIENT: (&str, &str) = ("9d2b4c8f-2087-4738-ba91-7359683c49a4", "a-secret");

async fn play(play: &mut Play, steps: &[Step]) -> Result<(), TestCaseError> {
    for step in steps {
        play.take(step).await?;
    }
    play.compare().await
}

#[test]
fn any_sequence_of_operations_leaves_what_a_plain_model_of_the_rules_says() {
    let runtime = runtime();
    let outcome = runner(240).run(&steps(60), |steps| {
        runtime.block_on(async {
            let mut game = Play::new(Direct::with(builder()).await);
            play(&mut game, &steps).await
        })
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn a_restart_between_any_two_sequences_changes_nothing() {
    let runtime = runtime();
    let outcome = runner(24).run(&(steps(40), steps(20)), |(before, after)| {
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let kept = || builder().data_file(dir.path().join("sandbox.db")).credentials(CLIENT.0, CLIENT.1);
            let mut game = Play::new(Direct::with(kept()).await);
            play(&mut game, &before).await?;
            // What is due is tried, so that nothing changes by itself while we look.
            game.direct.sandbox.deliver_webhooks().await.unwrap();
            let (state, now) = (game.direct.sandbox.state(), game.direct.sandbox.now());
            let dump = contents(&game.direct.sandbox.dump());
            let token = game.direct.token.clone();
            let Play { direct, model, ids } = game;
            drop(direct);
            let direct = Direct::reopened(kept(), token).await;
            prop_assert_eq!(direct.sandbox.state(), state);
            prop_assert_eq!(direct.sandbox.now(), now);
            prop_assert_eq!(contents(&direct.sandbox.dump()), dump);
            play(&mut Play { direct, model, ids }, &after).await
        })
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn a_dump_goes_on_elsewhere_as_the_original_would() {
    let runtime = runtime();
    let outcome = runner(48).run(&(steps(40), steps(20)), |(before, after)| {
        runtime.block_on(async {
            let original = builder().credentials(CLIENT.0, CLIENT.1);
            let mut game = Play::new(Direct::with(original).await);
            play(&mut game, &before).await?;
            game.direct.sandbox.deliver_webhooks().await.unwrap();
            let dump = game.direct.sandbox.dump();
            // Of another seed, as a world from elsewhere would be.
            let other = builder().credentials(CLIENT.0, CLIENT.1).seed(8);
            let direct = Direct::reopened(other, game.direct.token.clone()).await;
            direct.sandbox.load(&dump).unwrap();
            prop_assert_eq!(contents(&direct.sandbox.dump()), contents(&dump));
            play(&mut Play { direct, ..game }, &after).await
        })
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

/// A dump without what differs from one time to the next: when it was taken, and how often it was loaded.
fn contents(dump: &str) -> Value {
    let mut dump: Value = serde_json::from_str(dump).unwrap();
    dump["taken_at"].take();
    dump["rows"]["setting"]["starts"].take();
    dump
}
