//! The product's writes, one object at a time.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::super::decide::{self, Decision, Deletion, written};
use super::super::{Customer, Precondition, StoreError, User, Wish, Written};
use super::desired::{DesiredCustomer, DesiredUser, write_customers, write_users};
use super::writer::Write;
use super::{database, doubt, erase, gone, micros, rest, rows, stored, wake};
use crate::domain::{CustomerId, SyncState, UserId};

/// See [`Store::put_customer`](super::super::Store::put_customer).
pub(super) struct PutCustomer {
    pub(super) desired: DesiredCustomer,
    pub(super) when: Precondition,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Write for PutCustomer {
    type Answer = Written<Customer>;

    async fn run(&self, tx: &mut SqliteConnection) -> Result<Self::Answer, StoreError> {
        let id = &self.desired.id;
        let there = stored::customers(tx, &[id]).await?.remove(id.as_str());
        if there.as_ref().is_some_and(|there| there.wish == Wish::Gone) && erase::is_under_way(tx, id).await? {
            return Ok(Written::BeingErased);
        }
        let asks: &[&CustomerId] = if there.as_ref().is_some_and(|there| there.may_exist) { &[id] } else { &[] };
        let known = stored::known_entities(tx, asks).await?.remove(id.as_str());
        let decision = decide::customer(there.as_ref(), known.as_ref(), &self.desired, self.when);
        if matches!(decision, Decision::Create | Decision::Change) {
            write_customers(tx, &[&self.desired], self.now).await?;
            if there.is_some_and(|there| there.wish == Wish::Gone) {
                rest::take_up(tx, &rows::to_json(&[id]), self.now).await?;
            }
            wake::settle_one(tx, id.as_str()).await?;
        }
        written(decision, stored::customer(tx, id).await?)
    }
}

/// See [`Store::put_user`](super::super::Store::put_user).
pub(super) struct PutUser {
    pub(super) desired: DesiredUser,
    pub(super) when: Precondition,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Write for PutUser {
    type Answer = Written<User>;

    async fn run(&self, tx: &mut SqliteConnection) -> Result<Self::Answer, StoreError> {
        let DesiredUser { customer, id, login, .. } = &self.desired;
        let Some(owner) = stored::customers(tx, &[customer]).await?.remove(customer.as_str()) else {
            return Ok(Written::NoSuchCustomer);
        };
        if owner.wish == Wish::Gone && erase::is_under_way(tx, customer).await? {
            return Ok(Written::BeingErased);
        }
        let there = stored::users(tx, &[(customer, id)]).await?.into_values().next();
        let holder =
            stored::login_holders(tx, &[(customer, login)]).await?.into_values().next().filter(|holder| holder != id);
        let decision = decide::user(there.as_ref(), holder.as_ref(), &self.desired, self.when);
        if matches!(decision, Decision::Create | Decision::Change) {
            write_users(tx, &[&self.desired], self.now).await?;
            rest::rest(tx, customer).await?;
            wake::settle_one(tx, customer.as_str()).await?;
        }
        written(decision, stored::user(tx, customer, id).await?)
    }
}

/// See [`Store::delete_customer`](super::super::Store::delete_customer).
pub(super) struct DeleteCustomer {
    pub(super) id: CustomerId,
    pub(super) when: Precondition,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Write for DeleteCustomer {
    type Answer = Option<Written<Customer>>;

    async fn run(&self, tx: &mut SqliteConnection) -> Result<Self::Answer, StoreError> {
        let Some(there) = stored::customer(&mut *tx, &self.id).await? else { return Ok(None) };
        if !decide::holds(self.when, Some(there.sync.generation)) {
            return Ok(Some(Written::Failed(Some(there.sync.generation))));
        }
        if there.wish == Wish::Gone {
            return Ok(Some(Written::Unchanged(there)));
        }
        const SQL: &str = concat!(
            "-- delete_customer
             UPDATE customer_work SET ",
            doubt::doubt_if_in_hand!("?2", "lease_owner IS NOT NULL"),
            ", wish = 'gone', generation = generation + 1, written_at = ?2, attempts = 0, last_error = NULL,
                 state = CASE seen WHEN 'absent' THEN 'deactivated' ELSE 'pending' END,
                 due_at = CASE seen WHEN 'absent' THEN NULL ELSE ?2 END
             WHERE customer_id = ?1"
        );
        sqlx::query(SQL)
            .bind(self.id.as_str())
            .bind(micros(self.now))
            .execute(&mut *tx)
            .await
            .map_err(database("delete_customer"))?;
        rest::rest_deleted(tx, &self.id, self.now).await?;
        wake::settle_one(tx, self.id.as_str()).await?;
        written(Decision::Change, stored::customer(tx, &self.id).await?).map(Some)
    }
}

/// See [`Store::delete_user`](super::super::Store::delete_user).
pub(super) struct DeleteUser {
    pub(super) customer: CustomerId,
    pub(super) id: UserId,
    pub(super) when: Precondition,
    pub(super) keep: bool,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Write for DeleteUser {
    type Answer = Option<Written<User>>;

    async fn run(&self, tx: &mut SqliteConnection) -> Result<Self::Answer, StoreError> {
        let there = stored::user(&mut *tx, &self.customer, &self.id).await?;
        let Some(there) = there.filter(|there| there.wish == Wish::Present) else { return Ok(None) };
        if !decide::holds(self.when, Some(there.sync.generation)) {
            return Ok(Some(Written::Failed(Some(there.sync.generation))));
        }
        match decide::delete_user(&there, self.keep, self.customer_is_in_hand(tx).await?) {
            Deletion::Forget => gone::remove_user(tx, &self.customer, &self.id).await?,
            Deletion::ForgetLater => self.mark(tx, SyncState::Deactivated, None).await?,
            Deletion::AtMonite => self.mark(tx, SyncState::Pending, Some(self.now)).await?,
        }
        wake::settle_one(tx, self.customer.as_str()).await?;
        let left = stored::user(tx, &self.customer, &self.id).await?;
        Ok(Some(Written::Changed(left.unwrap_or_else(|| decide::gone(there)))))
    }
}

impl DeleteUser {
    async fn customer_is_in_hand(&self, tx: &mut SqliteConnection) -> Result<bool, StoreError> {
        sqlx::query_scalar(
            "-- delete_user_in_hand
             SELECT lease_owner IS NOT NULL FROM customer_work WHERE customer_id = ?1",
        )
        .bind(self.customer.as_str())
        .fetch_one(tx)
        .await
        .map_err(database("delete_user_in_hand"))
    }

    async fn mark(
        &self, tx: &mut SqliteConnection, state: SyncState, due: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        const SQL: &str = concat!(
            "-- delete_user
             UPDATE user_work SET ",
            doubt::doubt_if_in_hand!(
                "?5",
                "(SELECT c.lease_owner IS NOT NULL FROM customer_work c WHERE c.customer_id = user_work.customer_id)"
            ),
            ", wish = 'gone', generation = generation + 1, attempts = 0, last_error = NULL, state = ?3, due_at = ?4
             WHERE customer_id = ?1 AND user_id = ?2"
        );
        sqlx::query(SQL)
            .bind(self.customer.as_str())
            .bind(self.id.as_str())
            .bind(state.as_str())
            .bind(due.map(micros))
            .bind(micros(self.now))
            .execute(tx)
            .await
            .map_err(database("delete_user"))?;
        Ok(())
    }
}
