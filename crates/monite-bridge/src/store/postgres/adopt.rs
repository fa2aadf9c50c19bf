//! Links to what exists at Monite, but not here.

use std::collections::HashSet;

use async_trait::async_trait;
use jiff::Timestamp;
use monite::NewEntity;
use sqlx::postgres::PgRow;

use super::super::columns::micros;
use super::super::{Adopted, Adoption, Change, StoreError, UserAdoption};
use super::connection::{Tx, sql};
use super::desired::{DesiredCustomer, DesiredUser, write_customers, write_users};
use super::round::rounds;
use super::rows::{self, Columns as _, Unread};
use super::writer::Write;
use super::{changes, stored, wake};
use crate::domain::document::CustomerDocument;
use crate::domain::{BridgeId, CustomerId, Seen};

/// See [`Store::adopt`](super::super::Store::adopt).
pub(super) struct Adopt {
    pub(super) adoption: Adoption,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Write for Adopt {
    type Answer = Adopted;

    fn weight(&self) -> usize {
        1 + self.adoption.users.len()
    }

    fn makes_due(&self, adopted: &Adopted) -> bool {
        matches!(adopted, Adopted::Linked { .. })
    }

    async fn run(&self, tx: &mut Tx) -> Result<Adopted, StoreError> {
        let is_new = match self.may_link(tx).await? {
            Ok(is_new) => is_new,
            Err(refusal) => return Ok(refusal),
        };
        let Adoption { entity, roles, users, .. } = &self.adoption;
        if is_new {
            write_customers(tx, &[&self.customer()?], self.now).await?;
        }
        let mut known = vec![Change::Entity(Seen::Present(entity.clone())), Change::RolesListed];
        known.extend(roles.iter().map(|(role, link)| Change::Role(role.clone(), Seen::Present(link.clone()))));
        self.apply(tx, &known).await?;
        let linked = self.link_users(tx).await?;
        self.settle(tx, is_new, linked == users.len()).await?;
        Ok(Adopted::Linked { users: linked as u64 })
    }
}

impl Adopt {
    /// Whether the customer is new here; or why it cannot be linked. In the first case its id is taken, else it is locked.
    async fn may_link(&self, tx: &mut Tx) -> Result<Result<bool, Adopted>, StoreError> {
        loop {
            let there = self.lock(tx).await?;
            if self.is_erased(tx).await? {
                return Ok(Err(Adopted::Erased));
            }
            if let Some(owner) = self.owner(tx).await? {
                let own = owner == self.adoption.customer;
                return Ok(Err(if own { Adopted::Already } else { Adopted::Taken(owner) }));
            }
            let Some(row) = there else {
                if stored::take_ids(tx, &[&self.customer()?]).await?.is_empty() {
                    continue; // Somebody else has created it since the look: there is something to lock now.
                }
                return Ok(Ok(true));
            };
            return Ok(match (row.text("seen")?.as_str(), row.flag("in_hand")?) {
                ("present", _) => Err(Adopted::Elsewhere(rows::text_id(&row.text("entity_id")?)?)),
                ("unknown", _) => Err(Adopted::Unsettled),
                (_, true) => Err(Adopted::InHand),
                _ => Ok(false),
            });
        }
    }

    async fn is_erased(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let row = sql("-- adopt_erased
             SELECT EXISTS (SELECT 1 FROM erased WHERE entity_id = $1)
                 OR EXISTS (SELECT 1 FROM erased WHERE customer_id = $2 AND purged_at IS NULL) AS is_erased")
        .bind(self.adoption.entity.id.to_string())
        .bind(self.adoption.customer.as_str())
        .one(tx)
        .await?;
        Ok(row.flag("is_erased")?)
    }

    async fn lock(&self, tx: &mut Tx) -> Result<Option<PgRow>, StoreError> {
        sql("-- adopt_customer
             SELECT seen, entity_id, coalesce(lease_until, $2) > $2 AS in_hand FROM customer_work
             WHERE customer_id = $1 FOR UPDATE")
        .bind(self.adoption.customer.as_str())
        .bind(micros(self.now))
        .optional(tx)
        .await
    }

    /// Whose the entity is here. Should another customer get it while this one is written, the constraint on it refuses the later of both.
    async fn owner(&self, tx: &mut Tx) -> Result<Option<CustomerId>, StoreError> {
        let row = sql("-- adopt_owner
             SELECT customer_id FROM customer_work WHERE entity_id = $1")
        .bind(self.adoption.entity.id.to_string())
        .optional(tx)
        .await?;
        let read = |row: PgRow| Ok::<_, Unread>(CustomerId::parse(&row.text("customer_id")?)?);
        Ok(row.map(read).transpose()?)
    }

    /// Until the product writes the customer again, it is as Monite shows it.
    fn customer(&self) -> Result<DesiredCustomer, StoreError> {
        let Adoption { customer, entity, .. } = &self.adoption;
        let document = CustomerDocument::from_stored(&rows::to_json(&entity.confirmed)).map_err(Unread::from)?;
        Ok(DesiredCustomer::new(customer, &document))
    }

    async fn apply(&self, tx: &mut Tx, known: &[Change]) -> Result<(), StoreError> {
        for round in rounds([(&self.adoption.customer, known)]) {
            changes::apply(tx, &round).await?;
        }
        Ok(())
    }

    /// Links the users that are not linked; how many. One may be left out: its login is somebody else's by now, say.
    async fn link_users(&self, tx: &mut Tx) -> Result<usize, StoreError> {
        let (there, new) = self.free_users(tx).await?;
        let customer = &self.adoption.customer;
        let desired: Vec<_> = new.iter().map(|user| DesiredUser::new(customer, &user.id, &user.document)).collect();
        write_users(tx, &desired.iter().collect::<Vec<_>>(), self.now).await?;
        let linked = || there.iter().chain(&new);
        let known: Vec<_> =
            linked().map(|user| Change::User(user.id.clone(), Seen::Present(user.link.clone()))).collect();
        self.apply(tx, &known).await?;
        sql("-- adopt_user_states
             UPDATE user_work u SET
                 state = CASE WHEN n.is_new THEN 'in_sync' WHEN u.wish = 'present' THEN 'pending' ELSE u.state END,
                 due_at = CASE WHEN n.is_new THEN NULL WHEN u.wish = 'present' THEN $4 ELSE u.due_at END,
                 synced_generation = CASE WHEN n.is_new THEN u.generation END, synced_at = CASE WHEN n.is_new THEN $4 END,
                 attempts = 0, last_error = NULL
             FROM unnest($2::text[], $3::boolean[]) AS n (user_id, is_new)
             WHERE u.customer_id = $1 AND u.user_id = n.user_id")
        .bind(customer.as_str())
        .bind(linked().map(|user| user.id.as_str()).collect::<Vec<_>>())
        .bind((0..there.len() + new.len()).map(|place| place >= there.len()).collect::<Vec<_>>())
        .bind(micros(self.now))
        .run(tx)
        .await?;
        Ok(there.len() + new.len())
    }

    /// The users that can be linked: those that are known here, and those that are not.
    async fn free_users(&self, tx: &mut Tx) -> Result<(Vec<&UserAdoption>, Vec<&UserAdoption>), StoreError> {
        let Adoption { customer, users, .. } = &self.adoption;
        let logins: Vec<_> = users.iter().map(|user| (customer, user.document.login.as_str())).collect();
        let holders = stored::login_holders(tx, &logins).await?;
        let mut held: HashSet<&str> = holders.keys().map(|(_, login)| login.as_str()).collect();
        let rows = sql("-- adopt_users
             SELECT u.seen, EXISTS (SELECT 1 FROM user_work t WHERE t.customer_id = $1 AND t.entity_user_id = n.entity_user_id) AS taken
             FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS n (user_id, entity_user_id, place)
             LEFT JOIN user_work u ON u.customer_id = $1 AND u.user_id = n.user_id ORDER BY n.place")
        .bind(customer.as_str())
        .bind(users.iter().map(|user| user.id.as_str()).collect::<Vec<_>>())
        .bind(users.iter().map(|user| user.link.id.to_string()).collect::<Vec<_>>())
        .all(tx)
        .await?;
        let (mut there, mut new, mut ids, mut links) = (Vec::new(), Vec::new(), HashSet::new(), HashSet::new());
        for (user, row) in users.iter().zip(&rows) {
            let linked = row.text_or_null("seen")?;
            if row.flag("taken")? || linked.as_deref().is_some_and(|seen| seen != "absent") {
                continue;
            }
            let is_new = linked.is_none();
            // What the statement could not see: two of this adoption that say the same.
            let said_twice = ids.contains(&user.id) || links.contains(&user.link.id);
            let login = user.document.login.as_str();
            if said_twice || (is_new && held.contains(login)) {
                continue;
            }
            ids.insert(&user.id);
            links.insert(user.link.id);
            if is_new {
                held.insert(login);
                new.push(user);
            } else {
                there.push(user);
            }
        }
        Ok((there, new))
    }

    /// The customer's own state, who may work on it, and whether the stamp is as it should be. A worker whose lease has ended but
    /// that does not know it yet read the customer before it had an entity: it loses its lease for good.
    async fn settle(&self, tx: &mut Tx, is_new: bool, all_users: bool) -> Result<(), StoreError> {
        let Adoption { customer, entity, stamped_by, .. } = &self.adoption;
        sql("-- adopt_settle
             UPDATE customer_work SET
                 fence = fence + 1, lease_owner = NULL, lease_until = NULL,
                 wish = CASE WHEN $2 AND NOT $3 THEN 'gone' ELSE wish END,
                 state = CASE WHEN $2 AND $3 THEN 'in_sync' WHEN $2 THEN 'deactivated' WHEN wish = 'present' THEN 'pending' ELSE state END,
                 due_at = CASE WHEN $2 THEN NULL WHEN wish = 'present' THEN $4 ELSE due_at END,
                 synced_generation = CASE WHEN $2 THEN generation ELSE synced_generation END,
                 synced_at = CASE WHEN $2 THEN $4 ELSE synced_at END,
                 attempts = 0, last_error = NULL,
                 stamp_due_at = CASE WHEN $5 AND $6 = (SELECT value FROM settings WHERE name = 'bridge') THEN NULL ELSE 0 END
             WHERE customer_id = $1")
        .bind(customer.as_str())
        .bind(is_new)
        .bind(entity.active)
        .bind(micros(self.now))
        .bind(all_users)
        .bind(stamped_by.as_ref().map(BridgeId::as_str))
        .run(tx)
        .await?;
        wake::settle(tx, &[customer.as_str()]).await
    }
}

/// See [`Store::take_bridge_name`](super::super::Store::take_bridge_name).
pub(super) struct TakeBridgeName {
    pub(super) name: BridgeId,
}

#[async_trait]
impl Write for TakeBridgeName {
    type Answer = bool;

    fn makes_due(&self, _: &bool) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        // A link that another replica is just writing down would be missed, and then be stamped under both names: whoever writes is
        // waited for, and waits. This happens once in the life of a database, when it is empty.
        sql("-- take_bridge_name_alone
             LOCK TABLE customer_work IN SHARE MODE")
        .run(tx)
        .await?;
        let taken = sql("-- take_bridge_name
             UPDATE settings SET value = $1
             WHERE name = 'bridge' AND NOT EXISTS (SELECT 1 FROM customer_work WHERE seen <> 'absent')")
        .bind(self.name.as_str())
        .run(tx)
        .await?;
        Ok(taken > 0)
    }
}

/// See [`Store::has_links`](super::super::Store::has_links).
pub(super) async fn has_links(tx: &mut Tx) -> Result<bool, StoreError> {
    let row = sql("-- has_links
         SELECT EXISTS (SELECT 1 FROM customer_work WHERE seen <> 'absent') AS some")
    .one(tx)
    .await?;
    Ok(row.flag("some")?)
}

/// See [`Store::unlinked`](super::super::Store::unlinked).
pub(super) async fn unlinked(
    tx: &mut Tx, after: Option<&CustomerId>, limit: u32,
) -> Result<Vec<(CustomerId, NewEntity)>, StoreError> {
    let rows = sql("-- unlinked
         SELECT w.customer_id, c.document FROM customer_work w JOIN customers c ON c.customer_id = w.customer_id
         WHERE w.customer_id > $1 AND w.seen = 'absent' AND w.wish = 'present' ORDER BY w.customer_id LIMIT $2")
    .bind(after.map_or("", CustomerId::as_str))
    .bind(i64::from(limit))
    .all(tx)
    .await?;
    let read = |row: &PgRow| {
        let document = CustomerDocument::from_stored(&row.text("document")?)?;
        Ok((CustomerId::parse(&row.text("customer_id")?)?, document.as_entity().clone()))
    };
    rows.iter().map(read).collect::<Result<_, Unread>>().map_err(Into::into)
}
