//! How one rate limit is divided among the processes that share a store. Pure: the store reads the ledger, lets one
//! heartbeat change it, and writes it back, all in one transaction.
//!
//! The sum of all shares in the ledger never exceeds the limit. Whoever is to have less first uses less and then says so with
//! its next heartbeat; whoever is to have more gets it only once it is free. So nobody needs to be asked: a share that was
//! given up in the ledger has been given up at Monite a second before.

use std::time::Duration;

use jiff::Timestamp;

/// How often each process says that it lives.
pub const HEARTBEAT: Duration = Duration::from_secs(1);

/// A process whose share is still changing says so more often: it or somebody else waits for it.
pub const HEARTBEAT_UNSETTLED: Duration = Duration::from_millis(250);

/// A process sends nothing when its latest heartbeat began longer ago than this: one heartbeat may fail, two may not.
pub const GOOD_FOR: Duration = Duration::from_millis(2_500);

/// A process without a heartbeat for this long is dead and its share is free. Longer than [`GOOD_FOR`] by the second in which
/// Monite may still count its last requests, and by 1.5 s for their way there and for clocks that differ.
pub const DEAD_AFTER: Duration = Duration::from_secs(5);

/// A lower limit that Monite states counts for this long after it was last seen.
pub const STATED_FOR: Duration = Duration::from_secs(10);

/// Names a process.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicaId(pub String);

/// One process in the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Replica {
    /// Its name.
    pub id: ReplicaId,
    /// Its first heartbeat.
    pub started_at: Timestamp,
    /// Its latest heartbeat.
    pub heartbeat_at: Timestamp,
    /// The limit it is configured with, requests a second.
    pub rate: u32,
    /// The most it can use; a command that makes two calls does not need more.
    pub wants: u32,
    /// What it may have out at most until its next heartbeat.
    pub share: u32,
    /// How long answers take there on average.
    pub delay: Duration,
    /// Since when Monite does not answer it.
    pub down_since: Option<Timestamp>,
}

/// Everything that is shared.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger {
    /// The processes, in the order in which they came.
    pub replicas: Vec<Replica>,
    /// Nobody calls before: a 429 said so.
    pub paused_until: Option<Timestamp>,
    /// A lower limit that Monite states, and until when that counts.
    pub stated: Option<(u32, Timestamp)>,
}

/// What a process says with its heartbeat.
#[derive(Debug, Clone, PartialEq)]
pub struct Beat {
    /// Who.
    pub id: ReplicaId,
    /// See [`Replica::rate`].
    pub rate: u32,
    /// See [`Replica::wants`].
    pub wants: u32,
    /// What it has out at most from now on, requests that are cooling down included.
    pub uses: u32,
    /// See [`Replica::delay`].
    pub delay: Duration,
    /// See [`Replica::down_since`].
    pub down_since: Option<Timestamp>,
    /// A pause that a 429 ordered.
    pub paused_until: Option<Timestamp>,
    /// A lower limit that Monite stated.
    pub stated: Option<u32>,
    /// It was told that it is late, behind this heartbeat, and has looked at the clock again. A process that was frozen on its way here must not
    /// bury those who went on meanwhile; one whose clock was set back must not wait until the old time comes again.
    pub insists: Option<Timestamp>,
}

/// What it hears.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// What it may use: never more than the ledger keeps for it.
    pub share: u32,
    /// The ledger keeps for it exactly what it is to have in the end. While it does not, somebody waits for its next heartbeat.
    pub settled: bool,
    /// The limit that is divided.
    pub of: u32,
    /// The slots of a round that are its own (see [`monite::limit::share::positions`]).
    pub positions: Vec<u32>,
    /// The longest average delay of all.
    pub delay: Duration,
    /// See [`Ledger::paused_until`].
    pub paused_until: Option<Timestamp>,
    /// Processes alive, this one included.
    pub alive: u32,
    /// The heartbeat is older than those of others, of which this is the latest, and was not written down: see [`Beat::insists`].
    pub late: Option<Timestamp>,
}

impl Ledger {
    /// One heartbeat that began at `now`, by the clock of the store.
    pub fn beat(&mut self, beat: &Beat, now: Timestamp) -> Heard {
        if let Some(latest) = self.behind(now) {
            // Whoever has said since then that it lives goes by a later clock: it is this one that was frozen, and once more.
            if beat.insists.is_none_or(|known| known < latest) {
                return Heard::late(latest);
            }
        }
        self.replicas.retain(|replica| is_alive(replica, now));
        self.note(beat, now);
        let place = self.enter(beat, now);
        let of = self.limit(now);
        let target = fair(of, &self.replicas.iter().map(|replica| replica.wants).collect::<Vec<_>>())[place];
        let others: u32 = self.replicas.iter().filter(|other| other.id != beat.id).map(|other| other.share).sum();
        // What it uses already stays its own until it says otherwise, whatever the limit has become.
        let kept = self.replicas[place].share.min(beat.uses);
        let recorded = target.min(of.saturating_sub(others)).max(kept);
        self.replicas[place].share = recorded;
        let share = recorded.min(target);
        Heard {
            share,
            settled: recorded == target,
            of,
            positions: self.positions(place, share, of),
            delay: self.replicas.iter().map(|replica| replica.delay).max().unwrap_or_default(),
            paused_until: self.paused_until,
            alive: u32::try_from(self.replicas.len()).unwrap_or(u32::MAX),
            late: None,
        }
    }

    /// The process ends and sends nothing any more.
    pub fn leave(&mut self, id: &ReplicaId) {
        self.replicas.retain(|replica| replica.id != *id);
    }

    /// The limit to be divided: the lowest that anybody is configured with, or that Monite states.
    #[must_use]
    pub fn limit(&self, now: Timestamp) -> u32 {
        let configured = self.replicas.iter().map(|one| one.rate).min();
        let stated = self.stated.filter(|(_, until)| now < *until).map(|(limit, _)| limit);
        configured.into_iter().chain(stated).min().unwrap_or(1).max(1)
    }

    /// The latest heartbeat, if it is so far ahead of `now` that this one must have begun long ago, or the clock was set back. From the very
    /// moment on at which others would not count as [alive](is_alive) any more: it must bury nobody.
    fn behind(&self, now: Timestamp) -> Option<Timestamp> {
        self.replicas.iter().map(|replica| replica.heartbeat_at).max().filter(|latest| *latest >= now + DEAD_AFTER)
    }

    fn note(&mut self, beat: &Beat, now: Timestamp) {
        self.paused_until = self.paused_until.max(beat.paused_until).filter(|until| *until > now);
        let standing = self.stated.filter(|(_, until)| now < *until);
        self.stated = match (standing, beat.stated) {
            (Some((low, _)), Some(new)) if new > low => standing,
            (_, Some(new)) => Some((new, now + STATED_FOR)),
            (standing, None) => standing,
        };
    }

    /// Writes the heartbeat down and says where its process stands.
    fn enter(&mut self, beat: &Beat, now: Timestamp) -> usize {
        let known = self.replicas.iter().find(|replica| replica.id == beat.id);
        let (started_at, share) = known.map_or((now, 0), |known| (known.started_at, known.share));
        let entry = Replica {
            id: beat.id.clone(),
            started_at,
            heartbeat_at: now,
            rate: beat.rate,
            wants: beat.wants,
            share,
            delay: beat.delay,
            down_since: beat.down_since,
        };
        self.leave(&beat.id);
        let place =
            self.replicas.partition_point(|other| (other.started_at, &other.id) < (entry.started_at, &entry.id));
        self.replicas.insert(place, entry);
        place
    }

    /// The slots of the one at `place`, as if it had given up already what it does not use any more.
    fn positions(&self, place: usize, share: u32, of: u32) -> Vec<u32> {
        let mut shares: Vec<u32> = self.replicas.iter().map(|replica| replica.share).collect();
        shares[place] = share;
        monite::limit::share::positions(&shares, place, of)
    }
}

impl Heard {
    fn late(latest: Timestamp) -> Self {
        Self {
            share: 0,
            settled: false,
            of: 1,
            positions: Vec::new(),
            delay: Duration::ZERO,
            paused_until: None,
            alive: 1,
            late: Some(latest),
        }
    }
}

/// Whether a process is alive at `now`. One whose heartbeat lies far in the future is not: the clock was set back, and its
/// entry would otherwise stand until that future comes.
#[must_use]
pub fn is_alive(replica: &Replica, now: Timestamp) -> bool {
    let age = now.duration_since(replica.heartbeat_at);
    age.unsigned_abs() < DEAD_AFTER
}

/// Divides `limit` into whole permits: to each the same, the rest to the first ones, and what somebody does not want to
/// the others.
#[must_use]
pub fn fair(limit: u32, wants: &[u32]) -> Vec<u32> {
    let mut shares = vec![0; wants.len()];
    let mut left = limit;
    loop {
        let hungry: Vec<usize> = (0..wants.len()).filter(|one| shares[*one] < wants[*one]).collect();
        let Ok(count @ 1..) = u32::try_from(hungry.len()) else { return shares };
        if left == 0 {
            return shares;
        }
        let each = (left / count).max(1);
        for one in hungry {
            let more = each.min(wants[one] - shares[one]).min(left);
            shares[one] += more;
            left -= more;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn beat(id: &str, uses: u32) -> Beat {
        Beat {
            id: ReplicaId(id.to_owned()),
            rate: 30,
            wants: 30,
            uses,
            delay: Duration::ZERO,
            down_since: None,
            paused_until: None,
            stated: None,
            insists: None,
        }
    }

    #[test]
    fn whole_permits_the_rest_to_the_first_and_what_is_not_wanted_to_the_others() {
        for (limit, wants, expected) in [
            (30, vec![30], vec![30]),
            (30, vec![30, 30], vec![15, 15]),
            (30, vec![30, 30, 30, 30], vec![8, 8, 7, 7]),
            (30, vec![30, 2], vec![28, 2]),
            (30, vec![2, 2], vec![2, 2]),
            (2, vec![30, 30, 30], vec![1, 1, 0]),
            (30, vec![], vec![]),
        ] {
            assert_eq!(fair(limit, &wants), expected, "{limit} for {wants:?}");
        }
    }

    #[test]
    fn a_joiner_gets_what_the_others_have_stopped_using_and_not_before() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.beat(&beat("a", 0), at(0)).share, 30);
        assert_eq!(ledger.beat(&beat("b", 0), at(0)).share, 0);
        assert_eq!(ledger.beat(&beat("a", 30), at(1)).share, 15, "told to use less");
        assert_eq!(ledger.beat(&beat("b", 0), at(1)).share, 0, "it still has 30 out");
        ledger.beat(&beat("a", 22), at(1));
        assert_eq!(ledger.beat(&beat("b", 0), at(1)).share, 8, "it has 22 out");
        ledger.beat(&beat("a", 15), at(2));
        assert_eq!(ledger.beat(&beat("b", 8), at(2)).share, 15);
    }

    #[test]
    fn a_dead_ones_share_is_free_and_it_must_join_anew() {
        let mut ledger = Ledger::default();
        ledger.beat(&beat("a", 0), at(0));
        assert_eq!(ledger.beat(&beat("b", 0), at(4)).share, 0);
        assert_eq!(ledger.beat(&beat("b", 0), at(5)).share, 30);
        let heard = ledger.beat(&beat("a", 30), at(6));
        assert_eq!((heard.share, heard.settled), (0, false), "what it had is another's now");
    }

    #[test]
    fn a_pause_and_a_lower_limit_are_everybodys() {
        let mut ledger = Ledger::default();
        ledger.beat(&Beat { paused_until: Some(at(9)), stated: Some(10), ..beat("a", 0) }, at(0));
        let heard = ledger.beat(&beat("b", 0), at(1));
        assert_eq!((heard.paused_until, heard.of), (Some(at(9)), 10));
        let heard = ledger.beat(&Beat { stated: Some(20), ..beat("b", 0) }, at(2));
        assert_eq!(heard.of, 10, "the lowest counts");
        let heard = ledger.beat(&beat("b", 0), at(10));
        assert_eq!((heard.paused_until, heard.of), (None, 30), "both are over");
    }

    #[test]
    fn a_heartbeat_that_was_frozen_on_its_way_buries_nobody() {
        let mut ledger = Ledger::default();
        for later in [5, 60] {
            ledger.beat(&beat("a", 0), at(later));
            let heard = ledger.beat(&beat("b", 0), at(0));
            assert_eq!((heard.late, heard.share), (Some(at(later)), 0), "{later} s late");
            assert_eq!(ledger.replicas.len(), 1, "the late one is not in, the other still is");
        }
        // A clock that was set back says the same again, and then it is believed.
        let heard = ledger.beat(&Beat { insists: Some(at(60)), ..beat("b", 0) }, at(1));
        assert_eq!((heard.late, heard.share), (None, 30));
    }

    /// Told that it is late it looked at the clock again, and was frozen again before anybody heard: the others went on meanwhile.
    #[test]
    fn one_that_insists_and_was_frozen_again_buries_nobody_either() {
        let mut ledger = Ledger::default();
        ledger.beat(&beat("a", 0), at(60));
        let late = ledger.beat(&beat("b", 0), at(0)).late;
        ledger.beat(&beat("a", 30), at(100));
        let heard = ledger.beat(&Beat { insists: late, ..beat("b", 0) }, at(61));
        assert_eq!((heard.late, heard.share, ledger.replicas.len()), (Some(at(100)), 0, 1));
    }

    #[test]
    fn differently_configured_processes_keep_to_the_lowest_rate() {
        let mut ledger = Ledger::default();
        ledger.beat(&beat("a", 0), at(0));
        let low = Beat { rate: 10, wants: 10, ..beat("b", 0) };
        ledger.beat(&low, at(0));
        assert_eq!(ledger.beat(&beat("a", 30), at(1)).share, 5);
    }
}
