//! The audit log. See [`AuditStore`].

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::super::audit::{AuditStore, record};
use super::super::{StoreError, database};
use super::writer::Write;
use super::{SqliteStore, micros};
use crate::audit::{AuditEntry, AuditRecord};

#[async_trait]
impl AuditStore for SqliteStore {
    async fn append_audit(&self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        self.writer.write(Append(entries.to_vec())).await
    }

    async fn audit(
        &self, after: i64, since: Option<Timestamp>, customer: Option<&str>, limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let rows = sqlx::query(
            "-- audit
             SELECT * FROM audit WHERE number > ?1 AND (?2 IS NULL OR at >= ?2) AND (?3 IS NULL OR customer_id = ?3)
             ORDER BY number LIMIT ?4",
        )
        .bind(after)
        .bind(since.map(micros))
        .bind(customer)
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await
        .map_err(database("audit"))?;
        rows.iter().map(record).collect()
    }
}

struct Append(Vec<AuditEntry>);

#[async_trait]
impl Write for Append {
    type Answer = ();

    async fn run(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        for entry in &self.0 {
            sqlx::query(
                "-- append_audit
                 INSERT INTO audit (at, who, what, customer_id, user_id, address, outcome, request_id)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )
            .bind(micros(entry.at))
            .bind(&entry.who)
            .bind(&entry.what)
            .bind(&entry.customer)
            .bind(&entry.user)
            .bind(&entry.address)
            .bind(&entry.outcome)
            .bind(&entry.request_id)
            .execute(&mut *tx)
            .await
            .map_err(database("append_audit"))?;
        }
        Ok(())
    }
}
