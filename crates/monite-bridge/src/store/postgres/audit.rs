//! The audit log. See [`AuditStore`].

use async_trait::async_trait;
use jiff::Timestamp;

use super::super::StoreError;
use super::super::audit::{AuditStore, record};
use super::super::columns::micros;
use super::connection::{Tx, end, sql};
use super::writer::{Patience, Write, in_time};
use super::{PostgresStore, reading};
use crate::audit::{AuditEntry, AuditRecord};

#[async_trait]
impl AuditStore for PostgresStore {
    async fn append_audit(&self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        self.writer.write(Append(entries.to_vec())).await
    }

    async fn audit(
        &self, after: i64, since: Option<Timestamp>, customer: Option<&str>, limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        reading!(self.pool, read, tx => page(tx, after, since, customer, limit))
    }
}

async fn page(
    tx: &mut Tx, after: i64, since: Option<Timestamp>, customer: Option<&str>, limit: u32,
) -> Result<Vec<AuditRecord>, StoreError> {
    let rows = sql("-- audit
         SELECT * FROM audit
         WHERE number > $1 AND ($2::bigint IS NULL OR at >= $2) AND ($3::text IS NULL OR customer_id = $3)
         ORDER BY number LIMIT $4")
    .bind(after)
    .bind(since.map(micros))
    .bind(customer.map(str::to_owned))
    .bind(i64::from(limit))
    .all(tx)
    .await?;
    rows.iter().map(record).collect()
}

struct Append(Vec<AuditEntry>);

#[async_trait]
impl Write for Append {
    type Answer = ();

    fn makes_due(&self, (): &()) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx) -> Result<(), StoreError> {
        for entry in &self.0 {
            sql("-- append_audit
                 INSERT INTO audit (at, who, what, customer_id, user_id, address, outcome, request_id)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
            .bind(micros(entry.at))
            .bind(entry.who.as_str())
            .bind(entry.what.as_str())
            .bind(entry.customer.clone())
            .bind(entry.user.clone())
            .bind(entry.address.clone())
            .bind(entry.outcome.as_str())
            .bind(entry.request_id.clone())
            .run(tx)
            .await?;
        }
        Ok(())
    }
}
