//! What the courier asks of the world, one lock at a time.

use uuid::Uuid;

use super::App;
use crate::world::hooks::{Attempt, Letter};
use crate::world::stamp::Stamp;

impl App {
    /// What is to be sent for a delivery at this moment, and for which world; `None` when nothing is any more.
    pub(crate) fn letter(&self, delivery: Uuid) -> Option<(Letter, u64)> {
        let world = self.world();
        let letter = world.letter(delivery, Stamp::from(self.now()))?;
        let epoch = *self.epoch.borrow();
        Some((letter, epoch))
    }

    /// Ends a delivery that is due and for which there is no letter, which only rows that do not fit together can bring
    /// about: it would be due for ever.
    pub(crate) fn give_up(&self, delivery: Uuid) {
        let mut world = self.world_mut();
        world.give_up(delivery, Stamp::from(self.now()));
        drop(self.keep_changes(&mut world));
    }

    /// Waits until the world of `epoch` is thrown away.
    pub(crate) async fn outlive(&self, epoch: u64) {
        // The sender is the app's own, so this cannot fail.
        let _ = self.epoch.subscribe().wait_for(|now| *now != epoch).await;
    }

    /// Writes down what came of a webhook that was sent for the world of `epoch`.
    pub(crate) fn attempted(&self, letter: &Letter, attempt: Attempt, epoch: u64) {
        let mut world = self.world_mut();
        if *self.epoch.borrow() == epoch {
            world.attempted(letter, attempt, self.courier.settings.retry_scale, Stamp::from(self.now()));
            // Nobody waits for it: after a kill the receiver gets it again, which it must bear anyway.
            drop(self.keep_changes(&mut world));
        }
    }

    /// Waits until everything changed so far is in the data file; `false` when it could not be written.
    pub(crate) async fn is_written(&self) -> bool {
        match &self.storage {
            // Changes are written in order, so an empty one ends after all those before it.
            Some(storage) => matches!(storage.write(Vec::new()).await, Ok(Ok(()))),
            None => true,
        }
    }
}
