//! What became of reporting the events of one entity.

use futures::Stream;
use jiff::Timestamp;

use super::filter::{Query, SortBy};
use crate::client::Monite;
use crate::error::Error;
use crate::id::{EntityId, EventId};
use crate::model::{WebhookDelivery, WebhookObjectType};
use crate::page::{self, Order, Page};
use crate::request::Request;

/// `monite.entity(id).webhook_deliveries()`.
#[derive(Clone, Copy, Debug)]
pub struct WebhookDeliveries<'a> {
    pub(crate) monite: &'a Monite,
    pub(crate) entity: EntityId,
}

/// Which deliveries to list. All conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookDeliveryFilter {
    /// Of this event.
    pub event_id: Option<EventId>,
    /// About this.
    pub object_type: Option<WebhookObjectType>,
    /// With this action, spelled as the event spells it.
    pub event_action: Option<String>,
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

impl WebhookDeliveryFilter {
    /// Those of one event: one for each subscription.
    pub fn of_event(event: EventId) -> Self {
        Self { event_id: Some(event), ..Self::default() }
    }

    fn to_query(&self) -> Vec<(&'static str, String)> {
        Query::default()
            .one("event_id", &self.event_id)
            .one("object_type", &self.object_type)
            .one("event_action", &self.event_action)
            .one("created_at__gt", &self.created_at_gt)
            .one("created_at__lt", &self.created_at_lt)
            .one("created_at__gte", &self.created_at_gte)
            .one("created_at__lte", &self.created_at_lte)
            .paging(self.sort, self.order, self.limit)
            .pairs()
    }
}

impl WebhookDeliveries<'_> {
    /// One page of deliveries; Monite keeps them for three months.
    ///
    /// `GET /webhook_deliveries`. Permission: none suffices, it takes the partner token.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is no such entity.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { sandbox, monite, acme, .. }| {
    /// # let new = NewWebhookSubscription::to_all(WebhookObjectType::Entity, "http://127.0.0.1:9/nobody");
    /// # monite.webhook_subscriptions().create(&new).await?;
    /// # monite.entity(acme).deactivate().await?;
    /// # monite.entity(acme).activate().await?;
    /// # sandbox.deliver_webhooks().await?;
    /// # let event = monite.entity(acme).events().list(&EventFilter::default()).await?.data[0].id;
    /// let deliveries = monite.webhook_deliveries(acme).list(&WebhookDeliveryFilter::of_event(event)).await?.data;
    /// assert_eq!(deliveries[0].was_successful, None, "Monite is still trying");
    /// # Ok(()) }) }
    /// ```
    pub async fn list(&self, filter: &WebhookDeliveryFilter) -> Result<Page<WebhookDelivery>, Error> {
        self.monite.send(self.request(filter)).await
    }

    /// The page that a [`Page`]'s `next` or `prev` names.
    ///
    /// `GET /webhook_deliveries`. Permission: none suffices, it takes the partner token.
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
    /// let deliveries = monite.entity(acme).webhook_deliveries();
    /// let first = deliveries.list(&WebhookDeliveryFilter { limit: Some(1), ..Default::default() }).await?;
    /// let second = deliveries.list_next(first.next.as_deref().unwrap()).await?;
    /// assert_ne!(second.data[0].event_id, first.data[0].event_id);
    /// # Ok(()) }) }
    /// ```
    pub async fn list_next(&self, token: &str) -> Result<Page<WebhookDelivery>, Error> {
        self.monite.send(page::on_page(self.request(&WebhookDeliveryFilter::default()), token)).await
    }

    /// Every delivery that matches. Ends after the first error, which is not the end of the list.
    ///
    /// `GET /webhook_deliveries`, a page at a time. Permission: none suffices, it takes the partner token.
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
    /// let all = monite.entity(acme).webhook_deliveries().stream(WebhookDeliveryFilter::default());
    /// let all: Vec<WebhookDelivery> = all.try_collect().await?;
    /// assert!(all.iter().all(|delivery| delivery.url.ends_with("/nobody")));
    /// # Ok(()) }) }
    /// ```
    pub fn stream(
        &self, filter: WebhookDeliveryFilter,
    ) -> impl Stream<Item = Result<WebhookDelivery, Error>> + Send + 'static + use<> {
        page::rows(self.monite.clone(), self.request(&filter))
    }

    fn request(&self, filter: &WebhookDeliveryFilter) -> Request {
        Request::get("webhook_deliveries.list", "/webhook_deliveries")
            .on_behalf_of(self.entity)
            .query(filter.to_query())
    }
}
