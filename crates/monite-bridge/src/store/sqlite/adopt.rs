//! Links to what exists at Monite already, for a database that does not know them.

use async_trait::async_trait;
use jiff::Timestamp;
use monite::NewEntity;
use sqlx::{SqliteConnection, SqlitePool};

use super::super::{Adopted, Adoption, StoreError, UserAdoption};
use super::desired::{DesiredCustomer, DesiredUser, write_customers, write_users};
use super::rows::{self, Unread, get};
use super::writer::Write;
use super::{changes, database, micros, stored, wake};
use crate::domain::document::CustomerDocument;
use crate::domain::{BridgeId, CustomerId, Seen};
use crate::store::Change;

/// See [`Store::adopt`](super::super::Store::adopt).
pub(super) struct Adopt {
    pub(super) adoption: Adoption,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Write for Adopt {
    type Answer = Adopted;

    async fn run(&self, tx: &mut SqliteConnection) -> Result<Adopted, StoreError> {
        let is_new = match self.may_link(tx).await? {
            Ok(is_new) => is_new,
            Err(refusal) => return Ok(refusal),
        };
        let Adoption { customer, entity, roles, users, .. } = &self.adoption;
        if is_new {
            self.write_customer(tx).await?;
        }
        changes::apply(tx, customer, &Change::Entity(Seen::Present(entity.clone()))).await?;
        for (role, link) in roles {
            changes::apply(tx, customer, &Change::Role(role.clone(), Seen::Present(link.clone()))).await?;
        }
        changes::apply(tx, customer, &Change::RolesListed).await?;
        let mut linked = 0;
        for user in users {
            linked += u64::from(self.link_user(tx, user).await?);
        }
        self.settle(tx, is_new, linked == users.len() as u64).await?;
        Ok(Adopted::Linked { users: linked })
    }
}

impl Adopt {
    /// Whether the customer is new here; or why it cannot be linked.
    async fn may_link(&self, tx: &mut SqliteConnection) -> Result<Result<bool, Adopted>, StoreError> {
        let Adoption { customer, entity, .. } = &self.adoption;
        let is_erased: bool = sqlx::query_scalar(
            "-- adopt_erased
             SELECT EXISTS (SELECT 1 FROM erased WHERE entity_id = ?1)
                 OR EXISTS (SELECT 1 FROM erased WHERE customer_id = ?2 AND purged_at IS NULL)",
        )
        .bind(entity.id.to_string())
        .bind(customer.as_str())
        .fetch_one(&mut *tx)
        .await
        .map_err(database("adopt_erased"))?;
        if is_erased {
            return Ok(Err(Adopted::Erased));
        }
        let owner: Option<String> = sqlx::query_scalar(
            "-- adopt_owner
             SELECT customer_id FROM customer_work WHERE entity_id = ?1",
        )
        .bind(entity.id.to_string())
        .fetch_optional(&mut *tx)
        .await
        .map_err(database("adopt_owner"))?;
        if let Some(owner) = owner {
            let owner = CustomerId::parse(&owner).map_err(Unread::from)?;
            return Ok(Err(if owner == *customer { Adopted::Already } else { Adopted::Taken(owner) }));
        }
        let row = sqlx::query(
            "-- adopt_customer
             SELECT seen, entity_id, ifnull(lease_until, ?2) > ?2 AS in_hand FROM customer_work WHERE customer_id = ?1",
        )
        .bind(customer.as_str())
        .bind(micros(self.now))
        .fetch_optional(&mut *tx)
        .await
        .map_err(database("adopt_customer"))?;
        let Some(row) = row else { return Ok(Ok(true)) };
        Ok(match (get::<String>(&row, "seen")?.as_str(), get::<bool>(&row, "in_hand")?) {
            ("present", _) => Err(Adopted::Elsewhere(rows::text_id(&get::<String>(&row, "entity_id")?)?)),
            ("unknown", _) => Err(Adopted::Unsettled),
            (_, true) => Err(Adopted::InHand),
            _ => Ok(false),
        })
    }

    /// Until the product writes the customer again, it is as Monite shows it.
    async fn write_customer(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        let Adoption { customer, entity, .. } = &self.adoption;
        let text = rows::to_json(&entity.confirmed);
        let document = CustomerDocument::from_stored(&text).map_err(Unread::from)?;
        write_customers(tx, &[&DesiredCustomer::new(customer, &document)], self.now).await
    }

    /// Links a user that is not linked; `false` if it cannot be: its login is somebody else's by now, say.
    async fn link_user(&self, tx: &mut SqliteConnection, user: &UserAdoption) -> Result<bool, StoreError> {
        let customer = &self.adoption.customer;
        let row = sqlx::query(
            "-- adopt_user
             SELECT (SELECT seen FROM user_work WHERE customer_id = ?1 AND user_id = ?2) AS seen,
                    EXISTS (SELECT 1 FROM user_work WHERE customer_id = ?1 AND entity_user_id = ?3) AS taken",
        )
        .bind(customer.as_str())
        .bind(user.id.as_str())
        .bind(user.link.id.to_string())
        .fetch_one(&mut *tx)
        .await
        .map_err(database("adopt_user"))?;
        let seen: Option<String> = get(&row, "seen")?;
        if get(&row, "taken")? || seen.as_deref().is_some_and(|seen| seen != "absent") {
            return Ok(false);
        }
        let is_new = seen.is_none();
        if is_new {
            let login = user.document.login.as_str();
            if !stored::login_holders(tx, &[(customer, login)]).await?.is_empty() {
                return Ok(false);
            }
            write_users(tx, &[&DesiredUser::new(customer, &user.id, &user.document)], self.now).await?;
        }
        changes::apply(tx, customer, &Change::User(user.id.clone(), Seen::Present(user.link.clone()))).await?;
        sqlx::query(
            "-- adopt_user_state
             UPDATE user_work SET
                 state = CASE WHEN ?3 THEN 'in_sync' WHEN wish = 'present' THEN 'pending' ELSE state END,
                 due_at = CASE WHEN ?3 THEN NULL WHEN wish = 'present' THEN ?4 ELSE due_at END,
                 synced_generation = CASE WHEN ?3 THEN generation END, synced_at = CASE WHEN ?3 THEN ?4 END,
                 attempts = 0, last_error = NULL
             WHERE customer_id = ?1 AND user_id = ?2",
        )
        .bind(customer.as_str())
        .bind(user.id.as_str())
        .bind(is_new)
        .bind(micros(self.now))
        .execute(tx)
        .await
        .map_err(database("adopt_user_state"))?;
        Ok(true)
    }

    /// The customer's own state, who may work on it, and whether the stamp is as it should be. A worker whose lease has ended but
    /// that does not know it yet read the customer before it had an entity: it loses its lease for good.
    async fn settle(&self, tx: &mut SqliteConnection, is_new: bool, all_users: bool) -> Result<(), StoreError> {
        let Adoption { customer, entity, stamped_by, .. } = &self.adoption;
        sqlx::query(
            "-- adopt_settle
             UPDATE customer_work SET
                 fence = fence + 1, lease_owner = NULL, lease_until = NULL,
                 wish = CASE WHEN ?2 AND NOT ?3 THEN 'gone' ELSE wish END,
                 state = CASE WHEN ?2 AND ?3 THEN 'in_sync' WHEN ?2 THEN 'deactivated' WHEN wish = 'present' THEN 'pending' ELSE state END,
                 due_at = CASE WHEN ?2 THEN NULL WHEN wish = 'present' THEN ?4 ELSE due_at END,
                 synced_generation = CASE WHEN ?2 THEN generation ELSE synced_generation END,
                 synced_at = CASE WHEN ?2 THEN ?4 ELSE synced_at END,
                 attempts = 0, last_error = NULL,
                 stamp_due_at = CASE WHEN ?5 AND ?6 IS (SELECT value FROM settings WHERE name = 'bridge') THEN NULL ELSE 0 END
             WHERE customer_id = ?1",
        )
        .bind(customer.as_str())
        .bind(is_new)
        .bind(entity.active)
        .bind(micros(self.now))
        .bind(all_users)
        .bind(stamped_by.as_ref().map(BridgeId::as_str))
        .execute(&mut *tx)
        .await
        .map_err(database("adopt_settle"))?;
        wake::settle_one(tx, customer.as_str()).await
    }
}

/// See [`Store::take_bridge_name`](super::super::Store::take_bridge_name).
pub(super) struct TakeBridgeName {
    pub(super) name: BridgeId,
}

#[async_trait]
impl Write for TakeBridgeName {
    type Answer = bool;

    async fn run(&self, tx: &mut SqliteConnection) -> Result<bool, StoreError> {
        let taken = sqlx::query(
            "-- take_bridge_name
             UPDATE settings SET value = ?1
             WHERE name = 'bridge' AND NOT EXISTS (SELECT 1 FROM customer_work WHERE seen <> 'absent')",
        )
        .bind(self.name.as_str())
        .execute(tx)
        .await
        .map_err(database("take_bridge_name"))?;
        Ok(taken.rows_affected() > 0)
    }
}

/// See [`Store::has_links`](super::super::Store::has_links).
pub(super) async fn has_links(readers: &SqlitePool) -> Result<bool, StoreError> {
    sqlx::query_scalar(
        "-- has_links
         SELECT EXISTS (SELECT 1 FROM customer_work WHERE seen <> 'absent')",
    )
    .fetch_one(readers)
    .await
    .map_err(database("has_links"))
}

/// See [`Store::unlinked`](super::super::Store::unlinked).
pub(super) async fn unlinked(
    readers: &SqlitePool, after: Option<&CustomerId>, limit: u32,
) -> Result<Vec<(CustomerId, NewEntity)>, StoreError> {
    let rows = sqlx::query(
        "-- unlinked
         SELECT w.customer_id, c.document FROM customer_work w JOIN customers c ON c.customer_id = w.customer_id
         WHERE w.customer_id > ?1 AND w.seen = 'absent' AND w.wish = 'present' ORDER BY w.customer_id LIMIT ?2 + 0",
    )
    .bind(after.map_or("", CustomerId::as_str))
    .bind(limit)
    .fetch_all(readers)
    .await
    .map_err(database("unlinked"))?;
    let read = |row| {
        let document = CustomerDocument::from_stored(&get::<String>(row, "document")?)?;
        Ok((CustomerId::parse(&get::<String>(row, "customer_id")?)?, document.as_entity().clone()))
    };
    rows.iter().map(read).collect::<Result<_, Unread>>().map_err(Into::into)
}
