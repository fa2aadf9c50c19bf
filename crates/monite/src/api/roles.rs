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
    /// `POST /roles`. Permission: `role.create`.
    ///
    /// # Errors
    /// Any [`Error`]; `is_conflict` when the name is taken, 422 names the wrong fields (a name that is not ASCII),
    /// `is_not_found` when there is no such entity, [`Error::Invalid`] when the permissions pair an object with an
    /// action it does not know.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, .. }| {
    /// let permissions = Permissions::new()
    ///     .grant(object::Payable, action::Pay)
    ///     .grant_own(object::Comment, action::Update);
    /// let role = monite.entity(acme).roles().create(&NewRole { name: "payer".into(), permissions }).await?;
    /// assert_eq!(role.status, RoleStatus::Active);
    /// # Ok(()) }) }
    /// ```
    pub async fn create(&self, new: &NewRole) -> Result<Role, Error> {
        possible(Some(&new.permissions))?;
        self.monite.send(Request::post("roles.create", "/roles").on_behalf_of(self.entity).json(new)).await
    }

    /// One page. A fresh entity may already hold roles: Monite can be set to give each a default one.
    ///
    /// `GET /roles`. Permission: `role.read`.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is no such entity.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, .. }| {
    /// let page = monite.entity(acme).roles().list(&RoleFilter::named("approver")).await?;
    /// assert_eq!(page.data.len(), 1);
    /// # Ok(()) }) }
    /// ```
    pub async fn list(&self, filter: &RoleFilter) -> Result<Page<Role>, Error> {
        self.monite.send(self.request(filter)).await
    }

    /// The page that a [`Page`]'s `next` or `prev` names.
    ///
    /// `GET /roles`. Permission: `role.read`.
    ///
    /// # Errors
    /// Any [`Error`]; 400 when the token is not one of this list.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, .. }| {
    /// let roles = monite.entity(acme).roles();
    /// # roles.create(&NewRole { name: "second".into(), permissions: Permissions::new() }).await?;
    /// let first = roles.list(&RoleFilter { limit: Some(1), ..Default::default() }).await?;
    /// let second = roles.list_next(first.next.as_deref().unwrap()).await?;
    /// assert!(second.next.is_none() && second.data[0].id != first.data[0].id);
    /// # Ok(()) }) }
    /// ```
    pub async fn list_next(&self, token: &str) -> Result<Page<Role>, Error> {
        self.monite.send(page::on_page(self.request(&RoleFilter::default()), token)).await
    }

    /// Every role that matches. Ends after the first error, which is not the end of the list.
    ///
    /// `GET /roles`. Permission: `role.read`. A page at a time.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, .. }| {
    /// use futures::TryStreamExt;
    ///
    /// let roles: Vec<Role> = monite.entity(acme).roles().stream(RoleFilter::default()).try_collect().await?;
    /// assert_eq!(roles[0].name, "approver");
    /// # Ok(()) }) }
    /// ```
    pub fn stream(&self, filter: RoleFilter) -> impl Stream<Item = Result<Role, Error>> + Send + 'static + use<> {
        page::rows(self.monite.clone(), self.request(&filter))
    }

    /// Reads one.
    ///
    /// `GET /roles/{id}`. Permission: `role.read`.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is none in this entity.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, approver, .. }| {
    /// let role = monite.entity(acme).roles().get(approver).await?;
    /// assert_eq!(role.permissions.get(ObjectType::Payable, Action::Approve), Permission::Allowed);
    /// # Ok(()) }) }
    /// ```
    pub async fn get(&self, id: RoleId) -> Result<Role, Error> {
        self.monite.send(Request::get("roles.get", path(id)).on_behalf_of(self.entity)).await
    }

    /// Changes name or permissions; permissions are replaced as a whole and act at once, also on tokens already issued.
    ///
    /// `PATCH /roles/{id}`. Permission: `role.update`.
    ///
    /// # Errors
    /// Any [`Error`]; `is_conflict` when the name is taken, `is_not_found` when there is no such role in this entity,
    /// 422 names the wrong fields, [`Error::Invalid`] when the permissions pair an object with an action it does not
    /// know.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, approver, .. }| {
    /// let patch = RolePatch { name: "head of approval".to_owned().into(), ..Default::default() };
    /// let role = monite.entity(acme).roles().update(approver, &patch).await?;
    /// assert_eq!(role.name, "head of approval");
    /// # Ok(()) }) }
    /// ```
    pub async fn update(&self, id: RoleId, patch: &RolePatch) -> Result<Role, Error> {
        possible(patch.permissions.as_set())?;
        self.monite.send(Request::patch("roles.update", path(id)).on_behalf_of(self.entity).json(patch)).await
    }

    /// Removes it.
    ///
    /// `DELETE /roles/{id}`. Permission: `role.delete`.
    ///
    /// # Errors
    /// Any [`Error`]; `is_conflict` while a user has it, `is_not_found` when there is none, which the caller may take
    /// for done.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, approver, ana, .. }| {
    /// let acme = monite.entity(acme);
    /// assert!(acme.roles().delete(approver).await.is_err_and(|error| error.is_conflict()));
    /// acme.users().delete(ana).await?;
    /// acme.roles().delete(approver).await?;
    /// # Ok(()) }) }
    /// ```
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
