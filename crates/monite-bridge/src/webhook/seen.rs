//! Events that were here already: Monite promises no exactly-once, and a delivery that somebody wrote down can be sent again as long
//! as its time is within the tolerance.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use monite::EventId;

use super::TOLERANCE;

/// A delivery from the future by the tolerance may be sent again until it is the past by the tolerance.
const REMEMBERED_FOR: Duration = TOLERANCE.saturating_mul(2);

/// Events remembered at most, about 2 MiB. Beyond, the oldest is forgotten, and its repetition costs a look.
const MOST: usize = 20_000;

/// The latest events.
#[derive(Debug, Default)]
pub(super) struct Seen {
    ids: BTreeSet<EventId>,
    order: VecDeque<(Timestamp, EventId)>,
}

impl Seen {
    pub(super) fn contains(&mut self, id: &EventId, now: Timestamp) -> bool {
        self.forget(now);
        self.ids.contains(id)
    }

    /// Whether it was not here before.
    pub(super) fn insert(&mut self, id: EventId, now: Timestamp) -> bool {
        self.forget(now);
        if !self.ids.insert(id) {
            return false;
        }
        self.order.push_back((now + REMEMBERED_FOR, id));
        while self.order.len() > MOST
            && let Some((_, oldest)) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some((until, id)) = self.order.front()
            && *until < now
        {
            self.ids.remove(id);
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_event_is_remembered_for_as_long_as_it_can_be_sent_again_and_no_more_than_so_many_are() {
        let id = |n: usize| EventId::from_uuid(Uuid::from_u128(n as u128));
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut seen = Seen::default();
        assert!(seen.insert(id(0), at(0)) && !seen.insert(id(0), at(600)));
        assert!(seen.contains(&id(0), at(600)) && !seen.contains(&id(0), at(601)));
        for n in 0..=MOST {
            assert!(seen.insert(id(n), at(700)));
        }
        assert!(!seen.contains(&id(0), at(700)) && seen.contains(&id(1), at(700)));
        assert_eq!((seen.ids.len(), seen.order.len()), (MOST, MOST));
    }
}
