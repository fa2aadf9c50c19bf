//! The ledger of the rate budget: read, changed by one heartbeat, written back. Whoever does that holds the lock of the one row in
//! `budget`, so nobody comes in between.

use async_trait::async_trait;
use jiff::Timestamp;

use super::super::StoreError;
use super::super::ledger::{self, Changed};
use super::connection::{Sql, Tx, sql};
use super::rows::{self, Columns as _};
use super::writer::Write;
use crate::budget::ledger::{Beat, Heard, Ledger, Replica, ReplicaId};

/// See [`Store::beat`](super::super::Store::beat).
pub(super) struct Heartbeat {
    pub(super) beat: Beat,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Write for Heartbeat {
    type Answer = Heard;

    fn makes_due(&self, _heard: &Heard) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx) -> Result<Heard, StoreError> {
        lock(tx).await?;
        let before = load(tx).await?;
        let mut after = before.clone();
        let heard = after.beat(&self.beat, self.now);
        let changed = Changed::between(&before, &after);
        for gone in changed.gone {
            remove(tx, gone).await?;
        }
        for replica in changed.put {
            put(tx, replica).await?;
        }
        if changed.budget {
            put_budget(tx, &after).await?;
        }
        Ok(heard)
    }
}

/// See [`Store::leave`](super::super::Store::leave).
pub(super) struct Leave {
    pub(super) replica: ReplicaId,
}

#[async_trait]
impl Write for Leave {
    type Answer = ();

    fn makes_due(&self, (): &()) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx) -> Result<(), StoreError> {
        lock(tx).await?;
        remove(tx, &self.replica).await
    }
}

/// What is read after this was read by nobody else who will write.
async fn lock(tx: &mut Tx) -> Result<(), StoreError> {
    sql("-- lock_budget
         SELECT budget FROM budget FOR UPDATE")
    .one(tx)
    .await
    .map(drop)
}

/// Reads the whole ledger.
pub(super) async fn load(tx: &mut Tx) -> Result<Ledger, StoreError> {
    let budget = sql("-- budget
         SELECT paused_until, stated, stated_until FROM budget")
    .one(tx)
    .await?;
    let replicas = sql("-- replicas
         SELECT replica_id, started_at, heartbeat_at, rate, wants, share, delay, down_since FROM replicas
         ORDER BY started_at, replica_id")
    .all(tx)
    .await?;
    Ok(ledger::read(&replicas, &budget)?)
}

/// What the server's clock says, at this moment and not at the beginning of the transaction.
pub(super) async fn time(tx: &mut Tx) -> Result<Timestamp, StoreError> {
    let row = sql("-- time
         SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now")
    .one(tx)
    .await?;
    Ok(rows::time(row.number("now")?)?)
}

async fn put(tx: &mut Tx, replica: &Replica) -> Result<(), StoreError> {
    let statement = sql("-- put_replica
         INSERT INTO replicas (replica_id, started_at, heartbeat_at, rate, wants, share, delay, down_since)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (replica_id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at, rate = excluded.rate,
             wants = excluded.wants, share = excluded.share, delay = excluded.delay, down_since = excluded.down_since");
    let statement = ledger::columns(replica).into_iter().fold(statement.bind(replica.id.0.as_str()), Sql::bind);
    statement.run(tx).await.map(drop)
}

async fn put_budget(tx: &mut Tx, ledger: &Ledger) -> Result<(), StoreError> {
    let statement = sql("-- put_budget
         UPDATE budget SET paused_until = $1, stated = $2, stated_until = $3");
    ledger::budget_columns(ledger).into_iter().fold(statement, Sql::bind).run(tx).await.map(drop)
}

async fn remove(tx: &mut Tx, replica: &ReplicaId) -> Result<(), StoreError> {
    sql("-- remove_replica
         DELETE FROM replicas WHERE replica_id = $1")
    .bind(replica.0.as_str())
    .run(tx)
    .await
    .map(drop)
}
