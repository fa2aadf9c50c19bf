//! All entities of the partner.

use futures::Stream;
use jiff::Timestamp;

use super::filter::{Query, SortBy};
use crate::client::Monite;
use crate::error::Error;
use crate::id::EntityId;
use crate::model::{Entity, EntityStatus, EntityType, NewEntity};
use crate::page::{self, Order, Page};
use crate::request::Request;

/// `monite.entities()`.
#[derive(Clone, Copy, Debug)]
pub struct Entities<'a> {
    pub(crate) monite: &'a Monite,
}

/// Which entities to list. All conditions must hold; an empty list is no condition; texts match exactly. Without a
/// status Monite lists the living ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntityFilter {
    /// Of this type.
    pub entity_type: Option<EntityType>,
    /// In this state.
    pub status: Option<EntityStatus>,
    /// With this address.
    pub email: Option<String>,
    /// With one of these addresses.
    pub email_in: Vec<String>,
    /// With none of these addresses.
    pub email_not_in: Vec<String>,
    /// One of these.
    pub id_in: Vec<EntityId>,
    /// None of these.
    pub id_not_in: Vec<EntityId>,
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

impl EntityFilter {
    fn to_query(&self) -> Vec<(&'static str, String)> {
        Query::default()
            .one("type", &self.entity_type)
            .one("status", &self.status)
            .one("email", &self.email)
            .many("email__in", &self.email_in)
            .many("email__not_in", &self.email_not_in)
            .many("id__in", &self.id_in)
            .many("id__not_in", &self.id_not_in)
            .one("created_at__gt", &self.created_at_gt)
            .one("created_at__lt", &self.created_at_lt)
            .one("created_at__gte", &self.created_at_gte)
            .one("created_at__lte", &self.created_at_lte)
            .paging(self.sort, self.order, self.limit)
            .pairs()
    }
}

impl Entities<'_> {
    /// Creates an entity. Creating twice makes two: after an error that `may_have_applied`, look before repeating.
    ///
    /// `POST /entities`. Permission: none suffices, it takes the partner token.
    ///
    /// # Errors
    /// Any [`Error`]; 422 names the wrong fields, 400 for a US address without a state.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, .. }| {
    /// let new = NewEntity {
    ///     entity_type: EntityType::Organization,
    ///     email: "ap@muster.example".into(),
    ///     address: Address {
    ///         country: "DE".into(),
    ///         city: "Berlin".into(),
    ///         line1: "Musterweg 1".into(),
    ///         line2: None,
    ///         postal_code: "10115".into(),
    ///         state: None,
    ///     },
    ///     organization: Some(Organization { legal_name: "Muster GmbH".into(), ..Default::default() }),
    ///     individual: None,
    ///     phone: None,
    ///     website: None,
    ///     tax_id: None,
    ///     registration_number: None,
    ///     registration_authority: None,
    /// };
    /// let entity = monite.entities().create(&new).await?;
    /// assert_eq!(entity.status, EntityStatus::Active);
    /// # Ok(()) }) }
    /// ```
    pub async fn create(&self, new: &NewEntity) -> Result<Entity, Error> {
        self.monite.send(Request::post("entities.create", "/entities").json(new)).await
    }

    /// One page.
    ///
    /// `GET /entities`. Permission: none suffices, it takes the partner token.
    ///
    /// # Errors
    /// Any [`Error`].
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, .. }| {
    /// let filter = EntityFilter { email: Some("ap@acme.example".into()), ..Default::default() };
    /// assert_eq!(monite.entities().list(&filter).await?.data[0].id, acme);
    /// # Ok(()) }) }
    /// ```
    pub async fn list(&self, filter: &EntityFilter) -> Result<Page<Entity>, Error> {
        self.monite.send(list(filter)).await
    }

    /// The page that a [`Page`]'s `next` or `prev` names.
    ///
    /// `GET /entities`. Permission: none suffices, it takes the partner token.
    ///
    /// # Errors
    /// Any [`Error`]; 400 when the token is not one of this list.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, .. }| {
    /// # monite.entities().create(&organization("ap@second.example")).await?;
    /// let first = monite.entities().list(&EntityFilter { limit: Some(1), ..Default::default() }).await?;
    /// let second = monite.entities().list_next(first.next.as_deref().unwrap()).await?;
    /// assert_eq!(monite.entities().list_next(second.prev.as_deref().unwrap()).await?.data, first.data);
    /// # Ok(()) }) }
    /// ```
    pub async fn list_next(&self, token: &str) -> Result<Page<Entity>, Error> {
        self.monite.send(page::on_page(list(&EntityFilter::default()), token)).await
    }

    /// Every entity that matches, page after page. Ends after the first error, which is not the end of the list.
    ///
    /// `GET /entities`. Permission: none suffices, it takes the partner token.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, .. }| {
    /// use futures::TryStreamExt;
    ///
    /// let entities: Vec<Entity> = monite.entities().stream(EntityFilter::default()).try_collect().await?;
    /// assert_eq!(entities.len(), 1);
    /// # Ok(()) }) }
    /// ```
    pub fn stream(&self, filter: EntityFilter) -> impl Stream<Item = Result<Entity, Error>> + Send + 'static + use<> {
        page::rows(self.monite.clone(), list(&filter))
    }
}

fn list(filter: &EntityFilter) -> Request {
    Request::get("entities.list", "/entities").query(filter.to_query())
}
