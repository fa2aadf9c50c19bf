//! What happened, for those who missed the webhooks.

use futures::Stream;
use jiff::Timestamp;

use super::filter::{Query, SortBy};
use crate::client::Monite;
use crate::error::Error;
use crate::id::{EntityId, EventId};
use crate::model::{Event, WebhookObjectType};
use crate::page::{self, Order, Page};
use crate::request::Request;

/// `monite.entity(id).events()`. Monite records an event only where an enabled subscription wants it, and keeps it
/// for three months.
#[derive(Clone, Copy, Debug)]
pub struct Events<'a> {
    pub(crate) monite: &'a Monite,
    pub(crate) entity: EntityId,
}

/// `monite.event(id)`.
#[derive(Clone, Copy, Debug)]
pub struct EventHandle<'a> {
    pub(crate) monite: &'a Monite,
    pub(crate) id: EventId,
}

/// Which events to list. All conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// About this.
    pub object_type: Option<WebhookObjectType>,
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

impl EventFilter {
    /// What happened at `time` or later: what to ask for after a downtime.
    pub fn since(time: Timestamp) -> Self {
        Self { created_at_gte: Some(time), ..Self::default() }
    }

    fn to_query(&self) -> Vec<(&'static str, String)> {
        Query::default()
            .one("object_type", &self.object_type)
            .one("created_at__gt", &self.created_at_gt)
            .one("created_at__lt", &self.created_at_lt)
            .one("created_at__gte", &self.created_at_gte)
            .one("created_at__lte", &self.created_at_lte)
            .paging(self.sort, self.order, self.limit)
            .pairs()
    }
}

impl Events<'_> {
    /// One page of events.
    ///
    /// `GET /events`. Permission: none suffices, it takes the partner token.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is no such entity.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, .. }| {
    /// # let new = NewWebhookSubscription::to_all(WebhookObjectType::Entity, "http://127.0.0.1:9/nobody");
    /// # monite.webhook_subscriptions().create(&new).await?;
    /// # monite.entity(acme).deactivate().await?;
    /// # monite.entity(acme).activate().await?;
    /// let today = EventFilter::since("2026-11-24T00:00:00Z".parse()?);
    /// # let today = EventFilter::default();
    /// let events = monite.entity(acme).events().list(&today).await?.data;
    /// assert_eq!(events[0].subject(), Subject::Entity(acme));
    /// # Ok(()) }) }
    /// ```
    pub async fn list(&self, filter: &EventFilter) -> Result<Page<Event>, Error> {
        self.monite.send(self.request(filter)).await
    }

    /// The page that a [`Page`]'s `next` or `prev` names.
    ///
    /// `GET /events`. Permission: none suffices, it takes the partner token.
    ///
    /// # Errors
    /// Any [`Error`]; 400 when the token is not one of this list.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, .. }| {
    /// # let new = NewWebhookSubscription::to_all(WebhookObjectType::Entity, "http://127.0.0.1:9/nobody");
    /// # monite.webhook_subscriptions().create(&new).await?;
    /// # monite.entity(acme).deactivate().await?;
    /// # monite.entity(acme).activate().await?;
    /// let events = monite.entity(acme).events();
    /// let first = events.list(&EventFilter { limit: Some(1), ..Default::default() }).await?;
    /// let second = events.list_next(first.next.as_deref().unwrap()).await?;
    /// assert_ne!(second.data[0].id, first.data[0].id);
    /// # Ok(()) }) }
    /// ```
    pub async fn list_next(&self, token: &str) -> Result<Page<Event>, Error> {
        self.monite.send(page::on_page(self.request(&EventFilter::default()), token)).await
    }

    /// Every event that matches. Ends after the first error, which is not the end of the list.
    ///
    /// `GET /events`, a page at a time. Permission: none suffices, it takes the partner token.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, .. }| {
    /// # let new = NewWebhookSubscription::to_all(WebhookObjectType::Entity, "http://127.0.0.1:9/nobody");
    /// # monite.webhook_subscriptions().create(&new).await?;
    /// # monite.entity(acme).deactivate().await?;
    /// # monite.entity(acme).activate().await?;
    /// use futures::TryStreamExt;
    ///
    /// let events: Vec<Event> = monite.entity(acme).events().stream(EventFilter::default()).try_collect().await?;
    /// assert!(events.iter().all(|event| event.action == EventAction::Updated));
    /// # Ok(()) }) }
    /// ```
    pub fn stream(&self, filter: EventFilter) -> impl Stream<Item = Result<Event, Error>> + Send + 'static + use<> {
        page::rows(self.monite.clone(), self.request(&filter))
    }

    fn request(&self, filter: &EventFilter) -> Request {
        Request::get("events.list", "/events").on_behalf_of(self.entity).query(filter.to_query())
    }
}

impl EventHandle<'_> {
    /// Whose handle this is.
    pub fn id(&self) -> EventId {
        self.id
    }

    /// Reads it.
    ///
    /// `GET /events/{id}`. Permission: none suffices, it takes the partner token.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is none, or none any more.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, .. }| {
    /// # let new = NewWebhookSubscription::to_all(WebhookObjectType::Entity, "http://127.0.0.1:9/nobody");
    /// # monite.webhook_subscriptions().create(&new).await?;
    /// # monite.entity(acme).deactivate().await?;
    /// # monite.entity(acme).activate().await?;
    /// # let id = monite.entity(acme).events().list(&EventFilter::default()).await?.data[0].id;
    /// let event = monite.event(id).get().await?;
    /// assert_eq!((event.object_type, event.action), (WebhookObjectType::Entity, EventAction::Updated));
    /// # Ok(()) }) }
    /// ```
    pub async fn get(&self) -> Result<Event, Error> {
        self.monite.send(Request::get("events.get", format!("/events/{}", self.id))).await
    }
}
