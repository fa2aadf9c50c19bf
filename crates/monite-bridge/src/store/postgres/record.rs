//! What visits found out, written down: those that wait are taken together, one transaction and one statement for each kind of change.
//!
//! 64 visits in one transaction cost little more than one, in trips as well as in flushes of the server's disk.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use super::super::{Change, Fenced, Lease, StoreError};
use super::connection::{Tx, sql};
use super::round::rounds;
use super::rows::{Columns as _, Unread};
use super::trouble::is_passing;
use super::wake::wake_without_lease;
use super::writer::{Write, Writer};
use super::{changes, rest};

/// Visits that share a transaction. Bounds how long the first of them waits for the last.
const TOGETHER: usize = 64;

/// Visits that may wait; more make their workers wait.
const QUEUE: usize = 1024;

/// Whether the customer is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// The visit goes on.
    Continue,
    /// The customer is given back.
    GiveBack,
}

/// See [`Store::record`](super::super::Store::record) and [`Store::finish`](super::super::Store::finish).
#[derive(Debug)]
pub(super) struct Visited {
    pub(super) lease: Lease,
    pub(super) changes: Vec<Change>,
    pub(super) then: Then,
}

struct Waiting {
    visited: Arc<Visited>,
    reply: oneshot::Sender<Result<Fenced, StoreError>>,
}

/// The way to the task that writes down.
#[derive(Debug, Clone)]
pub(super) struct Recorder {
    queue: mpsc::Sender<Waiting>,
}

impl Recorder {
    /// Starts the task. It ends when every `Recorder` is dropped.
    pub(super) fn start(writer: Writer) -> Self {
        let (queue, inbox) = mpsc::channel(QUEUE);
        tokio::spawn(serve(writer, inbox));
        Self { queue }
    }

    /// Answers when it is durable. Dropping the future does not undo it.
    pub(super) async fn record(&self, visited: Visited) -> Result<Fenced, StoreError> {
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting { visited: Arc::new(visited), reply };
        self.queue.send(waiting).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

async fn serve(writer: Writer, mut inbox: mpsc::Receiver<Waiting>) {
    let mut next = inbox.recv().await;
    while let Some(first) = next.take() {
        let (group, left) = gather(first, &mut inbox);
        write_down(&writer, group).await;
        next = match left {
            Some(left) => Some(left),
            None => inbox.recv().await,
        };
    }
}

/// `first` and what waits behind it, each customer once: what comes of one customer after something else of it waits for the next group.
fn gather(first: Waiting, inbox: &mut mpsc::Receiver<Waiting>) -> (Vec<Waiting>, Option<Waiting>) {
    let mut customers = HashSet::from([first.visited.lease.customer.clone()]);
    let mut group = vec![first];
    while group.len() < TOGETHER
        && let Ok(next) = inbox.try_recv()
    {
        if !customers.insert(next.visited.lease.customer.clone()) {
            return (group, Some(next));
        }
        group.push(next);
    }
    (group, None)
}

/// Writes the group together; when that fails for what is in it, each by itself, so that one bad visit takes no other down.
async fn write_down(writer: &Writer, group: Vec<Waiting>) {
    let record = Record { visits: group.iter().map(|waiting| Arc::clone(&waiting.visited)).collect() };
    match writer.until_durable(&record).await {
        Ok(outcomes) => group.into_iter().zip(outcomes).for_each(|(waiting, outcome)| waiting.answer(Ok(outcome))),
        Err(error) if group.len() > 1 && is_about_one(&error) => {
            for waiting in group {
                let alone = Record { visits: vec![Arc::clone(&waiting.visited)] };
                let outcomes = writer.until_durable(&alone).await;
                waiting.answer(outcomes.map(|outcomes| outcomes[0]));
            }
        }
        Err(error) => group.into_iter().for_each(|waiting| waiting.answer(Err(error.copy()))),
    }
}

/// Whether the others of the group may do better without it. A server that is away is away for all of them.
fn is_about_one(error: &StoreError) -> bool {
    !is_passing(error) && !matches!(error, StoreError::Closed)
}

impl Waiting {
    fn answer(self, outcome: Result<Fenced, StoreError>) {
        // A worker that went away still has its visit written down.
        let _ = self.reply.send(outcome);
    }
}

/// Visits of different customers, written down together.
struct Record {
    visits: Vec<Arc<Visited>>,
}

#[async_trait]
impl Write for Record {
    /// One for each visit, in their order.
    type Answer = Vec<Fenced>;

    fn weight(&self) -> usize {
        self.visits.len()
    }

    /// Whoever records looks again by itself; what becomes due later is for the timer.
    fn makes_due(&self, _: &Vec<Fenced>) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx) -> Result<Vec<Fenced>, StoreError> {
        let held = lock_held(tx, &self.visits).await?;
        let is_held = |visited: &&Arc<Visited>| held.contains(visited.lease.customer.as_str());
        let visits: Vec<&Arc<Visited>> = self.visits.iter().filter(is_held).collect();
        for round in rounds(visits.iter().map(|visited| (&visited.lease.customer, visited.changes.as_slice()))) {
            changes::apply(tx, &round).await?;
        }
        let open = visits.iter().filter(|visited| visited.changes.iter().any(leaves_a_user_open));
        let open: Vec<&str> = open.map(|visited| visited.lease.customer.as_str()).collect();
        if !open.is_empty() {
            rest::rest(tx, &open).await?;
        }
        let given_back = visits.iter().filter(|visited| visited.then == Then::GiveBack);
        let given_back: Vec<&str> = given_back.map(|visited| visited.lease.customer.as_str()).collect();
        if !given_back.is_empty() {
            give_back(tx, &given_back).await?;
        }
        let outcome = |visited: &Arc<Visited>| match is_held(&visited) {
            true => Fenced::Recorded,
            false => Fenced::LeaseLost,
        };
        Ok(self.visits.iter().map(outcome).collect())
    }
}

/// The customers whose lease still holds, locked until the transaction ends: the fence is checked by the statement that takes the lock, and
/// whoever would claim one of them (which is what raises a fence) cannot before what follows is durable.
async fn lock_held(tx: &mut Tx, visits: &[Arc<Visited>]) -> Result<HashSet<String>, StoreError> {
    let rows = sql("-- fence
         SELECT w.customer_id FROM unnest($1::text[], $2::bigint[]) AS l (customer_id, fence)
         JOIN customer_work w ON w.customer_id = l.customer_id AND w.fence = l.fence AND w.lease_owner IS NOT NULL
         ORDER BY w.customer_id FOR UPDATE OF w")
    .bind(visits.iter().map(|visited| visited.lease.customer.as_str()).collect::<Vec<_>>())
    .bind(visits.iter().map(|visited| visited.lease.fence).collect::<Vec<_>>())
    .all(tx)
    .await?;
    rows.iter().map(|row| row.text("customer_id")).collect::<Result<_, Unread>>().map_err(Into::into)
}

/// Whether a user is to be tried again after it: the customer may have been deleted meanwhile, and then it rests.
fn leaves_a_user_open(change: &Change) -> bool {
    matches!(change, Change::UserDone(_, progress) if progress.due_at.is_some())
}

/// Also forgets the users that the product deleted during the visit, and that are to be kept at Monite; a link that goes away with one of
/// them is a changed link.
async fn give_back(tx: &mut Tx, customers: &[&str]) -> Result<(), StoreError> {
    const SQL: &str = concat!(
        "-- finish
         WITH old AS (
             SELECT u.customer_id, u.user_id, u.entity_user_id IS NOT NULL AS linked FROM user_work u
             WHERE u.customer_id = ANY($1) AND u.state = 'deactivated' AND u.wish = 'gone'
         ), forgotten AS (
             DELETE FROM users d USING old WHERE d.customer_id = old.customer_id AND d.user_id = old.user_id
         ), unlinked AS (
             SELECT DISTINCT old.customer_id FROM old WHERE old.linked
         )
         UPDATE customer_work w SET
             links = w.links + CASE WHEN now.unlinked THEN 1 ELSE 0 END,
             stamp_due_at = CASE WHEN now.unlinked AND w.entity_id IS NOT NULL THEN 0 ELSE w.stamp_due_at END,
             lease_owner = NULL, lease_until = NULL, wake_at = ",
        wake_without_lease!(),
        " FROM (
             SELECT n.customer_id, unlinked.customer_id IS NOT NULL AS unlinked FROM unnest($1::text[]) AS n (customer_id)
             LEFT JOIN unlinked ON unlinked.customer_id = n.customer_id
         ) now WHERE w.customer_id = now.customer_id"
    );
    sql(SQL).bind(customers).run(tx).await?;
    Ok(())
}
