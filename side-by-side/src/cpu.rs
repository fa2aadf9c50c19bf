//! CPU time, as far as the system tells it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The CPU time of one thread, from any other thread. Where the system does not tell (it is Linux that does), the wall's.
#[derive(Debug, Clone)]
pub struct ThreadClock {
    schedstat: Option<PathBuf>,
    began: Instant,
}

impl ThreadClock {
    /// The clock of the thread that calls this.
    #[must_use]
    pub fn of_this_thread() -> Self {
        let schedstat = std::fs::read_link("/proc/thread-self")
            .map(|thread| PathBuf::from("/proc").join(thread).join("schedstat"))
            .ok()
            .filter(|path| path.exists());
        Self { schedstat, began: Instant::now() }
    }

    /// CPU time so far; exact once the thread has gone to sleep.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.read().unwrap_or_else(|| self.began.elapsed())
    }

    /// The first number of `schedstat` is the time spent on a CPU, in nanoseconds (Documentation/scheduler/sched-stats.rst).
    fn read(&self) -> Option<Duration> {
        let text = std::fs::read_to_string(self.schedstat.as_ref()?).ok()?;
        text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
    }
}

/// The CPU time of all threads of this process that are alive.
#[must_use]
pub fn of_process() -> Option<Duration> {
    let threads = std::fs::read_dir("/proc/self/task").ok()?;
    let read = |thread: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
    };
    Some(threads.filter_map(read).sum())
}
