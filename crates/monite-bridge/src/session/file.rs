//! Keys from a file, read again when it changes.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use super::keys::{BadKeySet, KeySet};
use super::source::Current;

/// A change of the file counts after so long at most.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Longest file read: the same as for keys by URL.
const MOST_BYTES: u64 = 256 * 1024;

/// Why a file of keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It is not there, or may not be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// It holds something else.
    #[error("{path} cannot be used: {reason}")]
    NotKeys {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// What of a file tells that it changed.
type Stamp = (Option<SystemTime>, u64);

/// See the module.
#[derive(Debug)]
pub(super) struct KeyFile {
    path: PathBuf,
    pub(super) current: Current,
    /// When to look next, in microseconds since 1970.
    look_at: AtomicI64,
    /// Of what was looked at last, whether it could be used or not.
    seen: Mutex<Option<Stamp>>,
}

impl KeyFile {
    /// Reads the file; a start without it would refuse everybody.
    pub(super) fn open(path: &Path) -> Result<Self, KeyFileError> {
        let (stamp, keys) = read(path)?;
        let file = Self {
            path: path.to_owned(),
            current: Current::default(),
            look_at: AtomicI64::new(0),
            seen: Mutex::new(Some(stamp)),
        };
        file.current.put(keys, &path.display());
        Ok(file)
    }

    /// Reads the file again if it changed. One caller looks every few seconds, off the threads that answer; the others go on.
    pub(super) async fn notice(self: &std::sync::Arc<Self>, now: Timestamp) {
        let (now, due) = (now.as_microsecond(), self.look_at.load(Ordering::Relaxed));
        // The interval is a constant of a few seconds.
        let next = now + LOOK_EVERY.as_micros() as i64;
        if now < due || self.look_at.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let file = std::sync::Arc::clone(self);
        let looked = tokio::task::spawn_blocking(move || file.look()).await;
        if let Err(error) = looked {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the file of session keys could not be looked at"
            );
        }
    }

    fn look(&self) {
        let stamp = stamp(&self.path).ok();
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen == stamp {
                return;
            }
            *seen = stamp;
        }
        match read(&self.path) {
            Ok((_, keys)) => self.current.put(keys, &self.path.display()),
            // Once per change of the file, because the change is noted above.
            Err(error) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "the file of session keys changed and cannot be used; the keys it held before stay"
            ),
        }
    }
}

fn stamp(path: &Path) -> std::io::Result<Stamp> {
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.modified().ok(), metadata.len()))
}

/// The stamp is taken first: what is written while we read has another one, and is read again.
fn read(path: &Path) -> Result<(Stamp, KeySet), KeyFileError> {
    let unreadable = |source| KeyFileError::Unreadable { path: path.to_owned(), source };
    let stamp = stamp(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let not_keys = |reason: String| KeyFileError::NotKeys { path: path.to_owned(), reason };
    if bytes.len() as u64 > MOST_BYTES {
        return Err(not_keys(format!("it is longer than {} KiB", MOST_BYTES / 1024)));
    }
    let keys = KeySet::parse(&bytes).map_err(|error: BadKeySet| not_keys(error.to_string()))?;
    Ok((stamp, keys))
}
