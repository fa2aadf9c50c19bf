//! Writes that concern many customers or none: retries, changed templates, sealed secrets.

use async_trait::async_trait;
use jiff::Timestamp;

use super::super::columns::micros;
use super::super::{RetryScope, StoreError};
use super::connection::{Tx, sql};
use super::rows::Columns as _;
use super::writer::Write;
use super::{rest, stored, wake};
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
            " SET state = 'pending', attempts = 0, due_at = $1 WHERE state IN ('retrying', 'rejected', 'drifted')",
            $rest
        )
    };
}

#[async_trait]
impl Write for Retry {
    type Answer = u64;

    fn makes_due(&self, count: &u64) -> bool {
        *count > 0
    }

    async fn run(&self, tx: &mut Tx) -> Result<u64, StoreError> {
        match &self.scope {
            RetryScope::All => self.all(tx).await,
            RetryScope::One(object) => self.one(tx, object).await,
        }
    }
}

impl Retry {
    async fn all(&self, tx: &mut Tx) -> Result<u64, StoreError> {
        const CUSTOMERS: &str = retry!("retry_all_customers", "customer_work", " RETURNING customer_id");
        const USERS: &str = retry!("retry_all_users", "user_work", " RETURNING customer_id");
        lock_failing(tx).await?;
        let mut touched: Vec<String> = Vec::new();
        for text in [CUSTOMERS, USERS] {
            for row in sql(text).bind(micros(self.now)).all(tx).await? {
                touched.push(row.text("customer_id")?);
            }
        }
        let count = touched.len() as u64;
        touched.sort_unstable();
        touched.dedup();
        let touched: Vec<&str> = touched.iter().map(String::as_str).collect();
        rest::rest(tx, &touched).await?;
        wake::settle(tx, &touched).await?;
        Ok(count)
    }

    async fn one(&self, tx: &mut Tx, object: &ObjectId) -> Result<u64, StoreError> {
        const CUSTOMER: &str = retry!("retry_customer", "customer_work", " AND customer_id = $2");
        const ITS_USERS: &str = retry!("retry_users", "user_work", " AND customer_id = $2");
        const USER: &str = retry!("retry_user", "user_work", " AND customer_id = $2 AND user_id = $3");
        let statements: &[&'static str] = match object {
            ObjectId::Customer(_) => &[CUSTOMER, ITS_USERS],
            ObjectId::User(..) => &[USER],
        };
        if stored::lock(tx, object.customer()).await?.is_none() {
            return Ok(0);
        }
        let mut count = 0;
        for text in statements {
            let mut statement = sql(text).bind(micros(self.now)).bind(object.customer().as_str());
            if let ObjectId::User(_, user) = object {
                statement = statement.bind(user.as_str());
            }
            count += statement.run(tx).await?;
        }
        let customer = [object.customer().as_str()];
        rest::rest(tx, &customer).await?;
        wake::settle(tx, &customer).await?;
        Ok(count)
    }
}

/// Locks every customer that fails, or has a user that does, before any of them is written.
async fn lock_failing(tx: &mut Tx) -> Result<(), StoreError> {
    sql("-- retry_all_lock
         SELECT w.customer_id FROM customer_work w
         WHERE w.state IN ('retrying', 'rejected', 'drifted') OR w.customer_id IN
             (SELECT u.customer_id FROM user_work u WHERE u.state IN ('retrying', 'rejected', 'drifted'))
         ORDER BY w.customer_id FOR UPDATE")
    .run(tx)
    .await?;
    Ok(())
}

/// See [`Store::adopt_templates`](super::super::Store::adopt_templates).
pub(super) struct AdoptTemplates {
    pub(super) fingerprint: String,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Write for AdoptTemplates {
    type Answer = bool;

    fn makes_due(&self, changed: &bool) -> bool {
        *changed
    }

    async fn run(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let changed = sql("-- adopt_templates
             INSERT INTO settings (name, value) VALUES ('role_templates', $1)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE settings.value <> excluded.value")
        .bind(self.fingerprint.as_str())
        .run(tx)
        .await?;
        if changed == 0 {
            return Ok(false);
        }
        sql("-- adopt_templates_due
             UPDATE customer_work SET
                 due_at = least(due_at, $1),
                 wake_at = CASE WHEN lease_until IS NOT NULL THEN lease_until ELSE least(wake_at, $1) END
             WHERE seen = 'present' AND wish = 'present'")
        .bind(micros(self.now))
        .run(tx)
        .await?;
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

    fn makes_due(&self, (): &()) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx) -> Result<(), StoreError> {
        sql("-- put_secret
             INSERT INTO secrets (name, sealed, written_at) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, written_at = excluded.written_at")
        .bind(self.name.as_str())
        .bind(self.sealed.as_slice())
        .bind(micros(self.now))
        .run(tx)
        .await?;
        Ok(())
    }
}
