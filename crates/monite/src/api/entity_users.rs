//! The users of one entity.

use futures::Stream;
use jiff::Timestamp;

use super::filter::{Query, SortBy};
use crate::client::Monite;
use crate::error::Error;
use crate::id::{EntityId, EntityUserId, RoleId};
use crate::model::{EntityUser, EntityUserPatch, EntityUserStatus, NewEntityUser};
use crate::page::{self, Order, Page};
use crate::request::Request;

/// `monite.entity(id).users()`.
#[derive(Clone, Copy, Debug)]
pub struct EntityUsers<'a> {
    pub(crate) monite: &'a Monite,
    pub(crate) entity: EntityId,
}

/// Which users to list. All conditions must hold; an empty list is no condition; texts match exactly unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntityUserFilter {
    /// One of these.
    pub id_in: Vec<EntityUserId>,
    /// None of these.
    pub id_not_in: Vec<EntityUserId>,
    /// With this role.
    pub role_id: Option<RoleId>,
    /// With one of these roles.
    pub role_id_in: Vec<RoleId>,
    /// With this login.
    pub login: Option<String>,
    /// In this state.
    pub status: Option<EntityUserStatus>,
    /// With this first name.
    pub first_name: Option<String>,
    /// Whose name begins so, in any case.
    pub name_istartswith: Option<String>,
    /// Created after.
    pub created_at_gt: Option<Timestamp>,
    /// Created before.
    pub created_at_lt: Option<Timestamp>,
    /// Created at or after.
    pub created_at_gte: Option<Timestamp>,
    /// Created at or before.
    pub created_at_lte: Option<Timestamp>,
    /// Sort key; Monite knows only `updated_at` here and orders by creation without one.
    pub sort: Option<SortBy>,
    /// Sort direction.
    pub order: Option<Order>,
    /// Rows per page, 1 to 100 (Monite's default); values outside are brought inside.
    pub limit: Option<u32>,
}

impl EntityUserFilter {
    /// The user with this login, if there is one.
    pub fn with_login(login: impl Into<String>) -> Self {
        Self { login: Some(login.into()), ..Self::default() }
    }

    fn to_query(&self) -> Vec<(&'static str, String)> {
        Query::default()
            .many("id__in", &self.id_in)
            .many("id__not_in", &self.id_not_in)
            .one("role_id", &self.role_id)
            .many("role_id__in", &self.role_id_in)
            .one("login", &self.login)
            .one("status", &self.status)
            .one("first_name", &self.first_name)
            .one("name__istartswith", &self.name_istartswith)
            .one("created_at__gt", &self.created_at_gt)
            .one("created_at__lt", &self.created_at_lt)
            .one("created_at__gte", &self.created_at_gte)
            .one("created_at__lte", &self.created_at_lte)
            .paging(self.sort, self.order, self.limit)
            .pairs()
    }
}

impl EntityUsers<'_> {
    /// Creates a user. After an error that `may_have_applied` or `is_conflict`, look by login before repeating.
    ///
    /// # Errors
    /// Any [`Error`]; `is_conflict` when the login is taken.
    pub async fn create(&self, new: &NewEntityUser) -> Result<EntityUser, Error> {
        self.monite
            .send(Request::post("entity_users.create", "/entity_users").on_behalf_of(self.entity).json(new))
            .await
    }

    /// One page.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn list(&self, filter: &EntityUserFilter) -> Result<Page<EntityUser>, Error> {
        self.monite.send(self.request(filter)).await
    }

    /// The page that a [`Page`]'s `next` or `prev` names.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn list_next(&self, token: &str) -> Result<Page<EntityUser>, Error> {
        self.monite.send(page::on_page(self.request(&EntityUserFilter::default()), token)).await
    }

    /// Every user that matches. Ends after the first error, which is not the end of the list.
    pub fn stream(
        &self, filter: EntityUserFilter,
    ) -> impl Stream<Item = Result<EntityUser, Error>> + Send + 'static + use<> {
        page::rows(self.monite.clone(), self.request(&filter))
    }

    /// Reads one.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is none.
    pub async fn get(&self, id: EntityUserId) -> Result<EntityUser, Error> {
        self.monite.send(Request::get("entity_users.get", path(id)).on_behalf_of(self.entity)).await
    }

    /// Changes what `patch` sets.
    ///
    /// # Errors
    /// Any [`Error`]; `is_conflict` when the login is taken.
    pub async fn update(&self, id: EntityUserId, patch: &EntityUserPatch) -> Result<EntityUser, Error> {
        self.monite.send(Request::patch("entity_users.update", path(id)).on_behalf_of(self.entity).json(patch)).await
    }

    /// Removes the user; the login is free again.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is none, which the caller may take for done.
    pub async fn delete(&self, id: EntityUserId) -> Result<(), Error> {
        let request = Request::delete("entity_users.delete", path(id)).on_behalf_of(self.entity);
        self.monite.send_for_nothing(request).await
    }

    fn request(&self, filter: &EntityUserFilter) -> Request {
        Request::get("entity_users.list", "/entity_users").on_behalf_of(self.entity).query(filter.to_query())
    }
}

fn path(id: EntityUserId) -> String {
    format!("/entity_users/{id}")
}
