//! Named dumps in memory, to come back to.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

/// The most snapshots held at a time: each may be as large as the world.
const HELD: usize = 16;

/// The longest name.
const NAME_LENGTH: usize = 64;

/// Why there is no such snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Nobody took one of this name.
    #[error("there is no snapshot called {0:?}")]
    Unknown(String),
    /// It would be the seventeenth.
    #[error("{HELD} snapshots are held already; forget one first")]
    Full,
    /// What was written then cannot be read now: a defect of the sandbox.
    #[error("the snapshot cannot be read again: {0}")]
    Broken(String),
    /// It could not stand in a path.
    #[error("a snapshot's name is 1 to {NAME_LENGTH} letters, digits, dots, dashes and underscores")]
    Name,
}

/// A world as it once was.
#[derive(Debug, Clone)]
struct Snapshot {
    document: Arc<str>,
    /// By the sandbox's clock.
    taken_at: Timestamp,
    entities: usize,
}

/// What is shown of a snapshot.
#[derive(Debug, Serialize)]
pub(crate) struct SnapshotView<'a> {
    name: &'a str,
    taken_at: Timestamp,
    entities: usize,
    bytes: usize,
}

impl SnapshotView<'_> {
    pub(crate) fn name(&self) -> &str {
        self.name
    }
}

/// All that are held.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    held: BTreeMap<String, Snapshot>,
}

impl Snapshots {
    /// May one of this name be taken? Taking it again replaces it.
    pub(crate) fn check(&self, name: &str) -> Result<(), SnapshotError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if name.is_empty() || name.len() > NAME_LENGTH || !name.chars().all(fits) {
            return Err(SnapshotError::Name);
        }
        if self.held.len() >= HELD && !self.held.contains_key(name) { Err(SnapshotError::Full) } else { Ok(()) }
    }

    /// Holds a dump under this name; says whether the name is new.
    pub(crate) fn hold(
        &mut self, name: &str, document: String, taken_at: Timestamp, entities: usize,
    ) -> Result<bool, SnapshotError> {
        self.check(name)?;
        let snapshot = Snapshot { document: document.into(), taken_at, entities };
        Ok(self.held.insert(name.to_owned(), snapshot).is_none())
    }

    pub(crate) fn document(&self, name: &str) -> Result<Arc<str>, SnapshotError> {
        let snapshot = self.held.get(name).ok_or_else(|| SnapshotError::Unknown(name.to_owned()))?;
        Ok(snapshot.document.clone())
    }

    pub(crate) fn forget(&mut self, name: &str) -> Result<(), SnapshotError> {
        self.held.remove(name).map(drop).ok_or_else(|| SnapshotError::Unknown(name.to_owned()))
    }

    /// By name.
    pub(crate) fn list(&self) -> impl Iterator<Item = SnapshotView<'_>> {
        self.held.iter().map(|(name, snapshot)| SnapshotView {
            name,
            taken_at: snapshot.taken_at,
            entities: snapshot.entities,
            bytes: snapshot.document.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_their_number_is_bounded() {
        let mut snapshots = Snapshots::default();
        for name in ["", "a/b", "a b", "..%2f", "\u{e4}", &"x".repeat(65)] {
            assert_eq!(snapshots.check(name), Err(SnapshotError::Name), "{name}");
        }
        for number in 0..HELD {
            assert_eq!(snapshots.hold(&format!("s-{number}"), String::new(), Timestamp::UNIX_EPOCH, 0), Ok(true));
        }
        assert_eq!(snapshots.hold("one.more", String::new(), Timestamp::UNIX_EPOCH, 0), Err(SnapshotError::Full));
        assert_eq!(snapshots.hold("s-0", "new".to_owned(), Timestamp::UNIX_EPOCH, 0), Ok(false), "again is fine");
        assert_eq!(snapshots.document("s-0").as_deref(), Ok("new"));
        assert_eq!(snapshots.forget("s-0"), Ok(()));
        assert_eq!(snapshots.forget("s-0"), Err(SnapshotError::Unknown("s-0".to_owned())));
        assert_eq!(snapshots.list().count(), HELD - 1);
    }
}
