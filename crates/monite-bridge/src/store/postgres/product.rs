//! The product's writes, one object at a time. Each locks its customer first, so that writes of one customer follow each other.

use async_trait::async_trait;
use jiff::Timestamp;

use super::super::columns::micros;
use super::super::decide::{self, Decision, Deletion, written};
use super::super::{Customer, Precondition, StoreError, User, Wish, Written};
use super::connection::{Tx, sql};
use super::desired::{DesiredCustomer, DesiredUser, write_customers, write_users};
use super::doubt::doubt_if_in_hand;
use super::rows::Columns as _;
use super::writer::Write;
use super::{erase, gone, rest, stored, wake};
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

    fn makes_due(&self, answer: &Self::Answer) -> bool {
        wrote(answer)
    }

    async fn run(&self, tx: &mut Tx) -> Result<Self::Answer, StoreError> {
        let id = &self.desired.id;
        let (decision, there) = loop {
            let there = stored::lock(tx, id).await?;
            if there.as_ref().is_some_and(|there| there.wish == Wish::Gone) && erase::is_under_way(tx, id).await? {
                return Ok(Written::BeingErased);
            }
            let asks: &[&CustomerId] = if there.as_ref().is_some_and(|there| there.may_exist) { &[id] } else { &[] };
            let known = stored::known_entities(tx, asks).await?.remove(id.as_str());
            let decision = decide::customer(there.as_ref(), known.as_ref(), &self.desired, self.when);
            let creates = decision == Decision::Create;
            if !creates || !stored::take_ids(tx, &[&self.desired]).await?.is_empty() {
                break (decision, there);
            }
            // Somebody else has created it since the look: there is something to lock now.
        };
        if matches!(decision, Decision::Create | Decision::Change) {
            write_customers(tx, &[&self.desired], self.now).await?;
        }
        if there.is_some_and(|there| there.wish == Wish::Gone) && decision == Decision::Change {
            rest::take_up(tx, &[id.as_str()], self.now).await?;
        }
        if decision == Decision::Change {
            wake::settle(tx, &[id.as_str()]).await?;
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

    fn makes_due(&self, answer: &Self::Answer) -> bool {
        wrote(answer)
    }

    async fn run(&self, tx: &mut Tx) -> Result<Self::Answer, StoreError> {
        let DesiredUser { customer, id, login, .. } = &self.desired;
        let Some(owner) = stored::lock(tx, customer).await? else { return Ok(Written::NoSuchCustomer) };
        if owner.wish == Wish::Gone && erase::is_under_way(tx, customer).await? {
            return Ok(Written::BeingErased);
        }
        let there = stored::stored_user(tx, customer, id).await?;
        let holder =
            stored::login_holders(tx, &[(customer, login)]).await?.into_values().next().filter(|holder| holder != id);
        let decision = decide::user(there.as_ref(), holder.as_ref(), &self.desired, self.when);
        if matches!(decision, Decision::Create | Decision::Change) {
            write_users(tx, &[&self.desired], self.now).await?;
            rest::rest(tx, &[customer.as_str()]).await?;
            wake::settle(tx, &[customer.as_str()]).await?;
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

    fn makes_due(&self, answer: &Self::Answer) -> bool {
        answer.as_ref().is_some_and(wrote)
    }

    async fn run(&self, tx: &mut Tx) -> Result<Self::Answer, StoreError> {
        if stored::lock(tx, &self.id).await?.is_none() {
            return Ok(None);
        }
        let Some(there) = stored::customer(tx, &self.id).await? else { return Ok(None) };
        if !decide::holds(self.when, Some(there.sync.generation)) {
            return Ok(Some(Written::Failed(Some(there.sync.generation))));
        }
        if there.wish == Wish::Gone {
            return Ok(Some(Written::Unchanged(there)));
        }
        const SQL: &str = concat!(
            "-- delete_customer
             UPDATE customer_work SET ",
            doubt_if_in_hand!("customer_work", "$2", "customer_work.lease_owner IS NOT NULL"),
            ", wish = 'gone', generation = generation + 1, written_at = $2, attempts = 0, last_error = NULL,
                 state = CASE seen WHEN 'absent' THEN 'deactivated' ELSE 'pending' END,
                 due_at = CASE seen WHEN 'absent' THEN NULL ELSE $2 END
             WHERE customer_id = $1"
        );
        sql(SQL).bind(self.id.as_str()).bind(micros(self.now)).run(tx).await?;
        rest::rest_deleted(tx, &self.id, self.now).await?;
        wake::settle(tx, &[self.id.as_str()]).await?;
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

    fn makes_due(&self, answer: &Self::Answer) -> bool {
        answer.as_ref().is_some_and(wrote)
    }

    async fn run(&self, tx: &mut Tx) -> Result<Self::Answer, StoreError> {
        let Some(in_hand) = self.lock(tx).await? else { return Ok(None) };
        let there = stored::user(tx, &self.customer, &self.id).await?;
        let Some(there) = there.filter(|there| there.wish == Wish::Present) else { return Ok(None) };
        if !decide::holds(self.when, Some(there.sync.generation)) {
            return Ok(Some(Written::Failed(Some(there.sync.generation))));
        }
        match decide::delete_user(&there, self.keep, in_hand) {
            Deletion::Forget => gone::remove_user(tx, &self.customer, &self.id).await?,
            Deletion::ForgetLater => self.mark(tx, SyncState::Deactivated, None).await?,
            Deletion::AtMonite => self.mark(tx, SyncState::Pending, Some(self.now)).await?,
        }
        wake::settle(tx, &[self.customer.as_str()]).await?;
        let left = stored::user(tx, &self.customer, &self.id).await?;
        Ok(Some(Written::Changed(left.unwrap_or_else(|| decide::gone(there)))))
    }
}

impl DeleteUser {
    /// Locks the customer; whether a visit has it in hand. `None` when there is no such customer.
    async fn lock(&self, tx: &mut Tx) -> Result<Option<bool>, StoreError> {
        let row = sql("-- delete_user_in_hand
             SELECT lease_owner IS NOT NULL AS in_hand FROM customer_work WHERE customer_id = $1 FOR UPDATE")
        .bind(self.customer.as_str())
        .optional(tx)
        .await?;
        Ok(row.map(|row| row.flag("in_hand")).transpose()?)
    }

    async fn mark(&self, tx: &mut Tx, state: SyncState, due: Option<Timestamp>) -> Result<(), StoreError> {
        const SQL: &str = concat!(
            "-- delete_user
             UPDATE user_work SET ",
            doubt_if_in_hand!(
                "user_work",
                "$5",
                "(SELECT c.lease_owner IS NOT NULL FROM customer_work c WHERE c.customer_id = user_work.customer_id)"
            ),
            ", wish = 'gone', generation = generation + 1, attempts = 0, last_error = NULL, state = $3, due_at = $4
             WHERE customer_id = $1 AND user_id = $2"
        );
        sql(SQL)
            .bind(self.customer.as_str())
            .bind(self.id.as_str())
            .bind(state.as_str())
            .bind(due.map(micros))
            .bind(micros(self.now))
            .run(tx)
            .await?;
        Ok(())
    }
}

fn wrote<T>(written: &Written<T>) -> bool {
    matches!(written, Written::Created(_) | Written::Changed(_))
}
