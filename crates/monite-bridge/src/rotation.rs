//! Seals everything anew under the key that seals, beside running services and under load.
//!
//! Row by row, each only if it is still what was read: a write that comes in between wins and is looked at again. Each row is durable by
//! itself and either key opens it, so a rotation that is killed is simply run again, and one that is done changes nothing.

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use crate::store::seal::{KeyId, SealError, Sealer, sealed_under};
use crate::store::{SealedName, SealedRow, Shelf, Store, StoreError};

/// Rows read at once, and written side by side, so that they share commits.
const PAGE: u32 = 100;

/// Rows of a page that are in hand at once. More would make others who write wait longer.
const AT_ONCE: usize = 16;

/// How often everything is gone through: what was written behind the first pass by a process that seals under another key is found by
/// the second. Only who goes on writing is met by all.
const PASSES: u32 = 3;

/// How often one row is tried that somebody else writes meanwhile.
const TRIES: u32 = 8;

/// What a rotation found, and what it did.
#[derive(Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The key that everything is sealed under, but for what is named below.
    pub key: KeyId,
    /// The other keys that are held: nothing needs them any more if [`Rotation::is_complete`].
    pub others: Vec<KeyId>,
    /// Rows that were sealed anew.
    pub resealed: usize,
    /// Rows that were sealed under the key before.
    pub already: usize,
    /// Shared tokens that no key here opens and that had ended: they were taken away.
    pub ended: usize,
    /// What no key here opens: it is as it was.
    pub unopened: Vec<SealError>,
    /// What was written again and again while it was sealed anew, or is sealed under another key once more: some process still seals
    /// under another key.
    pub restless: Vec<String>,
}

impl Rotation {
    /// Whether everything is sealed under [`Rotation::key`].
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unopened.is_empty() && self.restless.is_empty()
    }
}

/// Seals everything in `store` anew that is not sealed under the sealer's first key.
///
/// # Errors
/// [`StoreError`]; what was sealed anew until then stays so, and the next call goes on with the rest.
pub async fn rotate(store: &dyn Store, sealer: &Sealer, now: Timestamp) -> Result<Rotation, StoreError> {
    let mut round = go_through(store, sealer, now).await?;
    let (already, mut ended) = (round.already, round.ended);
    let mut resealed = round.resealed.clone();
    for _ in 1..PASSES {
        if round.is_calm() {
            break;
        }
        round = go_through(store, sealer, now).await?;
        ended += round.ended;
        resealed.extend(round.resealed.iter().cloned());
    }
    // What had to be sealed anew in the last pass, too, was written under another key during the one before.
    let restless: BTreeSet<SealedName> = round.restless.into_iter().chain(round.resealed).collect();
    Ok(Rotation {
        key: sealer.key_id(),
        others: sealer.key_ids().split_off(1),
        resealed: resealed.len(),
        already,
        ended,
        unopened: round.unopened,
        restless: restless.into_iter().map(|name| name.name).collect(),
    })
}

/// What one pass did.
#[derive(Default)]
struct Round {
    resealed: BTreeSet<SealedName>,
    already: usize,
    ended: usize,
    unopened: Vec<SealError>,
    restless: Vec<SealedName>,
}

impl Round {
    fn is_calm(&self) -> bool {
        self.resealed.is_empty() && self.restless.is_empty()
    }

    fn count(&mut self, name: SealedName, outcome: Outcome) {
        match outcome {
            Outcome::Resealed => drop(self.resealed.insert(name)),
            Outcome::Already => self.already += 1,
            Outcome::Ended => self.ended += 1,
            Outcome::Unopened(error) => self.unopened.push(error),
            Outcome::Gone => {}
            Outcome::Restless => self.restless.push(name),
        }
    }
}

/// What became of one row.
enum Outcome {
    Resealed,
    Already,
    /// A shared token that nobody here can open, and nobody can use.
    Ended,
    Unopened(SealError),
    /// It is not there any more.
    Gone,
    Restless,
}

async fn go_through(store: &dyn Store, sealer: &Sealer, now: Timestamp) -> Result<Round, StoreError> {
    let mut round = Round::default();
    let mut after = None;
    loop {
        let page = store.sealed(after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(round) };
        after = Some(last.name.clone());
        let work = page.into_iter().map(|row| async {
            let name = row.name.clone();
            one(store, sealer, row, now).await.map(|outcome| (name, outcome))
        });
        let outcomes: Vec<(SealedName, Outcome)> = futures::stream::iter(work).buffered(AT_ONCE).try_collect().await?;
        for (name, outcome) in outcomes {
            round.count(name, outcome);
        }
    }
}

async fn one(store: &dyn Store, sealer: &Sealer, mut row: SealedRow, now: Timestamp) -> Result<Outcome, StoreError> {
    for _ in 0..TRIES {
        let name = &row.name.name;
        let (done, outcome) = match sealer.open(name, &row.sealed) {
            // It was opened all the same: a key id can be written over anything.
            Ok(_) if sealed_under(&row.sealed) == Some(sealer.key_id()) => return Ok(Outcome::Already),
            Ok(text) => {
                let anew = sealer.seal(name, &text);
                (store.reseal(&row.name, &row.sealed, &anew).await?, Outcome::Resealed)
            }
            Err(_) if row.expires_at.is_some_and(|at| at <= now) => {
                (store.drop_shared_token(name, &row.sealed).await?, Outcome::Ended)
            }
            Err(error) => return Ok(Outcome::Unopened(error)),
        };
        if done {
            return Ok(outcome);
        }
        let there = match row.name.shelf {
            Shelf::Secrets => store.secret(name).await?,
            Shelf::SharedTokens => store.shared_token(name).await?.sealed,
        };
        let Some(sealed) = there else { return Ok(Outcome::Gone) };
        // Of what lies there now nobody said when it ends.
        row = SealedRow { sealed, expires_at: None, ..row };
    }
    Ok(Outcome::Restless)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use secrecy::{ExposeSecret, SecretString};

    use super::*;
    use crate::store::seal::MasterKey;
    use crate::store::sqlite::SqliteStore;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    async fn memory() -> Arc<dyn Store> {
        Arc::new(SqliteStore::open("sqlite::memory:").await.unwrap())
    }

    async fn put(store: &dyn Store, sealer: &Sealer, name: &str, text: &str) {
        store.put_secret(name, &sealer.seal(name, &SecretString::from(text)), NOW).await.unwrap();
    }

    async fn token(store: &dyn Store, sealer: &Sealer, name: &str, expires_at: Timestamp) {
        let duty = store.begin_mint(name, 0, false, NOW, NOW + std::time::Duration::from_secs(5)).await.unwrap();
        let sealed = sealer.seal(name, &SecretString::from("t0ken"));
        assert!(store.end_mint(name, duty.unwrap(), Some((sealed, expires_at))).await.unwrap());
    }

    #[tokio::test]
    async fn everything_is_sealed_anew_once_and_says_the_same() {
        let store = memory().await;
        let (old_key, new_key) = (MasterKey::generate(), MasterKey::generate());
        let (old, new) = (Sealer::new(old_key.clone()), Sealer::new(new_key.clone()));
        let both = Sealer::new(new_key).and_opens(old_key.clone());
        // More than two pages, some of them sealed under the new key already.
        let names: Vec<String> = (0..250).map(|number| format!("secret {number:03}")).collect();
        for (number, name) in names.iter().enumerate() {
            put(store.as_ref(), if number % 10 == 0 { &both } else { &old }, name, name).await;
        }
        token(store.as_ref(), &old, "token", NOW + std::time::Duration::from_secs(1800)).await;
        let expected = Rotation {
            key: both.key_id(),
            others: vec![old_key.id()],
            resealed: 226,
            already: 25,
            ended: 0,
            unopened: Vec::new(),
            restless: Vec::new(),
        };
        assert_eq!(rotate(store.as_ref(), &both, NOW).await.unwrap(), expected);
        let sealed = store.sealed(None, 1000).await.unwrap();
        assert_eq!(sealed.len(), 251);
        for row in &sealed {
            let text = new.open(&row.name.name, &row.sealed).unwrap();
            let said = if row.name.shelf == Shelf::Secrets { row.name.name.as_str() } else { "t0ken" };
            assert_eq!(text.expose_secret(), said);
        }
        let again = Rotation { resealed: 0, already: 251, ..expected };
        assert_eq!(rotate(store.as_ref(), &both, NOW).await.unwrap(), again);
        assert_eq!(store.sealed(None, 1000).await.unwrap(), sealed, "a second one writes nothing");
    }

    #[tokio::test]
    async fn what_no_key_opens_is_named_and_left_alone() {
        let store = memory().await;
        let (lost, old_key) = (Sealer::new(MasterKey::generate()), MasterKey::generate());
        let old = Sealer::new(old_key.clone());
        let both = Sealer::new(MasterKey::generate()).and_opens(old_key);
        put(store.as_ref(), &lost, "lost", "x").await;
        put(store.as_ref(), &old, "mine", "x").await;
        // Under the first key's id, but not what that key sealed.
        let mut forged = both.seal("forged", &SecretString::from("x"));
        *forged.last_mut().unwrap() ^= 1;
        store.put_secret("forged", &forged, NOW).await.unwrap();
        let hour = std::time::Duration::from_secs(3600);
        token(store.as_ref(), &lost, "dead", NOW + hour).await;
        token(store.as_ref(), &lost, "alive", NOW + 3 * hour).await;
        let done = rotate(store.as_ref(), &both, NOW + 2 * hour).await.unwrap();
        let other_key = |name: &str| SealError::OtherKey {
            name: name.to_owned(),
            sealed_under: lost.key_id(),
            held: both.key_ids(),
        };
        assert_eq!((done.resealed, done.already, done.ended), (1, 0, 1));
        assert_eq!(
            done.unopened,
            [SealError::Altered { name: "forged".to_owned() }, other_key("lost"), other_key("alive")]
        );
        assert!(!done.is_complete());
        let names: Vec<String> = store.sealed(None, 10).await.unwrap().into_iter().map(|row| row.name.name).collect();
        assert_eq!(names, ["forged", "lost", "mine", "alive"]);
    }
}
