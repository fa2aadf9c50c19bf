//! The bridge's processes on one database: killed, frozen and started again, and where they can be reached right now.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::process::{Process, Program};

/// Longer than a start takes: a bridge that nobody can reach for so long has failed.
pub(crate) const REACHED_WITHIN: Duration = Duration::from_secs(90);

/// All replicas.
#[derive(Debug)]
pub(crate) struct Fleet {
    replicas: Vec<Replica>,
    doors: Arc<Doors>,
}

#[derive(Debug)]
struct Replica {
    program: Program,
    process: Option<Process>,
}

impl Fleet {
    /// Starts one of each.
    pub(crate) fn start(programs: Vec<Program>) -> Result<Self, String> {
        let doors = Arc::new(Doors::default());
        let replicas = programs.into_iter().map(|program| Replica { program, process: None }).collect();
        let mut fleet = Self { replicas, doors };
        for number in 0..fleet.replicas.len() {
            fleet.start_one(number)?;
        }
        Ok(fleet)
    }

    /// Where writers find an open door.
    pub(crate) fn doors(&self) -> Arc<Doors> {
        Arc::clone(&self.doors)
    }

    /// Kills a replica in the middle of whatever it does, and starts it again.
    pub(crate) fn kill(&mut self, number: usize) -> Result<(), String> {
        self.must_live()?;
        if let Some(process) = self.replicas[number].process.take() {
            let host = process.host.clone();
            // The door closes after the kill: calls must be under way when it comes.
            process.kill();
            self.doors.close(&host);
        }
        self.start_one(number)
    }

    /// Lets a replica stand still. What it has in hand waits; nobody brings it anything new.
    pub(crate) fn freeze(&mut self, number: usize) -> Result<(), String> {
        self.must_live()?;
        let Some(process) = &self.replicas[number].process else { return Ok(()) };
        process.freeze()?;
        self.doors.close(&process.host);
        Ok(())
    }

    /// Lets it go on.
    pub(crate) fn thaw(&mut self, number: usize) -> Result<(), String> {
        let Some(process) = &self.replicas[number].process else { return Ok(()) };
        process.thaw()?;
        self.doors.open(process.host.clone());
        Ok(())
    }

    /// An error if one ended by itself.
    pub(crate) fn must_live(&mut self) -> Result<(), String> {
        self.replicas.iter_mut().filter_map(|replica| replica.process.as_mut()).try_for_each(Process::must_live)
    }

    fn start_one(&mut self, number: usize) -> Result<(), String> {
        let replica = &mut self.replicas[number];
        let process = replica.program.start()?;
        self.doors.open(process.host.clone());
        replica.process = Some(process);
        Ok(())
    }
}

/// The addresses that answer.
#[derive(Debug, Default)]
pub(crate) struct Doors {
    hosts: Mutex<Vec<String>>,
    changed: Condvar,
}

impl Doors {
    /// One of them, chosen by `number`; waits while there is none.
    pub(crate) fn one(&self, number: u64) -> Result<String, String> {
        let until = Instant::now() + REACHED_WITHIN;
        let mut hosts = self.lock();
        loop {
            let count = u64::try_from(hosts.len()).unwrap_or(1);
            if count > 0 {
                // Smaller than the count of hosts.
                let index = usize::try_from(number % count).unwrap_or_default();
                return Ok(hosts[index].clone());
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(format!("no bridge could be reached for {REACHED_WITHIN:?}"));
            }
            hosts = self.changed.wait_timeout(hosts, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn open(&self, host: String) {
        self.lock().push(host);
        self.changed.notify_all();
    }

    fn close(&self, host: &str) {
        self.lock().retain(|open| open != host);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
