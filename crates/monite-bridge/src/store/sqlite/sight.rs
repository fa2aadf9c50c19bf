//! What a sweep saw at Monite, written down where nothing has changed since it was read.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::super::columns::JudgedColumns;
use super::super::{AsRead, Sighting, StoreError};
use super::writer::Write;
use super::{changes, database, stored, visit, wake};
use crate::domain::CustomerId;

/// See [`Store::note_seen`](super::super::Store::note_seen).
pub(super) struct NoteSeen {
    pub(super) sighting: Sighting,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Write for NoteSeen {
    type Answer = bool;

    async fn run(&self, tx: &mut SqliteConnection) -> Result<bool, StoreError> {
        let customer = self.sighting.read.customer();
        if is_in_hand(tx, customer).await? || !self.is_as_read(tx).await? {
            return Ok(false);
        }
        for change in &self.sighting.changes {
            changes::apply(tx, customer, change).await?;
        }
        self.judge(tx).await?;
        wake::settle_one(tx, customer.as_str()).await?;
        Ok(true)
    }
}

impl NoteSeen {
    async fn is_as_read(&self, tx: &mut SqliteConnection) -> Result<bool, StoreError> {
        Ok(match &self.sighting.read {
            AsRead::Customer(read, roles) => {
                stored::customer(&mut *tx, &read.id).await?.as_ref() == Some(read)
                    && visit::roles(tx, &read.id).await? == *roles
            }
            AsRead::User(read) => stored::user(tx, &read.customer, &read.id).await?.as_ref() == Some(read),
        })
    }

    async fn judge(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        let Some(columns) = JudgedColumns::new(&self.sighting.then, self.now) else { return Ok(()) };
        let query = match &self.sighting.read {
            AsRead::Customer(..) => sqlx::query(
                "-- judge_customer
                 UPDATE customer_work SET state = ?3, attempts = 0, due_at = ?4, last_error = ?5 WHERE customer_id = ?1",
            ),
            AsRead::User(_) => sqlx::query(
                "-- judge_user
                 UPDATE user_work SET state = ?3, attempts = 0, due_at = ?4, last_error = ?5
                 WHERE customer_id = ?1 AND user_id = ?2",
            ),
        };
        let user = match &self.sighting.read {
            AsRead::Customer(..) => None,
            AsRead::User(user) => Some(user.id.as_str()),
        };
        query
            .bind(self.sighting.read.customer().as_str())
            .bind(user)
            .bind(columns.state)
            .bind(columns.due_at)
            .bind(columns.last_error)
            .execute(tx)
            .await
            .map_err(database("judge"))?;
        Ok(())
    }
}

async fn is_in_hand(tx: &mut SqliteConnection, customer: &CustomerId) -> Result<bool, StoreError> {
    let held: Option<bool> = sqlx::query_scalar(
        "-- sight_in_hand
         SELECT lease_owner IS NOT NULL FROM customer_work WHERE customer_id = ?1",
    )
    .bind(customer.as_str())
    .fetch_optional(tx)
    .await
    .map_err(database("sight_in_hand"))?;
    Ok(held.unwrap_or(true))
}

/// See [`Store::swap_setting`](super::super::Store::swap_setting).
pub(super) struct SwapSetting {
    pub(super) name: String,
    pub(super) was: Option<String>,
    pub(super) becomes: String,
}

#[async_trait]
impl Write for SwapSetting {
    type Answer = bool;

    async fn run(&self, tx: &mut SqliteConnection) -> Result<bool, StoreError> {
        let query = match &self.was {
            None => sqlx::query(
                "-- first_setting
                 INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING",
            ),
            Some(_) => sqlx::query(
                "-- swap_setting
                 UPDATE settings SET value = ?2 WHERE name = ?1 AND value = ?3",
            ),
        };
        let query = query.bind(&self.name).bind(&self.becomes);
        let query = match &self.was {
            None => query,
            Some(was) => query.bind(was),
        };
        let swapped = query.execute(tx).await.map_err(database("swap_setting"))?;
        Ok(swapped.rows_affected() > 0)
    }
}
