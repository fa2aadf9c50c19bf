//! Links what exists at Monite already to the customers it belongs to.
//!
//! [`fn@survey`] looks at everything, `grade` says how sure a match is, and [`link`] ties one customer to one entity with everything
//! inside. After the loss of a database the stamps say it all; entities that were made before this bridge are matched by what they
//! look like, and only when nothing else could be meant.

mod grade;
mod lost;
mod survey;

use std::collections::{BTreeMap, BTreeSet};

use futures::TryStreamExt;
use jiff::Timestamp;
use monite::{
    EntityId, EntityUser, EntityUserFilter, EntityUserId, EntityUserStatus, Monite, NewEntityUser, Role, RoleFilter,
    RoleId, RoleStatus,
};

pub use self::grade::{Grade, Match};
pub use self::lost::predecessor;
pub use self::survey::{Remark, Survey, survey};
use super::observe::{LookError, link_of};
use crate::domain::document::UserDocument;
use crate::domain::role::RoleName;
use crate::domain::{BridgeId, CustomerId, RoleLink, Seen, Stamp, Stamped, UserId, UserLink};
use crate::store::{Adopted, Adoption, Store, UserAdoption};

/// Users of a customer read at a time.
const USERS: u32 = 500;

/// What became of one link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Linked {
    /// What the store made of it.
    By(Adopted),
    /// The entity carries a stamp that names somebody else: another bridge, or another customer of this one.
    StampedForOthers(String),
}

/// Links `customer` to `entity`, and its users to the entity users inside: by the stamp, else by login. Reads everything afresh;
/// the store links only what is not linked. `ours`: the bridges whose stamps count.
///
/// # Errors
/// When something could not be read; nothing is linked then.
pub async fn link(
    monite: &Monite, store: &dyn Store, customer: &CustomerId, entity: EntityId, ours: &BTreeSet<BridgeId>,
    now: Timestamp,
) -> Result<Linked, LookError> {
    let there = monite.entity(entity);
    let stamp = match Stamped::read(&there.metadata().get().await?) {
        Stamped::Not => None,
        Stamped::By(stamp) if stamp.customer == *customer && ours.contains(&stamp.bridge) => Some(stamp),
        Stamped::By(stamp) => {
            return Ok(Linked::StampedForOthers(format!(
                "it is stamped by the bridge {} for its customer {}",
                stamp.bridge, stamp.customer
            )));
        }
        Stamped::Unreadable(why) => {
            return Ok(Linked::StampedForOthers(format!("its stamp cannot be read: {why}")));
        }
    };
    let link = link_of(&there.get().await?);
    let roles: Vec<Role> = there.roles().stream(RoleFilter::default()).try_collect().await?;
    let users: Vec<EntityUser> = there.users().stream(EntityUserFilter::default()).try_collect().await?;
    let inside = Inside { roles: &roles, users: &users };
    let users = inside.users_of(stamp.as_ref(), &without_entity_user(store, customer).await?);
    let is_all = stamp.as_ref().is_some_and(|stamp| users.len() == stamp.users.len() && stamp.users_left_out == 0);
    let adoption = Adoption {
        customer: customer.clone(),
        entity: link,
        roles: inside.role_links(),
        users,
        stamped_by: stamp.filter(|_| is_all).map(|stamp| stamp.bridge),
    };
    Ok(Linked::By(store.adopt(&adoption, now).await?))
}

/// Users of the customer that have no entity user, by their login.
async fn without_entity_user(store: &dyn Store, customer: &CustomerId) -> Result<BTreeMap<String, UserId>, LookError> {
    let mut found = BTreeMap::new();
    let mut after = None;
    loop {
        let page = store.users(customer, after.as_ref(), USERS).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = Some(last.id.clone());
        let free = page.into_iter().filter(|user| user.entity_user == Seen::Absent);
        found.extend(free.map(|user| (user.document.login, user.id)));
    }
}

/// What is in an entity.
struct Inside<'a> {
    roles: &'a [Role],
    users: &'a [EntityUser],
}

impl Inside<'_> {
    /// Names that no template can have belong to somebody else.
    fn role_links(&self) -> BTreeMap<RoleName, RoleLink> {
        let there = self.roles.iter().filter(|role| role.status != RoleStatus::Deleted);
        let link = |role: &Role| {
            let name = RoleName::parse(&role.name).ok()?;
            Some((name, RoleLink { id: role.id, confirmed: role.permissions.clone() }))
        };
        there.filter_map(link).collect()
    }

    /// The entity users that belong to a user of the customer: the stamp says whose, or a login that a user without one has.
    fn users_of(&self, stamp: Option<&Stamp>, free: &BTreeMap<String, UserId>) -> Vec<UserAdoption> {
        let stamped: BTreeMap<EntityUserId, &UserId> =
            stamp.into_iter().flat_map(|stamp| stamp.users.iter().map(|(user, id)| (*id, user))).collect();
        let in_stamp: BTreeSet<&UserId> = stamped.values().copied().collect();
        let names: BTreeMap<RoleId, &str> = self.roles.iter().map(|role| (role.id, role.name.as_str())).collect();
        let there = self.users.iter().filter(|user| user.status == EntityUserStatus::Active);
        let adoption = |user: &EntityUser| {
            let by_login = || free.get(&user.login).filter(|id| !in_stamp.contains(id));
            let id = stamped.get(&user.id).copied().or_else(by_login)?.clone();
            let confirmed = as_created(user);
            let role = RoleName::from_stored(names.get(&user.role_id).copied().unwrap_or_default());
            let NewEntityUser { login, first_name, last_name, email, phone, title, .. } = confirmed.clone();
            let document = UserDocument { login, first_name, last_name, email, phone, title, role };
            Some(UserAdoption { id, link: UserLink { id: user.id, confirmed }, document })
        };
        there.filter_map(adoption).collect()
    }
}

/// The document that would create this entity user. Monite never shows the title.
fn as_created(user: &EntityUser) -> NewEntityUser {
    NewEntityUser {
        login: user.login.clone(),
        first_name: user.first_name.clone().unwrap_or_default(),
        last_name: user.last_name.clone(),
        email: user.email.clone(),
        phone: user.phone.clone(),
        title: None,
        role_id: Some(user.role_id),
    }
}
