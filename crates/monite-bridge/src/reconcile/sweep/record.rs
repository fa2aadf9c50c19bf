//! How far a sweep has come, kept in the store: it survives the process, and shows who is at it.

use std::time::Duration;

use jiff::Timestamp;
use monite::EntityId;
use serde::{Deserialize, Serialize};

use super::super::visit::Workshop;
use super::pace::Pace;
use super::tally::{Finished, Tally};
use crate::domain::CustomerId;
use crate::store::{Store, StoreError, WorkerId};

/// The setting it is kept under.
const NAME: &str = "sweep";

/// A sweep is somebody's for this long after the last sign of life, or for so many calls if those take longer: a dead process holds
/// it back no longer.
const HELD_FOR: Duration = Duration::from_secs(120);
const HELD_FOR_CALLS: u32 = 4;

/// Where a sweep stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    /// At the beginning.
    #[default]
    Start,
    /// Entities up to this one, in the order of their creation, are done.
    Entities {
        /// When it was created.
        created_at: Timestamp,
        /// Which one it is.
        id: EntityId,
    },
    /// Linked entities that no list showed are looked for, in the order of their customers, behind this one.
    Customers(Option<CustomerId>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Running {
    started_at: Timestamp,
    place: Place,
    tally: Tally,
    /// How often it could not go on from this place.
    stumbled: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Held {
    by: String,
    until: Timestamp,
}

/// What is kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Kept {
    held: Option<Held>,
    running: Option<Running>,
    pub(super) last: Option<Finished>,
}

impl Kept {
    pub(super) async fn read(store: &dyn Store) -> Result<Self, StoreError> {
        Self::parse(store.setting(NAME).await?.as_deref())
    }

    fn parse(text: Option<&str>) -> Result<Self, StoreError> {
        let Some(text) = text else { return Ok(Self::default()) };
        serde_json::from_str(text)
            .map_err(|error| StoreError::Corrupt { row: format!("settings {NAME}"), reason: error.to_string() })
    }

    /// When the next one may begin or go on; `None`: at once.
    pub(super) fn next(&self, interval: Duration) -> Option<Timestamp> {
        match (&self.held, &self.running, &self.last) {
            (Some(held), ..) => Some(held.until),
            (None, Some(_), _) | (None, None, None) => None,
            (None, None, Some(last)) => last.finished_at.checked_add(interval).ok(),
        }
    }
}

/// The right to sweep. Every step it notes down first checks that it still has it.
#[derive(Debug)]
pub(super) struct Hold<'a> {
    workshop: &'a Workshop,
    by: &'a WorkerId,
    held_for: Duration,
    kept: Kept,
    text: String,
}

/// What has to show signs of life while its entities are looked into.
pub(super) trait Pulse: Send {
    /// A sign of life, where it is time for one.
    fn beat(&mut self) -> impl Future<Output = Result<Still, StoreError>> + Send;
}

/// A look at one entity is nobody's: two who look do no harm.
#[derive(Debug)]
pub(super) struct Unheld;

impl Pulse for Unheld {
    async fn beat(&mut self) -> Result<Still, StoreError> {
        Ok(Still::Ours)
    }
}

impl Pulse for Hold<'_> {
    async fn beat(&mut self) -> Result<Still, StoreError> {
        if self.wears_off() { self.keep().await } else { Ok(Still::Ours) }
    }
}

/// Whether a sweep is still ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(super) enum Still {
    Ours,
    TakenOver,
}

impl<'a> Hold<'a> {
    /// Takes the sweep, where it stands; `None`: another process is at it.
    pub(super) async fn take(
        workshop: &'a Workshop, by: &'a WorkerId, pace: &Pace,
    ) -> Result<Option<Self>, StoreError> {
        let held_for = HELD_FOR.max(pace.every() * HELD_FOR_CALLS);
        let was = workshop.store.setting(NAME).await?;
        let mut kept = Kept::parse(was.as_deref())?;
        let now = workshop.clock.now();
        if kept.held.as_ref().is_some_and(|held| held.until > now && held.by != by.0) {
            return Ok(None);
        }
        kept.held = Some(Held { by: by.0.clone(), until: now + held_for });
        kept.running.get_or_insert_with(|| Running {
            started_at: now,
            place: Place::Start,
            tally: Tally::default(),
            stumbled: 0,
        });
        let text = text_of(&kept);
        let taken = workshop.store.swap_setting(NAME, was.as_deref(), &text).await?;
        Ok(taken.then_some(Self { workshop, by, held_for, kept, text }))
    }

    pub(super) fn place(&self) -> Place {
        self.kept.running.as_ref().map(|running| running.place.clone()).unwrap_or_default()
    }

    pub(super) fn tally(&self) -> &Tally {
        static NONE: std::sync::LazyLock<Tally> = std::sync::LazyLock::new(Tally::default);
        self.kept.running.as_ref().map_or(&NONE, |running| &running.tally)
    }

    /// Counts what was seen since the last step and notes down where it stands.
    pub(super) async fn step(&mut self, place: Place, seen: Tally) -> Result<Still, StoreError> {
        if let Some(running) = &mut self.kept.running {
            (running.place, running.tally, running.stumbled) = (place, seen, 0);
        }
        self.keep().await
    }

    /// Whether it is time for a sign of life in the middle of a step.
    fn wears_off(&self) -> bool {
        self.kept.held.as_ref().is_none_or(|held| held.until < self.workshop.clock.now() + self.held_for / 2)
    }

    /// A sign of life in the middle of a step.
    async fn keep(&mut self) -> Result<Still, StoreError> {
        let until = self.workshop.clock.now() + self.held_for;
        self.kept.held = Some(Held { by: self.by.0.clone(), until });
        self.write().await
    }

    /// In a step that was not finished, so many were found in all.
    pub(super) fn found(&mut self, drifted: u64) {
        if let Some(running) = &mut self.kept.running {
            running.tally.drifted = drifted;
        }
    }

    /// Monite did not answer; how often now at this place.
    pub(super) fn stumble(&mut self) -> u32 {
        self.kept.running.as_mut().map_or(0, |running| {
            running.stumbled += 1;
            running.stumbled
        })
    }

    /// The end.
    pub(super) async fn finish(mut self, now: Timestamp) -> Result<(), StoreError> {
        if let Some(Running { started_at, tally, .. }) = self.kept.running.take() {
            self.kept.last = Some(Finished { started_at, finished_at: now, tally });
        }
        self.let_go().await
    }

    /// Leaves it to whoever takes it next.
    pub(super) async fn let_go(mut self) -> Result<(), StoreError> {
        self.kept.held = None;
        // Taken over meanwhile: then it is not ours to leave.
        let _ = self.write().await?;
        Ok(())
    }

    async fn write(&mut self) -> Result<Still, StoreError> {
        let text = text_of(&self.kept);
        if !self.workshop.store.swap_setting(NAME, Some(&self.text), &text).await? {
            return Ok(Still::TakenOver);
        }
        self.text = text;
        Ok(Still::Ours)
    }
}

fn text_of(kept: &Kept) -> String {
    serde_json::to_string(kept).expect("plain data with text keys always serializes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_one_waits_for_the_interval_and_a_broken_off_one_for_nobody() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let hour = Duration::from_secs(3600);
        let last = Some(Finished { started_at: at(0), finished_at: at(100), tally: Tally::default() });
        let running = Some(Running { started_at: at(0), place: Place::Start, tally: Tally::default(), stumbled: 0 });
        let held = Some(Held { by: "other".to_owned(), until: at(500) });
        let table = [
            (Kept::default(), None),
            (Kept { last: last.clone(), ..Kept::default() }, Some(at(3700))),
            (Kept { last: last.clone(), running: running.clone(), ..Kept::default() }, None),
            (Kept { last, running, held }, Some(at(500))),
        ];
        for (kept, expected) in table {
            assert_eq!(kept.next(hour), expected, "{kept:?}");
            assert_eq!(Kept::parse(Some(&text_of(&kept))).unwrap(), kept);
        }
    }
}
