//! Several processes, one ledger, one server that counts in one of four ways: same seed, same history.
//!
//! Time is true time; each process has its own clock, a second off at most, and measures the store's clock to within the way
//! there. Requests, answers and heartbeats take their time; processes come, end, die, freeze and wake.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use monite::limit::{Queue, Release, Share, Turn};
use monite::{Priority, RateSignal};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::ledger::{Beat, Heard, Ledger, ReplicaId};
use super::member::Member;

mod server;
mod story;

use server::Server;

type Micros = i64;

const SECOND: Micros = 1_000_000;

/// One way across a network.
#[derive(Clone, Copy, Debug)]
struct Network {
    name: &'static str,
    least: Micros,
    /// Mean of what comes on top, exponentially distributed.
    more: f64,
    /// One request in fifty comes up to so much later.
    late: Micros,
}

const LOCAL: Network = Network { name: "local", least: 100, more: 200.0, late: 0 };
const LATE: Network = Network { name: "local, 2 % up to 150 ms late", late: 150_000, ..LOCAL };
const WAN: Network = Network { name: "WAN, 20 ms", least: 20_000, more: 500.0, late: 0 };
const ROUGH: Network = Network { name: "rough, 10 ms + exp 20 ms", least: 10_000, more: 20_000.0, late: 0 };

impl Network {
    fn way(&self, rng: &mut StdRng) -> Micros {
        let chance: f64 = rng.random();
        self.least + (-(1.0 - chance).ln() * self.more) as Micros
    }

    fn way_there(&self, rng: &mut StdRng) -> Micros {
        let late = if self.late > 0 && rng.random_bool(0.02) { rng.random_range(0..=self.late) } else { 0 };
        self.way(rng) + late
    }
}

/// One way to the store.
const STORE: Network = Network { name: "store", least: 200, more: 1_000.0, late: 0 };

/// What happens, to which process.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    /// It looks whether it may send.
    Look,
    /// A request reaches the server; sent then.
    Arrives {
        sent: Micros,
    },
    /// Its answer is here.
    Answered {
        sent: Micros,
        signal: Told,
    },
    /// A heartbeat begins.
    Beats,
    /// It reaches the store.
    Reaches(u64),
    /// The store's answer is here.
    Hears(u64),
    Starts,
    /// Ends in good order: gives its share back.
    Ends,
    Dies,
    Freezes {
        until: Micros,
    },
    /// The store cannot be reached from here.
    LosesStore {
        until: Micros,
    },
}

/// [`RateSignal`] in a form that can be ordered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    refused: bool,
    remaining: u32,
}

struct Process {
    member: Member,
    queue: Queue,
    /// Tickets of idle workers, oldest first.
    waiting: VecDeque<u64>,
    /// Its clock is ahead of true time by this.
    skew: Micros,
    alive: bool,
    frozen_until: Micros,
    no_store_until: Micros,

    next_look: Micros,
    heard: Option<Heard>,
    beats: BTreeMap<u64, (Beat, Timestamp, Option<Heard>)>,
}

#[derive(Debug, Default, Clone)]
struct Outcome {
    sent: u32,
    refused: u32,
    /// Refusals at these times, since the beginning.
    refused_at: Vec<Micros>,
    /// Most permits that processes could use at one time together.
    most_permits: u32,
    by_process: BTreeMap<usize, u32>,
}

struct World {
    rng: StdRng,
    server: Server,
    network: Network,
    limit: u32,
    workers: usize,
    processes: Vec<Process>,
    ledger: Ledger,
    events: BinaryHeap<Reverse<(Micros, u64, usize, Happening)>>,
    next: u64,
    now: Micros,
    start: Micros,
    count_from: Micros,
    outcome: Outcome,
}

fn at(micros: Micros) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap()
}

impl World {
    fn new(server: Server, limit: u32, network: Network, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let start = 1_000 * SECOND + rng.random_range(0..SECOND);
        Self {
            rng,
            server,
            network,
            limit,
            workers: 32,
            processes: Vec::new(),
            ledger: Ledger::default(),
            events: BinaryHeap::new(),
            next: 0,
            now: start,
            start,
            count_from: start,
            outcome: Outcome::default(),
        }
    }

    /// A process that will start at this time.
    fn process(&mut self, starts: Micros, wants: u32) -> usize {
        let name = self.processes.len();
        let skew = self.rng.random_range(-SECOND / 2..=SECOND / 2);
        self.processes.push(Process {
            member: Member { id: ReplicaId(format!("p{name}")), rate: self.limit, wants },
            queue: Queue::new(Share::none(self.limit)),
            waiting: VecDeque::new(),
            skew,
            alive: false,
            frozen_until: 0,
            no_store_until: 0,

            next_look: Micros::MAX,
            heard: None,
            beats: BTreeMap::new(),
        });
        self.at(starts, name, Happening::Starts);
        name
    }

    /// Plans something, in time since the beginning.
    fn at(&mut self, since_start: Micros, process: usize, happening: Happening) {
        self.push(self.start + since_start, process, happening);
    }

    fn push(&mut self, when: Micros, process: usize, happening: Happening) {
        self.next += 1;
        self.events.push(Reverse((when, self.next, process, happening)));
    }

    fn run(&mut self, until: Micros) -> Outcome {
        while self.events.peek().is_some_and(|Reverse((when, ..))| *when <= self.start + until) {
            let Some(Reverse((when, _, process, happening))) = self.events.pop() else { break };
            self.now = when;
            self.happens(process, happening);
            let permits = self.processes.iter().map(|one| one.usable(self.now)).sum();
            self.outcome.most_permits = self.outcome.most_permits.max(permits);
        }
        self.outcome.clone()
    }

    fn happens(&mut self, name: usize, happening: Happening) {
        let now = self.now;
        // What is out of the process's hands happens whatever became of it.
        match happening {
            Happening::Arrives { sent } => return self.arrives(name, sent),
            Happening::Reaches(beat) => return self.reaches(name, beat),
            Happening::Starts => self.processes[name].alive = true,
            _ => {}
        }
        if !self.processes[name].alive {
            return;
        }
        if self.processes[name].frozen_until > now {
            let wakes = self.processes[name].frozen_until;
            return self.push(wakes, name, happening);
        }
        match happening {
            Happening::Starts => {
                self.beat(name);
                for _ in 0..self.workers {
                    self.wants_to_send(name);
                }
            }
            Happening::Look => {
                if self.processes[name].next_look <= now {
                    self.processes[name].next_look = Micros::MAX;
                    self.look(name);
                }
            }
            Happening::Answered { sent, signal } => self.answered(name, sent, &signal),
            Happening::Beats => self.beat(name),
            Happening::Hears(beat) => self.hears(name, beat),
            Happening::Ends => {
                self.processes[name].alive = false;
                let id = self.processes[name].member.id.clone();
                self.ledger.leave(&id);
            }
            Happening::Dies => self.processes[name].alive = false,
            Happening::Freezes { until } => self.processes[name].frozen_until = self.start + until,
            Happening::LosesStore { until } => self.processes[name].no_store_until = self.start + until,
            Happening::Arrives { .. } | Happening::Reaches(_) => {}
        }
    }

    fn wants_to_send(&mut self, name: usize) {
        let process = &mut self.processes[name];
        let ticket = process.queue.join(Priority::Bulk, at(self.now + process.skew));
        process.waiting.push_back(ticket);
        self.look(name);
    }

    /// Sends whatever may be sent.
    fn look(&mut self, name: usize) {
        while let Some(ticket) = self.processes[name].waiting.front().copied() {
            let process = &mut self.processes[name];
            match process.queue.turn(Priority::Bulk, ticket, at(self.now + process.skew)) {
                Turn::Go => {
                    process.waiting.pop_front();
                    let arrives = self.now + self.network.way_there(&mut self.rng);
                    if self.now >= self.count_from {
                        self.outcome.sent += 1;
                        *self.outcome.by_process.entry(name).or_default() += 1;
                    }
                    self.push(arrives, name, Happening::Arrives { sent: self.now });
                }
                Turn::At(time) => {
                    let when = (time.as_microsecond() - process.skew).max(self.now + 1);
                    if when < process.next_look {
                        process.next_look = when;
                        self.push(when, name, Happening::Look);
                    }
                    return;
                }
                Turn::OnRelease | Turn::NotFirst => return,
            }
        }
    }

    fn arrives(&mut self, name: usize, sent: Micros) {
        let (allowed, remaining) = self.server.call(self.now);
        if !allowed {
            self.outcome.refused += 1;
            self.outcome.refused_at.push(self.now - self.start);
        }
        let back = self.now + self.network.way(&mut self.rng);
        let signal = Told { refused: !allowed, remaining };
        self.push(back, name, Happening::Answered { sent, signal });
    }

    fn answered(&mut self, name: usize, sent: Micros, told: &Told) {
        let limit = self.server.limit();
        let process = &mut self.processes[name];
        let (here, granted) = (at(self.now + process.skew), at(sent + process.skew));
        process.queue.release(Priority::Bulk, Release::Answered, granted, here);
        let second = Some(Duration::from_secs(1));
        let signal = RateSignal {
            status: if told.refused { 429 } else { 200 },
            retry_after: second.filter(|_| told.refused),
            limit: Some(limit),
            remaining: Some(told.remaining),
            reset: second,
        };
        process.queue.observe(&signal, here);
        self.wants_to_send(name);
    }

    fn beat(&mut self, name: usize) {
        self.next += 1;
        let number = self.next;
        let process = &mut self.processes[name];
        let here = at(self.now + process.skew);
        let usage = process.queue.usage(here);
        let late = process.heard.as_ref().and_then(|heard| heard.late);
        let mut beat = process.member.beat(&usage, process.queue.share().permits, late, here);
        let next = process.member.next_beat(process.heard.as_ref());
        let ahead = SignedDuration::from_micros(-process.skew);
        beat.paused_until = beat.paused_until.map(|until| until + ahead);
        process.beats.insert(number, (beat, here + ahead, None));
        let reaches = self.now + STORE.way(&mut self.rng);
        if self.processes[name].no_store_until <= self.now {
            self.push(reaches, name, Happening::Reaches(number));
        }
        self.push(self.now + next.as_micros() as Micros, name, Happening::Beats);
    }

    fn reaches(&mut self, name: usize, number: u64) {
        let (beat, began, _) = self.processes[name].beats[&number].clone();
        let heard = self.ledger.beat(&beat, began);
        if let Some(entry) = self.processes[name].beats.get_mut(&number) {
            entry.2 = Some(heard);
        }
        let back = self.now + STORE.way(&mut self.rng);
        self.push(back, name, Happening::Hears(number));
    }

    fn hears(&mut self, name: usize, number: u64) {
        // The measured difference of the clocks is off by up to half the way to the store and back.
        let error = self.rng.random_range(-1_000..=1_000);
        let process = &mut self.processes[name];
        let here = at(self.now + process.skew);
        let Some((_, began, Some(heard))) = process.beats.remove(&number) else { return };
        let ahead = SignedDuration::from_micros(error - process.skew);
        let began_here = began + SignedDuration::from_micros(process.skew);
        let share = process.member.share(&heard, began_here, ahead);
        if share.from >= process.queue.share().from || process.queue.share().from == Timestamp::MAX {
            process.queue.set_share(share, here);
        }
        process.heard = Some(heard);
        self.look(name);
    }
}

impl Process {
    /// What it could have out now.
    fn usable(&self, now: Micros) -> u32 {
        let (share, here) = (self.queue.share(), at(now + self.skew));
        let is_good = share.from <= here && here < share.until;
        if self.alive && self.frozen_until <= now && is_good { share.permits } else { 0 }
    }
}
