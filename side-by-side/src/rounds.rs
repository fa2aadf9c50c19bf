//! Contenders that take turns.

use std::time::{Duration, Instant};

/// Something that can be done many times.
pub struct Contender<'a> {
    run: Box<dyn FnMut(u64) -> Duration + 'a>,
}

impl<'a> Contender<'a> {
    /// Does it so many times; measured by the clock on the wall.
    pub fn by_wall(mut run: impl FnMut(u64) + 'a) -> Self {
        Self::by_itself(move |times| {
            let began = Instant::now();
            run(times);
            began.elapsed()
        })
    }

    /// Does it so many times, and says how long that took.
    pub fn by_itself(run: impl FnMut(u64) -> Duration + 'a) -> Self {
        Self { run: Box::new(run) }
    }
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// How long one contender runs before the next has its turn: far longer than the clock is wrong.
    pub batch: Duration,
    /// How often each has its turn.
    pub rounds: usize,
}

impl Effort {
    /// For work inside the process, measured by the wall: short turns, so that a disturbance spoils few of them.
    pub const IN_PROCESS: Self = Self { batch: Duration::from_millis(5), rounds: 100 };

    /// For work of a server, measured by the CPU time of its thread.
    pub const SERVER: Self = Self { batch: Duration::from_millis(60), rounds: 24 };
}

/// Repetitions of something slow that is counted by hand: `full` under `cargo bench`, else one.
#[must_use]
pub fn times(full: usize) -> usize {
    if crate::is_bench() { full } else { 1 }
}

/// What one call costs each contender: the lower quartile of its rounds. They take turns, so that all see the same machine.
#[must_use]
pub fn measure<const N: usize>(effort: Effort, mut contenders: [Contender<'_>; N]) -> [Duration; N] {
    if !crate::is_bench() {
        return contenders.each_mut().map(|contender| (contender.run)(1));
    }
    let sizes = contenders.each_mut().map(|contender| batch_size(contender, effort.batch));
    let mut costs: [Vec<Duration>; N] = std::array::from_fn(|_| Vec::with_capacity(effort.rounds));
    for _ in 0..effort.rounds {
        for ((contender, size), costs) in contenders.iter_mut().zip(sizes).zip(&mut costs) {
            costs.push((contender.run)(size).div_f64(size as f64));
        }
    }
    costs.map(quartile)
}

/// The value a quarter of the rounds stayed below.
fn quartile(mut costs: Vec<Duration>) -> Duration {
    costs.sort();
    costs.get(costs.len() / 4).copied().unwrap_or_default()
}

/// How many calls fill a batch; also warms up.
fn batch_size(contender: &mut Contender<'_>, batch: Duration) -> u64 {
    let mut size = 8;
    loop {
        let took = (contender.run)(size);
        if took * 4 >= batch {
            let per_call = took.as_secs_f64() / size as f64;
            return ((batch.as_secs_f64() / per_call) as u64).max(1);
        }
        size *= 2;
    }
}
