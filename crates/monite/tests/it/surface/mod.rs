//! One walk over everything the client can do, each call in success and in failure, with the class of each outcome
//! checked by what it means and never by its status: it passes however Monite's undocumented points are settled.

mod about_entities;
mod about_people;
mod about_settings;
mod about_webhooks;
mod coverage;

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use monite::{CallLog, CallRecord, Error, Monite};
use monite_sandbox::Sandbox;
use serde_json::Value;
use uuid::Uuid;

use crate::support::{World, client_of, world};

/// What has been called so far.
pub(crate) struct Walk<'a> {
    pub(crate) world: &'a World,
    /// A client that notes its calls.
    pub(crate) monite: Monite,
    log: CallLog,
    records: Vec<CallRecord>,
}

impl<'a> Walk<'a> {
    fn new(world: &'a World) -> Self {
        let log = CallLog::new();
        Self { world, monite: world.monite.recording(&log), log, records: Vec::new() }
    }

    /// Takes note of the calls since the last time; the log itself keeps only the latest few.
    fn note(&mut self) {
        let records = self.log.take();
        assert!(records.len() < 32, "a step of {} calls may have lost some", records.len());
        self.records.extend(records);
    }
}

/// The whole walk. `Err` is never the outcome of a point settled one way or the other: it panics and says where.
pub(crate) async fn walk(world: &World) -> Vec<CallRecord> {
    let mut walk = Walk::new(world);
    about_entities::reading_and_changing(&walk).await;
    walk.note();
    about_entities::strangers(&walk).await;
    walk.note();
    about_people::roles(&walk).await;
    walk.note();
    about_people::users(&walk).await;
    walk.note();
    about_people::in_the_name_of_a_user(&walk).await;
    walk.note();
    about_people::tokens(&walk).await;
    walk.note();
    about_settings::both(&walk).await;
    walk.note();
    about_webhooks::subscriptions(&walk).await;
    walk.note();
    about_webhooks::events_and_deliveries(&walk).await;
    walk.note();
    walk.records
}

/// A thing that does not exist.
pub(crate) fn stranger<T: From<Uuid>>() -> T {
    Uuid::from_u128(404).into()
}

/// The one row of a list.
pub(crate) fn only<T: std::fmt::Debug>(rows: Vec<T>) -> T {
    match <[T; 1]>::try_from(rows) {
        Ok([row]) => row,
        Err(rows) => panic!("one row was expected: {rows:?}"),
    }
}

/// Refused for good: trying again cannot help, and nothing was done.
pub(crate) fn refused<T>(outcome: Result<T, Error>) -> Error {
    let Err(error) = outcome else { panic!("this should have been refused") };
    assert!(!error.is_retryable() && !error.may_have_applied(), "{error:?}");
    assert!(matches!(error, Error::Api { .. }), "{error:?}");
    error
}

pub(crate) fn missing<T>(outcome: Result<T, Error>) {
    let error = refused(outcome);
    assert!(error.is_not_found() && !error.is_conflict() && !error.is_token_dead(), "not taken for missing: {error:?}");
}

pub(crate) fn taken<T>(outcome: Result<T, Error>) {
    let error = refused(outcome);
    assert!(error.is_conflict() && !error.is_not_found(), "not taken for a conflict: {error:?}");
}

pub(crate) fn denied<T>(outcome: Result<T, Error>) {
    let error = refused(outcome);
    assert!(error.is_permission_denied() && !error.is_conflict(), "not taken for a denial: {error:?}");
}

/// Every way in which every undocumented point can be settled, one at a time, whatever rows the table gets.
fn every_flip(sandbox: &Sandbox) -> Vec<(String, String)> {
    let Value::Object(table) = sandbox.quirks() else { panic!("the table is not an object") };
    let options = |row: &Value| serde_json::from_value::<Vec<String>>(row["options"].clone()).unwrap();
    table.iter().flat_map(|(name, row)| options(row).into_iter().map(|option| (name.clone(), option))).collect()
}

#[tokio::test]
async fn everything_means_the_same_however_the_open_points_are_settled() {
    let mut world = world().await;
    let flips = every_flip(&world.sandbox);
    assert!(flips.len() > 60, "{flips:?}");
    for (name, option) in flips {
        // One sandbox for all: that it comes back empty is cheaper than another, and is seen here, too.
        world.sandbox.reset();
        world.sandbox.set_quirk(&name, &option).unwrap();
        world.monite =
            client_of(&world.sandbox, world.sandbox.client_secret(), &world.clock).unlimited().build().unwrap();
        let outcome = AssertUnwindSafe(walk(&world)).catch_unwind().await;
        assert!(outcome.is_ok(), "the walk fails with {name} = {option}; what it found is above");
    }
}
