//! Another world in the place of this one: empty, dumped elsewhere, or as it once was.

use super::{App, REQUEST_IDS, WORLD_IDS};
use crate::dump::{self, DumpError};
use crate::id::IdSource;
use crate::journal::Journal;
use crate::quirks::Quirks;
use crate::snapshots::SnapshotError;
use crate::storage::Commit;
use crate::world::World;
use crate::world::rows::{CLOCK_OFFSET, setting};

impl App {
    /// Back to the first moment: nothing in the world, no tokens, faults, journal or clock offset, and the quirks as at the start.
    pub(crate) fn reset(&self) -> Option<Commit> {
        let mut world = self.world_mut();
        let new = self.empty_world(&world.quirks);
        let commit = self.replace(&mut world, new, 0);
        self.faults().clear();
        *self.journal() = Journal::new(IdSource::new(self.seed, REQUEST_IDS));
        self.meter().reset();
        commit
    }

    /// Everything that is kept, as one document.
    pub(crate) fn dump(&self) -> String {
        let world = self.world();
        dump::write(&world, self.now(), self.clock.offset_micros())
    }

    /// Puts a dumped world in the place of this one, or changes nothing. Faults, rate limit and journal stay.
    pub(crate) fn load(&self, document: &str) -> Result<Option<Commit>, DumpError> {
        let mut new = self.empty_world(&self.quirks());
        let offset = dump::read(document, &mut new)?;
        Ok(self.replace(&mut self.world_mut(), new, offset))
    }

    /// Holds the world as it is now under a name; says whether the name is new.
    pub(crate) fn take_snapshot(&self, name: &str) -> Result<bool, SnapshotError> {
        self.snapshots().check(name)?;
        let world = self.world();
        let now = self.now();
        let document = dump::write(&world, now, self.clock.offset_micros());
        self.snapshots().hold(name, document, now, world.entities_count())
    }

    /// With the quirks as they were chosen at the start.
    fn empty_world(&self, quirks: &Quirks) -> World {
        let mut world = World::new(IdSource::new(self.seed, WORLD_IDS), self.storage.is_some());
        world.quirks = quirks.as_at_start();
        world
    }

    /// A new world and its clock, in memory and, in one transaction, in the data file.
    fn replace(&self, world: &mut World, new: World, offset_micros: i64) -> Option<Commit> {
        *world = new;
        self.epoch.send_modify(|epoch| *epoch += 1);
        self.clock.set_offset(offset_micros);
        if world.has_pending_deliveries() {
            self.courier.wake();
        }
        let storage = self.storage.as_ref()?;
        // All of it is written, what changed included.
        world.take_changes();
        let mut rows = world.all_rows();
        rows.push(setting(CLOCK_OFFSET, offset_micros));
        Some(storage.replace(rows))
    }
}
