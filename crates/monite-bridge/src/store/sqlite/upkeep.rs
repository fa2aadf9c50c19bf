//! Writes that concern many customers or none: retries, changed templates, sealed secrets.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::super::rows::to_json;
use super::super::{RetryScope, StoreError};
use super::writer::Write;
use super::{database, micros, rest, wake};
use crate::domain::ObjectId;

/// See [`Store::retry`](super::super::Store::retry).
pub(super) struct Retry {
    pub(super) scope: RetryScope,
    pub(super) now: Timestamp,
}

/// What a retry does to a failing row: as after a write of the product, except that the last error stays to be read.
macro_rules! retry {
    ($name:literal, $table:literal, $rest:literal) => {
        concat!(
            "-- ",
            $name,
            "\nUPDATE ",
            $table,
            " SET state = 'pending', attempts = 0, due_at = ?1 WHERE state IN ('retrying', 'rejected', 'drifted')",
            $rest
        )
    };
}

#[async_trait]
impl Write for Retry {
    type Answer = u64;

    async fn run(&self, tx: &mut SqliteConnection) -> Result<u64, StoreError> {
        match &self.scope {
            RetryScope::All => self.all(tx).await,
            RetryScope::One(object) => self.one(tx, object).await,
        }
    }
}

impl Retry {
    async fn all(&self, tx: &mut SqliteConnection) -> Result<u64, StoreError> {
        const CUSTOMERS: &str = retry!("retry_all_customers", "customer_work", " RETURNING customer_id");
        const USERS: &str = retry!("retry_all_users", "user_work", " RETURNING customer_id");
        let mut touched: Vec<String> = Vec::new();
        for sql in [CUSTOMERS, USERS] {
            let query = sqlx::query_scalar::<_, String>(sql).bind(micros(self.now));
            touched.extend(query.fetch_all(&mut *tx).await.map_err(database("retry_all"))?);
        }
        let count = touched.len() as u64;
        touched.sort_unstable();
        touched.dedup();
        let touched = to_json(&touched);
        rest::rest_all(tx, &touched).await?;
        wake::settle(tx, &touched).await?;
        Ok(count)
    }

    async fn one(&self, tx: &mut SqliteConnection, object: &ObjectId) -> Result<u64, StoreError> {
        const CUSTOMER: &str = retry!("retry_customer", "customer_work", " AND customer_id = ?2");
        const ITS_USERS: &str = retry!("retry_users", "user_work", " AND customer_id = ?2");
        const USER: &str = retry!("retry_user", "user_work", " AND customer_id = ?2 AND user_id = ?3");
        let statements: &[&'static str] = match object {
            ObjectId::Customer(_) => &[CUSTOMER, ITS_USERS],
            ObjectId::User(..) => &[USER],
        };
        let mut count = 0;
        for sql in statements {
            let mut query = sqlx::query(*sql).bind(micros(self.now)).bind(object.customer().as_str());
            if let ObjectId::User(_, user) = object {
                query = query.bind(user.as_str());
            }
            count += query.execute(&mut *tx).await.map_err(database("retry"))?.rows_affected();
        }
        rest::rest(tx, object.customer()).await?;
        wake::settle_one(tx, object.customer().as_str()).await?;
        Ok(count)
    }
}

/// See [`Store::adopt_templates`](super::super::Store::adopt_templates).
pub(super) struct AdoptTemplates {
    pub(super) fingerprint: String,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Write for AdoptTemplates {
    type Answer = bool;

    async fn run(&self, tx: &mut SqliteConnection) -> Result<bool, StoreError> {
        let changed = sqlx::query(
            "-- adopt_templates
             INSERT INTO settings (name, value) VALUES ('role_templates', ?1)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value <> excluded.value",
        )
        .bind(&self.fingerprint)
        .execute(&mut *tx)
        .await
        .map_err(database("adopt_templates"))?;
        if changed.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query(
            "-- adopt_templates_due
             UPDATE customer_work SET
                 due_at = min(ifnull(due_at, ?1), ?1),
                 wake_at = CASE WHEN lease_until IS NOT NULL THEN lease_until ELSE min(ifnull(wake_at, ?1), ?1) END
             WHERE seen = 'present' AND wish = 'present'",
        )
        .bind(micros(self.now))
        .execute(tx)
        .await
        .map_err(database("adopt_templates_due"))?;
        Ok(true)
    }
}

/// See [`Store::put_secret`](super::super::Store::put_secret).
pub(super) struct PutSecret {
    pub(super) name: String,
    pub(super) sealed: Vec<u8>,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Write for PutSecret {
    type Answer = ();

    async fn run(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        sqlx::query(
            "-- put_secret
             INSERT INTO secrets (name, sealed, written_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, written_at = excluded.written_at",
        )
        .bind(&self.name)
        .bind(&self.sealed)
        .bind(micros(self.now))
        .execute(tx)
        .await
        .map_err(database("put_secret"))?;
        Ok(())
    }
}
