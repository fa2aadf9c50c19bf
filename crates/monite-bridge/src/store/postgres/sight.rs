//! What a sweep saw at Monite, written down where nothing has changed since it was read.

use async_trait::async_trait;
use jiff::Timestamp;

use super::super::columns::JudgedColumns;
use super::super::{AsRead, Consequence, Sighting, StoreError};
use super::connection::{Tx, sql};
use super::round::rounds;
use super::rows::Columns as _;
use super::writer::Write;
use super::{changes, stored, visit, wake};
use crate::domain::CustomerId;

/// See [`Store::note_seen`](super::super::Store::note_seen).
pub(super) struct NoteSeen {
    pub(super) sighting: Sighting,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Write for NoteSeen {
    type Answer = bool;

    fn makes_due(&self, noted: &bool) -> bool {
        *noted && self.sighting.then == Consequence::Due
    }

    async fn run(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let customer = self.sighting.read.customer();
        if !lock_unless_in_hand(tx, customer).await? || !self.is_as_read(tx).await? {
            return Ok(false);
        }
        for round in rounds([(customer, self.sighting.changes.as_slice())]) {
            changes::apply(tx, &round).await?;
        }
        self.judge(tx).await?;
        wake::settle(tx, &[customer.as_str()]).await?;
        Ok(true)
    }
}

impl NoteSeen {
    async fn is_as_read(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        Ok(match &self.sighting.read {
            AsRead::Customer(read, roles) => {
                stored::customer(tx, &read.id).await?.as_ref() == Some(read)
                    && visit::roles(tx, &read.id).await? == *roles
            }
            AsRead::User(read) => stored::user(tx, &read.customer, &read.id).await?.as_ref() == Some(read),
        })
    }

    async fn judge(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let Some(columns) = JudgedColumns::new(&self.sighting.then, self.now) else { return Ok(()) };
        let judge = match &self.sighting.read {
            AsRead::Customer(..) => sql("-- judge_customer
                 UPDATE customer_work SET state = $1, attempts = 0, due_at = $2, last_error = $3 WHERE customer_id = $4"),
            AsRead::User(_) => sql("-- judge_user
                 UPDATE user_work SET state = $1, attempts = 0, due_at = $2, last_error = $3
                 WHERE customer_id = $4 AND user_id = $5"),
        };
        let judge = judge.bind(columns.state).bind(columns.due_at).bind(columns.last_error);
        let judge = judge.bind(self.sighting.read.customer().as_str());
        match &self.sighting.read {
            AsRead::Customer(..) => judge.run(tx).await?,
            AsRead::User(user) => judge.bind(user.id.as_str()).run(tx).await?,
        };
        Ok(())
    }
}

/// Locks the customer, so that nobody writes it, one of its users, or claims it before what follows is durable. `false`: it is in
/// somebody's hands, or not there.
async fn lock_unless_in_hand(tx: &mut Tx, customer: &CustomerId) -> Result<bool, StoreError> {
    let row = sql("-- sight_lock
         SELECT w.lease_owner IS NULL AS free FROM customer_work w WHERE w.customer_id = $1 FOR UPDATE")
    .bind(customer.as_str())
    .optional(tx)
    .await?;
    Ok(row.map(|row| row.flag("free")).transpose()?.unwrap_or(false))
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

    fn makes_due(&self, _: &bool) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let swap = match &self.was {
            None => sql("-- first_setting
                 INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING"),
            // Of two that update at once, the second looks again at what the first left.
            Some(_) => sql("-- swap_setting
                 UPDATE settings SET value = $2 WHERE name = $1 AND value = $3"),
        };
        let swap = swap.bind(self.name.as_str()).bind(self.becomes.as_str());
        let swap = match &self.was {
            None => swap,
            Some(was) => swap.bind(was.as_str()),
        };
        Ok(swap.run(tx).await? > 0)
    }
}
