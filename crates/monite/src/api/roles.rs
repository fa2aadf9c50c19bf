//! The roles of one entity.

use futures::Stream;
use jiff::Timestamp;

use super::filter::{Query, SortBy};
use crate::client::Monite;
use crate::error::Error;
use crate::id::{EntityId, RoleId};
use crate::model::{NewRole, Permissions, Role, RolePatch};
use crate::page::{self, Order, Page};
use crate::request::Request;

/// `monite.entity(id).roles()`.
#[derive(Clone, Copy, Debug)]
pub struct Roles<'a> {
    pub(crate) monite: &'a Monite,
    pub(crate) entity: EntityId,
}

/// Which roles to list. All conditions must hold; an empty list is no condition; texts match exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleFilter {
    /// One of these.
    pub id_in: Vec<RoleId>,
    /// With this name.
    pub name: Option<String>,
    /// Created exactly then.
    pub created_at: Option<Timestamp>,
    /// Created after.
    pub created_at_gt: Option<Timestamp>,
    /// Created before.
    pub created_at_lt: Option<Timestamp>,
    /// Created at or after.
    pub created_at_gte: Option<Timestamp>,
    /// Created at or before.
    pub created_at_lte: Option<Timestamp>,
    /// Sort key.
    pub sort: Option<SortBy>,
    /// Sort direction.
    pub order: Option<Order>,
    /// Rows per page, 1 to 100 (Monite's default); values outside are brought inside.
    pub limit: Option<u32>,
}

impl RoleFilter {
    /// The role with this name, if there is one.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..Self::default() }
    }

    fn to_query(&self) -> Vec<(&'static str, String)> {
        Query::default()
            .many("id__in", &self.id_in)
            .one("name", &self.name)
            .one("created_at", &self.created_at)
            .one("created_at__gt", &self.created_at_gt)
            .one("created_at__lt", &self.created_at_lt)
            .one("created_at__gte", &self.created_at_gte)
            .one("created_at__lte", &self.created_at_lte)
            .paging(self.sort, self.order, self.limit)
            .pairs()
    }
}

impl Roles<'_> {
    /// Creates a role. After an error that `may_have_applied` or `is_conflict`, look by name before repeating.
    ///
    /// # Errors
    /// Any [`Error`]; `is_conflict` when the name is taken.
    pub async fn create(&self, new: &NewRole) -> Result<Role, Error> {
        possible(Some(&new.permissions))?;
        self.monite.send(Request::post("roles.create", "/roles").on_behalf_of(self.entity).json(new)).await
    }

    /// One page. A fresh entity may already hold roles: Monite can be set to give each a default one.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn list(&self, filter: &RoleFilter) -> Result<Page<Role>, Error> {
        self.monite.send(self.request(filter)).await
    }

    /// The page that a [`Page`]'s `next` or `prev` names.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn list_next(&self, token: &str) -> Result<Page<Role>, Error> {
        self.monite.send(page::on_page(self.request(&RoleFilter::default()), token)).await
    }

    /// Every role that matches. Ends after the first error, which is not the end of the list.
    pub fn stream(&self, filter: RoleFilter) -> impl Stream<Item = Result<Role, Error>> + Send + 'static + use<> {
        page::rows(self.monite.clone(), self.request(&filter))
    }

    /// Reads one.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is none.
    pub async fn get(&self, id: RoleId) -> Result<Role, Error> {
        self.monite.send(Request::get("roles.get", path(id)).on_behalf_of(self.entity)).await
    }

    /// Changes name or permissions; permissions are replaced as a whole and act at once.
    ///
    /// # Errors
    /// Any [`Error`]; `is_conflict` when the name is taken.
    pub async fn update(&self, id: RoleId, patch: &RolePatch) -> Result<Role, Error> {
        possible(patch.permissions.as_set())?;
        self.monite.send(Request::patch("roles.update", path(id)).on_behalf_of(self.entity).json(patch)).await
    }

    /// Removes it.
    ///
    /// # Errors
    /// Any [`Error`]; `is_conflict` while a user has it.
    pub async fn delete(&self, id: RoleId) -> Result<(), Error> {
        self.monite.send_for_nothing(Request::delete("roles.delete", path(id)).on_behalf_of(self.entity)).await
    }

    fn request(&self, filter: &RoleFilter) -> Request {
        Request::get("roles.list", "/roles").on_behalf_of(self.entity).query(filter.to_query())
    }
}

/// What Monite would answer with 422 is not sent.
fn possible(permissions: Option<&Permissions>) -> Result<(), Error> {
    let verdict = permissions.map_or(Ok(()), Permissions::check);
    verdict.map_err(|impossible| Error::invalid(impossible.to_string()))
}

fn path(id: RoleId) -> String {
    format!("/roles/{id}")
}
