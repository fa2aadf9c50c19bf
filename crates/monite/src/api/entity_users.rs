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

/// Which users to list. All conditions must hold; an empty list is no condition; texts match exactly unless said
/// otherwise.
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
    /// `POST /entity_users`. Permission: `entity_user.create`.
    ///
    /// # Errors
    /// Any [`Error`]; `is_conflict` when the login is taken, `is_not_found` when there is no such entity or role, 422
    /// names the wrong fields, 400 when `role_id` is left out and the entity has no default role.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, approver, .. }| {
    /// let bob = NewEntityUser {
    ///     login: "bob".into(),
    ///     first_name: "Bob".into(),
    ///     role_id: Some(approver),
    ///     ..Default::default()
    /// };
    /// let bob = monite.entity(acme).users().create(&bob).await?;
    /// assert_eq!(bob.role_id, approver);
    /// # Ok(()) }) }
    /// ```
    pub async fn create(&self, new: &NewEntityUser) -> Result<EntityUser, Error> {
        self.monite
            .send(Request::post("entity_users.create", "/entity_users").on_behalf_of(self.entity).json(new))
            .await
    }

    /// One page.
    ///
    /// `GET /entity_users`. Permission: `entity_user.read`.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is no such entity, 422 for a sort key other than `updated_at`.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, ana, .. }| {
    /// let page = monite.entity(acme).users().list(&EntityUserFilter::with_login("ana")).await?;
    /// assert_eq!(page.data[0].id, ana);
    /// # Ok(()) }) }
    /// ```
    pub async fn list(&self, filter: &EntityUserFilter) -> Result<Page<EntityUser>, Error> {
        self.monite.send(self.request(filter)).await
    }

    /// The page that a [`Page`]'s `next` or `prev` names.
    ///
    /// `GET /entity_users`. Permission: `entity_user.read`.
    ///
    /// # Errors
    /// Any [`Error`]; 400 when the token is not one of this list.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, approver, .. }| {
    /// let users = monite.entity(acme).users();
    /// # let bob = NewEntityUser { login: "bob".into(), role_id: Some(approver), ..Default::default() };
    /// # users.create(&bob).await?;
    /// let first = users.list(&EntityUserFilter { limit: Some(1), ..Default::default() }).await?;
    /// let second = users.list_next(first.next.as_deref().unwrap()).await?;
    /// assert_eq!(second.data[0].login, "bob");
    /// # Ok(()) }) }
    /// ```
    pub async fn list_next(&self, token: &str) -> Result<Page<EntityUser>, Error> {
        self.monite.send(page::on_page(self.request(&EntityUserFilter::default()), token)).await
    }

    /// Every user that matches. Ends after the first error, which is not the end of the list.
    ///
    /// `GET /entity_users`. Permission: `entity_user.read`. A page at a time.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, approver, .. }| {
    /// use futures::TryStreamExt;
    ///
    /// let filter = EntityUserFilter { role_id: Some(approver), ..Default::default() };
    /// let holders: Vec<EntityUser> = monite.entity(acme).users().stream(filter).try_collect().await?;
    /// assert_eq!(holders.len(), 1);
    /// # Ok(()) }) }
    /// ```
    pub fn stream(
        &self, filter: EntityUserFilter,
    ) -> impl Stream<Item = Result<EntityUser, Error>> + Send + 'static + use<> {
        page::rows(self.monite.clone(), self.request(&filter))
    }

    /// Reads one.
    ///
    /// `GET /entity_users/{id}`. Permission: `entity_user.read`.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is none in this entity.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, ana, .. }| {
    /// assert_eq!(monite.entity(acme).users().get(ana).await?.login, "ana");
    /// # Ok(()) }) }
    /// ```
    pub async fn get(&self, id: EntityUserId) -> Result<EntityUser, Error> {
        self.monite.send(Request::get("entity_users.get", path(id)).on_behalf_of(self.entity)).await
    }

    /// Changes what `patch` sets. Another role acts at once, also on tokens already issued.
    ///
    /// `PATCH /entity_users/{id}`. Permission: `entity_user.update`.
    ///
    /// # Errors
    /// Any [`Error`]; `is_conflict` when the login is taken, `is_not_found` when there is no such user or role, 422
    /// names the wrong fields.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, ana, .. }| {
    /// let patch = EntityUserPatch { email: Field::Set("ana@acme.example".into()), ..Default::default() };
    /// let user = monite.entity(acme).users().update(ana, &patch).await?;
    /// assert_eq!(user.email.as_deref(), Some("ana@acme.example"));
    /// # Ok(()) }) }
    /// ```
    pub async fn update(&self, id: EntityUserId, patch: &EntityUserPatch) -> Result<EntityUser, Error> {
        self.monite.send(Request::patch("entity_users.update", path(id)).on_behalf_of(self.entity).json(patch)).await
    }

    /// Removes the user; the login is free again.
    ///
    /// `DELETE /entity_users/{id}`. Permission: `entity_user.delete`.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is none, which the caller may take for done.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, ana, .. }| {
    /// let users = monite.entity(acme).users();
    /// users.delete(ana).await?;
    /// assert!(users.get(ana).await.is_err_and(|error| error.is_not_found()));
    /// # Ok(()) }) }
    /// ```
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
