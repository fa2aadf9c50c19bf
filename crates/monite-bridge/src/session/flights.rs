//! One ask at a time: whoever comes while one is under way waits for its answer.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Asks under way, by what they are about. The map is never locked across an await.
#[derive(Debug)]
pub(super) struct Flights<K, V> {
    under_way: Arc<Mutex<UnderWay<K, V>>>,
}

type UnderWay<K, V> = HashMap<K, watch::Receiver<Option<V>>>;

impl<K, V> Default for Flights<K, V> {
    fn default() -> Self {
        Self { under_way: Arc::default() }
    }
}

impl<K, V> Flights<K, V>
where
    K: Hash + Eq + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// The answer of the ask that is under way for `key`, or of a new one. It comes to its end also when nobody waits any more:
    /// what it learns is for everybody. `ask` decides whether there is to be a new one, where no other can begin meanwhile.
    /// `None` when it decides against it, and when an ask broke off, which only a shutdown or a defect does.
    pub(super) async fn join<F>(&self, key: K, ask: impl FnOnce() -> Option<F>) -> Option<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut answer = {
            let mut under_way = lock(&self.under_way);
            match under_way.get(&key) {
                Some(answer) => answer.clone(),
                None => {
                    let asking = ask()?;
                    let (tell, answer) = watch::channel(None);
                    under_way.insert(key.clone(), answer.clone());
                    let landing = Landing { under_way: Arc::clone(&self.under_way), key };
                    tokio::spawn(async move {
                        let value = asking.await;
                        // Whoever comes from now on asks anew, and finds what was learned.
                        drop(landing);
                        let _ = tell.send(Some(value));
                    });
                    answer
                }
            }
        };
        answer.wait_for(Option::is_some).await.ok().and_then(|answer| answer.clone())
    }
}

/// Makes room for the next ask, also when this one panics.
struct Landing<K: Hash + Eq, V> {
    under_way: Arc<Mutex<UnderWay<K, V>>>,
    key: K,
}

impl<K: Hash + Eq, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        lock(&self.under_way).remove(&self.key);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
