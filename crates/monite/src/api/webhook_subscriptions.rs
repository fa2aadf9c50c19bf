//! Where Monite reports events to.

use futures::Stream;
use jiff::Timestamp;

use super::filter::{Query, SortBy};
use crate::client::Monite;
use crate::error::Error;
use crate::id::WebhookSubscriptionId;
use crate::model::{
    NewWebhookSubscription, WebhookObjectType, WebhookSubscription, WebhookSubscriptionPatch,
    WebhookSubscriptionWithSecret,
};
use crate::page::{self, Order, Page};
use crate::request::Request;

/// `monite.webhook_subscriptions()`.
#[derive(Clone, Copy, Debug)]
pub struct WebhookSubscriptions<'a> {
    pub(crate) monite: &'a Monite,
}

/// Which subscriptions to list. All conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookSubscriptionFilter {
    /// Reporting this.
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

impl WebhookSubscriptionFilter {
    /// Those that report `object_type`.
    pub fn about(object_type: WebhookObjectType) -> Self {
        Self { object_type: Some(object_type), ..Self::default() }
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

impl WebhookSubscriptions<'_> {
    /// Subscribes. The secret in the answer is shown this once. Subscribing twice reports everything twice: after an
    /// error that `may_have_applied`, list by object type and compare addresses before repeating; a subscription whose
    /// secret was lost that way gets another one from [`WebhookSubscriptions::regenerate_secret`].
    ///
    /// `POST /webhook_subscriptions`. Permission: none suffices, it takes the partner token.
    ///
    /// # Errors
    /// Any [`Error`]; 422 names the wrong fields, such as an address that is not HTTPS.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, .. }| {
    /// let new = NewWebhookSubscription::to_all(WebhookObjectType::EntityUser, "https://muster.example/hooks");
    /// let made = monite.webhook_subscriptions().create(&new).await?;
    /// assert!(made.secret.expose_secret().starts_with("whsec_"));
    /// # Ok(()) }) }
    /// ```
    pub async fn create(&self, new: &NewWebhookSubscription) -> Result<WebhookSubscriptionWithSecret, Error> {
        let request = Request::post("webhook_subscriptions.create", "/webhook_subscriptions").json(new);
        self.monite.send_for_secret(request).await
    }

    /// One page of subscriptions, disabled ones too.
    ///
    /// `GET /webhook_subscriptions`. Permission: none suffices, it takes the partner token.
    ///
    /// # Errors
    /// Any [`Error`].
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, .. }| {
    /// # let new = NewWebhookSubscription::to_all(WebhookObjectType::Role, "https://muster.example/hooks");
    /// # let id = monite.webhook_subscriptions().create(&new).await?.subscription.id;
    /// let about_roles = WebhookSubscriptionFilter::about(WebhookObjectType::Role);
    /// let page = monite.webhook_subscriptions().list(&about_roles).await?;
    /// assert_eq!(page.data[0].url, "https://muster.example/hooks");
    /// # Ok(()) }) }
    /// ```
    pub async fn list(&self, filter: &WebhookSubscriptionFilter) -> Result<Page<WebhookSubscription>, Error> {
        self.monite.send(list(filter)).await
    }

    /// The page that a [`Page`]'s `next` or `prev` names.
    ///
    /// `GET /webhook_subscriptions`. Permission: none suffices, it takes the partner token.
    ///
    /// # Errors
    /// Any [`Error`]; 400 when the token is not one of this list.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, .. }| {
    /// # let new = NewWebhookSubscription::to_all(WebhookObjectType::Role, "https://muster.example/hooks");
    /// # let id = monite.webhook_subscriptions().create(&new).await?.subscription.id;
    /// # monite.webhook_subscriptions().create(&new).await?;
    /// let hooks = monite.webhook_subscriptions();
    /// let first = hooks.list(&WebhookSubscriptionFilter { limit: Some(1), ..Default::default() }).await?;
    /// let second = hooks.list_next(first.next.as_deref().unwrap()).await?;
    /// assert_eq!((first.data[0].id, second.data.len()), (id, 1));
    /// # Ok(()) }) }
    /// ```
    pub async fn list_next(&self, token: &str) -> Result<Page<WebhookSubscription>, Error> {
        self.monite.send(page::on_page(list(&WebhookSubscriptionFilter::default()), token)).await
    }

    /// Every subscription that matches, disabled ones too. Ends after the first error, which is not the end of the
    /// list.
    ///
    /// `GET /webhook_subscriptions`, a page at a time. Permission: none suffices, it takes the partner token.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, .. }| {
    /// # let new = NewWebhookSubscription::to_all(WebhookObjectType::Role, "https://muster.example/hooks");
    /// # let id = monite.webhook_subscriptions().create(&new).await?.subscription.id;
    /// use futures::TryStreamExt;
    ///
    /// let all = monite.webhook_subscriptions().stream(WebhookSubscriptionFilter::default());
    /// let all: Vec<WebhookSubscription> = all.try_collect().await?;
    /// assert_eq!(all[0].status, WebhookSubscriptionStatus::Enabled);
    /// # Ok(()) }) }
    /// ```
    pub fn stream(
        &self, filter: WebhookSubscriptionFilter,
    ) -> impl Stream<Item = Result<WebhookSubscription, Error>> + Send + 'static + use<> {
        page::rows(self.monite.clone(), list(&filter))
    }

    /// Reads one, without its secret.
    ///
    /// `GET /webhook_subscriptions/{id}`. Permission: none suffices, it takes the partner token.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is none.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, .. }| {
    /// # let new = NewWebhookSubscription::to_all(WebhookObjectType::Role, "https://muster.example/hooks");
    /// # let id = monite.webhook_subscriptions().create(&new).await?.subscription.id;
    ///
    /// let subscription = monite.webhook_subscriptions().get(id).await?;
    /// assert!(subscription.event_types.is_empty(), "all events");
    /// # Ok(()) }) }
    /// ```
    pub async fn get(&self, id: WebhookSubscriptionId) -> Result<WebhookSubscription, Error> {
        self.monite.send(Request::get("webhook_subscriptions.get", path(id, ""))).await
    }

    /// Changes what `patch` sets. The secret stays.
    ///
    /// `PATCH /webhook_subscriptions/{id}`. Permission: none suffices, it takes the partner token.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is none, 422 names the wrong fields.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, .. }| {
    /// # let new = NewWebhookSubscription::to_all(WebhookObjectType::Role, "https://muster.example/hooks");
    /// # let id = monite.webhook_subscriptions().create(&new).await?.subscription.id;
    ///
    /// let patch = WebhookSubscriptionPatch { event_types: vec![EventAction::Deleted].into(), ..Default::default() };
    /// let subscription = monite.webhook_subscriptions().update(id, &patch).await?;
    /// assert_eq!(subscription.event_types, [EventAction::Deleted]);
    /// # Ok(()) }) }
    /// ```
    pub async fn update(
        &self, id: WebhookSubscriptionId, patch: &WebhookSubscriptionPatch,
    ) -> Result<WebhookSubscription, Error> {
        self.monite.send(Request::patch("webhook_subscriptions.update", path(id, "")).json(patch)).await
    }

    /// Ends it. What is under way to it may still arrive.
    ///
    /// `DELETE /webhook_subscriptions/{id}`. Permission: none suffices, it takes the partner token.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is none, which the caller may take for done.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, .. }| {
    /// # let new = NewWebhookSubscription::to_all(WebhookObjectType::Role, "https://muster.example/hooks");
    /// # let id = monite.webhook_subscriptions().create(&new).await?.subscription.id;
    ///
    /// monite.webhook_subscriptions().delete(id).await?;
    /// assert!(monite.webhook_subscriptions().get(id).await.is_err_and(|error| error.is_not_found()));
    /// # Ok(()) }) }
    /// ```
    pub async fn delete(&self, id: WebhookSubscriptionId) -> Result<(), Error> {
        self.monite.send_for_nothing(Request::delete("webhook_subscriptions.delete", path(id, ""))).await
    }

    /// Lets it report again. Harmless when it does.
    ///
    /// `POST /webhook_subscriptions/{id}/enable`. Permission: none suffices, it takes the partner token.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is none.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, .. }| {
    /// # let new = NewWebhookSubscription::to_all(WebhookObjectType::Role, "https://muster.example/hooks");
    /// # let id = monite.webhook_subscriptions().create(&new).await?.subscription.id;
    ///
    /// let subscription = monite.webhook_subscriptions().enable(id).await?;
    /// assert_eq!(subscription.status, WebhookSubscriptionStatus::Enabled);
    /// # Ok(()) }) }
    /// ```
    pub async fn enable(&self, id: WebhookSubscriptionId) -> Result<WebhookSubscription, Error> {
        self.monite.send(Request::post("webhook_subscriptions.enable", path(id, "/enable")).repeatable()).await
    }

    /// Stops it from reporting. Events of that time are not reported later, and where no subscription is enabled
    /// Monite does not even record them.
    ///
    /// `POST /webhook_subscriptions/{id}/disable`. Permission: none suffices, it takes the partner token.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is none.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, .. }| {
    /// # let new = NewWebhookSubscription::to_all(WebhookObjectType::Role, "https://muster.example/hooks");
    /// # let id = monite.webhook_subscriptions().create(&new).await?.subscription.id;
    ///
    /// let subscription = monite.webhook_subscriptions().disable(id).await?;
    /// assert_eq!(subscription.status, WebhookSubscriptionStatus::Disabled);
    /// # Ok(()) }) }
    /// ```
    pub async fn disable(&self, id: WebhookSubscriptionId) -> Result<WebhookSubscription, Error> {
        self.monite.send(Request::post("webhook_subscriptions.disable", path(id, "/disable")).repeatable()).await
    }

    /// Replaces the secret. The old one signs nothing any more, from now on; deliveries already under way carry its
    /// signatures, so let the receiver accept both for a while.
    ///
    /// `POST /webhook_subscriptions/{id}/regenerate_secret`. Permission: none suffices, it takes the partner token.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is none. After one that `may_have_applied` the old secret may be dead
    /// and the new one is lost: call this again.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, .. }| {
    /// # let new = NewWebhookSubscription::to_all(WebhookObjectType::Role, "https://muster.example/hooks");
    /// let made = monite.webhook_subscriptions().create(&new).await?;
    /// let again = monite.webhook_subscriptions().regenerate_secret(made.subscription.id).await?;
    /// assert_ne!(again.secret.expose_secret(), made.secret.expose_secret());
    /// # Ok(()) }) }
    /// ```
    pub async fn regenerate_secret(&self, id: WebhookSubscriptionId) -> Result<WebhookSubscriptionWithSecret, Error> {
        let request = Request::post("webhook_subscriptions.regenerate_secret", path(id, "/regenerate_secret"));
        self.monite.send_for_secret(request).await
    }
}

fn list(filter: &WebhookSubscriptionFilter) -> Request {
    Request::get("webhook_subscriptions.list", "/webhook_subscriptions").query(filter.to_query())
}

fn path(id: WebhookSubscriptionId, below: &str) -> String {
    format!("/webhook_subscriptions/{id}{below}")
}
