//! One process's side of the ledger: what it says with a heartbeat, and what it may do after the answer. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use monite::limit::{Pacing, Share, Usage};

use super::ledger::{Beat, GOOD_FOR, HEARTBEAT, HEARTBEAT_UNSETTLED, Heard, ReplicaId};

/// What a process is, for the ledger.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its name; no other process ever has it.
    pub id: ReplicaId,
    /// The limit it is configured with, requests a second.
    pub rate: u32,
    /// The most it can use.
    pub wants: u32,
}

impl Member {
    /// What it says. `permits` is what it may use at the moment, and goes on using until it hears an answer.
    #[must_use]
    pub fn beat(&self, usage: &Usage, permits: u32, late: Option<Timestamp>, now: Timestamp) -> Beat {
        Beat {
            id: self.id.clone(),
            rate: self.rate,
            wants: self.wants.min(self.rate),
            uses: usage.used.max(permits),
            delay: usage.delay,
            down_since: None,
            paused_until: Some(usage.paused_until).filter(|until| *until > now),
            stated: usage.stated,
            insists: late,
        }
    }

    /// What it may do after the answer to a heartbeat that began at `began` on its own clock. `ahead`: how far the clock of
    /// the store is ahead of that. A late answer grants a share that has ended already.
    #[must_use]
    pub fn share(&self, heard: &Heard, began: Timestamp, ahead: SignedDuration) -> Share {
        if heard.late.is_some() {
            return Share::none(self.rate);
        }
        let pacing = match heard.alive {
            1 => Pacing::Even,
            _ => Pacing::Slots { positions: heard.positions.clone(), ahead, delay: heard.delay },
        };
        Share { permits: heard.share, of: heard.of, pacing, from: began, until: began + GOOD_FOR }
    }

    /// When the next heartbeat begins, counted from the beginning of this one.
    #[must_use]
    pub fn next_beat(&self, heard: Option<&Heard>) -> Duration {
        if heard.is_some_and(|heard| heard.settled) { HEARTBEAT } else { HEARTBEAT_UNSETTLED }
    }
}

/// An answer that took longer than this tells the time too vaguely: two processes that are each wrong by half of it are within
/// what [`DEAD_AFTER`](super::ledger::DEAD_AFTER) leaves for clocks that differ.
const CLOCK_ANSWER: SignedDuration = SignedDuration::from_secs(1);

/// How far another clock is ahead of ours, give or take half the time that its answer took; `None` when it took too long to say.
#[must_use]
pub fn ahead(asked: Timestamp, theirs: Timestamp, answered: Timestamp) -> Option<SignedDuration> {
    let took = answered.duration_since(asked);
    (took <= CLOCK_ANSWER).then(|| theirs.duration_since(asked + took / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_takes_long_to_answer_tells_nothing() {
        let at = |milliseconds| Timestamp::from_millisecond(milliseconds).unwrap();
        assert_eq!(ahead(at(0), at(5_010), at(20)), Some(SignedDuration::from_secs(5)));
        assert_eq!(ahead(at(0), at(-4_500), at(1_000)), Some(SignedDuration::from_secs(-5)));
        assert_eq!(ahead(at(0), at(5_010), at(1_001)), None);
    }

    #[test]
    fn a_heartbeat_says_what_others_have_to_know() {
        let now = Timestamp::UNIX_EPOCH + Duration::from_secs(100);
        let member = Member { id: ReplicaId("a".to_owned()), rate: 30, wants: 45 };
        let usage = |used, paused_until| Usage {
            used,
            waiting: 3,
            delay: Duration::from_millis(7),
            stated: Some(20),
            paused_until,
        };
        let beat = member.beat(&usage(18, now + Duration::from_secs(9)), 15, None, now);
        assert_eq!((beat.uses, beat.wants), (18, 30), "what is still out, and never more than there is");
        assert_eq!((beat.stated, beat.delay), (Some(20), Duration::from_millis(7)));
        assert_eq!(beat.paused_until, Some(now + Duration::from_secs(9)));
        let beat = member.beat(&usage(3, now), 15, Some(now), now);
        assert_eq!((beat.uses, beat.paused_until), (15, None), "what may still go out, and no pause that is over");
        assert_eq!(beat.insists, Some(now));
    }
}
