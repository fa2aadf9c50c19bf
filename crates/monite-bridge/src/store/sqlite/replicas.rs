//! The ledger of the rate budget: read, changed by one heartbeat, written back. There is one writer, so nobody comes in between.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::super::StoreError;
use super::super::ledger::{self, Changed};
use super::database;
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

    async fn run(&self, tx: &mut SqliteConnection) -> Result<Heard, StoreError> {
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

    async fn run(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        remove(tx, &self.replica).await
    }
}

/// Reads the whole ledger.
pub(super) async fn load(connection: &mut SqliteConnection) -> Result<Ledger, StoreError> {
    let budget = sqlx::query(
        "-- budget
         SELECT paused_until, stated, stated_until FROM budget",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(database("budget"))?;
    let replicas = sqlx::query(
        "-- replicas
         SELECT replica_id, started_at, heartbeat_at, rate, wants, share, delay, down_since FROM replicas
         ORDER BY started_at, replica_id",
    )
    .fetch_all(connection)
    .await
    .map_err(database("replicas"))?;
    Ok(ledger::read(&replicas, &budget)?)
}

async fn put(tx: &mut SqliteConnection, replica: &Replica) -> Result<(), StoreError> {
    let query = sqlx::query(
        "-- put_replica
         INSERT INTO replicas (replica_id, started_at, heartbeat_at, rate, wants, share, delay, down_since)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (replica_id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at, rate = excluded.rate,
             wants = excluded.wants, share = excluded.share, delay = excluded.delay, down_since = excluded.down_since",
    );
    let query = ledger::columns(replica).into_iter().fold(query.bind(&replica.id.0), sqlx::query::Query::bind);
    query.execute(tx).await.map(drop).map_err(database("put_replica"))
}

async fn put_budget(tx: &mut SqliteConnection, ledger: &Ledger) -> Result<(), StoreError> {
    let query = sqlx::query(
        "-- put_budget
         UPDATE budget SET paused_until = ?1, stated = ?2, stated_until = ?3",
    );
    let query = ledger::budget_columns(ledger).into_iter().fold(query, sqlx::query::Query::bind);
    query.execute(tx).await.map(drop).map_err(database("put_budget"))
}

async fn remove(tx: &mut SqliteConnection, replica: &ReplicaId) -> Result<(), StoreError> {
    sqlx::query(
        "-- remove_replica
         DELETE FROM replicas WHERE replica_id = ?1",
    )
    .bind(&replica.0)
    .execute(tx)
    .await
    .map(drop)
    .map_err(database("remove_replica"))
}
