//! The ledger of the rate budget: from rows, and what of it has to be written back after a heartbeat. A few rows, whatever else the
//! store holds.

use std::time::Duration;

use jiff::Timestamp;

use super::columns::micros;
use super::rows::{Columns, Unread, time};
use crate::budget::ledger::{Ledger, Replica, ReplicaId};

/// A ledger from rows of `replicas`, in order, and the row of `budget`.
pub(super) fn read<R: Columns>(replicas: &[R], budget: &R) -> Result<Ledger, Unread> {
    let stated = budget.number_or_null("stated")?.is_some().then(|| budget.count("stated")).transpose()?;
    Ok(Ledger {
        replicas: replicas.iter().map(replica).collect::<Result<_, _>>()?,
        paused_until: time_or_null(budget, "paused_until")?,
        stated: stated.zip(time_or_null(budget, "stated_until")?),
    })
}

fn replica(row: &impl Columns) -> Result<Replica, Unread> {
    Ok(Replica {
        id: ReplicaId(row.text("replica_id")?),
        started_at: time(row.number("started_at")?)?,
        heartbeat_at: time(row.number("heartbeat_at")?)?,
        rate: row.count("rate")?,
        wants: row.count("wants")?,
        share: row.count("share")?,
        delay: Duration::from_micros(row.count("delay")?),
        down_since: time_or_null(row, "down_since")?,
    })
}

fn time_or_null(row: &impl Columns, column: &'static str) -> Result<Option<Timestamp>, Unread> {
    row.number_or_null(column)?.map(time).transpose()
}

/// What became of a ledger.
pub(super) struct Changed<'a> {
    /// These rows go.
    pub(super) gone: Vec<&'a ReplicaId>,
    /// These are new or different.
    pub(super) put: Vec<&'a Replica>,
    /// What all obey is different.
    pub(super) budget: bool,
}

impl<'a> Changed<'a> {
    pub(super) fn between(before: &'a Ledger, after: &'a Ledger) -> Self {
        let stays = |one: &Replica| after.replicas.iter().any(|other| other.id == one.id);
        Self {
            gone: before.replicas.iter().filter(|one| !stays(one)).map(|one| &one.id).collect(),
            put: after.replicas.iter().filter(|one| !before.replicas.contains(one)).collect(),
            budget: (before.paused_until, before.stated) != (after.paused_until, after.stated),
        }
    }
}

/// A [`Replica`]'s numbers as columns: started, heartbeat, rate, wants, share, delay, down since.
pub(super) fn columns(replica: &Replica) -> [Option<i64>; 7] {
    [
        Some(micros(replica.started_at)),
        Some(micros(replica.heartbeat_at)),
        Some(replica.rate.into()),
        Some(replica.wants.into()),
        Some(replica.share.into()),
        Some(i64::try_from(replica.delay.as_micros()).unwrap_or(i64::MAX)),
        replica.down_since.map(micros),
    ]
}

/// What all obey, as columns: paused until, stated, stated until.
pub(super) fn budget_columns(ledger: &Ledger) -> [Option<i64>; 3] {
    [
        ledger.paused_until.map(micros),
        ledger.stated.map(|(limit, _)| limit.into()),
        ledger.stated.map(|(_, until)| micros(until)),
    ]
}
