//! Writes that reads do not show yet: what the objects looked like before, and until when they still look so.
//!
//! As behind a replica that lags: a whole read is answered from the older state, permissions included. Writes, tokens and
//! whatever must be unique see the truth. A later write that does not lag shows the object as it is now, and with it
//! everything written to that object before.

mod object;

use std::collections::BTreeMap;

use self::object::{Object, Version};
use super::World;
use super::rows::Changed;
use super::stamp::Stamp;

/// What of the world is not what it looks like.
#[derive(Default)]
pub(super) struct Lag {
    /// When the write at work becomes visible; `None`: at once.
    visible_at: Option<Stamp>,
    /// Tells two writes to the same object apart.
    write: u64,
    /// For each object its earlier looks, oldest first; `until` ascends.
    looks: BTreeMap<Object, Vec<Look>>,
    is_rewound: bool,
}

struct Look {
    /// `None`: there was no such object.
    version: Option<Version>,
    until: Stamp,
    write: u64,
}

impl World {
    /// Begins a write that reads show from `visible_at` on; `None`: at once.
    pub(crate) fn begin_write(&mut self, visible_at: Option<Stamp>) {
        self.lag.visible_at = visible_at;
        self.lag.write += 1;
    }

    /// Is anything not what it looks like? May still say yes when its time is over.
    pub(crate) fn is_lagging(&self) -> bool {
        !self.lag.looks.is_empty()
    }

    /// Remembers what is about to change, if the write at work is to lag.
    pub(super) fn remember(&mut self, change: Changed) {
        if self.lag.visible_at.is_none() && !self.is_lagging() {
            return;
        }
        let Some(object) = Object::of(change) else {
            return;
        };
        let Some(until) = self.lag.visible_at else {
            self.lag.looks.remove(&object);
            return;
        };
        let version = self.version(object);
        let write = self.lag.write;
        let looks = self.lag.looks.entry(object).or_default();
        if looks.last().is_some_and(|last| last.write == write) {
            return;
        }
        // What comes later shows what came before.
        for earlier in looks.iter_mut() {
            earlier.until = earlier.until.min(until);
        }
        looks.push(Look { version, until, write });
    }

    /// Lets `look` see the world as it looks at `now`.
    pub(crate) fn as_seen<R>(&mut self, now: Stamp, look: impl FnOnce(&World) -> R) -> R {
        self.lag.forget(now);
        let rewound = Rewound::to_looks(self);
        look(rewound.world)
    }

    /// Is this the world as it looks? Then two may have what only one can have, such as a login.
    pub(super) fn is_rewound(&self) -> bool {
        self.lag.is_rewound
    }
}

impl Lag {
    fn forget(&mut self, now: Stamp) {
        self.looks.retain(|_, looks| {
            looks.retain(|look| look.until > now);
            !looks.is_empty()
        });
    }
}

/// A world as it looks, and on drop as it is, even if somebody panics while looking.
struct Rewound<'a> {
    world: &'a mut World,
    swapped: Vec<Swapped>,
}

/// What was taken out of the world, and whether something stands in its place.
struct Swapped {
    object: Object,
    truth: Option<Version>,
    is_replaced: bool,
}

impl<'a> Rewound<'a> {
    fn to_looks(world: &'a mut World) -> Self {
        let looks = world.lag.looks.iter();
        let looks: Vec<(Object, Option<Version>)> =
            looks.filter_map(|(object, looks)| Some((*object, looks.first()?.version.clone()))).collect();
        let truths: Vec<Option<Version>> = looks.iter().map(|(object, _)| world.version(*object)).collect();
        // All of them first: an old name may be somebody else's new one.
        for ((object, _), _) in looks.iter().zip(&truths).rev().filter(|(_, truth)| truth.is_some()) {
            world.unlist(*object);
        }
        let mut swapped = Vec::with_capacity(looks.len());
        for ((object, look), truth) in looks.into_iter().zip(truths) {
            swapped.push(Swapped { object, truth, is_replaced: look.is_some() });
            if let Some(version) = look {
                world.put(object, version);
                world.list(object);
            }
        }
        world.lag.is_rewound = true;
        Self { world, swapped }
    }
}

impl Drop for Rewound<'_> {
    fn drop(&mut self) {
        for swapped in self.swapped.iter().rev().filter(|swapped| swapped.is_replaced) {
            self.world.unlist(swapped.object);
        }
        for Swapped { object, truth, .. } in std::mem::take(&mut self.swapped) {
            if let Some(version) = truth {
                self.world.put(object, version);
                self.world.list(object);
            }
        }
        self.world.lag.is_rewound = false;
    }
}
